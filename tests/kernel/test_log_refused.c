/* SPDX-License-Identifier: MIT */
/*
 * test_log_refused.c - the log's texts, tombstones and index are not what they
 * were when the spool is opened
 */
#include "kernel/test_log.h"

#include "spool/log/log_text.h"
#include "spool/text.h"

static void put_two(struct bed *bed)
{
    (void)log_put(bed, "one");
    (void)log_put(bed, "two");
    log_shut_down(bed);
}

static void expect_two(struct bed *bed)
{
    log_expect_next(bed, "incoming", "one");
    log_expect_next(bed, "incoming", "two");
    log_expect_none(bed, "incoming");
}

/* ---- .log/log ---- */

static void a_log_without_its_text_is_refused(void **state)
{
    struct bed *bed = *state;
    char aside[512];

    put_two(bed);
    snprintf(aside, sizeof(aside), "%s", bed_at(bed, "aside"));
    assert_int_equal(rename(bed_at(bed, ".log/log"), aside), 0);
    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
    assert_int_equal(bed_open(bed, true), -EMEDIUMTYPE);
    assert_int_equal(rename(aside, bed_at(bed, ".log/log")), 0);
    assert_int_equal(bed_open(bed, false), 0);
    expect_two(bed);
}

static void a_log_whose_text_is_damaged_is_refused(void **state)
{
    struct bed *bed = *state;
    struct stat stat_of;

    put_two(bed);
    const char *path = bed_at(bed, ".log/log");
    assert_int_equal(stat(path, &stat_of), 0);
    for (off_t at = 0; at < stat_of.st_size; at++) {
        log_flip(path, at);
        int r = bed_open(bed, false);
        assert_true(r == -EMEDIUMTYPE || r == -EPROTO);
        log_flip(path, at);
    }
    assert_int_equal(truncate(path, stat_of.st_size - 1), 0);
    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
}

/* The same text under another version, with the sum that it has then. */
static void write_version(const char *path, const char *from, const char *to)
{
    char text[4096] = {0};
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, text, sizeof(text) - 1);

    close(fd);
    assert_true(len > 0);
    char *end = strstr(text, "end ");
    memcpy(strstr(text, from), to, strlen(to));
    struct pirn__text_out out = {end, text + sizeof(text)};
    pirn__text_put_end(&out, text);
    bed_write(path, text, (size_t)(out.at - text));
}

static void a_log_of_a_newer_format_is_refused(void **state)
{
    struct bed *bed = *state;

    put_two(bed);
    write_version(bed_at(bed, ".log/log"), "pirn-log 2", "pirn-log 3");
    assert_int_equal(bed_open(bed, false), -EPROTO);
    write_version(bed_at(bed, ".log/log"), "pirn-log 3", "pirn-log 2");
    write_version(bed_at(bed, ".log/index"), "pirn-index 1", "pirn-index 2");
    assert_int_equal(bed_open(bed, false), -EPROTO);
    write_version(bed_at(bed, ".log/index"), "pirn-index 2", "pirn-index 1");
    write_version(bed_at(bed, ".log/queues/0000"), "pirn-queue 1",
                  "pirn-queue 2");
    assert_int_equal(bed_open(bed, false), -EPROTO);
    write_version(bed_at(bed, ".log/queues/0000"), "pirn-queue 2",
                  "pirn-queue 1");
    assert_int_equal(bed_open(bed, false), 0);
    expect_two(bed);
}

static void a_queue_whose_text_is_damaged_is_refused(void **state)
{
    struct bed *bed = *state;

    put_two(bed);
    log_flip(bed_at(bed, ".log/queues/0000"), 20);
    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
    log_flip(bed_at(bed, ".log/queues/0000"), 20);
    assert_int_equal(bed_open(bed, false), 0);
    expect_two(bed);
}

/* ---- tombstones ---- */

/* Without them nothing is dead; what lives is not touched. */
static void tombstones_that_are_cut_short_bury_nothing(void **state)
{
    static const off_t lens[] = {0, 100, 4096, 70000};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char kept[160];

    (void)log_put(bed, "dead");
    struct pirn_id id = log_put(bed, "one");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_shut_down(bed);
    snprintf(kept, sizeof(kept), "%s.kept", bed->path);
    bed_copy(bed->path, kept);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(truncate(bed_at(bed, ".log/tombstones"), lens[i]), 0);
        assert_int_equal(bed_open(bed, false), 0);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        log_expect_body(bed, &claim, "one");
        assert_int_equal(bed_remove(bed, &claim), 0);
        log_shut_down(bed);
        bed_rmtree(bed->path);
        bed_copy(kept, bed->path);
    }
    bed_rmtree(kept);
}

