/* SPDX-License-Identifier: MIT */
/*
 * test_check_segment.c - a segment's header is looked at while the index still
 * knows what it has to be
 *
 * Damage is written over the header of a live spool. A check tells it, mends it
 * if asked, and then the index is lost: a restart has the header alone.
 */
#include "kernel/faulty_bed.h"
#include "kernel/test_check.h"

#include "spool/check/segment_mend.h"
#include "spool/log/atom.h"
#include "spool/log/index.h"
#include "spool/log/log.h"

enum { HEADER = 4096, LONG_BODY = 60 * 1024 };

static const char garbage[2 * HEADER] = "pirn: file /nonexist: there is none";

static void put_three(struct bed *bed)
{
    (void)log_put(bed, "first");
    (void)log_put(bed, "second");
    (void)log_put(bed, "third");
}

/* Of a restart that has the disk alone. */
static void expect_three(struct bed *bed)
{
    log_shut_down(bed);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "first");
    log_expect_next(bed, "incoming", "second");
    log_expect_next(bed, "incoming", "third");
    log_expect_none(bed, "incoming");
    assert_int_equal(log_count_aside(bed), 0);
}

static struct pirn__index_segment *known_of(const struct bed *bed,
                                            uint32_t segment)
{
    return &bed->spool->log->index.segments[segment];
}

/* Told by each check, mended by none: the one finding. */
static struct pirn_finding expect_told(struct bed *bed, const char *path)
{
    struct found found = {0};

    for (int i = 0; i < 2; i++) {
        found = check(bed, i == 0 ? &look : &repair);
        print_found(&found);
        assert_int_equal(found.result, 0);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.findings[0].fault, PIRN_FAULT_BAD_SEGMENT);
        assert_string_equal(found.findings[0].path, path);
        assert_string_equal(found.findings[0].queue, "");
        assert_false(found.findings[0].mended);
    }
    return found.findings[0];
}

static int32_t mend(struct bed *bed)
{
    struct pirn__segment_mend *mend = calloc(1, sizeof(*mend));
    const struct pirn_finding finding = {.fault = PIRN_FAULT_BAD_SEGMENT,
                                         .path = ".log/seg/000000"};

    pirn__prep_segment_mend(mend, bed->spool, &finding);
    int32_t r = pirn_wait(bed->context, &mend->op);
    free(mend);
    return r;
}

/* ---- mended ---- */

static void text_over_a_header_is_told_and_it_is_written_anew(void **state)
{
    struct bed *bed = *state;
    char name[256];
    char path[320];

    put_three(bed);
    log_overwrite(log_segment(bed, 0), garbage, strlen(garbage), 0);
    assert_string_equal(check(bed, &look).findings[0].path, ".log/seg/000000");
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    assert_int_equal(count_strays(bed, name), 1);
    snprintf(path, sizeof(path), "quarantine/.strays/%s", name);
    assert_int_equal(log_find(bed_at(bed, path), garbage, strlen(garbage)), 0);
    expect_three(bed);
}

/* One wrong bit a restart puts right, where it reads it; the disk has it. */
static void so_is_one_of_which_a_byte_is_wrong(void **state)
{
    struct bed *bed = *state;

    put_three(bed);
    for (off_t at = 0; at < (off_t)PIRN__SEGMENT_HEAD_BYTES; at += 5) {
        log_flip(log_segment(bed, 0), at);
        struct found found = check(bed, &repair);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.findings[0].fault, PIRN_FAULT_BAD_SEGMENT);
        assert_true(found.findings[0].mended);
    }
    expect_clean(bed);
    log_flip(log_segment(bed, 0), 20);
    log_shut_down(bed);
    assert_int_equal(bed_open(bed, false), 0);
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    expect_three(bed);
}

/* Zeros, as of a sector that was lost; another's; what is longer than it. */
static void whatever_stands_there_it_is_written_anew(void **state)
{
    static const char zeros[HEADER];
    struct bed *bed = *state;
    struct bed other;
    char another[HEADER];

    put_three(bed);
    bed_join(bed, &other);
    (void)log_put(&other, "elsewhere");
    bed_leave(&other);
    log_peek(log_segment(bed, 1), another, HEADER);
    log_overwrite(log_segment(bed, 0), zeros, HEADER, 0);
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    log_overwrite(log_segment(bed, 0), another, HEADER, 0);
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    log_overwrite(log_segment(bed, 0), garbage, HEADER + 64, 0);
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    log_shut_down(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, 4);
    log_expect_next(bed, "incoming", "first");
    assert_int_equal(log_count_aside(bed), 0);
}

