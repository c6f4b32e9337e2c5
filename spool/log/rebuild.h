/* SPDX-License-Identifier: MIT */
/*
 * spool/log/rebuild.h - a new index, filled from what is on the disk
 *
 *   who waits for all of it:   read, restored, whole
 *   who is in a hurry:         read in part -> back to the caller
 *                                           -> the rest, in turns -> whole
 */
#ifndef SPOOL_LOG_REBUILD_H
#define SPOOL_LOG_REBUILD_H

#include "spool/log/log.h"

/**
 * pirn__log_rebuild() - all that lives, and the states of all segments; by who
 * is alone, in an index that is zeroed
 * @early: of all that is to be read so much first that items can be handed out;
 *         if that is less, log->rebuild is there until the rest is done, too
 *
 * Return: 0; -ENOMEM; or an errno. Blocks.
 */
PIRN_MUST_CHECK int pirn__log_rebuild(struct pirn__log *log, bool early);

/* Until the index is whole. Start &it->waiter.op; result 0, or why it never
 * will be. With the first one the rest is begun. */
struct pirn__rebuild_wait {
    struct pirn__waiter waiter;
    struct pirn__log *log;
};
void pirn__prep_rebuild_wait(struct pirn__rebuild_wait *wait,
                             struct pirn__log *log);

/** pirn__log_wait_whole() - likewise. Blocks. */
PIRN_MUST_CHECK int pirn__log_wait_whole(struct pirn__log *log);

#endif /* SPOOL_LOG_REBUILD_H */
