/* SPDX-License-Identifier: MIT */
/*
 * disk_log.h - what a disk was asked to do, in order, and a page to steer it by
 *
 * The log is a file of entries, each followed by the bytes of its write. A
 * position is a count of entries: position p is the instant at which the first
 * p of them had arrived. The page is a file that the disk, who works on it and
 * who orders its failures have mapped.
 */
#ifndef TESTS_CRASH_DISK_LOG_H
#define TESTS_CRASH_DISK_LOG_H

#include <stdatomic.h>
#include <stdint.h>

enum disk_kind { DISK_WRITE = 1, DISK_FLUSH = 2 };

/* As it stands in the log; @bytes of data follow. */
struct disk_entry {
    uint32_t kind;
    uint32_t bytes;
    uint64_t at; /* offset on the disk */
};

enum { DISK_SECTOR = 512, DISK_PAGE_BYTES = 4096 };

struct disk_page {
    _Atomic uint64_t entries; /* in the log, whole */
    _Atomic uint64_t asked;   /* writes and flushes, failed ones too */
    _Atomic uint64_t failed;

    /* EIO for what is asked as number @fail_from (the first is 0) and the
     * @fail_count - 1 behind it. */
    _Atomic uint64_t fail_from;
    _Atomic uint64_t fail_count;

    /* A thin disk: it says ENOSPC to a write that would give it more pages than
     * @pages_max, if that is not 0. */
    _Atomic uint64_t pages;
    _Atomic uint64_t pages_max;
};

#endif /* TESTS_CRASH_DISK_LOG_H */
