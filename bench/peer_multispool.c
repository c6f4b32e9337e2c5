/* SPDX-License-Identifier: MIT */
/*
 * peer_multispool.c - 4 of Multispool's readers empty a queue
 *
 * A checkout that finds nothing is a race that was lost.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/crowd.h"
#include "bench/multispool.h"
#include "bench/place.h"

enum { PROCESSES = 4 };

struct peer {
    struct multispool spool;
    const struct options *options;
};

static int peer_open(const struct options *options, void **ret_state)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    if (peer == NULL) {
        return -ENOMEM;
    }
    peer->options = options;
    *ret_state = peer;
    return 0;
}

static int take_next(const struct multispool *spool,
                     struct multispool_list *list, struct crowd_board *board,
                     struct crowd_member *me)
{
    const char *name = list->names[list->next++];
    int r = multispool_check_out(spool, name);

    if (r == 0) {
        me->lost++;
    }
    if (r == 1) {
        atomic_fetch_add(&board->taken, 1);
        r = multispool_use(spool, name);
        me->count++;
        me->last_ns = round_now_ns();
    }
    return r;
}

static int reader(struct crowd_board *board, struct crowd_member *me, void *arg)
{
    const struct multispool *spool = arg;
    static struct round round;
    struct multispool_list list = {0};
    int r = 0;

    crowd_await(board);
    round_begin(&round);
    while (r >= 0 && !crowd_is_over(board)) {
        r = list.next < list.count ? take_next(spool, &list, board, me)
                                   : multispool_list(spool, &list);
    }
    round_end(&round);
    me->cpu_ns = round.cpu_ns;
    free(list.names);
    return r;
}

static int peer_round(void *state, struct round *round)
{
    struct peer *peer = state;
    char path[PLACE_PATH];
    int r = place_path_of(path, peer->options, "multispool", round->index);

    if (r < 0) {
        return r;
    }
    r = multispool_make(&peer->spool, path);
    if (r == 0) {
        r = multispool_fill(&peer->spool, DRAIN_ITEMS,
                            round_now_ns() + 2 * round->length_ns,
                            &round->queued);
    }
    if (r == 0) {
        r = crowd_round(round, PROCESSES, reader, &peer->spool);
    }
    multispool_close(&peer->spool);
    place_remove(path);
    return r;
}

static void peer_close(void *state)
{
    free(state);
}

const struct side peer_multispool = {
    .name = "multispool",
    .promise = "nothing: no directory is synced",
    .open = peer_open,
    .round = peer_round,
    .close = peer_close,
};
