/* SPDX-License-Identifier: MIT */
/*
 * image.c - see tests/fuzz/image.h
 *
 * Steps that are not possible (a record that does not fit, a batch that is not
 * there) do nothing, so that every input is one.
 */
#include "tests/fuzz/image.h"

#include <xxhash.h>

#include "spool/log/bytes.h"

enum { GENERATION = 3 };

static struct pirn_id id_of(uint32_t i)
{
    struct pirn__log_id parts = {1000, 1, i, i};
    struct pirn_id id;

    pirn__log_id_pack(&parts, &id);
    return id;
}

static void segment_begin(struct image *image, uint32_t segment)
{
    struct pirn__batch *batch = &image->batches[segment];
    struct pirn__segment_head head = {
        .segment = segment,
        .generation = GENERATION + segment,
        .salt = 77 + segment,
        .segment_bytes = IMAGE_SEGMENT,
    };

    *batch = (struct pirn__batch){
        .buf = image->buf[segment],
        .cap = sizeof(image->buf[segment]),
        .at = PIRN__BATCH_UNIT / IMAGE_UNIT,
        .segment = segment,
        .generation = head.generation,
        .segment_bytes = IMAGE_SEGMENT,
        .salt = head.salt,
        .sequence = 1,
    };
    pirn__batch_begin(batch);
    pirn__segment_head_encode(&head, image->bytes[segment]);
    for (uint32_t i = 0; i < IMAGE_WORDS; i++) {
        image->words[segment * IMAGE_WORDS + i] = (uint64_t)head.generation
                                                  << 32;
    }
    image->bounds[segment] = (uint64_t)head.generation << 32;
}

static void image_begin(struct image *image)
{
    memset(image->bytes, 0, sizeof(image->bytes));
    image->tombs = (struct pirn__tombs){
        .words = image->words,
        .bounds = image->bounds,
        .versions = image->versions,
        .synced = image->synced,
        .segment_count = IMAGE_SEGMENTS,
        .segment_words = IMAGE_WORDS,
    };
    image->now = 0;
    for (uint32_t i = 0; i < IMAGE_SEGMENTS; i++) {
        segment_begin(image, i);
    }
}

/* A META's body is said to be with some record of some segment. */
static struct pirn__place place_of(struct fuzz_in *in)
{
    uint32_t segment = fuzz_below(in, IMAGE_SEGMENTS);

    return (struct pirn__place){
        .segment = segment,
        .at = fuzz_below(in, IMAGE_SEGMENT / IMAGE_UNIT),
        .generation = (uint16_t)(GENERATION + segment),
        .record = (uint16_t)fuzz_below(in, 16),
    };
}

static void record_add(struct image *image, uint32_t segment,
                       struct fuzz_in *in)
{
    static const char fields[] = "from\0a@b\0to\0c@d\0to\0e@f";
    struct pirn__batch *batch = &image->batches[segment];
    uint8_t body[256];
    struct pirn__part part = {
        .head =
            {
                .id = id_of(fuzz_below(in, IMAGE_IDS)),
                .version = 1 + fuzz_below(in, 6),
                .kind =
                    fuzz_below(in, 2) ? PIRN__RECORD_META : PIRN__RECORD_PUT,
                .flags = (uint8_t)fuzz_below(in, 4),
                .body_bytes = fuzz_below(in, 256),
                .body = place_of(in),
            },
        .fields = fields,
        .fields_bytes = fuzz_below(in, sizeof(fields)),
    };

    memset(body, (int)fuzz_take(in, 1), sizeof(body));
    part.digest = XXH3_64bits(body, part.head.body_bytes);
    if (pirn__batch_fits(batch, part.fields_bytes,
                         pirn__head_body_room(&part.head))) {
        pirn__batch_add(batch, &part, body);
    }
}

static void batch_write(struct image *image, uint32_t segment)
{
    struct pirn__batch *batch = &image->batches[segment];

    if (batch->count == 0) {
        return;
    }
    uint32_t bytes = pirn__batch_end(batch, ++image->now / 2);
    memcpy(image->bytes[segment] + (size_t)batch->at * IMAGE_UNIT,
           batch->buf + batch->start, bytes);
    batch->at += bytes / IMAGE_UNIT;
    batch->sequence++;
    batch->first_record += batch->count;
    pirn__batch_begin(batch);
}

