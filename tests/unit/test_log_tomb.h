/* SPDX-License-Identifier: MIT */
/*
 * test_log_tomb.h - the tombstones of two segments in memory, a page each
 */
#ifndef TESTS_UNIT_TEST_LOG_TOMB_H
#define TESTS_UNIT_TEST_LOG_TOMB_H

#include <string.h>

#include "spool/log/tomb.h"

enum {
    SEGMENTS = 2,
    RECORDS = PIRN__TOMB_WORD_RECORDS, /* of a word */
    WORDS = PIRN__TOMB_PAGE_WORDS,     /* a page each segment */
    BOUNDS = SEGMENTS,                 /* their page */
    PAGES = SEGMENTS + 1,
    PAGE_BYTES = WORDS * sizeof(uint64_t),
};

static uint64_t words[SEGMENTS * WORDS];
static uint64_t bounds[WORDS];
static uint64_t versions[PAGES];
static uint64_t synced[PAGES];
static const struct pirn__tombs tombs = {
    .words = words,
    .bounds = bounds,
    .versions = versions,
    .synced = synced,
    .segment_count = SEGMENTS,
    .segment_words = WORDS,
};

/* Both in that turn, all of it synced. */
static void tombs_begin(uint32_t generation)
{
    memset(words, 0, sizeof(words));
    memset(bounds, 0, sizeof(bounds));
    memset(versions, 0, sizeof(versions));
    for (uint32_t s = 0; s < SEGMENTS; s++) {
        pirn__tomb_turn(&tombs, s, generation);
    }
    memcpy(synced, versions, sizeof(synced));
}

#endif /* TESTS_UNIT_TEST_LOG_TOMB_H */
