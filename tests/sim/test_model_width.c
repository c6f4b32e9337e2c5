/* SPDX-License-Identifier: MIT */
/*
 * test_model_width.c - lives of serials, gates, requests and watches
 *
 * Its arguments and its environment are those of test_model.c.
 */
#include "test.h"

#include "tests/sim/model/width.h"

static const char *program;

static const struct scenario *const scenarios[] = {
    &scenario_gate,
    &scenario_request,
    &scenario_serial,
    &scenario_watch,
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

static void a_gate_has_one_holder_and_tells_all_the_outcome(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_gate, program));
}

static void a_request_ends_once_after_its_children(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_request, program));
}

static void a_serial_keeps_order_and_bounds_whatever_ends_how(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_serial, program));
}

static void a_watch_tells_what_is_there_and_nothing_else(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_watch, program));
}

static void the_same_seed_is_the_same_life(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCENARIOS; i++) {
        assert_true(scenario_replays(scenarios[i], 100));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gate_has_one_holder_and_tells_all_the_outcome),
        cmocka_unit_test(a_request_ends_once_after_its_children),
        cmocka_unit_test(a_serial_keeps_order_and_bounds_whatever_ends_how),
        cmocka_unit_test(a_watch_tells_what_is_there_and_nothing_else),
        cmocka_unit_test(the_same_seed_is_the_same_life),
    };
    int code;

    program = argv[0];
    if (scenario_replay(scenarios, SCENARIOS, argc, argv, &code)) {
        return code;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
