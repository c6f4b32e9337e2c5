/* SPDX-License-Identifier: MIT */
/*
 * taker.c - a process that takes items out of our spool, one at a time
 *
 * A claim that has nothing is lost if, all the while, more were there than the
 * processes that may have one which they have not counted yet.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/round.h"
#include "bench/stock.h"

/* So often it looks whether all is over. */
#define STOPPED_NS 10000000ull

struct taker {
    struct crowd_board *board;
    struct crowd_member *me;
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct pirn_claim claim;
    char body[COMMIT_BYTES];
};

static bool is_lost(const struct crowd_board *board, int32_t result,
                    uint64_t there)
{
    return result == -EAGAIN || there > atomic_load(&board->taken) + CROWD_MAX;
}

/* Read and end what was claimed. */
static int32_t use(struct taker *taker)
{
    struct pirn_claim *claim = &taker->claim;
    int32_t r;

    atomic_fetch_add(&taker->board->taken, 1);
    pirn_prep_claim_read(claim, taker->body, COMMIT_BYTES, 0);
    r = pirn_wait(taker->context, &claim->op);
    if (r != COMMIT_BYTES) {
        return r < 0 ? r : -EBADMSG;
    }
    pirn_prep_remove(claim);
    r = pirn_wait(taker->context, &claim->op);
    if (r == 0) {
        taker->me->count++;
        taker->me->last_ns = round_now_ns();
    }
    return r;
}

static int32_t take_all(struct taker *taker)
{
    int32_t r = 0;

    while (r >= 0 && !crowd_is_over(taker->board)) {
        uint64_t there = atomic_load(&taker->board->there);

        pirn_prep_claim_wait(&taker->claim, taker->spool, STOCK_QUEUE,
                             STOPPED_NS);
        r = pirn_wait(taker->context, &taker->claim.op);
        if (r == 1) {
            r = use(taker);
        } else if (r == 0 || r == -EAGAIN) {
            taker->me->lost += is_lost(taker->board, r, there) ? 1 : 0;
            r = 0;
        }
    }
    return r;
}

int stock_take(struct crowd_board *board, struct crowd_member *me, void *arg)
{
    struct taker *taker = calloc(1, sizeof(*taker));
    struct round round = {0};
    int r = taker == NULL ? -ENOMEM : 0;

    if (r == 0) {
        taker->board = board;
        taker->me = me;
        r = pirn_context_create(NULL, &taker->context);
    }
    if (r == 0) {
        r = stock_open(taker->context, arg, &taker->spool);
    }
    if (r == 0) {
        crowd_await(board);
        round_begin(&round);
        r = take_all(taker);
        round_end(&round);
        me->cpu_ns = round.cpu_ns;
        (void)pirn_spool_close(taker->spool);
    }
    return r;
}
