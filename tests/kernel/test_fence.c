/* SPDX-License-Identifier: MIT */
/*
 * test_fence.c - leases, fencing out, and what the fenced one may still do
 *
 * Each case runs in both layouts. Who is stopped in the midst of a verb is a
 * context that nobody turns (midst.h).
 */
#include "kernel/test_fence.h"
#include "kernel/midst.h"

enum { TURNS = 24 };

/* How many claims were taken from the only other one. */
static uint64_t fence_other(struct bed *bed)
{
    struct pirn_spool_owner other = other_of(bed);
    struct pirn_fence fence = {0};

    pirn_prep_fence_owner(&fence, bed->spool, other.slot, other.opened_ns);
    assert_int_equal(pirn_wait(bed->context, &fence.op), 0);
    return fence.fenced;
}

/* ---- fenced out ---- */

static void what_the_fenced_one_had_is_ready_for_others(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claims[3] = {0};
    struct pirn_claim claim = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bed_claim(&his, &claims[i]), 1);
    }
    assert_int_equal(other_of(bed).claims, 3);
    assert_int_equal(fence_other(bed), 3);
    assert_int_equal(other_of(bed).claims, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.attempts, 1);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    assert_int_equal(bed_claim(bed, &claim), 0);
    bed_leave(&his);
    assert_int_equal(bed_claim(bed, &claim), 0);
}

static void each_later_verb_of_the_fenced_one_is_stale_and_changes_nothing(
    void **state)
{
    const struct pirn_change hold = {.what = PIRN_CHANGE_HELD, .held = true};
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claims[4] = {0};
    struct pirn_claim claim = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bed_claim(&his, &claims[i]), 1);
    }
    assert_int_equal(fence_other(bed), 4);
    assert_int_equal(bed_remove(&his, &claims[0]), -ESTALE);
    assert_int_equal(bed_give_back(&his, &claims[1]), -ESTALE);
    pirn_prep_update(&claims[2], &hold);
    assert_int_equal(pirn_wait(his.context, &claims[2].op), -ESTALE);
    pirn_prep_give_back_as(&claims[3], &hold);
    assert_int_equal(pirn_wait(his.context, &claims[3].op), -ESTALE);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready, 4);
    assert_int_equal(status.claimed + status.held, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.attempts, 1);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    bed_leave(&his);
}

static void who_gets_an_item_back_acts_on_it_by_the_new_claim_alone(
    void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim old[2] = {0};
    struct pirn_claim new[2] = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bed_claim(&his, &old[i]), 1);
    }
    assert_int_equal(fence_other(bed), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bed_claim(&his, &new[i]), 1);
    }
    assert_int_equal(bed_remove(&his, &old[0]), -ESTALE);
    assert_int_equal(bed_give_back(&his, &old[1]), -ESTALE);
    assert_int_equal(bed_status(bed).claimed, 2);
    assert_int_equal(bed_remove(&his, &new[0]), 0);
    assert_int_equal(bed_give_back(&his, &new[1]), 0);
    assert_int_equal(bed_status(bed).ready, 1);
    bed_leave(&his);
}

static void nobody_is_fenced_who_is_not_meant(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claim = {0};
    struct pirn_fence fence = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &claim), 1);
    struct pirn_spool_owner other = other_of(bed);
    pirn_prep_fence_owner(&fence, bed->spool, other.slot, other.opened_ns + 1);
    assert_int_equal(pirn_wait(bed->context, &fence.op), -ESRCH);
    pirn_prep_fence_owner(&fence, bed->spool, other.slot + 1, 0);
    assert_int_equal(pirn_wait(bed->context, &fence.op), -ESRCH);
    pirn_prep_fence_owner(&fence, bed->spool, 5000, 0);
    assert_int_equal(pirn_wait(bed->context, &fence.op), -EINVAL);
    pirn_prep_fence_owner(&fence, his.spool, other.slot, 0);
    assert_int_equal(pirn_wait(his.context, &fence.op), -EINVAL);
    assert_int_equal(bed_remove(&his, &claim), 0);
    bed_leave(&his);
}

static void owners_say_who_they_are(void **state)
{
    struct bed *bed = *state;
    struct bed his;

    join(bed, &his, 77);
    struct pirn_spool_owner other = other_of(bed);
    assert_int_equal(other.slot, 1);
    assert_int_equal(other.pid, getpid());
    assert_true(other.start_ticks > 0);
    assert_int_equal(other.lease_ns, 77);
    assert_int_equal(other.lease_until_ns, 0);
    assert_true(other.opened_ns <= pirn_context_realtime_ns(bed->context));
    assert_true(other_of(&his).opened_ns < other.opened_ns);
    bed_leave(&his);
}

/* ---- in the midst of a verb ---- */

typedef void prep_fn(struct pirn_claim *claim);

