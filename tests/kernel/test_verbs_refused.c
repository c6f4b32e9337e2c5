/* SPDX-License-Identifier: MIT */
/*
 * test_verbs_refused.c - a verb that is refused memory has changed nothing
 *
 * Each allocation of each verb is refused, one by one, until the verb needs
 * fewer than that; in a queue of either layout, of a spool that was opened a
 * moment ago and has no memory put by. What says -ENOMEM can be asked for
 * again, and the item is had, changed, shared, moved or removed then.
 * (Enqueues and commits: test_draft_end.c.)
 */
#include "kernel/test_log.h"

#include "kernel/allocation.h"

#include <pirn/check.h>

enum { SHORT = 100, LONG = PIRN_DRAFT_MEMORY + 20000, REFUSALS_MAX = 2000 };

/* A walk through all directories asks once for each: of these some. */
enum { ALL_OF = 16, STRIDE = 101 };

struct rig {
    struct bed *bed;
    const char *queue;
    const char *other; /* of the other layout */
    uint32_t len;      /* of a body */
    uint64_t nth;      /* is refused */
    bool is_refused;
};

static char body[LONG];

/* The op that the case is about. */
static int32_t attempt(struct rig *rig, struct pirn_op *op)
{
    allocation_refuse(ALLOCATION_ONCE, rig->nth);
    int32_t r = pirn_wait(rig->bed->context, op);
    rig->is_refused = allocation_allow() > 0;
    assert_true(r >= 0 || (r == -ENOMEM && rig->is_refused));
    return r;
}

static int32_t in_peace(struct rig *rig, struct pirn_op *op)
{
    return pirn_wait(rig->bed->context, op);
}

static struct pirn_id put(struct rig *rig)
{
    struct pirn_draft draft = {0};

    assert_int_equal(
        log_enqueue(rig->bed, &draft, rig->queue, body, rig->len, NULL), 0);
    return draft.id;
}

static struct pirn_id put_and_claim(struct rig *rig, struct pirn_claim *claim)
{
    struct pirn_id id = put(rig);

    assert_int_equal(log_claim_id(rig->bed, claim, &id), 1);
    return id;
}

static void remove_claimed(struct rig *rig, struct pirn_claim *claim)
{
    assert_int_equal(log_remove_durable(rig->bed, claim), 0);
}

static void remove_id(struct rig *rig, const struct pirn_id *id)
{
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(rig->bed, &claim, id), 1);
    assert_int_equal(claim.item.size_bytes, rig->len);
    remove_claimed(rig, &claim);
}

/* ---- new items ---- */

static void enqueues(struct rig *rig)
{
    struct pirn_draft draft = {0};

    pirn_prep_enqueue(&draft, rig->bed->spool, rig->queue, body, rig->len,
                      NULL);
    int32_t r = attempt(rig, &draft.op);
    assert_false(pirn_draft_is_open(&draft));
    if (r == 0) {
        remove_id(rig, &draft.id);
    }
}

static void begins(struct rig *rig)
{
    struct pirn_draft draft = {0};

    pirn_prep_begin(&draft, rig->bed->spool, rig->queue);
    int32_t r = attempt(rig, &draft.op);
    assert_int_equal(pirn_draft_is_open(&draft), r == 0);
    pirn_prep_abort(&draft);
    assert_int_equal(in_peace(rig, &draft.op), 0);
}

static void appends(struct rig *rig)
{
    struct pirn_draft draft = {0};

    pirn_prep_begin(&draft, rig->bed->spool, rig->queue);
    assert_int_equal(in_peace(rig, &draft.op), 0);
    pirn_prep_append(&draft, body, rig->len);
    int32_t r = attempt(rig, &draft.op);
    assert_true(pirn_draft_is_open(&draft));
    if (r == 0) {
        pirn_prep_commit(&draft, NULL);
        assert_int_equal(in_peace(rig, &draft.op), 0);
        remove_id(rig, &draft.id);
        return;
    }
    pirn_prep_abort(&draft);
    assert_int_equal(in_peace(rig, &draft.op), 0);
}

