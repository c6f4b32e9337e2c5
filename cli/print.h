/* SPDX-License-Identifier: MIT */
/*
 * print.h - items and what belongs to them, for people and for programs
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include <pirn/item.h>

#include "cli/json.h"

/* "2026-03-01T12:34:56.789Z" and NUL; RFC 3339, UTC. */
#define PRINT_TIME_TEXT 40

/** print_time() - nanoseconds since 1970 as text */
void print_time(uint64_t time_ns, char text[PRINT_TIME_TEXT]);

/** print_safe() - a stored text; bytes that move a terminal as \xNN */
void print_safe(FILE *out, const char *text);

/** print_item_json() - one line: id, queue, state, claimed, size, ... */
void print_item_json(struct json *json, const struct pirn_item *item);

/** print_item_heading() - the names of the columns of print_item_row() */
void print_item_heading(FILE *out);

/** print_item_row() - one line, the id first; from and to if they are there */
void print_item_row(FILE *out, const struct pirn_item *item);

/** print_item_whole() - all that is known of it, one line each */
void print_item_whole(FILE *out, const struct pirn_item *item);

#endif /* CLI_PRINT_H */
