/* SPDX-License-Identifier: MIT */
/*
 * test_log_fault.c - a write or a sync of the log fails
 *
 * The engine spoils results on their way back: what failed is on the disk all
 * the same, as the worst of disks may have it. Nobody ever gets it.
 */
#include "kernel/faulty_bed.h"

#include "spool/log/log.h"

static int setup_few(void **state)
{
    if (log_setup_faulty_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_segments = 6;
    return bed_open(bed, true);
}

static int32_t put(struct bed *bed, const char *text)
{
    struct pirn_draft draft = {0};

    return log_enqueue(bed, &draft, "incoming", text, strlen(text), NULL);
}

static void start_some(struct bed *bed, struct bed_draft *drafts, int count,
                       const char *text)
{
    for (int i = 0; i < count; i++) {
        drafts[i].result = 1;
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", text,
                          strlen(text), NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
}

static bool has_segment(const struct bed *bed, unsigned number)
{
    static const char zeros[8];
    char magic[8] = {0};
    int fd = open(log_segment(bed, number), O_RDONLY);

    if (fd >= 0) {
        (void)!read(fd, magic, sizeof(magic));
        close(fd);
    }
    return memcmp(magic, zeros, sizeof(zeros)) != 0;
}

static void a_failed_write_fails_its_batch_and_seals_its_segment(void **state)
{
    struct bed *bed = *state;
    struct bed_draft drafts[8] = {0};

    assert_int_equal(put(bed, "before"), 0);
    faulty_plan(ENGINE_WRITE, 1, 1, -EIO);
    start_some(bed, drafts, 8, "failed");
    assert_int_equal(pirn_context_drain(bed->context), 0);
    bed_heal();
    for (int i = 0; i < 8; i++) {
        assert_int_equal(drafts[i].result, -EIO);
    }
    assert_int_equal(bed_status(bed).ready, 1);
    assert_false(has_segment(bed, 1));
    assert_int_equal(put(bed, "behind"), 0);
    assert_true(has_segment(bed, 1));
    for (int life = 0; life < 3; life++) {
        assert_int_equal(bed_status(bed).ready, 2);
        assert_int_equal(bed_status(bed).drafts, 0);
        log_reopen(bed);
    }
    log_expect_next(bed, "incoming", "before");
    log_expect_next(bed, "incoming", "behind");
    log_expect_none(bed, "incoming");
}

/* What waits for the one in flight was bound to the place behind it. */
static void a_failed_write_fails_what_was_to_stand_behind_it(void **state)
{
    struct bed *bed = *state;
    struct bed_draft drafts[8] = {0};

    assert_int_equal(put(bed, "before"), 0);
    faulty_plan(ENGINE_WRITE, 1, 1, -EIO);
    start_some(bed, drafts, 4, "flying");
    for (int i = 0; i < 3; i++) {
        assert_true(pirn_context_turn(bed->context, 0) >= 0);
        start_some(bed, drafts + 4 + i, 1, "filling");
    }
    start_some(bed, drafts + 7, 1, "filling");
    assert_int_equal(pirn_context_drain(bed->context), 0);
    bed_heal();
    unsigned ready = 1;
    for (int i = 0; i < 8; i++) {
        assert_true(drafts[i].result == -EIO || (i > 3 && !drafts[i].result));
        ready += drafts[i].result == 0;
    }
    assert_int_equal(bed_status(bed).ready, ready);
    log_reopen(bed);
    assert_int_equal(bed_status(bed).ready, ready);
    log_expect_next(bed, "incoming", "before");
}

static void what_failed_does_not_come_back_after_its_cut_is_durable(
    void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    assert_int_equal(put(bed, "before"), 0);
    faulty_plan(ENGINE_WRITE, 1, 1, -EIO);
    assert_int_equal(put(bed, "failed"), -EIO);
    bed_heal();
    assert_int_equal(put(bed, "between"), 0);
    assert_int_equal(put(bed, "behind"), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0); /* a round */
    log_power_cut_and_open(bed);
    log_expect_next(bed, "incoming", "between");
    log_expect_next(bed, "incoming", "behind");
    log_expect_none(bed, "incoming");
}

static void a_write_that_comes_short_goes_on(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(put(bed, "before"), 0);
    faulty_plan(ENGINE_WRITE, 1, 1, 512);
    assert_int_equal(put(bed, "short"), 0);
    assert_int_equal(faulty_outcome()->seen, 2);
    faulty_plan(ENGINE_WRITE, 1, 1, 0);
    assert_int_equal(put(bed, "failed"), -EIO);
    bed_heal();
    log_power_cut_and_open(bed);
    log_expect_next(bed, "incoming", "before");
    log_expect_next(bed, "incoming", "short");
}

static void expect_next_bytes(struct bed *bed, const char *bytes, uint32_t len)
{
    struct pirn_claim claim = {0};
    char *back = malloc(len);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, back, len, 0), (int32_t)len);
    assert_memory_equal(back, bytes, len);
    assert_int_equal(bed_remove(bed, &claim), 0);
    free(back);
}

