/* SPDX-License-Identifier: MIT */
/*
 * record.c - a record's two forms, to bytes and back
 *
 * What is read is believed only after its sum, and used only after its range:
 * the sum says that these are the bytes somebody wrote, the range that no place
 * or length in them leads out of where it may lead. What is read and written
 * again is the same bytes.
 */
#include "spool/log/record.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/hash.h"
#include "spool/log/bytes.h"

enum {
    HEAD_VERSION = 16,
    HEAD_KIND = 20,
    HEAD_PRIORITY = 22,
    HEAD_FLAGS = 23,
    HEAD_QUEUE = 24,
    HEAD_ATTEMPTS = 26,
    HEAD_PART_BYTES = 28,
    HEAD_DUE = 32,
    HEAD_BODY_BYTES = 40,
    HEAD_PART_AT = 48,
    HEAD_BODY_SEGMENT = 52,
    HEAD_BODY_AT = 56,
    HEAD_BODY_RECORD = 60,
    HEAD_BODY_GENERATION = 62,

    PART_HEAD = 8,
    PART_DIGEST = 72,
    PART_CREATED = 80,
    PART_FIELDS_BYTES = 88,
    PART_FIELDS = 96,

    PRIORITIES = 16,
    FLAGS = PIRN__RECORD_BODY_FILE | PIRN__RECORD_HELD | PIRN__RECORD_ALIAS,
};

static_assert(PART_HEAD + PIRN__HEAD_BYTES == PART_DIGEST, "no gap");
static_assert(PART_FIELDS == PIRN__PART_HEAD_BYTES, "no gap");

static uint64_t to_unit(uint64_t bytes)
{
    return (bytes + PIRN__RECORD_UNIT - 1) & ~(uint64_t)(PIRN__RECORD_UNIT - 1);
}

static bool is_valid(const struct pirn__head *head)
{
    uint32_t part_max = pirn__part_bytes(PIRN_FIELDS_MAX);

    return (head->kind == PIRN__RECORD_PUT ||
            head->kind == PIRN__RECORD_META) &&
           head->version >= 1 && head->version < PIRN__VERSION_END &&
           head->priority < PRIORITIES && (head->flags & ~FLAGS) == 0 &&
           head->part_bytes >= PIRN__PART_HEAD_BYTES &&
           head->part_bytes <= part_max &&
           head->part_bytes % PIRN__RECORD_UNIT == 0 &&
           head->body_bytes < PIRN__BODY_BYTES_END &&
           head->part_at < PIRN__PLACE_END &&
           head->body.segment < PIRN__SEGMENTS_END &&
           head->body.generation <= PIRN__GENERATION_BITS &&
           head->body.at < PIRN__PLACE_END;
}

/* A PUT's body has no choice where to stand. */
static bool body_follows(const struct pirn__head *head)
{
    return head->kind != PIRN__RECORD_PUT ||
           head->body.at ==
               head->part_at + head->part_bytes / PIRN__RECORD_UNIT;
}

static void put_place(uint8_t *head, uint32_t part_at, struct pirn__place body)
{
    pirn__put32(head + HEAD_PART_AT, part_at);
    pirn__put32(head + HEAD_BODY_SEGMENT, body.segment);
    pirn__put32(head + HEAD_BODY_AT, body.at);
    pirn__put16(head + HEAD_BODY_RECORD, body.record);
    pirn__put16(head + HEAD_BODY_GENERATION, body.generation);
}