/* The item's one state: ready with one attempt, gone, or claimed by him. */
static void expect_whole(struct bed *bed, struct bed *his,
                         struct pirn_claim *claim, bool is_removal)
{
    struct pirn_claim again = {0};
    bool had_before = claim->priv.work != NULL;

    assert_true(ended == 0 || ended == -ESTALE);
    if (had_before) { /* an update, which was first: the next verb hears */
        assert_int_equal(ended, 0);
        assert_int_equal(bed_remove(his, claim), -ESTALE);
    }
    int32_t r = bed_claim(bed, &again);
    if (is_removal && ended == 0) {
        assert_int_equal(r, 0);
        return;
    }
    assert_int_equal(r, 1);
    assert_true(again.item.attempts >= 1);
    assert_int_equal(bed_remove(bed, &again), 0);
    assert_int_equal(bed_claim(bed, &again), 0);
}

/* Each number of turns between the verb's start and the stop. */
static void stop_in_the_midst(struct bed *bed, prep_fn *prep, bool is_removal)
{
    struct bed his;

    bed_join(bed, &his);
    for (int turns = 0; turns < TURNS; turns++) {
        struct pirn_claim claim = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &claim), 1);
        ended = 1;
        prep(&claim);
        pirn_start(his.context, &claim.op, note);
        turn_some(&his, turns);
        bool was_over = ended != 1;
        (void)fence_other(bed);
        assert_int_equal(pirn_context_drain(his.context), 0);
        expect_whole(bed, &his, &claim, is_removal);
        if (was_over) {
            break; /* more turns are no other case */
        }
    }
    bed_leave(&his);
}

static void prep_update(struct pirn_claim *claim)
{
    static const struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY,
                                              .priority = 3};

    pirn_prep_update(claim, &change);
}

static void prep_give_back_as(struct pirn_claim *claim)
{
    static const struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY,
                                              .priority = 3};

    pirn_prep_give_back_as(claim, &change);
}

static void a_stop_in_the_midst_of_a_removal_is_harmless(void **state)
{
    stop_in_the_midst(*state, pirn_prep_remove, true);
    stop_in_the_midst(*state, pirn_prep_remove_durable, true);
}

static void a_stop_in_the_midst_of_a_give_back_is_harmless(void **state)
{
    stop_in_the_midst(*state, pirn_prep_give_back, false);
}

static void a_stop_in_the_midst_of_a_change_is_harmless(void **state)
{
    stop_in_the_midst(*state, prep_update, false);
    stop_in_the_midst(*state, prep_give_back_as, false);
}

/* He changes it, and is told so, while somebody is about to take it. */
static void what_he_was_told_is_changed_stays_changed(void **state)
{
    enum { MOST = 400 };
    struct bed *bed = *state;
    struct bed his;
    int changed = 0;
    bool was_over = false;

    bed_join(bed, &his);
    for (int turns = 0; turns < MOST && !was_over; turns++) {
        struct pirn_claim claim = {0};
        struct pirn_claim again = {0};
        struct pirn_fence fence = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &claim), 1);
        ended = 1;
        pirn_prep_fence_owner(&fence, bed->spool, other_of(bed).slot, 0);
        pirn_start(bed->context, &fence.op, note);
        turn_some(bed, turns);
        was_over = ended != 1;
        prep_update(&claim);
        int32_t told = pirn_wait(his.context, &claim.op);
        assert_true(told == 0 || told == -ESTALE);
        assert_int_equal(pirn_context_drain(bed->context), 0);
        assert_int_equal(ended, 0);
        assert_int_equal(bed_claim(bed, &again), 1);
        assert_int_equal(again.item.priority, told == 0 ? 3 : 0);
        assert_int_equal(bed_remove(bed, &again), 0);
        if (claim.priv.work != NULL) {
            assert_int_equal(bed_remove(&his, &claim), -ESTALE);
        }
        changed += told == 0;
    }
    assert_true(was_over && changed > 0);
    bed_leave(&his);
}

/* He gives it back before it is taken from him, and the fencer's own claim has
 * it: that is no claim of his any more. */
static void what_the_fencer_claims_meanwhile_is_his_own(void **state)
{
    enum { MOST = 400 };
    struct bed *bed = *state;
    struct bed his;
    bool was_over = false;
    int claimed = 0;

    bed_join(bed, &his);
    for (int turns = 0; turns < MOST && !was_over; turns++) {
        struct pirn_claim claim = {0};
        struct pirn_claim own = {0};
        struct pirn_fence fence = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &claim), 1);
        uint32_t slot = other_of(bed).slot;
        ended = 1;
        pirn_prep_fence_owner(&fence, bed->spool, slot, 0);
        pirn_start(bed->context, &fence.op, note);
        turn_some(bed, turns);
        was_over = ended != 1;
        (void)bed_give_back(&his, &claim);
        pirn_prep_claim_id(&own, bed->spool, &claim.item.id);
        int32_t r = pirn_wait(bed->context, &own.op);
        assert_int_equal(pirn_context_drain(bed->context), 0);
        assert_int_equal(ended, 0);
        if (r == 1) {
            claimed++;
        } else {
            assert_int_equal(bed_claim(bed, &own), 1);
        }
        assert_int_equal(bed_remove(bed, &own), 0);
    }
    assert_true(was_over && claimed > 0);
    bed_leave(&his);
}