/* Of the one that is written, of one that was left open, of a sealed one; and
 * its owner goes on behind what was written there. */
static void each_segment_in_use_is_looked_at(void **state)
{
    struct bed *bed = *state;
    static char body[LONG_BODY];
    struct bed other;
    uint32_t states = 0;
    uint32_t count = 0;

    put_three(bed);
    bed_join(bed, &other);
    for (int i = 0; i < 20; i++) {
        (void)bed_put(&other, body, sizeof(body));
    }
    bed_leave(&other);
    for (unsigned i = 0; i < LOG_SEGMENTS; i++) {
        const struct pirn__index_segment *at = known_of(bed, i);
        if (pirn__mark_unpack(pirn__atom_load(&at->mark)).records > 0) {
            log_overwrite(log_segment(bed, i), garbage, HEADER, 0);
            states |= 1u << pirn__segment_unpack(at->word).state;
            count++;
        }
    }
    assert_int_equal(states, 1u << PIRN__SEGMENT_ACTIVE |
                                 1u << PIRN__SEGMENT_OPEN |
                                 1u << PIRN__SEGMENT_SEALED);
    struct found found = check(bed, &repair);
    print_found(&found);
    assert_int_equal(found.count, count);
    (void)log_put(bed, "behind");
    expect_clean(bed);
    log_shut_down(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, 24);
    assert_int_equal(log_count_aside(bed), 0);
}

/* ---- not mended ---- */

/* Both are whole, and the first batch says which of them is right. */
static void where_the_index_is_wrong_the_header_stays(void **state)
{
    struct bed *bed = *state;
    char name[256];
    char before[HEADER];
    char after[HEADER];

    put_three(bed);
    log_peek(log_segment(bed, 0), before, HEADER);
    known_of(bed, 0)->salt ^= 1;
    assert_int_equal(check(bed, &look).findings[0].fault,
                     PIRN_FAULT_BAD_SEGMENT);
    assert_int_equal(mend(bed), -EBADMSG);
    known_of(bed, 0)->salt ^= 1;
    log_peek(log_segment(bed, 0), after, HEADER);
    assert_memory_equal(before, after, HEADER);
    assert_int_equal(count_strays(bed, name), 0);
    expect_three(bed);
}

/* Who has it open reads and writes it; no restart will find it. */
static void a_segment_whose_name_is_gone_is_told(void **state)
{
    struct bed *bed = *state;
    char kept[160];

    put_three(bed);
    snprintf(kept, sizeof(kept), "%s.kept", bed->path);
    assert_int_equal(rename(log_segment(bed, 0), kept), 0);
    assert_int_equal(expect_told(bed, ".log/seg/000000").error, -ENOENT);
    assert_int_equal(mkfifo(log_segment(bed, 0), 0600), 0);
    struct found found = check(bed, &look);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_STRAY);
    assert_int_equal(found.findings[1].fault, PIRN_FAULT_BAD_SEGMENT);
    assert_int_equal(rename(kept, log_segment(bed, 0)), 0);
    expect_clean(bed);
    expect_three(bed);
}

/* ---- not told ---- */

static void empty_log(struct bed *bed, int count)
{
    struct pirn_claim claim = {0};

    for (int i = 0; i < count; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
}

/* They are taken for turn after turn, and a header comes with its batch. */
static void segments_that_are_taken_again_are_no_faults(void **state)
{
    struct bed *bed = *state;
    static char body[LONG_BODY];
    uint32_t turns = 0;

    expect_clean(bed);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 40; i++) {
            (void)bed_put(bed, body, sizeof(body));
            if (i % 10 == 0) {
                expect_clean(bed);
            }
        }
        empty_log(bed, 40);
        expect_clean(bed);
    }
    for (unsigned i = 0; i < LOG_SEGMENTS; i++) {
        turns += pirn__segment_unpack(pirn__atom_load(&known_of(bed, i)->word))
                     .generation;
    }
    assert_true(turns > 7);
}

