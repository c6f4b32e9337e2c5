/* SPDX-License-Identifier: MIT */
/*
 * test_log_tomb.c - the dead stay dead, and no stranger buries or cuts
 *
 * Method: tomb.c is compiled into this file with a hook before each atomic
 * step. At each step in turn another process acts, or the one at work is
 * killed; then all that was promised is looked at. The disk is a copy that a
 * keeper writes in two moves, as a kernel does: first dirty, then durable.
 */
#define PIRN__ATOM_STEPS
#include "test.h"

#include <string.h>

#include "spool/log/tomb.c"
#include "test_log_tomb.h"

enum { NEVER = 1 << 30 };

/* What happens before a step: nothing, another's act, or death. */
static struct {
    int left; /* steps before it happens */
    void (*act)(void);
    jmp_buf *death;
} fate;

void pirn__atom_step(const uint64_t *at)
{
    (void)at;
    if (fate.left-- != 0) {
        return;
    }
    if (fate.death != NULL) {
        longjmp(*fate.death, 1);
    }
    fate.act();
}

/* At the @n-th step from now on. */
static void let_act(int n, void (*act)(void))
{
    fate.left = n;
    fate.act = act;
    fate.death = NULL;
}

static void let_live(void)
{
    fate.left = NEVER;
    fate.death = NULL;
}

/* Whether @fn was killed at the @n-th step; false: it has no more than that. */
static bool die_in(void (*fn)(void), int n)
{
    jmp_buf death;

    fate.left = n;
    fate.death = &death;
    if (setjmp(death) != 0) {
        let_live();
        return true;
    }
    fn();
    let_live();
    return false;
}

static void mark_all_synced(void)
{
    for (uint32_t page = 0; page < PAGES; page++) {
        pirn__tomb_mark_synced(&tombs, page, versions[page]);
    }
}

static void begin(uint32_t generation)
{
    let_live();
    tombs_begin(generation);
}

static void turn_to_4(void)
{
    pirn__tomb_turn(&tombs, 1, 4);
}

static void set_record_40(void)
{
    pirn__tomb_set(&tombs, 1, 3, 40);
}

static void set_record_41(void)
{
    pirn__tomb_set(&tombs, 1, 3, 41);
}

static void cut_at_7(void)
{
    pirn__tomb_cut(&tombs, 1, 3, 7, true);
}

static void cut_at_40(void)
{
    pirn__tomb_cut(&tombs, 1, 3, 40, true);
}

static void bury_all(void)
{
    for (uint32_t record = 0; record < RECORDS * WORDS; record++) {
        pirn__tomb_set(&tombs, 1, 3, record);
    }
}

static void format_is_fixed(void **state)
{
    (void)state;
    begin(3);
    assert_true(pirn__tomb_set(&tombs, 1, 3, 33));
    assert_int_equal(words[WORDS + 1], 0x3d0000100);
    assert_int_equal(words[WORDS], 0x3e4000000);
    assert_int_equal(words[1], 0x3e4000000);
}

static void only_the_record_is_dead(void **state)
{
    (void)state;
    begin(3);
    for (uint32_t record = 0; record < RECORDS * WORDS; record += 37) {
        assert_true(pirn__tomb_set(&tombs, 1, 3, record));
    }
    for (uint32_t record = 0; record < RECORDS * WORDS; record++) {
        assert_int_equal(pirn__tomb_is_set(&tombs, 1, 3, record),
                         record % 37 == 0);
        assert_false(pirn__tomb_is_set(&tombs, 0, 3, record));
        assert_int_equal(pirn__tomb_dead(&tombs, 1, 3, record),
                         (record + 36) / 37);
    }
}

