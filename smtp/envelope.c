/* SPDX-License-Identifier: MIT */
/* envelope.c - see smtp/envelope.h */
#include "smtp/envelope.h"

#include <string.h>

#include <pirn/invariant.h>

void pirn__smtp_envelope_clear(struct smtp_envelope *envelope)
{
    envelope->size_declared = 0;
    envelope->len = 0;
    envelope->recipient_count = 0;
    envelope->eight_bit = false;
}

bool pirn__smtp_envelope_is_open(const struct smtp_envelope *envelope)
{
    return envelope->len > 0;
}

static bool put(struct smtp_envelope *envelope, const char *name,
                struct smtp_span value)
{
    size_t name_size = strlen(name) + 1;
    char *at = envelope->bytes + envelope->len;

    pirn_assert(envelope->len <= envelope->cap);
    pirn_check(memchr(value.bytes, '\0', value.len) == NULL);

    if (name_size + value.len + 1 > envelope->cap - envelope->len) {
        return false;
    }
    memcpy(at, name, name_size);
    memcpy(at + name_size, value.bytes, value.len);
    at[name_size + value.len] = '\0';
    envelope->len += (uint32_t)(name_size + value.len + 1);
    return true;
}

bool pirn__smtp_envelope_open(struct smtp_envelope *envelope,
                              struct smtp_span sender)
{
    pirn_assert(!pirn__smtp_envelope_is_open(envelope));

    return put(envelope, SMTP_FIELD_FROM, sender);
}

bool pirn__smtp_envelope_add(struct smtp_envelope *envelope,
                             struct smtp_span recipient)
{
    pirn_assert(pirn__smtp_envelope_is_open(envelope));

    if (!put(envelope, SMTP_FIELD_TO, recipient)) {
        return false;
    }
    envelope->recipient_count++;
    return true;
}

void pirn__smtp_envelope_move(struct smtp_envelope *envelope, char *bytes,
                              uint32_t cap)
{
    pirn_assert(cap >= envelope->len);

    if (envelope->len > 0) {
        memcpy(bytes, envelope->bytes, envelope->len);
    }
    envelope->bytes = bytes;
    envelope->cap = cap;
}
