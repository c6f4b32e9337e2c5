/* SPDX-License-Identifier: MIT */
/*
 * tomb_format_1.c - see spool/log/tomb_format_1.h
 *
 * A word of today covers records of one or two words of then. Where these are
 * of two generations the segment was being turned, so the later one counts: of
 * the earlier one every record was dead, durably, before.
 */
#include "spool/log/tomb_format_1.h"

#include <pirn/invariant.h>

#include "spool/log/bytes.h"

enum {
    OLD_RECORDS = 32,
    OLD_ALL = PIRN__TOMB_FORMAT_1_BYTES / 8 * OLD_RECORDS,
};

#define CUT_FIRST UINT32_C(0x80000000)

static uint64_t old_word(const uint8_t *words, uint32_t record)
{
    return pirn__get64(words + (size_t)record / OLD_RECORDS * 8);
}

static uint64_t new_word(const uint8_t *words, uint32_t first)
{
    uint32_t generation = 0;
    uint32_t low = 0;

    for (uint32_t i = 0; i < PIRN__TOMB_WORD_RECORDS; i++) {
        uint32_t record = first + i;
        uint64_t word = record < OLD_ALL ? old_word(words, record) : 0;
        if (word >> 32 > generation) {
            generation = (uint32_t)(word >> 32);
            low = 0;
        }
        if (word >> 32 == generation) {
            low |= (uint32_t)(word >> record % OLD_RECORDS & 1) << i;
        }
    }
    return pirn__tomb_word(generation, low);
}

void pirn__tombs_take_format_1(const struct pirn__tombs *tombs,
                               uint32_t segment, const uint8_t *words,
                               const uint8_t *cut)
{
    uint64_t *to = tombs->words + (uint64_t)segment * tombs->segment_words;
    uint32_t generation = pirn__get32(cut + 4);
    uint32_t low = pirn__get32(cut);
    uint32_t record = (low & ~CUT_FIRST) - 1; /* none: more than there are */
    bool is_cut = record <= OLD_ALL + 1;
    uint32_t at = record < OLD_ALL ? record : OLD_ALL;

    pirn_assert(segment < tombs->segment_count);
    for (uint32_t i = 0; i < tombs->segment_words; i++) {
        to[i] = new_word(words, i * PIRN__TOMB_WORD_RECORDS);
    }
    tombs->bounds[segment] = pirn__tomb_word(generation, 0);
    if (is_cut) {
        (void)pirn__tomb_cut(tombs, segment, generation, at, false);
    }
    if (is_cut && (low & CUT_FIRST) != 0) {
        (void)pirn__tomb_mark_first(tombs, segment, generation);
    }
}