static void later_turn_has_all_dead_and_earlier_none(void **state)
{
    (void)state;
    begin(3);
    set_record_40();
    assert_true(pirn__tomb_is_set(&tombs, 1, 2, 40));
    assert_true(pirn__tomb_is_set(&tombs, 1, 2, 41));
    assert_int_equal(pirn__tomb_dead(&tombs, 1, 2, 100), 100);
    assert_false(pirn__tomb_is_set(&tombs, 1, 4, 40));
    assert_false(pirn__tomb_is_set(&tombs, 1, 4, 41));
    assert_int_equal(pirn__tomb_dead(&tombs, 1, 4, 100), 0);
}

static void setter_of_another_turn_changes_nothing(void **state)
{
    uint64_t before[SEGMENTS * WORDS];

    (void)state;
    begin(3);
    memcpy(before, words, sizeof(words));
    assert_false(pirn__tomb_set(&tombs, 1, 2, 40));
    assert_false(pirn__tomb_set(&tombs, 1, 4, 40));
    assert_memory_equal(before, words, sizeof(words));
}

/* Stopped at each step, he wakes when the segment has turned. */
static void setter_who_was_stopped_buries_nothing_new(void (*setter)(void),
                                                      int most)
{
    for (int n = 0;; n++) {
        begin(3);
        let_act(n, turn_to_4);
        setter();
        if (fate.left >= 0) {
            assert_true(n >= most);
            return;
        }
        let_live();
        for (uint32_t i = 0; i < WORDS; i++) {
            assert_int_equal(words[WORDS + i], pirn__tomb_word(4, 0));
        }
        assert_int_equal(bounds[1], pirn__tomb_word(4, 0));
    }
}

static void setter_of_one_buries_nothing_new(void **state)
{
    (void)state;
    setter_who_was_stopped_buries_nothing_new(set_record_40, 3);
}

static void cutter_cuts_nothing_new(void **state)
{
    (void)state;
    setter_who_was_stopped_buries_nothing_new(cut_at_40, 3);
}

static void two_setters_of_a_word_lose_nothing(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++) {
        begin(3);
        let_act(n, set_record_41);
        set_record_40();
        assert_true(fate.left < 0);
        let_live();
        assert_true(pirn__tomb_is_set(&tombs, 1, 3, 40));
        assert_true(pirn__tomb_is_set(&tombs, 1, 3, 41));
        assert_int_equal(pirn__tomb_dead(&tombs, 1, 3, 1000), 2);
    }
}

/* Between the bit and the page's version: the next one's set says it. */
static void killed_setter_is_made_good_by_the_next(void **state)
{
    (void)state;
    for (int n = 0;; n++) {
        uint32_t page;
        uint64_t version;
        begin(3);
        if (!die_in(set_record_40, n)) {
            assert_true(n >= 3);
            return;
        }
        set_record_40();
        assert_true(pirn__tomb_is_set(&tombs, 1, 3, 40));
        assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
        assert_int_equal(page, 1);
    }
}

static void killed_turn_is_made_good_by_the_next(void **state)
{
    (void)state;
    for (int n = 0;; n++) {
        uint32_t page;
        uint64_t version;
        begin(3);
        bury_all();
        cut_at_40();
        mark_all_synced();
        if (!die_in(turn_to_4, n)) {
            assert_true(n >= 2 * WORDS + 4);
            return;
        }
        turn_to_4();
        assert_int_equal(pirn__tomb_dead(&tombs, 1, 4, RECORDS * WORDS), 0);
        assert_int_equal(pirn__tomb_dead(&tombs, 1, 3, RECORDS * WORDS),
                         RECORDS * WORDS);
        assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 4), UINT32_MAX);
        assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
        assert_int_equal(page, 1);
        assert_true(pirn__tomb_next_dirty(&tombs, 2, &page, &version));
        assert_int_equal(page, BOUNDS);
    }
}

static void turn_to_5(void)
{
    pirn__tomb_turn(&tombs, 1, 5);
    pirn__tomb_set(&tombs, 1, 5, 7);
    pirn__tomb_cut(&tombs, 1, 5, 40, true);
}

