/* SPDX-License-Identifier: MIT */
/*
 * spool_memory.c - the hash library's memory, as a process's
 *
 * It allocates inside a shared library, where memory.h does not reach; so a
 * killed process would leave it behind. These stand in for its two functions.
 */
#define XXH_STATIC_LINKING_ONLY
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

XXH3_state_t *__wrap_XXH3_createState(void);
XXH_errorcode __wrap_XXH3_freeState(XXH3_state_t *state);

XXH3_state_t *__wrap_XXH3_createState(void)
{
    XXH3_state_t *state = aligned_alloc(64, sizeof(*state));

    if (state != NULL) {
        memset(state, 0, sizeof(*state));
        XXH3_INITSTATE(state);
    }
    return state;
}

XXH_errorcode __wrap_XXH3_freeState(XXH3_state_t *state)
{
    free(state);
    return XXH_OK;
}
