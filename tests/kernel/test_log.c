/* SPDX-License-Identifier: MIT */
/*
 * test_log.c - items in the making, of a queue with the log layout
 *
 * A body that a batch takes, the longest one, and the first that is a file.
 */
#include "kernel/test_log.h"

#include <ftw.h>

enum { BATCH_BODY = 64 * 1024, LONGEST = 1024 * 1024 };

static uint8_t *bytes_create(uint64_t len)
{
    uint8_t *bytes = malloc(len + 1);

    for (uint64_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    }
    return bytes;
}

/* The next item's body is these bytes; it is removed. */
static void expect_bytes(struct bed *bed, const uint8_t *bytes, uint64_t len)
{
    struct pirn_claim claim = {0};
    uint8_t *buf = malloc(len + 16);
    uint64_t have = 0;
    int32_t r = 1;

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.size_bytes, len);
    while (r > 0 && have <= len) {
        r = log_read(bed, &claim, buf + have, (uint32_t)(len + 16 - have),
                     have);
        have += r > 0 ? (uint64_t)r : 0;
    }
    assert_int_equal(r, 0);
    assert_int_equal(have, len);
    assert_memory_equal(buf, bytes, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0); /* and its file */
    free(buf);
}

static int count_file(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
    static int count;

    (void)stat;
    (void)at;
    if (path == NULL) {
        int was = count;
        count = 0;
        return was;
    }
    count += type == FTW_F ? 1 : 0;
    return 0;
}

/* Bodies that are files of their own. */
static int body_files(const struct bed *bed)
{
    nftw(bed_at(bed, ".log/data"), count_file, 16, FTW_PHYS);
    return count_file(NULL, NULL, 0, NULL);
}

static void a_body_of_any_length_comes_back_the_same(void **state)
{
    static const uint64_t lens[] = {
        0,      1, 63, 64, 4096, BATCH_BODY - 1, BATCH_BODY, BATCH_BODY + 1,
        LONGEST};
    struct bed *bed = *state;
    uint8_t *bytes = bytes_create(LONGEST);

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        (void)bed_put(bed, bytes, lens[i]);
        assert_int_equal(body_files(bed), lens[i] > BATCH_BODY ? 1 : 0);
        assert_int_equal(bed_status(bed).body_bytes, lens[i]);
        expect_bytes(bed, bytes, lens[i]);
        assert_int_equal(body_files(bed), 0);
    }
    free(bytes);
}

static void append_all(struct bed *bed, struct pirn_draft *draft,
                       const uint8_t *bytes, uint64_t len, uint64_t step)
{
    for (uint64_t at = 0; at < len; at += step) {
        uint64_t more = len - at < step ? len - at : step;
        pirn_prep_append(draft, bytes + at, (uint32_t)more);
        assert_int_equal(pirn_wait(bed->context, &draft->op), 0);
    }
}

static void begin(struct bed *bed, struct pirn_draft *draft)
{
    pirn_prep_begin(draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft->op), 0);
    assert_true(pirn_draft_is_open(draft));
}

static void a_body_that_streams_in_comes_back_the_same(void **state)
{
    static const uint64_t lens[] = {0, 1, BATCH_BODY, BATCH_BODY + 1, 300000};
    static const uint64_t steps[] = {1000, BATCH_BODY, 200000};
    struct bed *bed = *state;
    uint8_t *bytes = bytes_create(LONGEST);

    for (size_t i = 0; i < 15; i++) {
        struct pirn_draft draft = {0};
        begin(bed, &draft);
        append_all(bed, &draft, bytes, lens[i % 5], steps[i / 5]);
        log_expect_none(bed, "incoming");
        pirn_prep_commit(&draft, NULL);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        assert_false(pirn_draft_is_open(&draft));
        expect_bytes(bed, bytes, lens[i % 5]);
    }
    free(bytes);
}

