/* SPDX-License-Identifier: MIT */
/*
 * tomb.c - see spool/log/tomb.h
 *
 * A word is read, and swapped only from what was read: who has an old
 * generation in mind never changes a word of a new one, however long he was
 * stopped in between. A page's version is raised behind each change, so whoever
 * reads a version and then the page has every change that the version counts.
 */
#include "spool/log/tomb.h"

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"

enum { WORD_RECORDS = 32 };

/* Of a cut. */
#define CUT_FIRST UINT64_C(0x80000000)
#define CUT_BITS UINT64_C(0x7fffffff)

static uint32_t generation_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static uint64_t *word_at(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t record)
{
    pirn_assert(segment < tombs->segment_count);
    pirn_assert(record / WORD_RECORDS < tombs->segment_words);
    return tombs->words + (uint64_t)segment * tombs->segment_words +
           record / WORD_RECORDS;
}

static uint32_t words_pages(const struct pirn__tombs *tombs)
{
    return tombs->segment_count *
           (tombs->segment_words / PIRN__TOMB_PAGE_WORDS);
}

uint32_t pirn__tombs_pages(const struct pirn__tombs *tombs)
{
    pirn_assert(tombs->segment_words % PIRN__TOMB_PAGE_WORDS == 0);
    return words_pages(tombs) +
           (tombs->segment_count + PIRN__TOMB_PAGE_WORDS - 1) /
               PIRN__TOMB_PAGE_WORDS;
}

uint64_t pirn__tombs_bytes(uint32_t segment_count)
{
    struct pirn__tombs tombs = {
        .segment_count = segment_count,
        .segment_words = PIRN__TOMB_SEGMENT_WORDS,
    };

    return (uint64_t)pirn__tombs_pages(&tombs) * PIRN__TOMB_PAGE_WORDS * 8;
}

const uint64_t *pirn__tombs_page(const struct pirn__tombs *tombs, uint32_t page)
{
    uint32_t first_cuts = words_pages(tombs);

    pirn_assert(page < pirn__tombs_pages(tombs));
    if (page < first_cuts) {
        return tombs->words + (uint64_t)page * PIRN__TOMB_PAGE_WORDS;
    }
    return tombs->cuts + (page - first_cuts) * PIRN__TOMB_PAGE_WORDS;
}

static void page_changed(const struct pirn__tombs *tombs, const uint64_t *word)
{
    uint64_t page = (uint64_t)(word - tombs->words) / PIRN__TOMB_PAGE_WORDS;

    pirn__atom_add(&tombs->versions[page], 1);
}

/* Sets bits of one word; false: it is of another generation. The page counts as
 * changed even if they were set: who set them may have been killed before he
 * said so. */
static bool word_set(const struct pirn__tombs *tombs, uint64_t *word,
                     uint32_t generation, uint32_t bits)
{
    uint64_t old;

    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation &&
            !pirn__planted("tomb-set-blindly")) {
            return false;
        }
    } while (!pirn__atom_swap(word, old, old | bits));
    page_changed(tombs, word);
    return true;
}

bool pirn__tomb_set(const struct pirn__tombs *tombs, uint32_t segment,
                    uint32_t generation, uint32_t record)
{
    return word_set(tombs, word_at(tombs, segment, record), generation,
                    UINT32_C(1) << record % WORD_RECORDS);
}

/* The bits of the dead in a word, as a reader of @generation judges. */
static uint32_t dead_bits(uint64_t word, uint32_t generation)
{
    if (generation_of(word) == generation) {
        return (uint32_t)word;
    }
    return generation_of(word) > generation ? UINT32_MAX : 0;
}

bool pirn__tomb_is_set(const struct pirn__tombs *tombs, uint32_t segment,
                       uint32_t generation, uint32_t record)
{
    uint64_t word = pirn__atom_load(word_at(tombs, segment, record));

    return (dead_bits(word, generation) >> record % WORD_RECORDS & 1) != 0;
}

/* Of the bits that are set; the builtin may be a call. */
static uint32_t count_of(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555;
    bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f;
    return bits * 0x01010101 >> 24;
}

uint32_t pirn__tomb_dead(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation, uint32_t records)
{
    uint32_t dead = 0;

    for (uint32_t at = 0; at < records; at += WORD_RECORDS) {
        uint64_t word = pirn__atom_load(word_at(tombs, segment, at));
        uint32_t bits = dead_bits(word, generation);
        if (records - at < WORD_RECORDS) {
            bits &= (UINT32_C(1) << (records - at)) - 1;
        }
        dead += count_of(bits);
    }
    return dead;
}

static void cut_changed(const struct pirn__tombs *tombs, uint32_t segment)
{
    uint32_t page = words_pages(tombs) + segment / PIRN__TOMB_PAGE_WORDS;

    pirn__atom_add(&tombs->versions[page], 1);
}

