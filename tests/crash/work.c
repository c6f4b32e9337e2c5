/* SPDX-License-Identifier: MIT */
/*
 * work.c - crash_work: processes that work on one spool and tell what they do
 *
 *   crash_work SPOOL INDEX JOURNAL PAGE SEED ROUNDS PROCESSES FIRST
 *
 * Makes the spool, of both layouts, with so small a log that segments are soon
 * emptied and written over; then each process puts, takes, changes, moves,
 * holds and removes, so many rounds. Calls that must end well and do not are
 * told like the others; that is for who reads the journal to judge. PAGE gives
 * the position of the disk's log (disk_log.h); FIRST, the number of the first
 * process, is never given twice for a spool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>

#include "crash/disk_log.h"
#include "crash/told.h"
#include "sim/model/rng.h"

enum {
    BURST = 8,
    LIVE_MAX = 24, /* items per process, about */
    HELD_MAX = 16,
    SLOTS = 1024,
    SEGMENTS = 12,
    SEGMENT_BYTES = 144 * 1024,
};

struct work {
    const char *spool_path;
    const char *index_dir;
    int journal;
    const struct disk_page *page;
    struct rng rng;
    uint64_t next; /* number */
    uint64_t turn;
    int32_t live;
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct pirn_id held[HELD_MAX];
    uint32_t held_count;
};

struct put {
    struct pirn_draft draft;
    struct work *work;
    struct told told;
    uint8_t body[TOLD_BODY_MAX];
};

struct take {
    struct pirn_claim claim;
    struct work *work;
    struct told told;
    struct pirn_change change;
    struct pirn_fields fields;
    char text[64];
};

/* ---- telling ---- */

static void tell(struct work *work, struct told *told, enum told_when when)
{
    told->when = when;
    told->position = atomic_load(&work->page->entries);
    if (write(work->journal, told, sizeof(*told)) != sizeof(*told)) {
        perror("crash_work: journal");
        exit(1);
    }
}

static void tell_end(struct work *work, struct told *told, int32_t result)
{
    told->result = result;
    tell(work, told, TOLD_ENDS);
}

static void work_drain(struct work *work)
{
    int r = pirn_context_drain(work->context);

    if (r < 0) {
        fprintf(stderr, "crash_work: drain: %s\n", strerror(-r));
        exit(1);
    }
}

/* ---- putting ---- */

static void put_done(struct pirn_op *op, int32_t result)
{
    struct put *put = pirn_container_of(op, struct put, draft.op);

    put->told.id = put->draft.id;
    tell_end(put->work, &put->told, result);
    put->work->live += result == 0 ? 1 : 0;
}

static uint32_t put_begin(struct work *work, struct put *put)
{
    uint32_t queue = rng_below(&work->rng, 4) % TOLD_QUEUES;

    put->draft = (struct pirn_draft){0};
    put->work = work;
    put->told = (struct told){
        .verb = TOLD_PUT, .number = ++work->next, .version = 1, .queue = queue};
    return told_body(put->told.number, put->body);
}

/* In pieces; what is longer than a draft's memory goes to a file at once. */
static void put_stream(struct work *work, struct put *put, uint32_t bytes)
{
    struct pirn_draft *draft = &put->draft;

    tell(work, &put->told, TOLD_BEGINS);
    pirn_prep_begin(draft, work->spool, told_queues[put->told.queue]);
    int32_t r = pirn_wait(work->context, &draft->op);
    for (uint32_t at = 0; at < bytes && r == 0;) {
        uint32_t part = bytes - at < 30000 ? bytes - at : 30000;
        pirn_prep_append(draft, put->body + at, part);
        r = pirn_wait(work->context, &draft->op);
        at += part;
    }
    if (r == 0) {
        pirn_prep_commit(draft, NULL);
        r = pirn_wait(work->context, &draft->op);
    } else if (pirn_draft_is_open(draft)) {
        pirn_prep_abort(draft);
        (void)pirn_wait(work->context, &draft->op);
    }
    put_done(&draft->op, r);
}

/* Many at once, so that they share their batches and syncs. */
static void put_some(struct work *work)
{
    static struct put puts[BURST];
    uint32_t count = rng_between(&work->rng, 1, BURST);

    for (uint32_t i = 0; i < count; i++) {
        struct put *put = &puts[i];
        uint32_t bytes = put_begin(work, put);
        if (bytes > PIRN_DRAFT_MEMORY || rng_below(&work->rng, 20) == 0) {
            put_stream(work, put, bytes);
            continue;
        }
        tell(work, &put->told, TOLD_BEGINS);
        pirn_prep_enqueue(&put->draft, work->spool,
                          told_queues[put->told.queue], put->body, bytes, NULL);
        pirn_start(work->context, &put->draft.op, put_done);
    }
    work_drain(work);
}

