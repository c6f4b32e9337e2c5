/* SPDX-License-Identifier: MIT */
/* stories.c - see stories.h */
#include "tests/sim/stories.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

bool story_is_asked_for(const char *name)
{
    const char *only = getenv("PIRN_ROW");

    return only == NULL || strcmp(only, name) == 0;
}

bool stories_are_long(void)
{
    return getenv("PIRN_LONG") != NULL;
}

void plan_explore(const struct atoms_plan *plan)
{
    struct atoms_result result = atoms_explore(plan);

    assert_null(result.wrong);
    assert_true(result.complete);
}

void plan_compare(struct atoms_plan plan)
{
    plan.spared = 0;
    struct atoms_result result = atoms_explore(&plan);
    plan.whole = true;
    struct atoms_result whole = atoms_explore(&plan);

    assert_true(whole.complete && result.complete);
    assert_int_equal(result.ends, whole.ends);
    assert_true(result.ends_sum == whole.ends_sum);
    assert_true(result.states < whole.states);
}

/* That of one who does what another before him does. */
static uint32_t spared_bit(const struct story *story, uint32_t process)
{
    for (uint32_t i = 0; i < process; i++) {
        if (strcmp(story->scripts[i], story->scripts[process]) == 0) {
            return 1u << process;
        }
    }
    return 0;
}

static struct atoms_plan plan_of(const struct story *story, story_fn *begin)
{
    struct atoms_plan plan = begin(story);

    plan.name = story->name;
    plan.kills = story->kills;
    plan.stops = story->stops;
    plan.repeat = story->repeats ? plan.repeat : NULL;
    for (; story->scripts[plan.process_count] != NULL; plan.process_count++) {
        plan.spared |= spared_bit(story, plan.process_count);
    }
    return plan;
}

static void explore_all(const struct story *stories, story_fn *begin)
{
    for (; stories->name != NULL; stories++) {
        if (story_is_asked_for(stories->name)) {
            struct atoms_plan plan = plan_of(stories, begin);
            plan_explore(&plan);
        }
    }
}

void stories_explore(const struct story *stories, const struct story *longer,
                     story_fn *begin)
{
    explore_all(stories, begin);
    if (stories_are_long()) {
        explore_all(longer, begin);
    }
}

void stories_compare(const struct story *stories, story_fn *begin)
{
    for (; stories->name != NULL; stories++) {
        plan_compare(plan_of(stories, begin));
    }
}