void pirn__head_encode(const struct pirn__head *head, uint8_t *buf)
{
    pirn_assert(is_valid(head));

    memset(buf, 0, PIRN__HEAD_BYTES);
    memcpy(buf, head->id.bytes, sizeof(head->id.bytes));
    pirn__put32(buf + HEAD_VERSION, head->version);
    buf[HEAD_KIND] = (uint8_t)head->kind;
    buf[HEAD_PRIORITY] = head->priority;
    buf[HEAD_FLAGS] = head->flags;
    pirn__put16(buf + HEAD_QUEUE, head->queue);
    pirn__put16(buf + HEAD_ATTEMPTS, head->attempts);
    pirn__put32(buf + HEAD_PART_BYTES, head->part_bytes);
    pirn__put64(buf + HEAD_DUE, head->due_ns);
    pirn__put64(buf + HEAD_BODY_BYTES, head->body_bytes);
    put_place(buf, head->part_at, head->body);
}

int pirn__head_decode(const uint8_t *buf, struct pirn__head *ret_head)
{
    struct pirn__head head = {
        .version = pirn__get32(buf + HEAD_VERSION),
        .kind = (enum pirn__record_kind)buf[HEAD_KIND],
        .flags = buf[HEAD_FLAGS],
        .priority = buf[HEAD_PRIORITY],
        .queue = pirn__get16(buf + HEAD_QUEUE),
        .attempts = pirn__get16(buf + HEAD_ATTEMPTS),
        .part_bytes = pirn__get32(buf + HEAD_PART_BYTES),
        .due_ns = pirn__get64(buf + HEAD_DUE),
        .body_bytes = pirn__get64(buf + HEAD_BODY_BYTES),
        .part_at = pirn__get32(buf + HEAD_PART_AT),
        .body =
            {
                .segment = pirn__get32(buf + HEAD_BODY_SEGMENT),
                .at = pirn__get32(buf + HEAD_BODY_AT),
                .generation = pirn__get16(buf + HEAD_BODY_GENERATION),
                .record = pirn__get16(buf + HEAD_BODY_RECORD),
            },
    };

    memcpy(head.id.bytes, buf, sizeof(head.id.bytes));
    if (!is_valid(&head) || !body_follows(&head) || buf[HEAD_KIND + 1] != 0) {
        return -EBADMSG;
    }
    *ret_head = head;
    return 0;
}

uint32_t pirn__head_part_at(const uint8_t *buf)
{
    return pirn__get32(buf + HEAD_PART_AT);
}

uint32_t pirn__head_version(const uint8_t *buf)
{
    return pirn__get32(buf + HEAD_VERSION);
}

uint64_t pirn__head_body_room(const struct pirn__head *head)
{
    bool is_here = head->kind == PIRN__RECORD_PUT &&
                   (head->flags & PIRN__RECORD_BODY_FILE) == 0;

    return is_here ? to_unit(head->body_bytes) : 0;
}

uint32_t pirn__part_bytes(uint32_t fields_bytes)
{
    pirn_assert(fields_bytes <= PIRN_FIELDS_MAX);
    return (uint32_t)to_unit(PIRN__PART_HEAD_BYTES + fields_bytes);
}

static uint64_t sum_of(const uint8_t *buf, uint32_t part_bytes, uint64_t salt)
{
    return pirn__hash_salted(buf + PART_HEAD, part_bytes - PART_HEAD, salt);
}

void pirn__part_encode(const struct pirn__part *part, uint8_t *buf)
{
    uint32_t end = PART_FIELDS + part->fields_bytes;

    pirn_assert(part->head.part_bytes == pirn__part_bytes(part->fields_bytes));

    pirn__put64(buf, 0);
    pirn__head_encode(&part->head, buf + PART_HEAD);
    pirn__put64(buf + PART_DIGEST, part->digest);
    pirn__put64(buf + PART_CREATED, part->created_ns);
    pirn__put32(buf + PART_FIELDS_BYTES, part->fields_bytes);
    pirn__put32(buf + PART_FIELDS_BYTES + 4, 0);
    if (part->fields_bytes > 0) {
        memcpy(buf + PART_FIELDS, part->fields, part->fields_bytes);
    }
    memset(buf + end, 0, part->head.part_bytes - end);
}

