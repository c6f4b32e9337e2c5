/* SPDX-License-Identifier: MIT */
/*
 * scenario_spool.c - several processes on one spool; some die, the power fails
 *
 *   storm: processes put and take; who is killed is replaced; after a power cut
 *          others begin, on what is left
 *   calm:  what was begun ends
 *   then   the power fails once more, and somebody takes all that is there;
 *          in some lives another one looks what has become of what was damaged,
 *          or damages what is left
 *
 * Most lives begin on a spool that was made before, one in eight makes it.
 */
#include <stdlib.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/scenarios.h"
#include "tests/sim/model/spool_checker.h"
#include "tests/sim/model/spool_clearer.h"
#include "tests/sim/model/spool_doctor.h"
#include "tests/sim/model/spool_inquest.h"
#include "tests/sim/model/spool_remains.h"
#include "tests/sim/model/spool_vandal.h"
#include "tests/sim/model/spool_worker.h"

enum { WORKERS = 24, AT_ONCE_MAX = 3, BOOTS_MAX = 4 };

/* Of all desks of one: of the log more, because its segments are to turn. */
enum { ACTIONS_MAX = 8, ACTIONS_LOG = 48 };

struct spool_life {
    struct check_spool check;
    bool is_log;
    bool is_small; /* its segments are few */
    bool crosses;  /* items go from one layout to the other, and back */
    bool without_log;
    bool is_rich;    /* bodies are shared, names reserved, owners fenced out */
    bool is_faulty;  /* what happens may damage it */
    bool is_checked; /* some look for faults, and at last one makes them */
    bool is_hurt;    /* or one makes them beside all others */
    struct spool_worker workers[WORKERS];
    uint32_t count;
};

static void hire(struct spool_life *life, void (*run)(void *argument));

/* One in three checks, where that is done. */
static void hire_any(struct spool_life *life)
{
    bool checks =
        life->is_checked && rng_below(&life->check.world->schedule, 3) == 0;

    hire(life, checks ? spool_checker_run : spool_worker_run);
}

/* Somebody takes his place, while there is room for more. */
static void died(void *argument)
{
    struct spool_life *life = argument;
    struct world *world = life->check.world;

    for (uint32_t i = 0; i < life->count; i++) {
        if (life->workers[i].process->state == PROCESS_DEAD) {
            check_spool_died(&life->check, life->workers[i].process->number);
        }
    }
    if (life->count < WORKERS - AT_ONCE_MAX - 1 && !world->power_cut) {
        hire_any(life);
    }
}

static void hire(struct spool_life *life, void (*run)(void *argument))
{
    struct world *world = life->check.world;
    struct spool_worker *worker = &life->workers[life->count];
    struct process *process = process_create(world);

    pirn_assert(life->count < WORKERS);
    *worker = (struct spool_worker){
        .check = &life->check,
        .process = process,
        .rng = rng_of(world->seed, 4000 + life->count),
        .takes_all = run == NULL,
        .is_log = life->is_log,
        .is_small = life->is_small,
        .without_log = life->without_log,
        .has_other = !life->is_small,
        .crosses = life->crosses,
        .is_rich = life->is_rich && run != NULL,
    };
    life->count++;
    worker->early = rng_coin(&worker->rng) && !worker->takes_all;
    worker->actions = rng_between(
        &worker->rng, 1,
        life->is_log && rng_coin(&worker->rng) ? ACTIONS_LOG : ACTIONS_MAX);
    worker->desks =
        worker->takes_all ? 1 : rng_between(&worker->rng, 1, WORKER_DESKS);
    process->mortal = !worker->takes_all;
    process->died = died;
    process->argument = life;
    process_thread(process, run != NULL ? run : spool_worker_run, worker);
}

static void refused(void *argument, enum fault fault, uint8_t opcode,
                    const char *path)
{
    struct spool_life *life = argument;

    check_spool_refused(&life->check, fault, opcode, path);
}

/* A log beside the files, which they do not need, costs most of a life. */
static bool is_without_log(uint64_t seed)
{
    return seed % 4 != 0;
}

/* The power fails once more, and somebody takes all that is there. */
static void take_stock(struct spool_life *life, enum world_end end)
{
    struct world *world = life->check.world;

    world->faults.calm = true;
    if (life->is_hurt) {
        spool_remains_check(&life->check);
    }
    if (end == WORLD_DONE) {
        world_check_rest(world);
        if (!life->check.is_uncut) {
            world_cut_power(world);
        }
    }
    check_spool_died(&life->check, 0);
    hire(life, NULL);
    (void)world_run(world);
    check_spool_end(&life->check);
}

