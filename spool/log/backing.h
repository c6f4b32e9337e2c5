/* SPDX-License-Identifier: MIT */
/*
 * spool/log/backing.h - pages of the index, before they are touched
 *
 * A store to a page that the file system cannot give is SIGBUS. So slots are
 * used only below what has been allocated, with their stamps and all the blocks
 * of lanes that so many slots can need.
 */
#ifndef SPOOL_LOG_BACKING_H
#define SPOOL_LOG_BACKING_H

#include <pirn/context.h>

#include "spool/waiters.h"

struct pirn__log;

/** pirn__log_slots_backed() - slots that may be used now */
uint32_t pirn__log_slots_backed(const struct pirn__log *log);

/** pirn__log_back_slots() - of an index that is being made: so many at least.
 * Blocks. */
PIRN_MUST_CHECK int pirn__log_back_slots(struct pirn__log *log, uint32_t slots);

/* One at work, for all who wait. Zeroed memory is idle. */
struct pirn__backing {
    struct pirn__waiters waiters;
    bool is_running;
    uint32_t from;
    uint32_t part; /* that is on its way */
    struct pirn_op step;
};

/* Start &it->waiter.op; result 0, or -ENOSPC and the like. */
struct pirn__backing_wait {
    struct pirn__waiter waiter;
    struct pirn__log *log;
    uint32_t from;
};

/** pirn__prep_backing() - one chunk more than @from, which were too few */
void pirn__prep_backing(struct pirn__backing_wait *wait, struct pirn__log *log,
                        uint32_t from);

#endif /* SPOOL_LOG_BACKING_H */
