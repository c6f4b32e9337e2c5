/* SPDX-License-Identifier: MIT */
/*
 * test_log_backing.c - slots have pages before they are touched, or nobody has
 *
 * A log of two chunks of slots, of which the first has pages from the start.
 * Who needs the first one of the second chunk has pages allocated, and where
 * there is no room for these he is told so; what was there is there, and
 * whoever comes when there is room again is served.
 */
#include "kernel/faulty_bed.h"

#include "spool/log/backing.h"
#include "spool/log/log.h"
#include "spool/spool.h"

enum { CHUNK = PIRN__INDEX_CHUNK, AT_ONCE = 8 };

static int setup(void **state)
{
    if (setenv("TMPDIR", "/dev/shm", 0) < 0 ||
        log_setup_faulty_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_slots = 2 * CHUNK;
    return bed_open(bed, true);
}

static uint32_t backed(const struct bed *bed)
{
    return pirn__log_slots_backed(bed->spool->log);
}

/* Some at once; how many were refused. */
static uint32_t put_some(struct bed *bed, uint32_t len, int32_t error)
{
    static char body[2 * PIRN_DRAFT_MEMORY];
    struct bed_draft drafts[AT_ONCE] = {0};
    uint32_t refused = 0;

    for (int i = 0; i < AT_ONCE; i++) {
        drafts[i].result = 1;
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", body, len,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < AT_ONCE; i++) {
        assert_true(drafts[i].result == 0 || drafts[i].result == error);
        refused += drafts[i].result != 0;
    }
    return refused;
}

static void the_next_chunk_has_pages_when_it_is_needed(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(backed(bed), CHUNK);
    bed_put_many(bed, CHUNK);
    assert_int_equal(backed(bed), CHUNK);
    faulty_plan(ENGINE_FALLOCATE, UINT32_MAX, 0, 0);
    assert_int_equal(put_some(bed, 1, 0), 0);
    assert_true(faulty_outcome()->seen >= 3); /* slots, stamps, blocks */
    assert_int_equal(backed(bed), 2 * CHUNK);
    assert_int_equal(bed_status(bed).ready, CHUNK + AT_ONCE);
    log_reopen(bed);
    assert_int_equal(bed_status(bed).ready, CHUNK + AT_ONCE);
}

/* Neither for slots nor for what stands behind them: all who wait are told, and
 * neither a short body nor a long one has left anything. */
static void where_there_is_no_room_for_pages_all_are_told(void **state)
{
    static const uint32_t lens[] = {1, 2 * PIRN_DRAFT_MEMORY};
    struct bed *bed = *state;

    bed_put_many(bed, CHUNK);
    for (uint32_t place = 1; place <= 3; place++) {
        for (int i = 0; i < 2; i++) {
            faulty_plan(ENGINE_FALLOCATE, place, 1, -ENOSPC);
            assert_int_equal(put_some(bed, lens[i], -ENOSPC), AT_ONCE);
            assert_int_equal(faulty_outcome()->failed, 1); /* for all of them */
            bed_heal();
            assert_int_equal(backed(bed), CHUNK);
        }
    }
    assert_int_equal(bed_status(bed).ready, CHUNK);
    assert_int_equal(bed_status(bed).drafts, 0);
    assert_int_equal(put_some(bed, 1, 0), 0);
    assert_int_equal(bed_status(bed).ready, CHUNK + AT_ONCE);
}

/* It streams: the append is refused, and leaves a draft that can be aborted. */
static void an_append_without_pages_is_refused(void **state)
{
    static char body[2 * PIRN_DRAFT_MEMORY];
    struct bed *bed = *state;
    struct pirn_draft draft = {0};

    bed_put_many(bed, CHUNK);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    faulty_plan(ENGINE_FALLOCATE, 1, 1, -ENOSPC);
    pirn_prep_append(&draft, body, sizeof(body));
    assert_int_equal(pirn_wait(bed->context, &draft.op), -ENOSPC);
    assert_true(pirn_draft_is_open(&draft));
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    bed_heal();
    assert_int_equal(put_some(bed, 1, 0), 0);
}

static void where_somebody_was_faster_nothing_is_allocated(void **state)
{
    struct bed *bed = *state;
    struct pirn__backing_wait wait = {0};

    faulty_plan(ENGINE_FALLOCATE, UINT32_MAX, 0, 0);
    pirn__prep_backing(&wait, bed->spool->log, CHUNK - 1);
    assert_int_equal(pirn_wait(bed->context, &wait.waiter.op), 0);
    assert_int_equal(faulty_outcome()->seen, 0);
    assert_int_equal(backed(bed), CHUNK);
}

/* An index that cannot have its first pages is none: the spool says why. */
static void a_spool_whose_index_has_no_room_is_not_opened(void **state)
{
    struct bed *bed = *state;

    bed_put_many(bed, 3);
    log_power_cut(bed);
    for (uint32_t place = 1; place <= 4; place++) {
        faulty_plan(ENGINE_FALLOCATE, place, 1, -ENOSPC);
        assert_int_equal(bed_open(bed, false), -ENOSPC);
        assert_int_equal(faulty_outcome()->failed, 1);
        bed_heal();
    }
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, 3);
}

#define T(name) \
    cmocka_unit_test_setup_teardown(name, setup, log_teardown_faulty)

BED_MAIN(T(the_next_chunk_has_pages_when_it_is_needed),
         T(where_there_is_no_room_for_pages_all_are_told),
         T(an_append_without_pages_is_refused),
         T(where_somebody_was_faster_nothing_is_allocated),
         T(a_spool_whose_index_has_no_room_is_not_opened))
