/* SPDX-License-Identifier: MIT */
/*
 * seen.h - which states were seen, and a number of 27 bits for each
 *
 * A state is 96 bits of its hash: two different ones are taken for one in one
 * of 10^11 explorations of a billion states.
 */
#ifndef TESTS_SIM_SEEN_H
#define TESTS_SIM_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

enum { SEEN_NUMBER_MAX = (1 << 27) - 1 };

struct seen_state {
    uint64_t first;
    uint32_t second;
    unsigned number : 27;
    unsigned is_entered : 1;
    unsigned is_here : 1; /* in the life at hand */
    unsigned is_used : 1;
};

struct seen {
    struct seen_state *states;
    size_t size; /* a power of two */
    uint64_t count;
    uint64_t most;
};

void seen_init(struct seen *seen, uint64_t most);
void seen_deinit(struct seen *seen);

/* Where it is, or was just put: then all but its hash is 0. NULL: there is no
 * room. Until the next one is looked for. */
struct seen_state *seen_find(struct seen *seen, XXH128_hash_t hash);

#endif /* TESTS_SIM_SEEN_H */
