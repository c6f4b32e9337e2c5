/* SPDX-License-Identifier: MIT */
/*
 * spool_worker.h - a process that puts items into a spool and takes them out
 *
 * Several desks at once, each of which does one thing after the other: enqueue,
 * or begin, append and commit; or claim, read and remove or give back; or look
 * (spool_viewer.h). Errors end what a desk does, and it goes on with the next.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_WORKER_H
#define TESTS_SIM_MODEL_SPOOL_WORKER_H

#include "tests/sim/model/check_spool.h"

struct pirn_context;
struct pirn_spool;
struct process;

/* The scenario's; outlives the process. */
struct spool_worker {
    struct check_spool *check;
    struct process *process;
    struct rng rng;
    uint32_t actions; /* of all desks */
    uint32_t desks;
    uint32_t len;       /* of bodies; 0: any */
    const char *script; /* what it does, a letter each; NULL: anything:
                           e enqueue, a append and commit, x append and abort,
                           t take and remove, d durably, g take and give back,
                           h hold, m move, l delay, u update and give back,
                           s update and remove */
    bool takes_all;     /* the last one: claims what is there, keeps it */
    bool early;    /* opens so that items are handed out before all are known */
    bool is_log;   /* `incoming` has the log layout, if he makes it, */
    bool is_small; /* of as few segments as there may be */
    bool without_log; /* files alone */
    bool has_other;   /* there is a second queue, */
    bool crosses;     /* and it has the other layout */
    bool is_rich;     /* shares bodies, puts under names, fences others out */
};

enum { WORKER_DESKS = 3 };

#define WORKER_SPOOL "spool"

/* In a storm an open may fail: tried again, unless there is no ring any more:
 * false. */
bool spool_worker_open(const struct spool_worker *worker,
                       struct pirn_context *context,
                       struct pirn_spool **ret_spool);

/* For process_thread(). */
void spool_worker_run(void *worker);

#endif /* TESTS_SIM_MODEL_SPOOL_WORKER_H */
