/* SPDX-License-Identifier: MIT */
/*
 * test_log_lost.c - damage that takes items away takes no others
 *
 * What has no sum of its own, or whose sum is that of many, leads to no crash
 * and to no item that was not stored so: what stands before it and what stands
 * in other segments is whole.
 */
#include "kernel/test_log.h"

#include <xxhash.h>

#include "spool/log/tomb.h"

enum { HEADER = 4096, UNIT = 4096, BODY = 60 * 1024 };

/* An item in a segment that is not the first's. */
static void put_elsewhere(const struct bed *bed)
{
    struct bed other;

    bed_join(bed, &other);
    (void)log_put(&other, "elsewhere");
    bed_leave(&other);
}

static void put_three_and_one(struct bed *bed)
{
    (void)log_put(bed, "first");
    (void)log_put(bed, "second");
    (void)log_put(bed, "third");
    put_elsewhere(bed);
    log_shut_down(bed);
    assert_int_equal(access(log_segment(bed, 1), F_OK), 0);
}

static void expect_all_four(struct bed *bed)
{
    log_expect_next(bed, "incoming", "first");
    log_expect_next(bed, "incoming", "second");
    log_expect_next(bed, "incoming", "third");
    log_expect_next(bed, "incoming", "elsewhere");
    assert_int_equal(log_count_aside(bed), 0);
    log_expect_works(bed);
}

/* Its sum, its numbers, the heads: all of it is in the parts once more. */
static void a_front_that_is_damaged_is_made_again_from_its_parts(void **state)
{
    struct bed *bed = *state;
    uint8_t garbage[128];

    memset(garbage, 0x5a, sizeof(garbage));
    put_three_and_one(bed);
    log_overwrite(log_segment(bed, 0), garbage, sizeof(garbage), HEADER + UNIT);
    assert_int_equal(bed_open(bed, false), 0);
    expect_all_four(bed);
}

/* That it was committed its bound says: it is not taken to be torn. */
static void so_is_the_last_one_that_was_written(void **state)
{
    struct bed *bed = *state;

    put_three_and_one(bed);
    log_flip(log_segment(bed, 0), HEADER + 2 * UNIT + 9);
    log_flip(log_segment(bed, 0), HEADER + 2 * UNIT + 20);
    assert_int_equal(bed_open(bed, false), 0);
    expect_all_four(bed);
}

/* Its front and its part are. What stands behind is there. */
static void what_cannot_be_read_and_has_to_be_there_is_kept_aside(void **state)
{
    struct bed *bed = *state;
    const off_t at[] = {UNIT, 2 * UNIT};

    for (int i = 0; i < 2; i++) {
        put_three_and_one(bed);
        log_flip(log_segment(bed, 0), HEADER + at[i] + 20);
        log_flip(log_segment(bed, 0), HEADER + at[i] + 64 + 64 + 30);
        for (int again = 0; again < 3; again++) {
            assert_int_equal(bed_open(bed, false), 0);
            assert_int_equal(log_count_aside(bed), 1); /* once */
            assert_int_equal(bed_status(bed).ready, 3);
            log_shut_down(bed);
        }
        assert_int_equal(bed_open(bed, false), 0);
        log_expect_next(bed, "incoming", "first");
        log_expect_next(bed, "incoming", i == 0 ? "third" : "second");
        log_expect_next(bed, "incoming", "elsewhere");
        log_expect_works(bed);
        bed_close(bed);
        bed_rmtree(bed->path);
        assert_int_equal(bed_open(bed, true), 0);
    }
}

/* Which the bound counts, or the tombstones alone. No new record gets one of
 * their numbers: it would be dead before it is written. */
static void numbers_of_dead_records_that_are_lost_are_taken(void **state)
{
    static const uint8_t zeros[UNIT];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int i = 0; i < 2; i++) {
        (void)log_put(bed, "first");
        (void)log_put(bed, "second");
        struct pirn_id id = log_put(bed, "third");
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
        log_shut_down(bed);
        if (i == 1) {
            log_forget_bounds(bed);
        }
        log_overwrite(log_segment(bed, 0), zeros, sizeof(zeros),
                      HEADER + 2 * UNIT);
        assert_int_equal(bed_open(bed, false), 0);
        log_expect_next(bed, "incoming", "first");
        log_expect_next(bed, "incoming", "second");
        log_expect_works(bed);
        bed_close(bed);
        bed_rmtree(bed->path);
        assert_int_equal(bed_open(bed, true), 0);
    }
}

/* One that nobody sealed, and that says nothing of what it has. */
static void a_batch_that_others_stand_behind_has_to_be_there(void **state)
{
    struct bed *bed = *state;

    put_three_and_one(bed);
    log_forget_bounds(bed);
    log_flip(log_segment(bed, 0), HEADER + UNIT + 20);
    assert_int_equal(bed_open(bed, false), 0);
    expect_all_four(bed);
}

