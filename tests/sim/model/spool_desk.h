/* SPDX-License-Identifier: MIT */
/*
 * spool_desk.h - a desk of a worker, as its files share it
 *
 * One thing after the other: spool_desk_next() chooses, the last function of
 * what it has begun calls it again. spool_worker.c takes and looks,
 * spool_desk_put.c puts.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_DESK_H
#define TESTS_SIM_MODEL_SPOOL_DESK_H

#include <stdlib.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_change.h"
#include "tests/sim/model/spool_fencer.h"
#include "tests/sim/model/spool_namer.h"
#include "tests/sim/model/spool_viewer.h"
#include "tests/sim/model/spool_worker.h"

/* The process's. */
struct office;

struct desk {
    struct office *office;
    struct pirn_draft draft;
    struct pirn_claim claim;
    struct pirn_op timer;
    struct spool_viewer viewer;
    struct spool_namer namer;
    struct spool_fencer fencer;
    struct spool_change change;
    bool goes_on;     /* it has the item still when that has ended */
    bool is_durable;  /* its removal */
    uint32_t version; /* of its item: begun since it was claimed */
    uint32_t mark;    /* see check_fence.h */
    char letter;      /* of the script; 0: it throws dice */
    uint32_t number;  /* of the item it has to do with */
    uint32_t shared;  /* of one that is to have the same body */
    uint32_t asked;   /* for this item by its id, or UINT32_MAX */
    uint32_t len;
    uint32_t at;
    uint64_t began_ns;
    uint64_t take;
    const char *queue; /* that it looks into */
    uint8_t *body;
};

struct office {
    struct spool_worker *worker;
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t left;
    bool has_listed;   /* who takes all: first lists it, */
    uint32_t look_at;  /* looks for each by its id or has it so, */
    const char *queue; /* from which is taken */
    bool has_other;    /* queue */
    struct desk desks[WORKER_DESKS];
};

static inline struct rng *desk_rng(struct desk *desk)
{
    return &desk->office->worker->rng;
}

/* Whether it does what @letter stands for; else so often as one in @of. */
static inline bool desk_does(struct desk *desk, char letter, uint32_t of)
{
    return desk->letter != 0 ? desk->letter == letter
                             : rng_below(desk_rng(desk), of) == 0;
}

static inline uint32_t desk_process(const struct desk *desk)
{
    return desk->office->worker->process->number;
}

static inline bool desk_has_memory(struct desk *desk, uint32_t len)
{
    desk->body = malloc(len);
    desk->len = len;
    desk->at = 0;
    return desk->body != NULL;
}

/* The next thing, or none. */
void spool_desk_next(struct desk *desk);

/* Its memory goes; the next thing. */
void spool_desk_finish(struct desk *desk);

/* What is next for the item that it has. */
void spool_desk_end_claim(struct desk *desk);

/* One more item. */
void spool_desk_put(struct desk *desk);

/* One more on the body of the one that it has, if that is done. */
bool spool_desk_shares(struct desk *desk);
void spool_desk_share(struct desk *desk);

/* Put under a name, or fence somebody out, if that is done. */
bool spool_desk_rich(struct desk *desk);

#endif /* TESTS_SIM_MODEL_SPOOL_DESK_H */