static void share_with(struct rig *rig, const char *queue)
{
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    (void)put_and_claim(rig, &claim);
    pirn_prep_share(&draft, &claim, queue, NULL);
    int32_t r = attempt(rig, &draft.op);
    if (r < 0) { /* the claim is as it was */
        pirn_prep_share(&draft, &claim, queue, NULL);
        assert_int_equal(in_peace(rig, &draft.op), 0);
    }
    remove_claimed(rig, &claim);
    remove_id(rig, &draft.id);
}

static void shares(struct rig *rig)
{
    share_with(rig, rig->queue);
}

static void shares_with_the_other(struct rig *rig)
{
    share_with(rig, rig->other);
}

/* ---- claims ---- */

static void claims(struct rig *rig)
{
    struct pirn_id id = put(rig);
    struct pirn_claim claim = {0};

    pirn_prep_claim(&claim, rig->bed->spool, rig->queue);
    if (attempt(rig, &claim.op) < 0) {
        pirn_prep_claim(&claim, rig->bed->spool, rig->queue);
        assert_int_equal(in_peace(rig, &claim.op), 1);
    }
    assert_true(log_same_id(&claim.item.id, &id));
    remove_claimed(rig, &claim);
}

static void claims_by_id(struct rig *rig)
{
    struct pirn_id id = put(rig);
    struct pirn_claim claim = {0};

    pirn_prep_claim_id(&claim, rig->bed->spool, &id);
    if (attempt(rig, &claim.op) < 0) {
        assert_int_equal(log_claim_id(rig->bed, &claim, &id), 1);
    }
    remove_claimed(rig, &claim);
}

static void reads(struct rig *rig)
{
    static char back[LONG];
    struct pirn_claim claim = {0};

    (void)put_and_claim(rig, &claim);
    pirn_prep_claim_read(&claim, back, rig->len, 0);
    if (attempt(rig, &claim.op) < 0) {
        pirn_prep_claim_read(&claim, back, rig->len, 0);
        assert_int_equal(in_peace(rig, &claim.op), (int32_t)rig->len);
    }
    assert_memory_equal(back, body, rig->len);
    remove_claimed(rig, &claim);
}

static struct pirn_change make_change(struct pirn_fields *fields)
{
    static char text[32];

    *fields = (struct pirn_fields){.bytes = text, .cap = sizeof(text)};
    assert_int_equal(pirn_fields_add(fields, "seen", "yes"), 0);
    return (struct pirn_change){.what = PIRN_CHANGE_FIELDS, .fields = fields};
}

static void expect_seen(const struct pirn_claim *claim, bool is_seen)
{
    const char *seen = pirn_fields_get(&claim->item.fields, "seen");

    assert_int_equal(seen != NULL, is_seen);
}

static void updates(struct rig *rig)
{
    struct pirn_fields fields;
    struct pirn_change change = make_change(&fields);
    struct pirn_claim claim = {0};

    (void)put_and_claim(rig, &claim);
    pirn_prep_update(&claim, &change);
    if (attempt(rig, &claim.op) < 0) {
        expect_seen(&claim, false);
        assert_int_equal(log_update(rig->bed, &claim, &change), 0);
    }
    expect_seen(&claim, true);
    remove_claimed(rig, &claim);
}

static void gives_back_as(struct rig *rig)
{
    struct pirn_fields fields;
    struct pirn_change change = make_change(&fields);
    struct pirn_claim claim = {0};
    struct pirn_id id = put_and_claim(rig, &claim);

    pirn_prep_give_back_as(&claim, &change);
    if (attempt(rig, &claim.op) < 0) { /* the claim has it still */
        expect_seen(&claim, false);
        assert_int_equal(log_give_back_as(rig->bed, &claim, &change), 0);
    }
    assert_int_equal(log_claim_id(rig->bed, &claim, &id), 1);
    expect_seen(&claim, true);
    remove_claimed(rig, &claim);
}

