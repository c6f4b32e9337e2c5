/* SPDX-License-Identifier: MIT */
/*
 * test_share.c - several items on one body
 *
 * Each case runs from and to queues of both layouts: `incoming` has the bed's,
 * `files` and `records` say theirs. A short body of the log stands in a record
 * and is copied; all others are files, of which each item has a name.
 */
#include "kernel/layouts.h"
#include "spool/names.h"
#include "spool/spool.h"

enum { SHORT = 700, LONG = 100000 };

static const char *const targets[] = {"files", "records"};
static const uint32_t sizes[] = {0, SHORT, LONG};

static int32_t share(struct bed *bed, struct pirn_draft *draft,
                     struct pirn_claim *of, const char *queue,
                     const struct pirn_fields *fields)
{
    pirn_prep_share(draft, of, queue, fields);
    return pirn_wait(bed->context, &draft->op);
}

/* How many bodies have a name in .data and in .log/data. */
static uint32_t count_bodies(const struct bed *bed)
{
    return count_files(bed, ".data") + count_files(bed, ".log/data");
}

static void claim_from(struct bed *bed, struct pirn_claim *claim,
                       const char *queue)
{
    pirn_prep_claim(claim, bed->spool, queue);
    assert_int_equal(pirn_wait(bed->context, &claim->op), 1);
}

/* One item and one more on its body; the older goes first, or the newer. */
static void share_one(struct bed *bed, const char *queue, uint32_t len,
                      bool older_first)
{
    char bytes[64];
    struct pirn_fields fields = {.bytes = bytes, .cap = sizeof(bytes)};
    struct pirn_claim of = {0};
    struct pirn_claim other = {0};
    struct pirn_draft draft = {0};

    assert_int_equal(pirn_fields_add(&fields, "to", "b@example.org"), 0);
    struct pirn_id id = bed_put(bed, body_of(len), len);
    assert_int_equal(bed_claim(bed, &of), 1);
    assert_int_equal(share(bed, &draft, &of, queue, &fields), 0);
    assert_false(log_same_id(&draft.id, &id));
    claim_from(bed, &other, queue);
    assert_true(log_same_id(&other.item.id, &draft.id));
    assert_int_equal(other.item.attempts, 0);
    assert_int_equal(other.item.size_bytes, len);
    assert_int_equal(other.item.digest, of.item.digest);
    assert_string_equal(pirn_fields_get(&other.item.fields, "to"),
                        "b@example.org");
    struct pirn_claim *first = older_first ? &of : &other;
    struct pirn_claim *last = older_first ? &other : &of;
    assert_int_equal(bed_remove_durably(bed, first), 0);
    expect_body(bed, last, len);
    assert_int_equal(bed_remove_durably(bed, last), 0);
    expect_empty(bed);
}

static void a_body_lives_as_long_as_any_of_its_items(void **state)
{
    struct bed *bed = *state;

    make_queues(bed);
    for (int i = 0; i < 2; i++) {
        for (int l = 0; l < 3; l++) {
            share_one(bed, targets[i], sizes[l], true);
            share_one(bed, targets[i], sizes[l], false);
        }
    }
}

static void a_body_in_a_file_is_stored_once(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim of = {0};
    struct pirn_draft draft = {0};

    make_queues(bed);
    (void)bed_put(bed, body_of(LONG), LONG);
    assert_int_equal(bed_claim(bed, &of), 1);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(share(bed, &draft, &of, targets[i % 2], NULL), 0);
    }
    assert_int_equal(count_bodies(bed), 7);
    assert_int_equal(count_links(bed, ".log/data"), 7);
    assert_int_equal(bed_status(bed).body_bytes, 7 * LONG);
    for (int i = 0; i < 6; i++) {
        struct pirn_claim claim = {0};
        claim_from(bed, &claim, targets[i % 2]);
        expect_body(bed, &claim, LONG);
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
    }
    assert_int_equal(bed_remove_durably(bed, &of), 0);
    expect_empty(bed);
}

