/* SPDX-License-Identifier: MIT */
/* put_source.c - what every way of put does with what it reads; see put.h */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <pirn/file.h>
#include <pirn/invariant.h>

#include "cli/put.h"

/* Either is less than half of what fits. */
static uint64_t due_ns(const struct put *put)
{
    return put->delay_ns == 0
               ? 0
               : pirn_context_realtime_ns(put->tool.context) + put->delay_ns;
}

void put_fill(const struct put *put, struct storing *storing)
{
    pirn_assert(storing->fields.cap >= put->fields.len);
    memcpy(storing->fields.bytes, put->fields.bytes, put->fields.len);
    storing->fields.len = put->fields.len;
    storing->draft.due_ns = due_ns(put);
    storing->draft.priority = put->priority;
    storing->draft.held = put->held;
}

int put_open_file(struct put *put, const char *file)
{
    struct pirn_op op = {0};

    if (strcmp(file, "-") == 0) {
        return STDIN_FILENO;
    }
    pirn_prep_open(&op, AT_FDCWD, file, O_RDONLY, 0);
    int fd = pirn_wait(put->tool.context, &op);
    if (fd < 0) {
        (void)storings_miss(&put->storings, file, fd);
    }
    return fd;
}

void put_close_file(struct put *put, int fd)
{
    struct pirn_op op = {0};

    if (fd > STDIN_FILENO) {
        pirn_prep_close(&op, fd);
        (void)pirn_wait(put->tool.context, &op);
    }
}
