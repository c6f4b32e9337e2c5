/* SPDX-License-Identifier: MIT */
/* told.c - see told.h */
#include "cli/told.h"

#include <errno.h>

#include <pirn/context.h>
#include <pirn/invariant.h>

static void heard(struct pirn_multishot *shot, int32_t result,
                  enum pirn_more more)
{
    struct pirn_signals *signals =
        pirn_container_of(shot, struct pirn_signals, shot);
    struct told *told = pirn_container_of(signals, struct told, signals);

    told->listens = more == PIRN_MORE;
    if (result == -ECANCELED) { /* which we asked for */
        return;
    }
    told->to_stop = true;
    if (told->fn != NULL) {
        told->fn(told);
    }
}

void told_block(struct told *told)
{
    pirn_assert(!told->listens);
    sigemptyset(&told->set);
    sigaddset(&told->set, SIGTERM);
    sigaddset(&told->set, SIGINT);
    pirn_signals_block(&told->set);
}

void told_listen(struct told *told, struct tool *tool, told_fn *fn)
{
    pirn_assert(!told->listens && tool->context != NULL);
    told->tool = tool;
    told->fn = fn;
    pirn_signals_start(tool->context, &told->signals, &told->set, heard);
    told->listens = true;
}

int told_end(struct told *told)
{
    int r = 0;

    if (told->listens) {
        pirn_signals_cancel(told->tool->context, &told->signals);
    }
    while (r >= 0 && told->listens) {
        r = pirn_context_turn(told->tool->context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}
