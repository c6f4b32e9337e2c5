/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - begin a command: what it reads, what it says, what it knows
 *
 * What no operation of the library does, and nothing that may block for long.
 */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <pirn/item.h>

/** spawn_file() - an empty file in memory; its descriptor, or an errno */
int spawn_file(void);

/** spawn_pipe() - @fds: where to read, where to write; 0 or an errno */
int spawn_pipe(int fds[2]);

/** spawn_waiting() - the bytes that wait in a pipe */
uint32_t spawn_waiting(int fd);

/** spawn_close() - @fd: of the two above; -1: nothing */
void spawn_close(int fd);

/**
 * spawn_can_tell() - whether a command may be told of the item's envelope
 *
 * Not of a sender or a recipient with a control byte: of one with a newline a
 * command, which is told one a line, would make two.
 */
bool spawn_can_tell(const struct pirn_item *item);

/**
 * spawn_command() - begin a command
 * @argv:      its name, looked for in PATH, and its arguments; then NULL
 * @item:      told to it as PIRN_ID, PIRN_SENDER, PIRN_RECIPIENTS (one a line),
 *             PIRN_QUEUE and PIRN_ATTEMPTS, beside our environment
 * @input_fd:  its standard input
 * @errors_fd: its standard error
 *
 * It has a process group of its own, so that what a terminal's keys send us
 * does not reach it, and our standard output.
 *
 * Return: 0; -ENOENT there is no such program; or an errno
 */
int spawn_command(char *const *argv, const struct pirn_item *item, int input_fd,
                  int errors_fd, pid_t *ret_pid);

#endif /* CLI_SPAWN_H */
