/* SPDX-License-Identifier: MIT */
/*
 * spool/log/queues.h - names of queues and their numbers
 *
 * A number is the name of a file in .log/queues, whose text says the queue's.
 * The file appears whole, by a link, and is never changed; where two makers
 * gave one name two numbers, the lower one counts for what is new.
 */
#ifndef SPOOL_LOG_QUEUES_H
#define SPOOL_LOG_QUEUES_H

#include "spool/log/log.h"

/** pirn__log_load_queues() - into an index that is new. Blocks. */
PIRN_MUST_CHECK int pirn__log_load_queues(struct pirn__log *log);

/** pirn__log_queue_name() - of a number; "?" where there is none */
void pirn__log_queue_name(const struct pirn__log *log, uint32_t number,
                          char name[PIRN_QUEUE_TEXT]);

#endif /* SPOOL_LOG_QUEUES_H */
