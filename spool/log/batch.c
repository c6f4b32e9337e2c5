/* SPDX-License-Identifier: MIT */
/*
 * batch.c - one write of records, and the row of them in a segment
 *
 * The writer's side asserts what the reader's side checks: whatever one of ours
 * wrote, whole, is read without a word. Between begin and end there is a note
 * of each record at the front of the heads' room: where its part stands, in the
 * batch and in the buffer. The end goes from the last to the first, so that no
 * note is overwritten by a head before it was read.
 */
#include "spool/log/batch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/hash.h"
#include "spool/log/bytes.h"

enum {
    SEGMENT_SEGMENT = 8,
    SEGMENT_GENERATION = 12,
    SEGMENT_SALT = 16,
    SEGMENT_BYTES = 24,
    SEGMENT_SPOOL = 32,
    SEGMENT_SUM = 48,

    BATCH_SUM = 8,
    BATCH_SEGMENT = 16,
    BATCH_GENERATION = 20,
    BATCH_COUNT = 24,
    BATCH_FIRST_RECORD = 28,
    BATCH_BYTES = 32,
    BATCH_SEQUENCE = 40,
    BATCH_WRITTEN = 48,

    NOTE_UNIT = 0, /* of the batch, from where the parts begin */
    NOTE_BYTE = 4, /* of the buffer */
    NOTE_BYTES = 8,

    MAGIC_BYTES = 8,
    UNIT = PIRN__RECORD_UNIT,
};

static_assert(SEGMENT_SUM + 8 == PIRN__SEGMENT_HEAD_BYTES, "it ends there");
static_assert(NOTE_BYTES <= PIRN__HEAD_BYTES, "a head comes behind all notes");

static const char segment_magic[] = "pirnseg1";
static const char batch_magic[] = "pirnbat1";

static uint64_t to_batch_unit(uint64_t bytes)
{
    return (bytes + PIRN__BATCH_UNIT - 1) & ~(uint64_t)(PIRN__BATCH_UNIT - 1);
}

static bool segment_is_valid(const struct pirn__segment_head *head)
{
    return head->segment < PIRN__SEGMENTS_END && head->generation >= 1 &&
           head->segment_bytes % PIRN__BATCH_UNIT == 0 &&
           head->segment_bytes >= 2 * PIRN__BATCH_UNIT &&
           head->segment_bytes <= PIRN__SEGMENT_BYTES_MAX;
}

void pirn__segment_head_encode(const struct pirn__segment_head *head,
                               uint8_t *buf)
{
    pirn_assert(segment_is_valid(head));

    memset(buf, 0, PIRN__BATCH_UNIT);
    memcpy(buf, segment_magic, MAGIC_BYTES);
    pirn__put32(buf + SEGMENT_SEGMENT, head->segment);
    pirn__put32(buf + SEGMENT_GENERATION, head->generation);
    pirn__put64(buf + SEGMENT_SALT, head->salt);
    pirn__put64(buf + SEGMENT_BYTES, head->segment_bytes);
    memcpy(buf + SEGMENT_SPOOL, head->spool, sizeof(head->spool));
    pirn__put64(buf + SEGMENT_SUM, pirn__hash(buf, SEGMENT_SUM));
}

int pirn__segment_head_decode(const uint8_t *buf,
                              struct pirn__segment_head *ret_head)
{
    struct pirn__segment_head head = {
        .segment = pirn__get32(buf + SEGMENT_SEGMENT),
        .generation = pirn__get32(buf + SEGMENT_GENERATION),
        .salt = pirn__get64(buf + SEGMENT_SALT),
        .segment_bytes = pirn__get64(buf + SEGMENT_BYTES),
    };

