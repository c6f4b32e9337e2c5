/* SPDX-License-Identifier: MIT */
/*
 * table.c - see engine/table.h
 *
 * `cuts` is what Linux 6.1, 6.12 and 6.18 were seen to do (tests/README.md has
 * the table), not what its manual says: since 6.0 a failed fsync, rename,
 * unlink, mkdir, link, statx, fallocate or ftruncate lets the next link run
 * (kernel commit 97b388d70b53). `pirn probe` tries each.
 * A send cuts when it moves less than asked only with MSG_WAITALL, which the
 * stream always sets. A short read cuts as well, but is a success, behind which
 * a chain goes on; so a read stands here as not cutting.
 *
 * `follows`: what the kernel refuses before it begins (a path too long, a flag
 * it does not know) ends the whole run with -ECANCELED, also the steps in front
 * of it, which a chain would have carried out.
 *
 * `punts`: of an open those that may make or cut a file
 * (io_openat_force_async() in the kernel's io_uring/openclose.c).
 *
 * A write with flags is in no linked run: a sync that fails behind the write is
 * nothing that `pirn probe` can try, and the row speaks of writes without.
 */
#include "runtime/engine/table.h"

#include <fcntl.h>

enum { NO = 0, YES = 1, NOT_IN_RING = -1 };

