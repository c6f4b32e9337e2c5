/* SPDX-License-Identifier: MIT */
/*
 * test_log_compact.c - segments with few survivors become free
 *
 * Method: items enough for several segments of 1 MiB, of which one in twenty
 * survives. The survivors are what they were, in their order, and the log goes
 * on taking items in fewer segments than all that were ever put would need.
 */
#include "kernel/test_log.h"

#include "faulty.h"
#include "runtime/context.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"

enum { BODY = 8 * 1024, ITEMS = 700, KEPT_ONE_IN = 20 };

static void fill(char *body, int number)
{
    memset(body, 'a' + number % 26, BODY);
    (void)snprintf(body, 16, "%d", number);
}

static void put_all(struct bed *bed)
{
    char *body = malloc(BODY);

    for (int i = 0; i < ITEMS; i++) {
        fill(body, i);
        (void)bed_put(bed, body, BODY);
    }
    free(body);
}

/* Each but one in twenty goes; those are given back untouched at the end. */
static void thin_out(struct bed *bed)
{
    struct pirn_claim kept[ITEMS / KEPT_ONE_IN] = {0};
    struct pirn_claim claim = {0};
    uint32_t count = 0;

    for (int i = 0; i < ITEMS; i++) {
        struct pirn_claim *at = i % KEPT_ONE_IN == 0 ? &kept[count++] : &claim;
        assert_int_equal(bed_claim(bed, at), 1);
        if (at == &claim) {
            assert_int_equal(bed_remove(bed, at), 0);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(bed_give_back(bed, &kept[i]), 0);
    }
}

/* A durable removal waits for a round, and behind a round comes compaction. */
static void pass_rounds(struct bed *bed, int count)
{
    for (int i = 0; i < count; i++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = bed_put(bed, "x", 1);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        pirn_prep_remove_durable(&claim);
        assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
}

static void expect_survivors(struct bed *bed)
{
    char *want = malloc(BODY);
    char *have = malloc(BODY);

    for (int i = 0; i < ITEMS; i += KEPT_ONE_IN) {
        struct pirn_claim claim = {0};
        fill(want, i);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.size_bytes, BODY);
        assert_int_equal(log_read(bed, &claim, have, BODY, 0), BODY);
        assert_memory_equal(have, want, BODY);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    log_expect_none(bed, "incoming");
    free(want);
    free(have);
}

static void survivors_move_and_their_segments_are_free(void **state)
{
    struct bed *bed = *state;

    /* Six segments' worth, four times, in a log of sixteen. */
    for (int turn = 0; turn < 4; turn++) {
        put_all(bed);
        thin_out(bed);
        pass_rounds(bed, 4);
        struct pirn_status status = bed_status(bed);
        assert_int_equal(status.ready, ITEMS / KEPT_ONE_IN);
        expect_survivors(bed);
    }
}

static void survivors_of_every_turn_fit_together(void **state)
{
    struct bed *bed = *state;

    /* Without compaction the survivors would keep six segments a turn. */
    for (int turn = 0; turn < 5; turn++) {
        put_all(bed);
        thin_out(bed);
        pass_rounds(bed, 4);
        struct pirn_status status = bed_status(bed);
        assert_int_equal(status.ready + status.claimed,
                         (turn + 1) * ITEMS / KEPT_ONE_IN);
    }
}

/* ---- a disk that refuses every batch ---- */

enum { MARKERS = 80 };

static uint64_t rounds(const struct bed *bed)
{
    return pirn__atom_load(&bed->spool->log->index.head->rounds_done);
}

/* A round for each, and none needs a batch. */
static void remove_markers(struct bed *bed, struct pirn_claim *markers,
                           int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(log_remove_durable(bed, &markers[i]), 0);
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
}

/* No more often than 1, 2, 4, 8, 16, 16 ... rounds apart; and when it succeeds
 * all is as if it had never failed. */
static void what_is_refused_is_tried_ever_later(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim markers[MARKERS] = {0};

    for (int i = 0; i < MARKERS; i++) {
        struct pirn_id id = bed_put(bed, "x", 1);
        assert_int_equal(log_claim_id(bed, &markers[i], &id), 1);
    }
    put_all(bed);
    faulty_plan(ENGINE_WRITEV, 1, 0, -ENOSPC);
    thin_out(bed);
    uint64_t before = rounds(bed);
    remove_markers(bed, markers, MARKERS / 2);
    uint64_t passed = rounds(bed) - before;
    uint32_t tries = faulty_outcome()->failed;
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_true(passed >= MARKERS / 2);
    assert_in_range(tries, 3, 5 + passed / PIRN__COMPACT_RESTS);
    remove_markers(bed, markers + MARKERS / 2, MARKERS / 2);
    pass_rounds(bed, 4);
    expect_survivors(bed);
}

static int setup_faulty(void **state)
{
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    pirn_context_destroy(bed->context);
    if (pirn__context_create_on(faulty_engine(), NULL, &bed->context) < 0) {
        return -1;
    }
    bed->fd_count = count_descriptors();
    return bed_open(bed, true);
}

#define FAULTY_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_faulty, log_teardown)

BED_MAIN(LOG_TEST(survivors_move_and_their_segments_are_free),
         LOG_TEST(survivors_of_every_turn_fit_together),
         FAULTY_TEST(what_is_refused_is_tried_ever_later))
