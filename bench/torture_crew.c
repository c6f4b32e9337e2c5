/* SPDX-License-Identifier: MIT */
/*
 * torture_crew.c - who writes and who takes
 *
 * A lane is a draft or a claim that does one thing after the other. What is
 * told of an item is told before it can be untrue: that it may be ours no more
 * before the call that ends it, that it was acknowledged after the call that
 * stored it. So whatever the instant of a kill, the ledger errs on the side of
 * "may be", and what it calls lost is lost.
 *
 * A lane that met a fault does nothing more.
 */
#include "bench/torture_crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/timer.h>

#include "bench/round.h"
#include "bench/torture_body.h"

enum {
    LOG_SLOTS = 16384,
    LOG_SEGMENTS = 64,
    LOG_SEGMENT_BYTES = 1 << 20,
    WRITER_LANES = 4,
    TAKER_LANES = 3,
    WAITING_MAX = 2000,
    PART_BYTES = 40000, /* of a body that streams in */
};

#define MS UINT64_C(1000000)
#define CLAIM_NS (50 * MS)

static const char queue[] = "incoming";

struct crew {
    const struct torture_place *place;
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint64_t random;
    uint64_t next; /* number */
    bool failed;
};

static bool one_in(struct crew *crew, uint64_t of)
{
    return torture_random(&crew->random) % of == 0;
}

static void send(struct crew *crew, struct torture_told *told)
{
    told->child = crew->place->child;
    told->at_ns = round_now_ns();
    if (write(crew->place->pipe, told, sizeof(*told)) != sizeof(*told)) {
        _exit(3); /* nobody listens any more */
    }
}

static void tell(struct crew *crew, enum torture_what what, uint64_t number,
                 const struct pirn_id *id)
{
    struct torture_told told = {.what = what, .number = number, .id = *id};

    send(crew, &told);
}

static void fault(struct crew *crew, const char *doing, int32_t result)
{
    struct torture_told told = {.what = TORTURE_FAULT, .result = result};

    snprintf(told.doing, sizeof(told.doing), "%s", doing);
    crew->failed = true;
    send(crew, &told);
}

/* ---- open ---- */

static int open_spool(struct crew *crew, bool create)
{
    const struct pirn_spool_config config = {
        .path = crew->place->spool,
        .create = create,
        .layout = crew->place->layout,
        .without_log = crew->place->layout == PIRN_LAYOUT_FILE,
        .log_slots = LOG_SLOTS,
        .log_segments = LOG_SEGMENTS,
        .log_segment_bytes = LOG_SEGMENT_BYTES,
        .index_dir = crew->place->index,
    };
    int r = pirn_context_create(NULL, &crew->context);

    if (r < 0) {
        return r;
    }
    crew->random = crew->place->seed;
    crew->next = (uint64_t)crew->place->child << 32;
    r = pirn_spool_open(crew->context, &config, &crew->spool);
    if (r < 0) {
        crew->context = pirn_context_destroy(crew->context);
    }
    return r;
}

static void close_spool(struct crew *crew)
{
    crew->spool = pirn_spool_close(crew->spool);
    crew->context = pirn_context_destroy(crew->context);
}

int torture_make(const struct torture_place *place)
{
    struct crew crew = {.place = place};
    int r = open_spool(&crew, true);

    if (r == 0) {
        close_spool(&crew);
    }
    return r;
}

static bool join(struct crew *crew)
{
    uint64_t began_ns = round_now_ns();
    int r = open_spool(crew, false);

    if (r < 0) {
        fault(crew, "open", r);
        return false;
    }
    tell(crew, TORTURE_OPENED, round_now_ns() - began_ns, &(struct pirn_id){0});
    return true;
}

/* Who ends by himself would be taken for a fault: there is nothing more to do
 * than to be killed. */
static void work_on(struct crew *crew)
{
    int r = pirn_context_drain(crew->context);

    if (r < 0) {
        fault(crew, "turn", r);
    }
    for (;;) {
        pause();
    }
}

