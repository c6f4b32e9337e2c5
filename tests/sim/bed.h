/* SPDX-License-Identifier: MIT */
/* bed.h - what most tests on the scripted kernel lie in: a context on one */
#ifndef TESTS_SIM_BED_H
#define TESTS_SIM_BED_H

#include <stdlib.h>

#include "tests/sim/script.h"

struct bed {
    struct pirn_context *context;
    struct script *kernel;
};

static inline int bed_create(void **state, const struct script_config *config)
{
    struct bed *bed = malloc(sizeof(*bed));

    bed->context = script_context_create(config, &bed->kernel);
    *state = bed;
    return 0;
}

static inline int bed_setup(void **state)
{
    return bed_create(state, &(struct script_config){0});
}

/* A test that failed may leave loans behind: then so does this. */
static inline int bed_teardown(void **state)
{
    struct bed *bed = *state;
    int r = pirn_context_loaned(bed->context) == 0 ? 0 : -1;

    if (r == 0) {
        pirn_context_destroy(bed->context);
    }
    free(bed);
    return r;
}

#endif /* TESTS_SIM_BED_H */
