/* SPDX-License-Identifier: MIT */
/*
 * spool/log/copy.h - what is damaged is kept under another name
 */
#ifndef SPOOL_LOG_COPY_H
#define SPOOL_LOG_COPY_H

#include <pirn/base.h>

struct pirn__log;

/**
 * pirn__copy_aside() - a copy of a file, as it is
 * @path: in .log; one that is there stays, so of each name one is made
 *
 * What of it cannot be read is zeros in the copy. Return: 0; -ENOSPC, ...
 * Durable: when it returns 0. Blocks.
 */
PIRN_MUST_CHECK int pirn__copy_aside(struct pirn__log *log, int fd,
                                     const char *path);

#endif /* SPOOL_LOG_COPY_H */
