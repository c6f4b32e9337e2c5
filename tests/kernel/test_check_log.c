/* SPDX-License-Identifier: MIT */
/*
 * test_check_log.c - what is wrong in a log is found, and mended
 */
#include "kernel/test_check.h"
#include "kernel/test_log.h"

#include "spool/log/catalogue.h"
#include "spool/log/index.h"
#include "spool/log/log.h"
#include "spool/log/word.h"

enum { LONG_BODY = 100000 };

static void put_three(struct bed *bed, struct pirn_id ids[3])
{
    ids[0] = log_put(bed, "first body");
    ids[1] = log_put(bed, "second body");
    ids[2] = log_put(bed, "third body");
}

static void expect_neighbours(struct bed *bed, const struct pirn_id ids[3])
{
    expect_body(bed, &ids[0], "incoming", "first body");
    expect_body(bed, &ids[2], "incoming", "third body");
}

/* The one item of quarantine: what it was, and its body. */
static void expect_aside(struct bed *bed, const struct pirn_id *was,
                         const char *fault, const char *body)
{
    struct pirn_listing listing = {0};
    struct pirn_view view = {0};
    char id[PIRN_ID_TEXT];

    pirn_prep_listing(&listing, bed->spool, "quarantine");
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    pirn_prep_listing_next(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 1);
    struct pirn_id there = listing.items[0].id;
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    assert_int_equal(bed_look(bed, &view, &there), 0);
    pirn_id_format(was, id);
    assert_string_equal(pirn_fields_get(&view.item.fields, "was"), id);
    assert_string_equal(pirn_fields_get(&view.item.fields, "quarantined"),
                        fault);
    bed_view_end(bed, &view);
    if (body != NULL) {
        expect_body(bed, &there, "quarantine", body);
    }
}

static struct pirn_id put_long(struct bed *bed)
{
    static char body[LONG_BODY];

    return bed_put(bed, body, sizeof(body));
}

/* ---- as it should be ---- */

static void items_claims_and_drafts_are_no_faults(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    static char body[LONG_BODY];

    expect_clean(bed);
    bed_put_many(bed, 600); /* more than a page */
    (void)put_long(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, body, sizeof(body));
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    expect_clean(bed);
    assert_int_equal(check(bed, &look).items, 601);
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_clean(bed);
}

/* ---- damage ---- */

/* In a file, as it was read. */
static void expect_record_kept(struct bed *bed, const struct pirn_id *id)
{
    char name[256];
    char text[PIRN_ID_TEXT];
    char path[320];

    pirn_id_format(id, text);
    assert_int_equal(count_strays(bed, name), 1);
    assert_memory_equal(name + PIRN_ID_TEXT, text, PIRN_ID_TEXT - 1);
    snprintf(path, sizeof(path), "quarantine/.strays/%s", name);
    assert_true(log_find(bed_at(bed, path), id->bytes, sizeof(id->bytes)) > 0);
}

static void a_damaged_record_is_set_aside_with_its_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    const char *path = log_segment(bed, 0);
    log_flip(path, log_find(path, "second body", 11) - 40);
    assert_int_equal(bed_open(bed, false), 0);
    expect_mended(bed, PIRN_FAULT_BAD_RECORD, &ids[1]);
    expect_aside(bed, &ids[1], "bad-record", "second body");
    expect_record_kept(bed, &ids[1]);
    log_expect_gone(bed, &ids[1]);
    expect_neighbours(bed, ids);
    log_power_cut_and_open(bed);
    expect_clean(bed);
    expect_neighbours(bed, ids);
}

/* Held because a taker met it: it is told and mended all the same. */
static void a_damaged_record_that_a_taker_met_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    const char *path = log_segment(bed, 0);
    log_flip(path, log_find(path, "first body", 10) - 40);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_claim_id(bed, &claim, &ids[0]), -EBADMSG);
    expect_mended(bed, PIRN_FAULT_BAD_RECORD, &ids[0]);
    expect_aside(bed, &ids[0], "bad-record", "first body");
}

static void a_damaged_body_is_set_aside_as_it_is(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    const char *path = log_segment(bed, 0);
    log_flip(path, log_find(path, "second body", 11) + 3);
    assert_int_equal(bed_open(bed, false), 0);
    expect_mended(bed, PIRN_FAULT_BAD_BODY, &ids[1]);
    expect_aside(bed, &ids[1], "bad-body", "sec\177nd body");
    expect_neighbours(bed, ids);
}

