/* SPDX-License-Identifier: MIT */
/*
 * progress.c - see progress.h
 *
 * The line is drawn from its first column, and the cursor goes back there. So
 * what else is said on the terminal begins where it should, and writes over
 * it: the line is shorter than any sentence of failure.c. A line that was
 * wrapped would leave its beginning behind, so where there are few columns it
 * has no bar.
 *
 * It is first drawn when there were FIRST of whatever it is, or after a second,
 * and then ten times a second: short work leaves the terminal alone.
 *
 * Who ends the program by a signal has an empty line, too. From the first
 * drawing to the end of the progress what would end it at once is caught for
 * that; what is blocked, ignored or caught by others is theirs.
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <pirn/invariant.h>

enum { FIRST = 64, BAR = 10, PERCENT = 100, BAR_COLUMNS = 64 };

static const uint64_t patience_ns = 1000000000;
static const uint64_t again_ns = 100000000;

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

enum { ENDINGS = sizeof(endings) / sizeof(endings[0]) };

/* Its disposition is the default one again: the second time it ends us. */
static void clear_and_end(int signal)
{
    static const char clear[] = "\r\033[K";
    ssize_t written = write(STDERR_FILENO, clear, sizeof(clear) - 1);

    (void)written;
    (void)raise(signal);
}

/* Where its disposition is that of @from it gets that of @to. */
static void change(int signal, void (*from)(int), void (*to)(int))
{
    struct sigaction now;
    struct sigaction next = {.sa_flags = (int)SA_RESETHAND | SA_NODEFER};

    next.sa_handler = to;
    if (sigaction(signal, NULL, &now) == 0 && now.sa_handler == from) {
        (void)sigaction(signal, &next, NULL);
    }
}

static void change_all(void (*from)(int), void (*to)(int))
{
    for (size_t i = 0; i < ENDINGS; i++) {
        change(endings[i], from, to);
    }
}

static bool is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

/* A terminal that does not say how wide it is is wide. */
static bool is_wide(void)
{
    struct winsize size = {0};

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 ||
           size.ws_col >= BAR_COLUMNS;
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

static void draw_share(const struct progress *progress, uint64_t done)
{
    uint64_t of = done < progress->total ? done : progress->total;
    int filled = (int)((double)of / (double)progress->total * BAR);
    int percent = (int)((double)of / (double)progress->total * PERCENT);

    if (is_wide()) {
        fprintf(stderr, "[%s%.*s%s%*s]  ",
                progress->has_colour ? "\033[32m" : "", filled,
                "==========", progress->has_colour ? "\033[0m" : "",
                BAR - filled, "");
    }
    fprintf(stderr, "%d %%  %" PRIu64 " of %" PRIu64, percent, done,
            progress->total);
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
    if (!progress->is_drawn) {
        change_all(SIG_DFL, clear_and_end);
    }
    progress->is_drawn = true;
    progress->drawn_ns = now_ns;
    fprintf(stderr, "%s  ", progress->doing);
    if (progress->total > 0) {
        draw_share(progress, done);
    } else {
        fprintf(stderr, "%" PRIu64, done);
    }
    fputs("\033[K\r", stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->is_drawn) {
        fputs("\033[K", stderr);
        change_all(clear_and_end, SIG_DFL);
    }
    progress->is_drawn = false;
    progress->is_wanted = false;
}