static void the_new_item_is_delayed_and_held_as_its_draft_says(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim of = {0};

    make_queues(bed);
    for (int l = 1; l < 3; l++) {
        struct pirn_draft held = {.held = true, .priority = 5};
        struct pirn_draft late = {.due_ns = UINT64_MAX / 2};
        struct pirn_view view = {0};
        (void)bed_put(bed, body_of(sizes[l]), sizes[l]);
        assert_int_equal(bed_claim(bed, &of), 1);
        assert_int_equal(share(bed, &held, &of, "records", NULL), 0);
        assert_int_equal(share(bed, &late, &of, "records", NULL), 0);
        assert_int_equal(bed_remove(bed, &of), 0);
        assert_int_equal(bed_look(bed, &view, &held.id), 0);
        assert_int_equal(view.item.state, PIRN_ITEM_HELD);
        assert_int_equal(view.item.priority, 5);
        assert_int_equal(view.item.fields.len, 0);
        bed_view_end(bed, &view);
        assert_int_equal(bed_look(bed, &view, &late.id), 0);
        assert_int_equal(view.item.state, PIRN_ITEM_DELAYED);
        bed_view_end(bed, &view);
    }
}

static void a_share_that_fails_leaves_nothing(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim of = {0};
    struct pirn_draft draft = {0};
    struct pirn_fields bad = {.bytes = (char *)"x", .len = 1, .cap = 1};

    make_queues(bed);
    (void)bed_put(bed, body_of(LONG), LONG);
    assert_int_equal(bed_claim(bed, &of), 1);
    assert_int_equal(share(bed, &draft, &of, "nowhere", NULL), -ENOENT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(share(bed, &draft, &of, targets[i], &bad), -EINVAL);
    }
    bed_status(bed);
    assert_int_equal(count_bodies(bed), 1);
    bed_rmtree(bed_at(bed, ".log/data"));
    bed_rmtree(bed_at(bed, ".data"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(share(bed, &draft, &of, targets[i], NULL), -ESTALE);
    }
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.drafts, 0);
    assert_int_equal(status.claimed, 1);
}

/* The source is in another owner's shard, and ours is gone. */
static void a_shard_without_a_directory_is_passed_over(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim of = {0};
    struct pirn_draft draft = {0};
    struct pirn__name name;

    make_queues(bed);
    bed_join(bed, &his);
    (void)bed_put(&his, body_of(LONG), LONG);
    bed_leave(&his);
    assert_int_equal(bed_claim(bed, &of), 1);
    uint32_t shard = (pirn__id_shard(&of.item.id) + 7) % PIRN__SHARDS;
    bed->spool->writer_shard = shard;
    pirn__name_shard_dir(&name, ".data", shard);
    assert_int_equal(rmdir(bed_at(bed, name.text)), 0);
    assert_int_equal(share(bed, &draft, &of, "files", NULL), 0);
    assert_int_not_equal(pirn__id_shard(&draft.id), shard);
    assert_int_equal(mkdir(bed_at(bed, name.text), 0700), 0);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready, 1);
    assert_int_equal(status.drafts + status.leftovers, 0);
    assert_int_equal(count_bodies(bed), 2);
}

static void who_was_fenced_out_and_whose_body_is_gone_shares_nothing(
    void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim of = {0};
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    struct pirn_fence fence = {0};

    make_queues(bed);
    bed_join(bed, &his);
    (void)bed_put(bed, body_of(LONG), LONG);
    assert_int_equal(bed_claim(&his, &of), 1);
    pirn_prep_fence_owner(&fence, bed->spool, 1, 0);
    assert_int_equal(pirn_wait(bed->context, &fence.op), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0); /* the body's end */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(share(&his, &draft, &of, targets[i], NULL), -ESTALE);
    }
    assert_int_equal(bed_remove(&his, &of), -ESTALE);
    bed_leave(&his);
    expect_empty(bed);
}