/* One who is alone, and is not killed. */
static void hire_last(struct spool_life *life, void (*run)(void *argument))
{
    hire(life, run);
    life->workers[life->count - 1].process->mortal = false;
    (void)world_run(life->check.world);
}

static void look_after(struct spool_life *life)
{
    if (life->is_log && !life->crosses && !life->is_checked) {
        hire(life, spool_clearer_run);
        (void)world_run(life->check.world);
    } else if (life->is_hurt) {
        hire_last(life, spool_inquest_run);
    } else if (life->is_checked && life->check.world->seed % 2 == 0) {
        hire_last(life, spool_doctor_run);
    }
}

static void live_as(struct world *world, const struct spool_life *kind)
{
    struct spool_life *life = malloc(sizeof(*life));
    enum world_end end = WORLD_POWER_CUT;

    pirn_assert(life != NULL);
    *life = *kind;
    life->check.world = world;
    life->without_log =
        !life->is_log && !life->crosses && is_without_log(world->seed);
    life->check.is_log = life->is_log;
    life->check.is_checked = life->is_checked;
    life->check.is_mixed = life->crosses && life->is_rich;
    life->check.is_sound = !life->is_faulty;
    life->check.is_uncut = life->is_hurt && life->is_log && !life->crosses;
    life->check.crosses = life->crosses;
    world->refused = refused;
    world->argument = life;
    for (uint32_t boot = 0; boot < BOOTS_MAX && end == WORLD_POWER_CUT;
         boot++) {
        uint32_t count = rng_between(&world->schedule, 1, AT_ONCE_MAX);

        check_spool_died(&life->check, 0);
        while (count-- > 0 && life->count < WORKERS - 2) {
            hire_any(life);
        }
        if (life->is_hurt && life->count < WORKERS - 2) {
            hire(life, spool_vandal_run);
        }
        end = world_run(world);
    }
    if (!world->failed) {
        take_stock(life, end);
    }
    if (!world->failed) {
        look_after(life);
    }
    free(life);
}

static void live(struct world *world)
{
    live_as(world, &(struct spool_life){.is_log = false});
}

static void live_log(struct world *world)
{
    live_as(world, &(struct spool_life){.is_log = true});
}

static void live_turn(struct world *world)
{
    live_as(world, &(struct spool_life){.is_log = true, .is_small = true});
}

static void live_together(struct world *world)
{
    live_as(world, &(struct spool_life){.is_rich = true, .is_checked = true});
}

static void live_hurt(struct world *world)
{
    live_as(world, &(struct spool_life){
                       .is_rich = true, .is_checked = true, .is_hurt = true});
}

static void live_hurt_log(struct world *world)
{
    live_as(world, &(struct spool_life){.is_log = true,
                                        .is_rich = true,
                                        .is_checked = true,
                                        .is_hurt = true});
}

static void live_hurt_move(struct world *world)
{
    bool is_log = world->seed % 2 == 0;

    live_as(world, &(struct spool_life){.is_log = is_log,
                                        .crosses = true,
                                        .is_rich = true,
                                        .is_checked = true,
                                        .is_hurt = true});
}

static void live_together_log(struct world *world)
{
    live_as(world, &(struct spool_life){
                       .is_log = true, .is_rich = true, .is_checked = true});
}

static void live_together_move(struct world *world)
{
    bool is_log = world->seed % 2 == 0;

    live_as(world, &(struct spool_life){.is_log = is_log,
                                        .crosses = true,
                                        .is_rich = true,
                                        .is_checked = true});
}

static void live_check(struct world *world)
{
    live_as(world, &(struct spool_life){.is_checked = true});
}

static void live_move(struct world *world)
{
    bool is_log = world->seed % 2 == 0;

    live_as(world, &(struct spool_life){.is_log = is_log, .crosses = true});
}

static void live_check_log(struct world *world)
{
    live_as(world, &(struct spool_life){.is_log = true, .is_checked = true});
}

static void live_check_faulty(struct world *world)
{
    live_as(world, &(struct spool_life){.is_checked = true, .is_faulty = true});
}

static void live_check_move(struct world *world)
{
    bool is_log = world->seed % 2 == 0;

    live_as(world, &(struct spool_life){
                       .is_log = is_log, .crosses = true, .is_checked = true});
}