/* As long as he has not gone on, nobody has what he is changing. */
static void what_is_being_changed_is_his_until_that_ends(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claim = {0};
    struct pirn_claim none = {0};
    struct pirn_fence fence = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &claim), 1);
    prep_update(&claim);
    pirn_start(his.context, &claim.op, note);
    turn_some(&his, 1);
    for (int i = 0; i < 2; i++) {
        pirn_prep_fence_owner(&fence, bed->spool, other_of(bed).slot, 0);
        assert_int_equal(pirn_wait(bed->context, &fence.op), 0);
        assert_int_equal(fence.fenced, 0);
        assert_int_equal(fence.midst, 1);
        assert_int_equal(bed_claim(bed, &none), 0);
    }
    assert_int_equal(pirn_context_drain(his.context), 0);
    assert_int_equal(ended, 0);
    assert_int_equal(bed_claim(bed, &none), 1);
    assert_int_equal(none.item.priority, 3);
    assert_int_equal(none.item.version, 2);
    assert_int_equal(bed_remove(&his, &claim), -ESTALE);
    assert_int_equal(bed_remove(bed, &none), 0);
    bed_leave(&his);
}

static void what_he_is_making_stays_his(void **state)
{
    struct bed *bed = *state;
    struct bed his;

    bed_join(bed, &his);
    ended = 1;
    for (int turns = 0; turns < TURNS; turns++) {
        struct pirn_draft draft = {0};
        struct pirn_claim claim = {0};
        ended = 1;
        pirn_prep_enqueue(&draft, his.spool, "incoming", "x", 1, NULL);
        pirn_start(his.context, &draft.op, note);
        turn_some(&his, turns);
        bool was_over = ended != 1;
        (void)fence_other(bed);
        assert_int_equal(pirn_context_drain(his.context), 0);
        assert_int_equal(ended, 0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.attempts, 0);
        assert_int_equal(bed_remove(bed, &claim), 0);
        if (was_over) {
            break;
        }
    }
    bed_leave(&his);
}

static void a_stop_in_the_midst_of_a_claim_is_harmless(void **state)
{
    struct bed *bed = *state;
    struct bed his;

    bed_join(bed, &his);
    for (int turns = 0; turns < TURNS; turns++) {
        struct pirn_claim claim = {0};
        struct pirn_claim again = {0};
        bed_put_many(bed, 1);
        ended = 99;
        pirn_prep_claim(&claim, his.spool, "incoming");
        pirn_start(his.context, &claim.op, note);
        turn_some(&his, turns);
        bool was_over = ended != 99;
        uint64_t fenced = fence_other(bed);
        int32_t r = bed_claim(bed, &again);
        assert_int_equal(pirn_context_drain(his.context), 0);
        assert_true(ended == 0 || ended == 1);
        if (ended == 1) {
            assert_int_equal(bed_remove(&his, &claim), r == 1 ? -ESTALE : 0);
        }
        assert_true(r == 1 || ended == 1);
        assert_true(r == 1 || fenced == 0);
        if (r == 1) {
            assert_int_equal(bed_remove(bed, &again), 0);
        }
        if (was_over) {
            break;
        }
    }
    bed_leave(&his);
}

/* ---- who fences dies ---- */

/* Fences slot 1 out. */
static int fence_and_die(struct bed *bed, const void *unused, int turns)
{
    struct pirn_fence fence = {0};

    (void)unused;
    pirn_prep_fence_owner(&fence, bed->spool, 1, 0);
    return turn_until_ended(bed, &fence.op, 0, &turns);
}

/* Each is his or ready, and none is both or nowhere; what was on its way is the
 * dead one's, and went with him. */
