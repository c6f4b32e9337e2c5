/* SPDX-License-Identifier: MIT */
/* life.c - see life.h; one life, and many */
#include "tests/sim/model/life.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pirn/invariant.h"
#include "tests/sim/model/fiber.h"
#include "tests/sim/model/shrink.h"

enum {
    LONG_TIMES = 100,
    SLOWER_TIMES = 20,
    HUNT_LIVES = 1000000,
    SECONDS_MAX = 20, /* a life that hangs has failed */
};

struct disk *life_empty_disk(enum disk_profile profile)
{
    const struct disk_config config = {
        .profile = profile,
        .capacity_bytes = 64u << 20,
        .inode_max = 4096,
    };

    return disk_create(&config);
}

static enum disk_profile profile_of(const struct scenario *scenario,
                                    uint64_t seed)
{
    struct rng rng = rng_of(seed, 2);
    enum disk_profile profile;

    do {
        profile = rng_below(&rng, DISK_CHAOS + 1);
    } while (!(scenario->profiles & LIFE_PROFILE(profile)));
    return profile;
}

static struct disk *disk_of(const struct scenario *scenario, uint64_t seed)
{
    enum disk_profile profile = profile_of(scenario, seed);

    return scenario->disk != NULL ? scenario->disk(profile, seed)
                                  : life_empty_disk(profile);
}

struct outcome life_run(const struct scenario *scenario,
                        const struct life *life, FILE *out)
{
    const struct world_config config = {
        .seed = life->seed,
        .faults = scenario->faults,
        .often = scenario->often,
        .off = life->off,
        .storm_steps = life->storm_steps,
        .disk = disk_of(scenario, life->seed),
    };
    struct world *world = world_create(&config);
    struct outcome outcome;

    if (out != NULL) {
        shrink_watch(world);
    }
    world->trace.live = getenv("PIRN_TRACE") != NULL ? out : NULL;
    scenario->live(world);
    outcome = (struct outcome){
        .failed = world->failed,
        .hash = world_hash(world),
        .steps = world->steps,
    };
    memcpy(outcome.reason, world->reason, sizeof(outcome.reason));
    if (out != NULL && outcome.failed) {
        trace_print(&world->trace, out);
    }
    if (out != NULL) {
        shrink_watch(NULL);
    }
    world_destroy(world);
    return outcome;
}

/* What a child that runs lives tells its parent, who may have to bury it. */
struct report {
    uint64_t at; /* the life that runs */
    uint64_t steps;
    bool failed;
};

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