/* A spool that was made in a world without faults, once per profile. */
static struct disk *made_before(enum disk_profile profile,
                                const struct spool_life *kind)
{
    static struct disk *all[5][DISK_CHAOS + 1];
    uint32_t which = kind->crosses  ? 3 + kind->is_log
                     : kind->is_log ? 2
                                    : kind->without_log;
    struct disk **made = all[which];
    struct world_config config = {.seed = 0};
    struct spool_life *life;
    struct world *world;

    if (made[profile] == NULL) {
        config.disk = life_empty_disk(profile);
        world = world_create(&config);
        life = malloc(sizeof(*life));
        pirn_assert(life != NULL);
        *life = *kind;
        life->check.world = world;
        hire(life, NULL);
        pirn_assert(world_run(world) == WORLD_DONE);
        disk_sync_all(world->disk);
        made[profile] = disk_clone(world->disk);
        world_destroy(world);
        free(life);
    }
    return disk_clone(made[profile]);
}

static struct disk *disk(enum disk_profile profile, uint64_t seed)
{
    return seed % 8 == 0
               ? life_empty_disk(profile)
               : made_before(profile, &(struct spool_life){
                                          .without_log = is_without_log(seed)});
}

static struct disk *disk_log(enum disk_profile profile, uint64_t seed)
{
    return seed % 8 == 0
               ? life_empty_disk(profile)
               : made_before(profile, &(struct spool_life){.is_log = true});
}

static struct disk *disk_move(enum disk_profile profile, uint64_t seed)
{
    return seed % 8 == 0
               ? life_empty_disk(profile)
               : made_before(profile,
                             &(struct spool_life){.is_log = seed % 2 == 0,
                                                  .crosses = true});
}

/* A journal that keeps the order of names: ext4. */
const struct scenario scenario_spool = {
    .name = "spool",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 1200,
    .profiles = LIFE_PROFILE(DISK_EXT4),
    .disk = disk,
    .live = live,
};

/* What neither fails nor comes late, but for kills and the power: so nothing
 * excuses a removal that is late. */
const struct scenario scenario_spool_cut = {
    .name = "spool-cut",
    .faults = FAULT_BIT(FAULT_KILL) | FAULT_BIT(FAULT_POWER) |
              FAULT_BIT(FAULT_ENTER) | FAULT_BIT(FAULT_EARLY),
    .storm_steps = 3000,
    .lives = 200,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk,
    .live = live,
};

/* Reads that fall short, of bodies and of metadata. */
const struct scenario scenario_spool_short = {
    .name = "spool-short",
    .faults = FAULT_BIT(FAULT_SHORT) | FAULT_BIT(FAULT_KILL),
    .often = FAULT_BIT(FAULT_SHORT),
    .storm_steps = 2000,
    .lives = 600,
    .profiles = LIFE_PROFILE(DISK_EXT4),
    .disk = disk,
    .live = live,
};

/* Names get durable in any order. */
const struct scenario scenario_spool_strict = {
    .name = "spool-strict",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 1200,
    .profiles = LIFE_PROFILE(DISK_STRICT),
    .disk = disk,
    .live = live,
};

/* And sizes without their data, torn sectors, old bytes. */
const struct scenario scenario_spool_chaos = {
    .name = "spool-chaos",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 1200,
    .profiles = LIFE_PROFILE(DISK_CHAOS),
    .disk = disk,
    .live = live,
};

/* The log layout: each process writes segments of its own, and what they share
 * is in a mapped file. */
const struct scenario scenario_log = {
    .name = "log",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 1000,
    .profiles = LIFE_PROFILE(DISK_EXT4),
    .disk = disk_log,
    .live = live_log,
};

const struct scenario scenario_log_short = {
    .name = "log-short",
    .faults = FAULT_BIT(FAULT_SHORT) | FAULT_BIT(FAULT_KILL),
    .often = FAULT_BIT(FAULT_SHORT),
    .storm_steps = 2000,
    .lives = 200,
    .profiles = LIFE_PROFILE(DISK_EXT4),
    .disk = disk_log,
    .live = live_log,
};

const struct scenario scenario_log_strict = {
    .name = "log-strict",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 250,
    .profiles = LIFE_PROFILE(DISK_STRICT),
    .disk = disk_log,
    .live = live_log,
};

const struct scenario scenario_log_chaos = {
    .name = "log-chaos",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 250,
    .profiles = LIFE_PROFILE(DISK_CHAOS),
    .disk = disk_log,
    .live = live_log,
};