/* Who was stopped in a turn, at each step, and wakes in the next one's. */
static void stopped_turn_does_not_turn_back(void **state)
{
    (void)state;
    for (int n = 0;; n++) {
        begin(3);
        let_act(n, turn_to_5);
        turn_to_4();
        bool was_late = fate.left >= 0;
        let_live();
        if (was_late) {
            assert_true(n >= 2 * WORDS + 4);
            return;
        }
        assert_true(pirn__tomb_is_set(&tombs, 1, 5, 7));
        assert_int_equal(pirn__tomb_dead(&tombs, 1, 5, RECORDS * WORDS), 1);
        assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 5), 40);
    }
}

static void format_of_a_cut_is_fixed(void **state)
{
    (void)state;
    begin(3);
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 40, true));
    assert_int_equal(bounds[1], 0x3d4030028);
    assert_int_equal(bounds[0], 0x3e4000000);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 40);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 0, 3), UINT32_MAX);
}

/* From the first record to behind the last. */
static void lower_cut_wins(void **state)
{
    static const uint32_t records[] = {
        0, 1, 24, 25, 40, RECORDS * WORDS - 1, RECORDS * WORDS};

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        for (unsigned k = 0; k < 7; k++) {
            begin(3);
            assert_true(pirn__tomb_cut(&tombs, 1, 3, records[i], true));
            assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), records[i]);
            assert_true(pirn__tomb_cut(&tombs, 1, 3, records[k], true));
            assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3),
                             records[i < k ? i : k]);
        }
    }
}

static void first_versions_are_told_with_the_cut(void **state)
{
    (void)state;
    begin(3);
    assert_false(pirn__tomb_mark_first(&tombs, 1, 3)); /* there is no cut */
    assert_false(pirn__tomb_is_first(&tombs, 1, 3));
    cut_at_40();
    assert_false(pirn__tomb_is_first(&tombs, 1, 3));
    mark_all_synced();
    assert_true(pirn__tomb_mark_first(&tombs, 1, 3));
    assert_int_equal(bounds[1], 0x3b6070028);
    assert_true(pirn__tomb_is_first(&tombs, 1, 3));
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 40);
    assert_int_equal(pirn__tomb_judge(&tombs, 1, 3, 39), PIRN__TOMB_ALIVE);
    assert_int_equal(pirn__tomb_judge(&tombs, 1, 3, 40), PIRN__TOMB_ABSENT);
    uint32_t page;
    uint64_t version;
    assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    assert_int_equal(page, BOUNDS);
}

static void first_versions_are_of_one_cut_and_one_turn(void **state)
{
    (void)state;
    begin(3);
    cut_at_40();
    assert_true(pirn__tomb_mark_first(&tombs, 1, 3));
    assert_false(pirn__tomb_mark_first(&tombs, 1, 2));
    assert_false(pirn__tomb_mark_first(&tombs, 1, 4));
    assert_false(pirn__tomb_is_first(&tombs, 1, 2));
    assert_false(pirn__tomb_is_first(&tombs, 1, 4));
    cut_at_40();
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 41, true));
    assert_true(pirn__tomb_is_first(&tombs, 1, 3)); /* it is as it was */
    cut_at_7();
    assert_false(pirn__tomb_is_first(&tombs, 1, 3));
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 7);
    assert_true(pirn__tomb_mark_first(&tombs, 1, 3));
    turn_to_4();
    assert_false(pirn__tomb_is_first(&tombs, 1, 3));
    assert_false(pirn__tomb_is_first(&tombs, 1, 4));
}

static void what_was_never_committed_is_not_dead(void **state)
{
    uint64_t before[SEGMENTS * WORDS];

    (void)state;
    begin(3);
    set_record_41();
    memcpy(before, words, sizeof(words));
    cut_at_40();
    assert_memory_equal(before, words, sizeof(words));
    assert_false(pirn__tomb_is_set(&tombs, 1, 3, 40));
    assert_int_equal(pirn__tomb_dead(&tombs, 1, 3, RECORDS * WORDS), 1);
}