static void a_segment_of_zeros_leaves_what_is_elsewhere(void **state)
{
    static const uint8_t zeros[LOG_SEGMENT_BYTES];
    struct bed *bed = *state;

    put_three_and_one(bed);
    bed_write(log_segment(bed, 0), zeros, sizeof(zeros));
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "elsewhere");
    log_expect_works(bed);
}

static void a_segment_that_is_gone_leaves_what_is_elsewhere(void **state)
{
    struct bed *bed = *state;

    put_three_and_one(bed);
    assert_int_equal(unlink(log_segment(bed, 0)), 0);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "elsewhere");
    log_expect_works(bed);
}

/* Its words have a dead record of that turn. */
static void one_that_is_made_in_its_place_has_a_turn_of_its_own(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)log_put(bed, "first");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_shut_down(bed);
    assert_int_equal(unlink(log_segment(bed, 0)), 0);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_works(bed);
}

/* A word of a later turn, whatever wrote it, beside records that live. */
static void words_that_are_put_right_have_their_checks(void **state)
{
    enum { ITEMS = 30 };
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int i = 0; i < ITEMS; i++) {
        (void)log_put(bed, "one of many");
    }
    log_shut_down(bed);
    uint64_t later = pirn__tomb_word(5, 0);
    log_overwrite(bed_at(bed, ".log/tombstones"), &later, 8, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bed_open(bed, false), 0);
        assert_int_equal(bed_status(bed).ready, ITEMS - i);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(bed_remove(bed, &claim), 0);
        log_shut_down(bed);
    }
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, ITEMS - 2);
}

/* A bound that counts more than there can be, and a page of other bytes. */
static void bounds_that_are_none_say_nothing(void **state)
{
    const struct pirn__tombs tombs = {
        .segment_count = LOG_SEGMENTS,
        .segment_words = PIRN__TOMB_SEGMENT_WORDS,
    };
    struct bed *bed = *state;
    off_t at = (off_t)pirn__tomb_bound_page(&tombs, 0) * 4096;
    uint64_t words[512];

    for (int i = 0; i < 6; i++) {
        put_three_and_one(bed);
        for (unsigned k = 0; k < 512; k++) {
            words[k] = XXH3_64bits_withSeed(&k, sizeof(k), (unsigned)i);
        }
        words[0] = i == 0   ? pirn__tomb_word(7, 20000)
                   : i == 1 ? pirn__tomb_word(1, 0x60003)
                            : words[0];
        log_overwrite(bed_at(bed, ".log/tombstones"), words,
                      i < 2 ? 8 : sizeof(words), at);
        assert_int_equal(bed_open(bed, false), 0);
        expect_all_four(bed);
        bed_close(bed);
        bed_rmtree(bed->path);
        assert_int_equal(bed_open(bed, true), 0);
    }
}