/* What neither fails nor comes late, but for kills and the power: so nothing
 * excuses a removal that is late. */
const struct scenario scenario_log_cut = {
    .name = "log-cut",
    .faults = FAULT_BIT(FAULT_KILL) | FAULT_BIT(FAULT_POWER) |
              FAULT_BIT(FAULT_ENTER) | FAULT_BIT(FAULT_EARLY),
    .storm_steps = 3000,
    .lives = 250,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_log,
    .live = live_log,
};

/* Few segments, and syncs that take their time: segments turn while what sets
 * them free is still on its way. */
const struct scenario scenario_log_turn = {
    .name = "log-turn",
    .faults =
        FAULT_BIT(FAULT_LATE) | FAULT_BIT(FAULT_KILL) | FAULT_BIT(FAULT_POWER),
    .often = FAULT_BIT(FAULT_LATE),
    .storm_steps = 6000,
    .lives = 250,
    .profiles = LIFE_PROFILE(DISK_EXT4),
    .live = live_turn,
};

/* Items go from files to the log and back, while others take them. */
const struct scenario scenario_move = {
    .name = "move",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 2000,
    .lives = 200,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_move,
    .live = live_move,
};

/* Checks beside those who put and take, with and without mending; nothing that
 * happens there damages a spool, so nothing may be found that is not left by
 * the dead. At last damage is done, found and mended. */
#define FAULTS_SOUND                                                           \
    (FAULT_BIT(FAULT_SHORT) | FAULT_BIT(FAULT_LATE) | FAULT_BIT(FAULT_ENTER) | \
     FAULT_BIT(FAULT_EARLY) | FAULT_BIT(FAULT_OVERFLOW) |                      \
     FAULT_BIT(FAULT_CLOCK) | FAULT_BIT(FAULT_KILL) | FAULT_BIT(FAULT_STOP) |  \
     FAULT_BIT(FAULT_POWER))

const struct scenario scenario_check = {
    .name = "check",
    .faults = FAULTS_SOUND,
    .storm_steps = 12000,
    .lives = 40,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk,
    .live = live_check,
};

const struct scenario scenario_check_log = {
    .name = "check-log",
    .faults = FAULTS_SOUND,
    .storm_steps = 12000,
    .lives = 24,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_log,
    .live = live_check_log,
};

const struct scenario scenario_check_move = {
    .name = "check-move",
    .faults = FAULTS_SOUND,
    .storm_steps = 12000,
    .lives = 24,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_move,
    .live = live_check_move,
};

/* And where anything fails: nothing is lost, whatever is set aside. */
const struct scenario scenario_check_faulty = {
    .name = "check-faulty",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_RESET) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 12000,
    .lives = 16,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk,
    .live = live_check_faulty,
};

/* Those who share bodies, put under names and fence each other out, beside all
 * else. */
const struct scenario scenario_together = {
    .name = "together",
    .faults = FAULTS_SOUND,
    .storm_steps = 3000,
    .lives = 60,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk,
    .live = live_together,
};

const struct scenario scenario_together_log = {
    .name = "together-log",
    .faults = FAULTS_SOUND,
    .storm_steps = 3000,
    .lives = 24,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_log,
    .live = live_together_log,
};

const struct scenario scenario_together_move = {
    .name = "together-move",
    .faults = FAULTS_SOUND,
    .storm_steps = 3000,
    .lives = 24,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_move,
    .live = live_together_move,
};

/* Items are damaged while others put, take, move, check and die. */
const struct scenario scenario_hurt = {
    .name = "hurt",
    .faults = FAULTS_SOUND,
    .storm_steps = 3000,
    .lives = 36,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk,
    .live = live_hurt,
};

/* Of the log without power cuts: behind one a record that is damaged may be
 * taken for one that was never committed. */
const struct scenario scenario_hurt_log = {
    .name = "hurt-log",
    .faults = FAULTS_SOUND & ~FAULT_BIT(FAULT_POWER),
    .storm_steps = 3000,
    .lives = 16,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_log,
    .live = live_hurt_log,
};

/* Those among the files, while some go to the log and back. */
const struct scenario scenario_hurt_move = {
    .name = "hurt-move",
    .faults = FAULTS_SOUND,
    .storm_steps = 3000,
    .lives = 12,
    .profiles = LIFE_PROFILES_ALL,
    .disk = disk_move,
    .live = live_hurt_move,
};
