/* SPDX-License-Identifier: MIT */
/*
 * test_seize.c - one item, taken from who has it and does not give it back
 *
 * Each case runs in both layouts. He who has it, or seizes it, and is stopped
 * in the midst of that is a context that nobody turns (midst.h).
 */
#include "kernel/midst.h"
#include "kernel/test_fence.h"

enum { TURNS = 24, MOST = 400 };

static int32_t seize(struct bed *bed, struct pirn_claim *claim,
                     const struct pirn_id *id)
{
    pirn_prep_seize(claim, bed->spool, id);
    return pirn_wait(bed->context, &claim->op);
}

static const struct pirn_change urgent = {.what = PIRN_CHANGE_PRIORITY,
                                          .priority = 3};

static int32_t update(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_update(claim, &urgent);
    return pirn_wait(bed->context, &claim->op);
}

static int32_t give_back_as(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_give_back_as(claim, &urgent);
    return pirn_wait(bed->context, &claim->op);
}

typedef int32_t verb_fn(struct bed *bed, struct pirn_claim *claim);

/* ---- seized ---- */

static void what_is_seized_is_ours_and_his_other_claims_stay_his(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim theirs[2] = {0};
    struct pirn_claim ours = {0};
    char text[8] = "";

    bed_join(bed, &his);
    (void)log_put(bed, "a body");
    (void)log_put(bed, "a body");
    assert_int_equal(bed_claim(&his, &theirs[0]), 1);
    assert_int_equal(bed_claim(&his, &theirs[1]), 1);
    const struct pirn_id id = theirs[0].item.id;
    assert_int_equal(seize(bed, &ours, &id), 1);
    assert_true(log_same_id(&ours.item.id, &id));
    assert_int_equal(ours.item.state, PIRN_ITEM_CLAIMED);
    assert_int_equal(ours.item.owner, other_of(&his).slot);
    assert_int_equal(ours.item.attempts, 1);
    assert_string_equal(ours.item.queue, "incoming");
    assert_int_equal(log_read(bed, &ours, text, sizeof(text), 0), 6);
    assert_string_equal(text, "a body");
    assert_int_equal(other_of(bed).claims, 1);
    assert_int_equal(other_of(&his).claims, 1);
    assert_int_equal(bed_remove(&his, &theirs[0]), -ESTALE);
    assert_int_equal(bed_remove(&his, &theirs[1]), 0);
    assert_int_equal(bed_remove(bed, &ours), 0);
    bed_leave(&his);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.claimed, 0);
}

static void each_verb_of_who_lost_it_is_stale_and_changes_nothing(void **state)
{
    static verb_fn *const verbs[] = {bed_remove, bed_remove_durably,
                                     bed_give_back, update, give_back_as};
    struct bed *bed = *state;
    struct bed his;

    bed_join(bed, &his);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct pirn_claim theirs = {0};
        struct pirn_claim ours = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &theirs), 1);
        assert_int_equal(seize(bed, &ours, &theirs.item.id), 1);
        assert_int_equal(verbs[i](&his, &theirs), -ESTALE);
        assert_null(theirs.priv.work);
        assert_int_equal(bed_status(bed).claimed, 1);
        assert_int_equal(bed_remove(bed, &ours), 0);
    }
    bed_leave(&his);
}

static void each_verb_of_a_claim_works_on_what_was_seized(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};
    struct pirn_claim again = {0};

    bed_join(bed, &his);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "done", bed->layout), 0);
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    assert_int_equal(seize(bed, &ours, &id), 1);
    assert_int_equal(update(bed, &ours), 0);
    assert_int_equal(ours.item.priority, 3);
    assert_int_equal(ours.item.attempts, 1);
    assert_int_equal(bed_give_back(bed, &ours), 0);
    assert_int_equal(log_claim_id(bed, &again, &id), 1);
    assert_int_equal(again.item.priority, 3);
    assert_int_equal(again.item.attempts, 2);
    assert_int_equal(seize(&his, &ours, &id), 1);
    assert_int_equal(ours.item.attempts, 3);
    pirn_prep_move(&ours, "done");
    assert_int_equal(pirn_wait(his.context, &ours.op), 0);
    assert_int_equal(bed_remove(bed, &again), -ESTALE);
    assert_int_equal(log_claim_id(bed, &again, &id), 1);
    assert_string_equal(again.item.queue, "done");
    assert_int_equal(again.item.attempts, 3);
    assert_int_equal(bed_remove_durably(bed, &again), 0);
    bed_leave(&his);
}

