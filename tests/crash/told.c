/* SPDX-License-Identifier: MIT */
/* told.c - see told.h */
#include "crash/told.h"

#include <string.h>

#include "sim/model/rng.h"

const char *const told_queues[TOLD_QUEUES] = {"incoming", "second", "paper"};

/* Most are letters; some fill a batch, some are a file of their own. */
static uint32_t length(struct rng *rng)
{
    uint32_t kind = rng_below(rng, 40);

    if (kind == 0) {
        return rng_between(rng, 64 * 1024 + 1, TOLD_BODY_MAX);
    }
    return kind < 4 ? rng_between(rng, 3000, 40000) : rng_between(rng, 8, 3000);
}

uint32_t told_body(uint64_t number, uint8_t *body)
{
    struct rng rng = rng_of(number, 0);
    uint32_t bytes = length(&rng);

    memcpy(body, &number, 8);
    for (uint32_t at = 8; at < bytes; at += 8) {
        uint64_t word = rng_next(&rng);
        memcpy(body + at, &word, bytes - at < 8 ? bytes - at : 8);
    }
    return bytes;
}

uint64_t told_number(const uint8_t *body, uint64_t bytes)
{
    static uint8_t wanted[TOLD_BODY_MAX];
    uint64_t number = 0;

    if (bytes >= 8) {
        memcpy(&number, body, 8);
    }
    return number != 0 && told_body(number, wanted) == bytes &&
                   memcmp(wanted, body, bytes) == 0
               ? number
               : 0;
}
