/* SPDX-License-Identifier: MIT */
/*
 * test_log_view.c - looking at items of the log, lists and counts of them
 */
#include "kernel/test_log.h"

enum { LONG_BODY = 100 * 1024, PAGE = 512 };

static struct pirn_id put_in(struct bed *bed, const char *queue, bool held,
                             uint64_t due_ns)
{
    struct pirn_draft draft = {.held = held, .due_ns = due_ns};

    assert_int_equal(log_enqueue(bed, &draft, queue, "body", 4, NULL), 0);
    return draft.id;
}

static int32_t view_read(struct bed *bed, struct pirn_view *view, void *buf,
                         uint32_t len, uint64_t offset)
{
    pirn_prep_view_read(view, buf, len, offset);
    return pirn_wait(bed->context, &view->op);
}

static void expect_state(struct bed *bed, const struct pirn_id *id,
                         enum pirn_item_state state)
{
    struct pirn_view view = {0};
    char buf[8] = {0};

    assert_int_equal(bed_look(bed, &view, id), 0);
    assert_int_equal(view.item.state, state);
    assert_true(log_same_id(&view.item.id, id));
    assert_int_equal(view_read(bed, &view, buf, 8, 0), 4);
    assert_string_equal(buf, "body");
    bed_view_end(bed, &view);
}

static void an_item_is_seen_in_every_state(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};
    struct pirn_id ready = put_in(bed, "incoming", false, 0);
    struct pirn_id held = put_in(bed, "incoming", true, 0);
    struct pirn_id delayed = put_in(bed, "incoming", false, BED_FAR_NS);

    expect_state(bed, &ready, PIRN_ITEM_READY);
    expect_state(bed, &held, PIRN_ITEM_HELD);
    expect_state(bed, &delayed, PIRN_ITEM_DELAYED);
    assert_int_equal(bed_claim(bed, &claim), 1);
    expect_state(bed, &ready, PIRN_ITEM_CLAIMED);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_look(bed, &view, &ready), -ENOENT);
    bed_view_end(bed, &view); /* nothing was found */
}

/* Puts an item, opens a view, has it removed for good. */
static void remove_under(struct bed *bed, struct pirn_view *view,
                         const struct pirn_id *id)
{
    struct pirn_claim claim = {0};

    assert_int_equal(bed_look(bed, view, id), 0);
    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

static void fill_segments(struct bed *bed)
{
    static uint8_t bytes[60 * 1024];
    struct pirn_claim claim = {0};

    for (int i = 0; i < 2 * LOG_SEGMENTS * 18; i++) {
        (void)bed_put(bed, bytes, sizeof(bytes));
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
}

/* Nobody writes over what a view is open on. */
static void a_view_reads_on_when_the_item_is_removed(void **state)
{
    struct bed *bed = *state;
    struct pirn_view view = {0};
    struct pirn_claim claim = {0};
    char buf[8] = {0};
    const struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY,
                                       .priority = 1};
    struct pirn_id id = put_in(bed, "incoming", false, 0);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &change), 0);
    remove_under(bed, &view, &id); /* its body stands elsewhere */
    fill_segments(bed);
    assert_int_equal(view_read(bed, &view, buf, 8, 0), 4);
    assert_string_equal(buf, "body");
    bed_view_end(bed, &view);
}

static void a_long_body_that_is_removed_before_the_first_read_is_gone(
    void **state)
{
    struct bed *bed = *state;
    struct pirn_view view = {0};
    char *body = calloc(1, LONG_BODY);
    struct pirn_id id = bed_put(bed, body, LONG_BODY);

    remove_under(bed, &view, &id);
    assert_int_equal(view_read(bed, &view, body, LONG_BODY, 0), -ENOENT);
    bed_view_end(bed, &view);
    free(body);
}

static void a_long_body_that_is_removed_after_the_first_read_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_view view = {0};
    struct pirn_claim claim = {0};
    char *body = calloc(1, LONG_BODY);
    struct pirn_id id = bed_put(bed, body, LONG_BODY);

    assert_int_equal(bed_look(bed, &view, &id), 0);
    assert_int_equal(view_read(bed, &view, body, 10, 0), 10);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(view_read(bed, &view, body, LONG_BODY, 10),
                     LONG_BODY - 10);
    bed_view_end(bed, &view);
    free(body);
}

