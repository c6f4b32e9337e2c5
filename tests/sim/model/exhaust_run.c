/* SPDX-License-Identifier: MIT */
/* exhaust_run.c - see exhaust_run.h */
#include "tests/sim/model/exhaust_run.h"

#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/life.h"
#include "tests/sim/model/process.h"

enum { STORM_STEPS = 4000, LATER_BYTES = 40, LATER_NUMBER = 100 };

static void refused(void *argument, enum fault fault, uint8_t opcode,
                    const char *path)
{
    struct run *run = argument;

    check_spool_refused(&run->check, fault, opcode, path);
}

static void carried_out(void *argument, const struct pirn_loan *loan,
                        int32_t result)
{
    struct run *run = argument;

    for (uint32_t i = 0; i < run->chain_count; i++) {
        chain_worker_effect(&run->chains[i], loan, result);
    }
}

static void begin(struct run *run, struct disk *disk, uint64_t seed)
{
    const struct world_config config = {
        .seed = seed, .disk = disk, .storm_steps = STORM_STEPS};

    run->world = world_create(&config);
    run->check.world = run->world;
    run->world->refused = refused;
    run->world->carried_out = carried_out;
    run->world->argument = run;
    run->count = 0;
    run->chain_count = 0;
}

static bool crosses(const struct workload *workload)
{
    return workload->spool == TO_LOG || workload->spool == TO_FILES;
}

/* Whether it needs a second queue. */
static bool moves(const struct workload *workload)
{
    bool moves = workload->before != NULL && strchr(workload->before, 'm');

    for (uint32_t i = 0; i < EXHAUST_PROCESSES; i++) {
        const char *script = workload->scripts[i];
        moves = moves || (script != NULL && strchr(script, 'm') != NULL);
    }
    return moves;
}

static void hire(struct run *run, const char *script, uint32_t desks,
                 uint32_t len)
{
    struct spool_worker *worker = &run->workers[run->count];

    pirn_assert(run->count < EXHAUST_PROCESSES);
    *worker = (struct spool_worker){
        .check = &run->check,
        .process = process_create(run->world),
        .rng = rng_of(run->world->seed, 6000 + run->count),
        .actions = script != NULL ? (uint32_t)strlen(script) : 0,
        .desks = script != NULL ? desks : 1,
        .len = len,
        .script = script,
        .takes_all = script == NULL,
        .is_log = run->check.is_log,
        .is_small = run->check.is_log || run->crosses,
        .without_log = !run->check.is_log && !run->crosses,
        .has_other = run->has_other,
        .crosses = run->crosses,
    };
    run->count++;
    process_thread(worker->process, spool_worker_run, worker);
}

/* Who makes @count files whose numbers begin with @number's. */
static struct chain_worker *hire_chain(struct run *run, uint32_t number,
                                       uint32_t count, uint32_t len)
{
    struct chain_worker *worker = &run->chains[run->chain_count];
    struct process *process = process_create(run->world);

    pirn_assert(run->chain_count < EXHAUST_PROCESSES && count <= CHAIN_FILES);
    *worker = (struct chain_worker){
        .world = run->world,
        .rng = rng_of(run->world->seed, 7000 + number),
        .number = number,
        .files = count,
        .len = len < CHAIN_BYTES ? len : CHAIN_BYTES,
        .is_steady = true,
    };
    run->chain_count++;
    process->died = chain_worker_died;
    process->argument = worker;
    process_thread(process, chain_worker_run, worker);
    return worker;
}

static void copy_promises(const struct run *run, struct promises *ret_promises)
{
    memset(ret_promises, 0, sizeof(*ret_promises));
    ret_promises->spool = run->check;
    for (uint32_t i = 0; i < run->chain_count; i++) {
        memcpy(ret_promises->files[i], run->chains[i].file,
               sizeof(ret_promises->files[i]));
    }
}

static void keep(const struct run *run, struct event *event)
{
    event->disk = disk_clone(run->world->disk);
    event->changes = disk_changes(run->world->disk);
    event->failures = run->world->faults.happened[FAULT_EIO];
    copy_promises(run, &event->promises);
}

void run_end(struct run *run, struct event *ret_left)
{
    keep(run, ret_left);
    world_destroy(run->world);
}

/* --- what was there before --- */

static void watch_held(void *argument)
{
    struct run *run = argument;
    bool is_held = false;

    for (uint32_t i = 0; i < run->check.count; i++) {
        is_held = is_held || run->check.items[i].holder != 0;
    }
    if (run->wants_held && is_held && run->held.disk == NULL) {
        keep(run, &run->held);
    }
}

struct disk *run_before(const struct exhaust *exhaust,
                        const struct workload *workload,
                        struct promises *ret_promises)
{
    struct run run = {.wants_held = workload->is_held};
    struct disk *disk = life_empty_disk(exhaust->profile);

