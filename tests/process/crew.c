/* SPDX-License-Identifier: MIT */
/* crew.c - see crew.h */
#include "process/crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>
#include <pirn/timer.h>

#include "process/crew_left.h"

enum {
    SLOTS = 4096,
    SEGMENTS = 48,
    SEGMENT_BYTES = 1024 * 1024,
    BODY_MAX = 112 * 1024,
    WRITER_LANES = 4,
    TAKER_LANES = 3,
    FILLERS = 64,
    DRAIN_S = 20,
    /* An item of files costs so much more: at the log's pace a queue would
     * grow, and what the dead had would be had again behind all of it. */
    FILES_PACE = 6,
};

static const char *const queues[2] = {"incoming", "second"};

struct crew {
    const struct crew_place *place;
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint64_t random;
    uint64_t next; /* number */
    bool failed;
};

uint64_t crew_now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t crew_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static bool one_in(struct crew *crew, uint64_t of)
{
    return crew_random(&crew->random) % of == 0;
}

static struct crew_told told_of(const struct crew *crew, enum crew_what what,
                                uint64_t number, const struct pirn_id *id)
{
    struct crew_told told = {.what = what,
                             .child = crew->place->child,
                             .number = number,
                             .at_ns = crew_now_ns()};

    if (id != NULL) {
        told.id = *id;
    }
    return told;
}

/* By one write, of less than PIPE_BUF: all of it is told, or nothing. */
static void tell_all(const struct crew *crew, const struct crew_told *told,
                     size_t bytes)
{
    if (write(crew->place->pipe, told, bytes) != (ssize_t)bytes) {
        _exit(3); /* nobody listens any more */
    }
}

static void tell(struct crew *crew, enum crew_what what, uint64_t number,
                 const struct pirn_id *id)
{
    const struct crew_told told = told_of(crew, what, number, id);

    tell_all(crew, &told, sizeof(told));
}

static void fault(struct crew *crew, uint32_t line, int32_t result,
                  const struct pirn_id *id)
{
    struct crew_told told = told_of(crew, CREW_FAULT, 0, id);

    told.result = result;
    told.line = line;
    crew->failed = true;
    tell_all(crew, &told, sizeof(told));
}

static void rest(struct crew *crew, struct pirn_op *op, uint64_t ms,
                 pirn_op_fn *fn)
{
    bool is_slow = crew->place->layout == PIRN_LAYOUT_FILE;

    pirn_prep_timer(op, ms * 1000000 * (is_slow ? FILES_PACE : 1));
    pirn_start(crew->context, op, fn);
}

/* ---- bodies ---- */

static uint32_t body_bytes(uint64_t number)
{
    uint64_t state = number;
    uint64_t r = crew_random(&state);

    return r % 40 == 0 ? 64 * 1024 + 1 + (uint32_t)(r >> 32) % 40000
                       : 8 + (uint32_t)(r >> 32) % 3000;
}

static uint32_t body_fill(uint64_t number, uint8_t *body)
{
    uint32_t bytes = body_bytes(number);
    uint64_t state = number;

    memcpy(body, &number, 8);
    for (uint32_t at = 8; at < bytes; at += 8) {
        uint64_t r = crew_random(&state);
        memcpy(body + at, &r, bytes - at < 8 ? bytes - at : 8);
    }
    return bytes;
}

/* Its number, or 0: it is no body of ours. */
static uint64_t body_check(const uint8_t *body, uint64_t bytes)
{
    static uint8_t want[BODY_MAX];
    uint64_t number = 0;

    if (bytes >= 8) {
        memcpy(&number, body, 8);
    }
    return number != 0 && body_fill(number, want) == bytes &&
                   memcmp(want, body, bytes) == 0
               ? number
               : 0;
}

/* ---- open ---- */

static int open_spool(struct crew *crew, bool create)
{
    const struct pirn_spool_config config = {
        .path = crew->place->spool,
        .create = create,
        .layout = crew->place->layout,
        .without_log = crew->place->layout == PIRN_LAYOUT_FILE,
        .log_slots = SLOTS,
        .log_segments = SEGMENTS,
        .log_segment_bytes = SEGMENT_BYTES,
        .index_dir = crew->place->index_dir,
    };
    int r = pirn_context_create(NULL, &crew->context);

    if (r < 0) {
        return r;
    }
    crew->random = crew->place->seed;
    crew->next = (uint64_t)crew->place->child << 24;
    return pirn_spool_open(crew->context, &config, &crew->spool);
}

