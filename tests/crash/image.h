/* SPDX-License-Identifier: MIT */
/*
 * image.h - states of a disk, from the log of what it was asked to do
 *
 * A state is what the power cut leaves: all that stands before the last flush,
 * and of the writes behind it any part, by sectors. The base goes forward only;
 * states are written beside it, into a file under a loop device.
 */
#ifndef TESTS_CRASH_IMAGE_H
#define TESTS_CRASH_IMAGE_H

#include <stdint.h>

#include "crash/disk_log.h"
#include "sim/model/rng.h"

/* What becomes of the writes behind the last flush. */
enum image_cut {
    IMAGE_PREFIX,  /* all of them are there */
    IMAGE_FLUSHED, /* none */
    IMAGE_SUBSET,  /* each is there or not */
    IMAGE_TORN,    /* and of some, some sectors */
    IMAGE_CUTS,
};

extern const char *const image_cut_names[IMAGE_CUTS];

struct image_entry {
    enum disk_kind kind;
    uint32_t bytes;
    uint64_t at;
    const uint8_t *data;
};

struct image {
    struct image_entry *entries; /* the whole log */
    uint64_t entry_count;
    uint8_t *base;
    uint8_t *used; /* per page, whether it may be other than zeros */
    uint64_t bytes;
    uint64_t position; /* of the base: after the last flush of the cut */
    int file;
};

/** image_open() - a log, and the file for states; 0 or a negative errno */
int image_open(struct image *image, const char *log, const char *file,
               uint64_t bytes);

/**
 * image_state() - write the state that a cut at this position leaves
 * @position: not before an earlier one's
 *
 * Return: how many writes stand behind the last flush, or a negative errno
 */
int64_t image_state(struct image *image, uint64_t position, enum image_cut cut,
                    struct rng rng);

#endif /* TESTS_CRASH_IMAGE_H */
