/* SPDX-License-Identifier: MIT */
/*
 * test_log_tomb_words.c - what a word of the tombstones says, when bits of it
 * are not what was written, too; and on which page it is
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "spool/log/tomb.c"

#include "spool/log/tomb_format_1.c"
#include "test_log_tomb.h"

/* ---- checks ---- */

static void codes_are_all_that_there_are_of_odd_weight(void **state)
{
    uint32_t met[4] = {0}; /* a bit each value */

    (void)state;
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint32_t code = code_of(bit);
        assert_true(code < 128);
        assert_int_equal(__builtin_popcount(code) % 2, 1);
        assert_int_equal(met[code / 32] >> code % 32 & 1, 0);
        met[code / 32] |= UINT32_C(1) << code % 32;
    }
}

static void every_word_that_is_stored_has_its_check(void **state)
{
    (void)state;
    tombs_begin(3);
    for (uint32_t record = 0; record < RECORDS * WORDS; record++) {
        pirn__tomb_set(&tombs, 1, 3, record);
    }
    pirn__tomb_cut(&tombs, 1, 3, 40, true);
    pirn__tomb_mark_first(&tombs, 1, 3);
    pirn__tomb_keep(&tombs, 0, 3, 77);
    for (uint32_t i = 0; i < SEGMENTS * WORDS; i++) {
        uint64_t word = words[i];
        assert_int_equal(pirn__tomb_word_mend(&word), 0);
    }
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        uint64_t word = bounds[i];
        assert_int_equal(pirn__tomb_word_mend(&word), 0);
    }
}

static const uint64_t some[] = {0x3, 0x300000001, 0xffffffff01ffffff,
                                0x500030028};
enum { SOME = sizeof(some) / sizeof(some[0]) };

static uint64_t some_word(uint32_t i)
{
    return pirn__tomb_word((uint32_t)(some[i] >> 32), (uint32_t)some[i]);
}

static void one_wrong_bit_of_a_word_is_put_right(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SOME; i++) {
        for (uint32_t bit = 0; bit < 64; bit++) {
            uint64_t word = some_word(i) ^ UINT64_C(1) << bit;
            assert_int_equal(pirn__tomb_word_mend(&word), 1);
            assert_int_equal(word, some_word(i));
        }
    }
}

static void two_wrong_bits_of_a_word_are_known(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SOME; i++) {
        for (uint32_t a = 0; a < 64; a++) {
            for (uint32_t b = 0; b < a; b++) {
                uint64_t word =
                    some_word(i) ^ UINT64_C(1) << a ^ UINT64_C(1) << b;
                assert_int_equal(pirn__tomb_word_mend(&word), -EBADMSG);
                assert_int_equal(word, pirn__tomb_word(0, 0));
            }
        }
    }
}

static void zeros_and_ones_are_no_word(void **state)
{
    uint64_t zeros = 0;
    uint64_t ones = UINT64_MAX;

    (void)state;
    assert_int_equal(pirn__tomb_word_mend(&zeros), -EBADMSG);
    assert_int_equal(pirn__tomb_word_mend(&ones), -EBADMSG);
}

static void put_sector(uint64_t sector[PIRN__TOMB_SECTOR_WORDS], uint32_t wrong)
{
    for (uint32_t i = 0; i < PIRN__TOMB_SECTOR_WORDS; i++) {
        sector[i] = pirn__tomb_word(3, i);
        sector[i] ^= i % 7 == 0 && i / 7 < wrong ? UINT64_C(1) << i : 0;
    }
}

/* What is right by chance in it says nothing, either. */
static void a_sector_of_other_bytes_says_nothing(void **state)
{
    uint64_t sector[PIRN__TOMB_SECTOR_WORDS];

    (void)state;
    for (uint32_t wrong = 0; wrong <= 4; wrong++) {
        bool is_believed = wrong <= PIRN__TOMB_WRONG_MAX;
        put_sector(sector, wrong);
        assert_int_equal(pirn__tombs_mend(&tombs, 0, sector),
                         is_believed ? 0 : PIRN__TOMB_SECTOR_WORDS);
        for (uint32_t i = 0; i < PIRN__TOMB_SECTOR_WORDS; i++) {
            assert_int_equal(sector[i], is_believed ? pirn__tomb_word(3, i)
                                                    : pirn__tomb_word(0, 0));
        }
    }
}

static void a_bound_that_is_none_says_nothing(void **state)
{
    static const uint32_t none[] = {16385, 0xffff, 0x20001, 0x40001, 0x80001};
    static const uint32_t are[] = {0, 16384, 0x14000, 0x70028};
    uint64_t sector[PIRN__TOMB_SECTOR_WORDS];

    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        for (uint32_t k = 0; k < PIRN__TOMB_SECTOR_WORDS; k++) {
            sector[k] = pirn__tomb_word(0, 0);
        }
        uint64_t word = pirn__tomb_word(7, i < 5 ? none[i] : are[i - 5]);
        sector[9] = word;
        assert_int_equal(pirn__tombs_mend(&tombs, BOUNDS, sector), i < 5);
        assert_int_equal(sector[9], i < 5 ? pirn__tomb_word(0, 0) : word);
        sector[9] = word;
        assert_int_equal(pirn__tombs_mend(&tombs, 0, sector), 0);
        assert_int_equal(sector[9], word);
    }
}