static void a_long_body_that_is_gone_is_told(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    struct pirn_id id = put_long(bed);
    assert_int_equal(unlink(log_body_path(bed, &id)), 0);
    expect_mended(bed, PIRN_FAULT_NO_BODY, &id);
    expect_aside(bed, &id, "no-body", NULL);
    log_expect_gone(bed, &id);
    expect_neighbours(bed, ids);
}

static void a_long_body_that_was_cut_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put_long(bed);

    assert_int_equal(truncate(log_body_path(bed, &id), LONG_BODY - 1), 0);
    expect_mended(bed, PIRN_FAULT_BAD_BODY, &id);
    expect_aside(bed, &id, "bad-body", NULL);
}

/* It is told once: its item has a body, in another place. */
static void a_long_body_in_anothers_directory_goes_back(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put_long(bed);
    char text[PIRN_ID_TEXT];
    char from[512];
    char path[96];

    pirn_id_format(&id, text);
    snprintf(from, sizeof(from), "%s", log_body_path(bed, &id));
    bool is_first = strncmp(text + PIRN_ID_TEXT - 3, "00", 2) == 0;
    snprintf(path, sizeof(path), ".log/data/%s/%s", is_first ? "01" : "00",
             text);
    assert_int_equal(rename(from, bed_at(bed, path)), 0);
    expect_mended(bed, PIRN_FAULT_MISPLACED, &id);
    assert_int_equal(access(log_body_path(bed, &id), F_OK), 0);
}

static void other_bytes_of_a_long_body_are_found_by_reading_it(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put_long(bed);

    log_flip(log_body_path(bed, &id), 70000);
    assert_int_equal(check(bed, &look).count, 0);
    struct found found = check(bed, &look_deep);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_BAD_BODY);
}

static void what_somebody_has_is_told_and_left_to_him(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put_long(bed);
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(unlink(log_body_path(bed, &id)), 0);
    struct found found = check(bed, &repair);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].error, -EBUSY);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_clean(bed);
}

/* ---- nobody's ---- */

static void an_orphaned_long_body_becomes_an_item_of_quarantine(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = log_put(bed, "body");
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_remove_durable(&claim);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    bed_write(log_body_path(bed, &id), "orphan", 6);
    expect_mended(bed, PIRN_FAULT_ORPHANED, &id);
    expect_aside(bed, &id, "orphaned", "orphan");
    assert_int_equal(access(log_body_path(bed, &id), F_OK), -1);
}

/* The word says an owner whom no sweep knows. */
static void a_claim_of_an_owner_that_nobody_knows_is_ready_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];
    struct pirn_claim claim = {0};
    uint64_t word;

    put_three(bed, ids);
    assert_int_equal(log_claim_id(bed, &claim, &ids[1]), 1);
    const struct pirn__index_size size = {.slots = LOG_SLOTS,
                                          .segments = LOG_SEGMENTS,
                                          .segment_bytes = LOG_SEGMENT_BYTES};
    struct pirn__index index;
    struct pirn__log_id id;
    pirn__log_id_unpack(&ids[1], &id);
    pirn__index_lay_out(&size, NULL, &index);
    off_t at = (off_t)(index.slots_at + id.slot * sizeof(struct pirn__slot));
    int fd = open(log_index_path(bed), O_RDWR);
    assert_int_equal(pread(fd, &word, sizeof(word), at), sizeof(word));
    struct pirn__word parts = pirn__word_unpack(word);
    assert_int_equal(parts.state, PIRN__CLAIMED);
    parts.owner = 777;
    word = pirn__word_pack(parts);
    assert_int_equal(pwrite(fd, &word, sizeof(word), at), sizeof(word));
    close(fd);
    expect_mended(bed, PIRN_FAULT_STALE_CLAIM, &ids[1]);
    expect_body(bed, &ids[1], "incoming", "second body");
    assert_int_equal(bed_remove(bed, &claim), -ESTALE);
    expect_neighbours(bed, ids);
}