    memcpy(head.spool, buf + SEGMENT_SPOOL, sizeof(head.spool));
    if (memcmp(buf, segment_magic, MAGIC_BYTES - 1) != 0 ||
        pirn__get64(buf + SEGMENT_SUM) != pirn__hash(buf, SEGMENT_SUM)) {
        return -EBADMSG;
    }
    if (buf[MAGIC_BYTES - 1] != (uint8_t)segment_magic[MAGIC_BYTES - 1]) {
        return -EPROTO; /* whole, so somebody meant it */
    }
    if (!segment_is_valid(&head)) {
        return -EBADMSG;
    }
    *ret_head = head;
    return 0;
}

void pirn__batch_begin(struct pirn__batch *batch)
{
    pirn_assert(batch->cap > PIRN__BATCH_ROOM);
    pirn_assert(batch->segment < PIRN__SEGMENTS_END && batch->generation >= 1);
    pirn_assert(batch->sequence >= 1);
    pirn_assert(batch->segment_bytes <= PIRN__SEGMENT_BYTES_MAX);
    pirn_assert((uint64_t)batch->at * UNIT % PIRN__BATCH_UNIT == 0);
    pirn_assert_rule(batch->at > 0, "a segment begins with its header");

    batch->count = 0;
    batch->used = PIRN__BATCH_ROOM;
    batch->filled = PIRN__BATCH_ROOM;
    batch->piece_count = 0;
    batch->piece_from = 0;
    batch->start = 0;
}

/* Of a batch of @count records whose parts and bodies have so many bytes. */
static uint64_t bytes_of(uint32_t count, uint64_t content)
{
    return to_batch_unit(PIRN__BATCH_HEAD_BYTES +
                         (uint64_t)count * PIRN__HEAD_BYTES + content);
}

static uint32_t start_of(uint32_t count)
{
    return PIRN__BATCH_ROOM - PIRN__BATCH_HEAD_BYTES - count * PIRN__HEAD_BYTES;
}

bool pirn__batch_fits(const struct pirn__batch *batch, uint32_t fields_bytes,
                      uint64_t body_bytes)
{
    uint32_t count = batch->count + 1;

    if (count > PIRN__BATCH_RECORDS ||
        batch->first_record + count > PIRN__SEGMENT_RECORDS_MAX ||
        fields_bytes > PIRN_FIELDS_MAX || body_bytes > batch->cap ||
        batch->piece_count + 3 > PIRN__BATCH_PIECES) {
        return false;
    }
    uint64_t room = (body_bytes + UNIT - 1) / UNIT * UNIT;
    uint64_t content =
        batch->used - PIRN__BATCH_ROOM + pirn__part_bytes(fields_bytes) + room;
    uint64_t bytes = bytes_of(count, content);
    uint64_t start = (uint64_t)batch->at * UNIT;
    uint64_t end = start + PIRN__BATCH_ROOM - start_of(count) + content;

    /* An empty body stands where its part ends, and that is a place, too. */
    return start_of(count) + bytes <= batch->cap &&
           end < PIRN__SEGMENT_BYTES_MAX &&
           start + bytes <= batch->segment_bytes;
}

static uint8_t *note_of(const struct pirn__batch *batch, uint32_t i)
{
    return batch->buf + i * NOTE_BYTES;
}

/* What of the buffer is in none yet. */
static void piece_close(struct pirn__batch *batch)
{
    pirn_assert(batch->piece_count < PIRN__BATCH_PIECES);
    batch->pieces[batch->piece_count++] = (struct iovec){
        batch->buf + batch->piece_from,
        batch->filled - batch->piece_from,
    };
    batch->piece_from = batch->filled;
}

/* Nobody writes through a piece: it is const for us, and not for iovec. */
static void piece_add(struct pirn__batch *batch, const void *body, size_t len)
{
    piece_close(batch);
    batch->pieces[batch->piece_count++] =
        (struct iovec){(void *)(uintptr_t)body, len};
}

static void body_add(struct pirn__batch *batch, const void *body,
                     uint64_t bytes, uint64_t room)
{
    if (batch->pieces != NULL && bytes > PIRN__BATCH_COPY_MAX) {
        piece_add(batch, body, bytes);
    } else {
        memcpy(batch->buf + batch->filled, body, bytes);
        batch->filled += (uint32_t)bytes;
    }
    if (room > bytes) {
        memset(batch->buf + batch->filled, 0, room - bytes);
    }
    batch->filled += (uint32_t)(room - bytes);
    batch->used += (uint32_t)room;
}

