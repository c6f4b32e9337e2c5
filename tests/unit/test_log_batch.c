/* SPDX-License-Identifier: MIT */
/*
 * test_log_batch.c - a segment is read as far as it was written, and no further
 *
 * Method: batches are written into memory that stands for a segment, as a turn
 * of it would; then they are cut off, damaged, replaced by those of another
 * turn or place, and forged, and the cursor must say "the end" there and
 * nothing else. What lies behind the cut is another turn's, not zeros.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "spool/log/batch.h"
#include "spool/log/bytes.h"

enum {
    SEGMENT = 1u << 21,
    CAP = PIRN__BATCH_ROOM + (1u << 20) + 600 * 1024,
    AT = 64, /* bytes of a unit */
};

/* A segment in memory, and who writes it. */
struct turn {
    uint8_t *bytes; /* SEGMENT of them */
    uint8_t *buf;   /* CAP */
    struct pirn__segment_head head;
    struct pirn__batch batch;
};

static void turn_begin(struct turn *turn, uint32_t generation, uint64_t salt)
{
    turn->head = (struct pirn__segment_head){
        .segment = 5,
        .generation = generation,
        .salt = salt,
        .segment_bytes = SEGMENT,
        .spool = "0123456789abcde",
    };
    turn->batch = (struct pirn__batch){
        .buf = turn->buf,
        .cap = CAP,
        .at = PIRN__BATCH_UNIT / AT,
        .segment = 5,
        .generation = generation,
        .segment_bytes = SEGMENT,
        .salt = salt,
        .sequence = 1,
    };
    pirn__segment_head_encode(&turn->head, turn->bytes);
    pirn__batch_begin(&turn->batch);
}

static int turn_setup(void **state)
{
    struct turn *turn = calloc(1, sizeof(*turn));

    turn->bytes = calloc(1, SEGMENT);
    turn->buf = malloc(CAP);
    memset(turn->buf, 0xee, CAP);
    turn_begin(turn, 3, 0x5a17);
    *state = turn;
    return 0;
}

static int turn_teardown(void **state)
{
    struct turn *turn = *state;

    free(turn->bytes);
    free(turn->buf);
    free(turn);
    return 0;
}

static uint16_t put_body(struct turn *turn, uint32_t fields_bytes,
                         const uint8_t *body, uint32_t body_bytes)
{
    static char fields[PIRN_FIELDS_MAX];
    struct pirn__part part = {
        .head =
            {
                .version = 1,
                .kind = PIRN__RECORD_PUT,
                .body_bytes = body_bytes,
            },
        .digest = XXH3_64bits(body, body_bytes),
        .fields = fields,
        .fields_bytes = fields_bytes,
    };
    int with = body_bytes > 0 ? body[0] : 0;

    memset(part.head.id.bytes, with, sizeof(part.head.id.bytes));
    return pirn__batch_add(&turn->batch, &part, body);
}

/* A PUT whose body is filled with a byte. */
static uint16_t put(struct turn *turn, uint32_t fields_bytes,
                    uint32_t body_bytes, uint8_t with)
{
    uint8_t *body = malloc(body_bytes + 1);

    memset(body, with, body_bytes + 1);
    uint16_t record = put_body(turn, fields_bytes, body, body_bytes);
    free(body);
    return record;
}

static uint16_t meta(struct turn *turn, struct pirn__place body)
{
    struct pirn__part part = {
        .head =
            {
                .version = 2,
                .kind = PIRN__RECORD_META,
                .body_bytes = 300,
                .body = body,
            },
    };

    return pirn__batch_add(&turn->batch, &part, NULL);
}

/* Ends the batch, writes it and begins the next; returns its bytes. */
static uint32_t flush(struct turn *turn)
{
    struct pirn__batch *batch = &turn->batch;
    uint32_t bytes = pirn__batch_end(batch, 1000 + batch->sequence);

    memcpy(turn->bytes + batch->at * AT, batch->buf + batch->start, bytes);
    batch->at += bytes / AT;
    batch->sequence++;
    batch->first_record += batch->count;
    pirn__batch_begin(batch);
    return bytes;
}

