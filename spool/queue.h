/* SPDX-License-Identifier: MIT */
/*
 * spool/queue.h - the queues that are there
 *
 * A directory of the spool is a queue if its name is a queue's and it has a
 * .checkout. One that another process makes is met by the next refresh.
 */
#ifndef SPOOL_QUEUE_H
#define SPOOL_QUEUE_H

#include <pirn/chain.h>

#include "spool/scan.h"
#include "spool/spool.h"

/** pirn__queue_find() - one that is known; NULL: refresh and ask again */
struct pirn__queue *pirn__queue_find(const struct pirn_spool *spool,
                                     const char *name);

/* Meeting the queues that others have made. Start &it->op. */
struct pirn__refresh {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__scan scan;
    struct pirn__queue *found; /* by ->next; not in the table yet */
    uint32_t queue_at;         /* that is listed */
    struct pirn_op mkdir;
    struct pirn_op open;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op *steps[3];
    struct pirn_chain chain;
    struct pirn__name path;
};

/**
 * pirn__prep_refresh() - list the spool, and get each new queue ready for us
 *
 * Result: 0 or an errno. Our directory for claims is durable in each queue
 * before the queue is used: an item is never renamed into a directory whose own
 * name a power cut could take.
 */
void pirn__prep_refresh(struct pirn__refresh *refresh,
                        struct pirn_spool *spool);

/**
 * pirn__queue_meet() - find a queue, also one that was not known yet
 * @op: a task that has begun; where there is no such queue it is finished, with
 *      -ENOENT or what went wrong; else @met goes on with it
 */
typedef void pirn__queue_met_fn(struct pirn_op *op, struct pirn__queue *queue);
void pirn__queue_meet(struct pirn_spool *spool, const char *name,
                      struct pirn_op *op, pirn__queue_met_fn *met);

/** pirn__queue_of_files() - the number of the first queue from @from on that
 * has files, or the number of queues: the log's have none */
uint32_t pirn__queue_of_files(const struct pirn_spool *spool, uint32_t from);

/** pirn__queue_take_shelf() - note what an entry of a queue's directory says
 * that it has; false: a shard, .checkout, or nothing of ours */
bool pirn__queue_take_shelf(struct pirn__queue *queue, const char *name);

/** pirn__queues_deinit() - forget all queues. Blocks. */
void pirn__queues_deinit(struct pirn_spool *spool);

#endif /* SPOOL_QUEUE_H */