/* Where he had it from, and what he has made of it, is in its metadata. */
static void what_he_changed_before_is_what_we_have(void **state)
{
    const struct pirn_change away = {
        .what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_HELD | PIRN_CHANGE_PRIORITY,
        .queue = "later",
        .held = true,
        .priority = -2,
    };
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    assert_int_equal(
        pirn_spool_create_queue_as(his.spool, "later", bed->layout), 0);
    pirn_prep_update(&theirs, &away);
    assert_int_equal(pirn_wait(his.context, &theirs.op), 0);
    assert_int_equal(seize(bed, &ours, &id), 1);
    assert_string_equal(ours.item.queue, "later");
    assert_int_equal(ours.item.priority, -2);
    assert_int_equal(bed_give_back(bed, &ours), 0);
    assert_int_equal(bed_status(bed).held, 1);
    assert_int_equal(log_claim_id(bed, &ours, &id), 1);
    assert_string_equal(ours.item.queue, "later");
    assert_int_equal(bed_remove(bed, &ours), 0);
    bed_leave(&his);
}

static void what_nobody_has_is_claimed_by_its_id(void **state)
{
    const struct pirn_change held = {.what = PIRN_CHANGE_HELD, .held = true};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    struct pirn_id id = bed_put(bed, "x", 1);

    assert_int_equal(seize(bed, &claim, &id), 1);
    assert_int_equal(claim.item.attempts, 0);
    pirn_prep_give_back_as(&claim, &held);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    assert_int_equal(seize(bed, &claim, &id), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);
    assert_int_equal(seize(bed, &claim, &id), -ENOENT);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(seize(bed, &claim, &draft.id), -ENOENT);
    pirn_prep_commit(&draft, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(seize(bed, &claim, &draft.id), 1);
    assert_int_equal(claim.item.attempts, 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_claim_of_our_own_open_loses_it_likewise(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim older = {0};
    struct pirn_claim newer = {0};
    struct pirn_claim none = {0};

    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(bed, &older), 1);
    const struct pirn_id id = older.item.id;
    assert_int_equal(update(bed, &older), 0);
    assert_int_equal(seize(bed, &newer, &id), 1);
    assert_int_equal(newer.item.attempts, 1);
    assert_int_equal(newer.item.priority, 3);
    assert_int_equal(bed_give_back(bed, &older), -ESTALE);
    assert_int_equal(bed_claim(bed, &none), 0);
    assert_int_equal(update(bed, &newer), 0);
    assert_int_equal(seize(bed, &older, &id), 1);
    assert_int_equal(bed_remove(bed, &newer), -ESTALE);
    assert_int_equal(bed_remove(bed, &older), 0);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.claimed, 0);
}

static int claim_and_die(struct bed *bed, const void *unused, int turns)
{
    struct pirn_claim claim = {0};

    (void)unused;
    (void)turns;
    return bed_claim(bed, &claim) == 1 ? 1 : 2;
}

/* What the dead had is given back, and had from there. */
static void what_the_dead_had_needs_no_seizing(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put(bed, "x", 1);

    assert_int_equal(live_in_a_child(bed, claim_and_die, NULL, 0), 1);
    (void)bed_status_of(bed, 1);
    assert_int_equal(seize(bed, &claim, &id), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* ---- in the midst of a verb ---- */

typedef void prep_fn(struct pirn_claim *claim);

static void prep_update(struct pirn_claim *claim)
{
    pirn_prep_update(claim, &urgent);
}

static void prep_give_back_as(struct pirn_claim *claim)
{
    pirn_prep_give_back_as(claim, &urgent);
}

/* He has ended his verb. Of it, and of the seizure, what was first was done:
 * the item is had by one, once, or is gone. */
static void expect_one(struct bed *bed, struct bed *his,
                       struct pirn_claim *theirs, struct pirn_claim *ours,
                       const struct pirn_id *id)
{
    struct pirn_claim last = {0};
    int removed = 0;

    assert_true(ended == 0 || ended == -ESTALE);
    if (ours->priv.work != NULL) {
        removed += bed_remove(bed, ours) == 0;
    }
    if (theirs->priv.work != NULL) {
        removed += bed_remove(his, theirs) == 0;
    }
    if (removed == 0 && log_claim_id(bed, &last, id) == 1) {
        assert_true(last.item.attempts >= 1);
        removed += bed_remove(bed, &last) == 0;
    }
    assert_in_range(removed, 0, 1);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.claimed + status.held, 0);
}

/* Each number of turns between the verb's start and the stop. */
static void stop_in_the_midst(struct bed *bed, prep_fn *prep, bool is_removal)
{
    struct bed his;
    bool was_over = false;

    bed_join(bed, &his);
    for (int turns = 0; turns < TURNS && !was_over; turns++) {
        struct pirn_claim theirs = {0};
        struct pirn_claim ours = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &theirs), 1);
        const struct pirn_id id = theirs.item.id;
        ended = 1;
        prep(&theirs);
        pirn_start(his.context, &theirs.op, note);
        turn_some(&his, turns);
        was_over = ended != 1;
        int32_t r = seize(bed, &ours, &id);
        bool is_in_the_midst = r == 0 && bed->layout == PIRN_LAYOUT_LOG;
        assert_true(r == 1 || is_in_the_midst || (is_removal && r == -ENOENT));
        assert_int_equal(pirn_context_drain(his.context), 0);
        assert_true(r == 1 || ended == 0);
        if (r == 1 && is_removal) {
            assert_int_equal(ended, -ESTALE);
        }
        expect_one(bed, &his, &theirs, &ours, &id);
    }
    assert_true(was_over);
    bed_leave(&his);
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

/* He changes it, after so many turns of a seizure, and is told what of that.
 * Return: whether the seizure was over before */
static bool change_while_seizing(struct bed *bed, struct bed *his, int turns,
                                 int *ret_changed)
{
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};

    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(his, &theirs), 1);
    ended = 99;
    pirn_prep_seize(&ours, bed->spool, &theirs.item.id);
    pirn_start(bed->context, &ours.op, note);
    turn_some(bed, turns);
    bool was_over = ended != 99;
    int32_t told = update(his, &theirs);
    assert_true(told == 0 || told == -ESTALE);
    *ret_changed += told == 0;
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_true(ended == 1 || (ended == 0 && his == bed && told == 0));
    if (ended == 1) {
        assert_int_equal(ours.item.priority, told == 0 ? 3 : 0);
        assert_int_equal(bed_remove(bed, &ours), 0);
    }
    if (theirs.priv.work != NULL) {
        assert_int_equal(bed_remove(his, &theirs), ended == 1 ? -ESTALE : 0);
    }
    return was_over;
}

