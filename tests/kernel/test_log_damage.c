/* SPDX-License-Identifier: MIT */
/*
 * test_log_damage.c - segments that are not what was written
 *
 * One item, one batch or one segment is spoiled while the spool is closed. The
 * neighbours come out whole, nothing spoiled is handed out, and what cannot be
 * read is kept.
 */
#include "kernel/test_log.h"

#include "spool/log/batch.h"

enum { HEADER = 4096, UNIT = 4096 };

/* Each in a batch of its own: batch i stands at HEADER + i * UNIT. */
static void put_three(struct bed *bed, struct pirn_id ids[3])
{
    ids[0] = log_put(bed, "first body");
    ids[1] = log_put(bed, "second body");
    ids[2] = log_put(bed, "third body");
}

static void expect_held(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};

    assert_int_equal(log_claim_id(bed, &claim, id), -EBADMSG);
    assert_int_equal(bed_look(bed, &view, id), -EBADMSG);
    assert_int_equal(bed_status(bed).held, 1);
}

static void a_damaged_part_is_held_and_its_neighbours_are_handed_out(
    void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    const char *path = log_segment(bed, 0);
    off_t body = log_find(path, "second body", 11);
    log_flip(path, body - 40); /* the part ends where the body begins */
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "first body");
    log_expect_next(bed, "incoming", "third body");
    log_expect_none(bed, "incoming");
    expect_held(bed, &ids[1]);
    log_reopen(bed);
    log_expect_none(bed, "incoming");
    expect_held(bed, &ids[1]);
}

/* Which is not torn: the log was closed. */
static void so_is_one_of_the_last_batch(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    const char *path = log_segment(bed, 0);
    log_flip(path, log_find(path, "third body", 10) - 40);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bed_open(bed, false), 0);
        expect_held(bed, &ids[2]);
        log_shut_down(bed);
    }
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "first body");
    log_expect_next(bed, "incoming", "second body");
    log_expect_none(bed, "incoming");
}

static void a_damaged_body_is_told_by_every_read(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};
    char buf[16];

    put_three(bed, ids);
    log_shut_down(bed);
    const char *path = log_segment(bed, 0);
    log_flip(path, log_find(path, "second body", 11) + 3);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "first body");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, buf, 16, 0), -EBADMSG);
    assert_int_equal(log_read(bed, &claim, buf, 2, 9), -EBADMSG);
    assert_int_equal(bed_look(bed, &view, &ids[1]), 0);
    pirn_prep_view_read(&view, buf, 16, 0);
    assert_int_equal(pirn_wait(bed->context, &view.op), -EBADMSG);
    bed_view_end(bed, &view);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_next(bed, "incoming", "third body");
}

static void a_long_body_that_is_damaged_is_told_at_its_end(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char *body = calloc(1, 100001);
    char name[PIRN_ID_TEXT];
    char path[96];
    struct pirn_id id = bed_put(bed, body, 100000);

    pirn_id_format(&id, name);
    snprintf(path, sizeof(path), ".log/data/%s/%s", name + PIRN_ID_TEXT - 3,
             name);
    log_flip(bed_at(bed, path), 70000);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, body, 50000, 0), 50000);
    assert_int_equal(log_read(bed, &claim, body, 50000, 50000), -EBADMSG);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(truncate(bed_at(bed, path), 60000), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, body, 100000, 0), 60000);
    assert_int_equal(log_read(bed, &claim, body, 100000, 60000), -EBADMSG);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(unlink(bed_at(bed, path)), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, body, 100000, 0), -EBADMSG);
    assert_int_equal(bed_remove(bed, &claim), 0);
    free(body);
}

static void a_segment_with_a_damaged_header_is_set_aside(void **state)
{
    static const off_t places[] = {0, 8, 12, 16, 24, 32, 48, 2000};
    struct bed *bed = *state;
    struct pirn_id ids[3];

    for (int i = 0; i < 7; i++) {
        put_three(bed, ids);
        log_shut_down(bed);
        log_flip(log_segment(bed, 0), places[i]);
        log_flip(log_segment(bed, 0), places[i] + 1);
        assert_int_equal(bed_open(bed, false), 0);
        assert_int_equal(log_count_aside(bed), i + 1);
        log_expect_works(bed);
    }
}

static void a_header_with_one_wrong_bit_is_as_it_was(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    for (off_t place = 0; place < 56; place += 5) {
        struct pirn_claim claims[3] = {0};
        log_shut_down(bed);
        log_flip(log_segment(bed, 0), place);
        assert_int_equal(bed_open(bed, false), 0);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(log_claim_id(bed, &claims[i], &ids[i]), 1);
            assert_int_equal(bed_give_back(bed, &claims[i]), 0);
        }
        log_shut_down(bed);
        log_flip(log_segment(bed, 0), place);
        assert_int_equal(bed_open(bed, false), 0);
    }
    assert_int_equal(log_count_aside(bed), 0);
}

