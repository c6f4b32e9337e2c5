/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - see exhaust.h
 *
 * States are counted once: of the subsets most leave the same disk, because a
 * journal allows prefixes only, and a disk is known by its hash.
 */
#include "tests/sim/model/exhaust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/life.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_worker.h"

enum {
    EVENTS_MAX = 4096,
    STATES_MAX = 1u << 16,
    STORM_STEPS = 4000,
    LATER_BYTES = 40
};

struct event {
    struct disk *disk;
    struct check_spool check;
    uint64_t failures; /* -EIO until then */
};

/* One run. */
struct run {
    struct world *world;
    struct check_spool check;
    struct spool_worker workers[EXHAUST_PROCESSES];
    uint32_t count;
    struct event *events; /* to be filled, or NULL */
    uint32_t event_count;
    struct event held; /* when an item was claimed first, or no disk */
    bool wants_held;
};

static void refused(void *argument, enum fault fault, uint8_t opcode,
                    const char *path)
{
    struct run *run = argument;

    check_spool_refused(&run->check, fault, opcode, path);
}

static void begin(struct run *run, struct disk *disk, uint64_t seed)
{
    const struct world_config config = {
        .seed = seed, .disk = disk, .storm_steps = STORM_STEPS};

    run->world = world_create(&config);
    run->check.world = run->world;
    run->world->refused = refused;
    run->world->argument = run;
    run->count = 0;
}

static struct disk *end(struct run *run)
{
    struct disk *disk = disk_clone(run->world->disk);

    world_destroy(run->world);
    return disk;
}

static void hire(struct run *run, const char *script, uint32_t desks,
                 uint32_t len)
{
    struct spool_worker *worker = &run->workers[run->count];

    *worker = (struct spool_worker){
        .check = &run->check,
        .process = process_create(run->world),
        .rng = rng_of(run->world->seed, 6000 + run->count),
        .actions = script != NULL ? (uint32_t)strlen(script) : 0,
        .desks = script != NULL ? desks : 1,
        .len = len,
        .script = script,
        .takes_all = script == NULL,
    };
    run->count++;
    process_thread(worker->process, spool_worker_run, worker);
}

static void note_violation(struct exhaust *exhaust,
                           const struct workload *workload,
                           const struct run *run, const char *what,
                           uint32_t place, uint32_t which)
{
    if (!run->world->failed) {
        return;
    }
    if (exhaust->violations++ == 0) {
        snprintf(exhaust->reason, sizeof(exhaust->reason), "%s, %s %u, %u: %s",
                 workload->name, what, place, which, run->world->reason);
    }
}

/* After the power has failed: somebody takes all that is there, and then
 * another works on. */
static void look(struct exhaust *exhaust, const struct workload *workload,
                 const struct event *left, const char *what, uint32_t place,
                 uint32_t which)
{
    struct run run = {.check = left->check};

    begin(&run, left->disk, exhaust->seed);
    run.world->boots = 1;
    run.world->faults.calm = true;
    run.world->faults.happened[FAULT_EIO] = left->failures;
    check_spool_died(&run.check, 0);
    hire(&run, NULL, 1, 0);
    (void)world_run(run.world);
    check_spool_end(&run.check);
    run.count = 0;
    hire(&run, "et", 1, LATER_BYTES);
    (void)world_run(run.world);
    if (!run.world->failed) {
        world_check_rest(run.world);
    }
    exhaust->states++;
    note_violation(exhaust, workload, &run, what, place, which);
    world_destroy(run.world);
}

/* --- what was there before --- */

static void watch(void *argument)
{
    struct run *run = argument;

    if (run->wants_held && run->held.disk == NULL &&
        run->check.items[0].holder != 0) {
        run->held = (struct event){.disk = disk_clone(run->world->disk),
                                   .check = run->check};
    }
}

static struct disk *made(struct run *run, const struct exhaust *exhaust,
                         const struct workload *workload)
{
    struct disk *disk;

    *run = (struct run){.wants_held = workload->is_held};
    begin(run, life_empty_disk(exhaust->profile), exhaust->seed);
    hire(run, workload->before != NULL ? workload->before : "", 1,
         workload->len);
    run->world->stepped = watch;
    pirn_assert(world_run(run->world) == WORLD_DONE);
    disk_sync_all(run->world->disk);
    if (run->held.disk != NULL) {
        run->check = run->held.check;
    }
    check_spool_died(&run->check, 0); /* by this world's clock */
    disk = end(run);
    if (run->held.disk != NULL) {
        disk_destroy(disk);
        disk = run->held.disk;
        disk_sync_all(disk);
    }
    return disk;
}

static void work(struct run *run, const struct exhaust *exhaust,
                 const struct workload *workload, struct disk *disk)
{
    begin(run, disk, exhaust->seed);
    for (uint32_t i = 0; i < EXHAUST_PROCESSES && workload->scripts[i] != NULL;
         i++) {
        hire(run, workload->scripts[i], workload->desks, workload->len);
    }
}