static void what_he_was_told_is_changed_stays_changed(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    int changed = 0;
    int tries = 0;
    bool was_over = false;

    bed_join(bed, &his);
    for (; tries < MOST && !was_over; tries++) {
        was_over = change_while_seizing(bed, &his, tries, &changed);
    }
    assert_true(was_over && changed > 0 && changed < tries);
    bed_leave(&his);
}

static void what_we_were_told_is_changed_stays_changed_too(void **state)
{
    struct bed *bed = *state;
    int changed = 0;
    int tries = 0;
    bool was_over = false;

    for (; tries < MOST && !was_over; tries++) {
        was_over = change_while_seizing(bed, bed, tries, &changed);
    }
    assert_true(was_over && changed < tries);
}

/* Log layout: he stores fields there without asking. */
static void what_is_being_changed_is_his_until_that_ends(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};

    bed_join(bed, &his);
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    prep_update(&theirs);
    pirn_start(his.context, &theirs.op, note);
    turn_some(&his, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(seize(bed, &ours, &id), 0);
        assert_int_equal(bed_claim(bed, &ours), 0);
    }
    assert_int_equal(pirn_context_drain(his.context), 0);
    assert_int_equal(ended, 0);
    assert_int_equal(bed_claim(bed, &ours), 1);
    assert_int_equal(ours.item.priority, 3);
    assert_int_equal(ours.item.attempts, 1);
    assert_int_equal(bed_remove(&his, &theirs), -ESTALE);
    assert_int_equal(bed_remove(bed, &ours), 0);
    bed_leave(&his);
}