/* How many items a walk meets; @met counts each. */
static uint32_t walk(struct bed *bed, const char *queue,
                     const struct pirn_id *ids, uint32_t *met, uint32_t count)
{
    struct pirn_listing listing = {0};
    uint32_t all = 0;
    int32_t r = 1;

    pirn_prep_listing(&listing, bed->spool, queue);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    while (r > 0) {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(bed->context, &listing.op);
        for (int32_t i = 0; i < r; i++) {
            for (uint32_t k = 0; k < count; k++) {
                met[k] += log_same_id(&ids[k], &listing.items[i].id);
            }
            all++;
        }
    }
    assert_int_equal(r, 0);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    return all;
}

static void a_listing_meets_each_item_of_its_queue_once(void **state)
{
    enum { COUNT = 3 * PAGE / 2 };
    static struct pirn_id ids[COUNT];
    static uint32_t met[COUNT];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "other", PIRN_LAYOUT_LOG), 0);
    assert_int_equal(pirn_spool_create_queue(bed->spool, "files"), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        ids[i] = put_in(bed, i % 3 ? "incoming" : "other", i % 5 == 4, 0);
    }
    (void)put_in(bed, "files", false, 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(walk(bed, "other", ids, met, COUNT), COUNT / 3);
    assert_int_equal(walk(bed, "incoming", ids, met, COUNT), COUNT - COUNT / 3);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(met[i], 1);
    }
    assert_int_equal(walk(bed, "files", ids, met, 0), 1);
    assert_int_equal(walk(bed, "quarantine", ids, met, 0), 0);
    assert_int_equal(walk(bed, NULL, ids, met, COUNT), COUNT + 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(met[i], 2);
    }
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_listing_says_where_each_item_stands(void **state)
{
    struct bed *bed = *state;
    struct pirn_listing listing = {0};
    struct pirn_claim claim = {0};

    (void)put_in(bed, "incoming", false, 0);
    (void)put_in(bed, "incoming", true, 0);
    (void)put_in(bed, "incoming", false, BED_FAR_NS);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_listing(&listing, bed->spool, NULL);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    pirn_prep_listing_next(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 3);
    assert_int_equal(listing.items[0].state, PIRN_ITEM_CLAIMED);
    assert_int_equal(listing.items[0].owner, claim.item.owner);
    assert_int_equal(listing.items[1].state, PIRN_ITEM_HELD);
    assert_int_equal(listing.items[2].state, PIRN_ITEM_DELAYED);
    assert_string_equal(listing.items[2].queue, "incoming");
    pirn_prep_listing_end(&listing); /* before the walk's end */
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    pirn_prep_listing(&listing, bed->spool, "nowhere");
    assert_int_equal(pirn_wait(bed->context, &listing.op), -ENOENT);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_status_counts_each_item_where_it_is(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claims[2] = {0};
    struct pirn_draft draft = {0};

    for (int i = 0; i < 10; i++) {
        (void)put_in(bed, "incoming", i > 7, i > 4 && i < 8 ? BED_FAR_NS : 0);
    }
    assert_int_equal(bed_claim(bed, &claims[0]), 1);
    assert_int_equal(bed_claim(bed, &claims[1]), 1);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready, 3);
    assert_int_equal(status.claimed, 2);
    assert_int_equal(status.delayed, 3);
    assert_int_equal(status.held, 2);
    assert_int_equal(status.body_bytes, 40);
    assert_int_equal(status.leftovers, 0);
    assert_int_equal(status.owners, 1);
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_remove(bed, &claims[0]), 0);
    assert_int_equal(bed_give_back(bed, &claims[1]), 0);
    status = bed_status(bed);
    assert_int_equal(status.ready, 4);
    assert_int_equal(status.claimed, 0);
    assert_int_equal(status.body_bytes, 36);
}

BED_MAIN(LOG_TEST(an_item_is_seen_in_every_state),
         LOG_TEST(a_view_reads_on_when_the_item_is_removed),
         LOG_TEST(a_long_body_that_is_removed_before_the_first_read_is_gone),
         LOG_TEST(a_long_body_that_is_removed_after_the_first_read_stays),
         LOG_TEST(a_listing_meets_each_item_of_its_queue_once),
         LOG_TEST(a_listing_says_where_each_item_stands),
         LOG_TEST(a_status_counts_each_item_where_it_is))
