/* SPDX-License-Identifier: MIT */
/*
 * enter.h - the one system call of a turn
 *
 * io_uring_enter(2) by number: what is queued is submitted, and completions are
 * waited for, with flags and fields that liburing 2.3 does not know.
 */
#ifndef RUNTIME_ENGINE_ENTER_H
#define RUNTIME_ENGINE_ENTER_H

#include <stdint.h>

struct io_uring;

struct enter {
    struct io_uring *ring;
    unsigned flags;       /* of each call */
    uint32_t min_wait_us; /* 0: the first completion ends a wait */
};

/* After the last registration of @ring's descriptor. @min_wait_ns is forgotten
 * where the kernel cannot do it. */
void pirn__enter_init(struct enter *enter, struct io_uring *ring,
                      uint32_t features, uint64_t min_wait_ns);

/* Submit, and let deferred work run. 0 or more, or the call's error. */
int pirn__enter(const struct enter *enter);

/* The same, and wait; PIRN_FOREVER has no limit. */
int pirn__enter_and_wait(const struct enter *enter, uint64_t timeout_ns);

#endif /* RUNTIME_ENGINE_ENTER_H */
