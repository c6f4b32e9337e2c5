/* SPDX-License-Identifier: MIT */
/* shrink.c - see shrink.h */
#include "tests/sim/model/shrink.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pirn/invariant.h"

enum { SECONDS_MAX = 20 }; /* a life that hangs has failed */

static const struct world *watched;

/* Not what a signal handler may do in general; the process is lost anyway. */
static void tell_events(int number)
{
    signal(number, SIG_DFL);
    if (watched != NULL) {
        trace_print(&watched->trace, stderr);
    }
    raise(number);
}

void shrink_watch(const struct world *world)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM};

    watched = world;
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        signal(numbers[i], world != NULL ? tell_events : SIG_DFL);
    }
}

static void be_a_child(void)
{
    const struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
}

void shrink_be_quiet(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    be_a_child();
    pirn_assert(null >= 0 && dup2(null, STDERR_FILENO) >= 0);
    close(null);
}

/* Run it in a child; whether it failed. */
static bool fails(const struct scenario *scenario, const struct life *life,
                  bool tell)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct outcome outcome;

        if (tell) {
            be_a_child();
        } else {
            shrink_be_quiet();
        }
        alarm(SECONDS_MAX);
        outcome = life_run(scenario, life, tell ? stderr : NULL);
        if (tell) {
            fprintf(stderr, "%s\n", outcome.reason);
        }
        _exit(outcome.failed);
    }
    pirn_assert(waitpid(child, &status, 0) == child);
    return status != 0;
}

/* Switch off what it does not need. */
static void drop_faults(const struct scenario *scenario, struct life *life)
{
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        struct life less = *life;

        less.off |= FAULT_BIT(i);
        if ((scenario->faults & FAULT_BIT(i)) &&
            fails(scenario, &less, false)) {
            *life = less;
        }
    }
}

static void cut_storm(const struct scenario *scenario, struct life *life)
{
    for (uint32_t step = life->storm_steps / 2; step > 0; step /= 2) {
        struct life less = *life;

        less.storm_steps -= step;
        if (fails(scenario, &less, false)) {
            *life = less;
        }
    }
}

static void tell_command(const struct scenario *scenario,
                         const struct life *life, const char *program)
{
    fprintf(stderr, "PIRN_SEED=%" PRIu64 " PIRN_STEPS=%u", life->seed,
            life->storm_steps);
    if (life->off != 0) {
        const char *comma = " PIRN_OFF=";

        for (int i = 0; i < FAULT_COUNT; i++) {
            if (life->off & FAULT_BIT(i)) {
                fprintf(stderr, "%s%s", comma, fault_name(i));
                comma = ",";
            }
        }
    }
    fprintf(stderr, " %s %s\n", program, scenario->name);
}

void shrink_and_tell(const struct scenario *scenario, uint64_t seed,
                     const char *program)
{
    struct life life = {.seed = seed, .storm_steps = scenario->storm_steps};

    if (!fails(scenario, &life, false)) {
        fprintf(stderr,
                "PIRN_SEED=%" PRIu64 " failed once, and not again: "
                "something that the seed does not decide decides\n",
                seed);
        return;
    }
    drop_faults(scenario, &life);
    cut_storm(scenario, &life);
    drop_faults(scenario, &life);
    (void)fails(scenario, &life, true);
    fprintf(stderr, "replay: ");
    tell_command(scenario, &life, program);
}