static void close_spool(struct crew *crew)
{
    pirn_spool_close(crew->spool);
    pirn_context_destroy(crew->context);
}

int crew_make(const struct crew_place *place)
{
    struct crew crew = {.place = place};

    if (open_spool(&crew, true) < 0) {
        return -1;
    }
    int r = pirn_spool_create_queue_as(crew.spool, queues[1], place->layout);
    close_spool(&crew);
    return r;
}

static bool join(struct crew *crew)
{
    (void)prctl(PR_SET_PDEATHSIG, 9);
    int r = open_spool(crew, false);
    if (r < 0) {
        fault(crew, __LINE__, r, NULL);
        return false;
    }
    tell(crew, CREW_OPENED, 0, NULL);
    return true;
}

/* ---- a writer ---- */

struct writer {
    struct crew *crew;
    struct pirn_draft draft;
    struct pirn_op pause;
    uint64_t number;
    uint32_t bytes;
    uint32_t appended;
    uint8_t body[BODY_MAX];
};

static void write_next(struct writer *writer);

static void paused(struct pirn_op *op, int32_t result)
{
    (void)result;
    write_next(pirn_container_of(op, struct writer, pause));
}

static void put(struct pirn_op *op, int32_t result)
{
    struct writer *writer = pirn_container_of(op, struct writer, draft.op);
    struct crew *crew = writer->crew;

    if (result == 0 && writer->number != 0) {
        tell(crew, CREW_ACKED, writer->number, &writer->draft.id);
    } else if (result == -ENOSPC) {
        tell(crew, CREW_FULL, writer->number, NULL);
    } else if (result < 0) {
        fault(crew, __LINE__, result, NULL);
    }
    rest(crew, &writer->pause, crew_random(&crew->random) % 20, paused);
}

static void streamed(struct pirn_op *op, int32_t result)
{
    struct writer *writer = pirn_container_of(op, struct writer, draft.op);
    struct crew *crew = writer->crew;
    uint32_t left = writer->bytes - writer->appended;
    uint32_t part = left < 40000 ? left : 40000;

    if (result < 0) {
        pirn_prep_abort(&writer->draft);
        pirn_start(crew->context, op, put);
        /* An abort ends with 0, but nothing was acknowledged. */
        writer->number = 0;
        return;
    }
    if (left == 0) {
        pirn_prep_commit(&writer->draft, NULL);
        pirn_start(crew->context, op, put);
        return;
    }
    pirn_prep_append(&writer->draft, writer->body + writer->appended, part);
    writer->appended += part;
    pirn_start(crew->context, op, streamed);
}

static void write_next(struct writer *writer)
{
    struct crew *crew = writer->crew;
    const char *queue = queues[one_in(crew, 4)];

    writer->number = ++crew->next;
    writer->bytes = body_fill(writer->number, writer->body);
    writer->appended = 0;
    writer->draft.due_ns =
        one_in(crew, 5) ? pirn_context_realtime_ns(crew->context) + 20000000
                        : 0;
    writer->draft.priority = one_in(crew, 8) ? 2 : 0;
    if (one_in(crew, 6)) {
        pirn_prep_begin(&writer->draft, crew->spool, queue);
        pirn_start(crew->context, &writer->draft.op, streamed);
        return;
    }
    pirn_prep_enqueue(&writer->draft, crew->spool, queue, writer->body,
                      writer->bytes, NULL);
    pirn_start(crew->context, &writer->draft.op, put);
}

void crew_write(const struct crew_place *place)
{
    struct crew crew = {.place = place};
    struct writer *writers = calloc(WRITER_LANES, sizeof(*writers));

    if (writers == NULL || !join(&crew)) {
        free(writers);
        return;
    }
    for (int i = 0; i < WRITER_LANES; i++) {
        writers[i].crew = &crew;
        write_next(&writers[i]);
    }
    fault(&crew, __LINE__, pirn_context_run(crew.context), NULL);
    free(writers);
}

/* ---- a taker ---- */

struct taker {
    struct crew *crew;
    struct pirn_claim claim;
    struct pirn_op pause;
    struct pirn_change change;
    struct pirn_fields fields;
    char field_bytes[64];
    uint64_t number;
    struct pirn_id id;
    bool holds; /* what it gives back, to have it by its id again */
    bool held;  /* what it has was */
    uint64_t have;
    unsigned turn;
    uint8_t body[BODY_MAX];
};