/* --- power --- */

static void snap(void *argument)
{
    struct run *run = argument;

    if (run->event_count > 0) {
        const struct event *last = &run->events[run->event_count - 1];

        if (memcmp(&last->check, &run->check, sizeof(run->check)) == 0 &&
            disk_hash(last->disk) == disk_hash(run->world->disk)) {
            return;
        }
    }
    pirn_assert(run->event_count < EVENTS_MAX);
    run->events[run->event_count++] = (struct event){
        .disk = disk_clone(run->world->disk), .check = run->check};
}

/* Whether it is new in this event. */
static bool state_is_new(uint64_t *states, uint32_t *count, uint64_t hash)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (states[i] == hash) {
            return false;
        }
    }
    pirn_assert(*count < STATES_MAX);
    states[(*count)++] = hash;
    return true;
}

static void draw(bool *survives, uint32_t units, uint32_t which, bool is_all,
                 struct rng *rng)
{
    for (uint32_t i = 0; i < units; i++) {
        survives[i] = is_all ? i < 32 && (which >> i & 1) : rng_coin(rng);
    }
}

static void cut_one(struct exhaust *exhaust, const struct workload *workload,
                    const struct event *event, uint32_t place)
{
    static uint64_t states[STATES_MAX];
    static bool survives[EVENTS_MAX];
    uint32_t units = disk_unit_count(event->disk);
    bool is_all = units <= exhaust->units;
    uint32_t subsets = is_all ? 1u << units : exhaust->samples;
    struct rng rng = rng_of(exhaust->seed, place);
    uint32_t count = 0;

    pirn_assert(units <= EVENTS_MAX);
    for (uint32_t i = 0; i < subsets; i++) {
        struct event left = {.disk = disk_clone(event->disk),
                             .check = event->check};

        draw(survives, units, i, is_all, &rng);
        disk_cut(left.disk, survives, is_all ? i : rng_next(&rng));
        if (state_is_new(states, &count, disk_hash(left.disk))) {
            look(exhaust, workload, &left, "cut at event, subset", place, i);
        } else {
            disk_destroy(left.disk);
        }
    }
}

void exhaust_cuts(struct exhaust *exhaust, const struct workload *workload)
{
    struct event *events = calloc(EVENTS_MAX, sizeof(*events));
    struct run run;
    struct disk *disk = made(&run, exhaust, workload);

    pirn_assert(events != NULL);
    run.events = events;
    work(&run, exhaust, workload, disk);
    run.world->stepped = snap;
    (void)world_run(run.world);
    note_violation(exhaust, workload, &run, "whole", 0, 0);
    world_destroy(run.world);
    exhaust->events += run.event_count;
    for (uint32_t i = 0; i < run.event_count; i++) {
        cut_one(exhaust, workload, &events[i], i);
        disk_destroy(events[i].disk);
    }
    free(events);
}

/* --- errors --- */

static void refuse(struct exhaust *exhaust, const struct workload *workload,
                   const struct disk *disk, const struct check_spool *check,
                   const struct faults *how)
{
    const char *what = how->to > how->from ? "refused for ever, operation, row"
                                           : "refused once, operation, row";
    struct run run = {.check = *check};
    struct event left;
    bool failed;

    work(&run, exhaust, workload, disk_clone(disk));
    run.world->faults.row = how->row;
    run.world->faults.from = how->from;
    run.world->faults.to = how->to;
    if (world_run(run.world) == WORLD_DONE) {
        world_check_rest(run.world);
    }
    exhaust->errors++;
    failed = run.world->failed;
    note_violation(exhaust, workload, &run, what, how->from, how->row);
    left.failures = run.world->faults.happened[FAULT_EIO];
    left.check = run.check;
    left.disk = end(&run);
    if (failed) {
        disk_destroy(left.disk);
        return;
    }
    disk_cut(left.disk, NULL, 0); /* only what is durable */
    look(exhaust, workload, &left, what, how->from, how->row);
}

void exhaust_errors(struct exhaust *exhaust, const struct workload *workload)
{
    static uint8_t list[FAULT_LIST];
    struct run run;
    struct disk *disk = made(&run, exhaust, workload);
    struct check_spool check = run.check;
    struct faults how = {.calm = false};
    uint32_t count;

    work(&run, exhaust, workload, disk_clone(disk));
    run.world->faults.list = list;
    (void)world_run(run.world);
    count = run.world->faults.seen;
    pirn_assert(count <= FAULT_LIST);
    world_destroy(run.world);
    for (how.from = 0; how.from < count; how.from++) {
        how.row = 0;
        while ((how.row = fault_row(how.row, list[how.from])) > 0) {
            how.to = how.from;
            refuse(exhaust, workload, disk, &check, &how);
            how.to = UINT32_MAX;
            refuse(exhaust, workload, disk, &check, &how);
        }
    }
    disk_destroy(disk);
}