static void a_name_of_the_files_with_a_logs_id_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = log_put(bed, "of the log");
    char name[256];

    bed_write(bed_path(bed, BED_READY, &id), "of the files", 12);
    bed_write(bed_path(bed, BED_BODY, &id), "of the files", 12);
    struct found found = check(bed, &repair);
    print_found(&found);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_DUPLICATED);
    assert_true(found.findings[0].mended);
    assert_int_equal(count_strays(bed, name), 2);
    expect_clean(bed);
    expect_body(bed, &id, "incoming", "of the log");
}

static void strays_of_a_log_are_set_aside(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(mkdir(bed_at(bed, ".log/ids"), 0700), 0);
    bed_write(bed_at(bed, ".log/ids/mail"), "x", 1);
    expect_mended(bed, PIRN_FAULT_STRAY, NULL);
    bed_write(bed_at(bed, ".log/queues/new.0003"), "x", 1);
    expect_mended(bed, PIRN_FAULT_LEFTOVER, NULL);
}

/* ---- between the layouts ---- */

struct way {
    const char *from;
    const char *to;
};

static const struct way ways[] = {{"files", "incoming"}, {"incoming", "files"}};

static void make_files(struct bed *bed)
{
    int r = pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE);

    assert_int_equal(r, 0);
}

static struct pirn_id put_in(struct bed *bed, const char *queue, uint32_t len)
{
    static char body[LONG_BODY];
    struct pirn_draft draft = {0};

    assert_int_equal(log_enqueue(bed, &draft, queue, body, len, NULL), 0);
    return draft.id;
}

static int32_t ended;

static void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    ended = result;
}

/* He stands still at each of his turns while a check goes by that believes
 * everything to be old. */
static void check_at_each_turn(struct bed *bed, const struct way *way,
                               uint32_t len)
{
    struct pirn_id id = put_in(bed, way->from, len);
    struct pirn_claim claim = {0};
    struct bed his;

    bed_join(bed, &his);
    assert_int_equal(log_claim_id(&his, &claim, &id), 1);
    ended = 1;
    pirn_prep_move(&claim, way->to);
    pirn_start(his.context, &claim.op, note);
    while (ended == 1) {
        struct found found = check(bed, &repair);
        print_found(&found);
        assert_int_equal(found.result, 0);
        assert_int_equal(found.count, 0);
        assert_int_equal(bed_status(bed).leftovers, 0);
        assert_true(pirn_context_turn(his.context, UINT64_MAX) >= 0);
    }
    assert_int_equal(ended, 0);
    bed_leave(&his);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_string_equal(claim.item.queue, way->to);
    assert_int_equal(claim.item.size_bytes, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
}

static void a_move_that_is_under_way_is_no_fault(void **state)
{
    struct bed *bed = *state;
    char name[256];

    make_files(bed);
    for (int w = 0; w < 2; w++) {
        check_at_each_turn(bed, &ways[w], 700);
        check_at_each_turn(bed, &ways[w], LONG_BODY);
    }
    assert_int_equal(count_strays(bed, name), 0);
    assert_int_equal(bed_status(bed).quarantined, 0);
}

/* QUEUE/XY/ID becomes files/.checkout/0777/ID.out: nobody knows this slot. */
static void a_move_of_an_owner_that_nobody_knows_is_settled(void **state)
{
    struct bed *bed = *state;
    char text[PIRN_ID_TEXT];
    char path[128];
    char from[512];

    make_files(bed);
    struct pirn_draft draft = {0};
    int32_t r = log_enqueue(bed, &draft, "files", "body", 4, NULL);
    assert_int_equal(r, 0);
    const struct pirn_id id = draft.id;
    pirn_id_format(&id, text);
    snprintf(path, sizeof(path), "files/%s/%s", text + PIRN_ID_TEXT - 3, text);
    snprintf(from, sizeof(from), "%s", bed_at(bed, path));
    assert_int_equal(mkdir(bed_at(bed, "files/.checkout/0777"), 0700), 0);
    snprintf(path, sizeof(path), "files/.checkout/0777/%s.out", text);
    assert_int_equal(rename(from, bed_at(bed, path)), 0);
    expect_mended(bed, PIRN_FAULT_STALE_CLAIM, &id);
    expect_body(bed, &id, "files", "body");
}

/* The path of an item's name in "files", or of its body. */
static const char *file_path(struct bed *bed, const char *parent,
                             const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];
    char path[96];

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), "%s/%s/%s", parent, text + PIRN_ID_TEXT - 3,
             text);
    return bed_at(bed, path);
}

