/* SPDX-License-Identifier: MIT */
/*
 * id.c - ids and their text
 *
 * 128 bits are 26 digits of five bits each, the first digit below 8: an id has
 * one text and a text one id, and both sort alike.
 */
#include "spool/id.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

enum {
    COUNTER_MAX = 0xffff,
    SHARD_MAX = 0x3ff,
    DIGITS = PIRN_ID_TEXT - 1,
};

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";

static void put_be64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

static uint64_t get_be64(const uint8_t *at)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

void pirn__id_next(struct pirn__id_source *source, uint64_t now_ns,
                   const uint8_t random[8], uint32_t shard,
                   struct pirn_id *ret_id)
{
    uint64_t now_ms = now_ns / 1000000;

    pirn_assert(shard <= SHARD_MAX);
    pirn_assert(now_ms >> 48 == 0);

    if (now_ms > source->last_ms) {
        source->last_ms = now_ms;
        source->counter = 0;
    } else if (source->counter < COUNTER_MAX) {
        source->counter++;
    } else {
        source->last_ms++; /* a millisecond of the future, lent */
        source->counter = 0;
    }
    put_be64(ret_id->bytes, source->last_ms << 16 | source->counter);
    put_be64(ret_id->bytes + 8, get_be64(random) << 10 | shard);
}

uint32_t pirn__id_shard(const struct pirn_id *id)
{
    return (uint32_t)(get_be64(id->bytes + 8) & SHARD_MAX);
}

int pirn__id_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pirn_id));
}

void pirn_id_format(const struct pirn_id *id, char text[PIRN_ID_TEXT])
{
    uint64_t high = get_be64(id->bytes);
    uint64_t low = get_be64(id->bytes + 8);

    for (unsigned i = DIGITS; i-- > 0;) {
        text[i] = alphabet[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
    text[DIGITS] = '\0';
    pirn_assert(high == 0 && low == 0);
}

int pirn_id_parse(const char *text, struct pirn_id *ret_id)
{
    uint64_t high = 0;
    uint64_t low = 0;

    for (unsigned i = 0; i < DIGITS; i++) {
        const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (digit == NULL || (i == 0 && digit - alphabet > 7)) {
            return -EINVAL;
        }
        high = high << 5 | low >> 59;
        low = low << 5 | (uint64_t)(digit - alphabet);
    }
    if (text[DIGITS] != '\0') {
        return -EINVAL;
    }
    put_be64(ret_id->bytes, high);
    put_be64(ret_id->bytes + 8, low);
    return 0;
}
