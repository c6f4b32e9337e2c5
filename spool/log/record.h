/* SPDX-License-Identifier: MIT */
/*
 * spool/log/record.h - what must survive, as bytes
 *
 * A record says what an item is from one version on: PUT brings its body along,
 * META only the rest. It stands twice in its batch: as a head among the heads,
 * which are all that a restart reads, and as a part, which is all that a taker
 * reads:
 *
 *   head   64 bytes, little endian
 *      0  id 16 | version 4 | kind 1 | 0 1 | priority 1 | flags 1
 *     24  queue 2 | attempts 2 | part_bytes 4 | due 8 | body_bytes 8
 *     48  part_at 4 | body_segment 4 | body_at 4 | body_record 2 |
 *         body_generation 2
 *
 *   part   begins at part_at * 64 in the segment
 *      0  sum 8: XXH3-64 of bytes 8 .. part_bytes, with the salt as seed
 *      8  the head again, 64 | digest 8 | created 8 | fields_bytes 4 | 0 4
 *     96  fields, zeros to the next 64: part_bytes in all
 *
 * Behind the part of a PUT, unless it is a file of its own, comes the body with
 * zeros to the next 64. The sum of a body is its digest. A part's salt is its
 * segment's, drawn anew at each turn: what a client sends cannot look like one.
 * A PUT's body_at is where its part ends, even if nothing stands there: so of
 * every item the body's place names the record that keeps its body. Pure.
 */
#ifndef SPOOL_LOG_RECORD_H
#define SPOOL_LOG_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <pirn/item.h>

#define PIRN__RECORD_UNIT 64u
#define PIRN__HEAD_BYTES 64u
#define PIRN__PART_HEAD_BYTES 96u

enum pirn__record_kind {
    PIRN__RECORD_PUT = 1,
    PIRN__RECORD_META = 2,
};

enum pirn__record_flag {
    PIRN__RECORD_BODY_FILE = 1, /* the body is a file of its own */
    PIRN__RECORD_HELD = 2,      /* until it is released */
    PIRN__RECORD_ALIAS = 8,     /* the first field is its own id (alias.h) */
};

/* Numbers in a head stay below these. */
#define PIRN__VERSION_END (1u << 24)
#define PIRN__BODY_BYTES_END (1ull << 40)

/*
 * Where something stands: byte at * 64 of a segment, and which record of it
 * keeps it there. The low bits of the segment's generation, so that what an
 * owner left behind never leads into a later turn: a segment does not turn 2^14
 * times before somebody recovers him.
 *
 *   63     50 49       36 35      16 15      0
 *   | segment | generation | at      | record |
 */
struct pirn__place {
    uint32_t segment;    /* below 2^14 */
    uint32_t at;         /* below 2^20 */
    uint16_t generation; /* below 2^14 */
    uint16_t record;
};

#define PIRN__SEGMENTS_END (1u << 14)
#define PIRN__PLACE_END (1u << 20)
#define PIRN__GENERATION_BITS 0x3fffu

static inline uint64_t pirn__place_pack(struct pirn__place place)
{
    return (uint64_t)place.segment << 50 |
           (uint64_t)(place.generation & PIRN__GENERATION_BITS) << 36 |
           (uint64_t)place.at << 16 | place.record;
}

static inline struct pirn__place pirn__place_unpack(uint64_t value)
{
    return (struct pirn__place){
        .segment = (uint32_t)(value >> 50),
        .at = (uint32_t)(value >> 16 & (PIRN__PLACE_END - 1)),
        .generation = (uint16_t)(value >> 36 & PIRN__GENERATION_BITS),
        .record = (uint16_t)value,
    };
}

struct pirn__head {
    struct pirn_id id;
    uint32_t version; /* 1 the first */
    enum pirn__record_kind kind;
    uint8_t flags;
    uint8_t priority; /* 0 .. 15, the higher the earlier */
    uint16_t queue;   /* the log's number for it */
    uint16_t attempts;
    uint32_t part_bytes; /* 96 and the fields, to the next 64 */
    uint64_t due_ns;     /* 0: at once */
    uint64_t body_bytes;
    uint32_t part_at;        /* in units of 64 bytes */
    struct pirn__place body; /* of a PUT: behind its own part */
};

struct pirn__part {
    struct pirn__head head;
    uint64_t digest; /* XXH3-64 of the body */
    uint64_t created_ns;
    const char *fields; /* @fields_bytes; borrowed */
    uint32_t fields_bytes;
};

/** pirn__head_encode() - to PIRN__HEAD_BYTES */
void pirn__head_encode(const struct pirn__head *head, uint8_t *buf);

/** pirn__head_decode() - -EBADMSG: fields that no head of ours has */
PIRN_MUST_CHECK int pirn__head_decode(const uint8_t *buf,
                                      struct pirn__head *ret_head);

/** pirn__part_bytes() - how long a part with so many bytes of fields is */
uint32_t pirn__part_bytes(uint32_t fields_bytes);

/**
 * pirn__part_encode() - but for its place and its sum
 * @buf: part->head.part_bytes, all of them written
 */
void pirn__part_encode(const struct pirn__part *part, uint8_t *buf);

/**
 * pirn__part_seal() - an encoded part gets its place and its sum
 * @place: its own; a PUT's body's follows from it
 */
void pirn__part_seal(uint8_t *buf, struct pirn__place place, uint64_t salt);

/** pirn__head_part_at(), pirn__head_version() - of an encoded head */
uint32_t pirn__head_part_at(const uint8_t *buf);
uint32_t pirn__head_version(const uint8_t *buf);

/** pirn__part_head() - the head inside a part */
static inline const uint8_t *pirn__part_head(const uint8_t *buf)
{
    return buf + 8;
}

/** pirn__head_body_room() - how many bytes a record's body takes behind its
 * part: to the next 64; 0 of a META, and of a body that is a file */
uint64_t pirn__head_body_room(const struct pirn__head *head);

/**
 * pirn__part_decode() - from @len bytes, part_bytes at least
 *
 * Return: 0, @ret_part borrows @buf; -EBADMSG torn, damaged or of another turn
 */
PIRN_MUST_CHECK int pirn__part_decode(const uint8_t *buf, size_t len,
                                      uint64_t salt,
                                      struct pirn__part *ret_part);

/*
 * An id of the log says where to look: neither a scan nor a hash is needed.
 *
 *    48 bits   12 bits   32 bits       26 bits   10 bits
 *   +---------+---------+-------------+---------+-------+
 *   | ms      | epoch   | incarnation | slot    | shard |
 *   +---------+---------+-------------+---------+-------+
 *
 * The shard, slot % 64, names the directory of a body that is a file of its
 * own. The slot's own record says whether the id is really its item's: others'
 * ids have other bits there.
 */
#define PIRN__LOG_SLOTS_MAX (1u << 26)
#define PIRN__LOG_SHARDS 64u

struct pirn__log_id {
    uint64_t ms;
    uint16_t epoch; /* the low 12 bits */
    uint32_t incarnation;
    uint32_t slot;
};

void pirn__log_id_pack(const struct pirn__log_id *parts,
                       struct pirn_id *ret_id);
void pirn__log_id_unpack(const struct pirn_id *id,
                         struct pirn__log_id *ret_parts);

#endif /* SPOOL_LOG_RECORD_H */