const struct engine_row pirn__engine_rows[ENGINE_OPCODE_COUNT] = {
    /* name, since, number, wait, cuts, moves, follows, punts */
    [ENGINE_NOP] = {"NOP", "5.1", 0, ENGINE_INSTANT, NO, NO, NO, NO},
    [ENGINE_OPEN] = {"OPENAT", "5.6", 18, ENGINE_FINITE, YES, NO, NO, YES},
    [ENGINE_OPEN_BENEATH] = {"OPENAT2", "5.6", 28, ENGINE_FINITE, YES, NO, NO,
                             YES},
    [ENGINE_CLOSE] = {"CLOSE", "5.6", 19, ENGINE_FINITE, YES, NO, YES, NO},
    [ENGINE_READ] = {"READ", "5.6", 22, ENGINE_FINITE, NO, NO, YES, NO},
    [ENGINE_WRITE] = {"WRITE", "5.6", 23, ENGINE_FINITE, YES, YES, YES, NO},
    [ENGINE_READ_MULTISHOT] = {"READ_MULTISHOT", "6.7", 49, ENGINE_READY, NO,
                               NO, NO, NO},
    [ENGINE_READV] = {"READV", "5.1", 1, ENGINE_FINITE, NO, NO, NO, NO},
    [ENGINE_WRITEV] = {"WRITEV", "5.1", 2, ENGINE_FINITE, YES, YES, NO, NO},
    [ENGINE_FSYNC] = {"FSYNC", "5.1", 3, ENGINE_FINITE, NO, NO, YES, YES},
    [ENGINE_CONFIRM] = {"FSETXATTR", "5.19", 41, ENGINE_FINITE, NO, NO, NO,
                        YES},
    [ENGINE_FALLOCATE] = {"FALLOCATE", "5.6", 17, ENGINE_FINITE, NO, NO, NO,
                          YES},
    [ENGINE_TRUNCATE] = {"FTRUNCATE", "6.9", 55, ENGINE_FINITE, NO, NO, NO,
                         YES},
    [ENGINE_LOCK] = {"fcntl", "-", NOT_IN_RING, ENGINE_INSTANT, NO, NO, NO, NO},
    [ENGINE_RENAME] = {"RENAMEAT", "5.11", 35, ENGINE_FINITE, NO, NO, NO, YES},
    [ENGINE_UNLINK] = {"UNLINKAT", "5.11", 36, ENGINE_FINITE, NO, NO, NO, YES},
    [ENGINE_MKDIR] = {"MKDIRAT", "5.15", 37, ENGINE_FINITE, NO, NO, NO, YES},
    [ENGINE_FIFO] = {"mkfifoat", "-", NOT_IN_RING, ENGINE_FINITE, NO, NO, NO,
                     YES},
    [ENGINE_LINK] = {"LINKAT", "5.15", 39, ENGINE_FINITE, NO, NO, NO, YES},
    [ENGINE_SYMLINK] = {"SYMLINKAT", "5.15", 38, ENGINE_FINITE, NO, NO, NO,
                        YES},
    [ENGINE_STAT] = {"STATX", "5.6", 21, ENGINE_FINITE, NO, NO, NO, YES},
    [ENGINE_LIST] = {"getdents64", "-", NOT_IN_RING, ENGINE_FINITE, NO, NO, NO,
                     YES},
    [ENGINE_ROOM] = {"fstatfs", "-", NOT_IN_RING, ENGINE_FINITE, NO, NO, NO,
                     YES},
    [ENGINE_SOCKET] = {"SOCKET", "5.19", 45, ENGINE_INSTANT, YES, NO, NO, NO},
    [ENGINE_BIND] = {"BIND", "6.11", 56, ENGINE_INSTANT, NO, NO, NO, NO},
    [ENGINE_LISTEN] = {"LISTEN", "6.11", 57, ENGINE_INSTANT, NO, NO, NO, NO},
    [ENGINE_SET_OPTION] = {"setsockopt", "-", NOT_IN_RING, ENGINE_INSTANT, NO,
                           NO, NO, NO},
    [ENGINE_ACCEPT] = {"ACCEPT", "5.5", 13, ENGINE_READY, YES, NO, NO, NO},
    [ENGINE_CONNECT] = {"CONNECT", "5.5", 16, ENGINE_READY, YES, NO, NO, NO},
    [ENGINE_SEND] = {"SEND", "5.6", 26, ENGINE_READY, NO, YES, YES, NO},
    [ENGINE_SENDMSG] = {"SENDMSG", "5.3", 9, ENGINE_READY, NO, YES, NO, NO},
    [ENGINE_RECV] = {"RECV", "5.6", 27, ENGINE_READY, NO, NO, NO, NO},
    [ENGINE_SHUTDOWN] = {"shutdown", "-", NOT_IN_RING, ENGINE_INSTANT, NO, NO,
                         NO, NO},
    [ENGINE_POLL] = {"POLL_ADD", "5.1", 6, ENGINE_READY, NO, NO, NO, NO},
    [ENGINE_SPLICE] = {"SPLICE", "5.7", 30, ENGINE_FINITE, YES, NO, NO, NO},
    [ENGINE_RAW] = {"raw", "-", NOT_IN_RING, ENGINE_READY, NO, NO, NO, NO},
    [ENGINE_SIGNALS] = {"signalfd", "-", NOT_IN_RING, ENGINE_INSTANT, NO, NO,
                        NO, NO},
    [ENGINE_PIDFD_OPEN] = {"pidfd_open", "-", NOT_IN_RING, ENGINE_INSTANT, NO,
                           NO, NO, NO},
    [ENGINE_WAITID] = {"waitid", "-", NOT_IN_RING, ENGINE_INSTANT, NO, NO, NO,
                       NO},
    [ENGINE_INOTIFY_OPEN] = {"inotify_init1", "-", NOT_IN_RING, ENGINE_INSTANT,
                             NO, NO, NO, NO},
    [ENGINE_INOTIFY_ADD] = {"inotify_add_watch", "-", NOT_IN_RING,
                            ENGINE_FINITE, NO, NO, NO, YES},
};

static bool is_flagged_write(const struct pirn_loan *loan)
{
    bool is_write =
        loan->opcode == ENGINE_WRITE || loan->opcode == ENGINE_WRITEV;

    return is_write && loan->op_flags != 0;
}

bool pirn__engine_links(const struct pirn_loan *before,
                        const struct pirn_loan *behind)
{
    return pirn__engine_rows[before->opcode].cuts &&
           pirn__engine_rows[behind->opcode].follows &&
           !loan_is_marked(before) && !loan_is_marked(behind) &&
           !is_flagged_write(before) && !is_flagged_write(behind) &&
           loan_fd_place(behind) < 0;
}

bool pirn__engine_punts(const struct pirn_loan *loan)
{
    bool is_open =
        loan->opcode == ENGINE_OPEN || loan->opcode == ENGINE_OPEN_BENEATH;

    return pirn__engine_rows[loan->opcode].punts &&
           (!is_open || (loan->op_flags & (O_CREAT | O_TRUNC)));
}