/* Being made, or done with, it is no claim of his. */
static void what_he_is_making_or_has_removed_is_not_seized(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    bool was_over = false;

    bed_join(bed, &his);
    for (int turns = 0; turns < TURNS && !was_over; turns++) {
        struct pirn_draft draft = {0};
        struct pirn_claim ours = {0};
        ended = 99;
        pirn_prep_enqueue(&draft, his.spool, "incoming", "x", 1, NULL);
        pirn_start(his.context, &draft.op, note);
        turn_some(&his, turns);
        was_over = ended != 99;
        const struct pirn_id id = draft.id;
        int32_t r = seize(bed, &ours, &id);
        assert_true(r == -ENOENT || r == 1); /* 1: it is there already */
        assert_int_equal(pirn_context_drain(his.context), 0);
        assert_int_equal(ended, 0);
        if (r != 1) {
            assert_int_equal(seize(bed, &ours, &draft.id), 1);
        }
        assert_int_equal(ours.item.attempts, 0);
        const struct pirn_id gone = ours.item.id;
        assert_int_equal(bed_remove(bed, &ours), 0);
        assert_int_equal(seize(&his, &ours, &gone), -ENOENT);
    }
    assert_true(was_over);
    bed_leave(&his);
}

/* ---- several at once ---- */

struct seizer {
    struct bed bed;
    struct pirn_claim claim;
    int32_t result;
};

static void tell(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct seizer, claim.op)->result = result;
}

static void seizer_start(struct seizer *seizer, const struct pirn_id *id,
                         int turns)
{
    seizer->claim = (struct pirn_claim){0};
    seizer->result = 99;
    pirn_prep_seize(&seizer->claim, seizer->bed.spool, id);
    pirn_start(seizer->bed.context, &seizer->claim.op, tell);
    turn_some(&seizer->bed, turns);
}

/* Whether he has it when both have ended. */
static int seizer_has(struct seizer *seizer)
{
    assert_true(seizer->result == 1 || seizer->result == 0);
    return seizer->result == 1 && bed_remove(&seizer->bed, &seizer->claim) == 0;
}

/* One is stopped after so many turns of his, and the other is faster. Who had
 * met whom they both took it from does not take it from the other then. How
 * often that was so. */
static int stop_one_at_each_turn(struct bed *bed, struct seizer *slow,
                                 struct seizer *fast)
{
    int refused = 0;
    bool was_over = false;

    for (int turns = 0; turns < MOST && !was_over; turns++) {
        struct pirn_claim theirs = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(bed, &theirs), 1);
        const struct pirn_id id = theirs.item.id;
        seizer_start(slow, &id, turns);
        was_over = slow->result != 99;
        bool is_his = bed_has(bed, BED_CLAIMED, &id);
        seizer_start(fast, &id, 0);
        assert_int_equal(pirn_context_drain(fast->bed.context), 0);
        assert_int_equal(pirn_context_drain(slow->bed.context), 0);
        refused += is_his && slow->result == 0;
        assert_int_equal(seizer_has(slow) + seizer_has(fast), 1);
        assert_int_equal(bed_remove(bed, &theirs), -ESTALE);
    }
    assert_true(was_over);
    return refused;
}

