/* SPDX-License-Identifier: MIT */
/*
 * paste.h - the line that sends a mail and reads it back
 */
#ifndef CLI_PASTE_H
#define CLI_PASTE_H

#include <stdio.h>

#include <pirn/socket.h>

/**
 * paste_print() - one line for any shell that has bash beside it
 * @program: as the user called it
 * @spool:   as the user named it
 * @address: where the server listens, IPv4 or IPv6
 *
 * Needs nothing but bash and @program: a Debian that has only what the server
 * needs has neither curl nor python.
 */
void paste_print(FILE *out, const char *program, const char *spool,
                 const struct pirn_address *address);

#endif /* CLI_PASTE_H */
