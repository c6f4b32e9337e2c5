/* SPDX-License-Identifier: MIT */
/* verdict.c - see verdict.h */
#include "cli/verdict.h"

#include <stdio.h>
#include <sys/wait.h>

#include "cli/failure.h"

enum { DELAY_FIRST_S = 15, DELAY_MAX_S = 3600, DOUBLINGS_MAX = 8 };

static const uint64_t ns_per_s = 1000000000;

enum verdict verdict_of(int status, uint32_t attempts, uint32_t attempts_max)
{
    if (status == 0) {
        return VERDICT_DONE;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CODE_TRY_LATER) {
        return VERDICT_LATER;
    }
    return attempts + 1 >= attempts_max ? VERDICT_DEAD : VERDICT_LATER;
}

uint64_t verdict_delay_ns(uint32_t attempts, uint64_t random)
{
    uint32_t doublings = attempts < DOUBLINGS_MAX ? attempts : DOUBLINGS_MAX;
    uint64_t most_s = (uint64_t)DELAY_FIRST_S << doublings;
    uint64_t half =
        (most_s < DELAY_MAX_S ? most_s : DELAY_MAX_S) * ns_per_s / 2;

    return half + random % (half + 1);
}

void verdict_words(int status, char words[VERDICT_WORDS])
{
    if (WIFSIGNALED(status)) {
        snprintf(words, VERDICT_WORDS, "signal %d", WTERMSIG(status));
    } else {
        snprintf(words, VERDICT_WORDS, "exit code %d", WEXITSTATUS(status));
    }
}