/* ---- taking ---- */

static void take_done(struct pirn_op *op, int32_t result)
{
    struct take *take = pirn_container_of(op, struct take, claim.op);
    struct work *work = take->work;

    if (take->told.verb != 0) {
        tell_end(work, &take->told, result);
        if (take->told.held != 0 && result == 0 &&
            work->held_count < HELD_MAX) {
            work->held[work->held_count++] = take->told.id;
        }
    }
}

static void take_remove(struct work *work, struct take *take)
{
    bool durable = rng_below(&work->rng, 4) == 0;

    take->told.verb = durable ? TOLD_REMOVE_DURABLE : TOLD_REMOVE;
    tell(work, &take->told, TOLD_BEGINS);
    if (durable) {
        pirn_prep_remove_durable(&take->claim);
    } else {
        pirn_prep_remove(&take->claim);
    }
    work->live--;
}

/* A new value of the field, mostly; another queue; held, or not any more. */
static void choose_change(struct work *work, struct take *take)
{
    struct told *told = &take->told;

    told->verb = TOLD_CHANGE;
    told->version++;
    told->turn = ++work->turn;
    told->queue = rng_below(&work->rng, TOLD_PAPER);
    told->held = told->held == 0 && rng_below(&work->rng, 4) == 0 ? 1 : 0;
    take->fields =
        (struct pirn_fields){.bytes = take->text, .cap = sizeof(take->text)};
    char value[32];
    snprintf(value, sizeof(value), "%ju", (uintmax_t)told->turn);
    if (pirn_fields_add(&take->fields, TOLD_FIELD, value) < 0) {
        abort();
    }
    take->change = (struct pirn_change){
        .what = PIRN_CHANGE_FIELDS | PIRN_CHANGE_QUEUE | PIRN_CHANGE_HELD,
        .queue = told_queues[told->queue],
        .held = told->held != 0,
        .fields = &take->fields,
    };
}

/* Changed while it is ours, and given back as it is then. */
static void take_update(struct work *work, struct take *take)
{
    choose_change(work, take);
    tell(work, &take->told, TOLD_BEGINS);
    pirn_prep_update(&take->claim, &take->change);
    take_done(&take->claim.op, pirn_wait(work->context, &take->claim.op));
    take->told.verb = 0;
    pirn_prep_give_back(&take->claim);
}

/* How the claim ends is prepared. */
static void take_end(struct work *work, struct take *take)
{
    uint32_t way = rng_below(&work->rng, 10);
    bool is_paper = take->told.queue == TOLD_PAPER;

    if (way < 6 || work->live > LIVE_MAX) {
        take_remove(work, take);
    } else if (way == 6 || is_paper) {
        pirn_prep_give_back(&take->claim);
    } else if (way == 7) {
        take_update(work, take);
    } else {
        choose_change(work, take);
        tell(work, &take->told, TOLD_BEGINS);
        pirn_prep_give_back_as(&take->claim, &take->change);
    }
}

static uint32_t queue_of(const char *name)
{
    uint32_t queue = 0;

    while (strcmp(told_queues[queue], name) != 0) {
        queue++;
    }
    return queue;
}

/* The claim ended with 1: whose body it is, and what is known of it. */
static bool take_look(struct work *work, struct take *take)
{
    static uint8_t body[TOLD_BODY_MAX + 1];
    const struct pirn_item *item = &take->claim.item;
    const char *turn = pirn_fields_get(&item->fields, TOLD_FIELD);
    uint64_t have = 0;
    int32_t r = 1;

    while (r > 0) {
        pirn_prep_claim_read(&take->claim, body + have,
                             (uint32_t)(sizeof(body) - have), have);
        r = pirn_wait(work->context, &take->claim.op);
        have += r > 0 ? (uint64_t)r : 0;
    }
    take->told = (struct told){
        .number = told_number(body, have),
        .id = item->id,
        .version = item->version,
        .queue = queue_of(item->queue),
        .held = 0,
        .turn = turn != NULL ? strtoull(turn, NULL, 10) : 0,
    };
    if (r < 0 || take->told.number == 0) {
        fprintf(stderr, "crash_work: a body cannot be read: %d\n", r);
    }
    return r == 0 && take->told.number != 0;
}