void pirn__part_seal(uint8_t *buf, struct pirn__place place, uint64_t salt)
{
    uint8_t *head = buf + PART_HEAD;
    uint32_t part_bytes = pirn__get32(head + HEAD_PART_BYTES);

    pirn_assert(place.segment < PIRN__SEGMENTS_END);
    pirn_assert(place.at < PIRN__PLACE_END - part_bytes / PIRN__RECORD_UNIT);

    pirn__put32(head + HEAD_PART_AT, place.at);
    if (head[HEAD_KIND] == PIRN__RECORD_PUT) {
        struct pirn__place body = place;
        body.at += part_bytes / PIRN__RECORD_UNIT;
        put_place(head, place.at, body);
    }
    pirn__put64(buf, sum_of(buf, part_bytes, salt));
}

/* Less than a unit: what rounds the fields up. */
static bool ends_with_zeros(const uint8_t *buf, uint32_t at, uint32_t end)
{
    static const uint8_t zeros[PIRN__RECORD_UNIT];

    pirn_assert(at <= end && end - at < sizeof(zeros));
    return memcmp(buf + at, zeros, end - at) == 0;
}

int pirn__part_decode(const uint8_t *buf, size_t len, uint64_t salt,
                      struct pirn__part *ret_part)
{
    struct pirn__part part;

    if (len < PIRN__PART_HEAD_BYTES ||
        pirn__head_decode(buf + PART_HEAD, &part.head) < 0 ||
        part.head.part_bytes > len ||
        pirn__get64(buf) != sum_of(buf, part.head.part_bytes, salt)) {
        return -EBADMSG;
    }
    part.digest = pirn__get64(buf + PART_DIGEST);
    part.created_ns = pirn__get64(buf + PART_CREATED);
    part.fields = (const char *)buf + PART_FIELDS;
    part.fields_bytes = pirn__get32(buf + PART_FIELDS_BYTES);
    if (part.fields_bytes > PIRN_FIELDS_MAX ||
        pirn__part_bytes(part.fields_bytes) != part.head.part_bytes ||
        pirn__get32(buf + PART_FIELDS_BYTES + 4) != 0 ||
        !ends_with_zeros(buf, PART_FIELDS + part.fields_bytes,
                         part.head.part_bytes)) {
        return -EBADMSG;
    }
    *ret_part = part;
    return 0;
}

/* Most significant first: ids sort as their bytes do. */
static void put_high64(uint8_t *at, uint64_t value)
{
    pirn__put64(at, __builtin_bswap64(value));
}

static uint64_t get_high64(const uint8_t *at)
{
    return __builtin_bswap64(pirn__get64(at));
}

/*
 *   high   ms 48 | epoch 12 | incarnation's high 4
 *   low    incarnation's low 28 | slot 26 | shard 10
 */
void pirn__log_id_pack(const struct pirn__log_id *parts, struct pirn_id *ret_id)
{
    pirn_assert(parts->ms >> 48 == 0);
    pirn_assert(parts->slot < PIRN__LOG_SLOTS_MAX);

    put_high64(ret_id->bytes, parts->ms << 16 |
                                  (uint64_t)(parts->epoch & 0xfff) << 4 |
                                  parts->incarnation >> 28);
    put_high64(ret_id->bytes + 8, (uint64_t)parts->incarnation << 36 |
                                      (uint64_t)parts->slot << 10 |
                                      parts->slot % PIRN__LOG_SHARDS);
}

void pirn__log_id_unpack(const struct pirn_id *id,
                         struct pirn__log_id *ret_parts)
{
    uint64_t high = get_high64(id->bytes);
    uint64_t low = get_high64(id->bytes + 8);

    *ret_parts = (struct pirn__log_id){
        .ms = high >> 16,
        .epoch = (uint16_t)(high >> 4 & 0xfff),
        .incarnation = (uint32_t)(high << 28 | low >> 36),
        .slot = (uint32_t)(low >> 10) & (PIRN__LOG_SLOTS_MAX - 1),
    };
}
