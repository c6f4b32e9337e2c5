/* SPDX-License-Identifier: MIT */
/*
 * outflow.c - see bench/outflow.h
 *
 * The last ones are removed durably, one after the other. Each of these waits
 * for a round of the log's tombstones: the first makes segments without
 * survivors known, the second frees them.
 */
#include "bench/outflow.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/stock.h"

enum { CLAIMS = 64, ROUNDS = 3 };

struct outflow {
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t in_flight;
    int error;
    struct outflow_item {
        struct pirn_claim claim;
        struct outflow *outflow;
    } items[CLAIMS];
};

static void claim_start(struct outflow_item *item);

static void removed(struct pirn_op *op, int32_t result)
{
    struct outflow_item *item =
        pirn_container_of(op, struct outflow_item, claim.op);
    struct outflow *outflow = item->outflow;

    outflow->in_flight--;
    outflow->error = result < 0 ? result : outflow->error;
    claim_start(item);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct outflow_item *item =
        pirn_container_of(op, struct outflow_item, claim.op);
    struct outflow *outflow = item->outflow;

    if (result == 1) {
        pirn_prep_remove(&item->claim);
        pirn_start(outflow->context, op, removed);
        return;
    }
    outflow->in_flight--;
    outflow->error = result < 0 ? result : outflow->error;
}

static void claim_start(struct outflow_item *item)
{
    struct outflow *outflow = item->outflow;

    if (outflow->error == 0) {
        outflow->in_flight++;
        pirn_prep_claim(&item->claim, outflow->spool, STOCK_QUEUE);
        pirn_start(outflow->context, &item->claim.op, claimed);
    }
}

static int take_all(struct outflow *outflow)
{
    int r = 0;

    for (int i = 0; i < CLAIMS; i++) {
        outflow->items[i].outflow = outflow;
        claim_start(&outflow->items[i]);
    }
    while (outflow->in_flight > 0 && r >= 0) {
        r = pirn_context_turn(outflow->context, PIRN_FOREVER);
    }
    return r < 0 ? r : outflow->error;
}

/* One in, one out. */
static int wait_for_round(struct outflow *outflow)
{
    struct pirn_claim *claim = &outflow->items[0].claim;
    struct pirn_draft draft = {0};
    int r;

    pirn_prep_enqueue(&draft, outflow->spool, STOCK_QUEUE, "", 0, NULL);
    r = pirn_wait(outflow->context, &draft.op);
    if (r == 0) {
        pirn_prep_claim(claim, outflow->spool, STOCK_QUEUE);
        r = pirn_wait(outflow->context, &claim->op);
    }
    if (r == 1) {
        pirn_prep_remove_durable(claim);
        r = pirn_wait(outflow->context, &claim->op);
    }
    return r;
}

int stock_empty(const char *path)
{
    struct outflow *outflow = calloc(1, sizeof(*outflow));
    int r = outflow == NULL ? -ENOMEM
                            : pirn_context_create(NULL, &outflow->context);

    if (r < 0) {
        free(outflow);
        return r;
    }
    r = stock_open(outflow->context, path, &outflow->spool);
    r = r < 0 ? r : take_all(outflow);
    for (int i = 0; i < ROUNDS && r == 0; i++) {
        r = wait_for_round(outflow);
    }
    (void)pirn_spool_close(outflow->spool);
    (void)pirn_context_destroy(outflow->context);
    free(outflow);
    return r;
}

int stock_prepare(const char *path, uint64_t items, uint64_t long_ns)
{
    uint64_t filled;
    int r = stock_fill(path, items, long_ns, &filled);

    return r < 0 ? r : stock_empty(path);
}
