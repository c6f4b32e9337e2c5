/* SPDX-License-Identifier: MIT */
/*
 * test_log_round.c - what a round of tombstones that fails means, and for whom
 *
 * Of two who have the log open one keeps: his rounds fail in some way. What was
 * never synced fails for who waits and for nobody else; what may have been the
 * disk's failure is one for all.
 */
#include "kernel/faulty_bed.h"

#include "spool/log/log.h"

static bool is_broken;
static const struct engine_class *base;
static struct engine_class breakable_class;

static int breakable_wait(struct engine *engine, uint64_t timeout_ns)
{
    return is_broken ? -ENXIO : base->wait(engine, timeout_ns);
}

static int breakable_create(const struct engine_config *config,
                            struct engine **ret_engine)
{
    int r = faulty_engine()->create(config, ret_engine);

    if (r == 0) {
        base = (*ret_engine)->class;
        breakable_class = *base;
        breakable_class.wait = breakable_wait;
        (*ret_engine)->class = &breakable_class;
    }
    return r;
}

/* The one whose rounds fail. */
static int setup(void **state)
{
    static const struct engine_class breakable = {.create = breakable_create};

    is_broken = false;
    if (log_setup_faulty_closed(state) < 0 ||
        bed_change_engine(*state, &breakable) < 0) {
        return -1;
    }
    return bed_open(*state, true);
}

/* The next item is removed, durably. */
static int32_t remove_next(struct bed *bed)
{
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    return log_remove_durable(bed, &claim);
}

static void fail_one(struct bed *bed, enum engine_opcode opcode, int32_t error)
{
    faulty_plan(opcode, 1, 1, error);
    assert_int_equal(remove_next(bed), error);
    assert_int_equal(faulty_outcome()->failed, 1);
    bed_heal();
}

static void what_was_never_synced_is_tried_again(void **state)
{
    static const struct {
        enum engine_opcode opcode;
        int32_t error;
    } fails[] = {
        {ENGINE_WRITE, -ENOMEM},    {ENGINE_WRITE, -EINTR},
        {ENGINE_WRITE, -ECANCELED}, {ENGINE_WRITE, -ENOSPC},
        {ENGINE_FSYNC, -ECANCELED}, {ENGINE_FSYNC, -ENOSPC},
    };
    struct bed *bed = *state;
    struct bed other;

    bed_join(bed, &other);
    for (int i = 0; i < 6; i++) {
        for (int n = 0; n < 3; n++) {
            (void)log_put(bed, "body");
        }
        fail_one(bed, fails[i].opcode, fails[i].error);
        assert_int_equal(remove_next(i % 2 ? bed : &other), 0);
        assert_int_equal(remove_next(i % 2 ? &other : bed), 0);
    }
    bed_leave(&other);
    log_power_cut_and_open(bed);
    log_expect_none(bed, "incoming"); /* nor what failed at first */
}

/* All of it is on the disk here; but nobody could know. */
static void a_sync_that_failed_is_final_whatever_it_says(void **state)
{
    static const int32_t errors[] = {-EIO, -ENOMEM, -EINTR};
    struct bed *bed = *state;
    struct bed other;

    for (int i = 0; i < 3; i++) {
        bed_join(bed, &other);
        (void)log_put(bed, "one");
        (void)log_put(bed, "two");
        (void)log_put(bed, "three");
        faulty_plan(ENGINE_FSYNC, 1, 1, errors[i]);
        assert_int_equal(remove_next(bed), -EIO);
        bed_heal();
        assert_int_equal(remove_next(bed), -EIO);
        assert_int_equal(remove_next(&other), -EIO);
        bed_leave(&other);
        log_reopen(bed); /* alone: the tombstones have a new file */
    }
    (void)log_put(bed, "four");
    assert_int_equal(remove_next(bed), 0);
}

struct removal {
    struct pirn_claim claim;
    int32_t result;
};

static void removed(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct removal, claim.op)->result = result;
}

static void a_ring_that_fails_ends_nobody_elses_rounds(void **state)
{
    struct bed *bed = *state;
    struct bed other;
    struct removal removal = {.result = 1};

    bed_join(bed, &other);
    (void)log_put(bed, "one");
    (void)log_put(bed, "two");
    assert_int_equal(bed_claim(bed, &removal.claim), 1);
    pirn_prep_remove_durable(&removal.claim);
    pirn_start(bed->context, &removal.claim.op, removed);
    while (!bed->spool->log->keeper.is_running) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    is_broken = true;
    while (removal.result == 1) {
        int r = pirn_context_turn(bed->context, 0);
        assert_true(r >= 0 || r == -ENXIO);
    }
    assert_int_equal(removal.result, -ENXIO);
    assert_int_equal(remove_next(&other), 0);
    bed_close(bed);
    (void)log_put(&other, "three");
    assert_int_equal(remove_next(&other), 0);
    bed_leave(&other);
    bed->fd_count = count_descriptors(); /* what no ring has closed */
}

#define ROUND_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup, log_teardown_faulty)

BED_MAIN(ROUND_TEST(what_was_never_synced_is_tried_again),
         ROUND_TEST(a_sync_that_failed_is_final_whatever_it_says),
         ROUND_TEST(a_ring_that_fails_ends_nobody_elses_rounds))
