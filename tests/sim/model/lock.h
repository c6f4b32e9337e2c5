/* SPDX-License-Identifier: MIT */
/*
 * lock.h - ranges of bytes, locked by open files (OFD locks)
 *
 * As F_OFD_SETLK of fcntl(2): an open file's own locks do not conflict, and are
 * released when it is closed for the last time.
 */
#ifndef TESTS_SIM_MODEL_LOCK_H
#define TESTS_SIM_MODEL_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct open_file;

struct lock {
    const struct open_file *file;
    uint32_t inode;
    bool exclusive;
    uint64_t start;
    uint64_t end; /* behind the last byte */
};

enum { LOCK_MAX = 256 };

struct locks {
    struct lock locks[LOCK_MAX];
    uint32_t count;
};

/* @type: F_RDLCK, F_WRLCK, F_UNLCK; @len 0: to the end. 0, -EAGAIN: somebody
 * else's is in the way, -ENOLCK. */
int locks_set(struct locks *locks, const struct open_file *file, int type,
              uint64_t start, uint64_t len);

void locks_release(struct locks *locks, const struct open_file *file);

#endif /* TESTS_SIM_MODEL_LOCK_H */