/* Several operations of a busy machine's may end in one turn, and none of the
 * stops be between the two that matter. */
static void of_two_who_seize_at_once_one_has_it(void **state)
{
    enum { ROUNDS_MAX = 100 };
    struct bed *bed = *state;
    struct seizer slow;
    struct seizer fast;
    int refused = 0;
    int rounds = 0;

    bed_join(bed, &slow.bed);
    bed_join(bed, &fast.bed);
    do {
        refused = stop_one_at_each_turn(bed, &slow, &fast);
    } while (refused == 0 && bed->layout != PIRN_LAYOUT_LOG &&
             ++rounds < ROUNDS_MAX);
    assert_true(refused > 0 || bed->layout == PIRN_LAYOUT_LOG);
    bed_leave(&slow.bed);
    bed_leave(&fast.bed);
}

/* ---- who seizes dies ---- */

static int seize_and_die(struct bed *bed, const void *id, int turns)
{
    struct pirn_claim claim = {0};

    pirn_prep_seize(&claim, bed->spool, id);
    return turn_until_ended(bed, &claim.op, 1, &turns);
}

/* It is his still, or ready, and never both or nowhere. */
static void a_seizer_who_is_killed_leaves_nothing_half_done(void **state)
{
    const int step = bed_step(3);
    struct bed *bed = *state;
    struct bed his;
    int lost = 0;
    int r = 0;

    bed_join(bed, &his);
    for (int turns = 0; turns < MOST && r == 0; turns += step) {
        struct pirn_claim theirs = {0};
        struct pirn_claim again = {0};
        bed_put_many(bed, 1);
        assert_int_equal(bed_claim(&his, &theirs), 1);
        r = live_in_a_child(bed, seize_and_die, &theirs.item.id, turns);
        assert_true(r < 2);
        struct pirn_status status = bed_status_of(bed, 2);
        assert_int_equal(status.ready + status.claimed, 1);
        int32_t removed = bed_remove(&his, &theirs);
        assert_int_equal(removed, status.claimed == 1 ? 0 : -ESTALE);
        if (status.ready == 1) {
            lost++;
            assert_int_equal(bed_claim(bed, &again), 1);
            assert_true(again.item.attempts >= 1);
            assert_int_equal(bed_remove(bed, &again), 0);
        }
        assert_int_equal(pirn_context_drain(his.context), 0); /* the removals */
        assert_int_equal(pirn_context_drain(bed->context), 0);
        status = bed_status(bed);
        assert_int_equal(status.ready + status.claimed, 0);
        assert_int_equal(status.drafts + status.leftovers, 0);
    }
    assert_int_equal(r, 1);
    assert_true(lost > 0);
    bed_leave(&his);
}

#define FILE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define BOTH(name) FILE_TEST(name), LOG_TEST(name)

BED_MAIN(BOTH(what_is_seized_is_ours_and_his_other_claims_stay_his),
         BOTH(each_verb_of_who_lost_it_is_stale_and_changes_nothing),
         BOTH(each_verb_of_a_claim_works_on_what_was_seized),
         BOTH(what_he_changed_before_is_what_we_have),
         BOTH(what_nobody_has_is_claimed_by_its_id),
         BOTH(a_claim_of_our_own_open_loses_it_likewise),
         BOTH(what_the_dead_had_needs_no_seizing),
         BOTH(a_stop_in_the_midst_of_a_removal_is_harmless),
         BOTH(a_stop_in_the_midst_of_a_give_back_is_harmless),
         BOTH(a_stop_in_the_midst_of_a_change_is_harmless),
         BOTH(what_he_was_told_is_changed_stays_changed),
         BOTH(what_we_were_told_is_changed_stays_changed_too),
         LOG_TEST(what_is_being_changed_is_his_until_that_ends),
         BOTH(what_he_is_making_or_has_removed_is_not_seized),
         BOTH(of_two_who_seize_at_once_one_has_it),
         BOTH(a_seizer_who_is_killed_leaves_nothing_half_done))