static void keep_copy(struct bed *bed, const char *parent,
                      const struct pirn_id *id, const char *name, bool back)
{
    char there[512];
    char kept[512];

    snprintf(there, sizeof(there), "%s", file_path(bed, parent, id));
    snprintf(kept, sizeof(kept), "%s.%s", bed->path, name);
    bed_copy(back ? kept : there, back ? there : kept);
    if (back) {
        assert_int_equal(unlink(kept), 0);
    }
}

/* From files to the log; what an unlink that was lost would have left. */
static struct pirn_id move_and_leave(struct bed *bed, bool name)
{
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    assert_int_equal(log_enqueue(bed, &draft, "files", "body", 4, NULL), 0);
    const struct pirn_id id = draft.id;
    keep_copy(bed, ".data", &id, "body", false);
    if (name) {
        keep_copy(bed, "files", &id, "name", false);
    }
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    pirn_prep_move(&claim, "incoming");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    keep_copy(bed, ".data", &id, "body", true);
    if (name) {
        keep_copy(bed, "files", &id, "name", true);
    }
    return id;
}

static void a_body_that_a_move_has_left_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char name[256];

    make_files(bed);
    struct pirn_id id = move_and_leave(bed, false);
    expect_mended(bed, PIRN_FAULT_LEFTOVER, &id);
    assert_int_equal(count_strays(bed, name), 1);
    assert_int_equal(bed_status(bed).quarantined, 0);
    expect_body(bed, &id, "incoming", "body");
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    pirn_prep_move(&claim, "files");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    expect_body(bed, &id, "files", "body");
}

/* The other way: the log's name of it, which a power cut brought back. */
static void a_body_that_a_move_to_files_has_left_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char name[256];

    make_files(bed);
    for (int i = 0; i < 2; i++) {
        struct pirn_id id = put_long(bed);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        pirn_prep_move(&claim, "files");
        assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
        if (i == 1) { /* and back again, under an alias */
            assert_int_equal(log_claim_id(bed, &claim, &id), 1);
            pirn_prep_move(&claim, "incoming");
            assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
        }
        bed_write(log_body_path(bed, &id), "left", 4);
        expect_mended(bed, PIRN_FAULT_LEFTOVER, &id);
        assert_int_equal(count_strays(bed, name), i + 1);
        assert_int_equal(bed_status(bed).quarantined, 0);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(claim.item.size_bytes, LONG_BODY);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
}

static void a_body_of_files_with_a_logs_id_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = log_put(bed, "of the log");
    char name[256];

    bed_write(bed_path(bed, BED_BODY, &id), "of the files", 12);
    expect_mended(bed, PIRN_FAULT_LEFTOVER, &id);
    assert_int_equal(count_strays(bed, name), 1);
    expect_body(bed, &id, "incoming", "of the log");
}

