/* SPDX-License-Identifier: MIT */
/* test_model_spool.c - lives of the spool on the model; see test_model.c */
#include "test.h"

#include "tests/sim/model/fiber.h"
#include "tests/sim/model/scenarios.h"

static const char *program;

static const struct scenario *const scenarios[] = {
    &scenario_spool,        &scenario_spool_short,   &scenario_spool_strict,
    &scenario_spool_chaos,  &scenario_log,           &scenario_log_chaos,
    &scenario_log_cut,      &scenario_log_short,     &scenario_log_strict,
    &scenario_log_turn,     &scenario_move,          &scenario_check,
    &scenario_check_move,   &scenario_check_faulty,  &scenario_together,
    &scenario_together_log, &scenario_together_move, &scenario_spool_cut,
    &scenario_check_log,    &scenario_hurt,          &scenario_hurt_log,
    &scenario_hurt_move,
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

/* With sanitizers, which see no more in a life that comes twice, a few; and of
 * lives that are long, or much like others. */
enum { REPLAYS = 100, SLOW_REPLAYS = 5 };

static uint32_t replays_of(const struct scenario *scenario)
{
    return fiber_is_slow() || scenario->lives < REPLAYS ? SLOW_REPLAYS
                                                        : REPLAYS;
}

static void what_is_acknowledged_is_there_and_whole(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_spool, program));
}

static void names_that_get_durable_in_any_order_lose_nothing(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_spool_strict, program));
}

static void nor_does_a_disk_that_tears_and_shows_old_bytes(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_spool_chaos, program));
}

static void what_is_read_in_pieces_is_not_damaged(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_spool_short, program));
}

static void nor_does_the_log_whatever_fails(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_log, program));
    assert_true(scenario_holds(&scenario_log_short, program));
}

static void the_log_bears_every_disk(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_log_strict, program));
    assert_true(scenario_holds(&scenario_log_chaos, program));
}

static void segments_that_turn_in_time_lose_nothing(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_log_turn, program));
}

static void what_the_log_has_removed_for_a_second_stays_removed(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_log_cut, program));
}

static void what_files_have_removed_for_a_second_stays_removed(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_spool_cut, program));
}

static void an_item_that_is_moved_is_in_one_layout(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_move, program));
}

static void a_check_finds_what_was_damaged_and_nothing_else(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_check, program));
    assert_true(scenario_holds(&scenario_check_log, program));
    assert_true(scenario_holds(&scenario_check_move, program));
}

static void nor_does_a_check_lose_anything_whatever_fails(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_check_faulty, program));
}

static void names_shares_and_fences_hold_together(void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_together, program));
    assert_true(scenario_holds(&scenario_together_log, program));
    assert_true(scenario_holds(&scenario_together_move, program));
}

static void what_is_damaged_beside_others_at_work_costs_nobody_else(
    void **state)
{
    (void)state;
    assert_true(scenario_holds(&scenario_hurt, program));
    assert_true(scenario_holds(&scenario_hurt_log, program));
    assert_true(scenario_holds(&scenario_hurt_move, program));
}

static void the_same_seed_is_the_same_life(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCENARIOS; i++) {
        assert_true(scenario_replays(scenarios[i], replays_of(scenarios[i])));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_is_there_and_whole),
        cmocka_unit_test(names_that_get_durable_in_any_order_lose_nothing),
        cmocka_unit_test(nor_does_a_disk_that_tears_and_shows_old_bytes),
        cmocka_unit_test(what_is_read_in_pieces_is_not_damaged),
        cmocka_unit_test(nor_does_the_log_whatever_fails),
        cmocka_unit_test(the_log_bears_every_disk),
        cmocka_unit_test(segments_that_turn_in_time_lose_nothing),
        cmocka_unit_test(what_the_log_has_removed_for_a_second_stays_removed),
        cmocka_unit_test(what_files_have_removed_for_a_second_stays_removed),
        cmocka_unit_test(an_item_that_is_moved_is_in_one_layout),
        cmocka_unit_test(a_check_finds_what_was_damaged_and_nothing_else),
        cmocka_unit_test(nor_does_a_check_lose_anything_whatever_fails),
        cmocka_unit_test(names_shares_and_fences_hold_together),
        cmocka_unit_test(
            what_is_damaged_beside_others_at_work_costs_nobody_else),
        cmocka_unit_test(the_same_seed_is_the_same_life),
    };
    int code;

    program = argv[0];
    if (scenario_replay(scenarios, SCENARIOS, argc, argv, &code)) {
        return code;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
