/* SPDX-License-Identifier: MIT */
/* pipes.c - see bench/pipes.h */
#include "bench/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/process.h"

int pipes_open(struct pipes *pipes)
{
    int r = process_allow_files();

    *pipes = (struct pipes){0};
    for (unsigned i = 0; i < PIPE_COUNT && r == 0; i++) {
        int ends[2];

        r = pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
        if (r == 0) {
            pipes->read_fds[i] = ends[0];
            pipes->write_fds[i] = ends[1];
        }
    }
    for (unsigned i = 0; i < PIPE_COUNT && r == 0;
         i += PIPE_COUNT / PIPE_BYTES) {
        r = write(pipes->write_fds[i], "x", 1) == 1 ? 0 : -errno;
    }
    if (r < 0) {
        pipes_close(pipes);
    }
    return r;
}

void pipes_close(struct pipes *pipes)
{
    for (unsigned i = 0; i < PIPE_COUNT && pipes->write_fds[i] > 0; i++) {
        close(pipes->read_fds[i]);
        close(pipes->write_fds[i]);
    }
}

void pipes_pass(struct pipes *pipes, unsigned index)
{
    char byte;

    if (read(pipes->read_fds[index], &byte, 1) != 1 ||
        write(pipes->write_fds[(index + 1) % PIPE_COUNT], &byte, 1) != 1) {
        abort();
    }
    pipes->passed++;
}
