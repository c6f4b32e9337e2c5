/* SPDX-License-Identifier: MIT */
/*
 * test_log_change.c - what is known of an item changes, and its body does not
 *
 * What a change says is looked at by who made it, by another context, and by
 * who opens the spool after a power cut.
 */
#include "kernel/test_log.h"

#define FAR_NS UINT64_C(0x7000000000000000)

static struct pirn_fields fields_of(char *buf, uint32_t cap, const char *value)
{
    struct pirn_fields fields = {.bytes = buf, .cap = cap};

    assert_int_equal(pirn_fields_add(&fields, "to", value), 0);
    return fields;
}

/* As the changes in @what make it, or as it was. */
static void expect_item(const struct pirn_item *item, uint32_t what)
{
    bool moved = (what & PIRN_CHANGE_QUEUE) != 0;

    assert_string_equal(item->queue, moved ? "other" : "incoming");
    assert_int_equal(item->due_ns, what & PIRN_CHANGE_DUE ? FAR_NS : 0);
    assert_int_equal(item->priority, what & PIRN_CHANGE_PRIORITY ? 5 : 0);
    const char *to = pirn_fields_get(&item->fields, "to");
    assert_string_equal(to, what & PIRN_CHANGE_FIELDS ? "after" : "before");
}

static void expect_seen(struct bed *bed, const struct pirn_id *id,
                        uint32_t what, enum pirn_item_state state,
                        uint32_t version)
{
    struct pirn_view view = {0};
    char buf[16] = {0};

    assert_int_equal(bed_look(bed, &view, id), 0);
    expect_item(&view.item, what);
    assert_int_equal(view.item.state, state);
    assert_int_equal(view.item.version, version);
    pirn_prep_view_read(&view, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &view.op), 4);
    assert_string_equal(buf, "body");
    bed_view_end(bed, &view);
}

/* In another context, as another process does. */
static void expect_seen_elsewhere(struct bed *bed, const struct pirn_id *id,
                                  uint32_t what, enum pirn_item_state state,
                                  uint32_t version)
{
    struct bed other = *bed;

    assert_int_equal(pirn_context_create(NULL, &other.context), 0);
    assert_int_equal(bed_open(&other, false), 0);
    expect_seen(&other, id, what, state, version);
    bed_close(&other);
    pirn_context_destroy(other.context);
}

static struct pirn_id put_before(struct bed *bed)
{
    char buf[64];
    struct pirn_fields fields = fields_of(buf, sizeof(buf), "before");
    struct pirn_draft draft = {0};

    assert_int_equal(log_enqueue(bed, &draft, "incoming", "body", 4, &fields),
                     0);
    return draft.id;
}

static struct pirn_change change_of(uint32_t what, struct pirn_fields *fields)
{
    return (struct pirn_change){
        .what = what,
        .queue = "other",
        .due_ns = FAR_NS,
        .priority = 5,
        .held = true,
        .fields = fields,
    };
}

static enum pirn_item_state state_of(uint32_t what)
{
    return what & PIRN_CHANGE_HELD  ? PIRN_ITEM_HELD
           : what & PIRN_CHANGE_DUE ? PIRN_ITEM_DELAYED
                                    : PIRN_ITEM_READY;
}

static void make_other(struct bed *bed)
{
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "other", PIRN_LAYOUT_LOG), 0);
}

static void remove_id(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_gone(bed, id);
}

/* Every combination of the five, by an update. */
static void an_update_changes_what_it_says_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    char buf[64];
    struct pirn_fields fields = fields_of(buf, sizeof(buf), "after");

    make_other(bed);
    for (uint32_t what = 0; what < 32; what++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = put_before(bed);
        struct pirn_change change = change_of(what, &fields);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_update(bed, &claim, &change), 0);
        expect_item(&claim.item, what);
        assert_int_equal(claim.item.version, 2);
        log_expect_body(bed, &claim, "body");
        expect_seen(bed, &id, what, PIRN_ITEM_CLAIMED, 2);
        assert_int_equal(bed_give_back(bed, &claim), 0);
        expect_seen(bed, &id, what, state_of(what), 2);
        remove_id(bed, &id);
    }
}

/* Likewise, by a give back, seen by another context. */
static void a_give_back_changes_what_it_says_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    char buf[64];
    struct pirn_fields fields = fields_of(buf, sizeof(buf), "after");

    make_other(bed);
    for (uint32_t what = 0; what < 32; what++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = put_before(bed);
        struct pirn_change change = change_of(what, &fields);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_give_back_as(bed, &claim, &change), 0);
        expect_seen_elsewhere(bed, &id, what, state_of(what), 2);
        remove_id(bed, &id);
    }
}