/* ---- a writer ---- */

struct writer {
    struct crew *crew;
    struct pirn_draft draft;
    struct pirn_op rest;
    uint64_t number;
    uint32_t bytes;
    uint32_t appended;
    uint8_t body[TORTURE_BODY_MAX];
};

static void write_next(struct writer *writer);

static void write_rested(struct pirn_op *op, int32_t result)
{
    struct writer *writer = pirn_container_of(op, struct writer, rest);

    if (result < 0) {
        fault(writer->crew, "timer", result);
        return;
    }
    write_next(writer);
}

static void write_rest(struct writer *writer)
{
    uint64_t ms = torture_random(&writer->crew->random) % 20;

    pirn_prep_timer(&writer->rest, ms * MS);
    pirn_start(writer->crew->context, &writer->rest, write_rested);
}

static void put(struct pirn_op *op, int32_t result)
{
    struct writer *writer = pirn_container_of(op, struct writer, draft.op);
    struct crew *crew = writer->crew;

    if (result == -ENOSPC) {
        tell(crew, TORTURE_FULL, writer->number, &(struct pirn_id){0});
    } else if (result < 0) {
        fault(crew, "enqueue", result);
        return;
    } else {
        tell(crew, TORTURE_ACKED, writer->number, &writer->draft.id);
    }
    write_rest(writer);
}

static void dropped(struct pirn_op *op, int32_t result)
{
    struct writer *writer = pirn_container_of(op, struct writer, draft.op);

    (void)result;
    write_rest(writer);
}

static void streamed(struct pirn_op *op, int32_t result)
{
    struct writer *writer = pirn_container_of(op, struct writer, draft.op);
    uint32_t left = writer->bytes - writer->appended;
    uint32_t part = left < PART_BYTES ? left : PART_BYTES;

    if (result == -ENOSPC) {
        tell(writer->crew, TORTURE_FULL, writer->number, &(struct pirn_id){0});
        pirn_prep_abort(&writer->draft);
        pirn_start(writer->crew->context, op, dropped);
    } else if (result < 0) {
        fault(writer->crew, "append", result);
    } else if (left == 0) {
        pirn_prep_commit(&writer->draft, NULL);
        pirn_start(writer->crew->context, op, put);
    } else {
        pirn_prep_append(&writer->draft, writer->body + writer->appended, part);
        writer->appended += part;
        pirn_start(writer->crew->context, op, streamed);
    }
}

static void write_next(struct writer *writer)
{
    struct crew *crew = writer->crew;

    if (atomic_load(crew->place->waiting) >= WAITING_MAX) {
        write_rest(writer);
        return;
    }
    writer->number = ++crew->next;
    writer->bytes = torture_body_fill(writer->number, writer->body);
    writer->appended = 0;
    if (one_in(crew, 4)) {
        pirn_prep_begin(&writer->draft, crew->spool, queue);
        pirn_start(crew->context, &writer->draft.op, streamed);
        return;
    }
    pirn_prep_enqueue(&writer->draft, crew->spool, queue, writer->body,
                      writer->bytes, NULL);
    pirn_start(crew->context, &writer->draft.op, put);
}

void torture_write(void *place)
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
    work_on(&crew);
}

/* ---- a taker ---- */

struct taker {
    struct crew *crew;
    struct pirn_claim claim;
    struct pirn_op rest;
    uint64_t number;
    uint64_t have;
    bool durable;
    uint8_t body[TORTURE_BODY_MAX];
};

static void take_next(struct taker *taker);

static void start(struct taker *taker, pirn_op_fn *fn)
{
    pirn_start(taker->crew->context, &taker->claim.op, fn);
}

static void tell_removed(struct taker *taker, const struct pirn_id *id)
{
    struct torture_told told = {.what = TORTURE_REMOVED,
                                .number = taker->number,
                                .id = *id,
                                .durable = taker->durable};

    send(taker->crew, &told);
}

