/* SPDX-License-Identifier: MIT */
/*
 * memory_check.h - what the kernel does to memory, told to who watches it
 *
 * ASan, TSan and memcheck see what a program does, and what its system calls
 * do, but not what a kernel does by a ring: it fills a buffer that was freed,
 * in silence. So the context says what it lends, once on the way out and once
 * on the way back. The rule is that of pirn/op.h: what an op names is there,
 * whole, from its start to its function. Who breaks it is stopped.
 *
 * In a build that nobody watches both are nothing. ASan and TSan are known by
 * their builds; memcheck, which has none of its own, by -Dchecks=true.
 */
#ifndef RUNTIME_MEMORY_CHECK_H
#define RUNTIME_MEMORY_CHECK_H

#include "pirn/op.h"
#include "runtime/buffers.h"
#include "runtime/engine/engine.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PIRN_WATCHED_BY_ASAN
#elif __has_feature(thread_sanitizer)
#define PIRN_WATCHED_BY_TSAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PIRN_WATCHED_BY_ASAN
#elif defined(__SANITIZE_THREAD__)
#define PIRN_WATCHED_BY_TSAN
#endif

#if defined(PIRN_WATCHED_BY_ASAN) || defined(PIRN_WATCHED_BY_TSAN) || \
    defined(PIRN_WATCHED_BY_MEMCHECK)
#define PIRN_WATCHED

/* The engine is about to be given what is on @queue. What it has no room for
 * is looked at again the next time. */
void pirn__memory_check_submitted(const struct pirn_link *queue);

/* The engine has said so; a multishot's bytes are in one of @buffers. */
void pirn__memory_check_completed(const struct buffers *buffers,
                                  struct engine_event event);

#else

static inline void pirn__memory_check_submitted(const struct pirn_link *queue)
{
    (void)queue;
}

static inline void pirn__memory_check_completed(const struct buffers *buffers,
                                                struct engine_event event)
{
    (void)buffers;
    (void)event;
}

#endif

#endif /* RUNTIME_MEMORY_CHECK_H */