/* A long body is a piece of its own: 256 bytes of heads and part stand before
 * it, zeros behind it. */
static void a_write_of_pieces_goes_on_inside_any_of_them(void **state)
{
    static const int32_t moved[] = {1, 255, 256, 257, 3000, 5256, 5257, 8191};
    static char bodies[8][5000];
    struct bed *bed = *state;
    struct pirn_draft draft = {0};

    assert_int_equal(put(bed, "before"), 0);
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < sizeof(bodies[i]); j++) {
            bodies[i][j] = (char)('a' + (i + j * j) % 23);
        }
        faulty_plan(ENGINE_WRITE, 1, 1, moved[i]);
        assert_int_equal(log_enqueue(bed, &draft, "incoming", bodies[i],
                                     sizeof(bodies[i]), NULL),
                         0);
        assert_int_equal(faulty_outcome()->seen, 2);
        bed_heal();
    }
    log_power_cut_and_open(bed);
    log_expect_next(bed, "incoming", "before");
    for (size_t i = 0; i < 8; i++) {
        expect_next_bytes(bed, bodies[i], sizeof(bodies[i]));
    }
}

/* Whichever sync it is: what may not be on the disk is not built upon. */
static void a_restart_whose_sync_fails_is_told(void **state)
{
    struct bed *bed = *state;
    int32_t r = -EIO;
    uint32_t failed = 0;

    assert_int_equal(put(bed, "body"), 0);
    log_power_cut(bed);
    for (uint32_t place = 1; r == -EIO; place++) {
        faulty_plan(ENGINE_FSYNC, place, 1, -EIO);
        r = bed_open(bed, false);
        bool met = faulty_outcome()->failed > 0;
        bed_heal();
        assert_int_equal(r, met ? -EIO : 0);
        failed += met;
    }
    assert_true(failed > 0);
    log_expect_next(bed, "incoming", "body");
}

/* What was not read may be there: no restart goes on without it. */
static void a_restart_whose_read_fails_is_told(void **state)
{
    enum { MORE_THAN_ARE_READ = 12 }; /* with the segment's header */
    struct bed *bed = *state;
    int32_t r = -EIO;
    uint32_t failed = 0;

    for (int i = 0; i < MORE_THAN_ARE_READ; i++) {
        assert_int_equal(put(bed, "body"), 0);
    }
    log_power_cut(bed);
    for (uint32_t place = 1; r == -EIO; place++) {
        faulty_plan(ENGINE_READ, place, 1, -EIO);
        r = bed_open(bed, false);
        bool met = faulty_outcome()->failed > 0;
        bed_heal();
        assert_int_equal(r, met ? -EIO : 0);
        failed += met;
    }
    assert_true(failed > 0);
    assert_int_equal(bed_status(bed).ready, MORE_THAN_ARE_READ);
}

/* The fault may meet a write of the keeper's, whose next round has it again:
 * then nobody is told. */