static void set_word(const struct bed *bed, uint32_t segment,
                     enum pirn__segment_state state, uint32_t generation)
{
    struct pirn__segment_word word = {.state = state,
                                      .owner = bed->spool->log->actor.owner,
                                      .generation = generation};

    pirn__atom_store(&known_of(bed, segment)->word, pirn__segment_pack(word));
}

/* It comes with the first batch: who has just taken one has written nothing. */
static void where_nothing_is_committed_no_header_is_missed(void **state)
{
    const uint32_t last = LOG_SEGMENTS - 1;
    struct bed *bed = *state;

    put_three(bed);
    uint64_t was = pirn__atom_load(&known_of(bed, last)->word);
    set_word(bed, last, PIRN__SEGMENT_ACTIVE, 1);
    expect_clean(bed);
    set_word(bed, last, PIRN__SEGMENT_SEALED, 1);
    expect_clean(bed);
    pirn__atom_store(&known_of(bed, last)->word, was);
}

static void turn_until_held(struct bed *bed)
{
    for (int i = 0; !faulty_has_held(); i++) {
        assert_true(i < 1000);
        assert_true(pirn_context_turn(bed->context, 10000000) >= 0);
    }
}

static void wait_until_idle(struct bed *bed, const struct pirn_op *op)
{
    for (int i = 0; !pirn_op_is_idle(op); i++) {
        assert_true(i < 1000);
        assert_true(pirn_context_turn(bed->context, 10000000) >= 0);
    }
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* Read while its turn ended. */
static void what_was_read_of_a_turn_that_is_over_says_nothing(void **state)
{
    struct bed *bed = *state;
    struct pirn__segment_look *reading = calloc(1, sizeof(*reading));
    uint8_t page[HEADER];

    put_three(bed);
    uint64_t was = pirn__atom_load(&known_of(bed, 0)->word);
    log_overwrite(log_segment(bed, 0), garbage, HEADER, 0);
    for (int32_t expected = 1; expected >= 0; expected--) {
        pirn__prep_segment_look(reading, bed->spool->log, 0, page,
                                sizeof(page));
        faulty_hold(ENGINE_READ);
        pirn_start(bed->context, &reading->op, ended);
        turn_until_held(bed);
        if (expected == 0) {
            set_word(bed, 0, PIRN__SEGMENT_ACTIVE,
                     pirn__segment_unpack(was).generation + 1);
        }
        faulty_hold(ENGINE_NONE);
        wait_until_idle(bed, &reading->op);
        assert_int_equal(pirn_op_result(&reading->op), expected);
    }
    pirn__atom_store(&known_of(bed, 0)->word, was);
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    free(reading);
}

/* It is of this turn: nobody may take the segment for the next one meanwhile.
 */
static void who_writes_a_header_has_announced_its_segment(void **state)
{
    struct bed *bed = *state;
    struct pirn__segment_mend *mend = calloc(1, sizeof(*mend));
    const struct pirn_finding finding = {.fault = PIRN_FAULT_BAD_SEGMENT,
                                         .path = ".log/seg/000000"};
    const uint64_t *reads =
        bed->spool->log->index.owners[bed->spool->log->actor.owner].reads;

    put_three(bed);
    log_overwrite(log_segment(bed, 0), garbage, HEADER, 0);
    pirn__prep_segment_mend(mend, bed->spool, &finding);
    faulty_hold_nth(ENGINE_WRITE, 2); /* behind that of the stray */
    pirn_start(bed->context, &mend->op, ended);
    turn_until_held(bed);
    assert_int_equal(pirn__atom_load(&reads[0]), 1);
    faulty_hold(ENGINE_NONE);
    wait_until_idle(bed, &mend->op);
    assert_int_equal(pirn_op_result(&mend->op), 0);
    assert_int_equal(pirn__atom_load(&reads[0]), 0);
    expect_clean(bed);
    free(mend);
}

/* ---- copies ---- */

static void a_segment_that_was_set_aside_is_told_once(void **state)
{
    static const char *const names[] = {"000003.damaged.1",
                                        "000003.damaged.turn.7"};
    struct bed *bed = *state;
    char path[64];
    char name[256];

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), ".log/seg/%s", names[i]);
        bed_write(bed_at(bed, path), "x", 1);
        assert_string_equal(check(bed, &look).findings[0].path, path);
        expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
        assert_int_equal(count_strays(bed, name), i + 1);
        assert_int_not_equal(access(bed_at(bed, path), F_OK), 0);
    }
    bed_write(bed_at(bed, ".log/seg/000003.mail"), "x", 1);
    expect_mended(bed, PIRN_FAULT_STRAY, NULL);
}