static void an_aborted_draft_leaves_nothing(void **state)
{
    static const uint64_t lens[] = {0, 10, BATCH_BODY, 3 * BATCH_BODY};
    struct bed *bed = *state;
    uint8_t *bytes = bytes_create(LONGEST);
    struct pirn_draft draft = {0};

    for (size_t i = 0; i < 4; i++) {
        begin(bed, &draft);
        append_all(bed, &draft, bytes, lens[i], BATCH_BODY);
        pirn_prep_abort(&draft);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        assert_false(pirn_draft_is_open(&draft));
    }
    pirn_prep_abort(&draft); /* which is not open */
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    (void)bed_put(bed, bytes, 1);
    expect_bytes(bed, bytes, 1); /* durably: a round has passed */
    log_expect_none(bed, "incoming");
    assert_int_equal(bed_status(bed).drafts, 0);
    assert_int_equal(body_files(bed), 0);
    free(bytes);
}

/* Exactly @len bytes of them. */
static void fields_fill(struct pirn_fields *fields, uint32_t len)
{
    char value[1024];

    fields->bytes = malloc(len);
    fields->cap = len;
    fields->len = 0;
    while (fields->len < len) {
        uint32_t left = len - fields->len;
        uint32_t take = left > 1006 ? 1000 : left;
        memset(value, 'v', take - 3);
        value[take - 3] = '\0';
        assert_int_equal(pirn_fields_add(fields, "f", value), 0);
    }
    assert_int_equal(fields->len, len);
}

static void fields_of_any_length_come_back_the_same(void **state)
{
    static const uint32_t lens[] = {3, 32, 33, 4000, PIRN_FIELDS_MAX};
    struct bed *bed = *state;
    uint8_t *bytes = bytes_create(BATCH_BODY);
    struct pirn_claim claim = {0};

    for (size_t i = 0; i < 5; i++) {
        struct pirn_draft draft = {0};
        struct pirn_fields fields;
        fields_fill(&fields, lens[i]);
        assert_int_equal(log_enqueue(bed, &draft, "incoming", bytes,
                                     i % 2 ? BATCH_BODY : 7, &fields),
                         0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.fields.len, lens[i]);
        assert_memory_equal(claim.item.fields.bytes, fields.bytes, lens[i]);
        assert_int_equal(bed_remove(bed, &claim), 0);
        free(fields.bytes);
    }
    free(bytes);
}

static void what_cannot_be_an_item_is_refused(void **state)
{
    static char odd[] = "name"; /* no value */
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_fields fields;
    struct pirn_fields no_pairs = {.bytes = odd, .len = 5, .cap = 5};

    fields_fill(&fields, PIRN_FIELDS_MAX + 1);
    assert_int_equal(log_enqueue(bed, &draft, "incoming", "x", 1, &fields),
                     -E2BIG);
    assert_int_equal(log_enqueue(bed, &draft, "incoming", "x", 1, &no_pairs),
                     -EINVAL);
    assert_int_equal(log_enqueue(bed, &draft, "nowhere", "x", 1, NULL),
                     -ENOENT);
    begin(bed, &draft);
    pirn_prep_commit(&draft, &fields);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -E2BIG);
    assert_false(pirn_draft_is_open(&draft));
    assert_int_equal(bed_status(bed).drafts, 0);
    log_expect_none(bed, "incoming");
    free(fields.bytes);
}

static void many_at_once_come_out_in_their_order(void **state)
{
    enum { COUNT = 1200 }; /* more than a batch has room for */
    struct bed *bed = *state;
    struct bed_draft *drafts = calloc(COUNT, sizeof(*drafts));
    struct pirn_claim claim = {0};

    for (int i = 0; i < COUNT; i++) {
        drafts[i].result = 1;
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", NULL, 0,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(drafts[i].result, 0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_true(log_same_id(&claim.item.id, &drafts[i].draft.id));
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    log_expect_none(bed, "incoming");
    free(drafts);
}

BED_MAIN(LOG_TEST(a_body_of_any_length_comes_back_the_same),
         LOG_TEST(a_body_that_streams_in_comes_back_the_same),
         LOG_TEST(an_aborted_draft_leaves_nothing),
         LOG_TEST(fields_of_any_length_come_back_the_same),
         LOG_TEST(what_cannot_be_an_item_is_refused),
         LOG_TEST(many_at_once_come_out_in_their_order))
