/* SPDX-License-Identifier: MIT */
/* spares.c - see engine/spares.h */
#include "runtime/engine/spares.h"

#include <errno.h>
#include <stdlib.h>

#include "pirn/invariant.h"

int pirn__spares_init(struct spares *spares, const struct engine_config *config)
{
    *spares = (struct spares){
        .base = config->buffers,
        .at_hand = calloc(config->buffer_count, sizeof(*spares->at_hand)),
        .bytes = config->buffer_bytes,
    };
    return spares->at_hand == NULL ? -ENOMEM : 0;
}

void pirn__spares_deinit(struct spares *spares)
{
    free(spares->at_hand);
}

void pirn__spares_give(struct spares *spares, uint16_t buffer)
{
    spares->at_hand[spares->count++] = buffer;
}

bool pirn__spares_lend(const struct spares *spares, struct pirn_loan *loan)
{
    if (spares->count == 0) {
        return false;
    }
    loan->addr = (uintptr_t)spares->base +
                 (uint64_t)spares->at_hand[spares->count - 1] * spares->bytes;
    loan->len = spares->bytes;
    return true;
}

uint16_t pirn__spares_take(struct spares *spares)
{
    pirn_assert(spares->count > 0);
    return spares->at_hand[--spares->count];
}