/* Of the records that a cursor came by, how many are whole. */
struct seen {
    int end; /* what the cursor said at last */
    unsigned batches;
    unsigned records;
    unsigned whole;
};

static bool body_is_whole(const uint8_t *bytes, size_t len, uint64_t at,
                          const struct pirn__part *part)
{
    return at + part->head.body_bytes <= len &&
           XXH3_64bits(bytes + at, part->head.body_bytes) == part->digest;
}

/* Judges the records of one batch by their own sums. */
static void look_at_records(const uint8_t *bytes, size_t len,
                            const uint8_t *heads, uint32_t count, uint64_t salt,
                            struct seen *seen)
{
    for (uint32_t i = 0; i < count; i++) {
        struct pirn__head head;
        struct pirn__part part;
        assert_int_equal(pirn__head_decode(heads + i * 64, &head), 0);
        uint64_t at = (uint64_t)head.part_at * AT;
        seen->records++;
        if (at < len &&
            pirn__part_decode(bytes + at, len - at, salt, &part) == 0 &&
            memcmp(pirn__part_head(bytes + at), heads + i * 64, 64) == 0 &&
            (head.kind == PIRN__RECORD_META ||
             body_is_whole(bytes, len, at + head.part_bytes, &part))) {
            seen->whole++;
        }
    }
}

/* @len bytes of a segment, read as a restart would. */
static struct seen look(const struct pirn__segment_head *segment,
                        const uint8_t *bytes, size_t len)
{
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head head;
    struct seen seen = {0};

    pirn__batch_cursor_init(&cursor, segment);
    for (;;) {
        size_t at = (size_t)cursor.at * AT;
        size_t rest = at < len ? len - at : 0;
        seen.end = pirn__batch_cursor_next(&cursor, bytes + at, rest, &head);
        if (seen.end != 1) {
            return seen;
        }
        seen.batches++;
        look_at_records(bytes, len, bytes + at + PIRN__BATCH_HEAD_BYTES,
                        head.count, segment->salt, &seen);
    }
}

static void expect(const struct turn *turn, unsigned batches, unsigned whole)
{
    struct seen seen = look(&turn->head, turn->bytes, SEGMENT);

    assert_int_equal(seen.end, 0);
    assert_int_equal(seen.batches, batches);
    assert_int_equal(seen.whole, whole);
}

static const char golden_segment[] = "7069726e73656731"
                                     "05000000"
                                     "03000000"
                                     "175a000000000000"
                                     "0000200000000000"
                                     "30313233343536373839616263646500"
                                     "5cae13aa4b9dd812" /* sum */
                                     "0000000000000000";

static const char golden_batch[] = "7069726e62617431"
                                   "979a1a4f6a6011d8" /* sum */
                                   "05000000"
                                   "03000000"
                                   "01000000"
                                   "00000000"
                                   "00100000"
                                   "00000000"
                                   "0100000000000000"
                                   "e903000000000000"
                                   "0000000000000000";