/* The same lives for everybody who tests a change; others where time is. */
static uint64_t first_seed(void)
{
    uint64_t seed = UINT64_C(0x7069726e) << 16;

    if (number_of("PIRN_LONG", 0) != 0) {
        pirn_assert(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
    }
    return number_of("PIRN_SEED", seed >> 16);
}

static uint64_t life_count(const struct scenario *scenario)
{
    uint64_t count = scenario->lives;

    if (number_of("PIRN_LONG", 0) != 0) {
        count *= LONG_TIMES;
    }
    if (fiber_is_slow()) {
        count = count / SLOWER_TIMES + 1;
    }
    return number_of("PIRN_LIVES", count);
}

typedef void lives_fn(const struct scenario *scenario, uint64_t first,
                      uint64_t count, struct report *report);

static void run_lives(const struct scenario *scenario, uint64_t first,
                      uint64_t count, struct report *report)
{
    struct life life = {.storm_steps = scenario->storm_steps};

    for (report->at = 0; report->at < count && !report->failed; report->at++) {
        struct outcome outcome;

        life.seed = first + report->at;
        alarm(SECONDS_MAX);
        outcome = life_run(scenario, &life, NULL);
        report->steps += outcome.steps;
        report->failed = outcome.failed;
        if (outcome.failed) {
            return;
        }
    }
}

/* What they come to: an abort is a failure of the life that ran. */
static struct report in_a_child(lives_fn *lives,
                                const struct scenario *scenario, uint64_t first,
                                uint64_t count)
{
    struct report *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct report report;
    int status = 0;
    pid_t child;

    pirn_assert(shared != MAP_FAILED);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        shrink_be_quiet();
        lives(scenario, first, count, shared);
        _exit(0);
    }
    pirn_assert(waitpid(child, &status, 0) == child);
    report = *shared;
    report.failed = report.failed || status != 0;
    munmap(shared, sizeof(*shared));
    return report;
}

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) +
           (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/* For people and scripts: one line of JSON. */
static void tell_figures(const struct scenario *scenario, uint64_t first,
                         const struct report *report, double seconds)
{
    printf("# {\"scenario\": \"%s\", \"lives\": %" PRIu64
           ", \"first_seed\": %" PRIu64 ", \"steps\": %" PRIu64
           ", \"seconds\": %.2f, \"violations\": %d}\n",
           scenario->name, report->at + report->failed, first, report->steps,
           seconds, report->failed);
}

static struct report run_and_tell(const struct scenario *scenario,
                                  uint64_t first, uint64_t count)
{
    struct timespec begin;
    struct report report;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    report = in_a_child(run_lives, scenario, first, count);
    tell_figures(scenario, first, &report, seconds_since(&begin));
    return report;
}

bool scenario_holds(const struct scenario *scenario, const char *program)
{
    uint64_t first = first_seed();
    struct report report = run_and_tell(scenario, first, life_count(scenario));

    if (report.failed) {
        shrink_and_tell(scenario, first + report.at, program);
    }
    return !report.failed;
}

bool scenario_fails(const struct scenario *scenario)
{
    return in_a_child(run_lives, scenario, first_seed(), scenario->lives)
        .failed;
}

static void replay_lives(const struct scenario *scenario, uint64_t first,
                         uint64_t count, struct report *report)
{
    struct life life = {.storm_steps = scenario->storm_steps};

    for (report->at = 0; report->at < count; report->at++) {
        uint64_t once;

        life.seed = first + report->at;
        alarm(2 * SECONDS_MAX);
        once = life_run(scenario, &life, NULL).hash;
        if (life_run(scenario, &life, NULL).hash != once) {
            report->failed = true;
            return;
        }
    }
}

bool scenario_replays(const struct scenario *scenario, uint32_t count)
{
    uint64_t first = first_seed();
    uint32_t times = number_of("PIRN_LONG", 0) != 0 ? 10 : 1;
    struct report report =
        in_a_child(replay_lives, scenario, first, times * count);

    printf("# {\"replayed\": \"%s\", \"lives\": %" PRIu64
           ", \"first_seed\": %" PRIu64 ", \"differences\": %d}\n",
           scenario->name, report.at + report.failed, first, report.failed);
    if (report.failed) {
        fprintf(stderr, "%s: PIRN_SEED=%" PRIu64 " gave two different lives\n",
                scenario->name, first + report.at);
    }
    return !report.failed;
}

static int replay_one(const struct scenario *scenario)
{
    const struct life life = {
        .seed = first_seed(),
        .off = faults_parse(getenv("PIRN_OFF")),
        .storm_steps = (uint32_t)number_of("PIRN_STEPS", scenario->storm_steps),
    };
    struct outcome outcome;

    alarm(SECONDS_MAX);
    outcome = life_run(scenario, &life, stderr);
    printf("%s: PIRN_SEED=%" PRIu64 " hash %016" PRIx64 " %s%s\n",
           scenario->name, life.seed, outcome.hash,
           outcome.failed ? "failed: " : "holds", outcome.reason);
    return outcome.failed;
}

/* The first life that fails, neither shrunk nor told: 1, there is one. */
static int hunt(const struct scenario *scenario)
{
    return run_and_tell(scenario, first_seed(),
                        number_of("PIRN_LIVES", HUNT_LIVES))
        .failed;
}

bool scenario_replay(const struct scenario *const *scenarios, uint32_t count,
                     int argc, char **argv, int *ret_code)
{
    if (argc < 2) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(scenarios[i]->name, argv[1]) == 0) {
            *ret_code = argc > 2 && strcmp(argv[2], "hunt") == 0
                            ? hunt(scenarios[i])
                            : replay_one(scenarios[i]);
            return true;
        }
    }
    fprintf(stderr, "%s: no scenario %s\n", argv[0], argv[1]);
    *ret_code = 1;
    return true;
}
