/* SPDX-License-Identifier: MIT */
/*
 * image.h - a log of a few small segments as it may stand on a disk
 *
 * An input is read as steps: write records by the encoders, bury and cut them,
 * then turn bytes of what is there, with or without the sums that would make
 * the turned bytes pass. So hostile bytes stand where the sums do not stop
 * them, as if whoever wrote them knew the salt.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include "tests/fuzz/fuzz.h"

#include "spool/log/replay.h"

enum {
    IMAGE_SEGMENTS = 3,
    IMAGE_SEGMENT = 1 << 15,
    IMAGE_BATCHES = IMAGE_SEGMENT / (int)PIRN__BATCH_UNIT - 1,
    IMAGE_WORDS = PIRN__TOMB_SEGMENT_WORDS,
    IMAGE_PAGES = IMAGE_SEGMENTS + 1,
    IMAGE_IDS = 8,
    IMAGE_UNIT = PIRN__RECORD_UNIT,
};

struct image {
    uint8_t bytes[IMAGE_SEGMENTS][IMAGE_SEGMENT];
    struct pirn__batch batches[IMAGE_SEGMENTS]; /* the next one of each */
    uint8_t buf[IMAGE_SEGMENTS][PIRN__BATCH_ROOM + IMAGE_SEGMENT];
    uint64_t words[IMAGE_SEGMENTS * IMAGE_WORDS];
    uint64_t bounds[PIRN__TOMB_PAGE_WORDS];
    uint64_t versions[IMAGE_PAGES];
    uint64_t synced[IMAGE_PAGES];
    struct pirn__tombs tombs;
    uint64_t now;
};

/** image_make() - by all steps that @in has */
void image_make(struct image *image, struct fuzz_in *in);

/* A batch that was met: of a segment's last one also what is not whole. */
typedef void image_met_fn(void *user, const struct pirn__batch_head *head,
                          const uint8_t *heads, const uint64_t *bad);

/**
 * image_read() - a segment, as a restart reads it
 *
 * Each front and each last batch is given to the decoders in memory of exactly
 * its size; that what they take stands inside the segment is asserted here.
 */
void image_read(const struct image *image, uint32_t segment, image_met_fn *met,
                void *user);

#endif /* TESTS_FUZZ_IMAGE_H */
