/* SPDX-License-Identifier: MIT */
/*
 * spool/settle.h - an open that hands out items before it knows all of them
 *
 *   open -> the log's index is whole -> the gate -> names of our slot's last
 *     owner -> other dead owners -> settled
 *
 * Until then the log's items may be claimed and read, and whatever else is
 * begun waits. Zeroed memory is settled.
 */
#ifndef SPOOL_SETTLE_H
#define SPOOL_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/op.h>

#include "spool/waiters.h"

struct pirn_context;
struct pirn_spool;

/* The begin of a verb's task. */
typedef void pirn__verb_fn(struct pirn_context *context, struct pirn_op *op);

/* One that waits. */
struct pirn__held {
    struct pirn__held *next;
    struct pirn_op *op;
    pirn__verb_fn *begin;
};

struct pirn__settle {
    bool is_pending;
    int32_t result; /* why it never will be settled; else 0 */
    struct pirn__held *head;
    struct pirn__held *tail;
    struct pirn__waiters waiters;
    struct pirn__settling *settling; /* while it is under way */
};

/** pirn__settle_start() - the log's index is being made still. 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__settle_start(struct pirn_spool *spool);

/** pirn__settle_wait() - until it is settled, or never will be. Blocks. */
void pirn__settle_wait(struct pirn_spool *spool);

/**
 * pirn__settle_holds() - a verb has begun
 * @begin: called again, once, when the spool is settled
 *
 * Return: true: it waits, or was finished with why it cannot be
 */
PIRN_MUST_CHECK bool pirn__settle_holds(struct pirn_spool *spool,
                                        struct pirn_op *op,
                                        pirn__verb_fn *begin);

#endif /* SPOOL_SETTLE_H */