static void every_change_survives_a_power_cut(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[32];
    char buf[64];
    struct pirn_fields fields = fields_of(buf, sizeof(buf), "after");

    make_other(bed);
    for (uint32_t what = 0; what < 32; what++) {
        struct pirn_claim claim = {0};
        struct pirn_change change = change_of(what, &fields);
        ids[what] = put_before(bed);
        assert_int_equal(log_claim_id(bed, &claim, &ids[what]), 1);
        assert_int_equal(what % 2 ? log_update(bed, &claim, &change)
                                  : log_give_back_as(bed, &claim, &change),
                         0);
        if (what % 2) {
            assert_int_equal(bed_give_back(bed, &claim), 0);
        }
    }
    log_power_cut_and_open(bed);
    for (uint32_t what = 0; what < 32; what++) {
        expect_seen(bed, &ids[what], what, state_of(what), 2);
        remove_id(bed, &ids[what]);
    }
}

static void the_last_of_many_versions_is_the_one(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = put_before(bed);

    make_other(bed);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    for (int i = 1; i <= 20; i++) {
        struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY,
                                     .priority = (int8_t)(i % 16 - 8)};
        assert_int_equal(log_update(bed, &claim, &change), 0);
        assert_int_equal(claim.item.version, i + 1);
    }
    assert_int_equal(bed_give_back(bed, &claim), 0);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.version, 21);
    assert_int_equal(claim.item.priority, 20 % 16 - 8);
    log_expect_body(bed, &claim, "body");
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_power_cut_and_open(bed);
    log_expect_gone(bed, &id);
    log_expect_none(bed, "incoming");
}

static void attempts_are_counted_unless_it_was_none(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    const struct pirn_change tried = {.what = PIRN_CHANGE_PRIORITY};
    const struct pirn_change untried = {.what = PIRN_CHANGE_PRIORITY |
                                                PIRN_CHANGE_UNTRIED};

    (void)put_before(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &tried), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(log_give_back_as(bed, &claim, &untried), 0);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 2);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_change_that_is_refused_changes_nothing(void **state)
{
    static char odd[] = "name";
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_fields no_pairs = {.bytes = odd, .len = 5, .cap = 5};
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE |
                                             PIRN_CHANGE_PRIORITY,
                                     .queue = "nowhere",
                                     .priority = 5};
    const struct pirn_change bad = {.what = PIRN_CHANGE_FIELDS,
                                    .fields = &no_pairs};
    struct pirn_id id = put_before(bed);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_update(bed, &claim, &away), -ENOENT);
    assert_int_equal(log_update(bed, &claim, &bad), -EINVAL);
    assert_int_equal(log_give_back_as(bed, &claim, &away), -ENOENT);
    assert_int_equal(log_give_back_as(bed, &claim, &bad), -EINVAL);
    expect_item(&claim.item, 0);
    log_expect_body(bed, &claim, "body"); /* we have it still */
    assert_int_equal(bed_give_back(bed, &claim), 0);
    expect_seen(bed, &id, 0, PIRN_ITEM_READY, 1);
}

static void an_update_moves_nothing_into_a_queue_of_files(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "quarantine"};

    (void)put_before(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_update(bed, &claim, &away), -ENOENT);
    assert_int_equal(bed_give_back(bed, &claim), 0);
}

static void a_released_item_is_ready(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {.held = true, .due_ns = FAR_NS};
    struct pirn_claim claim = {0};
    const struct pirn_change release = {
        .what = PIRN_CHANGE_HELD | PIRN_CHANGE_DUE | PIRN_CHANGE_UNTRIED};

    assert_int_equal(log_enqueue(bed, &draft, "incoming", "x", 1, NULL), 0);
    log_expect_none(bed, "incoming");
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &release), 0);
    log_expect_next(bed, "incoming", "x");
}

BED_MAIN(LOG_TEST(an_update_changes_what_it_says_and_nothing_else),
         LOG_TEST(a_give_back_changes_what_it_says_and_nothing_else),
         LOG_TEST(every_change_survives_a_power_cut),
         LOG_TEST(the_last_of_many_versions_is_the_one),
         LOG_TEST(attempts_are_counted_unless_it_was_none),
         LOG_TEST(a_change_that_is_refused_changes_nothing),
         LOG_TEST(an_update_moves_nothing_into_a_queue_of_files),
         LOG_TEST(a_released_item_is_ready))