/* Whatever is handed out was stored so. */
static unsigned take_whole(struct bed *bed)
{
    static const char *const texts[] = {"first", "second", "third",
                                        "elsewhere"};
    struct pirn_claim claim = {0};
    unsigned met = 0;

    while (bed_claim(bed, &claim) == 1) {
        char buf[LOG_TEXT_MAX] = {0};
        unsigned which = 4;
        assert_true(log_read(bed, &claim, buf, sizeof(buf) - 1, 0) > 0);
        for (unsigned i = 0; i < 4; i++) {
            which = strcmp(buf, texts[i]) == 0 ? i : which;
        }
        assert_true(which < 4 && (met >> which & 1) == 0);
        met |= 1u << which;
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    return met;
}

static void tombstones_with_other_bits_lead_to_nothing_that_was_not(
    void **state)
{
    struct bed *bed = *state;
    char kept[160];

    put_three_and_one(bed);
    snprintf(kept, sizeof(kept), "%s.kept", bed->path);
    bed_copy(bed->path, kept);
    for (off_t at = 0; at < 16; at++) {
        log_flip(bed_at(bed, ".log/tombstones"), at);
        assert_int_equal(bed_open(bed, false), 0);
        assert_int_equal(take_whole(bed) & 8, 8); /* the one elsewhere */
        log_shut_down(bed);
        bed_rmtree(bed->path);
        bed_copy(kept, bed->path);
    }
    bed_rmtree(kept);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(take_whole(bed), 15);
}

static int setup_few(void **state)
{
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_segments = 4;
    return bed_open(bed, true);
}

static uint32_t generation_of(const struct bed *bed)
{
    uint8_t header[16] = {0};
    int fd = open(log_segment(bed, 0), O_RDONLY);

    (void)!read(fd, header, sizeof(header));
    close(fd);
    return header[12]; /* of the few that there are here */
}

static void a_segment_as_it_was_a_turn_ago_brings_nothing_back(void **state)
{
    static uint8_t body[BODY];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char old[160];
    struct pirn_id id = log_put(bed, "old");

    snprintf(old, sizeof(old), "%s.old", bed->path);
    bed_copy(log_segment(bed, 0), old);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    for (int i = 0; i < 500 && generation_of(bed) < 2; i++) {
        (void)bed_put(bed, body, BODY);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
    assert_int_equal(generation_of(bed), 2);
    log_shut_down(bed);
    assert_int_equal(rename(old, log_segment(bed, 0)), 0);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_gone(bed, &id);
    log_expect_works(bed);
}

/* All that it had was dead, and it was taken again; of its new turn's first
 * write the header did not reach the disk. No part of it is missed. */
static void a_header_of_the_turn_before_misses_nothing(void **state)
{
    static uint8_t body[BODY];
    static uint8_t header[HEADER];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char tombs[160];
    uint32_t rounds = 0;

    snprintf(tombs, sizeof(tombs), "%s.tombs", bed->path);
    for (; rounds < 500 && generation_of(bed) < 2; rounds++) {
        log_peek(log_segment(bed, 0), header, sizeof(header));
        bed_copy(bed_at(bed, ".log/tombstones"), tombs);
        (void)bed_put(bed, body, BODY);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
    assert_in_range(rounds, 10, 499);
    log_shut_down(bed);
    log_overwrite(log_segment(bed, 0), header, sizeof(header), 0);
    assert_int_equal(rename(tombs, bed_at(bed, ".log/tombstones")), 0);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 0);
}

/* A change whose write a power cut tore never was; that somebody has found it
 * so, and has buried it, must not make the item older than it is dead. */
static void a_torn_change_stays_none_after_another_power_cut(void **state)
{
    struct bed *bed = *state;
    struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY, .priority = 3};
    struct pirn_claim claim = {0};
    struct pirn_id id = log_put(bed, "body");

    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_update(bed, &claim, &change), 0);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    log_shut_down(bed);
    log_forget_bounds(bed);
    log_flip(log_segment(bed, 0), HEADER + UNIT + 2 * 64 + 80);
    assert_int_equal(bed_open(bed, false), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(claim.item.version, 1);
        log_expect_body(bed, &claim, "body");
        assert_int_equal(bed_give_back(bed, &claim), 0);
        log_reopen(bed);
        log_power_cut_and_open(bed);
    }
}

/* The last batch of a segment that was sealed is whole: nobody looks. */
static void what_a_sealed_segment_has_is_there_after_a_power_cut(void **state)
{
    enum { ITEMS = 40 }; /* of 60 KiB, in segments of 1 MiB */
    static uint8_t body[BODY];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id ids[ITEMS];

    for (int i = 0; i < ITEMS; i++) {
        body[0] = (uint8_t)i;
        struct pirn_draft draft = {0};
        assert_int_equal(log_enqueue(bed, &draft, "incoming", body, BODY, NULL),
                         0);
        ids[i] = draft.id;
    }
    for (int cut = 0; cut < 2; cut++) {
        log_reopen(bed);
        log_power_cut_and_open(bed);
        for (int i = 0; i < ITEMS; i++) {
            uint8_t first;
            assert_int_equal(log_claim_id(bed, &claim, &ids[i]), 1);
            assert_int_equal(log_read(bed, &claim, &first, 1, 0), 1);
            assert_int_equal(first, i);
            assert_int_equal(bed_give_back(bed, &claim), 0);
        }
    }
}

BED_MAIN(
    LOG_TEST(a_front_that_is_damaged_is_made_again_from_its_parts),
    LOG_TEST(so_is_the_last_one_that_was_written),
    LOG_TEST(what_cannot_be_read_and_has_to_be_there_is_kept_aside),
    LOG_TEST(a_batch_that_others_stand_behind_has_to_be_there),
    LOG_TEST(numbers_of_dead_records_that_are_lost_are_taken),
    cmocka_unit_test_setup_teardown(a_header_of_the_turn_before_misses_nothing,
                                    setup_few, log_teardown),
    LOG_TEST(a_segment_of_zeros_leaves_what_is_elsewhere),
    LOG_TEST(a_segment_that_is_gone_leaves_what_is_elsewhere),
    LOG_TEST(one_that_is_made_in_its_place_has_a_turn_of_its_own),
    LOG_TEST(words_that_are_put_right_have_their_checks),
    LOG_TEST(bounds_that_are_none_say_nothing),
    LOG_TEST(a_torn_change_stays_none_after_another_power_cut),
    LOG_TEST(what_a_sealed_segment_has_is_there_after_a_power_cut),
    LOG_TEST(tombstones_with_other_bits_lead_to_nothing_that_was_not),
    cmocka_unit_test_setup_teardown(
        a_segment_as_it_was_a_turn_ago_brings_nothing_back, setup_few,
        log_teardown))