/* ---- what has to be there ---- */

static void what_is_kept_is_raised_and_never_lowered(void **state)
{
    uint32_t page;
    uint64_t version;

    (void)state;
    tombs_begin(3);
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 0);
    assert_true(pirn__tomb_keep(&tombs, 1, 3, 9));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 9);
    assert_int_equal(bounds[1], 0x3f6000009);
    assert_false(pirn__tomb_keep(&tombs, 1, 3, 9));
    assert_false(pirn__tomb_keep(&tombs, 1, 3, 8));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 9);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), UINT32_MAX);
    assert_int_equal(pirn__tomb_judge(&tombs, 1, 3, 9), PIRN__TOMB_ALIVE);
    assert_false(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    pirn__tomb_bound_changed(&tombs, 1);
    assert_true(pirn__tomb_next_dirty(&tombs, 0, &page, &version));
    assert_int_equal(page, BOUNDS);
}

static void what_is_kept_is_of_one_turn_and_behind_no_cut(void **state)
{
    (void)state;
    tombs_begin(3);
    assert_false(pirn__tomb_keep(&tombs, 1, 2, 9));
    assert_false(pirn__tomb_keep(&tombs, 1, 4, 9));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 2), 0);
    pirn__tomb_keep(&tombs, 1, 3, 9);
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 40, true));
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 40); /* not 9 */
    assert_false(pirn__tomb_keep(&tombs, 1, 3, 50));
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 40);
    pirn__tomb_turn(&tombs, 1, 4);
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 4), 0);
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 0);
}

static void cut_says_what_is_kept_if_it_is_exact(void **state)
{
    (void)state;
    tombs_begin(3);
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 40, false));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 0);
    assert_int_equal(pirn__tomb_cut_at(&tombs, 1, 3), 40);
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 40, true));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 40);
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 41, false));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 40);
    assert_true(pirn__tomb_cut(&tombs, 1, 3, 7, false));
    assert_int_equal(pirn__tomb_kept(&tombs, 1, 3), 0);
}

/* ---- format 1 ---- */

static uint8_t old_words[PIRN__TOMB_FORMAT_1_BYTES];
static uint64_t taken[PIRN__TOMB_SEGMENT_WORDS + WORDS];

static struct pirn__tombs take(uint64_t cut)
{
    uint8_t bytes[8];
    struct pirn__tombs one = tombs;

    tombs_begin(1);
    memset(bounds, 0, sizeof(bounds));
    pirn__put64(bytes, cut);
    one.words = taken;
    one.segment_count = 1;
    one.segment_words = PIRN__TOMB_SEGMENT_WORDS;
    one.versions = calloc(8, sizeof(uint64_t));
    pirn__tombs_take_format_1(&one, 0, old_words, bytes);
    free(one.versions);
    return one;
}

/* Three generations, in runs of words; each third record of a word dead. */
static void words_of_format_1_are_taken_record_by_record(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 512; i++) {
        pirn__put64(old_words + i * 8,
                    (uint64_t)(5 + i / 200) << 32 | 0x49249249u);
    }
    struct pirn__tombs one = take((uint64_t)7 << 32);
    for (uint32_t record = 0; record < 16384; record++) {
        uint32_t generation = 5 + record / 32 / 200;
        bool is_at_a_turn =
            record / 25 * 25 / 32 / 200 != (record / 25 * 25 + 24) / 32 / 200;
        bool is_dead = (0x49249249u >> record % 32 & 1) != 0;
        if (!is_at_a_turn) {
            assert_int_equal(pirn__tomb_is_set(&one, 0, generation, record),
                             is_dead);
            assert_false(pirn__tomb_is_set(&one, 0, generation + 1, record));
        }
    }
    /* Of a word of two generations the later one says what is dead. */
    assert_int_equal(taken[200 * 32 / 25] >> 32, 6);
}

static void cut_of_format_1_is_taken_and_is_not_exact(void **state)
{
    (void)state;
    memset(old_words, 0, sizeof(old_words));
    struct pirn__tombs one = take(0x700000029);
    assert_int_equal(pirn__tomb_cut_at(&one, 0, 7), 40);
    assert_int_equal(pirn__tomb_kept(&one, 0, 7), 0);
    assert_false(pirn__tomb_is_first(&one, 0, 7));
    one = take(0x780000029);
    assert_int_equal(pirn__tomb_cut_at(&one, 0, 7), 40);
    assert_true(pirn__tomb_is_first(&one, 0, 7));
    one = take(0x700000000);
    assert_int_equal(pirn__tomb_cut_at(&one, 0, 7), UINT32_MAX);
    one = take(0x700009000); /* further than there can be records */
    assert_int_equal(pirn__tomb_cut_at(&one, 0, 7), UINT32_MAX);
}