/* It is a file, as that of the item that it is shared with, however short. */
static void a_body_that_is_shared_with_files_and_is_gone_is_told(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_draft share = {0};
    struct pirn_claim claim = {0};

    make_files(bed);
    assert_int_equal(log_enqueue(bed, &draft, "files", "a body", 6, NULL), 0);
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    pirn_prep_share(&share, &claim, "incoming", NULL);
    assert_int_equal(pirn_wait(bed->context, &share.op), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(unlink(log_body_path(bed, &share.id)), 0);
    expect_mended(bed, PIRN_FAULT_NO_BODY, &share.id);
    expect_aside(bed, &share.id, "no-body", NULL);
}

/* Its own id is what it was, and nothing leads there any more. */
static void of_an_item_from_files_the_alias_goes_too(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    make_files(bed);
    assert_int_equal(log_enqueue(bed, &draft, "files", "a body", 6, NULL), 0);
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    pirn_prep_move(&claim, "incoming");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    const char *path = log_segment(bed, 0);
    log_flip(path, log_find(path, "a body", 6) + 1);
    struct found found = check(bed, &repair);
    print_found(&found);
    assert_int_equal(found.count, 1);
    assert_true(found.findings[0].mended);
    expect_clean(bed);
    expect_aside(bed, &draft.id, "bad-body", NULL);
}

/* A removal's last step is not done: its alias leads to a slot that is free. */
static void an_alias_that_leads_nowhere_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char name[256];
    char text[PIRN_ID_TEXT];
    char path[96];

    make_files(bed);
    struct pirn_id ids[2];
    for (int i = 0; i < 2; i++) {
        ids[i] = put_in(bed, "files", 4);
        assert_int_equal(log_claim_id(bed, &claim, &ids[i]), 1);
        pirn_prep_move(&claim, "incoming");
        assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    }
    pirn_id_format(&ids[1], text);
    snprintf(path, sizeof(path), ".log/ids/%s", text);
    char kept[PIRN_ID_TEXT] = "";
    int fd = open(bed_at(bed, path), O_RDONLY);
    assert_int_equal(read(fd, kept, sizeof(kept) - 1), sizeof(kept) - 1);
    close(fd);
    expect_clean(bed);
    assert_int_equal(log_claim_id(bed, &claim, &ids[1]), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    bed_write(bed_at(bed, path), kept, sizeof(kept) - 1);
    expect_mended(bed, PIRN_FAULT_LEFTOVER, &ids[1]);
    assert_int_equal(count_strays(bed, name), 1);
    assert_int_equal(log_claim_id(bed, &claim, &ids[0]), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
}

/* The item has gone back to files: that alias may be written at any time. */
static void a_stale_alias_of_an_item_is_left_to_its_moves(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = log_put(bed, "body");
    char text[PIRN_ID_TEXT];
    char path[96];

    make_files(bed);
    struct pirn_id other = put_in(bed, "files", 4);
    struct pirn_claim claim = {0};
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    if (access(bed_at(bed, ".log/ids"), F_OK) < 0) {
        assert_int_equal(mkdir(bed_at(bed, ".log/ids"), 0700), 0);
    }
    pirn_id_format(&other, text);
    snprintf(path, sizeof(path), ".log/ids/%s", text);
    pirn_id_format(&id, text);
    bed_write(bed_at(bed, path), text, PIRN_ID_TEXT - 1);
    expect_clean(bed);
}

static void a_name_that_a_move_has_left_is_set_aside(void **state)
{
    struct bed *bed = *state;
    char name[256];

    make_files(bed);
    struct pirn_id id = move_and_leave(bed, true);
    expect_mended(bed, PIRN_FAULT_DUPLICATED, &id);
    assert_int_equal(count_strays(bed, name), 2);
    expect_body(bed, &id, "incoming", "body");
}

static void a_name_that_a_move_has_left_stays_with_who_has_it(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char name[256];

    make_files(bed);
    struct pirn_id id = move_and_leave(bed, true);
    pirn_prep_claim(&claim, bed->spool, "files");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    struct found found = check(bed, &repair);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_DUPLICATED);
    assert_int_equal(found.findings[0].error, -EBUSY);
    assert_int_equal(count_strays(bed, name), 0);
    assert_int_equal(access(file_path(bed, ".data", &id), F_OK), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_clean(bed);
    expect_body(bed, &id, "incoming", "body");
}

/* ---- too old ---- */

static void what_is_older_than_its_limit_is_told(void **state)
{
    struct bed *bed = *state;
    const struct pirn_check_limit limits[] = {{"other", 1}, {"incoming", 1}};
    struct pirn_check_config config = {.grace_ns = 1, .repair = true};

    bed_put_many(bed, 300);
    config.item_ns = 3600000000000;
    assert_int_equal(check(bed, &config).count, 0);
    config.limits = limits;
    config.limit_count = 1;
    assert_int_equal(check(bed, &config).count, 0);
    config.limit_count = 2;
    struct found found = check(bed, &config);
    assert_int_equal(found.count, FOUND_MAX); /* that are kept of 300 */
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_TOO_OLD);
    assert_string_equal(found.findings[0].queue, "incoming");
}

static uint32_t *stamp_of(const struct bed *bed, const struct pirn_id *id)
{
    struct pirn__log_id parts;

    pirn__log_id_unpack(id, &parts);
    return &bed->spool->log->index.stamps[parts.slot];
}

/* It was claimed two hours ago, and nobody had to wait for that. */
static void make_older(const struct bed *bed, const struct pirn_id *id)
{
    *stamp_of(bed, id) -= 7200u << 6;
}

static void claims_have_a_limit_of_their_own(void **state)
{
    const uint64_t hour_ns = 3600000000000;
    struct pirn_check_config config = {.grace_ns = 1, .repair = true};
    struct bed *bed = *state;
    struct pirn_claim claims[3] = {0};
    struct pirn_id ids[3];

    put_three(bed, ids);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(log_claim_id(bed, &claims[i], &ids[i]), 1);
    }
    config.claim_ns = hour_ns;
    assert_int_equal(check(bed, &config).count, 0);
    make_older(bed, &ids[1]);
    expect_clean(bed); /* it has no limit unless it is told */
    config.claim_ns = 3 * hour_ns;
    assert_int_equal(check(bed, &config).count, 0);
    config.claim_ns = hour_ns;
    struct found found = check(bed, &config);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_TOO_OLD);
    assert_true(found.findings[0].of_claim);
    assert_memory_equal(&found.findings[0].id, &ids[1], sizeof(ids[1]));
    assert_string_equal(found.findings[0].queue, "incoming");
    assert_true(found.findings[0].age_ns >= hour_ns);
    assert_true(found.findings[0].age_ns < 3 * hour_ns);
    assert_false(found.findings[0].mended);
    *stamp_of(bed, &ids[1]) = 0; /* nobody knows */
    assert_int_equal(check(bed, &config).count, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bed_remove(bed, &claims[i]), 0);
    }
}