static void a_fencer_who_is_killed_leaves_nothing_half_done(void **state)
{
    enum { ITEMS = 2, MOST = 400 };
    const int step = bed_step(3);
    struct bed *bed = *state;
    struct bed his;
    int r = 0;

    bed_join(bed, &his);
    for (int turns = 0; turns < MOST && r == 0; turns += step) {
        struct pirn_claim claims[ITEMS] = {0};
        struct pirn_claim claim = {0};
        bed_put_many(bed, ITEMS);
        for (int i = 0; i < ITEMS; i++) {
            assert_int_equal(bed_claim(&his, &claims[i]), 1);
        }
        r = live_in_a_child(bed, fence_and_die, NULL, turns);
        assert_true(r < 2);
        struct pirn_status status = bed_status_of(bed, 2);
        assert_int_equal(status.ready + status.claimed, ITEMS);
        for (int i = 0; i < ITEMS; i++) {
            status.claimed -= bed_remove(&his, &claims[i]) == 0;
        }
        assert_int_equal(status.claimed, 0);
        for (uint64_t i = 0; i < status.ready; i++) {
            assert_int_equal(bed_claim(bed, &claim), 1);
            assert_true(claim.item.attempts >= 1);
            assert_int_equal(bed_remove(bed, &claim), 0);
        }
        assert_int_equal(pirn_context_drain(his.context), 0); /* the removals */
        assert_int_equal(pirn_context_drain(bed->context), 0);
        status = bed_status(bed);
        assert_int_equal(status.ready + status.claimed, 0);
        assert_int_equal(status.drafts + status.leftovers, 0);
        assert_int_equal(bed_entries(bed, ".tmp/0001"), 0);
    }
    assert_int_equal(r, 1);
    bed_leave(&his);
}

/* ---- leases ---- */

static void a_lease_that_is_over_gives_others_the_claims(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claim = {0};
    struct pirn_claim again = {0};

    join(bed, &his, 1); /* over when it begins */
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &claim), 1);
    assert_int_equal(pirn_context_drain(his.context), 0);
    assert_int_equal(bed_status(bed).claimed, 0);
    assert_int_equal(bed_claim(bed, &again), 1);
    assert_int_equal(again.item.attempts, 1);
    assert_int_equal(bed_remove(&his, &claim), -ESTALE);
    assert_int_equal(bed_remove(bed, &again), 0);
    bed_leave(&his);
}

static void a_lease_that_runs_or_none_leaves_claims_alone(void **state)
{
    const uint64_t leases[] = {0, UINT64_C(3600000000000), UINT64_MAX};
    struct bed *bed = *state;
    struct bed his;

    for (int i = 0; i < 3; i++) {
        struct pirn_claim claim = {0};
        join(bed, &his, leases[i]);
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &claim), 1);
        assert_int_equal(pirn_context_drain(his.context), 0);
        assert_int_equal(bed_status(bed).claimed, 1);
        assert_int_equal(bed_remove(&his, &claim), 0);
        bed_leave(&his);
    }
}

static void a_renewal_moves_the_end_of_the_lease(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claim = {0};
    struct pirn_renewal renewals[3] = {0};

    join(bed, &his, UINT64_C(3600000000000));
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &claim), 1);
    assert_int_equal(pirn_context_drain(his.context), 0);
    uint64_t before = other_of(bed).lease_until_ns;
    assert_true(before > 0);
    for (int i = 0; i < 3; i++) { /* at once: the last write ends them all */
        pirn_prep_renew(&renewals[i], his.spool);
        pirn_start(his.context, &renewals[i].op, note);
    }
    assert_int_equal(pirn_context_drain(his.context), 0);
    assert_true(other_of(bed).lease_until_ns > before);
    pirn_prep_renew(&renewals[0], bed->spool); /* who has no lease */
    assert_int_equal(pirn_wait(bed->context, &renewals[0].op), 0);
    assert_int_equal(bed_remove(&his, &claim), 0);
    bed_leave(&his);
}

#define FILE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define BOTH(name) FILE_TEST(name), LOG_TEST(name)

BED_MAIN(BOTH(what_the_fenced_one_had_is_ready_for_others),
         BOTH(each_later_verb_of_the_fenced_one_is_stale_and_changes_nothing),
         BOTH(who_gets_an_item_back_acts_on_it_by_the_new_claim_alone),
         BOTH(nobody_is_fenced_who_is_not_meant), BOTH(owners_say_who_they_are),
         BOTH(a_stop_in_the_midst_of_a_removal_is_harmless),
         BOTH(a_stop_in_the_midst_of_a_give_back_is_harmless),
         BOTH(a_stop_in_the_midst_of_a_change_is_harmless),
         BOTH(what_he_was_told_is_changed_stays_changed),
         BOTH(what_the_fencer_claims_meanwhile_is_his_own),
         LOG_TEST(what_is_being_changed_is_his_until_that_ends),
         BOTH(what_he_is_making_stays_his),
         BOTH(a_stop_in_the_midst_of_a_claim_is_harmless),
         BOTH(a_fencer_who_is_killed_leaves_nothing_half_done),
         BOTH(a_lease_that_is_over_gives_others_the_claims),
         BOTH(a_lease_that_runs_or_none_leaves_claims_alone),
         BOTH(a_renewal_moves_the_end_of_the_lease))