/* The sums that a batch would have: of parts that are inside, of its heads. */
static void batch_sum(struct image *image, uint32_t segment, uint32_t at)
{
    uint8_t *batch = image->bytes[segment] + at;
    uint64_t salt = image->batches[segment].salt;
    struct pirn__batch_head head;
    int heads = pirn__batch_head_peek(batch, &head);

    if (heads < 0 ||
        PIRN__BATCH_HEAD_BYTES + (uint32_t)heads > IMAGE_SEGMENT - at) {
        return;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        const uint8_t *bytes =
            batch + PIRN__BATCH_HEAD_BYTES + i * PIRN__HEAD_BYTES;
        uint64_t part_bytes = pirn__get32(bytes + 28);
        uint64_t part_at = (uint64_t)pirn__get32(bytes + 48) * IMAGE_UNIT;
        if (part_bytes < PIRN__PART_HEAD_BYTES ||
            part_at < at + PIRN__BATCH_HEAD_BYTES + (uint32_t)heads ||
            part_at + part_bytes > IMAGE_SEGMENT) {
            continue;
        }
        uint8_t *part = image->bytes[segment] + part_at;
        memcpy(part + 8, bytes, PIRN__HEAD_BYTES);
        pirn__put64(part, XXH3_64bits_withSeed(part + 8, part_bytes - 8, salt));
    }
    pirn__put64(
        batch + 8,
        XXH3_64bits_withSeed(
            batch + 16, PIRN__BATCH_HEAD_BYTES + (uint32_t)heads - 16, salt));
}

/* Bytes of the header, or near the front of a batch, are turned. */
static void turn(struct image *image, uint32_t segment, struct fuzz_in *in)
{
    uint32_t unit = fuzz_below(in, IMAGE_BATCHES + 1);
    uint32_t at = unit * PIRN__BATCH_UNIT;
    uint32_t offset = fuzz_below(in, 4) * 256 + fuzz_below(in, 256);
    bool is_summed = (fuzz_take(in, 1) & 1) != 0;

    image->bytes[segment][at + offset] ^= (uint8_t)fuzz_take(in, 1);
    if (is_summed && unit == 0) {
        pirn__put64(image->bytes[segment] + 48,
                    XXH3_64bits(image->bytes[segment], 48));
    } else if (is_summed) {
        batch_sum(image, segment, at);
    }
}

/* From somewhere on there is what was there before, or nothing. */
static void tear(struct image *image, uint32_t segment, struct fuzz_in *in)
{
    uint32_t at = PIRN__BATCH_UNIT + (uint32_t)fuzz_take(in, 2) %
                                         (IMAGE_SEGMENT - PIRN__BATCH_UNIT);
    int with = fuzz_below(in, 2) ? 0xee : 0;

    memset(image->bytes[segment] + at, with, IMAGE_SEGMENT - at);
}

static void bury(struct image *image, uint32_t segment, struct fuzz_in *in)
{
    uint64_t *word = &image->words[segment * IMAGE_WORDS];
    uint32_t generation = GENERATION + segment;

    switch (fuzz_below(in, 4)) {
    case 0:
        pirn__tomb_cut(&image->tombs, segment, generation, fuzz_below(in, 64),
                       fuzz_below(in, 2) != 0);
        break;
    case 1: /* of any generation, with any bits */
        *word = fuzz_take(in, 4) | (uint64_t)fuzz_below(in, 8) << 32;
        break;
    default:
        pirn__tomb_set(&image->tombs, segment, generation, fuzz_below(in, 64));
        break;
    }
}

static void step(struct image *image, struct fuzz_in *in)
{
    uint32_t what = fuzz_below(in, 8 * IMAGE_SEGMENTS);
    uint32_t segment = what / 8;

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        record_add(image, segment, in);
        break;
    case 3:
        batch_write(image, segment);
        break;
    case 4:
        bury(image, segment, in);
        break;
    case 5:
        tear(image, segment, in);
        break;
    default:
        turn(image, segment, in);
        break;
    }
}

void image_make(struct image *image, struct fuzz_in *in)
{
    image_begin(image);
    while (in->left > 0) {
        step(image, in);
    }
    for (uint32_t i = 0; i < IMAGE_SEGMENTS; i++) {
        batch_write(image, i);
    }
}

/* How much a reader needs of a batch, if one begins there. */
static size_t front_of(const uint8_t *bytes, size_t len)
{
    struct pirn__batch_head head;

    if (len < PIRN__BATCH_HEAD_BYTES) {
        return len;
    }
    int heads = pirn__batch_head_peek(bytes, &head);
    size_t front = PIRN__BATCH_HEAD_BYTES + (size_t)(heads < 0 ? 0 : heads);
    return front < len ? front : len;
}

