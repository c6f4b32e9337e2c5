/* SPDX-License-Identifier: MIT */
/*
 * layout.c - see layout.h
 *
 * A queue that is there is made again as one of files: that it is there with
 * another layout is what one of the log answers, without touching the disk.
 */
#include "cli/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_there(const struct tool *tool, const char *queue)
{
    const char *name;

    for (uint32_t i = 0; (name = pirn_spool_queue(tool->spool, i)) != NULL;
         i++) {
        if (strcmp(name, queue) == 0) {
            return true;
        }
    }
    return false;
}

int layouts_find(struct layouts *layouts, struct tool *tool, const char *queue)
{
    int r;

    if (strcmp(layouts->queue, queue) == 0) {
        return layouts->layout;
    }
    if (!is_there(tool, queue)) {
        return -ENOENT;
    }
    r = pirn_spool_create_queue_as(tool->spool, queue, PIRN_LAYOUT_FILE);
    if (r < 0 && r != -EEXIST) {
        return r;
    }
    layouts->layout = r == 0 ? PIRN_LAYOUT_FILE : PIRN_LAYOUT_LOG;
    snprintf(layouts->queue, sizeof(layouts->queue), "%s", queue);
    return layouts->layout;
}