/* ---- pages ---- */

/* As large as two pages of bounds, and one and a half of words each segment. */
enum {
    MANY = WORDS + 2,
    MANY_WORDS = WORDS / 2 * 3,
    WORD_PAGES = MANY / 2 * 3,
    MANY_PAGES = WORD_PAGES + 2,
};

static void assert_only_dirty(const struct pirn__tombs *many, uint32_t expected)
{
    uint32_t page;
    uint64_t version;

    assert_true(pirn__tomb_next_dirty(many, 0, &page, &version));
    assert_int_equal(page, expected);
    pirn__tomb_mark_synced(many, page, version);
    assert_false(pirn__tomb_next_dirty(many, 0, &page, &version));
}

/* The first and the last record of each word's page. */
static void assert_set_is_on_its_page(const struct pirn__tombs *many,
                                      uint32_t page)
{
    const uint64_t *at = pirn__tombs_page(many, page);

    for (uint32_t i = 0; i < WORDS; i += WORDS - 1) {
        uint32_t word = page * WORDS + i;
        uint32_t record =
            word % MANY_WORDS * RECORDS + (i > 0 ? RECORDS - 1 : 0);
        uint64_t before = at[i];
        assert_true(pirn__tomb_set(many, word / MANY_WORDS, 0, record));
        assert_true(at[i] != before);
        assert_only_dirty(many, page);
    }
}

static void every_word_is_on_the_page_that_its_change_makes_dirty(void **state)
{
    struct pirn__tombs many = {
        .words = calloc(WORD_PAGES, PAGE_BYTES),
        .bounds = calloc(2, PAGE_BYTES),
        .versions = calloc(MANY_PAGES, sizeof(uint64_t)),
        .synced = calloc(MANY_PAGES, sizeof(uint64_t)),
        .segment_count = MANY,
        .segment_words = MANY_WORDS,
    };

    (void)state;
    assert_int_equal(pirn__tombs_pages(&many), MANY_PAGES);
    for (uint32_t page = 0; page < WORD_PAGES; page++) {
        assert_set_is_on_its_page(&many, page);
    }
    for (uint32_t segment = 0; segment < MANY; segment++) {
        uint32_t page = WORD_PAGES + segment / WORDS;
        const uint64_t *at = pirn__tombs_page(&many, page);
        assert_int_equal(pirn__tomb_bound_page(&many, segment), page);
        pirn__tomb_cut(&many, segment, 0, segment, true);
        assert_int_equal(at[segment % WORDS],
                         pirn__tomb_word(0, 0x30000 | segment));
        assert_only_dirty(&many, page);
    }
    free(many.words);
    free(many.bounds);
    free(many.versions);
    free(many.synced);
}

/* A segment's words begin and end within pages that others have, too. */
static void turn_makes_each_of_its_pages_dirty(void **state)
{
    uint64_t long_words[3 * WORDS] = {0};
    uint64_t long_bounds[WORDS] = {0};
    uint64_t long_versions[4] = {0};
    uint64_t long_synced[4] = {0};
    const struct pirn__tombs rows = {
        .words = long_words,
        .bounds = long_bounds,
        .versions = long_versions,
        .synced = long_synced,
        .segment_count = 2,
        .segment_words = WORDS + WORDS / 2,
    };

    (void)state;
    assert_int_equal(pirn__tombs_pages(&rows), 4);
    pirn__tomb_turn(&rows, 1, 9);
    assert_int_equal(long_versions[0], 0);
    assert_true(long_versions[1] > 0 && long_versions[2] > 0);
    assert_true(long_versions[3] > 0);
    assert_int_equal(long_words[WORDS + WORDS / 2 - 1], 0);
    assert_int_equal(long_words[WORDS + WORDS / 2], pirn__tomb_word(9, 0));
    assert_int_equal(long_words[3 * WORDS - 1], pirn__tomb_word(9, 0));
}

TEST_MAIN(
    cmocka_unit_test(every_word_is_on_the_page_that_its_change_makes_dirty),
    cmocka_unit_test(turn_makes_each_of_its_pages_dirty),
    cmocka_unit_test(codes_are_all_that_there_are_of_odd_weight),
    cmocka_unit_test(every_word_that_is_stored_has_its_check),
    cmocka_unit_test(one_wrong_bit_of_a_word_is_put_right),
    cmocka_unit_test(two_wrong_bits_of_a_word_are_known),
    cmocka_unit_test(zeros_and_ones_are_no_word),
    cmocka_unit_test(a_sector_of_other_bytes_says_nothing),
    cmocka_unit_test(a_bound_that_is_none_says_nothing),
    cmocka_unit_test(what_is_kept_is_raised_and_never_lowered),
    cmocka_unit_test(what_is_kept_is_of_one_turn_and_behind_no_cut),
    cmocka_unit_test(cut_says_what_is_kept_if_it_is_exact),
    cmocka_unit_test(words_of_format_1_are_taken_record_by_record),
    cmocka_unit_test(cut_of_format_1_is_taken_and_is_not_exact))
