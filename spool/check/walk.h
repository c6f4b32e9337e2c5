/* SPDX-License-Identifier: MIT */
/*
 * spool/check/walk.h - every directory of a spool, and what belongs together
 *
 *   check_walk --> rooms, one behind the other --> check_log --> end
 *                                                    segments, then items
 *                    a shard, when all its rooms are listed: check_shard
 *                    the ids that lead to the log: check_aliases
 *
 * Each goes on by itself, and calls the next one at its end.
 */
#ifndef SPOOL_CHECK_WALK_H
#define SPOOL_CHECK_WALK_H

#include <stdbool.h>

#include <pirn/item.h>

struct pirn_check_work;

/* ---- walk.c ---- */

/** pirn__check_walk() - from the first room to the last */
void pirn__check_walk(struct pirn_check_work *work);

/** pirn__check_next_room() - the room's part of the walk has ended */
void pirn__check_next_room(struct pirn_check_work *work);

/* ---- shard.c, alias_walk.c, segment_walk.c ---- */

/** pirn__check_shard() - bodies and names of one shard, as they were listed */
void pirn__check_shard(struct pirn_check_work *work);

/** pirn__check_is_misplaced() - whether it was met in another's directory: then
 * it is looked at when it has been put right */
bool pirn__check_is_misplaced(const struct pirn_check_work *work,
                              const struct pirn_id *id);

/** pirn__check_aliases() - those that were listed; there is a log */
void pirn__check_aliases(struct pirn_check_work *work);

/** pirn__check_segments() - their headers; then the log's items */
void pirn__check_segments(struct pirn_check_work *work);

#endif /* SPOOL_CHECK_WALK_H */