static void a_log_without_tombstones_is_refused(void **state)
{
    struct bed *bed = *state;

    put_two(bed);
    assert_int_equal(unlink(bed_at(bed, ".log/tombstones")), 0);
    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
}

/* ---- the index ---- */

static struct pirn__index_text read_text(const struct bed *bed)
{
    struct pirn__index_text text;
    char buf[4096];
    int fd = open(bed_at(bed, ".log/index"), O_RDONLY);
    ssize_t len = read(fd, buf, sizeof(buf));

    close(fd);
    assert_int_equal(pirn__index_text_decode(buf, (size_t)len, &text), 0);
    return text;
}

static void write_text(const struct bed *bed,
                       const struct pirn__index_text *text)
{
    char buf[PIRN__LOG_TEXT_MAX];
    size_t len = pirn__index_text_encode(text, buf);

    bed_write(bed_at(bed, ".log/index"), buf, len);
}

static void an_index_that_cannot_be_had_is_made_anew_by_who_is_alone(
    void **state)
{
    struct bed *bed = *state;

    for (int way = 0; way < 5; way++) {
        put_two(bed);
        struct pirn__index_text text = read_text(bed);
        text.boot[0] ^= way == 1 ? 1 : 0;
        if (way == 2 || way == 3) {
            strcpy(text.path, way == 2 ? "/nowhere/index" : bed->path);
        }
        write_text(bed, &text);
        if (way == 0) {
            log_flip(bed_at(bed, ".log/index"), 30);
        } else if (way == 4) {
            bed_write(text.path, "short", 5);
        }
        assert_int_equal(bed_open(bed, false), 0);
        expect_two(bed);
    }
}

static void an_index_that_cannot_be_had_keeps_a_second_one_out(void **state)
{
    struct bed *bed = *state;
    struct bed other = *bed;
    struct pirn__index_text text = read_text(bed);
    struct pirn__index_text away = text;

    assert_int_equal(pirn_context_create(NULL, &other.context), 0);
    strcpy(away.path, "/nowhere/index");
    write_text(bed, &away);
    assert_int_equal(bed_open(&other, false), -EXDEV);
    away = text;
    away.nonce ^= 2;
    write_text(bed, &away);
    assert_int_equal(bed_open(&other, false), -EXDEV);
    write_text(bed, &text);
    assert_int_equal(bed_open(&other, false), 0);
    (void)log_put(bed, "one");
    log_expect_next(&other, "incoming", "one");
    bed_leave(&other);
}

static void a_directory_for_the_index_that_is_not_there_is_told(void **state)
{
    struct bed *bed = *state;
    const char *usual = bed->index_dir;

    put_two(bed);
    bed->index_dir = "/nowhere";
    assert_int_equal(bed_open(bed, false), -ENOENT);
    bed->index_dir = usual;
    assert_int_equal(bed_open(bed, false), 0);
    expect_two(bed);
}

/* Its text is the first one's, and names the first one's index. */
static void a_copied_spool_has_an_index_of_its_own(void **state)
{
    struct bed *bed = *state;
    struct bed *copy = NULL;

    (void)log_put(bed, "one");
    (void)log_put(bed, "two");
    assert_int_equal(log_setup_closed((void **)&copy), 0);
    bed_rmtree(copy->path);
    bed_copy(bed->path, copy->path);
    copy->index_dir = bed->index_dir;
    assert_int_equal(bed_open(copy, false), 0);
    expect_two(copy);
    (void)log_put(copy, "three");
    expect_two(bed);
    log_expect_next(copy, "incoming", "three");
    log_destroy(copy);
    struct bed other;
    bed_join(bed, &other);
    bed_leave(&other);
}

BED_MAIN(LOG_TEST(a_log_without_its_text_is_refused),
         LOG_TEST(a_log_whose_text_is_damaged_is_refused),
         LOG_TEST(a_log_of_a_newer_format_is_refused),
         LOG_TEST(a_queue_whose_text_is_damaged_is_refused),
         LOG_TEST(tombstones_that_are_cut_short_bury_nothing),
         LOG_TEST(a_log_without_tombstones_is_refused),
         LOG_TEST(an_index_that_cannot_be_had_is_made_anew_by_who_is_alone),
         LOG_TEST(an_index_that_cannot_be_had_keeps_a_second_one_out),
         LOG_TEST(a_directory_for_the_index_that_is_not_there_is_told),
         LOG_TEST(a_copied_spool_has_an_index_of_its_own))
