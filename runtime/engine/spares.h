/* SPDX-License-Identifier: MIT */
/*
 * spares.h - the context's buffers, where no kernel takes them by itself
 *
 * What the ring does behind the caller's back: an attempt to receive is lent
 * the buffer at hand, and keeps it if bytes came.
 */
#ifndef RUNTIME_ENGINE_SPARES_H
#define RUNTIME_ENGINE_SPARES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/engine.h"

struct spares {
    uint8_t *base;
    uint16_t *at_hand; /* last in, first out */
    uint32_t bytes;    /* of each */
    uint32_t count;
};

/* 0, or -ENOMEM. The buffers are those of @config; none is there yet. */
int pirn__spares_init(struct spares *spares,
                      const struct engine_config *config);
void pirn__spares_deinit(struct spares *spares);

void pirn__spares_give(struct spares *spares, uint16_t buffer);

/* Point @loan at the buffer at hand; false: there is none. */
bool pirn__spares_lend(const struct spares *spares, struct pirn_loan *loan);

/* Bytes came into what was lent. Return: its number. */
uint16_t pirn__spares_take(struct spares *spares);

#endif /* RUNTIME_ENGINE_SPARES_H */
