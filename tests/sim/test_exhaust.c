/* SPDX-License-Identifier: MIT */
/*
 * test_exhaust.c - short workloads, cut at every event, refused everywhere
 *
 *   sim_exhaust               every test
 *   PIRN_WORKLOAD=n ...       the nth workload alone
 *   PIRN_LONG=1 ...           each in four forms, and more subsets
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/sim/model/exhaust.h"

enum { LARGE = 66 * 1024, FORMS = 4 };

/* What the spool's promise holds on; another profile is a line. */
static const enum disk_profile profiles[] = {
    DISK_EXT4,
};

static const struct workload workloads[] = {
    {"enqueue one", NULL, false, {"e"}, 1, 40},
    {"enqueue two at once", NULL, false, {"ee"}, 2, 40},
    {"claim and remove", "e", false, {"t"}, 1, 40},
    {"claim and give back", "e", false, {"g"}, 1, 40},
    {"give back, claim and remove", "e", false, {"gt"}, 1, 40},
    {"a body in pieces", NULL, false, {"a"}, 1, LARGE},
    {"abort", NULL, false, {"x"}, 1, LARGE},
    {"two processes, put and take", "e", false, {"e", "t"}, 1, 40},
    {"two processes put", NULL, false, {"e", "e"}, 1, 40},
    {"recovery after a kill", "et", true, {"t"}, 1, 40},
};

enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

static bool is_long(void)
{
    return getenv("PIRN_LONG") != NULL;
}

/* The same with larger bodies, more processes, another order. */
static struct workload form_of(const struct workload *workload, uint32_t form)
{
    struct workload other = *workload;

    if (form & 1) {
        other.len = 5000;
        other.desks = 2;
    }
    if (form & 2) {
        for (uint32_t i = EXHAUST_PROCESSES - 1; i > 0; i--) {
            other.scripts[i] = other.scripts[i] != NULL       ? other.scripts[i]
                               : other.scripts[i - 1] != NULL ? "e"
                                                              : NULL;
        }
    }
    return other;
}

typedef void exhaust_fn(struct exhaust *exhaust,
                        const struct workload *workload);

static void run(struct exhaust *exhaust, exhaust_fn *fn, uint32_t *ret_count)
{
    const char *only = getenv("PIRN_WORKLOAD");

    for (uint32_t i = 0; i < WORKLOADS; i++) {
        for (uint32_t form = 0; form < (is_long() ? FORMS : 1); form++) {
            struct workload workload = form_of(&workloads[i], form);

            if (only == NULL || strtoul(only, NULL, 0) == i) {
                exhaust->seed = 1 + form;
                fn(exhaust, &workload);
                ++*ret_count;
            }
        }
    }
}

static void exhaust_all(exhaust_fn *fn, const char *what)
{
    for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct exhaust exhaust = {
            .profile = profiles[i],
            .units = 12,
            .samples = is_long() ? 4096 : 256,
        };
        clock_t begin = clock();
        uint32_t count = 0;

        run(&exhaust, fn, &count);
        printf("# {\"exhaustive\": \"%s\", \"profile\": %d, \"workloads\": %u, "
               "\"events\": %" PRIu64 ", \"states\": %" PRIu64
               ", \"errors\": %" PRIu64
               ", \"violations\": %u, \"cpu_seconds\": %.2f}\n",
               what, (int)profiles[i], count, exhaust.events, exhaust.states,
               exhaust.errors, exhaust.violations,
               (double)(clock() - begin) / CLOCKS_PER_SEC);
        if (exhaust.violations > 0) {
            printf("# the first: %s\n", exhaust.reason);
        }
        assert_int_equal(exhaust.violations, 0);
    }
}

static void what_is_acknowledged_survives_every_cut(void **state)
{
    (void)state;
    exhaust_all(exhaust_cuts, "cuts");
}

static void every_error_of_every_operation_is_survived(void **state)
{
    (void)state;
    exhaust_all(exhaust_errors, "errors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_survives_every_cut),
        cmocka_unit_test(every_error_of_every_operation_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
