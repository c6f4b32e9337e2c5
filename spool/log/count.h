/* SPDX-License-Identifier: MIT */
/*
 * spool/log/count.h - what is there, by a walk over the slots
 */
#ifndef SPOOL_LOG_COUNT_H
#define SPOOL_LOG_COUNT_H

#include "spool/log/log.h"

/**
 * pirn__log_list() - the next items, in the order of their slots
 * @queue: a number, or -1: of all queues
 * @at:    in and out: the next slot; 0 at the start
 * @page:  @max of them
 *
 * Return: how many; 0: there are no more
 */
uint32_t pirn__log_list(const struct pirn__log *log, int queue, uint32_t *at,
                        struct pirn_listed *page, uint32_t max);

/** pirn__log_count() - add to what a status says */
void pirn__log_count(const struct pirn__log *log, struct pirn_status *status);

/** pirn__log_has_items() - whether there is one that is neither being made nor
 * removed; looks at slots until it has found one */
bool pirn__log_has_items(const struct pirn__log *log);

#endif /* SPOOL_LOG_COUNT_H */
