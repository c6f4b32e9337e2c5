/* SPDX-License-Identifier: MIT */
/*
 * torture_body.c - the number, and then what a generator makes of it
 */
#include "bench/torture_body.h"

#include <string.h>

#include <pirn/invariant.h>

enum { BIG_BYTES = 64 * 1024 + 1, BIG_MORE = 40000, SMALL_MORE = 3000 };

uint64_t torture_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t length_of(uint64_t number)
{
    uint64_t state = number;
    uint64_t r = torture_random(&state);
    uint32_t more = (uint32_t)(r >> 32);

    return r % 40 == 0 ? BIG_BYTES + more % BIG_MORE : 8 + more % SMALL_MORE;
}

uint32_t torture_body_fill(uint64_t number, uint8_t *body)
{
    uint32_t bytes = length_of(number);
    uint64_t state = number;

    pirn_assert(number != 0 && bytes <= TORTURE_BODY_MAX);
    memcpy(body, &number, 8);
    for (uint32_t at = 8; at < bytes; at += 8) {
        uint64_t r = torture_random(&state);
        memcpy(body + at, &r, bytes - at < 8 ? bytes - at : 8);
    }
    return bytes;
}

uint64_t torture_body_check(const uint8_t *body, uint64_t bytes)
{
    uint64_t number = 0;

    if (bytes < 8) {
        return 0;
    }
    memcpy(&number, body, 8);
    if (number == 0 || length_of(number) != bytes) {
        return 0;
    }
    uint64_t state = number;
    for (uint64_t at = 8; at < bytes; at += 8) {
        uint64_t r = torture_random(&state);
        if (memcmp(body + at, &r, bytes - at < 8 ? bytes - at : 8) != 0) {
            return 0;
        }
    }
    return number;
}