static void cutter_of_another_turn_changes_nothing(void **state)
{
    uint64_t before[WORDS];
    uint32_t page;
    uint64_t version;

    (void)state;
    begin(3);
    cut_at_40();
    mark_all_synced();
    memcpy(before, bounds, sizeof(bounds));
    assert_false(pirn__tomb_cut(&tombs, 1, 2, 7, true));
    assert_false(pirn__tomb_cut(&tombs, 1, 4, 7, true));
    assert_memory_equal(before, bounds, sizeof(bounds));
    assert_false(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
}

/* Whether the cut is of the turn before, as on a torn page, or of the next. */
static void cut_of_another_turn_says_nothing(void **state)
{
    (void)state;
    begin(3);
    cut_at_40();
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 2), UINT32_MAX);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 4), UINT32_MAX);
}

static void turn_takes_its_segments_cut_away(void **state)
{
    (void)state;
    begin(3);
    cut_at_40();
    pirn__tomb_cut(&tombs, 0, 3, 9, true);
    turn_to_4();
    assert_int_equal(bounds[1], pirn__tomb_word(4, 0));
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), UINT32_MAX);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 4), UINT32_MAX);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 0, 3), 9);
    assert_true(pirn__tomb_cut(&tombs, 1, 4, 50, true));
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 4), 50);
}

/* At each step of the one, all of the other. */
static void lower_of_two_cutters_wins(void **state)
{
    (void)state;
    for (int n = 0; n < 6; n++) {
        begin(3);
        let_act(n % 3, n < 3 ? cut_at_7 : cut_at_40);
        (n < 3 ? cut_at_40 : cut_at_7)();
        assert_true(fate.left < 0);
        let_live();
        assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 7);
    }
}

/* Between the cut and the page's version: the next one's cut says it, be it
 * the same, a lower or a higher one. */
static void killed_cutter_is_made_good_by_the_next(void **state)
{
    static const uint32_t nexts[] = {7, 40, 41};

    (void)state;
    for (int n = 0; n < 9; n++) {
        uint32_t page;
        uint64_t version;
        uint32_t next = nexts[n / 3];
        begin(3);
        assert_true(die_in(cut_at_40, n % 3));
        bool was_cut = n % 3 == 2;
        assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3),
                         was_cut ? 40 : UINT32_MAX);
        pirn__tomb_cut(&tombs, 1, 3, next, true);
        assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3),
                         was_cut && next > 40 ? 40 : next);
        assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
        assert_int_equal(page, BOUNDS);
    }
    begin(3);
    assert_false(die_in(cut_at_40, 3));
}

/* The disk: what was written, and of that what was synced. */
static uint64_t written[PAGES * WORDS];
static uint64_t durable[PAGES * WORDS];

/* A keeper's round, killed or interrupted before each of its lines. */
static void keep(void)
{
    uint32_t page = 0;
    uint64_t version;

    for (; pirn__tomb_next_dirty(&tombs, page, &page, &version); page++) {
        uint64_t at = (uint64_t)page * WORDS;
        pirn__atom_step(NULL);
        memcpy(written + at, pirn__tombs_page(&tombs, page), PAGE_BYTES);
        pirn__atom_step(NULL);
        memcpy(durable + at, written + at, PAGE_BYTES);
        pirn__atom_step(NULL);
        pirn__tomb_mark_synced(&tombs, page, version);
    }
}

/* A page that is not dirty is on the disk as it is. */
static void assert_clean_is_durable(void)
{
    for (uint32_t page = 0; page < PAGES; page++) {
        if (versions[page] == synced[page]) {
            assert_memory_equal(durable + page * WORDS,
                                pirn__tombs_page(&tombs, page), PAGE_BYTES);
        }
    }
}

