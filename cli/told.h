/* SPDX-License-Identifier: MIT */
/*
 * told.h - SIGTERM and SIGINT, for a verb that goes on until it is told to stop
 *
 *   told_block -> tool_open -> told_listen ... [fn] ... told_end
 *
 * What has begun is ended as well as it can be, and the spool is closed: so a
 * signal is an event of the context, and never the end of the process.
 */
#ifndef CLI_TOLD_H
#define CLI_TOLD_H

#include <signal.h>
#include <stdbool.h>

#include <pirn/signal.h>

#include "cli/tool.h"

struct told;

/* Called in a turn, once told->to_stop is set. */
typedef void told_fn(struct told *told);

/* Zeroed: nobody listens. */
struct told {
    struct tool *tool;
    told_fn *fn; /* or NULL */
    struct pirn_signals signals;
    sigset_t set;
    bool listens; /* for signals: told_end() is needed */
    bool to_stop;
};

/** told_block() - before the context, whose threads are not to have them */
void told_block(struct told *told);

/** told_listen() - from now on; @tool is open */
void told_listen(struct told *told, struct tool *tool, told_fn *fn);

/** told_end() - listen no more; 0, or the ring's error */
int told_end(struct told *told);

#endif /* CLI_TOLD_H */