uint16_t pirn__batch_add(struct pirn__batch *batch, struct pirn__part *part,
                         const void *body)
{
    struct pirn__head *head = &part->head;
    uint8_t *note = note_of(batch, batch->count);

    head->part_bytes = pirn__part_bytes(part->fields_bytes);
    head->part_at = (batch->used - PIRN__BATCH_ROOM) / UNIT;
    if (head->kind == PIRN__RECORD_PUT) {
        head->body = (struct pirn__place){
            .at = head->part_at + head->part_bytes / UNIT,
        };
    }
    uint64_t room = pirn__head_body_room(head);
    pirn_assert_rule(batch->count < PIRN__BATCH_RECORDS &&
                         batch->used + head->part_bytes + room <= batch->cap,
                     "what is added fits");

    pirn__put32(note + NOTE_UNIT, head->part_at);
    pirn__put32(note + NOTE_BYTE, batch->filled);
    pirn__part_encode(part, batch->buf + batch->filled);
    batch->filled += head->part_bytes;
    batch->used += head->part_bytes;
    if (room > 0) {
        body_add(batch, body, head->body_bytes, room);
    }
    return (uint16_t)(batch->first_record + batch->count++);
}

static struct pirn__place place_of(const struct pirn__batch *batch, uint32_t i,
                                   uint32_t at)
{
    return (struct pirn__place){
        .segment = batch->segment,
        .at = at,
        .generation = (uint16_t)(batch->generation & PIRN__GENERATION_BITS),
        .record = (uint16_t)(batch->first_record + i),
    };
}

/* Where the head of a record stands when the batch has ended. */
static uint8_t *head_of(const struct pirn__batch *batch, uint32_t i)
{
    return batch->buf + batch->start + PIRN__BATCH_HEAD_BYTES +
           i * PIRN__HEAD_BYTES;
}

/* Gives the i-th record its place, in its part and among the heads. */
static void record_seal(struct pirn__batch *batch, uint32_t i)
{
    const uint8_t *note = note_of(batch, i);
    uint8_t *part = batch->buf + pirn__get32(note + NOTE_BYTE);
    uint32_t parts_at = batch->at + (PIRN__BATCH_ROOM - batch->start) / UNIT;
    uint32_t at = parts_at + pirn__get32(note + NOTE_UNIT);

    pirn__part_seal(part, place_of(batch, i, at), batch->salt);
    memcpy(head_of(batch, i), pirn__part_head(part), PIRN__HEAD_BYTES);
}

static uint64_t sum_of(const uint8_t *buf, size_t len, uint64_t salt)
{
    return pirn__hash_salted(buf + BATCH_SEGMENT, len - BATCH_SEGMENT,
                             pirn__planted("log-salt-left-out") ? 0 : salt);
}

/* Before the heads, which are there. */
static void header_put(uint8_t *buf, const struct pirn__batch_head *head,
                       uint64_t salt)
{
    memset(buf, 0, PIRN__BATCH_HEAD_BYTES);
    memcpy(buf, batch_magic, MAGIC_BYTES);
    pirn__put32(buf + BATCH_SEGMENT, head->segment);
    pirn__put32(buf + BATCH_GENERATION, head->generation);
    pirn__put32(buf + BATCH_COUNT, head->count);
    pirn__put32(buf + BATCH_FIRST_RECORD, head->first_record);
    pirn__put32(buf + BATCH_BYTES, head->bytes);
    pirn__put64(buf + BATCH_SEQUENCE, head->sequence);
    pirn__put64(buf + BATCH_WRITTEN, head->written_ns);
    pirn__put64(buf + BATCH_SUM,
                sum_of(buf,
                       PIRN__BATCH_HEAD_BYTES + head->count * PIRN__HEAD_BYTES,
                       salt));
}

