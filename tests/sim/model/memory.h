/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the memory of a simulated process
 *
 * Programs with the model are linked so that malloc() and its kin come here
 * (--wrap). What is allocated while a process runs is the process's: a kill
 * takes all of it, and what is left when the process has ended is a leak.
 */
#ifndef TESTS_SIM_MODEL_MEMORY_H
#define TESTS_SIM_MODEL_MEMORY_H

#include <stdint.h>

#include "pirn/base.h"

struct memory {
    struct pirn_link blocks;
    uint64_t count;
    uint64_t bytes;
};

void memory_init(struct memory *memory);

/* Free all that is left. */
void memory_drop(struct memory *memory);

/* What is allocated from now on is @memory's, or, NULL, nobody's. Returns whose
 * it was until now. */
struct memory *memory_switch(struct memory *memory);

#endif /* TESTS_SIM_MODEL_MEMORY_H */
