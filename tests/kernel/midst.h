/* SPDX-License-Identifier: MIT */
/*
 * midst.h - a verb that is stopped in its midst, or whose process is killed
 *
 * Who is stopped is a context that nobody turns: as many turns as the test
 * says, then others act, then it goes on. That is what SIGSTOP does to a
 * process, at every point where it matters: between two system calls nobody
 * else sees a difference. Who is killed is a child that ends behind so many.
 */
#ifndef TESTS_KERNEL_MIDST_H
#define TESTS_KERNEL_MIDST_H

#include "kernel/test_spool.h"

/* What the op has ended with that was started with note() last. */
extern int32_t ended;

void note(struct pirn_op *op, int32_t result);

/* At most so many turns, or until nothing is loaned. */
void turn_some(struct bed *bed, int turns);

/* In a child, whose life this ends, or a step of it: starts the op, and takes
 * from @turns what it takes. Return: 0 so many were not enough; 1 it has ended
 * with @well; 2 it failed */
int turn_until_ended(struct bed *bed, struct pirn_op *op, int32_t well,
                     int *turns);

/* What a process does that has the spool open, and is killed so many turns
 * after it has begun with that. */
typedef int live_fn(struct bed *bed, const void *what, int turns);

/* Return: what @live returns; 2 it could not begin */
int live_in_a_child(const struct bed *bed, live_fn *live, const void *what,
                    int turns);

#endif /* TESTS_KERNEL_MIDST_H */
