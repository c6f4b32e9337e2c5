/* SPDX-License-Identifier: MIT */
/*
 * stories.h - tables of what a few processes do, explored in every order
 *
 *   PIRN_LONG=1 ...   longer ones, more faults: minutes
 *   PIRN_ROW=NAME ... one of them alone
 *
 * A process is a script, of which each letter is something that it does; which
 * letters there are is the test's matter. See atoms.h.
 */
#ifndef TESTS_SIM_STORIES_H
#define TESTS_SIM_STORIES_H

#include "tests/sim/atoms.h"

struct story {
    const char *name;       /* NULL: behind the last one of a table */
    const char *before;     /* done by one who does nothing else */
    const char *scripts[4]; /* NULL: behind the last one */
    uint32_t room;          /* which the test's bed has; what it is, it says */
    uint32_t kills;
    uint32_t stops;
    bool repeats; /* what a stopped one was about is done again meanwhile */
};

/* Makes the bed, and says how it is explored; what the story says of the plan,
 * and a repeat that it has not, is seen to. */
typedef struct atoms_plan story_fn(const struct story *story);

/* Assertions of cmocka: nothing is wrong with them, and no state is left.
 * @longer: with PIRN_LONG alone. */
void stories_explore(const struct story *stories, const struct story *longer,
                     story_fn *begin);

/* Likewise: orders that are left out lead to no other end. */
void stories_compare(const struct story *stories, story_fn *begin);

/* ---- for tables of another kind ---- */

/* No other row is asked for. */
bool story_is_asked_for(const char *name);

bool stories_are_long(void);

void plan_explore(const struct atoms_plan *plan);

/* Nobody is spared: who is left out is no other end. */
void plan_compare(struct atoms_plan plan);

#endif /* TESTS_SIM_STORIES_H */
