/* SPDX-License-Identifier: MIT */
/*
 * spool/log/rebuild_parts.h - what the files that rebuild an index share
 *
 *   rebuild.c --> rebuild_peek.c, all segments: which may wait
 *             --> rebuild_pass.c, all segments: replay, states of segments
 *             --> rebuild_read.c, alone, what is left of one, or all of it
 *             --> rebuild_hole.c, of that what has to be there and cannot be
 *                 read
 *             --> rebuild_restore.c, all that live: slots, tombstones
 *             --> rebuild_later.c, what may wait, in turns; items of it that
 *                 can be handed out before the end: rebuild_tell.c
 */
#ifndef SPOOL_LOG_REBUILD_PARTS_H
#define SPOOL_LOG_REBUILD_PARTS_H

#include "spool/log/log.h"
#include "spool/log/replay.h"

/* What is to be read of a segment. */
enum pirn__rebuild_left {
    PIRN__REBUILD_NOTHING = 0, /* as it is, too, of one that is not there */
    PIRN__REBUILD_TAIL,        /* its last batch, which is judged */
    PIRN__REBUILD_REST,        /* from there on all: a batch cannot be read */
    PIRN__REBUILD_ALL,
};

/* How far a segment was read: up to a batch that is not added yet, or is not
 * there. */
struct pirn__rebuild_tail {
    struct pirn__segment_head head;
    struct pirn__batch_head batch;
    uint32_t at;            /* of the batch, in units of 64 */
    struct pirn__mark mark; /* of what is before it */
};

struct pirn__rebuild {
    struct pirn__log *log;
    struct pirn__replay replay;
    struct pirn__replay_segment *segments;
    void *memory;
    uint8_t *front; /* of a batch */
    uint8_t *whole; /* the last batch of a segment */
    uint32_t whole_cap;
    uint64_t **kept;  /* of each sealed segment: records that something needs */
    uint32_t *newest; /* of each slot: the item that names it, plus one */
    bool *ends;       /* of each segment: nothing of its turn is behind */
    enum pirn__rebuild_left *left;    /* of each segment */
    struct pirn__rebuild_tail *tails; /* of each that has one left */
    bool *is_synced;                  /* of each segment */
    bool *has_hole;   /* of each: of what has to be there not all is known */
    bool only_counts; /* what lives, and adds nothing */
    uint32_t alive;
    uint64_t now_ns; /* of all that is released */

    /* At the end. Of what is restored no entry is in a user's hand. */
    struct pirn__hand hand;
    struct pirn__actor actor;
    uint32_t count;      /* items that live */
    uint32_t restored;   /* of these */
    uint32_t slot_count; /* up to the highest that one of them names */

    /* Segments that may wait, in the order of their first commits. */
    bool *is_later; /* of each */
    bool *is_read;  /* of each: nothing more of it will be added soon */
    uint64_t *began_ns;
    uint32_t *order;
    uint32_t order_count;
    struct pirn__rebuild_later *later; /* the rest is done in turns */
};

/* Whose items are handed out now: order[turn]. */
struct pirn__rebuild_tell {
    uint32_t turn;
    struct pirn__replay_told told;
    bool has_next; /* it waits for its slot to be backed */
    struct pirn__head head;
    struct pirn__place place;
};

/** pirn__rebuild_generation() - the highest one that a segment's words name */
uint32_t pirn__rebuild_generation(const struct pirn__tombs *tombs,
                                  uint32_t segment);

/** pirn__rebuild_set_segment() - its word, of nobody */
void pirn__rebuild_set_segment(struct pirn__log *log, uint32_t segment,
                               enum pirn__segment_state state,
                               uint32_t generation);

/** pirn__rebuild_more_room() - for twice as many items; 0, -ENOMEM */
PIRN_MUST_CHECK int pirn__rebuild_more_room(struct pirn__rebuild *rebuild);

/** pirn__rebuild_add() - a batch into the replay; @bad as there. 0; -ENOMEM */
PIRN_MUST_CHECK int pirn__rebuild_add(struct pirn__rebuild *rebuild,
                                      const struct pirn__batch_head *head,
                                      const uint8_t *front,
                                      const uint64_t *bad);

/** pirn__rebuild_mark() - how far a segment goes with a batch; @at as a tail's
 */
void pirn__rebuild_mark(struct pirn__mark *mark,
                        const struct pirn__batch_head *head, uint32_t at);

/** pirn__rebuild_is_committed() - the last batch of a segment, by its bound:
 * nothing of it has to be judged */
bool pirn__rebuild_is_committed(const struct pirn__log *log,
                                const struct pirn__batch_head *head);

/** pirn__rebuild_may_go_on() - whether a segment of which so many records were
 * read may have more: its cut is further, or there is none */
bool pirn__rebuild_may_go_on(const struct pirn__log *log,
                             const struct pirn__segment_head *head,
                             uint32_t records);

/** pirn__rebuild_cursor() - at the first batch behind a mark */
void pirn__rebuild_cursor(struct pirn__batch_cursor *cursor,
                          const struct pirn__segment_head *segment,
                          struct pirn__mark mark);

/** pirn__rebuild_rest_at() - where that is in its segment */
static inline uint64_t pirn__rebuild_rest_at(struct pirn__mark mark)
{
    return PIRN__BATCH_UNIT + (uint64_t)mark.units * PIRN__BATCH_UNIT;
}