/* More than are handed over at once. */
static void each_claim_that_is_too_old_is_told(void **state)
{
    enum { COUNT = 100 };
    static struct pirn_claim claims[COUNT];
    struct bed *bed = *state;
    struct pirn_check check = {0};
    const struct pirn_check_config config = {.grace_ns = 1,
                                             .claim_ns = 3600000000000};
    int told = 0;

    bed_put_many(bed, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(bed_claim(bed, &claims[i]), 1);
        make_older(bed, &claims[i].item.id);
    }
    pirn_prep_check(&check, bed->spool, &config);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
    for (int32_t r = 1; r == 1; told += r) {
        pirn_prep_check_next(&check);
        r = pirn_wait(bed->context, &check.op);
        assert_true(r == 0 || (r == 1 && check.finding.of_claim));
    }
    assert_int_equal(told, COUNT);
    assert_int_equal(check.items, COUNT);
    pirn_prep_check_end(&check);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(bed_remove(bed, &claims[i]), 0);
    }
}

BED_MAIN(LOG_TEST(items_claims_and_drafts_are_no_faults),
         LOG_TEST(a_damaged_record_is_set_aside_with_its_body),
         LOG_TEST(a_damaged_record_that_a_taker_met_is_set_aside),
         LOG_TEST(a_damaged_body_is_set_aside_as_it_is),
         LOG_TEST(a_long_body_that_is_gone_is_told),
         LOG_TEST(a_long_body_that_was_cut_is_set_aside),
         LOG_TEST(a_long_body_in_anothers_directory_goes_back),
         LOG_TEST(other_bytes_of_a_long_body_are_found_by_reading_it),
         LOG_TEST(what_somebody_has_is_told_and_left_to_him),
         LOG_TEST(an_orphaned_long_body_becomes_an_item_of_quarantine),
         LOG_TEST(a_claim_of_an_owner_that_nobody_knows_is_ready_again),
         LOG_TEST(a_name_of_the_files_with_a_logs_id_is_set_aside),
         LOG_TEST(strays_of_a_log_are_set_aside),
         LOG_TEST(a_move_that_is_under_way_is_no_fault),
         LOG_TEST(a_move_of_an_owner_that_nobody_knows_is_settled),
         LOG_TEST(a_body_that_a_move_has_left_is_set_aside),
         LOG_TEST(a_body_that_a_move_to_files_has_left_is_set_aside),
         LOG_TEST(a_body_of_files_with_a_logs_id_is_set_aside),
         LOG_TEST(a_body_that_is_shared_with_files_and_is_gone_is_told),
         LOG_TEST(of_an_item_from_files_the_alias_goes_too),
         LOG_TEST(an_alias_that_leads_nowhere_is_set_aside),
         LOG_TEST(a_stale_alias_of_an_item_is_left_to_its_moves),
         LOG_TEST(a_name_that_a_move_has_left_is_set_aside),
         LOG_TEST(a_name_that_a_move_has_left_stays_with_who_has_it),
         LOG_TEST(what_is_older_than_its_limit_is_told),
         LOG_TEST(claims_have_a_limit_of_their_own),
         LOG_TEST(each_claim_that_is_too_old_is_told))