/* The last one, which may have nothing in it; the first one begins where the
 * batch does. */
static void pieces_end(struct pirn__batch *batch)
{
    if (batch->filled > batch->piece_from) {
        piece_close(batch);
    }
    batch->pieces[0].iov_base = batch->buf + batch->start;
    batch->pieces[0].iov_len -= batch->start;
}

uint32_t pirn__batch_end(struct pirn__batch *batch, uint64_t written_ns)
{
    uint64_t bytes = bytes_of(batch->count, batch->used - PIRN__BATCH_ROOM);

    pirn_assert(batch->count >= 1);
    pirn_assert((uint64_t)batch->at * UNIT + bytes <= batch->segment_bytes);

    batch->start = start_of(batch->count);
    for (uint32_t i = batch->count; i-- > 0;) {
        record_seal(batch, i);
    }
    header_put(batch->buf + batch->start,
               &(struct pirn__batch_head){
                   .segment = batch->segment,
                   .generation = batch->generation,
                   .count = batch->count,
                   .first_record = batch->first_record,
                   .bytes = (uint32_t)bytes,
                   .sequence = batch->sequence,
                   .written_ns = written_ns,
               },
               batch->salt);
    uint32_t rest = batch->start + (uint32_t)bytes - batch->used;
    memset(batch->buf + batch->filled, 0, rest);
    batch->filled += rest;
    if (batch->pieces != NULL) {
        pieces_end(batch);
    }
    return (uint32_t)bytes;
}

struct pirn__place pirn__batch_seat(const struct pirn__batch *batch, uint32_t i,
                                    struct pirn__head *head)
{
    pirn_assert(i < batch->count);
    head->part_at = pirn__head_part_at(head_of(batch, i));
    if (head->kind == PIRN__RECORD_PUT) {
        head->body =
            place_of(batch, i, head->part_at + head->part_bytes / UNIT);
    }
    return place_of(batch, i, head->part_at);
}

/* The least a batch with so many records can have. */
static bool size_is_possible(const struct pirn__batch_head *head)
{
    uint64_t parts = (uint64_t)head->count * pirn__part_bytes(0);

    return head->bytes % PIRN__BATCH_UNIT == 0 &&
           head->bytes >= bytes_of(head->count, parts) &&
           head->bytes <= PIRN__SEGMENT_BYTES_MAX;
}

int pirn__batch_head_peek(const uint8_t *buf, struct pirn__batch_head *ret_head)
{
    struct pirn__batch_head head = {
        .segment = pirn__get32(buf + BATCH_SEGMENT),
        .generation = pirn__get32(buf + BATCH_GENERATION),
        .count = pirn__get32(buf + BATCH_COUNT),
        .first_record = pirn__get32(buf + BATCH_FIRST_RECORD),
        .bytes = pirn__get32(buf + BATCH_BYTES),
        .sequence = pirn__get64(buf + BATCH_SEQUENCE),
        .written_ns = pirn__get64(buf + BATCH_WRITTEN),
    };

    if (memcmp(buf, batch_magic, MAGIC_BYTES) != 0 || head.count < 1 ||
        head.count > PIRN__BATCH_RECORDS ||
        head.first_record > PIRN__SEGMENT_RECORDS_MAX - head.count ||
        !size_is_possible(&head)) {
        return -EBADMSG;
    }
    *ret_head = head;
    return (int)(head.count * PIRN__HEAD_BYTES);
}

/* The header and its heads; false: torn, damaged or of another turn. */
static bool head_matches(const uint8_t *buf, size_t len, uint64_t salt)
{
    pirn_assert(len >= PIRN__BATCH_HEAD_BYTES + PIRN__HEAD_BYTES);
    return pirn__get64(buf + BATCH_SUM) == sum_of(buf, len, salt);
}

