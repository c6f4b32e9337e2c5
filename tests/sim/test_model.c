/* SPDX-License-Identifier: MIT */
/*
 * test_model.c - lives of the runtime on the model
 *
 *   sim_model                               every test
 *   PIRN_SEED=n sim_model SCENARIO          one life, as a failure told it
 *   PIRN_LIVES=n sim_model                  so many lives of each scenario
 */
#include "test.h"

#include "tests/sim/model/scenarios.h"

static const char *program;

static const struct scenario *const scenarios[] = {
    &scenario_canary,
    &scenario_chain,
    &scenario_serve,
    &scenario_stream,
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

static void a_chain_publishes_what_is_durable_and_whole(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_chain, program));
}

static void a_chain_that_forgets_its_directory_is_found(void **state)
{
    (void)state;
    assert_true(scenario_fails(&scenario_canary));
}

static void a_server_hears_each_client_in_order(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_serve, program));
}

static void streams_keep_bytes_and_order(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_stream, program));
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
        cmocka_unit_test(a_chain_publishes_what_is_durable_and_whole),
        cmocka_unit_test(a_chain_that_forgets_its_directory_is_found),
        cmocka_unit_test(a_server_hears_each_client_in_order),
        cmocka_unit_test(streams_keep_bytes_and_order),
        cmocka_unit_test(the_same_seed_is_the_same_life),
    };
    int code;

    program = argv[0];
    if (scenario_replay(scenarios, SCENARIOS, argc, argv, &code)) {
        return code;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
