/* SPDX-License-Identifier: MIT */
/*
 * spool/log/index.h - what all who have the log open share, in one file
 *
 *   header | owners | queues | segments | tombstones | catalogue, lanes, wheel
 *     | events
 *
 * Sizes are fixed when it is made; there are no pointers in it, and nothing in
 * it survives a boot. Its parts begin on pages. Pages are backed before they
 * are touched: all of the fixed part when it is made, slots, their stamps and
 * blocks of lanes as they are needed, in chunks, events by who listens to them.
 * Pure.
 */
#ifndef SPOOL_LOG_INDEX_H
#define SPOOL_LOG_INDEX_H

#include "spool/log/batch.h"
#include "spool/log/catalogue.h"
#include "spool/log/event_ring.h"
#include "spool/log/tomb.h"

#define PIRN__INDEX_VERSION 6u
#define PIRN__INDEX_OWNERS 1024u
#define PIRN__INDEX_QUEUES 128u
#define PIRN__INDEX_READS 8u
#define PIRN__INDEX_LISTENERS 64u
#define PIRN__INDEX_CHUNK 16384u /* slots that are backed at a time */

/* What fixes all sizes. */
struct pirn__index_size {
    uint32_t slots;
    uint32_t segments;
    uint64_t segment_bytes;
};

struct pirn__index_head {
    uint64_t version;
    uint64_t nonce;
    uint64_t ready; /* the nonce again, when all of it is there */
    uint64_t epoch;
    uint64_t slots;
    uint64_t segments;
    uint64_t segment_bytes;
    uint64_t failures;     /* of writes and syncs; not for want of room */
    uint64_t slots_backed; /* slots below, and what is theirs, may be touched */
    uint64_t rounds_begun; /* of tombstone syncs; the number of the last */
    uint64_t rounds_done;  /* the highest that ended well */
    uint64_t rounds_failed;
    uint64_t keeper;     /* owner + 1, and when he was last seen */
    uint64_t timekeeper; /* owner + 1, and the tick that he sleeps until */
    uint64_t swept;      /* when a sleeper last looked for dead owners */

    /* A bit each who is told what is done; on a line that seldom changes. */
    _Alignas(64) uint64_t listening;
    uint64_t listeners[PIRN__INDEX_LISTENERS]; /* owner + 1 of each bit */
};

/* Of each owner's slot. */
struct pirn__index_owner {
    struct pirn__hand hand;
    struct pirn__hand spare; /* to recover the first one's last life with */
    uint64_t reads[PIRN__INDEX_READS]; /* segment + 1 that is read unclaimed */
    uint64_t trail[PIRN__TRAIL_WORDS];
};

/* States of a segment, and its word: state 4 | owner 10 | 0 18 | generation 32.
 */
enum pirn__segment_state {
    PIRN__SEGMENT_UNMADE = 0,
    PIRN__SEGMENT_MAKING,
    PIRN__SEGMENT_FREE,
    PIRN__SEGMENT_TAKING,
    PIRN__SEGMENT_ACTIVE,
    PIRN__SEGMENT_OPEN,
    PIRN__SEGMENT_SEALED,
    PIRN__SEGMENT_RETIRED,
    PIRN__SEGMENT_STATES,
};

struct pirn__segment_word {
    enum pirn__segment_state state;
    uint16_t owner;
    uint32_t generation;
};

/* How far a segment is committed, in one word: records 16 | units 16 of 4 KiB |
 * batches 32. */
struct pirn__mark {
    uint16_t records;
    uint16_t units;
    uint32_t batches;
};

struct pirn__index_segment {
    uint64_t word;
    uint64_t salt;
    uint64_t mark;
    uint64_t retired; /* the round after which it may be free */
};

/* A queue's number is its place; a name is written once, its length last. */
struct pirn__index_queue {
    uint64_t len;
    char name[PIRN_QUEUE_TEXT];
    uint64_t turn;                              /* whom to wake next */
    uint64_t sleeping[PIRN__INDEX_OWNERS / 64]; /* a bit each owner: wake him */
};

/* The parts, where this process has them mapped. */
struct pirn__index {
    struct pirn__index_head *head;
    struct pirn__index_owner *owners;
    struct pirn__index_segment *segments;
    struct pirn__index_queue *queues;
    struct pirn__tombs tombs;
    struct pirn__catalogue catalogue;
    uint32_t *stamps;     /* of each slot: since when it is claimed (stamp.h) */
    uint64_t fixed_bytes; /* from the beginning: backed when it is made */
    uint64_t slots_at;    /* offsets of what is backed in chunks */
    uint64_t stamps_at;
    uint64_t blocks_at;
    struct pirn__event_ring events;
    uint64_t events_at; /* backed before anybody's bit says that he listens */
    uint64_t events_bytes;
    uint64_t bytes; /* all of it */
};

/** pirn__index_size_check() - -EINVAL: sizes that no index has */
PIRN_MUST_CHECK int pirn__index_size_check(const struct pirn__index_size *size);

/** pirn__index_lay_out() - where each part is; @memory NULL: sizes only */
void pirn__index_lay_out(const struct pirn__index_size *size, void *memory,
                         struct pirn__index *ret_index);

/** pirn__index_init() - once, by who makes it, in zeroed memory */
void pirn__index_init(const struct pirn__index *index,
                      const struct pirn__index_size *size, uint64_t nonce,
                      uint64_t epoch, uint64_t now_ns);

/** pirn__index_is_ours() - whether this program can use one of that version */
bool pirn__index_is_ours(uint64_t version);

/** pirn__index_check() - whether a mapped one is whole, and of these sizes:
 * 0; -EAGAIN it is still being made; -EBADMSG; -EPROTO of another version */
PIRN_MUST_CHECK int pirn__index_check(const struct pirn__index *index,
                                      const struct pirn__index_size *size,
                                      uint64_t nonce);

/* What so many slots need of blocks. */
uint64_t pirn__index_blocks_for(uint64_t slots);

static inline uint64_t pirn__segment_pack(struct pirn__segment_word word)
{
    return (uint64_t)word.state << 60 | (uint64_t)(word.owner & 0x3ff) << 50 |
           word.generation;
}

static inline struct pirn__segment_word pirn__segment_unpack(uint64_t value)
{
    return (struct pirn__segment_word){
        .state = (enum pirn__segment_state)(value >> 60),
        .owner = (uint16_t)(value >> 50 & 0x3ff),
        .generation = (uint32_t)value,
    };
}

static inline uint64_t pirn__mark_pack(struct pirn__mark mark)
{
    return (uint64_t)mark.records << 48 | (uint64_t)mark.units << 32 |
           mark.batches;
}

/* Whatever stands there, there are no more records than tombstones. */
static inline struct pirn__mark pirn__mark_unpack(uint64_t value)
{
    uint16_t records = (uint16_t)(value >> 48);

    return (struct pirn__mark){
        .records = records <= PIRN__SEGMENT_RECORDS_MAX
                       ? records
                       : (uint16_t)PIRN__SEGMENT_RECORDS_MAX,
        .units = (uint16_t)(value >> 32),
        .batches = (uint32_t)value,
    };
}

/** pirn__index_queue_find() - a queue's number, or -ENOENT */
int pirn__index_queue_find(const struct pirn__index *index, const char *name);

#endif /* SPOOL_LOG_INDEX_H */