static void take_next(struct taker *taker);
static void claimed(struct pirn_op *op, int32_t result);

static void start(struct taker *taker, pirn_op_fn *fn)
{
    pirn_start(taker->crew->context, &taker->claim.op, fn);
}

static void rested(struct pirn_op *op, int32_t result)
{
    (void)result;
    take_next(pirn_container_of(op, struct taker, pause));
}

static void removed(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result == 0) {
        tell(taker->crew, CREW_REMOVED, taker->number, &taker->claim.item.id);
    } else {
        fault(taker->crew, __LINE__, result, &taker->claim.item.id);
    }
    take_next(taker);
}

static void begin_removal(struct taker *taker)
{
    if (one_in(taker->crew, 8)) {
        pirn_prep_remove_durable(&taker->claim);
    } else {
        pirn_prep_remove(&taker->claim);
    }
    start(taker, removed);
}

static void remove_it(struct taker *taker)
{
    tell(taker->crew, CREW_REMOVING, taker->number, &taker->claim.item.id);
    begin_removal(taker);
}

/* What was held is held again when we are killed, and nobody has it before the
 * drain: so it is never ours alone, between two writes. */
static void tell_had_and_removing(struct taker *taker)
{
    const struct crew_told told[2] = {
        told_of(taker->crew, CREW_HAD, taker->number, &taker->claim.item.id),
        told_of(taker->crew, CREW_REMOVING, taker->number,
                &taker->claim.item.id),
    };

    tell_all(taker->crew, told, sizeof(told));
}

static void held_long(struct pirn_op *op, int32_t result)
{
    (void)result;
    remove_it(pirn_container_of(op, struct taker, pause));
}

static void given_back(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result == -ENOSPC) { /* it is ours still */
        taker->holds = false;
        pirn_prep_give_back(&taker->claim);
        start(taker, given_back);
        return;
    }
    if (result < 0) {
        fault(taker->crew, __LINE__, result, &taker->id);
    } else if (taker->holds) { /* or its segment is never empty */
        taker->holds = false;
        taker->held = true;
        pirn_prep_claim_id(&taker->claim, taker->crew->spool, &taker->id);
        start(taker, claimed);
        return;
    }
    take_next(taker);
}

static void updated(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result < 0 && result != -ENOSPC) {
        fault(taker->crew, __LINE__, result, &taker->claim.item.id);
    }
    remove_it(taker);
}

static void choose_change(struct taker *taker)
{
    struct crew *crew = taker->crew;

    taker->fields = (struct pirn_fields){.bytes = taker->field_bytes,
                                         .cap = sizeof(taker->field_bytes)};
    int r = pirn_fields_add(&taker->fields, "try", "again");
    taker->change = (struct pirn_change){
        .what = r == 0 ? PIRN_CHANGE_FIELDS : 0,
        .fields = &taker->fields,
        .queue = queues[one_in(crew, 2)],
        .due_ns = pirn_context_realtime_ns(crew->context) + 30000000,
        .held = true,
    };
    taker->change.what |= one_in(crew, 2) ? PIRN_CHANGE_QUEUE : 0u;
    taker->change.what |= one_in(crew, 3) ? PIRN_CHANGE_DUE : 0u;
    taker->change.what |= one_in(crew, 10) ? PIRN_CHANGE_HELD : 0u;
}

static void have_it(struct taker *taker)
{
    struct crew *crew = taker->crew;
    uint64_t way = crew_random(&crew->random) % 10;

    if (taker->held) {
        tell_had_and_removing(taker);
        begin_removal(taker);
        return;
    }
    tell(crew, CREW_HAD, taker->number, &taker->claim.item.id);
    if (way == 0) {
        pirn_prep_timer(&taker->pause,
                        crew_random(&crew->random) % 50 * 1000000);
        pirn_start(crew->context, &taker->pause, held_long);
    } else if (way == 1) {
        choose_change(taker);
        taker->change.what &= ~(uint32_t)PIRN_CHANGE_HELD;
        pirn_prep_update(&taker->claim, &taker->change);
        start(taker, updated);
    } else if (way <= 3) {
        choose_change(taker);
        tell(crew, CREW_ENDING, taker->number, &taker->claim.item.id);
        if (way == 2) {
            pirn_prep_give_back(&taker->claim);
        } else {
            taker->id = taker->claim.item.id;
            taker->holds = (taker->change.what & PIRN_CHANGE_HELD) != 0;
            pirn_prep_give_back_as(&taker->claim, &taker->change);
        }
        start(taker, given_back);
    } else {
        remove_it(taker);
    }
}