static void assert_hex(const uint8_t *bytes, const char *hex)
{
    char text[200];

    assert_true(strlen(hex) < sizeof(text));
    for (size_t i = 0; i < strlen(hex) / 2; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    assert_string_equal(text, hex);
}

static void format_is_fixed(void **state)
{
    struct turn *turn = *state;

    assert_hex(turn->bytes, golden_segment);
    put(turn, 0, 100, 'a');
    assert_int_equal(flush(turn), 4096);
    assert_hex(turn->bytes + 4096, golden_batch);
}

static void batch_is_no_longer_than_it_must(void **state)
{
    struct turn *turn = *state;

    put(turn, 200, 4096, 'a');
    assert_int_equal(flush(turn), 8192);
    for (unsigned i = 0; i < 256; i++) {
        put(turn, 200, 4096, (uint8_t)i);
    }
    uint32_t bytes = flush(turn);
    assert_true(bytes >= 256 * (4096 + 320 + 64) + 64);
    assert_true(bytes < 256 * (4096 + 320 + 64) + 64 + 4096);
    expect(turn, 2, 257);
}

static void batch_has_zeros_behind_its_end(void **state)
{
    struct turn *turn = *state;

    put(turn, 1, 1, 'a');
    uint32_t bytes = pirn__batch_end(&turn->batch, 1);
    const uint8_t *buf = turn->batch.buf + turn->batch.start;
    uint32_t end = 64 + 64 + 128 + 1;
    for (uint32_t i = end; i < bytes; i++) {
        assert_int_equal(buf[i], 0);
    }
    assert_int_equal(buf[bytes], 0xee); /* nothing behind it was touched */
}

static void read_head(const struct turn *turn, uint32_t i,
                      struct pirn__head *ret_head)
{
    const uint8_t *heads =
        turn->batch.buf + turn->batch.start + PIRN__BATCH_HEAD_BYTES;

    assert_int_equal(pirn__head_decode(heads + i * PIRN__HEAD_BYTES, ret_head),
                     0);
}

static void places_are_known_at_the_end(void **state)
{
    struct turn *turn = *state;
    struct pirn__place body = {.segment = 99, .at = 7, .record = 3};
    struct pirn__head head;

    put(turn, 0, 1, 'a');
    flush(turn);
    assert_int_equal(put(turn, 40, 300, 'b'), 1);
    assert_int_equal(meta(turn, body), 2);
    pirn__batch_end(&turn->batch, 1);

    read_head(turn, 0, &head);
    assert_int_equal(head.part_at, 8192 / 64 + 3);
    assert_int_equal(head.body.segment, 5);
    assert_int_equal(head.body.at, head.part_at + 192 / 64);
    assert_int_equal(head.body.record, 1);
    read_head(turn, 1, &head);
    assert_int_equal(head.part_at, 8192 / 64 + 3 + 192 / 64 + 320 / 64);
    assert_int_equal(head.body.segment, 99);
    assert_int_equal(head.body.at, 7);
    assert_int_equal(head.body.record, 3);
}

/* What was there is a turn with longer batches, whose header is overwritten. */
static void fill_with_older_turn(struct turn *turn)
{
    turn_begin(turn, 2, 0x01d);
    for (unsigned i = 0; i < 16; i++) {
        put(turn, 100, 6000, (uint8_t)i);
        if (i % 3 == 2) {
            flush(turn);
        }
    }
    flush(turn);
    turn_begin(turn, 3, 0x5a17);
}

static void write_small_batches(struct turn *turn)
{
    put(turn, 20, 100, 'a');
    flush(turn);
    put(turn, 0, 0, 'b');
    put(turn, 300, 1000, 'c');
    meta(turn, (struct pirn__place){.segment = 5, .at = 66, .record = 0});
    flush(turn);
}

/* Every cut of the second batch; behind it stands what was there before. */
static void every_prefix_is_the_end_or_whole_records(void **state)
{
    struct turn *turn = *state;
    uint8_t *old = malloc(SEGMENT);
    uint8_t *cut = malloc(SEGMENT);
    uint32_t front = 64 + 3 * 64;
    unsigned most = 0;

    fill_with_older_turn(turn);
    memcpy(old, turn->bytes, SEGMENT);
    write_small_batches(turn);
    memcpy(cut, old, SEGMENT);
    memcpy(cut, turn->bytes, 8192);
    for (uint32_t len = 8192; len <= 12288; len++) {
        struct seen seen = look(&turn->head, cut, SEGMENT);
        assert_int_equal(seen.end, 0);
        bool is_front = memcmp(cut + 8192, turn->bytes + 8192, front) == 0;
        assert_int_equal(seen.batches, is_front ? 2 : 1);
        assert_true(seen.whole >= most); /* more bytes, no fewer records */
        most = seen.whole;
        bool ends_behind = len >= 8192 + front;
        assert_int_equal(look(&turn->head, cut, len).batches, 1 + ends_behind);
        if (len < 12288) {
            cut[len] = turn->bytes[len];
        }
    }
    assert_int_equal(most, 4);
    free(old);
    free(cut);
}

static void every_512_bytes_of_a_large_batch(void **state)
{
    struct turn *turn = *state;
    uint8_t *cut = malloc(SEGMENT);
    unsigned most = 0;

    fill_with_older_turn(turn);
    memcpy(cut, turn->bytes, SEGMENT);
    for (unsigned i = 0; i < 200; i++) {
        put(turn, 200, 2000 + i, (uint8_t)i);
    }
    uint32_t bytes = flush(turn);
    for (uint32_t at = 4096; at < 4096 + bytes; at += 512) {
        struct seen seen = look(&turn->head, cut, SEGMENT);
        assert_int_equal(seen.end, 0);
        assert_in_range(seen.whole, most, most + 1);
        most = seen.whole;
        memcpy(cut + at, turn->bytes + at, 512);
    }
    expect(turn, 1, 200);
    free(cut);
}

/* The second of three batches: what stands before it is not its affair, and
 * behind a damaged front nothing is read. */
static void every_flipped_bit_is_found_or_harmless(void **state)
{
    struct turn *turn = *state;
    uint32_t front = 64 + 3 * 64;

    write_small_batches(turn);
    put(turn, 0, 10, 'd');
    flush(turn);
    for (uint32_t bit = 0; bit < 4096 * 8; bit++) {
        uint8_t *at = turn->bytes + 8192 + bit / 8;
        *at ^= (uint8_t)(1 << bit % 8);
        struct seen seen = look(&turn->head, turn->bytes, SEGMENT);
        assert_int_equal(seen.end, 0);
        if (bit / 8 < front) {
            assert_int_equal(seen.batches, 1);
            assert_int_equal(seen.whole, 1);
        } else {
            assert_int_equal(seen.batches, 3);
            assert_in_range(seen.whole, 4, 5);
        }
        *at ^= (uint8_t)(1 << bit % 8);
    }
    expect(turn, 3, 5);
}

static void every_flipped_bit_of_a_segments_header_is_found(void **state)
{
    struct turn *turn = *state;
    struct pirn__segment_head head;

    assert_int_equal(pirn__segment_head_decode(turn->bytes, &head), 0);
    assert_memory_equal(&head, &turn->head, sizeof(head));
    for (unsigned bit = 0; bit < 56 * 8; bit++) {
        turn->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pirn__segment_head_decode(turn->bytes, &head),
                         -EBADMSG);
        turn->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    memset(turn->bytes, 0, 4096);
    assert_int_equal(pirn__segment_head_decode(turn->bytes, &head), -EBADMSG);
}

static void newer_format_of_a_segment_is_told(void **state)
{
    struct turn *turn = *state;
    struct pirn__segment_head head;

    turn->bytes[7] = '2';
    pirn__put64(turn->bytes + 48, XXH3_64bits(turn->bytes, 48));
    assert_int_equal(pirn__segment_head_decode(turn->bytes, &head), -EPROTO);
}

/* A whole batch that knows all but the salt, where the next one would be. */
static void forged_batch_is_the_end(void **state)
{
    struct turn *turn = *state;

    put(turn, 0, 10, 'a');
    flush(turn);
    turn->batch.salt = 0; /* what the client guesses */
    put(turn, 0, 10, 'b');
    flush(turn);
    expect(turn, 1, 1);
}

/* The body of a mail is a batch, on a 4 KiB boundary of the segment. */
static void batch_in_a_body_is_never_read(void **state)
{
    struct turn *turn = *state;
    struct turn forger = *turn;
    uint8_t body[8192 - 64 - 64 - 128 + 4096] = {0};

    forger.buf = malloc(CAP);
    forger.bytes = calloc(1, SEGMENT);
    turn_begin(&forger, 3, 0);
    forger.batch.sequence = 2;
    forger.batch.first_record = 1;
    put(&forger, 0, 10, 'f');
    flush(&forger);
    /* It stands at 8192 of the segment, 4096 behind its batch's begin. */
    memcpy(body + 4096 - 64 - 64 - 128, forger.bytes + 4096, 4096);
    struct pirn__part part = {
        .head = {.version = 1,
                 .kind = PIRN__RECORD_PUT,
                 .body_bytes = sizeof(body)},
        .digest = XXH3_64bits(body, sizeof(body)),
    };
    pirn__batch_add(&turn->batch, &part, body);
    flush(turn);
    assert_memory_equal(turn->bytes + 8192, "pirnbat1", 8);
    expect(turn, 1, 1);
    /* Nor where the batch's own front is lost. */
    turn->bytes[4096] = 0;
    expect(turn, 0, 0);
    /* Nor is the record in it taken for one. */
    assert_int_equal(
        pirn__part_decode(turn->bytes + 8192 + 128, 4096 - 128, 0x5a17, &part),
        -EBADMSG);
    free(forger.buf);
    free(forger.bytes);
}

/* One field of a batch's header is another's, and all sums are right. */
static void batch_of_elsewhere_is_the_end(void **state)
{
    struct turn *turn = *state;
    const struct pirn__batch usual = turn->batch;

    for (unsigned wrong = 0; wrong < 4; wrong++) {
        turn->batch = usual;
        pirn__batch_begin(&turn->batch);
        put(turn, 0, 10, 'a');
        flush(turn);
        turn->batch.segment += wrong == 0;
        turn->batch.generation -= wrong == 1;
        turn->batch.sequence += wrong == 2;
        turn->batch.first_record += wrong == 3;
        put(turn, 0, 10, 'b');
        flush(turn);
        expect(turn, 1, 1);
    }
}

static void stale_turn_is_the_end(void **state)
{
    struct turn *turn = *state;

    fill_with_older_turn(turn);
    expect(turn, 0, 0); /* only the header is new */
    put(turn, 0, 10, 'a');
    flush(turn);
    expect(turn, 1, 1);
}

static void same_batch_twice_is_read_once(void **state)
{
    struct turn *turn = *state;

    put(turn, 0, 10, 'a');
    flush(turn);
    memcpy(turn->bytes + 8192, turn->bytes + 4096, 4096);
    expect(turn, 1, 1);
}

/* Summed up by one who has the salt: a head that leads out of its batch. */
static void record_outside_its_batch_is_damage(void **state)
{
    static const struct {
        unsigned at;
        uint32_t add;
    } wrongs[] = {{40, 1u << 20}, {40, 64}, {52, 1}, {60, 1}, {62, 1}};
    struct turn *turn = *state;

    for (unsigned i = 0; i < 5; i++) {
        turn_begin(turn, 3, 0x5a17);
        put(turn, 0, 10, 'a');
        flush(turn);
        uint8_t *batch = turn->bytes + 4096;
        uint8_t *at = batch + 64 + wrongs[i].at;
        pirn__put16(at, (uint16_t)(pirn__get16(at) + wrongs[i].add));
        pirn__put16(at + 2, (uint16_t)(wrongs[i].add >> 16));
        pirn__put64(batch + 8, XXH3_64bits_withSeed(batch + 16, 112, 0x5a17));
        struct seen seen = look(&turn->head, turn->bytes, SEGMENT);
        /* A body 64 bytes longer would still be inside. */
        assert_int_equal(seen.end, i == 1 ? 0 : -EBADMSG);
        assert_int_equal(seen.whole, 0);
    }
}

/* Its sums are right, for its writer had another length in mind. */
static void batch_beyond_its_segment_is_the_end(void **state)
{
    struct turn *turn = *state;

    put(turn, 0, 5000, 'a');
    assert_int_equal(flush(turn), 8192);
    expect(turn, 1, 1);
    turn->head.segment_bytes = 8192;
    expect(turn, 0, 0);
}

static void resum(uint8_t *batch)
{
    pirn__put64(batch + 8, XXH3_64bits_withSeed(batch + 16, 112, 0x5a17));
}

/* Between two records, or behind the last: what we do not write. */
static void gap_in_a_batch_is_damage(void **state)
{
    struct turn *turn = *state;
    uint8_t *batch = turn->bytes + 4096;
    uint8_t *head = batch + 64;

    put(turn, 0, 10, 'a');
    flush(turn);
    pirn__put32(head + 48, pirn__get32(head + 48) + 1);
    pirn__put32(head + 56, pirn__get32(head + 56) + 1);
    resum(batch);
    assert_int_equal(look(&turn->head, turn->bytes, SEGMENT).end, -EBADMSG);

    pirn__put32(head + 48, pirn__get32(head + 48) - 1);
    pirn__put32(head + 56, pirn__get32(head + 56) - 1);
    resum(batch);
    expect(turn, 1, 1);
    pirn__put32(batch + 32, 8192);
    resum(batch);
    assert_int_equal(look(&turn->head, turn->bytes, SEGMENT).end, -EBADMSG);
}

/* Of every field of the front: no value leads the reader out of the segment. */
static void no_front_leads_out_of_the_segment(void **state)
{
    static const uint32_t values[] = {0,       1,          4095,     4096,
                                      4097,    512,        513,      32768,
                                      SEGMENT, UINT32_MAX, 1u << 31, 8192};
    struct turn *turn = *state;

    put(turn, 0, 10, 'a');
    flush(turn);
    uint8_t *batch = turn->bytes + 4096;
    for (unsigned field = 16; field < 64; field += 4) {
        for (unsigned i = 0; i < 12; i++) {
            uint32_t was = pirn__get32(batch + field);
            pirn__put32(batch + field, values[i]);
            resum(batch);
            struct seen seen = look(&turn->head, turn->bytes, SEGMENT);
            assert_in_range(seen.batches, 0, 1);
            assert_in_range(seen.records, 0, 1);
            pirn__put32(batch + field, was);
        }
    }
}

/* Its end would be no place: the body of the last record has none. */
static void last_unit_of_the_longest_segment_stays_empty(void **state)
{
    struct turn *turn = *state;
    struct pirn__batch *batch = &turn->batch;

    batch->segment_bytes = PIRN__SEGMENT_BYTES_MAX;
    batch->at = (PIRN__SEGMENT_BYTES_MAX - 4096) / AT;
    assert_false(pirn__batch_fits(batch, 4096 - 64 - 64 - 96, 0));
    assert_true(pirn__batch_fits(batch, 4096 - 64 - 64 - 96 - 64, 0));
    put(turn, 4096 - 64 - 64 - 96 - 64, 0, 'a');
    assert_int_equal(pirn__batch_end(batch, 1), 4096);
}

static void full_is_told_before(void **state)
{
    struct turn *turn = *state;
    struct pirn__batch *batch = &turn->batch;

    for (unsigned i = 0; i < PIRN__BATCH_RECORDS; i++) {
        assert_true(pirn__batch_fits(batch, 0, 0));
        put(turn, 0, 0, 'a');
    }
    assert_false(pirn__batch_fits(batch, 0, 0)); /* heads */
    flush(turn);
    assert_false(pirn__batch_fits(batch, 0, CAP));
    assert_false(pirn__batch_fits(batch, 0, UINT64_MAX));
    assert_false(pirn__batch_fits(batch, PIRN_FIELDS_MAX + 1, 0));
    batch->first_record = PIRN__SEGMENT_RECORDS_MAX - 1;
    assert_true(pirn__batch_fits(batch, 0, 0));
    put(turn, 0, 0, 'a');
    assert_false(pirn__batch_fits(batch, 0, 0)); /* numbers */
}

/* The same batch twice: copied, and with its long bodies where they are. */
static void pieces_are_the_same_bytes_as_one_buffer(void **state)
{
    static const uint32_t sizes[] = {0,    1,    63,   64,    2047,
                                     2048, 2049, 4096, 10000, PIRN__BATCH_UNIT};
    static uint8_t bodies[2][10][10000];
    static uint8_t gathered[CAP];
    struct iovec pieces[PIRN__BATCH_PIECES];
    struct turn *turn = *state;
    uint32_t bytes = 0;

    for (int i = 0; i < 2; i++) {
        struct pirn__batch *batch = &turn->batch;
        turn_begin(turn, 3, 0x5a17);
        batch->pieces = i == 0 ? pieces : NULL;
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            memset(bodies[i][j], (int)('a' + j), sizes[j]);
            put_body(turn, 100, bodies[i][j], sizes[j]);
            meta(turn, (struct pirn__place){.segment = 3, .at = 7});
        }
        bytes = pirn__batch_end(batch, 17);
        uint32_t len = 0;
        for (uint32_t j = 0; i == 0 && j < batch->piece_count; j++) {
            memcpy(gathered + len, pieces[j].iov_base, pieces[j].iov_len);
            len += (uint32_t)pieces[j].iov_len;
        }
        assert_true(i == 1 || (len == bytes && batch->piece_count == 9));
    }
    assert_memory_equal(gathered, turn->buf + turn->batch.start, bytes);
}