static void assert_all_is_clean(void)
{
    uint32_t page;
    uint64_t version;

    assert_clean_is_durable();
    assert_false(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
}

static void keeper_begin(void)
{
    begin(3);
    for (uint32_t page = 0; page < PAGES; page++) {
        memcpy(written + page * WORDS, pirn__tombs_page(&tombs, page),
               PAGE_BYTES);
    }
    memcpy(durable, written, sizeof(written));
    pirn__tomb_set(&tombs, 0, 3, 5);
    pirn__tomb_set(&tombs, 1, 3, 6);
    pirn__tomb_cut(&tombs, 0, 3, 8, true);
}

static void keeper_killed_at_any_line_leaves_dirty(void **state)
{
    (void)state;
    for (int n = 0;; n++) {
        keeper_begin();
        bool died = die_in(keep, n);
        assert_clean_is_durable();
        keep();
        assert_all_is_clean();
        if (!died) {
            assert_true(n > 20);
            return;
        }
    }
}

static void what_changes_during_a_round_is_in_it_or_dirty(void (*change)(void))
{
    for (int n = 0;; n++) {
        keeper_begin();
        let_act(n, change);
        keep();
        bool was_late = fate.left >= 0;
        let_live();
        assert_clean_is_durable();
        if (was_late) {
            assert_true(n > 20);
            return;
        }
        keep();
        assert_all_is_clean();
    }
}

static void what_is_set_during_a_round_is_in_it_or_dirty(void **state)
{
    (void)state;
    what_changes_during_a_round_is_in_it_or_dirty(set_record_40);
}

static void cut_during_a_round_is_in_it_or_dirty(void **state)
{
    (void)state;
    what_changes_during_a_round_is_in_it_or_dirty(cut_at_40);
}

static void turn_during_a_round_is_in_it_or_dirty(void **state)
{
    (void)state;
    what_changes_during_a_round_is_in_it_or_dirty(turn_to_4);
}

static void whole_round(void)
{
    let_live();
    keep();
}

static void round_within_a_set_leaves_it_dirty(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++) {
        keeper_begin();
        let_act(n, whole_round);
        set_record_40();
        assert_clean_is_durable();
        assert_true(versions[1] > synced[1]);
    }
}

static void round_within_a_cut_leaves_it_dirty(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++) {
        keeper_begin();
        let_act(n, whole_round);
        cut_at_40();
        assert_clean_is_durable();
        assert_true(versions[BOUNDS] > synced[BOUNDS]);
    }
}

static void round_within_a_turn_leaves_it_dirty(void **state)
{
    (void)state;
    for (int n = 0; n < 2 * WORDS + 4; n++) {
        keeper_begin();
        let_act(n, whole_round);
        turn_to_4();
        assert_true(fate.left > NEVER / 2); /* the round has been */
        assert_clean_is_durable();
        assert_true(versions[1] > synced[1]);
    }
}

static void round_of_another(void)
{
    let_live(); /* this one is not interrupted */
    set_record_40();
    cut_at_40();
    keep();
}

/* He knows an older version than the one that is durable by now. */
static void keeper_who_was_stopped_makes_nothing_undone(void **state)
{
    (void)state;
    for (int n = 0; n < 20; n++) {
        keeper_begin();
        let_act(n, round_of_another);
        keep();
        assert_all_is_clean();
    }
}