static void got(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result > 0) {
        taker->have += (uint64_t)result;
        pirn_prep_claim_read(&taker->claim, taker->body + taker->have,
                             (uint32_t)(BODY_MAX - taker->have), taker->have);
        start(taker, got);
        return;
    }
    taker->number = body_check(taker->body, taker->have);
    if (result < 0 || taker->number == 0) {
        fault(taker->crew, __LINE__, result, &taker->claim.item.id);
        return; /* and it stays with us */
    }
    have_it(taker);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);
    struct crew *crew = taker->crew;

    if (result != 1) {
        if (result < 0 && result != -EAGAIN) {
            fault(crew, __LINE__, result, NULL);
        }
        rest(crew, &taker->pause, 3, rested);
        return;
    }
    taker->have = 0;
    pirn_prep_claim_read(&taker->claim, taker->body, BODY_MAX, 0);
    start(taker, got);
}

static void take_next(struct taker *taker)
{
    taker->held = false;
    pirn_prep_claim(&taker->claim, taker->crew->spool,
                    queues[taker->turn++ % 2]);
    start(taker, claimed);
}

void crew_take(const struct crew_place *place)
{
    struct crew crew = {.place = place};
    struct taker *takers = calloc(TAKER_LANES, sizeof(*takers));

    if (takers == NULL || !join(&crew)) {
        free(takers);
        return;
    }
    for (int i = 0; i < TAKER_LANES; i++) {
        takers[i].crew = &crew;
        take_next(&takers[i]);
    }
    fault(&crew, __LINE__, pirn_context_run(crew.context), NULL);
    free(takers);
}

/* ---- who drains ---- */

static bool drain_one(struct crew *crew, struct taker *taker, int32_t result)
{
    if (result != 1) {
        if (result < 0) {
            fault(crew, __LINE__, result, NULL);
        }
        return false;
    }
    taker->have = 0;
    int32_t r = 1;
    while (r > 0) {
        pirn_prep_claim_read(&taker->claim, taker->body + taker->have,
                             (uint32_t)(BODY_MAX - taker->have), taker->have);
        r = pirn_wait(crew->context, &taker->claim.op);
        taker->have += r > 0 ? (uint64_t)r : 0;
    }
    uint64_t number = body_check(taker->body, taker->have);
    struct pirn_id id = taker->claim.item.id;
    if (r < 0 || number == 0) {
        fault(crew, __LINE__, r, &id);
        return false;
    }
    tell(crew, CREW_HAD, number, &id);
    tell(crew, CREW_REMOVING, number, &id);
    pirn_prep_remove(&taker->claim);
    r = pirn_wait(crew->context, &taker->claim.op);
    if (r < 0) {
        fault(crew, __LINE__, r, &id);
        return false;
    }
    tell(crew, CREW_REMOVED, number, &id);
    return true;
}

/* What somebody held back. */
static void drain_held(struct crew *crew, struct taker *taker)
{
    struct pirn_listing listing = {0};

    pirn_prep_listing(&listing, crew->spool, NULL);
    int32_t r = pirn_wait(crew->context, &listing.op);
    for (r = r < 0 ? r : 1; r > 0;) {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(crew->context, &listing.op);
        for (int32_t i = 0; i < r; i++) {
            if (listing.items[i].state == PIRN_ITEM_HELD) {
                pirn_prep_claim_id(&taker->claim, crew->spool,
                                   &listing.items[i].id);
                (void)drain_one(crew, taker,
                                pirn_wait(crew->context, &taker->claim.op));
            }
        }
    }
    if (r < 0) {
        fault(crew, __LINE__, r, NULL);
    }
    pirn_prep_listing_end(&listing);
    (void)pirn_wait(crew->context, &listing.op);
}

static void drain_ready(struct crew *crew, struct taker *taker)
{
    for (int queue = 0; queue < 2; queue++) {
        int32_t r = 1;
        while (r == 1) {
            pirn_prep_claim(&taker->claim, crew->spool, queues[queue]);
            r = pirn_wait(crew->context, &taker->claim.op);
            r = drain_one(crew, taker, r) ? 1 : 0;
        }
    }
}

