/* SPDX-License-Identifier: MIT */
/*
 * bench/segment.h - a file whose blocks were all written once before
 *
 * As a log has them: nothing is allocated and no size changes, so that a write
 * that is made durable costs the write and a flush. It is written from its
 * beginning again when its end is reached.
 */
#ifndef BENCH_SEGMENT_H
#define BENCH_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/round.h"

enum { SEGMENT_BYTES = 64 << 20 };

struct segment {
    int fd;
    uint64_t at; /* where the next write goes */
    char *bytes; /* as many as are ever written at once, aligned to 4 KiB */
};

/**
 * segment_make() - in @dir; its name is taken away at once
 * @direct: past the page cache; -EOPNOTSUPP where that cannot be
 */
int segment_make(struct segment *segment, const char *dir, bool direct,
                 size_t len);

void segment_end(struct segment *segment);

/** segment_place() - the offset for the next @len bytes */
uint64_t segment_place(struct segment *segment, size_t len);

/** segment_write_dsync() - one call: pwritev2() with RWF_DSYNC */
int segment_write_dsync(struct segment *segment, size_t len);

/** segment_write_sync() - two calls: pwrite(), then fdatasync() */
int segment_write_sync(struct segment *segment, size_t len);

/**
 * segment_round() - a whole round of writes, one in flight
 * @write: makes @items items durable; 0 or a negative errno
 *
 * An item has waited for its batch, so a batch's time is that of each.
 */
int segment_round(struct round *round, int (*write)(void *state), void *state,
                  uint32_t items);

#endif /* BENCH_SEGMENT_H */
