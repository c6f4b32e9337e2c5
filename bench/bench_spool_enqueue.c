/* SPDX-License-Identifier: MIT */
/*
 * bench_spool_enqueue.c - items enqueued in our spool, and taken by others
 *
 *   256 in flight, or one alone:   writer -> spool
 *   in and out:                    writer -> spool -> 16 processes
 *
 * In and out the writer is at most BACKLOG items ahead, and what is counted is
 * what was taken, read and removed until the round is over. A side keeps its
 * spool for all rounds and empties it after each, so that it writes where was
 * written before, as the bare writes do.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/outflow.h"
#include "bench/place.h"
#include "bench/stock.h"

enum {
    BACKLOG = 32768,
    TAKERS = 16,
    PAUSE_NS = 1000000, /* of a writer who is far enough ahead */
    ROUNDS_AHEAD = 3,   /* the first filling lasts as long as so many */
    LONE_ITEMS = 16384, /* more than one alone writes in a round */
};

struct writing {
    struct inflow *inflow;
    char path[PLACE_PATH];
    bool is_prepared;
    uint64_t backlog; /* 0: nobody takes */
    struct crowd crowd;
};

static int open_writing(const struct options *options, uint32_t depth,
                        uint64_t backlog, void **ret_state)
{
    struct writing *writing = calloc(1, sizeof(*writing));
    int r;

    if (writing == NULL) {
        return -ENOMEM;
    }
    writing->inflow = inflow_create(depth);
    if (writing->inflow == NULL) {
        free(writing);
        return -ENOMEM;
    }
    r = place_path(writing->path, options->dir, options->question->name, 0);
    if (r < 0) {
        inflow_destroy(writing->inflow);
        free(writing);
        return r;
    }
    writing->backlog = backlog;
    *ret_state = writing;
    return 0;
}

static int bench_open(const struct options *options, void **ret_state)
{
    return open_writing(options, SPOOL_DEPTH, 0, ret_state);
}

static int lone_open(const struct options *options, void **ret_state)
{
    return open_writing(options, 1, 0, ret_state);
}

static int through_open(const struct options *options, void **ret_state)
{
    return open_writing(options, SPOOL_DEPTH, BACKLOG, ret_state);
}

static void bench_close(void *state)
{
    struct writing *writing = state;

    inflow_destroy(writing->inflow);
    stock_remove(writing->path);
    free(writing);
}

/* Empty, with room that was written; and closed: those who are gathered must
 * not inherit it. */
static int make_room(struct writing *writing, uint64_t round_ns)
{
    uint64_t items = writing->inflow->depth == 1 ? LONE_ITEMS : UINT64_MAX;
    int r;

    if (writing->is_prepared) {
        r = stock_empty(writing->path);
    } else {
        r = stock_prepare(writing->path, items, ROUNDS_AHEAD * round_ns);
    }
    writing->is_prepared = r == 0;
    return r < 0 ? r : place_settle_path(writing->path);
}

static void begin(struct writing *writing, struct round *round)
{
    struct inflow *inflow = writing->inflow;

    inflow->begun = inflow->done = 0;
    inflow->error = 0;
    inflow->limit = round->count_max;
    inflow->latency = &round->latency;
    round_begin(round);
    inflow->end_ns = round->began_ns + round->length_ns;
}

/* Until the time is over. */
static int write_and_take(struct writing *writing, struct round *round)
{
    struct inflow *inflow = writing->inflow;
    struct crowd_board *board = writing->crowd.board;
    int r = 0;

    crowd_go(&writing->crowd, 0, UINT64_MAX);
    while (r >= 0 && inflow->error == 0 &&
           !round_is_over(round, round_now_ns())) {
        inflow->limit = atomic_load(&board->taken) + writing->backlog;
        inflow_start(inflow);
        r = pirn_context_turn(inflow->context, PAUSE_NS);
        atomic_store(&board->there, inflow->done);
    }
    return r < 0 ? r : inflow->error;
}

static int one_writer(struct writing *writing, struct round *round)
{
    int r;

    begin(writing, round);
    r = inflow_run(writing->inflow);
    round_end(round);
    round->count = writing->inflow->done;
    return r;
}

static int writer_and_takers(struct writing *writing, struct round *round)
{
    struct crowd_member sum;
    int taken;
    int r;

    begin(writing, round);
    r = write_and_take(writing, round);
    round_end(round);
    taken = crowd_dismiss(&writing->crowd, &sum);
    crowd_tell(&sum, round);
    if (r == 0) {
        r = inflow_finish(writing->inflow);
    }
    return r < 0 ? r : taken;
}

static int bench_round(void *state, struct round *round)
{
    struct writing *writing = state;
    struct inflow *inflow = writing->inflow;
    char *path = writing->path;
    int r = make_room(writing, round->length_ns);

    if (r == 0 && writing->backlog > 0) {
        r = crowd_gather(&writing->crowd, TAKERS, stock_take, path);
    }
    if (r == 0) {
        r = stock_open(inflow->context, path, &inflow->spool);
        if (r < 0 && writing->backlog > 0) {
            (void)crowd_dismiss(&writing->crowd, NULL);
        }
    }
    if (r == 0) {
        r = writing->backlog > 0 ? writer_and_takers(writing, round)
                                 : one_writer(writing, round);
    }
    inflow->spool = pirn_spool_close(inflow->spool);
    return r;
}

const struct side bench_spool_enqueue = {
    .name = "pirn",
    .promise = "the item, whole (P1, P2)",
    .open = bench_open,
    .round = bench_round,
    .close = bench_close,
};

const struct side bench_spool_lone = {
    .name = "pirn",
    .promise = "the item, whole (P1, P2)",
    .open = lone_open,
    .round = bench_round,
    .close = bench_close,
};

const struct side bench_spool_through = {
    .name = "pirn",
    .promise = "the item, whole (P1, P2), and that it is gone",
    .open = through_open,
    .round = bench_round,
    .close = bench_close,
};