static void no_room_is_told_and_is_no_failure_of_the_disk(void **state)
{
    static const int32_t errors[] = {-ENOSPC, -EDQUOT};
    struct bed *bed = *state;

    for (int i = 0; i < 2; i++) {
        uint32_t told = 0;

        for (uint32_t place = 0; place < 2 || told == 0; place++) {
            faulty_plan(ENGINE_WRITE, 1 + place % 2, 1, errors[i]);
            int32_t r = put(bed, "failed");
            bool failed = faulty_outcome()->failed > 0;
            bed_heal();
            assert_true(r == 0 || (failed && r == errors[i]));
            told += r < 0;
            while (bed_status(bed).ready > 0) {
                log_expect_next(bed, "incoming", "failed");
            }
            assert_int_equal(put(bed, "next"), 0);
            log_expect_next(bed, "incoming", "next");
        }
    }
}

/* The first item of a log: its segment is made, and its file synced. */
static void a_segment_that_cannot_be_made_is_made_the_next_time(void **state)
{
    static const enum engine_opcode kinds[] = {ENGINE_OPEN, ENGINE_WRITE,
                                               ENGINE_FSYNC};
    struct bed *bed = *state;

    for (int i = 0; i < 3; i++) {
        faulty_plan(kinds[i], 1, 1, -EIO);
        int32_t r = put(bed, "failed");
        bed->fd_count += i == 0; /* was opened, and said not to be */
        bed_heal();
        assert_int_equal(r, -EIO);
        log_expect_none(bed, "incoming");
    }
    assert_int_equal(put(bed, "next"), 0);
    log_expect_next(bed, "incoming", "next");
}

/* It is asked before a segment is read for the first time. */
static void a_segment_whose_kind_nobody_can_say_is_not_damaged(void **state)
{
    static const int errors[] = {-ENOMEM, -ECANCELED};
    struct bed *bed = *state;

    assert_int_equal(put(bed, "item"), 0);
    for (int i = 0; i < 2; i++) {
        struct pirn_claim claim = {0};
        log_reopen(bed);
        faulty_plan(ENGINE_STAT, 1, 1, errors[i]);
        int32_t r = bed_claim(bed, &claim);
        assert_int_equal(faulty_outcome()->failed, 1);
        bed_heal();
        if (r == 1) {
            assert_int_equal(bed_give_back(bed, &claim), 0);
        }
        assert_int_equal(bed_status(bed).held, 0);
    }
    log_expect_next(bed, "incoming", "item");
}

static void a_body_that_cannot_be_stored_is_no_item(void **state)
{
    static char body[200000];
    static const enum engine_opcode kinds[] = {ENGINE_WRITE, ENGINE_FSYNC};
    struct bed *bed = *state;
    struct pirn_draft draft = {0};

    (void)put(bed, "before");
    for (int i = 0; i < 2; i++) {
        for (uint32_t place = 1; place <= 2; place++) {
            faulty_plan(kinds[i], place, 1, -EIO);
            int32_t r =
                log_enqueue(bed, &draft, "incoming", body, sizeof(body), NULL);
            bool failed = faulty_outcome()->failed > 0;
            bed_heal();
            assert_int_equal(r, failed ? -EIO : 0);
            assert_true(failed);
        }
    }
    log_reopen(bed);
    assert_int_equal(bed_status(bed).ready, 1);
    log_expect_next(bed, "incoming", "before");
    log_expect_none(bed, "incoming");
}

