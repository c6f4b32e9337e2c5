/* SPDX-License-Identifier: MIT */
/*
 * smtp/address.h - the syntax of a path: <local-part@domain>
 *
 * RFC 5321 4.1.2, and not more: a domain is letters, digits and hyphens, or an
 * address literal in brackets; a local part is atoms with single dots between
 * them, or a quoted string. A source route (<@a,@b:user@c>) is read and
 * dropped. Nothing is looked up and nothing is rewritten. Pure.
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include <stddef.h>

#include "smtp/scan.h"

/* A domain may have 255 bytes, which no path of 256 can exceed. */
#define SMTP_LOCAL_PART_MAX 64
#define SMTP_PATH_MAX 256 /* with its angle brackets and route */

enum smtp_address_outcome {
    SMTP_ADDRESS_OK,
    SMTP_ADDRESS_NULL,      /* <> */
    SMTP_ADDRESS_NO_DOMAIN, /* <user>: a local part alone */
    SMTP_ADDRESS_TOO_LONG,  /* one of the limits above */
    SMTP_ADDRESS_NOT_ASCII, /* has bytes over 127, which need SMTPUTF8 */
    SMTP_ADDRESS_SYNTAX,    /* no path at all */
};

/**
 * pirn__smtp_address_parse() - read a path
 * @text:        what follows "FROM:" or "TO:", beginning with the path
 * @ret_address: what stands between the brackets, without a source route;
 *               borrows @text; for OK, NULL and NO_DOMAIN
 * @ret_used:    bytes of @text that are the path; for the same three
 *
 * Return: what it is; the first of the faults above from the bottom up.
 */
enum smtp_address_outcome pirn__smtp_address_parse(
    struct smtp_span text, struct smtp_span *ret_address, size_t *ret_used);

#endif /* SMTP_ADDRESS_H */
