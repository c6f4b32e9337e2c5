/* SPDX-License-Identifier: MIT */
/* standard.c - see pirn/standard.h; no operations, because no context is made
 * before */
#include "pirn/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "pirn/invariant.h"

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

bool pirn_standard_are_open(void)
{
    return is_open(STDIN_FILENO) && is_open(STDOUT_FILENO) &&
           is_open(STDERR_FILENO);
}

int pirn_standard_fill(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (is_open(fd)) {
            continue;
        }
        int got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (got < 0) {
            return -errno;
        }
        pirn_assert(got == fd); /* the lowest number that is free */
    }
    return 0;
}