/* The batch at the cursor: 1 and the cursor behind it, or it stays. */
static int batch_next(const uint8_t *bytes, struct pirn__batch_cursor *cursor,
                      struct pirn__batch_head *ret_head)
{
    struct pirn__batch_cursor before = *cursor;
    size_t at = (size_t)cursor->at * IMAGE_UNIT;
    size_t len = IMAGE_SEGMENT - at;
    size_t front_len = front_of(bytes + at, len);
    uint8_t *front = fuzz_copy(bytes + at, front_len);
    int r = pirn__batch_cursor_next(cursor, front, front_len, ret_head);

    if (r == 1) {
        pirn_assert(ret_head->count >= 1);
        pirn_assert(ret_head->bytes <= len);
        pirn_assert(cursor->at * (size_t)IMAGE_UNIT == at + ret_head->bytes);
        pirn_assert(cursor->first_record ==
                    before.first_record + ret_head->count);
        pirn_assert(cursor->first_record <= PIRN__SEGMENT_RECORDS_MAX);
    } else {
        pirn_assert(memcmp(&before, cursor, sizeof(before)) == 0);
    }
    free(front);
    return r;
}

/* Each head that the cursor has let pass, and its part and body inside. */
static void check_heads(const uint8_t *batch, size_t at,
                        const struct pirn__batch_head *head)
{
    size_t behind =
        at + PIRN__BATCH_HEAD_BYTES + (size_t)head->count * PIRN__HEAD_BYTES;

    for (uint32_t i = 0; i < head->count; i++) {
        struct pirn__head record;
        int r = pirn__head_decode(
            batch + PIRN__BATCH_HEAD_BYTES + i * PIRN__HEAD_BYTES, &record);
        pirn_assert(r == 0);
        pirn_assert((size_t)record.part_at * IMAGE_UNIT == behind);
        behind += record.part_bytes + pirn__head_body_room(&record);
        pirn_assert(behind <= at + head->bytes);
    }
}

/* What is judged whole decodes; what is cut off is not whole. */
static void judge(const struct pirn__batch_head *head, const uint8_t *batch,
                  uint32_t at, uint64_t salt, uint64_t *bad)
{
    uint64_t cut_bad[PIRN__REPLAY_BAD_WORDS];
    uint8_t *whole = fuzz_copy(batch, head->bytes);
    uint32_t count =
        pirn__replay_judge(head, whole, head->bytes, at, salt, bad);
    size_t cut = PIRN__BATCH_HEAD_BYTES +
                 (size_t)head->count * PIRN__HEAD_BYTES +
                 (head->bytes - PIRN__BATCH_HEAD_BYTES -
                  (size_t)head->count * PIRN__HEAD_BYTES) /
                     2;
    uint8_t *front = fuzz_copy(batch, cut);

    pirn_assert(count <= head->count);
    pirn_assert(pirn__replay_judge(head, front, cut, at, salt, cut_bad) >=
                count);
    for (unsigned i = 0; i < PIRN__REPLAY_BAD_WORDS; i++) {
        pirn_assert((bad[i] & ~cut_bad[i]) == 0);
    }
    free(front);
    free(whole);
}

void image_read(const struct image *image, uint32_t segment, image_met_fn *met,
                void *user)
{
    const uint8_t *bytes = image->bytes[segment];
    struct pirn__segment_head segment_head;
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head head;
    struct pirn__batch_head ahead;
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];

    if (pirn__segment_head_decode(bytes, &segment_head) < 0 ||
        segment_head.segment != segment ||
        segment_head.segment_bytes != IMAGE_SEGMENT) {
        return; /* it is set aside */
    }
    pirn__batch_cursor_init(&cursor, &segment_head);
    uint32_t at = cursor.at;
    int r = batch_next(bytes, &cursor, &head);
    while (r == 1) {
        const uint8_t *batch = bytes + (size_t)at * IMAGE_UNIT;
        uint32_t next_at = cursor.at;
        check_heads(batch, (size_t)at * IMAGE_UNIT, &head);
        r = batch_next(bytes, &cursor, &ahead);
        if (r != 1) {
            judge(&head, batch, at, segment_head.salt, bad);
        }
        met(user, &head, batch + PIRN__BATCH_HEAD_BYTES, r != 1 ? bad : NULL);
        head = ahead;
        at = next_at;
    }
}