static bool take_one(struct work *work, struct take *take)
{
    *take = (struct take){.work = work};
    if (work->held_count > 0 && rng_below(&work->rng, 3) == 0) {
        const struct pirn_id *id = &work->held[--work->held_count];
        pirn_prep_claim_id(&take->claim, work->spool, id);
        bool has = pirn_wait(work->context, &take->claim.op) == 1 &&
                   take_look(work, take);
        take->told.held = has ? 1 : 0;
        return has;
    }
    uint32_t queue = rng_below(&work->rng, TOLD_QUEUES);
    pirn_prep_claim(&take->claim, work->spool, told_queues[queue]);
    return pirn_wait(work->context, &take->claim.op) == 1 &&
           take_look(work, take);
}

static void take_some(struct work *work)
{
    static struct take takes[BURST];
    uint32_t count = rng_between(&work->rng, 1, BURST);

    for (uint32_t i = 0; i < count; i++) {
        if (take_one(work, &takes[i])) {
            take_end(work, &takes[i]);
            pirn_start(work->context, &takes[i].claim.op, take_done);
        }
    }
    work_drain(work);
}

/* ---- a process ---- */

static int open_spool(struct work *work, bool create)
{
    const struct pirn_spool_config config = {
        .path = work->spool_path,
        .create = create,
        .layout = PIRN_LAYOUT_LOG,
        .log_slots = SLOTS,
        .log_segments = SEGMENTS,
        .log_segment_bytes = SEGMENT_BYTES,
        .index_dir = work->index_dir,
    };
    int r = pirn_context_create(NULL, &work->context);

    return r < 0 ? r : pirn_spool_open(work->context, &config, &work->spool);
}

static void close_spool(struct work *work)
{
    pirn_spool_close(work->spool);
    pirn_context_destroy(work->context);
}

static int make(struct work *work)
{
    struct told told = {.verb = TOLD_MAKE};

    tell(work, &told, TOLD_BEGINS);
    int r = open_spool(work, true);
    if (r == 0) {
        r = pirn_spool_create_queue_as(work->spool, told_queues[1],
                                       PIRN_LAYOUT_LOG);
        r = r < 0 ? r
                  : pirn_spool_create_queue_as(
                        work->spool, told_queues[TOLD_PAPER], PIRN_LAYOUT_FILE);
        close_spool(work);
    }
    tell_end(work, &told, r);
    return r;
}

/* What is there already, shared by all who begin. */
static int32_t share(struct work *work, uint64_t processes)
{
    struct pirn_status status = {0};

    pirn_prep_status(&status, work->spool);
    int32_t r = pirn_wait(work->context, &status.op);
    uint64_t items = status.ready + status.claimed + status.held;
    return r < 0 ? 0 : (int32_t)(items / processes);
}

static int live(struct work *work, uint64_t child, uint64_t processes,
                uint32_t rounds)
{
    (void)prctl(PR_SET_PDEATHSIG, 9);
    work->next = child << 24;
    work->turn = work->next;
    work->rng = rng_of(rng_next(&work->rng), child);
    int r = open_spool(work, false);
    if (r < 0) {
        fprintf(stderr, "crash_work: open: %s\n", strerror(-r));
        return 1;
    }
    work->live = share(work, processes);
    for (uint32_t i = 0; i < rounds; i++) {
        bool puts =
            work->live <= 2 || (work->live < LIVE_MAX && rng_coin(&work->rng));
        (puts ? put_some : take_some)(work);
    }
    close_spool(work);
    return 0;
}

static int wait_for_all(void)
{
    int status = 0;
    int worst = 0;

    while (wait(&status) > 0) {
        int code =
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        worst = code > worst ? code : worst;
    }
    return worst;
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: crash_work SPOOL INDEX JOURNAL PAGE SEED "
                        "ROUNDS PROCESSES FIRST\n");
        return 64;
    }
    struct work work = {.spool_path = argv[1],
                        .index_dir = argv[2],
                        .rng = rng_of(strtoull(argv[5], NULL, 10), 0)};
    int page = open(argv[4], O_RDWR | O_CLOEXEC);
    work.journal =
        open(argv[3], O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    work.page = mmap(NULL, DISK_PAGE_BYTES, PROT_READ, MAP_SHARED, page, 0);
    if (work.journal < 0 || work.page == MAP_FAILED) {
        perror("crash_work");
        return 1;
    }
    int r = make(&work);
    if (r < 0) {
        fprintf(stderr, "crash_work: make: %s\n", strerror(-r));
        return 2;
    }
    uint64_t first = strtoull(argv[8], NULL, 10);
    uint64_t count = strtoull(argv[7], NULL, 10);
    for (uint64_t i = first; i < first + count; i++) {
        if (fork() == 0) {
            _exit(live(&work, i, count, (uint32_t)atoi(argv[6])));
        }
    }
    return wait_for_all();
}
