/* SPDX-License-Identifier: MIT */
/*
 * check_fence.h - who may have lost what he had: part of check_spool.h
 *
 * A process that is fenced out loses what it has; a verb of it that had begun
 * before comes before. So of what it had when the fence began, or has claimed
 * while the fence lasted, it may be told that it is not its own any more, and
 * somebody else may have it; of all else it may not, and nobody may.
 */
#ifndef TESTS_SIM_MODEL_CHECK_FENCE_H
#define TESTS_SIM_MODEL_CHECK_FENCE_H

#include <stdbool.h>
#include <stdint.h>

struct check_spool;

struct check_fences {
    uint32_t begun;
    uint32_t active;
};

/* @process is about to be fenced out; it was tried, and has ended. */
void check_fence_begin(struct check_spool *check, uint32_t process);
void check_fence_end(struct check_spool *check, uint32_t process);

/* What is to be kept of a claim of @process that begins now. */
uint32_t check_fence_mark(const struct check_spool *check, uint32_t process);

/* Whether it may have been taken away since. */
bool check_fence_may_lose(const struct check_spool *check, uint32_t process,
                          uint32_t mark);

#endif /* TESTS_SIM_MODEL_CHECK_FENCE_H */
