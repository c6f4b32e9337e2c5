/* SPDX-License-Identifier: MIT */
/*
 * quantity.h - sizes, times and priorities as people write them, as arguments
 * of options
 *
 *   sizes   4096  16K  1.5M  2GiB           powers of 1024
 *   times   500ms  30s  15m  12h  3d  2w  1h30m  0    and, for a moment,
 *           2026-03-01  2026-03-01T12:34:56.789Z, which is UTC
 *
 * What is none of these is a usage error that says so.
 */
#ifndef CLI_QUANTITY_H
#define CLI_QUANTITY_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* Before now, or since 1970. */
struct quantity_moment {
    uint64_t ns;
    bool is_age;
};

/** quantity_bytes() - @what: the option, for the error */
uint64_t quantity_bytes(struct argp_state *state, const char *what,
                        const char *text);

/** quantity_ns() - how long */
uint64_t quantity_ns(struct argp_state *state, const char *what,
                     const char *text);

/** quantity_priority() - of an item, -8 to 7 */
int8_t quantity_priority(struct argp_state *state, const char *what,
                         const char *text);

/** quantity_moment() - when; how long before now, or a date */
struct quantity_moment quantity_moment(struct argp_state *state,
                                       const char *what, const char *text);

/** quantity_moment_ns() - since 1970; 0 is also what is before */
uint64_t quantity_moment_ns(const struct quantity_moment *moment,
                            uint64_t now_ns);

#endif /* CLI_QUANTITY_H */
