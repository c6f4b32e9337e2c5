/* SPDX-License-Identifier: MIT */
/*
 * spool/check/log_walk.h - what the log has, item by item, and of one id
 */
#ifndef SPOOL_CHECK_LOG_WALK_H
#define SPOOL_CHECK_LOG_WALK_H

#include "spool/log/log.h"

struct pirn_check_work;

/** pirn__check_log_bodies() - of one shard, as they were listed */
void pirn__check_log_bodies(struct pirn_check_work *work);

/** pirn__check_log() - the walk's last part, also without a log */
void pirn__check_log(struct pirn_check_work *work);

/** pirn__check_log_items() - behind its segments; then the walk has ended */
void pirn__check_log_items(struct pirn_check_work *work);

/* ---- of one id ---- */

/** pirn__check_log_has() - an item of that id is there, whoever has it */
bool pirn__check_log_has(const struct pirn_spool *spool,
                         const struct pirn_id *id);

/** pirn__check_log_has_file() - its body stands in none of the segments */
bool pirn__check_log_has_file(const struct pirn_spool *spool,
                              const struct pirn_id *id);

/** pirn__check_log_is_stale() - whether a dead owner has it, by its word */
bool pirn__check_log_is_stale(const struct pirn_spool *spool,
                              const struct pirn_id *id, uint64_t *ret_word);

/** pirn__check_log_lead() - who recovers the owner that its word names finds
 * it, also where that word was written over */
void pirn__check_log_lead(const struct pirn_spool *spool,
                          const struct pirn_id *id);

/* ---- of all of it ---- */

/** pirn__check_log_sum() - another number when the log was written to, or
 * something in it removed */
uint64_t pirn__check_log_sum(const struct pirn__log *log);

#endif /* SPOOL_CHECK_LOG_WALK_H */