static void a_batch_has_no_more_pieces_than_one_write_takes(void **state)
{
    static uint8_t body[PIRN__BATCH_COPY_MAX + 1];
    struct iovec pieces[PIRN__BATCH_PIECES + 2];
    const struct iovec none = {0};
    struct turn *turn = *state;
    struct pirn__batch *batch = &turn->batch;
    uint32_t count = 0;

    memset(pieces, 0, sizeof(pieces));
    batch->pieces = pieces;
    while (pirn__batch_fits(batch, 0, sizeof(body))) {
        put_body(turn, 0, body, sizeof(body));
        count++;
    }
    assert_int_equal(count, (PIRN__BATCH_PIECES - 1) / 2);
    (void)pirn__batch_end(batch, 1);
    assert_true(batch->piece_count <= PIRN__BATCH_PIECES);
    assert_memory_equal(&pieces[PIRN__BATCH_PIECES], &none, sizeof(none));
}

/* What fits is written inside buffer and segment: to the last byte of both. */
static void what_fits_ends_in_buffer_and_segment(void **state)
{
    struct turn *turn = *state;
    struct pirn__batch *batch = &turn->batch;

    for (uint32_t left = 1; left <= 4; left++) {
        turn_begin(turn, 3, 0x5a17);
        batch->at = (SEGMENT - left * 4096) / AT;
        uint32_t body = left * 4096 - 64 - 64 - 128;
        assert_true(pirn__batch_fits(batch, 32, body));
        assert_false(pirn__batch_fits(batch, 33, body));
        assert_false(pirn__batch_fits(batch, 32, body + 1));
        put(turn, 32, body, 'a');
        assert_int_equal(flush(turn), left * 4096);
    }
    turn_begin(turn, 3, 0x5a17);
    batch->cap = PIRN__BATCH_ROOM - 128 + 8192;
    assert_true(pirn__batch_fits(batch, 32, 8192 - 256));
    assert_false(pirn__batch_fits(batch, 32, 8192 - 255));
}

