/* SPDX-License-Identifier: MIT */
/*
 * smtp/envelope.h - sender and recipients, as they will be stored
 *
 * The text is the stored form of the spool's fields (pirn/item.h), so nothing
 * is converted or copied again on the way to the disk:
 *
 *   "from" NUL sender NUL "to" NUL recipient NUL "to" NUL recipient NUL ...
 *
 * Addresses stand in it as they came, without angle brackets, source route
 * and parameters; the null sender is empty. A recipient who is named twice
 * stands there twice. Pure.
 */
#ifndef SMTP_ENVELOPE_H
#define SMTP_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/scan.h"

#define SMTP_FIELD_FROM "from"
#define SMTP_FIELD_TO "to"

/* Read freely; changed by the functions below alone. */
struct smtp_envelope {
    char *bytes;              /* the caller's, @cap bytes */
    uint64_t size_declared;   /* SIZE= of MAIL; 0: none */
    uint32_t cap;             /* bytes */
    uint32_t len;             /* bytes of text; 0: no MAIL yet */
    uint32_t recipient_count; /* "to" pairs */
    bool eight_bit;           /* BODY=8BITMIME */
};

/**
 * pirn__smtp_envelope_clear() - forget sender and recipients
 */
void pirn__smtp_envelope_clear(struct smtp_envelope *envelope);

/**
 * pirn__smtp_envelope_is_open() - whether there is a sender
 */
bool pirn__smtp_envelope_is_open(const struct smtp_envelope *envelope);

/**
 * pirn__smtp_envelope_open() - set the sender
 * @envelope: clear
 * @sender:   copied; may be empty
 *
 * Return: whether it fitted.
 */
bool pirn__smtp_envelope_open(struct smtp_envelope *envelope,
                              struct smtp_span sender);

/**
 * pirn__smtp_envelope_add() - add a recipient
 * @envelope:  open
 * @recipient: copied
 *
 * Return: whether it fitted; if not, nothing has changed.
 */
bool pirn__smtp_envelope_add(struct smtp_envelope *envelope,
                             struct smtp_span recipient);

/**
 * pirn__smtp_envelope_move() - go on in other memory
 * @bytes: @cap bytes, at least as many as there is text; not the old ones
 */
void pirn__smtp_envelope_move(struct smtp_envelope *envelope, char *bytes,
                              uint32_t cap);

#endif /* SMTP_ENVELOPE_H */
