/* SPDX-License-Identifier: MIT */
/*
 * bench/stock.h - our spool: made, filled, emptied; with public headers alone
 *
 * Which layout is measured is decided by who makes the spool: stock_open()
 * makes one of the log's where there is none, stock_make() one of either.
 */
#ifndef BENCH_STOCK_H
#define BENCH_STOCK_H

#include <stdint.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "bench/crowd.h"
#include "bench/histogram.h"
#include "bench/sides.h"

extern const char STOCK_QUEUE[];

/** stock_make() - a spool, empty, with a queue of that layout; files alone have
 * no log beside them; 0 or an errno */
int stock_make(const char *path, enum pirn_layout layout);

/** stock_open() - a spool and a queue, there already or, with the log's layout,
 * made; its path is @path */
int stock_open(struct pirn_context *context, const char *path,
               struct pirn_spool **ret_spool);

/** stock_open_early() - the same; items are handed out before all are known */
int stock_open_early(struct pirn_context *context, const char *path,
                     struct pirn_spool **ret_spool);

/** stock_lose_index() - nobody has it open: what it shares in memory is gone,
 * as after a power loss; 0 or an errno */
int stock_lose_index(const char *path);

/** stock_remove() - nobody has it open: nothing is left of it */
void stock_remove(const char *path);

/* Items enqueued, @depth of them on their way at a time. */
struct inflow {
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t depth;
    uint64_t limit;  /* nothing is begun beyond so many ... */
    uint64_t end_ns; /* ... or after that */
    uint64_t begun;
    uint64_t done; /* durable */
    uint32_t in_flight;
    int error;
    struct histogram *latency; /* may be NULL */
    char body[COMMIT_BYTES];
    struct inflow_item {
        struct pirn_draft draft;
        struct inflow *inflow;
        uint64_t began_ns;
    } items[SPOOL_DEPTH];
};

/** inflow_create() - with a context of its own and no spool; NULL: no memory,
 * or no context */
struct inflow *inflow_create(uint32_t depth);

void inflow_destroy(struct inflow *inflow);

/** inflow_start() - as many as may be begun */
void inflow_start(struct inflow *inflow);

/** inflow_run() - until the limit or the end, and all that was begun is done;
 * 0, or the first error */
int inflow_run(struct inflow *inflow);

/** inflow_finish() - nothing more is begun; what was is waited for */
int inflow_finish(struct inflow *inflow);

/**
 * stock_fill() - queue items in a spool, which is made if it is not there
 * @items:   so many at most, and no more than half of the file system holds
 * @long_ns: nor longer
 *
 * Return: 0 or an errno
 */
int stock_fill(const char *path, uint64_t items, uint64_t long_ns,
               uint64_t *ret_items);

/** stock_take() - a crowd_fn; @arg is the spool's path: claim, read, remove,
 * one at a time */
int stock_take(struct crowd_board *board, struct crowd_member *me, void *arg);

/** stock_take_many() - likewise, TAKE_DEPTH at a time */
int stock_take_many(struct crowd_board *board, struct crowd_member *me,
                    void *arg);

#endif /* BENCH_STOCK_H */