void pirn__batch_cursor_init(struct pirn__batch_cursor *cursor,
                             const struct pirn__segment_head *segment)
{
    pirn_assert(segment_is_valid(segment));
    *cursor = (struct pirn__batch_cursor){
        .segment = *segment,
        .at = PIRN__BATCH_UNIT / UNIT,
        .sequence = 1,
    };
}

/* Whether it is the batch that comes next, and ends in its segment. */
static bool is_next(const struct pirn__batch_cursor *cursor,
                    const struct pirn__batch_head *head)
{
    return head->segment == cursor->segment.segment &&
           head->generation == cursor->segment.generation &&
           head->sequence == cursor->sequence &&
           head->first_record == cursor->first_record &&
           head->bytes <=
               cursor->segment.segment_bytes - (uint64_t)cursor->at * UNIT;
}

/* Whether a record lies between @at, which is raised, and the batch's end. */
static bool record_is_inside(const struct pirn__batch_cursor *cursor,
                             const struct pirn__head *head, uint32_t record,
                             uint64_t *at, uint64_t end)
{
    uint64_t part = (uint64_t)head->part_at * UNIT;
    uint64_t behind = part + head->part_bytes + pirn__head_body_room(head);

    if (part != *at || behind > end) {
        return false;
    }
    *at = behind;
    return head->kind != PIRN__RECORD_PUT ||
           (head->body.segment == cursor->segment.segment &&
            head->body.generation ==
                (cursor->segment.generation & PIRN__GENERATION_BITS) &&
            head->body.record == record);
}

static bool heads_are_ours(const struct pirn__batch_cursor *cursor,
                           const uint8_t *heads,
                           const struct pirn__batch_head *batch)
{
    uint64_t begin = (uint64_t)cursor->at * UNIT;
    uint64_t at = begin + PIRN__BATCH_HEAD_BYTES +
                  (uint64_t)batch->count * PIRN__HEAD_BYTES;

    for (uint32_t i = 0; i < batch->count; i++) {
        struct pirn__head head;
        if (pirn__head_decode(heads + i * PIRN__HEAD_BYTES, &head) < 0 ||
            !record_is_inside(cursor, &head, batch->first_record + i, &at,
                              begin + batch->bytes)) {
            return false;
        }
    }
    return to_batch_unit(at - begin) == batch->bytes;
}

int pirn__batch_cursor_next(struct pirn__batch_cursor *cursor,
                            const uint8_t *buf, size_t len,
                            struct pirn__batch_head *ret_head)
{
    struct pirn__batch_head head;

    if (len < PIRN__BATCH_HEAD_BYTES) {
        return 0;
    }
    int r = pirn__batch_head_peek(buf, &head);
    if (r < 0 || !is_next(cursor, &head)) {
        return 0;
    }
    size_t front = PIRN__BATCH_HEAD_BYTES + (size_t)r;
    if (front > len || !head_matches(buf, front, cursor->segment.salt)) {
        return 0;
    }
    if (!heads_are_ours(cursor, buf + PIRN__BATCH_HEAD_BYTES, &head)) {
        return -EBADMSG;
    }
    cursor->at += head.bytes / UNIT;
    cursor->first_record += head.count;
    cursor->sequence++;
    cursor->written_ns = head.written_ns;
    *ret_head = head;
    return 1;
}

void pirn__batch_front_seal(const struct pirn__batch_cursor *cursor,
                            uint32_t count, uint64_t bytes, const uint8_t *said,
                            uint8_t *front)
{
    const struct pirn__batch_head head = {
        .segment = cursor->segment.segment,
        .generation = cursor->segment.generation,
        .count = count,
        .first_record = cursor->first_record,
        .bytes = (uint32_t)to_batch_unit(bytes),
        .sequence = cursor->sequence,
        .written_ns = cursor->written_ns != 0
                          ? cursor->written_ns
                          : pirn__get64(said + BATCH_WRITTEN),
    };

    pirn_assert(count >= 1 && count <= PIRN__BATCH_RECORDS);
    header_put(front, &head, cursor->segment.salt);
}