#define TURN_TEST(fn) \
    cmocka_unit_test_setup_teardown(fn, turn_setup, turn_teardown)

TEST_MAIN(TURN_TEST(format_is_fixed),
          TURN_TEST(batch_is_no_longer_than_it_must),
          TURN_TEST(batch_has_zeros_behind_its_end),
          TURN_TEST(places_are_known_at_the_end),
          TURN_TEST(every_prefix_is_the_end_or_whole_records),
          TURN_TEST(every_512_bytes_of_a_large_batch),
          TURN_TEST(every_flipped_bit_is_found_or_harmless),
          TURN_TEST(every_flipped_bit_of_a_segments_header_is_found),
          TURN_TEST(newer_format_of_a_segment_is_told),
          TURN_TEST(forged_batch_is_the_end),
          TURN_TEST(batch_in_a_body_is_never_read),
          TURN_TEST(batch_of_elsewhere_is_the_end),
          TURN_TEST(stale_turn_is_the_end),
          TURN_TEST(same_batch_twice_is_read_once),
          TURN_TEST(record_outside_its_batch_is_damage),
          TURN_TEST(batch_beyond_its_segment_is_the_end),
          TURN_TEST(gap_in_a_batch_is_damage),
          TURN_TEST(no_front_leads_out_of_the_segment),
          TURN_TEST(last_unit_of_the_longest_segment_stays_empty),
          TURN_TEST(full_is_told_before),
          TURN_TEST(pieces_are_the_same_bytes_as_one_buffer),
          TURN_TEST(a_batch_has_no_more_pieces_than_one_write_takes),
          TURN_TEST(what_fits_ends_in_buffer_and_segment))
