/* SPDX-License-Identifier: MIT */
/*
 * progress.c - see progress.h
 *
 * The line is drawn from its first column, and the cursor goes back there. So
 * what else is said on the terminal begins where it should, and writes over
 * it: the line is shorter than any sentence of failure.c.
 *
 * It is first drawn when there were FIRST of whatever it is, or after a second,
 * and then ten times a second: short work leaves the terminal alone.
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pirn/invariant.h>

enum { FIRST = 64, BAR = 10, PERCENT = 100 };

static const uint64_t patience_ns = 1000000000;
static const uint64_t again_ns = 100000000;

static bool is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

void progress_begin(struct progress *progress, const char *doing,
                    uint64_t total, uint64_t now_ns)
{
    const char *no_color = getenv("NO_COLOR");

    pirn_assert(doing != NULL);
    *progress = (struct progress){
        .doing = doing,
        .total = total,
        .begun_ns = now_ns,
        .is_wanted = is_terminal(),
        .has_colour = no_color == NULL || *no_color == '\0',
    };
}

static void draw_bar(const struct progress *progress, uint64_t done)
{
    uint64_t of = done < progress->total ? done : progress->total;
    int filled = (int)((double)of / (double)progress->total * BAR);
    int percent = (int)((double)of / (double)progress->total * PERCENT);

    fprintf(stderr, "[%s%.*s%s%*s]  %d %%  %" PRIu64 " of %" PRIu64,
            progress->has_colour ? "\033[32m" : "", filled,
            "==========", progress->has_colour ? "\033[0m" : "", BAR - filled,
            "", percent, done, progress->total);
}

static bool is_due(const struct progress *progress, uint64_t done,
                   uint64_t now_ns)
{
    if (progress->is_drawn) {
        return now_ns - progress->drawn_ns >= again_ns;
    }
    return done >= FIRST || now_ns - progress->begun_ns >= patience_ns;
}

void progress_tell(struct progress *progress, uint64_t done, uint64_t now_ns)
{
    if (!progress->is_wanted || !is_due(progress, done, now_ns)) {
        return;
    }
    pirn_assert(now_ns >= progress->begun_ns);
    progress->is_drawn = true;
    progress->drawn_ns = now_ns;
    fprintf(stderr, "%s  ", progress->doing);
    if (progress->total > 0) {
        draw_bar(progress, done);
    } else {
        fprintf(stderr, "%" PRIu64, done);
    }
    fputs("\033[K\r", stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->is_drawn) {
        fputs("\033[K", stderr);
    }
    progress->is_drawn = false;
    progress->is_wanted = false;
}
