/* SPDX-License-Identifier: MIT */
/*
 * test_exhaust.c - short workloads, cut at every event, refused everywhere
 *
 *   sim_exhaust               every test
 *   PIRN_WORKLOAD=n ...       the nth workload alone
 *   PIRN_LONG=1 ...           each in four forms, and more subsets
 *   PIRN_FORM=n ...           in the nth form alone
 *   PIRN_CUT=e:s ...          the power fails at event e, subset s, alone
 *   PIRN_REFUSE=o:r:s ...     operation o is refused by row r, once (o+: and
 *                             all behind it), and then subset s is left (s@e:
 *                             at event e on the way), alone
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/model/exhaust.h"
#include "tests/sim/model/fiber.h"

enum {
    LARGE = 66 * 1024,
    THIRD = 56000,
    FORMS = 4,
    SCRIPT_MAX = 16,
    SHORTEST = 10,   /* workloads, of files, with every refusal in any run */
    FILE_EVERY = 8,  /* of others of files, one in so many in a plain run */
    LOG_EVERY = 40,  /* of the log */
    SLOW_EVERY = 16, /* with sanitizers, which are not here for the disk */
    SLOW_OTHERS = 3  /* and of the workloads that are not the shortest */
};

static const char *program;

/* What the spool's promise holds on; another profile is a line. */
static const enum disk_profile profiles[] = {
    DISK_EXT4,
};

static const struct workload workloads[] = {
    {"enqueue one", NULL, false, {"e"}, 1, 40, false, OF_FILES},
    {"enqueue two at once", NULL, false, {"ee"}, 2, 40, false, OF_FILES},
    {"claim and remove", "e", false, {"t"}, 1, 40, false, OF_FILES},
    {"claim and give back", "e", false, {"g"}, 1, 40, false, OF_FILES},
    {"a body in pieces", NULL, false, {"a"}, 1, LARGE, false, OF_FILES},
    {"abort", NULL, false, {"x"}, 1, LARGE, false, OF_FILES},
    {"two processes put", NULL, false, {"e", "e"}, 1, 40, false, OF_FILES},
    {"recovery after a kill", "et", true, {"t"}, 1, 40, false, OF_FILES},
    {"a file by a chain", NULL, false, {"c"}, 1, 40, true, OF_FILES},
    {"two processes, files by chains",
     NULL,
     false,
     {"c", "c"},
     1,
     1500,
     true,
     OF_FILES},
    {"log: enqueue one", NULL, false, {"e"}, 1, 40, false, OF_LOG},
    {"log: claim and remove", "e", false, {"d"}, 1, 40, false, OF_LOG},
    {"log: remove lazily", "e", false, {"t"}, 1, 40, false, OF_LOG},
    {"log: update", "e", false, {"u"}, 1, 40, false, OF_LOG},
    {"log: update and remove", "e", false, {"s"}, 1, 40, false, OF_LOG},
    {"log: hold", "e", false, {"h"}, 1, 40, false, OF_LOG},
    {"log: two batches", NULL, false, {"ee"}, 1, 40, false, OF_LOG},
    {"log: a large body", NULL, false, {"ed"}, 1, LARGE, false, OF_LOG},
    {"log: two processes", "e", false, {"e", "d"}, 1, 40, false, OF_LOG},
    {"log: recovery after a kill", "es", true, {"d"}, 1, 40, false, OF_LOG},
    {"log: a segment turns",
     "edededed",
     false,
     {"eded"},
     1,
     THIRD,
     false,
     OF_LOG},
    {"hold", "e", false, {"h"}, 1, 40, false, OF_FILES},
    {"delay", "e", false, {"l"}, 1, 40, false, OF_FILES},
    {"move", "e", false, {"m"}, 1, 40, false, OF_FILES},
    {"update", "e", false, {"u"}, 1, 40, false, OF_FILES},
    {"update and remove", "e", false, {"s"}, 1, 40, false, OF_FILES},
    {"give back, claim and remove", "e", false, {"gt"}, 1, 40, false, OF_FILES},
    {"two processes, put and take",
     "e",
     false,
     {"e", "t"},
     1,
     40,
     false,
     OF_FILES},
    {"move to the log", "e", false, {"m"}, 1, 40, false, TO_LOG},
    {"move to files", "e", false, {"m"}, 1, 40, false, TO_FILES},
    {"remove lazily, then durably",
     "ee",
     false,
     {"td"},
     1,
     40,
     false,
     OF_FILES},
};

enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

static bool is_long(void)
{
    return getenv("PIRN_LONG") != NULL;
}

/* Each letter of @script @times, for as long as there is room for it. */
static const char *repeat(const char *script, uint32_t times, char *room)
{
    uint32_t at = 0;

    for (; script != NULL && *script != '\0'; script++) {
        for (uint32_t i = 0; i < times && at + 1 < SCRIPT_MAX; i++) {
            room[at++] = *script;
        }
    }
    room[at] = '\0';
    return script != NULL ? room : NULL;
}

