/* SPDX-License-Identifier: MIT */
/*
 * test_log_full.c - no room for more: of slots, of segments, of queues
 *
 * What is there can be claimed, changed and removed however full the log is,
 * and what was removed makes room again.
 */
#include "kernel/test_log.h"

#include <sys/mman.h>

#include <pirn/file.h>

#include "spool/log/log.h"

enum { FEW_SLOTS = 64, FEW_SEGMENTS = 4, BODY = 60 * 1024, QUEUES = 128 };

static int setup_few_slots(void **state)
{
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_slots = FEW_SLOTS;
    return bed_open(bed, true);
}

static int setup_few_segments(void **state)
{
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_segments = FEW_SEGMENTS;
    return bed_open(bed, true);
}

/* ---- slots ---- */

static void expect_no_slot(struct bed *bed)
{
    struct pirn_draft draft = {0};
    char *body = calloc(1, 2 * BODY);

    assert_int_equal(log_enqueue(bed, &draft, "incoming", "x", 1, NULL),
                     -ENOSPC);
    assert_int_equal(log_enqueue(bed, &draft, "incoming", body, 2 * BODY, NULL),
                     -ENOSPC);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_commit(&draft, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -ENOSPC);
    assert_false(pirn_draft_is_open(&draft));
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, body, 2 * BODY);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -ENOSPC);
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    free(body);
}

static void a_slot_that_was_freed_takes_another_item(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id last = {{0}};

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < FEW_SLOTS; i++) {
            last = log_put(bed, "x");
        }
        expect_no_slot(bed);
        for (int i = 0; i < FEW_SLOTS; i++) {
            assert_int_equal(bed_claim(bed, &claim), 1);
            assert_int_equal(i == FEW_SLOTS - 1
                                 ? log_remove_durable(bed, &claim)
                                 : bed_remove(bed, &claim),
                             0);
        }
        log_expect_gone(bed, &last);
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
    log_expect_none(bed, "incoming");
}

/* ---- segments ---- */

/* Until there is no room; how many. */
static unsigned fill(struct bed *bed, uint8_t *body)
{
    unsigned count = 0;
    int32_t r = 0;

    while (r == 0 && count < 1000) {
        struct pirn_draft draft = {0};
        body[0] = (uint8_t)count;
        r = log_enqueue(bed, &draft, "incoming", body, BODY, NULL);
        count += r == 0;
    }
    assert_int_equal(r, -ENOSPC);
    return count;
}

static void expect_all(struct bed *bed, uint8_t *body, unsigned count)
{
    uint8_t *buf = malloc(BODY);
    struct pirn_claim claim = {0};

    for (unsigned i = 0; i < count; i++) {
        body[0] = (uint8_t)i;
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_read(bed, &claim, buf, BODY, 0), BODY);
        assert_memory_equal(buf, body, BODY);
        assert_int_equal(i + 1 == count ? log_remove_durable(bed, &claim)
                                        : bed_remove(bed, &claim),
                         0);
    }
    log_expect_none(bed, "incoming");
    free(buf);
}

static void segments_that_were_emptied_are_filled_again(void **state)
{
    static uint8_t body[BODY];
    struct bed *bed = *state;
    unsigned least = 1000;

    for (int round = 0; round < 5; round++) {
        unsigned count = fill(bed, body);
        least = count < least ? count : least;
        if (round == 2) {
            log_power_cut_and_open(bed);
        }
        expect_all(bed, body, count);
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
    /* Two are a reserve, one may be half full. */
    assert_true(least >= LOG_SEGMENT_BYTES / (BODY + 4096));
}

static void a_full_log_lets_all_be_changed_and_removed(void **state)
{
    static uint8_t body[BODY];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    const struct pirn_change hold = {.what = PIRN_CHANGE_HELD, .held = true};
    const struct pirn_change release = {.what = PIRN_CHANGE_HELD};
    unsigned count = fill(bed, body);

    assert_int_equal(bed_claim(bed, &claim), 1);
    struct pirn_id id = claim.item.id;
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &hold), 0);
    assert_int_equal(bed_status(bed).held, 1);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_update(bed, &claim, &release), 0);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    expect_all(bed, body, count);
}

/* Of each segment a few stay: they must not keep the rest from being used. */
static void segments_with_survivors_are_used_again(void **state)
{
    static uint8_t body[BODY];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    unsigned count = fill(bed, body);
    unsigned more = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct pirn_change hold = {.what = PIRN_CHANGE_HELD,
                                         .held = true};
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(i % 10 == 3 ? log_give_back_as(bed, &claim, &hold)
                                     : log_remove_durable(bed, &claim),
                         0);
    }
    for (int tries = 0; tries < 20; tries++) {
        struct pirn_draft draft = {0};
        int32_t r = log_enqueue(bed, &draft, "incoming", body, BODY, NULL);
        assert_true(r == 0 || r == -ENOSPC);
        more += r == 0;
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
    assert_true(more > 0);
    assert_int_equal(bed_status(bed).held, (count + 6) / 10);
}

/* ---- queues ---- */

static void a_queue_too_many_is_refused(void **state)
{
    struct bed *bed = *state;
    char name[16];

    for (int i = 1; i < QUEUES; i++) {
        snprintf(name, sizeof(name), "q%d", i);
        /* By number alone: a directory each is not what is asked here. */
        assert_int_equal(pirn__log_make_queue(bed->spool->log, name), 0);
    }
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "more", PIRN_LAYOUT_LOG),
        -ENOSPC);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "q127", PIRN_LAYOUT_LOG), 0);
    log_power_cut_and_open(bed);
    struct pirn_draft draft = {0};
    assert_int_equal(log_enqueue(bed, &draft, "q127", "last", 4, NULL), 0);
    log_expect_next(bed, "q127", "last");
}

static void a_queue_has_one_layout(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE), 0);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_LOG),
        -EEXIST);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "incoming", PIRN_LAYOUT_FILE),
        -EEXIST);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "incoming", PIRN_LAYOUT_LOG), 0);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "No", PIRN_LAYOUT_LOG), -EINVAL);
}

#define SLOT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_few_slots, log_teardown)
#define SEGMENT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_few_segments, log_teardown)

/* No byte of it is looked at. Where there is no room for it that is said. */
static void an_append_of_more_than_a_write_is_refused(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    const uint32_t len = PIRN_IO_MAX + 1;
    void *bytes = mmap(NULL, len, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_ptr_not_equal(bytes, MAP_FAILED);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, bytes, len);
    int32_t r = pirn_wait(bed->context, &draft.op);
    assert_true(r == -EFBIG || r == -ENOSPC);
    assert_true(pirn_draft_is_open(&draft));
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_status(bed).drafts, 0);
    munmap(bytes, len);
}

BED_MAIN(LOG_TEST(an_append_of_more_than_a_write_is_refused),
         SLOT_TEST(a_slot_that_was_freed_takes_another_item),
         SEGMENT_TEST(segments_that_were_emptied_are_filled_again),
         SEGMENT_TEST(a_full_log_lets_all_be_changed_and_removed),
         SEGMENT_TEST(segments_with_survivors_are_used_again),
         LOG_TEST(a_queue_too_many_is_refused),
         LOG_TEST(a_queue_has_one_layout))
