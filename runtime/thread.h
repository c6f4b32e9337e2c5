/* SPDX-License-Identifier: MIT */
/*
 * thread.h - which thread this is
 *
 * A thread that creates a context has a number, which no other thread of the
 * process has, or ever had. In the child of a fork(2) the one thread that is
 * left has none, until it creates a context: so it is none of those that its
 * parent's contexts belong to, though it has their memory and lies at their
 * addresses. To ask costs a comparison.
 *
 * Who makes a child by _Fork(3) or clone(2) goes unseen.
 */
#ifndef RUNTIME_THREAD_H
#define RUNTIME_THREAD_H

#include <stdint.h>

/* 0: none. By the usual model for libraries each look would be a call. */
extern _Thread_local uint64_t pirn__thread
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* How many forks are between the first process and this one. Changed in a child
 * before it has a second thread. */
extern uint32_t pirn__forks __attribute__((visibility("hidden")));

/* Give the calling thread a number if it has none. 0, or -ENOMEM. */
int pirn__thread_number(void);

#endif /* RUNTIME_THREAD_H */
