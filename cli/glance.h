/* SPDX-License-Identifier: MIT */
/*
 * glance.h - look at many items at once, and have them in order
 */
#ifndef CLI_GLANCE_H
#define CLI_GLANCE_H

#include <stdint.h>

#include <pirn/spool.h>

#include "cli/tool.h"

/* How many are looked at together: so many views of the log may be open. */
#define GLANCE_MAX 4

struct glance {
    struct pirn_view view;
    struct glances *all;
    int32_t result; /* of the look */
};

/* Zeroed once. */
struct glances {
    struct glance glance[GLANCE_MAX];
    uint32_t pending;
};

/**
 * glances_look() - look at items
 * @ids:   @count of them, 0 .. GLANCE_MAX
 *
 * Return: 0, or the ring's error; then each glance has its result, and
 *         glances_end() is owed
 */
int glances_look(struct glances *glances, struct tool *tool,
                 const struct pirn_id *ids, uint32_t count);

/** glances_end() - done with the @count items; 0, or the ring's error */
int glances_end(struct glances *glances, struct tool *tool, uint32_t count);

#endif /* CLI_GLANCE_H */
