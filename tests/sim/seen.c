/* SPDX-License-Identifier: MIT */
/* seen.c - see seen.h. Open addressing. */
#include "tests/sim/seen.h"

#include <assert.h>
#include <stdlib.h>

#include "pirn/invariant.h"

enum { FIRST = 1 << 14 };

static_assert(sizeof(struct seen_state) == 16, "of eight GiB half a billion");

void seen_init(struct seen *seen, uint64_t most)
{
    *seen = (struct seen){
        .states = calloc(FIRST, sizeof(struct seen_state)),
        .size = FIRST,
        .most = most,
    };
    pirn_assert(seen->states != NULL);
}

void seen_deinit(struct seen *seen)
{
    free(seen->states);
    *seen = (struct seen){0};
}

static size_t place_of(const struct seen *seen, uint64_t first)
{
    return first & (seen->size - 1);
}

static struct seen_state *state_find(struct seen *seen, uint64_t first,
                                     uint32_t second)
{
    size_t at = place_of(seen, first);

    while (seen->states[at].is_used && (seen->states[at].first != first ||
                                        seen->states[at].second != second)) {
        at = (at + 1) & (seen->size - 1);
    }
    return &seen->states[at];
}

static void seen_grow(struct seen *seen)
{
    struct seen old = *seen;

    seen->size = old.size * 2;
    seen->states = calloc(seen->size, sizeof(struct seen_state));
    pirn_assert(seen->states != NULL);
    for (size_t i = 0; i < old.size; i++) {
        const struct seen_state *state = &old.states[i];
        if (state->is_used) {
            *state_find(seen, state->first, state->second) = *state;
        }
    }
    free(old.states);
}

struct seen_state *seen_find(struct seen *seen, XXH128_hash_t hash)
{
    if (seen->count >= seen->size / 8 * 7) {
        seen_grow(seen);
    }
    struct seen_state *state =
        state_find(seen, hash.low64, (uint32_t)hash.high64);
    if (!state->is_used) {
        if (seen->count >= seen->most) {
            return NULL;
        }
        seen->count++;
        state->is_used = 1;
        state->first = hash.low64;
        state->second = (uint32_t)hash.high64;
    }
    return state;
}
