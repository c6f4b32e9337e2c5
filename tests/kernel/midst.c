/* SPDX-License-Identifier: MIT */
/* midst.c - see midst.h */
#include "kernel/midst.h"

#include <sys/wait.h>

enum { NOT_ENDED = 99 }; /* no verb ends with that */

int32_t ended;

void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    ended = result;
}

void turn_some(struct bed *bed, int turns)
{
    for (int i = 0; i < turns && pirn_context_loaned(bed->context) > 0; i++) {
        assert_true(pirn_context_turn(bed->context, UINT64_MAX) >= 0);
    }
}

int turn_until_ended(struct bed *bed, struct pirn_op *op, int32_t well,
                     int *turns)
{
    ended = NOT_ENDED;
    pirn_start(bed->context, op, note);
    for (; *turns > 0 && ended == NOT_ENDED; --*turns) {
        if (pirn_context_turn(bed->context, UINT64_MAX) < 0) {
            return 2;
        }
    }
    return ended == NOT_ENDED ? 0 : ended == well ? 1 : 2;
}

static int live_on(const struct bed *bed, live_fn *live, const void *what,
                   int turns)
{
    struct bed mine = *bed;

    if (pirn_context_create(NULL, &mine.context) < 0 ||
        bed_open(&mine, false) < 0) {
        return 2;
    }
    return live(&mine, what, turns);
}

int live_in_a_child(const struct bed *bed, live_fn *live, const void *what,
                    int turns)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(live_on(bed, live, what, turns));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
