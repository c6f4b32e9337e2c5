/* SPDX-License-Identifier: MIT */
/* attempt.h - an operation that may wait for a peer, tried without waiting */
#ifndef RUNTIME_ENGINE_ATTEMPT_H
#define RUNTIME_ENGINE_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/errand.h"

/* No result: both sides of a splice seem to be ready. */
enum { ATTEMPT_DUE = INT32_MIN + 1 };

/*
 * Carry the errand's loan out as far as it goes now. For what the table calls
 * ENGINE_READY, and for reads and writes of what is not a file. A splice is a
 * worker's, and here only looked at: its result is ATTEMPT_DUE.
 *
 * Return: whether it has ended, with @ret_result; else try again when @fd is
 *         ready for @events of the errand.
 */
bool pirn__attempt(struct errand *errand, int32_t *ret_result);

/* What an operation waits for on its descriptor, as epoll names it. */
uint32_t pirn__attempt_events(const struct pirn_loan *loan);

#endif /* RUNTIME_ENGINE_ATTEMPT_H */
