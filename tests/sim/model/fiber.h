/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - a thread of a simulated process: a stack of its own
 *
 * All fibers run in one real thread, one at a time: the one that the scheduler
 * switched to, until it yields. So code that blocks (pirn_wait(),
 * pirn_spool_open()) runs as it is, and a process that is killed is a fiber
 * that nobody switches to any more.
 */
#ifndef TESTS_SIM_MODEL_FIBER_H
#define TESTS_SIM_MODEL_FIBER_H

#include <stdbool.h>

struct fiber;

struct fiber *fiber_create(void (*run)(void *argument), void *argument);

/* From the scheduler: run @fiber until it yields or its function returns. */
void fiber_resume(struct fiber *fiber);

/* From inside a fiber: back to the scheduler. */
void fiber_yield(void);

bool fiber_has_ended(const struct fiber *fiber);

/* Wherever it stands; what its stack held is not unwound. */
void fiber_destroy(struct fiber *fiber);

/* Under a sanitizer or valgrind, where a life takes twenty times as long. */
bool fiber_is_slow(void);

#endif /* TESTS_SIM_MODEL_FIBER_H */
