/* SPDX-License-Identifier: MIT */
/*
 * spool/log/segments.h - which segments there are, and getting one to write
 *
 *   UNMADE -> MAKING -> FREE -> TAKING -> ACTIVE -> SEALED -> RETIRED -> FREE
 *                                          ^  |
 *                                   OPEN --+--+
 */
#ifndef SPOOL_LOG_SEGMENTS_H
#define SPOOL_LOG_SEGMENTS_H

#include <pirn/context.h>

#include "spool/log/index.h"
#include "spool/log/keeper.h"
#include "spool/log/segment_files.h"

struct pirn__log;

/* Segments that are free and not given to new items: changes and compaction go
 * on when the disk is full, and so do removals. */
#define PIRN__SEGMENTS_RESERVE 2u

/* Getting one to write. Start &it->op. */
struct pirn__segment_take {
    struct pirn_op op;
    struct pirn__log *log;
    bool for_items;  /* leaves the reserve alone */
    bool is_ahead;   /* of need: FREE, and nobody's */
    uint32_t rounds; /* that were waited for, so that one may be free */
    struct pirn__round_wait round;
    uint32_t segment;
    struct pirn__segment_word word;
    struct pirn__segment_hold hold;
    struct pirn_op step;
    uint64_t at; /* bytes of zeros written */
    int32_t result;
    uint8_t *zeros;
};

/**
 * pirn__prep_segment_take() - one that is ours alone to write: ACTIVE
 *
 * Result: its number; -ENOSPC there is none, and no room for one; or an errno
 */
void pirn__prep_segment_take(struct pirn__segment_take *take,
                             struct pirn__log *log, bool for_items);

/** pirn__prep_segment_make() - one more that is free, ahead of need, unless
 * there are enough; result: >= 0, or an errno as above */
void pirn__prep_segment_make(struct pirn__segment_take *take,
                             struct pirn__log *log);

/** pirn__segments_count() - how many are in a state */
uint32_t pirn__segments_count(const struct pirn__log *log,
                              enum pirn__segment_state state);

/** pirn__segments_have_room() - for a new item there may be one to be had */
bool pirn__segments_have_room(struct pirn__log *log);

/** pirn__segment_seal() - an ACTIVE one of ours: nothing more is written; cut
 * at its mark
 * @is_first: what it has are first versions, and all that was written was
 *            committed: the cut says so */
void pirn__segment_seal(struct pirn__log *log, uint32_t segment, bool is_first);

/** pirn__segment_keep() - of one that may grow: its bound has what is committed
 * by now; false: that is nothing new */
bool pirn__segment_keep(struct pirn__log *log, uint32_t segment);

/** pirn__segment_leave() - an ACTIVE one of ours: somebody else may go on */
void pirn__segment_leave(struct pirn__log *log, uint32_t segment);

/**
 * pirn__segments_retire() - sealed ones without survivors, as far as they are
 *
 * A sealed one whose records are all dead is retired; one that was retired is
 * free if every tombstone was synced since, and nobody reads it.
 *
 * Return: the round after which more are free; 0: none waits for one
 */
uint64_t pirn__segments_retire(struct pirn__log *log);

/**
 * pirn__segment_announce() - that we read it, or mend its header
 *
 * Who finds it in use after that knows that it is not taken for another turn
 * until he stores 0 there. Return: a free entry of ours, filled; NULL: none is
 */
uint64_t *pirn__segment_announce(struct pirn__log *log, uint32_t segment);

/** pirn__segments_inherit() - a dead owner's: made again, or cut and sealed */
void pirn__segments_inherit(struct pirn__log *log, uint16_t dead);

#endif /* SPOOL_LOG_SEGMENTS_H */