bool pirn__tomb_cut(const struct pirn__tombs *tombs, uint32_t segment,
                    uint32_t generation, uint32_t record)
{
    uint64_t *word = &tombs->cuts[segment];
    uint64_t cut = (uint64_t)generation << 32 | (record + 1);
    uint64_t old;

    pirn_assert(segment < tombs->segment_count);
    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation) {
            return false;
        }
        if ((old & CUT_BITS) != 0 && (old & CUT_BITS) <= (cut & CUT_BITS)) {
            cut = old;
        }
    } while (!pirn__atom_swap(word, old, cut));
    cut_changed(tombs, segment);
    return true;
}

bool pirn__tomb_mark_first(const struct pirn__tombs *tombs, uint32_t segment,
                           uint32_t generation)
{
    uint64_t *word = &tombs->cuts[segment];
    uint64_t old;

    pirn_assert(segment < tombs->segment_count);
    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation || (old & CUT_BITS) == 0) {
            return false;
        }
    } while (!pirn__atom_swap(word, old, old | CUT_FIRST));
    cut_changed(tombs, segment);
    return true;
}

bool pirn__tomb_is_first(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation)
{
    pirn_assert(segment < tombs->segment_count);
    uint64_t word = pirn__atom_load(&tombs->cuts[segment]);

    return generation_of(word) == generation && (word & CUT_BITS) != 0 &&
           (word & CUT_FIRST) != 0;
}

uint32_t pirn__tomb_cut_at(const struct pirn__tombs *tombs, uint32_t segment,
                           uint32_t generation)
{
    pirn_assert(segment < tombs->segment_count);
    uint64_t word = pirn__atom_load(&tombs->cuts[segment]);
    bool is_cut = generation_of(word) == generation && (word & CUT_BITS) != 0;

    return is_cut ? (uint32_t)(word & CUT_BITS) - 1 : UINT32_MAX;
}

enum pirn__tomb_verdict pirn__tomb_judge(const struct pirn__tombs *tombs,
                                         uint32_t segment, uint32_t generation,
                                         uint32_t record)
{
    uint64_t word = pirn__atom_load(word_at(tombs, segment, record));
    uint64_t cut = pirn__atom_load(&tombs->cuts[segment]);

    if (generation_of(cut) > generation || generation_of(word) > generation ||
        record >= pirn__tomb_cut_at(tombs, segment, generation)) {
        return PIRN__TOMB_ABSENT;
    }
    uint32_t bits = dead_bits(word, generation);
    return (bits >> record % WORD_RECORDS & 1) != 0 ? PIRN__TOMB_DEAD
                                                    : PIRN__TOMB_ALIVE;
}

static void word_turn(uint64_t *word, uint32_t generation)
{
    uint64_t old = pirn__atom_load(word);

    while (generation_of(old) < generation &&
           !pirn__atom_swap(word, old, (uint64_t)generation << 32)) {
        old = pirn__atom_load(word);
    }
}

/* By swaps: a setter of the turn before may be at work, and finds a word either
 * of his generation or of a later one. Killed and repeated, it goes on. */
void pirn__tomb_turn(const struct pirn__tombs *tombs, uint32_t segment,
                     uint32_t generation)
{
    for (uint32_t i = 0; i < tombs->segment_words; i++) {
        word_turn(word_at(tombs, segment, i * WORD_RECORDS), generation);
    }
    word_turn(&tombs->cuts[segment], generation);
    cut_changed(tombs, segment);
    for (uint32_t i = 0; i < tombs->segment_words; i += PIRN__TOMB_PAGE_WORDS) {
        page_changed(tombs, word_at(tombs, segment, i * WORD_RECORDS));
    }
}

bool pirn__tomb_next_dirty(const struct pirn__tombs *tombs, uint32_t page,
                           uint32_t *ret_page, uint64_t *ret_version)
{
    uint32_t end = pirn__tombs_pages(tombs);

    for (; page < end; page++) {
        uint64_t synced = pirn__atom_load(&tombs->synced[page]);
        uint64_t version = pirn__atom_load(&tombs->versions[page]);
        if (version > synced) {
            *ret_page = page;
            *ret_version = version;
            return true;
        }
    }
    return false;
}

/* Never lowered: a keeper that was stopped knows an older version. */
void pirn__tomb_mark_synced(const struct pirn__tombs *tombs, uint32_t page,
                            uint64_t version)
{
    uint64_t *synced = &tombs->synced[page];
    uint64_t old = pirn__atom_load(synced);

    pirn_assert(page < pirn__tombs_pages(tombs));
    while (old < version && !pirn__atom_swap(synced, old, version)) {
        old = pirn__atom_load(synced);
    }
}
