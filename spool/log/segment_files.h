/* SPDX-License-Identifier: MIT */
/*
 * spool/log/segment_files.h - descriptors of segments, and not too many
 *
 * One is opened when somebody first needs it and stays open for the next one.
 * There are PIRN__SEGMENT_FILES of them: where one more is needed, one that
 * nobody holds is closed for it; where all are held, who needs it waits in line
 * until one is dropped.
 *
 * Nobody waits for himself, or in a ring: who holds one drops it without having
 * to get another. The writer keeps his while he writes; all others hold one for
 * a few operations, of a read, or of making a segment.
 */
#ifndef SPOOL_LOG_SEGMENT_FILES_H
#define SPOOL_LOG_SEGMENT_FILES_H

#include <stdint.h>
#include <sys/stat.h>

#include <pirn/base.h>
#include <pirn/op.h>

#include "spool/waiters.h"

struct pirn__log;

#define PIRN__SEGMENT_FILES 64u

/* Open: fd >= 0; being opened: users, and no fd yet; else empty. */
struct pirn__segment_file {
    uint32_t segment;
    uint32_t users; /* who hold it, or are about to */
    int fd;
    int opening_fd; /* while its kind is asked */
    struct statx statx;
};

struct pirn__segment_files {
    struct pirn__segment_file all[PIRN__SEGMENT_FILES];
    uint8_t *entries; /* of each segment: its place in @all plus one; 0: none */
    uint32_t next;    /* where to look on for one that nobody holds */
    struct pirn__waiters waiters;
};

PIRN_MUST_CHECK int pirn__segment_files_init(struct pirn__log *log);
/** pirn__segment_files_deinit() - nobody holds one. Blocks. */
void pirn__segment_files_deinit(struct pirn__log *log);

/* Start &it->waiter.op; result: the descriptor, held until
 * pirn__segment_drop(), or an errno. A file that is not there is made, empty.
 */
struct pirn__segment_hold {
    struct pirn__waiter waiter;
    struct pirn__log *log;
    uint32_t segment;
    struct pirn_op step;
    int32_t error; /* of the question what kind of file that is */
    char path[24];
};
void pirn__prep_segment_hold(struct pirn__segment_hold *hold,
                             struct pirn__log *log, uint32_t segment);

/** pirn__segment_hold_open() - one that is open already, held; or -1 */
int pirn__segment_hold_open(struct pirn__log *log, uint32_t segment);

/** pirn__segment_fd() - of a segment that is held */
int pirn__segment_fd(struct pirn__log *log, uint32_t segment);

/** pirn__segment_drop() - it is held once less */
void pirn__segment_drop(struct pirn__log *log, uint32_t segment);

/** pirn__segment_forget() - close one that nobody holds: its name will be
 * another file's, or it is not needed again. Blocks. */
void pirn__segment_forget(struct pirn__log *log, uint32_t segment);

#endif /* SPOOL_LOG_SEGMENT_FILES_H */