static void moves(struct rig *rig)
{
    struct pirn_claim claim = {0};
    struct pirn_id id = put_and_claim(rig, &claim);

    pirn_prep_move(&claim, rig->other);
    if (attempt(rig, &claim.op) < 0) {
        assert_string_equal(claim.item.queue, rig->queue);
        pirn_prep_move(&claim, rig->other);
        assert_int_equal(in_peace(rig, &claim.op), 0);
    }
    assert_int_equal(log_claim_id(rig->bed, &claim, &id), 1);
    assert_string_equal(claim.item.queue, rig->other);
    remove_claimed(rig, &claim);
}

static void removes(struct rig *rig)
{
    struct pirn_claim claim = {0};
    struct pirn_id id = put_and_claim(rig, &claim);

    pirn_prep_remove_durable(&claim);
    if (attempt(rig, &claim.op) < 0) {
        remove_claimed(rig, &claim);
    }
    log_expect_gone(rig->bed, &id);
}

/* ---- looks ---- */

static void looks(struct rig *rig)
{
    struct pirn_id id = put(rig);
    struct pirn_view view = {0};

    pirn_prep_look(&view, rig->bed->spool, &id);
    if (attempt(rig, &view.op) < 0) {
        assert_int_equal(bed_look(rig->bed, &view, &id), 0);
    }
    assert_int_equal(view.item.size_bytes, rig->len);
    bed_view_end(rig->bed, &view);
    remove_id(rig, &id);
}

static void reads_what_it_looks_at(struct rig *rig)
{
    static char back[LONG];
    struct pirn_id id = put(rig);
    struct pirn_view view = {0};

    assert_int_equal(bed_look(rig->bed, &view, &id), 0);
    pirn_prep_view_read(&view, back, rig->len, 0);
    if (attempt(rig, &view.op) < 0) {
        pirn_prep_view_read(&view, back, rig->len, 0);
        assert_int_equal(in_peace(rig, &view.op), (int32_t)rig->len);
    }
    assert_memory_equal(back, body, rig->len);
    bed_view_end(rig->bed, &view);
    remove_id(rig, &id);
}

/* Of a verb in two steps the second one, too. */
static int32_t attempt_next(struct rig *rig, struct pirn_op *op)
{
    bool was_refused = rig->is_refused;
    int32_t r = attempt(rig, op);

    rig->is_refused |= was_refused;
    return r;
}

static void lists(struct rig *rig)
{
    struct pirn_id id = put(rig);
    struct pirn_listing listing = {0};

    pirn_prep_listing(&listing, rig->bed->spool, NULL);
    if (attempt(rig, &listing.op) == 0) {
        pirn_prep_listing_next(&listing);
        int32_t r = attempt_next(rig, &listing.op);
        assert_true(r == 1 || r == -ENOMEM);
    }
    pirn_prep_listing_end(&listing);
    assert_int_equal(in_peace(rig, &listing.op), 0);
    remove_id(rig, &id);
}

static void counts(struct rig *rig)
{
    struct pirn_id id = put(rig);
    struct pirn_status status = {0};

    pirn_prep_status(&status, rig->bed->spool);
    if (attempt(rig, &status.op) < 0) {
        status = bed_status(rig->bed);
    }
    assert_int_equal(status.ready, 1);
    remove_id(rig, &id);
}

static void asks_for_owners(struct rig *rig)
{
    struct pirn_owners owners = {0};

    pirn_prep_owners(&owners, rig->bed->spool);
    int32_t r = attempt(rig, &owners.op);
    assert_int_equal(owners.count, r == 0 ? 1 : 0);
    pirn_owners_end(&owners);
}

static uint32_t slot_of_the_other(struct rig *rig)
{
    struct pirn_owners owners = {0};

    pirn_prep_owners(&owners, rig->bed->spool);
    assert_int_equal(in_peace(rig, &owners.op), 0);
    assert_int_equal(owners.count, 2);
    uint32_t slot = owners.owners[owners.owners[0].is_self ? 1 : 0].slot;
    pirn_owners_end(&owners);
    return slot;
}

