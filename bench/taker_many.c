/* SPDX-License-Identifier: MIT */
/*
 * taker_many.c - a process that takes items out of our spool, many at a time
 *
 * TAKE_DEPTH lanes on one context, each of which claims, reads and removes one
 * item after the other. A claim that has nothing is lost as taker.c has it, if
 * more were there than all lanes of all processes may have.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/round.h"
#include "bench/stock.h"

/* So often a lane looks whether all is over. */
#define STOPPED_NS 10000000ull

struct many;

struct lane {
    struct pirn_claim claim;
    struct many *many;
    uint64_t there; /* when the claim began */
    char body[COMMIT_BYTES];
};

struct many {
    struct crowd_board *board;
    struct crowd_member *me;
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t busy;
    int error;
    struct lane lanes[TAKE_DEPTH];
};

static void lane_next(struct lane *lane);

static void lane_end(struct lane *lane, int32_t result)
{
    struct many *many = lane->many;

    many->busy--;
    many->error = many->error < 0 ? many->error : result;
}

static void removed(struct pirn_op *op, int32_t result)
{
    struct lane *lane = pirn_container_of(op, struct lane, claim.op);
    struct crowd_member *me = lane->many->me;

    if (result < 0) {
        lane_end(lane, result);
        return;
    }
    me->count++;
    me->last_ns = round_now_ns();
    lane_next(lane);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct lane *lane = pirn_container_of(op, struct lane, claim.op);

    if (result != COMMIT_BYTES) {
        lane_end(lane, result < 0 ? result : -EBADMSG);
        return;
    }
    pirn_prep_remove(&lane->claim);
    pirn_start(lane->many->context, op, removed);
}

static bool is_lost(const struct lane *lane, int32_t result)
{
    const struct crowd_board *board = lane->many->board;

    return result == -EAGAIN ||
           lane->there > atomic_load(&board->taken) + CROWD_MAX * TAKE_DEPTH;
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct lane *lane = pirn_container_of(op, struct lane, claim.op);
    struct many *many = lane->many;

    if (result == 1) {
        atomic_fetch_add(&many->board->taken, 1);
        pirn_prep_claim_read(&lane->claim, lane->body, COMMIT_BYTES, 0);
        pirn_start(many->context, op, have_read);
        return;
    }
    if (result < 0 && result != -EAGAIN) {
        lane_end(lane, result);
        return;
    }
    many->me->lost += is_lost(lane, result) ? 1 : 0;
    lane_next(lane);
}

static void lane_next(struct lane *lane)
{
    struct many *many = lane->many;
    const struct crowd_board *board = many->board;

    lane->there = atomic_load(&board->there);
    if (many->error < 0 || crowd_is_over(board)) {
        lane_end(lane, 0);
        return;
    }
    pirn_prep_claim_wait(&lane->claim, many->spool, STOCK_QUEUE, STOPPED_NS);
    pirn_start(many->context, &lane->claim.op, claimed);
}

static int take_all(struct many *many)
{
    int r = 0;

    for (uint32_t i = 0; i < TAKE_DEPTH; i++) {
        many->lanes[i].many = many;
        many->busy++;
        lane_next(&many->lanes[i]);
    }
    while (many->busy > 0 && r >= 0) {
        r = pirn_context_turn(many->context, PIRN_FOREVER);
    }
    return r < 0 ? r : many->error;
}

int stock_take_many(struct crowd_board *board, struct crowd_member *me,
                    void *arg)
{
    struct many *many = calloc(1, sizeof(*many));
    struct round round = {0};
    int r = many == NULL ? -ENOMEM : 0;

    if (r == 0) {
        many->board = board;
        many->me = me;
        r = pirn_context_create(NULL, &many->context);
    }
    if (r == 0) {
        r = stock_open(many->context, arg, &many->spool);
    }
    if (r == 0) {
        crowd_await(board);
        round_begin(&round);
        r = take_all(many);
        round_end(&round);
        me->cpu_ns = round.cpu_ns;
        (void)pirn_spool_close(many->spool);
    }
    return r;
}
