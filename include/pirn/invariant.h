/* SPDX-License-Identifier: MIT */
/*
 * pirn/invariant.h - programmer's errors stop the program, in every build
 *
 * pirn_assert() is for what cannot happen if the code is right. What can happen
 * (disk full, peer gone, file torn) is a return value. It is not assert(3):
 * NDEBUG does not remove it, because a spool that runs on after a broken
 * invariant writes its confusion to disk.
 */
#ifndef PIRN_INVARIANT_H
#define PIRN_INVARIANT_H

#include <pirn/base.h>

PIRN_BEGIN_DECLS

/* Names the rule, the file and the line on standard error, then aborts. */
PIRN_API __attribute__((noreturn, cold)) void pirn_assert_failed(
    const char *rule, const char *file, int line);

#define pirn_assert(expr)                                  \
    do {                                                   \
        if (__builtin_expect(!(expr), 0)) {                \
            pirn_assert_failed(#expr, __FILE__, __LINE__); \
        }                                                  \
    } while (0)

/* The same with the rule in words, where the expression does not say it. */
#define pirn_assert_rule(expr, rule)                      \
    do {                                                  \
        if (__builtin_expect(!(expr), 0)) {               \
            pirn_assert_failed(rule, __FILE__, __LINE__); \
        }                                                 \
    } while (0)

#define pirn_unreachable(why) pirn_assert_failed(why, __FILE__, __LINE__)

/* For checks that cost more than the code they guard: -Dchecks=true. */
#ifdef PIRN_CHECKS
#define pirn_check(expr) pirn_assert(expr)
#else
#define pirn_check(expr) ((void)sizeof(expr))
#endif

PIRN_END_DECLS

#endif /* PIRN_INVARIANT_H */