/* What a workload's other forms borrow. */
struct scripts {
    char before[SCRIPT_MAX];
    char of[EXHAUST_PROCESSES][SCRIPT_MAX];
};

/* The same with more items, larger bodies, more processes, another order. */
static struct workload form_of(const struct workload *workload, uint32_t form,
                               struct scripts *scripts)
{
    static const uint32_t items[FORMS] = {1, 2, 3, 2};
    struct workload other = *workload;

    if (form & 1) {
        other.len = 5000;
        other.desks = 2;
    }
    if (form & 2) {
        for (uint32_t i = EXHAUST_PROCESSES - 1; i > 0; i--) {
            other.scripts[i] = other.scripts[i] != NULL       ? other.scripts[i]
                               : other.scripts[i - 1] == NULL ? NULL
                               : workload->is_chain           ? "c"
                                                              : "e";
        }
    }
    other.before = repeat(other.before, items[form], scripts->before);
    for (uint32_t i = 0; i < EXHAUST_PROCESSES; i++) {
        other.scripts[i] =
            repeat(other.scripts[i], items[form], scripts->of[i]);
    }
    return other;
}

typedef void exhaust_fn(struct exhaust *exhaust,
                        const struct workload *workload);

static bool is_asked(const char *name, uint32_t number)
{
    const char *only = getenv(name);

    return only == NULL || strtoul(only, NULL, 0) == number;
}

/* One command that does again what failed first. */
static void tell_failure(const struct exhaust *exhaust, uint32_t number,
                         uint32_t form)
{
    printf("# the first: %s\n", exhaust->reason);
    printf("# replay: PIRN_WORKLOAD=%u PIRN_FORM=%u %s%s %s\n", number, form,
           is_long() ? "PIRN_LONG=1 " : "", exhaust->place, program);
}

static uint32_t every_of(uint32_t number)
{
    bool has_log = workloads[number].spool != OF_FILES;
    uint32_t every = has_log ? LOG_EVERY : number < SHORTEST ? 1 : FILE_EVERY;

    return is_long() ? 1 : fiber_is_slow() ? every * SLOW_EVERY : every;
}

static bool is_left_out(uint32_t number)
{
    return fiber_is_slow() && !is_long() && number >= SHORTEST &&
           number % SLOW_OTHERS != 0 && getenv("PIRN_WORKLOAD") == NULL;
}

static void run(struct exhaust *exhaust, exhaust_fn *fn, uint32_t *ret_count)
{
    bool is_every_form = is_long() || getenv("PIRN_FORM") != NULL;

    for (uint32_t i = 0; i < WORKLOADS; i++) {
        for (uint32_t form = 0; form < (is_every_form ? FORMS : 1); form++) {
            struct scripts scripts;
            struct workload workload = form_of(&workloads[i], form, &scripts);
            bool held = exhaust->violations == 0;

            if (!is_left_out(i) && is_asked("PIRN_WORKLOAD", i) &&
                is_asked("PIRN_FORM", form)) {
                exhaust->seed = 1 + form;
                exhaust->every = every_of(i);
                exhaust->is_deep = is_long() && form == 0;
                fn(exhaust, &workload);
                ++*ret_count;
            }
            if (held && exhaust->violations > 0) {
                tell_failure(exhaust, i, form);
            }
        }
    }
}

static void exhaust_all(exhaust_fn *fn, const char *what,
                        const struct exhaust_place *only)
{
    for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct exhaust exhaust = {
            .profile = profiles[i],
            .units = fiber_is_slow() ? 6 : 12,
            .samples = is_long()         ? 4096
                       : fiber_is_slow() ? 16
                                         : 256,
            .only = *only,
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
        assert_int_equal(exhaust.violations, 0);
        assert_true(exhaust.states > 0); /* what is asked for is a place */
    }
}

/* What the environment asks for; @other: that it asks for the other kind. */
static struct exhaust_place asked_for(
    const char *name, const char *other,
    bool (*parse)(const char *text, struct exhaust_place *place))
{
    struct exhaust_place place = {.is_set = false};
    const char *text = getenv(name);

    if (text == NULL && getenv(other) != NULL) {
        skip();
    }
    assert_true(text == NULL || parse(text, &place));
    return place;
}

static void what_is_acknowledged_survives_every_cut(void **state)
{
    struct exhaust_place only =
        asked_for("PIRN_CUT", "PIRN_REFUSE", exhaust_parse_cut);

    (void)state;
    exhaust_all(exhaust_cuts, "cuts", &only);
}

static void every_error_of_every_operation_is_survived(void **state)
{
    struct exhaust_place only =
        asked_for("PIRN_REFUSE", "PIRN_CUT", exhaust_parse_refusal);

    (void)state;
    exhaust_all(exhaust_errors, "errors", &only);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_survives_every_cut),
        cmocka_unit_test(every_error_of_every_operation_is_survived),
    };

    program = argc > 0 ? argv[0] : "sim_exhaust";
    cmocka_set_test_filter(getenv("PIRN_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