static void a_change_that_failed_leaves_the_item_as_it_was(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY, .priority = 3};

    assert_int_equal(put(bed, "body"), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(ENGINE_WRITE, 1, 2, -EIO);
    assert_int_equal(log_update(bed, &claim, &change), -EIO);
    bed_heal();
    assert_int_equal(claim.item.priority, 0);
    log_expect_body(bed, &claim, "body");
    faulty_plan(ENGINE_WRITE, 1, 2, -EIO);
    assert_int_equal(log_give_back_as(bed, &claim, &change), -EIO);
    bed_heal();
    log_expect_body(bed, &claim, "body"); /* we have it still */
    change.priority = 5;
    assert_int_equal(log_update(bed, &claim, &change), 0);
    assert_int_equal(claim.item.priority, 5);
    assert_true(claim.item.version > 2); /* what failed is spent */
    assert_int_equal(bed_give_back(bed, &claim), 0);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.priority, 5);
    log_expect_body(bed, &claim, "body");
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* A round whose write or sync fails is final until the index is made anew. */
static void expect_no_removal_is_durable(void **state,
                                         enum engine_opcode opcode)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id ids[3];

    for (int i = 0; i < 3; i++) {
        ids[i] = log_put(bed, "body");
    }
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(opcode, 1, 1, -EIO);
    assert_int_equal(log_remove_durable(bed, &claim), -EIO);
    bed_heal();
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), -EIO);
    for (int i = 0; i < 2; i++) {
        log_expect_gone(bed, &ids[i]);
    }
    struct pirn_id next = log_put(bed, "next");
    for (int i = 0; i < 3; i++) { /* nobody's slot was free */
        assert_memory_not_equal(next.bytes + 12, ids[i].bytes + 12, 4);
    }
    log_reopen(bed); /* the index is kept: it alone knows who is gone */
    for (int i = 0; i < 2; i++) {
        log_expect_gone(bed, &ids[i]);
    }
    assert_int_equal(bed_status(bed).ready, 2);
    log_power_cut_and_open(bed); /* and is made anew */
    uint64_t ready = bed_status(bed).ready;
    assert_true(ready >= 2 && ready <= 4);
    while (bed_claim(bed, &claim) == 1) {
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
    log_power_cut_and_open(bed);
    log_expect_none(bed, "incoming");
}

static void a_failed_sync_of_tombstones_makes_no_removal_durable(void **state)
{
    expect_no_removal_is_durable(state, ENGINE_FSYNC);
}

static void a_failed_write_of_tombstones_makes_no_removal_durable(void **state)
{
    expect_no_removal_is_durable(state, ENGINE_WRITE);
}

/* ---- segments that are written over ---- */

enum { BIG = 60 * 1024, IN_A_SEGMENT = LOG_SEGMENT_BYTES / (BIG + 4096) };

static void looked(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result; /* it stays in the op */
}

/* Until his read has come back, and is kept from him. */
static void look_and_be_stopped(struct bed *bed, struct pirn_view *view,
                                const struct pirn_id *id)
{
    faulty_plan(ENGINE_READ, UINT32_MAX, 1, 0); /* none from the cache */
    faulty_hold(ENGINE_READ);
    pirn_prep_look(view, bed->spool, id);
    pirn_start(bed->context, &view->op, looked);
    while (!faulty_has_held()) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
}

