/* SPDX-License-Identifier: MIT */
/*
 * spool/log/rebuild_parts.h - what the files that rebuild an index share
 *
 *   rebuild.c --> rebuild_read.c, a segment: replay, states of segments
 *             --> rebuild_restore.c, all that live: slots, tombstones
 */
#ifndef SPOOL_LOG_REBUILD_PARTS_H
#define SPOOL_LOG_REBUILD_PARTS_H

#include "spool/log/log.h"
#include "spool/log/replay.h"

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
    int32_t *synced;  /* of each segment; see ahead.h */
    bool only_counts; /* what lives, and adds nothing */
    uint32_t alive;
    uint64_t now_ns; /* of all that is released */
};

/** pirn__rebuild_read_at() - as much as is there, up to @len; or an errno.
 * Blocks. */
PIRN_MUST_CHECK int64_t pirn__rebuild_read_at(struct pirn__log *log, int fd,
                                              uint8_t *buf, uint32_t len,
                                              uint64_t offset);

/** pirn__rebuild_set_segment() - its word, of nobody */
void pirn__rebuild_set_segment(struct pirn__log *log, uint32_t segment,
                               enum pirn__segment_state state,
                               uint32_t generation);

/** pirn__rebuild_more_room() - for twice as many items; 0, -ENOMEM */
PIRN_MUST_CHECK int pirn__rebuild_more_room(struct pirn__rebuild *rebuild);

/** pirn__rebuild_read_segment() - one that is there: its state, and what it has
 * into the replay. Blocks. */
PIRN_MUST_CHECK int pirn__rebuild_read_segment(struct pirn__rebuild *rebuild,
                                               uint32_t segment);

/** pirn__rebuild_restore() - all segments were read: what lives gets its slot,
 * in the order of commits, and the rest is buried. Blocks. */
PIRN_MUST_CHECK int pirn__rebuild_restore(struct pirn__rebuild *rebuild);

#endif /* SPOOL_LOG_REBUILD_PARTS_H */