    memset(ret_promises, 0, sizeof(*ret_promises));
    if (workload->is_chain) {
        return disk;
    }
    begin(&run, disk, exhaust->seed);
    run.has_other = moves(workload);
    run.crosses = crosses(workload);
    run.check.is_log = workload->spool == OF_LOG || workload->spool == TO_FILES;
    hire(&run, workload->before != NULL ? workload->before : "", 1,
         workload->len);
    run.world->stepped = watch_held;
    pirn_assert(world_run(run.world) == WORLD_DONE);
    pirn_assert(workload->is_held == (run.held.disk != NULL));
    if (run.held.disk != NULL) {
        run.check = run.held.promises.spool;
        disk = run.held.disk;
    } else {
        disk = disk_clone(run.world->disk);
    }
    check_spool_died(&run.check, 0); /* by this world's clock */
    world_destroy(run.world);
    disk_sync_all(disk);
    copy_promises(&run, ret_promises);
    return disk;
}

/* --- work --- */

void run_begin(struct run *run, const struct exhaust *exhaust,
               const struct workload *workload, struct disk *disk,
               const struct promises *promises)
{
    *run = (struct run){.check = promises->spool,
                        .has_other = moves(workload),
                        .crosses = crosses(workload)};
    begin(run, disk, exhaust->seed);
    for (uint32_t i = 0; i < EXHAUST_PROCESSES && workload->scripts[i] != NULL;
         i++) {
        if (workload->is_chain) {
            (void)hire_chain(run, i, (uint32_t)strlen(workload->scripts[i]),
                             workload->len);
        } else {
            hire(run, workload->scripts[i], workload->desks, workload->len);
        }
    }
}

static bool promises_are(const struct run *run, const struct promises *promises)
{
    bool are = memcmp(&promises->spool, &run->check, sizeof(run->check)) == 0;

    for (uint32_t i = 0; i < run->chain_count; i++) {
        are = are && memcmp(promises->files[i], run->chains[i].file,
                            sizeof(promises->files[i])) == 0;
    }
    return are;
}

static void snap(void *argument)
{
    struct run *run = argument;
    struct event *event = &run->events[run->event_count];
    uint64_t changes = disk_changes(run->world->disk);
    bool is_same;

    if (run->world->faults.seen < run->since) {
        return;
    }
    is_same = run->event_count > 0 && promises_are(run, &event[-1].promises);
    if (is_same && event[-1].changes == changes) {
        return;
    }
    pirn_assert(run->event_count < RUN_EVENTS_MAX);
    keep(run, event);
    if (is_same && disk_hash(event[-1].disk) == disk_hash(event->disk)) {
        event[-1].changes = changes;
        disk_destroy(event->disk);
        return;
    }
    run->event_count++;
}

void run_work(struct run *run, bool is_watched)
{
    if (is_watched) {
        run->events = calloc(RUN_EVENTS_MAX, sizeof(*run->events));
        pirn_assert(run->events != NULL);
        run->world->stepped = snap;
    }
    if (world_run(run->world) == WORLD_DONE) {
        world_check_rest(run->world);
    }
}

/* --- a look at what is left --- */

static void look_at_spool(struct run *run)
{
    check_spool_died(&run->check, 0);
    hire(run, NULL, 1, 0);
    (void)world_run(run->world);
    check_spool_end(&run->check);
    run->count = 0;
    hire(run, "et", 1, LATER_BYTES);
    (void)world_run(run->world);
}

static void look_at_files(struct run *run, const struct promises *promises)
{
    const struct chain_worker *later;

    for (uint32_t i = 0; i < EXHAUST_PROCESSES; i++) {
        for (uint32_t j = 0; j < CHAIN_FILES; j++) {
            struct check_file file = promises->files[i][j];

            file.world = file.world != NULL ? run->world : NULL;
            check_file_look(&file);
        }
    }
    later = hire_chain(run, LATER_NUMBER, 1, LATER_BYTES);
    (void)world_run(run->world);
    if (!later->file[0].acknowledged) {
        world_fail(run->world, "no file can be made any more");
    }
}

void run_look(struct run *run, const struct exhaust *exhaust,
              const struct workload *workload, const struct event *left)
{
    *run = (struct run){.check = left->promises.spool,
                        .has_other = moves(workload),
                        .crosses = crosses(workload)};
    begin(run, left->disk, exhaust->seed);
    run->world->boots = 1;
    run->world->faults.calm = true;
    run->world->faults.happened[FAULT_EIO] = left->failures;
    if (workload->is_chain) {
        look_at_files(run, &left->promises);
    } else {
        look_at_spool(run);
    }
    if (!run->world->failed) {
        world_check_rest(run->world);
    }
}