static void removed(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result == 0) {
        tell_removed(taker, &taker->claim.item.id);
    } else if (result != -ENOSPC) {
        fault(taker->crew, "remove", result);
        return;
    }
    take_next(taker);
}

static void prep_remove(struct taker *taker, bool durable)
{
    tell(taker->crew, TORTURE_REMOVING, taker->number, &taker->claim.item.id);
    taker->durable = durable;
    if (durable) {
        pirn_prep_remove_durable(&taker->claim);
    } else {
        pirn_prep_remove(&taker->claim);
    }
}

static void remove_it(struct taker *taker)
{
    prep_remove(taker, one_in(taker->crew, 4));
    start(taker, removed);
}

static void held_long(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, rest);

    if (result < 0) {
        fault(taker->crew, "timer", result);
        return;
    }
    remove_it(taker);
}

/* What there is no room to give back stays with us until we die. */
static void given_back(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result < 0 && result != -ENOSPC) {
        fault(taker->crew, "give back", result);
        return;
    }
    take_next(taker);
}

static void use(struct taker *taker)
{
    struct crew *crew = taker->crew;
    uint64_t way = torture_random(&crew->random) % 10;

    tell(crew, TORTURE_HAD, taker->number, &taker->claim.item.id);
    if (way == 0) {
        pirn_prep_timer(&taker->rest, torture_random(&crew->random) % 50 * MS);
        pirn_start(crew->context, &taker->rest, held_long);
    } else if (way <= 2) {
        tell(crew, TORTURE_ENDING, taker->number, &taker->claim.item.id);
        pirn_prep_give_back(&taker->claim);
        start(taker, given_back);
    } else {
        remove_it(taker);
    }
}

static void prep_read(struct taker *taker)
{
    pirn_prep_claim_read(&taker->claim, taker->body + taker->have,
                         (uint32_t)(TORTURE_BODY_MAX - taker->have),
                         taker->have);
}

/* Whether the body is whole; else it is told. */
static bool is_whole(struct taker *taker, int32_t result)
{
    if (result < 0 && result != -EBADMSG) {
        fault(taker->crew, "read", result);
        return false;
    }
    taker->number =
        result < 0 ? 0 : torture_body_check(taker->body, taker->have);
    if (taker->number == 0) {
        tell(taker->crew, TORTURE_TORN, 0, &taker->claim.item.id);
    }
    return taker->number != 0;
}

static void got(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result > 0) {
        taker->have += (uint64_t)result;
        prep_read(taker);
        start(taker, got);
    } else if (is_whole(taker, result)) {
        use(taker);
    }
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);

    if (result == 1) {
        taker->have = 0;
        prep_read(taker);
        start(taker, got);
    } else if (result == 0 || result == -EAGAIN || result == -ENOSPC) {
        take_next(taker);
    } else {
        fault(taker->crew, "claim", result);
    }
}

static void take_next(struct taker *taker)
{
    pirn_prep_claim_wait(&taker->claim, taker->crew->spool, queue, CLAIM_NS);
    start(taker, claimed);
}

void torture_take(void *place)
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
    work_on(&crew);
}

/* ---- who takes stock ---- */

struct looker {
    struct crew crew;
    struct pirn_listing listing;
    struct pirn_view view;
    uint8_t body[TORTURE_BODY_MAX];
};

static int32_t wait_for(struct crew *crew, struct pirn_op *op)
{
    return pirn_wait(crew->context, op);
}

static void look_at(struct looker *looker, const struct pirn_id *id)
{
    struct crew *crew = &looker->crew;
    uint64_t have = 0;

    pirn_prep_look(&looker->view, crew->spool, id);
    int32_t r = wait_for(crew, &looker->view.op);
    for (r = r < 0 ? r : 1; r > 0;) {
        pirn_prep_view_read(&looker->view, looker->body + have,
                            (uint32_t)(TORTURE_BODY_MAX - have), have);
        r = wait_for(crew, &looker->view.op);
        have += r > 0 ? (uint64_t)r : 0;
    }
    uint64_t number = r < 0 ? 0 : torture_body_check(looker->body, have);
    if (number != 0) {
        tell(crew, TORTURE_FOUND, number, id);
    } else if (r == 0 || r == -EBADMSG) {
        tell(crew, TORTURE_TORN, 0, id);
    } else {
        fault(crew, "look", r);
    }
    pirn_prep_view_end(&looker->view);
    (void)wait_for(crew, &looker->view.op);
}