static void dirty_pages_are_found_from_any_page_on(void **state)
{
    uint32_t page;
    uint64_t version;

    (void)state;
    begin(3);
    assert_int_equal(pirn__tombs_pages(&tombs), PAGES);
    assert_false(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    pirn__tomb_set(&tombs, 1, 3, 6);
    assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    assert_int_equal(page, 1);
    assert_int_equal(version, versions[1]);
    assert_true(pirn__tomb_next_dirty(&tombs, 1, &page, &version));
    assert_false(pirn__tomb_next_dirty(&tombs, 2, &page, &version));
}

static void cut_makes_its_page_dirty_and_no_other(void **state)
{
    uint32_t page;
    uint64_t version;

    (void)state;
    begin(3);
    cut_at_40();
    assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    assert_int_equal(page, BOUNDS);
    assert_int_equal(version, versions[BOUNDS]);
    assert_true(pirn__tomb_next_dirty(&tombs, BOUNDS, &page, &version));
    assert_false(pirn__tomb_next_dirty(&tombs, BOUNDS + 1, &page, &version));
    pirn__tomb_mark_synced(&tombs, BOUNDS, version);
    set_record_40();
    assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    assert_int_equal(page, 1);
    assert_false(pirn__tomb_next_dirty(&tombs, 2, &page, &version));
}

/*
 * A page torn between two turns is any mixture of their words. No mixture
 * buries a record of the new turn, nor raises one of the old.
 */
static void torn_page_buries_nothing_new(void **state)
{
    uint64_t old[3];
    uint64_t new[3];

    (void)state;
    begin(3);
    bury_all();
    memcpy(old, words + WORDS, sizeof(old));
    turn_to_4();
    pirn__tomb_set(&tombs, 1, 4, 33);
    memcpy(new, words + WORDS, sizeof(new));
    for (unsigned mix = 0; mix < 8; mix++) {
        for (unsigned i = 0; i < 3; i++) {
            words[WORDS + i] = mix >> i & 1 ? new[i] : old[i];
        }
        for (uint32_t record = 0; record < 3 * RECORDS; record++) {
            bool is_new = (mix >> record / RECORDS & 1) != 0;
            assert_true(pirn__tomb_is_set(&tombs, 1, 3, record));
            assert_int_equal(pirn__tomb_is_set(&tombs, 1, 4, record),
                             is_new && record == 33);
        }
    }
}

TEST_MAIN(cmocka_unit_test(format_is_fixed),
          cmocka_unit_test(only_the_record_is_dead),
          cmocka_unit_test(later_turn_has_all_dead_and_earlier_none),
          cmocka_unit_test(setter_of_another_turn_changes_nothing),
          cmocka_unit_test(setter_of_one_buries_nothing_new),
          cmocka_unit_test(cutter_cuts_nothing_new),
          cmocka_unit_test(two_setters_of_a_word_lose_nothing),
          cmocka_unit_test(killed_setter_is_made_good_by_the_next),
          cmocka_unit_test(killed_turn_is_made_good_by_the_next),
          cmocka_unit_test(stopped_turn_does_not_turn_back),
          cmocka_unit_test(format_of_a_cut_is_fixed),
          cmocka_unit_test(lower_cut_wins),
          cmocka_unit_test(first_versions_are_told_with_the_cut),
          cmocka_unit_test(first_versions_are_of_one_cut_and_one_turn),
          cmocka_unit_test(what_was_never_committed_is_not_dead),
          cmocka_unit_test(cutter_of_another_turn_changes_nothing),
          cmocka_unit_test(cut_of_another_turn_says_nothing),
          cmocka_unit_test(turn_takes_its_segments_cut_away),
          cmocka_unit_test(lower_of_two_cutters_wins),
          cmocka_unit_test(killed_cutter_is_made_good_by_the_next),
          cmocka_unit_test(keeper_killed_at_any_line_leaves_dirty),
          cmocka_unit_test(what_is_set_during_a_round_is_in_it_or_dirty),
          cmocka_unit_test(cut_during_a_round_is_in_it_or_dirty),
          cmocka_unit_test(turn_during_a_round_is_in_it_or_dirty),
          cmocka_unit_test(round_within_a_set_leaves_it_dirty),
          cmocka_unit_test(round_within_a_cut_leaves_it_dirty),
          cmocka_unit_test(round_within_a_turn_leaves_it_dirty),
          cmocka_unit_test(keeper_who_was_stopped_makes_nothing_undone),
          cmocka_unit_test(dirty_pages_are_found_from_any_page_on),
          cmocka_unit_test(cut_makes_its_page_dirty_and_no_other),
          cmocka_unit_test(torn_page_buries_nothing_new))
