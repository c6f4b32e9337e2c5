/* SPDX-License-Identifier: MIT */
/*
 * crew_left.h - what a spool without items is still occupied by
 *
 * The public calls tell of items alone, so this looks into both layouts.
 */
#ifndef TESTS_PROCESS_CREW_LEFT_H
#define TESTS_PROCESS_CREW_LEFT_H

#include <stdint.h>

#include <pirn/spool.h>

struct crew_left {
    uint32_t slots;    /* of the log that have an item */
    uint32_t segments; /* of the log that wait for somebody */
    uint32_t files;    /* bodies and metadata of either layout */
};

/** crew_left() - now; @path is the spool's */
struct crew_left crew_left(struct pirn_spool *spool, const char *path);

#endif /* TESTS_PROCESS_CREW_LEFT_H */
