/* SPDX-License-Identifier: MIT */
/*
 * layout.h - which layout the queues of a spool have
 */
#ifndef CLI_LAYOUT_H
#define CLI_LAYOUT_H

#include <pirn/item.h>

#include "cli/tool.h"

/* What was found last, so that of many items of a queue one asks. Zeroed. */
struct layouts {
    char queue[PIRN_QUEUE_TEXT];
    int layout;
};

/**
 * layouts_find() - how a queue keeps its items
 *
 * Return: an enum pirn_layout; -ENOENT there is no such queue; or an errno.
 *         Blocks.
 */
int layouts_find(struct layouts *layouts, struct tool *tool, const char *queue);

#endif /* CLI_LAYOUT_H */
