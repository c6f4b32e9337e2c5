/* SPDX-License-Identifier: MIT */
/*
 * test_log_format.c - a log of format 1 becomes one of format 2, whatever fails
 *
 * It is made from one of today: the words are written as they were then, and
 * the text says so. Then each operation of the open that converts it fails, one
 * after the other, which leaves on the disk what a kill at that place does; and
 * somebody opens again.
 */
#include "kernel/faulty_bed.h"

#include <xxhash.h>

#include "spool/log/bytes.h"
#include "spool/log/log_text.h"
#include "spool/log/tombs_file.h"

enum { ITEMS = 40, RECORDS = 16384, OLD_WORDS = 512 };

/* ---- format 1 ---- */

static uint8_t *read_words(const struct bed *bed, size_t *ret_len)
{
    int fd = open(bed_at(bed, ".log/" PIRN__TOMBS_FILE), O_RDONLY);
    off_t len = lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc((size_t)len);

    assert_int_equal(pread(fd, bytes, (size_t)len, 0), len);
    close(fd);
    *ret_len = (size_t)len;
    return bytes;
}

/* A segment's words, as they were then. */
static void put_old(const uint8_t *words, uint8_t *old)
{
    for (uint32_t record = 0; record < RECORDS; record++) {
        uint64_t word = pirn__get64(words + record / 25 * 8);
        uint8_t *at = old + record / 32 * 8;
        uint64_t bits = pirn__get64(at) & UINT32_MAX;
        bits |= (word >> record % 25 & 1) << record % 32;
        pirn__put64(at, word >> 32 << 32 | bits);
    }
}

static void put_old_cut(const uint8_t *bound, uint8_t *old)
{
    uint64_t word = pirn__get64(bound);
    bool is_cut = (word & 0x10000) != 0;

    pirn__put64(old, word >> 32 << 32 | (is_cut ? (word & 0xffff) + 1 : 0));
}

static void write_old_words(const struct bed *bed)
{
    const struct pirn__tombs tombs = {
        .segment_count = LOG_SEGMENTS,
        .segment_words = PIRN__TOMB_SEGMENT_WORDS,
    };
    size_t len;
    uint8_t *words = read_words(bed, &len);
    size_t bounds = pirn__tomb_bound_page(&tombs, 0) * 4096ul;
    size_t old_len = (LOG_SEGMENTS + 1) * 4096ul;
    uint8_t *old = calloc(1, old_len);

    for (uint32_t i = 0; i < LOG_SEGMENTS; i++) {
        put_old(words + (size_t)i * PIRN__TOMB_SEGMENT_WORDS * 8,
                old + i * 4096ul);
        put_old_cut(words + bounds + i * 8ul,
                    old + LOG_SEGMENTS * 4096ul + i * 8ul);
    }
    bed_write(bed_at(bed, ".log/" PIRN__TOMBS_FILE_FORMAT_1), old, old_len);
    free(words);
    free(old);
}

static void write_format(const struct bed *bed, char format)
{
    char text[4096] = {0};
    const char *path = bed_at(bed, ".log/log");
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, text, sizeof(text));

    close(fd);
    assert_true(len > 30);
    text[strlen("pirn-log ")] = format;
    size_t end = (size_t)len - strlen("end 0123456789abcdef\n");
    snprintf(text + end, sizeof(text) - end, "end %016jx\n",
             (uintmax_t)XXH3_64bits(text, end));
    bed_write(path, text, (size_t)len);
}

static char read_format(const struct bed *bed)
{
    char text[16] = {0};

    log_peek(bed_at(bed, ".log/log"), text, sizeof(text));
    return text[strlen("pirn-log ")];
}

static bool is_there(const struct bed *bed, const char *name)
{
    return access(bed_at(bed, name), F_OK) == 0;
}

static void make_old(struct bed *bed)
{
    log_shut_down(bed);
    write_old_words(bed);
    write_format(bed, '1');
    assert_int_equal(unlink(bed_at(bed, ".log/" PIRN__TOMBS_FILE)), 0);
}

/* Every third one is removed, durably. */
static void put_some(struct bed *bed)
{
    struct pirn_claim claim = {0};

    for (uint32_t i = 0; i < ITEMS; i++) {
        struct pirn_id id = log_put(bed, "a body");
        if (i % 3 == 0) {
            assert_int_equal(log_claim_id(bed, &claim, &id), 1);
            assert_int_equal(log_remove_durable(bed, &claim), 0);
        }
    }
}

static void expect_new(struct bed *bed)
{
    assert_int_equal(read_format(bed), '2');
    assert_false(is_there(bed, ".log/" PIRN__TOMBS_FILE_FORMAT_1));
    assert_int_equal(bed_status(bed).ready, ITEMS - (ITEMS + 2) / 3);
}

/* ---- the tests ---- */

static void a_log_of_format_1_is_one_of_format_2_when_it_was_opened(
    void **state)
{
    struct bed *bed = *state;

    put_some(bed);
    make_old(bed);
    assert_int_equal(bed_open(bed, false), 0);
    expect_new(bed);
    log_power_cut_and_open(bed);
    expect_new(bed);
}

static void whatever_of_that_fails_it_is_one_or_the_other(void **state)
{
    static const enum engine_opcode opcodes[] = {ENGINE_WRITE, ENGINE_FSYNC,
                                                 ENGINE_RENAME, ENGINE_READ};
    struct bed *bed = *state;
    char kept[160];
    uint32_t failed = 0;

    put_some(bed);
    make_old(bed);
    snprintf(kept, sizeof(kept), "%s.kept", bed->path);
    bed_copy(bed->path, kept);
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
        bool met = true;
        for (uint32_t place = 1; met; place++) {
            faulty_plan(opcodes[i], place, 1, -EIO);
            int32_t r = bed_open(bed, false);
            met = faulty_outcome()->failed > 0;
            bed_heal();
            failed += r < 0;
            if (r < 0) {
                bool is_old = read_format(bed) == '1';
                assert_true(
                    is_there(bed, is_old ? ".log/tombs" : ".log/tombstones"));
                assert_int_equal(bed_open(bed, false), 0);
            }
            expect_new(bed);
            log_shut_down(bed);
            bed_rmtree(bed->path);
            bed_copy(kept, bed->path);
        }
    }
    bed_rmtree(kept);
    assert_true(failed > 20);
    assert_int_equal(bed_open(bed, false), 0);
    expect_new(bed);
}

/* A copy of an older text, say: the index has words that it cannot have. */
static void a_text_that_is_older_than_the_index_is_refused(void **state)
{
    struct bed *bed = *state;

    put_some(bed);
    bed_close(bed);
    write_old_words(bed);
    write_format(bed, '1');
    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
    write_format(bed, '2');
    assert_int_equal(unlink(bed_at(bed, ".log/tombs")), 0);
    assert_int_equal(bed_open(bed, false), 0);
    expect_new(bed);
}

BED_MAIN(
    LOG_FAULTY_TEST(a_log_of_format_1_is_one_of_format_2_when_it_was_opened),
    LOG_FAULTY_TEST(whatever_of_that_fails_it_is_one_or_the_other),
    LOG_FAULTY_TEST(a_text_that_is_older_than_the_index_is_refused))
