/* SPDX-License-Identifier: MIT */
/*
 * bench_nop.c - what one operation costs that does nothing, 32 in each turn
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/sides.h"

struct nops {
    struct pirn_context *context;
    uint32_t left;
    struct nop {
        struct pirn_op op;
        struct nops *nops;
    } nops[NOP_BATCH];
};

static int nop_open(const struct options *options, void **ret_state)
{
    struct nops *nops = calloc(1, sizeof(*nops));
    int r;

    (void)options;
    if (nops == NULL) {
        return -ENOMEM;
    }
    r = pirn_context_create(NULL, &nops->context);
    if (r < 0) {
        free(nops);
        return r;
    }
    for (unsigned i = 0; i < NOP_BATCH; i++) {
        nops->nops[i].nops = nops;
        pirn_prep_nop(&nops->nops[i].op);
    }
    *ret_state = nops;
    return 0;
}

static void nop_done(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct nop, op)->nops->left--;
}

static int one_batch(void *state)
{
    struct nops *nops = state;
    int r = 0;

    nops->left = NOP_BATCH;
    for (unsigned i = 0; i < NOP_BATCH; i++) {
        pirn_start(nops->context, &nops->nops[i].op, nop_done);
    }
    while (nops->left > 0 && r >= 0) {
        r = pirn_context_turn(nops->context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static int nop_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, NOP_BATCH);
}

static void nop_close(void *state)
{
    struct nops *nops = state;

    nops->context = pirn_context_destroy(nops->context);
    free(nops);
}

const struct side bench_nop = {
    .name = "pirn",
    .open = nop_open,
    .round = nop_round,
    .close = nop_close,
};
