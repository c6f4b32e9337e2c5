/* SPDX-License-Identifier: MIT */
/* shrink.h - a failing life made smaller, and told: see life.h */
#ifndef TESTS_SIM_MODEL_SHRINK_H
#define TESTS_SIM_MODEL_SHRINK_H

#include <stdint.h>

#include "tests/sim/model/life.h"

/* If this process aborts or faults, print the events of @world; NULL: no. */
void shrink_watch(const struct world *world);

/* In a child: no core, and nothing on standard error. */
void shrink_be_quiet(void);

/* The life of @seed has failed. */
void shrink_and_tell(const struct scenario *scenario, uint64_t seed,
                     const char *program);

#endif /* TESTS_SIM_MODEL_SHRINK_H */