/* Nobody can say what was in it, but that something was. */
static void a_segment_whose_items_are_missed_is_set_aside(void **state)
{
    static const uint8_t zeros[LOG_SEGMENT_BYTES];
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    bed_write(log_segment(bed, 0), zeros, sizeof(zeros));
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 1);
    log_expect_works(bed);
    log_shut_down(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 1);
}

/* One that was made and never written, and one whose records are all dead. */
static void a_blank_segment_that_nothing_lived_in_is_free(void **state)
{
    static const uint8_t zeros[LOG_SEGMENT_BYTES];
    struct bed *bed = *state;
    struct pirn_id ids[3];
    struct pirn_claim claim = {0};

    put_three(bed, ids);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
    log_shut_down(bed);
    bed_write(log_segment(bed, 0), zeros, sizeof(zeros));
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 0);
    log_expect_works(bed);
}

static void a_segment_of_another_spool_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct bed *other = NULL;
    struct pirn_id ids[3];
    char from[512];

    put_three(bed, ids);
    assert_int_equal(log_setup((void **)&other), 0);
    struct pirn_id foreign = log_put(other, "foreign");
    bed_close(other);
    log_shut_down(bed);
    snprintf(from, sizeof(from), "%s", log_segment(other, 0));
    assert_int_equal(unlink(log_segment(bed, 5)), -1); /* was not there */
    bed_copy(from, log_segment(bed, 5));
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 1);
    log_expect_gone(bed, &foreign);
    log_expect_next(bed, "incoming", "first body");
    log_expect_next(bed, "incoming", "second body");
    log_expect_next(bed, "incoming", "third body");
    log_expect_works(bed);
    log_destroy(other);
}

/* Under another number it is not where its items say that they are. */
static void a_segment_under_another_number_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];
    char from[512];

    put_three(bed, ids);
    log_shut_down(bed);
    snprintf(from, sizeof(from), "%s", log_segment(bed, 0));
    bed_copy(from, log_segment(bed, 7));
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 1);
    log_expect_next(bed, "incoming", "first body");
    log_expect_next(bed, "incoming", "second body");
    log_expect_next(bed, "incoming", "third body");
    log_expect_works(bed);
}

static void a_segment_that_is_cut_short_keeps_what_is_before(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    assert_int_equal(truncate(log_segment(bed, 0), HEADER + 2 * UNIT + 100), 0);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "first body");
    log_expect_next(bed, "incoming", "second body");
    log_expect_works(bed);
}

static void a_segment_that_is_being_made_is_made_again(void **state)
{
    static const uint8_t zeros[HEADER];
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    log_shut_down(bed);
    bed_write(log_segment(bed, 5), zeros, 1000);
    bed_write(log_segment(bed, 6), zeros, HEADER);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_count_aside(bed), 0);
    log_expect_next(bed, "incoming", "first body");
    log_expect_next(bed, "incoming", "second body");
    log_expect_next(bed, "incoming", "third body");
    log_expect_works(bed);
}

static void a_body_that_looks_like_a_batch_is_a_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    static uint8_t batch[UNIT];
    static uint8_t body[60 * 1024];
    static uint8_t buf[sizeof(body)];

    (void)log_put(bed, "first body");
    int fd = open(log_segment(bed, 0), O_RDONLY);
    assert_int_equal(pread(fd, batch, UNIT, HEADER), UNIT);
    close(fd);
    for (size_t at = 0; at + UNIT <= sizeof(body); at += UNIT / 4) {
        memcpy(body + at, batch, UNIT);
    }
    (void)bed_put(bed, body, sizeof(body));
    log_power_cut_and_open(bed);
    log_expect_next(bed, "incoming", "first body");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, buf, sizeof(buf), 0),
                     (int32_t)sizeof(buf));
    assert_memory_equal(buf, body, sizeof(body));
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_works(bed);
}

BED_MAIN(LOG_TEST(a_damaged_part_is_held_and_its_neighbours_are_handed_out),
         LOG_TEST(so_is_one_of_the_last_batch),
         LOG_TEST(a_damaged_body_is_told_by_every_read),
         LOG_TEST(a_long_body_that_is_damaged_is_told_at_its_end),
         LOG_TEST(a_segment_with_a_damaged_header_is_set_aside),
         LOG_TEST(a_header_with_one_wrong_bit_is_as_it_was),
         LOG_TEST(a_segment_whose_items_are_missed_is_set_aside),
         LOG_TEST(a_blank_segment_that_nothing_lived_in_is_free),
         LOG_TEST(a_segment_of_another_spool_is_set_aside),
         LOG_TEST(a_segment_under_another_number_is_set_aside),
         LOG_TEST(a_segment_that_is_cut_short_keeps_what_is_before),
         LOG_TEST(a_segment_that_is_being_made_is_made_again),
         LOG_TEST(a_body_that_looks_like_a_batch_is_a_body))
