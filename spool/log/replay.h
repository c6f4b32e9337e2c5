/* SPDX-License-Identifier: MIT */
/*
 * spool/log/replay.h - from what is on the disk to the items that live
 *
 *   of each segment: header -> cursor -> front of each batch ------+
 *                               judge -> of the last, what is bad --+-> replay
 *   tombstone words -------------------------------------------------+
 *
 * Segments come in any order, the batches of one in theirs. An item is what its
 * newest record says, dead ones counted, absent ones not; it lives if that one
 * is alive and the record that keeps its body is, too. Memory is the caller's:
 * he asks for room before each batch and gives more when there is none. Pure.
 */
#ifndef SPOOL_LOG_REPLAY_H
#define SPOOL_LOG_REPLAY_H

#include "spool/log/batch.h"
#include "spool/log/tomb.h"

#define PIRN__REPLAY_BAD_WORDS (PIRN__BATCH_RECORDS / 64u)

/* What was read of a segment. */
struct pirn__replay_segment {
    uint32_t generation; /* 0: it was not read */
    uint32_t records;
    uint32_t last; /* the first record of the last batch */
    uint32_t
        batches; /* that have an item's record; at the end where they end */
    uint32_t first_batch; /* of these the number, plus one; 0: there is none */
    uint32_t last_batch;
    bool has_later; /* a version that is not its item's first */
    uint64_t bad[PIRN__REPLAY_BAD_WORDS]; /* of that batch; a bit a record */
};

/* One that has at least one record which may count. */
struct pirn__replay_batch {
    uint64_t written_ns;
    uint32_t segment;
    uint32_t generation;
    uint32_t first_record;
    uint32_t items; /* at the end: that began here and live, then their end */
    uint32_t first_met; /* items that were met here and nowhere before: the */
    uint32_t met;       /* first one, and how many */
    uint32_t next;      /* of its segment; as there */
};

/* An id, by the newest record of it that was met; that one's head is beside. */
struct pirn__replay_item {
    uint32_t batch;
    uint32_t first_batch; /* of the first record of it that is there */
    uint16_t record;
    uint16_t first_record;
    uint32_t is_dead;
};

struct pirn__replay {
    const struct pirn__tombs *tombs; /* the disk's copy; of all segments */
    struct pirn__replay_segment *segments; /* as many, zeroed */
    struct pirn__replay_batch *batches;
    uint8_t *heads; /* of each item, PIRN__HEAD_BYTES */
    struct pirn__replay_item *items;
    uint64_t *table; /* by id: bits of it, and the item's number + 1 */
    uint32_t *order; /* at the end: of the live; in the table's place */
    uint32_t cap;    /* of items, and of batches */
    uint32_t count;
    uint32_t batch_count;
};

/** pirn__replay_bytes() - memory for so many ids, a power of two; they are the
 * dead ones, too: no more than records that were ever put */
size_t pirn__replay_bytes(uint32_t cap);

/** pirn__replay_init() - nothing read
 * @memory: pirn__replay_bytes(@cap), aligned as malloc() does */
void pirn__replay_init(struct pirn__replay *replay,
                       const struct pirn__tombs *tombs,
                       struct pirn__replay_segment *segments, void *memory,
                       uint32_t cap);

/** pirn__replay_has_room() - whether a batch of so many records may be added */
bool pirn__replay_has_room(const struct pirn__replay *replay, uint32_t count);

/** pirn__replay_move() - to more memory; the old is the caller's again */
void pirn__replay_move(struct pirn__replay *replay, void *memory, uint32_t cap);

/**
 * pirn__replay_judge() - which records of a batch are whole
 * @head:  from the cursor
 * @batch: @len bytes from its first on; fewer than head->bytes: it ends there
 * @at:    of the batch in its segment, in units of 64
 * @bad:   PIRN__REPLAY_BAD_WORDS; a bit is set for each record that is not
 *
 * Of a segment's last batch only: the ones before were whole when the next was
 * begun. Part, head and body are judged.
 *
 * Return: how many are not whole
 */
uint32_t pirn__replay_judge(const struct pirn__batch_head *head,
                            const uint8_t *batch, size_t len, uint32_t at,
                            uint64_t salt, uint64_t *bad);

/**
 * pirn__replay_batch() - one more batch; there is room
 * @head:  from the cursor, and so are those behind it in @heads
 * @bad:   of the last batch of a segment, from the judge; else NULL
 */
void pirn__replay_batch(struct pirn__replay *replay,
                        const struct pirn__batch_head *head,
                        const uint8_t *heads, const uint64_t *bad);

/* How far the items of a segment were told; zeroed: none was. */
struct pirn__replay_told {
    uint32_t batch; /* as there */
    uint32_t items; /* of those that were met in it */
};

/**
 * pirn__replay_tell() - before the end: an item that began in a segment and
 * that nothing else was met of
 *
 * All that may have a newer version of one was read before; so it is what the
 * end will say. In the order of their records.
 *
 * Return: false: of all that was read of the segment each was told
 */
bool pirn__replay_tell(const struct pirn__replay *replay, uint32_t segment,
                       struct pirn__replay_told *told,
                       struct pirn__head *ret_head,
                       struct pirn__place *ret_place);

/** pirn__replay_end() - nothing more comes; returns how many items live */
uint32_t pirn__replay_end(struct pirn__replay *replay);

/**
 * pirn__replay_get() - the @i-th that lives
 * @ret_place: of its part
 *
 * In the order of their first commits; of one moment, segment by segment.
 */
void pirn__replay_get(const struct pirn__replay *replay, uint32_t i,
                      struct pirn__head *ret_head,
                      struct pirn__place *ret_place);

/** pirn__replay_id() - the id of the @i-th that lives */
const struct pirn_id *pirn__replay_id(const struct pirn__replay *replay,
                                      uint32_t i);

#endif /* SPOOL_LOG_REPLAY_H */