/* ---- killed in the midst ---- */

static int share_and_die(struct bed *bed, const void *queue, int turns)
{
    struct pirn_claim of = {0};
    struct pirn_draft draft = {0};

    if (bed_claim(bed, &of) != 1) {
        return 2;
    }
    pirn_prep_share(&draft, &of, queue, NULL);
    return turn_until_ended(bed, &draft.op, 0, &turns);
}

/* What a dead one was making of the log's waits for a round of tombstones. */
static void let_rounds_pass(struct bed *bed)
{
    for (int i = 0; i < 2; i++) {
        struct pirn_draft draft = {0};
        struct pirn_claim claim = {0};
        assert_int_equal(log_enqueue(bed, &draft, "records", "", 0, NULL), 0);
        claim_from(bed, &claim, "records");
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
    }
}

static void kill_at_each_turn(struct bed *bed, const char *queue, uint32_t len)
{
    enum { MOST = 64 };
    const int step = bed_step(3);
    int r = 0;

    for (int turns = 0; turns < MOST && r == 0; turns += step) {
        struct pirn_claim claim = {0};
        (void)bed_put(bed, body_of(len), len);
        r = live_in_a_child(bed, share_and_die, queue, turns);
        assert_true(r < 2);
        struct pirn_status status = bed_status_of(bed, 1);
        assert_true(status.ready == 1 || status.ready == 2);
        assert_true(r == 0 || status.ready == 2);
        assert_int_equal(status.claimed, 0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        expect_body(bed, &claim, len);
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
        if (status.ready == 2) {
            claim_from(bed, &claim, queue);
            expect_body(bed, &claim, len);
            assert_int_equal(bed_remove_durably(bed, &claim), 0);
        }
        let_rounds_pass(bed);
        expect_empty(bed);
    }
    assert_int_equal(r, 1);
}

static void who_is_killed_in_the_midst_leaves_all_of_it_or_nothing(void **state)
{
    struct bed *bed = *state;

    make_queues(bed);
    for (int i = 0; i < 2; i++) {
        kill_at_each_turn(bed, targets[i], SHORT);
        kill_at_each_turn(bed, targets[i], LONG);
    }
}

/* ---- a power cut ---- */

static void shared_items_survive_a_power_cut(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim of = {0};
    struct pirn_draft draft = {0};

    make_queues(bed);
    for (int l = 0; l < 3; l++) {
        (void)bed_put(bed, body_of(sizes[l]), sizes[l]);
        assert_int_equal(bed_claim(bed, &of), 1);
        assert_int_equal(share(bed, &draft, &of, "records", NULL), 0);
        assert_int_equal(bed_remove_durably(bed, &of), 0);
    }
    log_power_cut_and_open(bed);
    for (int l = 0; l < 3; l++) {
        struct pirn_claim claim = {0};
        claim_from(bed, &claim, "records");
        expect_body(bed, &claim, sizes[l]);
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
    }
    expect_empty(bed);
}

/* A spool with a log whose first queue is of files. */
static int setup_files(void **state)
{
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->layout = PIRN_LAYOUT_FILE;
    return bed_open(bed, true);
}

#define FILE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_files, log_teardown)
#define BOTH(name) FILE_TEST(name), LOG_TEST(name)

BED_MAIN(BOTH(a_body_lives_as_long_as_any_of_its_items),
         BOTH(a_body_in_a_file_is_stored_once),
         BOTH(the_new_item_is_delayed_and_held_as_its_draft_says),
         BOTH(a_share_that_fails_leaves_nothing),
         BOTH(a_shard_without_a_directory_is_passed_over),
         BOTH(who_was_fenced_out_and_whose_body_is_gone_shares_nothing),
         BOTH(who_is_killed_in_the_midst_leaves_all_of_it_or_nothing),
         LOG_TEST(shared_items_survive_a_power_cut))
