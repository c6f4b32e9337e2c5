/* SPDX-License-Identifier: MIT */
/*
 * test_latch.c - of one open, one at a time works on an item
 *
 * The result of an operation of a give-back is kept back, and meanwhile the
 * item is ready for others, among them its own open; or was taken by who has
 * fenced its owner out.
 */
#include "kernel/faulty_bed.h"
#include "kernel/test_fence.h"

struct told {
    struct pirn_claim claim;
    bool has_ended;
    int32_t result;
};

static void tell(struct pirn_op *op, int32_t result)
{
    struct told *told = pirn_container_of(op, struct told, claim.op);

    told->has_ended = true;
    told->result = result;
}

/* Had by @told, who gives it back with a change; that op's result is held. */
static struct pirn_id give_back_half(struct bed *bed, struct told *told,
                                     enum engine_opcode held)
{
    static const struct pirn_change urgent = {.what = PIRN_CHANGE_PRIORITY,
                                              .priority = 3};
    struct pirn_id id = bed_put(bed, "body", 4);

    assert_int_equal(bed_claim(bed, &told->claim), 1);
    faulty_hold(held);
    pirn_prep_give_back_as(&told->claim, &urgent);
    pirn_start(bed->context, &told->claim.op, tell);
    for (int i = 0; i < 1000 && !faulty_has_held(); i++) {
        assert_true(pirn_context_turn(bed->context, 10000000) >= 0);
    }
    assert_true(faulty_has_held());
    return id;
}

static void claim_again(struct bed *bed, struct told *again,
                        const struct pirn_id *id)
{
    pirn_prep_claim_id(&again->claim, bed->spool, id);
    pirn_start(bed->context, &again->claim.op, tell);
    for (int i = 0; i < 20; i++) {
        assert_true(pirn_context_turn(bed->context, 1000000) >= 0);
    }
    assert_false(again->has_ended);
}

static void let_go(struct bed *bed)
{
    faulty_hold(ENGINE_NONE);
    assert_true(pirn_context_turn(bed->context, 0) >= 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

static void update(struct bed *bed, struct pirn_claim *claim)
{
    static const struct pirn_change calm = {.what = PIRN_CHANGE_PRIORITY,
                                            .priority = 1};

    pirn_prep_update(claim, &calm);
    assert_int_equal(pirn_wait(bed->context, &claim->op), 0);
    assert_int_equal(claim->item.priority, 1);
    assert_int_equal(bed_remove_durably(bed, claim), 0);
}

/* The only other one, who has one claim. */
static void fence_out(struct bed *his)
{
    struct pirn_fence fence = {0};

    pirn_prep_fence_owner(&fence, his->spool, other_of(his).slot, 0);
    assert_int_equal(pirn_wait(his->context, &fence.op), 0);
    assert_int_equal(fence.fenced, 1);
}

/* Its ID.new would be taken away by what cleans up there. */
static void who_has_it_anew_waits_until_it_is_given_back_wholly(void **state)
{
    struct bed *bed = *state;
    struct told told = {0};
    struct told again = {0};

    struct pirn_id id = give_back_half(bed, &told, ENGINE_UNLINK);
    claim_again(bed, &again, &id);
    let_go(bed);
    assert_true(told.has_ended && again.has_ended);
    assert_int_equal(told.result, 0);
    assert_int_equal(again.result, 1);
    assert_int_equal(again.claim.item.priority, 3);
    update(bed, &again.claim);
}

/* What was fenced out would act on the item of who has it anew. */
static void nor_does_a_verb_act_on_it_that_was_fenced_out(void **state)
{
    struct bed *bed = *state;
    struct told told = {0};
    struct told again = {0};
    struct bed his;

    bed_join(bed, &his);
    struct pirn_id id = give_back_half(bed, &told, ENGINE_WRITE);
    fence_out(&his);
    claim_again(bed, &again, &id);
    let_go(bed);
    assert_true(told.has_ended && again.has_ended);
    assert_int_equal(told.result, -ESTALE);
    assert_int_equal(again.result, 1);
    assert_int_equal(again.claim.item.priority, 0);
    update(bed, &again.claim);
    bed_leave(&his);
}

/* Who has fenced its owner out takes the item to where the change says. */
static void a_change_that_a_fence_came_behind_is_done(void **state)
{
    struct bed *bed = *state;
    struct told told = {0};
    struct pirn_claim claim = {0};
    struct bed his;

    bed_join(bed, &his);
    (void)give_back_half(bed, &told, ENGINE_RENAME);
    fence_out(&his);
    let_go(bed);
    assert_true(told.has_ended);
    assert_int_equal(told.result, 0);
    assert_int_equal(bed_claim(&his, &claim), 1);
    assert_int_equal(claim.item.priority, 3);
    assert_int_equal(bed_remove(&his, &claim), 0);
    bed_leave(&his);
}

BED_MAIN(BED_FAULTY_TEST(who_has_it_anew_waits_until_it_is_given_back_wholly),
         BED_FAULTY_TEST(nor_does_a_verb_act_on_it_that_was_fenced_out),
         BED_FAULTY_TEST(a_change_that_a_fence_came_behind_is_done))