static void rest_ms(struct crew *crew, uint64_t ms)
{
    struct pirn_op pause = {0};

    pirn_prep_timer(&pause, ms * 1000000);
    (void)pirn_wait(crew->context, &pause);
}

/* What status counts, without what nobody can have any more. */
static uint64_t count_left(struct crew *crew)
{
    struct pirn_status status = {0};

    pirn_prep_status(&status, crew->spool);
    int32_t r = pirn_wait(crew->context, &status.op);
    if (r < 0) {
        fault(crew, __LINE__, r, NULL);
        return 0;
    }
    return status.ready + status.claimed + status.delayed + status.held +
           status.quarantined + status.drafts + status.leftovers;
}

struct filler {
    struct crew *crew;
    struct pirn_draft draft;
    uint32_t *left;
    uint32_t *refused;
};

static void fill_next(struct filler *filler);

static void filled(struct pirn_op *op, int32_t result)
{
    struct filler *filler = pirn_container_of(op, struct filler, draft.op);

    if (result == -ENOSPC) {
        ++*filler->refused;
    } else if (result < 0) {
        fault(filler->crew, __LINE__, result, NULL);
    }
    fill_next(filler);
}

static void fill_next(struct filler *filler)
{
    if (*filler->left > 0) {
        --*filler->left;
        pirn_prep_enqueue(&filler->draft, filler->crew->spool, queues[0], NULL,
                          0, NULL);
        pirn_start(filler->crew->context, &filler->draft.op, filled);
    }
}

/* As many items as a new one; how many are refused. */
static uint32_t fill_up(struct crew *crew)
{
    struct filler fillers[FILLERS] = {0};
    struct pirn_claim claim = {0};
    uint32_t left = SLOTS;
    uint32_t refused = 0;

    for (int i = 0; i < FILLERS; i++) {
        fillers[i].crew = crew;
        fillers[i].left = &left;
        fillers[i].refused = &refused;
        fill_next(&fillers[i]);
    }
    int32_t r = pirn_context_drain(crew->context) < 0 ? -EIO : 1;
    while (r == 1) {
        pirn_prep_claim(&claim, crew->spool, queues[0]);
        r = pirn_wait(crew->context, &claim.op);
        if (r == 1) {
            pirn_prep_remove(&claim);
            r = pirn_wait(crew->context, &claim.op) == 0 ? 1 : -EIO;
        }
    }
    if (r < 0) {
        fault(crew, __LINE__, r, NULL);
    }
    return refused;
}

static bool is_nothing(const struct crew_left *left, bool lost_index)
{
    return left->slots == 0 && left->segments == 0 &&
           (left->files == 0 || lost_index);
}

static void check_left(struct crew *crew, const char *when)
{
    const struct crew_place *place = crew->place;
    struct crew_left left = {.slots = 1};

    for (int i = 0; i < 40 && !is_nothing(&left, place->lost_index); i++) {
        rest_ms(crew, 50);
        left = crew_left(crew->spool, place->spool);
    }
    uint64_t items = count_left(crew);
    if (items > 0 || !is_nothing(&left, place->lost_index)) {
        fprintf(stderr, "%s: left %ju items, %u slots, %u segments, %u files\n",
                when, (uintmax_t)items, left.slots, left.segments, left.files);
        fault(crew, __LINE__, 0, NULL);
    }
}

/* Of room only a log has an end that is near. */
static void check_room(struct crew *crew)
{
    uint32_t refused = fill_up(crew);

    if (refused > 0) {
        fprintf(stderr, "%u of %d items refused by an empty spool\n", refused,
                SLOTS);
        fault(crew, __LINE__, -ENOSPC, NULL);
    }
    check_left(crew, "filled and drained");
}

int crew_drain(const struct crew_place *place)
{
    struct crew crew = {.place = place};
    struct taker *taker = calloc(1, sizeof(*taker));
    uint64_t until = crew_now_ns() + DRAIN_S * UINT64_C(1000000000);

    if (taker == NULL || !join(&crew)) {
        free(taker);
        return -1;
    }
    taker->crew = &crew;
    do {
        drain_ready(&crew, taker);
        drain_held(&crew, taker);
        rest_ms(&crew, 30);
    } while (count_left(&crew) > 0 && !crew.failed && crew_now_ns() < until);
    check_left(&crew, "drained");
    if (place->layout == PIRN_LAYOUT_LOG) {
        check_room(&crew);
    }
    close_spool(&crew);
    free(taker);
    return crew.failed ? -1 : 0;
}