void torture_look(void *place)
{
    struct looker *looker = calloc(1, sizeof(*looker));

    if (looker == NULL) {
        return;
    }
    struct crew *crew = &looker->crew;
    crew->place = place;
    if (!join(crew)) {
        free(looker);
        return;
    }
    pirn_prep_listing(&looker->listing, crew->spool, NULL);
    int32_t r = wait_for(crew, &looker->listing.op);
    for (r = r < 0 ? r : 1; r > 0;) {
        pirn_prep_listing_next(&looker->listing);
        r = wait_for(crew, &looker->listing.op);
        for (int32_t i = 0; i < r; i++) {
            look_at(looker, &looker->listing.items[i].id);
        }
    }
    if (r < 0) {
        fault(crew, "list", r);
    }
    pirn_prep_listing_end(&looker->listing);
    (void)wait_for(crew, &looker->listing.op);
    close_spool(crew);
    _exit(crew->failed ? 1 : 0);
}

static int32_t drain_one(struct taker *taker)
{
    struct crew *crew = taker->crew;
    int32_t r = 1;

    for (taker->have = 0; r > 0;) {
        prep_read(taker);
        r = wait_for(crew, &taker->claim.op);
        taker->have += r > 0 ? (uint64_t)r : 0;
    }
    if (!is_whole(taker, r)) { /* told; and out of the way */
        pirn_prep_remove(&taker->claim);
        r = wait_for(crew, &taker->claim.op);
        return crew->failed ? -EIO : r;
    }
    struct pirn_id id = taker->claim.item.id;
    tell(crew, TORTURE_HAD, taker->number, &id);
    prep_remove(taker, false);
    r = wait_for(crew, &taker->claim.op);
    if (r == 0) {
        tell_removed(taker, &id);
    } else {
        fault(crew, "remove", r);
    }
    return r;
}

void torture_drain(void *place)
{
    struct crew crew = {.place = place};
    struct taker *taker = calloc(1, sizeof(*taker));
    int32_t r = 1;

    if (taker == NULL || !join(&crew)) {
        free(taker);
        return;
    }
    taker->crew = &crew;
    while (r == 1) {
        pirn_prep_claim_wait(&taker->claim, crew.spool, queue, 10 * CLAIM_NS);
        r = wait_for(&crew, &taker->claim.op);
        if (r < 0 && r != -EAGAIN) {
            fault(&crew, "claim", r);
        }
        r = r == -EAGAIN || (r == 1 && drain_one(taker) == 0) ? 1 : 0;
    }
    close_spool(&crew);
    _exit(crew.failed ? 1 : 0);
}

void torture_spoil(void *place)
{
    struct crew crew = {.place = place};
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    if (!join(&crew)) {
        return;
    }
    uint8_t *body = malloc(TORTURE_BODY_MAX);
    uint64_t number = ++crew.next;
    uint32_t bytes = body == NULL ? 0 : torture_body_fill(number, body);
    pirn_prep_enqueue(&draft, crew.spool, queue, body, bytes, NULL);
    int32_t r = wait_for(&crew, &draft.op);
    if (r == 0) {
        tell(&crew, TORTURE_ACKED, number, &draft.id);
        pirn_prep_claim_id(&claim, crew.spool, &draft.id);
        r = wait_for(&crew, &claim.op);
    }
    if (r == 1) {
        pirn_prep_remove_durable(&claim);
        r = wait_for(&crew, &claim.op);
    }
    if (r != 0) {
        fault(&crew, "spoil", r);
    }
    close_spool(&crew);
    free(body);
    _exit(crew.failed ? 1 : 0);
}