/* Whoever announced it may have a read under way. */
static void a_segment_that_is_read_is_not_taken_again(void **state)
{
    static uint8_t bytes[BIG];
    struct bed *bed = *state;
    struct pirn_view view = {0};
    struct pirn_claim claim = {0};
    const uint64_t *word = &bed->spool->log->index.segments[0].word;
    struct pirn_id id = log_put(bed, "body");
    uint32_t generation = pirn__segment_unpack(*word).generation;

    look_and_be_stopped(bed, &view, &id);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    for (int i = 0; i < 6 * IN_A_SEGMENT; i++) {
        (void)bed_put(bed, bytes, BIG);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    assert_int_equal(pirn__segment_unpack(*word).generation, generation);
    faulty_hold(ENGINE_NONE);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(pirn_op_result(&view.op), 0);
    bed_view_end(bed, &view);
}

/* One of each segment stays, and two of all are had. */
static void thin_out(struct bed *bed, int segments, struct pirn_claim *had)
{
    struct pirn_claim kept[8] = {0};
    struct pirn_claim claim = {0};

    for (int i = 0; i < segments * IN_A_SEGMENT; i++) {
        struct pirn_claim *at =
            i % IN_A_SEGMENT == 1 ? &kept[i / IN_A_SEGMENT] : &claim;
        assert_int_equal(bed_claim(bed, at), 1);
        if (at == &claim) {
            assert_int_equal(bed_remove(bed, &claim), 0);
        }
    }
    assert_int_equal(bed_claim(bed, &had[0]), 1);
    assert_int_equal(bed_claim(bed, &had[1]), 1);
    for (int i = 0; i < segments; i++) {
        assert_int_equal(bed_give_back(bed, &kept[i]), 0);
    }
}

static void what_is_copied_is_alive_until_its_copy_is_durable(void **state)
{
    enum { SEGMENTS = 5 };
    static uint8_t bytes[BIG];
    struct bed *bed = *state;
    struct pirn_claim had[2] = {0};

    for (int i = 0; i < SEGMENTS * IN_A_SEGMENT + 2; i++) {
        (void)bed_put(bed, bytes, BIG);
    }
    thin_out(bed, SEGMENTS, had);
    faulty_plan(ENGINE_WRITEV, 1, 0, -EIO); /* of each copy */
    assert_int_equal(log_remove_durable(bed, &had[0]), 0);
    while (faulty_outcome()->failed == 0) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    assert_int_equal(log_remove_durable(bed, &had[1]), 0); /* with all words */
    bed_heal();
    log_power_cut_and_open(bed);
    assert_int_equal(bed_status(bed).ready, SEGMENTS);
}

/* A sector that cannot be read must not meet every claim of the queue. */
static void an_item_that_cannot_be_read_goes_behind_all_others(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};
    struct pirn_id id = log_put(bed, "body");

    (void)log_put(bed, "other");
    faulty_plan(ENGINE_READ, 1, 1, -EIO);
    assert_int_equal(bed_look(bed, &view, &id), -EIO);
    faulty_plan(ENGINE_READ, 1, 1, -EIO);
    assert_int_equal(bed_claim(bed, &claim), -EIO);
    bed_heal();
    log_expect_next(bed, "incoming", "other");
    log_expect_next(bed, "incoming", "body");
}

static void a_read_that_has_no_memory_leaves_the_item_where_it_is(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)log_put(bed, "body");
    faulty_plan(ENGINE_READ, 1, 1, -ENOMEM);
    assert_int_equal(bed_claim(bed, &claim), -ENOMEM);
    bed_heal();
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 0);
    log_expect_body(bed, &claim, "body");
    assert_int_equal(bed_remove(bed, &claim), 0);
}

#define T(name) LOG_FAULTY_TEST(name)
#define FEW(name) \
    cmocka_unit_test_setup_teardown(name, setup_few, log_teardown_faulty)

BED_MAIN(T(a_failed_write_fails_its_batch_and_seals_its_segment),
         T(a_failed_write_fails_what_was_to_stand_behind_it),
         T(what_failed_does_not_come_back_after_its_cut_is_durable),
         T(a_write_that_comes_short_goes_on),
         T(a_write_of_pieces_goes_on_inside_any_of_them),
         T(a_restart_whose_sync_fails_is_told),
         T(a_restart_whose_read_fails_is_told),
         T(no_room_is_told_and_is_no_failure_of_the_disk),
         T(a_segment_that_cannot_be_made_is_made_the_next_time),
         T(a_segment_whose_kind_nobody_can_say_is_not_damaged),
         T(a_body_that_cannot_be_stored_is_no_item),
         T(a_change_that_failed_leaves_the_item_as_it_was),
         T(a_failed_sync_of_tombstones_makes_no_removal_durable),
         T(a_failed_write_of_tombstones_makes_no_removal_durable),
         FEW(a_segment_that_is_read_is_not_taken_again),
         T(what_is_copied_is_alive_until_its_copy_is_durable),
         T(an_item_that_cannot_be_read_goes_behind_all_others),
         T(a_read_that_has_no_memory_leaves_the_item_where_it_is))