static void fences(struct rig *rig)
{
    struct bed his;
    struct pirn_claim claim = {0};
    struct pirn_fence fence = {0};
    struct pirn_id id = put(rig);

    bed_join(rig->bed, &his);
    assert_int_equal(log_claim_id(&his, &claim, &id), 1);
    pirn_prep_fence_owner(&fence, rig->bed->spool, slot_of_the_other(rig), 0);
    if (attempt(rig, &fence.op) <
        0) { /* what was taken may be ours till then */
        log_reopen(rig->bed);
        pirn_prep_fence_owner(&fence, rig->bed->spool, slot_of_the_other(rig),
                              0);
        assert_int_equal(in_peace(rig, &fence.op), 0);
    }
    assert_int_equal(bed_remove(&his, &claim), -ESTALE);
    bed_leave(&his);
    remove_id(rig, &id);
}

/* What was not looked at is said, and is no finding. */
static void checks(struct rig *rig)
{
    const struct pirn_check_config deep = {.deep = true, .grace_ns = 1};
    struct pirn_id id = put(rig);
    struct pirn_check check = {0};

    pirn_prep_check(&check, rig->bed->spool, &deep);
    if (attempt(rig, &check.op) == 0) {
        pirn_prep_check_next(&check);
        assert_true(attempt_next(rig, &check.op) <= 0);
    }
    pirn_prep_check_end(&check);
    assert_int_equal(in_peace(rig, &check.op), 0);
    remove_id(rig, &id);
}

static void reserves(struct rig *rig)
{
    struct pirn_name name = {.text = "by-name"};

    pirn_prep_reserve(&name, rig->bed->spool, NULL, NULL, 1);
    if (attempt(rig, &name.op) < 0) {
        pirn_prep_reserve(&name, rig->bed->spool, NULL, NULL, 1);
        assert_int_equal(in_peace(rig, &name.op), 0);
    }
    pirn_prep_release_name(&name);
    assert_int_equal(in_peace(rig, &name.op), 0);
}

/* ---- all of them ---- */

typedef void verb_fn(struct rig *rig);

/* What moves bodies, short ones and long ones; and the rest. */
static verb_fn *const of_bodies[] = {
    enqueues, appends, shares, shares_with_the_other,  reads,
    moves,    removes, looks,  reads_what_it_looks_at, NULL,
};
static verb_fn *const others[] = {
    begins, claims,          claims_by_id, updates, gives_back_as, lists,
    counts, asks_for_owners, fences,       checks,  reserves,      NULL,
};

static void each_in_turn(struct rig *rig, verb_fn *const *verbs, uint32_t len)
{
    rig->len = len;
    for (; *verbs != NULL; verbs++) {
        rig->nth = 0;
        do {
            rig->nth += rig->nth < ALL_OF ? 1 : STRIDE;
            assert_true(rig->nth < REFUSALS_MAX);
            (*verbs)(rig);
            log_reopen(rig->bed);
            struct pirn_status status = bed_status(rig->bed);
            assert_int_equal(status.ready + status.claimed + status.held, 0);
            assert_int_equal(status.leftovers + status.quarantined, 0);
        } while (rig->is_refused);
    }
}

static void in_a_queue_of_files(void **state)
{
    struct rig rig = {*state, "files", "incoming", SHORT, 0, false};

    each_in_turn(&rig, of_bodies, SHORT);
    each_in_turn(&rig, of_bodies, LONG);
    each_in_turn(&rig, others, SHORT);
}

static void in_a_queue_of_the_log(void **state)
{
    struct rig rig = {*state, "incoming", "files", SHORT, 0, false};

    each_in_turn(&rig, of_bodies, SHORT);
    each_in_turn(&rig, of_bodies, LONG);
    each_in_turn(&rig, others, SHORT);
}

/* In memory: no disk has to sync so many verbs. */
static int setup(void **state)
{
    if (setenv("TMPDIR", "/dev/shm", 0) < 0 || log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_slots = 256;
    memset(body, 'b', sizeof(body));
    return bed_open(bed, true) < 0 ? -1
                                   : pirn_spool_create_queue_as(
                                         bed->spool, "files", PIRN_LAYOUT_FILE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, log_teardown)

BED_MAIN(T(in_a_queue_of_files), T(in_a_queue_of_the_log))