/**
 * pirn__rebuild_rest() - all batches behind @mark, of a segment that may have
 * more than can be read one after the other
 * @mark:  is behind them, at the end
 * @bytes: @len, all that there is from there on; fronts are put right in it
 *
 * Where something that lives has to be there, and cannot be read, has_hole of
 * the segment says so. Return: 0, -ENOMEM
 */
PIRN_MUST_CHECK int pirn__rebuild_rest(struct pirn__rebuild *rebuild,
                                       const struct pirn__segment_head *segment,
                                       struct pirn__mark *mark, uint8_t *bytes,
                                       size_t len);

/** pirn__rebuild_end_file() - all batches of a segment were read, up to @mark
 */
void pirn__rebuild_end_file(struct pirn__rebuild *rebuild,
                            const struct pirn__segment_head *head,
                            struct pirn__mark mark);

/** pirn__rebuild_is_plain() - whether a header is ours, of a turn that no word
 * says is over; @ret_head may be written on false, too */
bool pirn__rebuild_is_plain(const struct pirn__rebuild *rebuild,
                            uint32_t segment, const uint8_t *buf, uint32_t len,
                            struct pirn__segment_head *ret_head);

/** pirn__rebuild_seal() - a segment has what its header says: sealed */
void pirn__rebuild_seal(struct pirn__log *log,
                        const struct pirn__segment_head *head);

/* Start &it->op; result 0: is_later and began_ns say of each segment that is
 * left what it is. */
struct pirn__peek {
    struct pirn_op op;
    struct pirn__rebuild *rebuild;
    uint32_t next;
    uint32_t busy;
    struct pirn__peeker *peekers;
};

/** pirn__prep_peek() - the headers of all segments that are left */
void pirn__prep_peek(struct pirn__peek *peek, struct pirn__rebuild *rebuild);

/* Start &it->op; result 0 or an errno. What it does not read is left. */
struct pirn__pass {
    struct pirn_op op;
    struct pirn__rebuild *rebuild;
    bool is_later; /* those in their order; else all that may not wait */
    int32_t result;
    uint32_t next;
    uint32_t busy;
    struct pirn__pass_reader *readers;
};

/** pirn__prep_pass() - all segments that are left, many at a time */
void pirn__prep_pass(struct pirn__pass *pass, struct pirn__rebuild *rebuild,
                     bool is_later);

/** pirn__rebuild_read_segment() - what is left of one: its state, and what it
 * has into the replay. Blocks. */
PIRN_MUST_CHECK int pirn__rebuild_read_segment(struct pirn__rebuild *rebuild,
                                               uint32_t segment);

/** pirn__rebuild_end_tail() - the last batch of a segment whose cut is not its
 * end was read: @len bytes of it, into rebuild->whole. 0; -EIO, -ENOMEM */
PIRN_MUST_CHECK int pirn__rebuild_end_tail(struct pirn__rebuild *rebuild,
                                           uint32_t segment, size_t len);

/** pirn__rebuild_whole_room() - so many bytes there; 0, -ENOMEM */
PIRN_MUST_CHECK int pirn__rebuild_whole_room(struct pirn__rebuild *rebuild,
                                             uint32_t bytes);

/* All segments were read: what lives gets its slot, in the order of commits,
 * and the rest is buried. Before the second one slot_count slots are backed. */

/** pirn__rebuild_restore_begin() - 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__rebuild_restore_begin(struct pirn__rebuild *rebuild);

/** pirn__rebuild_restore_some() - so many items more; 1; 0: none was left */
PIRN_MUST_CHECK int pirn__rebuild_restore_some(struct pirn__rebuild *rebuild,
                                               uint32_t count);

/** pirn__rebuild_restore_end() - 0 or -ENOSPC */
PIRN_MUST_CHECK int pirn__rebuild_restore_end(struct pirn__rebuild *rebuild);

/** pirn__rebuild_restore() - all of that. Blocks. */
PIRN_MUST_CHECK int pirn__rebuild_restore(struct pirn__rebuild *rebuild);

/** pirn__rebuild_deinit() - its memory, but for itself */
void pirn__rebuild_deinit(struct pirn__rebuild *rebuild);

/** pirn__rebuild_go_on_later() - the order of what may wait, and the rest in
 * turns; log->rebuild until then. 0; or an errno: @rebuild is the caller's.
 * Blocks. */
PIRN_MUST_CHECK int pirn__rebuild_go_on_later(struct pirn__rebuild *rebuild);

/** pirn__rebuild_was_read() - of a segment that may wait: a batch more, or
 * (@is_all) no more */
void pirn__rebuild_was_read(struct pirn__rebuild *rebuild, uint32_t segment,
                            bool is_all);

/**
 * pirn__rebuild_tell() - hand out what can be, of what was read
 * @ret_told: how many items
 *
 * Return: 0; or how many slots have to be backed before it goes on
 */
uint32_t pirn__rebuild_tell(struct pirn__rebuild *rebuild,
                            struct pirn__rebuild_tell *tell,
                            uint32_t *ret_told);

#endif /* SPOOL_LOG_REBUILD_PARTS_H */