/* One whose header was lost with the index: acknowledged items are missing. */
static void what_a_restart_cannot_read_is_told_and_kept(void **state)
{
    struct bed *bed = *state;
    char name[256];
    char path[320];

    put_three(bed);
    log_shut_down(bed);
    log_overwrite(log_segment(bed, 0), garbage, HEADER, 0);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 1);
    expect_mended(bed, PIRN_FAULT_BAD_SEGMENT, NULL);
    assert_int_equal(log_count_aside(bed), 0);
    assert_int_equal(count_strays(bed, name), 1);
    assert_non_null(strstr(name, "000000.damaged."));
    snprintf(path, sizeof(path), "quarantine/.strays/%s", name);
    assert_true(log_find(bed_at(bed, path), "second", 6) > HEADER);
}

/* ---- each operation of a mend fails ---- */

static void expect_unannounced(const struct bed *bed)
{
    const struct pirn__log *log = bed->spool->log;
    const uint64_t *reads = log->index.owners[log->actor.owner].reads;

    for (uint32_t i = 0; i < PIRN__INDEX_READS; i++) {
        assert_int_equal(pirn__atom_load(&reads[i]), 0);
    }
}

/* Then the next one mends it, and what a device dropped is not acknowledged. */
static void a_mend_that_fails_leaves_the_next_one_all(void **state)
{
    static const int32_t errors[] = {-EIO, -ENOSPC};
    struct bed *bed = *state;
    uint32_t failed[2] = {0};

    put_three(bed);
    for (int i = 0; i < 2; i++) {
        bool spoiled = true;
        for (uint32_t place = 1; spoiled; place++) {
            uint64_t *failures = &bed->spool->log->index.head->failures;
            uint64_t before = pirn__atom_load(failures);
            assert_true(place < 64);
            log_overwrite(log_segment(bed, 0), garbage, HEADER, 0);
            faulty_plan(ENGINE_OPCODE_COUNT, place, 1, errors[i]);
            int32_t r = mend(bed);
            spoiled = faulty_outcome()->failed > 0;
            bed_heal();
            assert_true(r == 0 || (spoiled && r < 0));
            failed[i] += (uint32_t)(pirn__atom_load(failures) - before);
            expect_unannounced(bed);
            (void)check(bed, &repair);
            expect_clean(bed);
        }
    }
    assert_int_equal(failed[0], 2); /* the write, and its sync */
    assert_int_equal(failed[1], 0);
    expect_three(bed);
}

BED_MAIN(LOG_TEST(text_over_a_header_is_told_and_it_is_written_anew),
         LOG_TEST(so_is_one_of_which_a_byte_is_wrong),
         LOG_TEST(whatever_stands_there_it_is_written_anew),
         LOG_TEST(each_segment_in_use_is_looked_at),
         LOG_TEST(where_the_index_is_wrong_the_header_stays),
         LOG_TEST(a_segment_whose_name_is_gone_is_told),
         LOG_TEST(segments_that_are_taken_again_are_no_faults),
         LOG_TEST(where_nothing_is_committed_no_header_is_missed),
         LOG_FAULTY_TEST(what_was_read_of_a_turn_that_is_over_says_nothing),
         LOG_FAULTY_TEST(who_writes_a_header_has_announced_its_segment),
         LOG_TEST(a_segment_that_was_set_aside_is_told_once),
         LOG_TEST(what_a_restart_cannot_read_is_told_and_kept),
         LOG_FAULTY_TEST(a_mend_that_fails_leaves_the_next_one_all))
