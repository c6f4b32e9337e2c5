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

#include <errno.h>

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"

enum {
    WORD_RECORDS = PIRN__TOMB_WORD_RECORDS,
    CHECK_SHIFT = WORD_RECORDS,
    CHECK_BITS = 7,
    BLANK = 0x0f, /* of even weight: zeros have two wrong bits */
};

#define LOW_BITS ((UINT32_C(1) << WORD_RECORDS) - 1)

/* Of a bound. */
#define BOUND_RECORD 0xffffu
#define BOUND_CUT UINT32_C(0x10000)
#define BOUND_EXACT UINT32_C(0x20000) /* of a cut: what is before it, is */
#define BOUND_FIRST UINT32_C(0x40000) /* of a cut: and first versions alone */

static uint32_t generation_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static uint32_t low_of(uint64_t word)
{
    return (uint32_t)word & LOW_BITS;
}

static uint32_t pages_of(uint64_t words)
{
    return (uint32_t)((words + PIRN__TOMB_PAGE_WORDS - 1) /
                      PIRN__TOMB_PAGE_WORDS);
}

static uint32_t words_pages(const struct pirn__tombs *tombs)
{
    return pages_of((uint64_t)tombs->segment_count * tombs->segment_words);
}

/* ---- checks ---- */

/* A check bit has one bit of seven set, and each of the other 57 a value of its
 * own of three, five or seven: all there are of odd weight. The check is their
 * sum without carry over the bits that are set. So one wrong bit shows as its
 * own value, and two as an even weight (M. Y. Hsiao, 1970). Of the low 25 bits
 * first, then of the generation's. What is stored is another by BLANK, so that
 * neither zeros nor ones, which a device may give for what it lost, are a word.
 */
static const uint8_t codes[64 - CHECK_BITS] = {
    7,   11,  13,  14,  19,  21,  22,  25,  26,  28,  31,  35,  37, 38,  41,
    42,  44,  47,  49,  50,  52,  55,  56,  59,  61,  62,  67,  69, 70,  73,
    74,  76,  79,  81,  82,  84,  87,  88,  91,  93,  94,  97,  98, 100, 103,
    104, 107, 109, 110, 112, 115, 117, 118, 121, 122, 124, 127,
};

/* What a word's @bit counts as in its check. */
static uint32_t code_of(uint32_t bit)
{
    if (bit < CHECK_SHIFT) {
        return codes[bit];
    }
    return bit < 32 ? UINT32_C(1) << (bit - CHECK_SHIFT)
                    : codes[bit - CHECK_BITS];
}

static uint32_t sum_of(uint64_t word)
{
    uint32_t sum = BLANK;

    for (; word != 0; word &= word - 1) {
        sum ^= code_of((uint32_t)__builtin_ctzll(word));
    }
    return sum;
}

uint64_t pirn__tomb_word(uint32_t generation, uint32_t low)
{
    pirn_assert(low <= LOW_BITS);
    uint64_t word = (uint64_t)generation << 32 | low;

    return word | (uint64_t)sum_of(word) << CHECK_SHIFT;
}

int pirn__tomb_word_mend(uint64_t *word)
{
    uint32_t wrong = sum_of(*word); /* with its check: 0 */

    for (uint32_t bit = 0; bit < 64 && wrong != 0; bit++) {
        if (code_of(bit) == wrong) {
            *word ^= UINT64_C(1) << bit;
            return 1;
        }
    }
    if (wrong != 0) {
        *word = pirn__tomb_word(0, 0);
        return -EBADMSG;
    }
    return 0;
}

/* None that we write is: more records than there can be, or what only a cut
 * says without one. */
static bool bound_is_none(uint64_t word)
{
    uint32_t flags = low_of(word) & ~BOUND_RECORD;

    return (low_of(word) & BOUND_RECORD) > PIRN__TOMB_RECORDS_MAX ||
           (flags & ~(BOUND_CUT | BOUND_EXACT | BOUND_FIRST)) != 0 ||
           (flags != 0 && (flags & BOUND_CUT) == 0);
}

uint32_t pirn__tombs_mend(const struct pirn__tombs *tombs, uint32_t page,
                          uint64_t words[PIRN__TOMB_SECTOR_WORDS])
{
    const uint64_t nothing = pirn__tomb_word(0, 0);
    bool are_bounds = page >= words_pages(tombs);
    uint64_t right = nothing; /* most words are as the one before */
    uint32_t wrong = 0;
    uint32_t lost = 0;

    for (uint32_t i = 0; i < PIRN__TOMB_SECTOR_WORDS; i++) {
        if (words[i] != right) {
            int r = pirn__tomb_word_mend(&words[i]);
            bool is_none = are_bounds && bound_is_none(words[i]);
            words[i] = is_none ? nothing : words[i];
            wrong += r != 0 || is_none ? 1 : 0;
            lost += r < 0 || is_none ? 1 : 0;
            right = words[i];
        }
    }
    if (wrong > PIRN__TOMB_WRONG_MAX) {
        for (uint32_t i = 0; i < PIRN__TOMB_SECTOR_WORDS; i++) {
            words[i] = nothing;
        }
        return PIRN__TOMB_SECTOR_WORDS;
    }
    return lost;
}

/* ---- pages ---- */

static uint64_t *word_at(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t record)
{
    pirn_assert(segment < tombs->segment_count);
    pirn_assert(record / WORD_RECORDS < tombs->segment_words);
    return tombs->words + (uint64_t)segment * tombs->segment_words +
           record / WORD_RECORDS;
}

uint32_t pirn__tombs_pages(const struct pirn__tombs *tombs)
{
    return words_pages(tombs) + pages_of(tombs->segment_count);
}

uint64_t pirn__tombs_bytes(uint32_t segment_count)
{
    struct pirn__tombs tombs = {
        .segment_count = segment_count,
        .segment_words = PIRN__TOMB_SEGMENT_WORDS,
    };

    return (uint64_t)pirn__tombs_pages(&tombs) * PIRN__TOMB_PAGE_WORDS * 8;
}

uint64_t *pirn__tombs_page(const struct pirn__tombs *tombs, uint32_t page)
{
    uint32_t first_bounds = words_pages(tombs);

    pirn_assert(page < pirn__tombs_pages(tombs));
    if (page < first_bounds) {
        return tombs->words + (uint64_t)page * PIRN__TOMB_PAGE_WORDS;
    }
    return tombs->bounds + (page - first_bounds) * PIRN__TOMB_PAGE_WORDS;
}

static void page_changed(const struct pirn__tombs *tombs, const uint64_t *word)
{
    uint64_t page = (uint64_t)(word - tombs->words) / PIRN__TOMB_PAGE_WORDS;

    pirn__atom_add(&tombs->versions[page], 1);
}

/* ---- records ---- */

/* The page counts as changed even if the record was dead: who set it may have
 * been killed before he said so. */
bool pirn__tomb_set(const struct pirn__tombs *tombs, uint32_t segment,
                    uint32_t generation, uint32_t record)
{
    uint64_t *word = word_at(tombs, segment, record);
    uint32_t bit = record % WORD_RECORDS;
    uint64_t mark = UINT64_C(1) << bit | (uint64_t)code_of(bit) << CHECK_SHIFT;
    uint64_t old;

    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation &&
            !pirn__planted("tomb-set-blindly")) {
            return false;
        }
    } while (
        !pirn__atom_swap(word, old, (old >> bit & 1) != 0 ? old : old ^ mark));
    page_changed(tombs, word);
    return true;
}

/* The bits of the dead in a word, as a reader of @generation judges. */
static uint32_t dead_bits(uint64_t word, uint32_t generation)
{
    if (generation_of(word) == generation) {
        return low_of(word);
    }
    return generation_of(word) > generation ? LOW_BITS : 0;
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

/* ---- bounds ---- */

static uint64_t *bound_at(const struct pirn__tombs *tombs, uint32_t segment)
{
    pirn_assert(segment < tombs->segment_count);
    return &tombs->bounds[segment];
}

uint32_t pirn__tomb_bound_page(const struct pirn__tombs *tombs,
                               uint32_t segment)
{
    return words_pages(tombs) + segment / PIRN__TOMB_PAGE_WORDS;
}

void pirn__tomb_bound_changed(const struct pirn__tombs *tombs, uint32_t segment)
{
    uint32_t page = pirn__tomb_bound_page(tombs, segment);

    pirn__atom_add(&tombs->versions[page], 1);
}

/* What it says of a generation; 0: nothing. */
static uint32_t bound_of(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation)
{
    uint64_t word = pirn__atom_load(bound_at(tombs, segment));

    return generation_of(word) == generation ? low_of(word) : 0;
}

/* Of two cuts the lower one; of two of one record, what either knows. */
static uint32_t cut_lower(uint32_t old, uint32_t cut)
{
    if ((old & BOUND_CUT) == 0 || (old & BOUND_RECORD) > (cut & BOUND_RECORD)) {
        return cut;
    }
    return (old & BOUND_RECORD) == (cut & BOUND_RECORD) ? old | cut : old;
}

bool pirn__tomb_cut(const struct pirn__tombs *tombs, uint32_t segment,
                    uint32_t generation, uint32_t record, bool is_exact)
{
    uint64_t *word = bound_at(tombs, segment);
    uint32_t cut = BOUND_CUT | (is_exact ? BOUND_EXACT : 0) | record;
    uint64_t old;
    uint32_t low;

    pirn_assert(record <= BOUND_RECORD);
    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation) {
            return false;
        }
        low = cut_lower(low_of(old), cut);
    } while (!pirn__atom_swap(word, old, pirn__tomb_word(generation, low)));
    pirn__tomb_bound_changed(tombs, segment);
    return true;
}

bool pirn__tomb_keep(const struct pirn__tombs *tombs, uint32_t segment,
                     uint32_t generation, uint32_t records)
{
    uint64_t *word = bound_at(tombs, segment);
    uint64_t old;

    pirn_assert(records <= BOUND_RECORD);
    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation) {
            return false;
        }
        if ((low_of(old) & BOUND_CUT) != 0 || low_of(old) >= records) {
            return false;
        }
    } while (!pirn__atom_swap(word, old, pirn__tomb_word(generation, records)));
    return true;
}

uint32_t pirn__tomb_kept(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation)
{
    uint32_t low = bound_of(tombs, segment, generation);
    bool says_so = (low & BOUND_CUT) == 0 || (low & BOUND_EXACT) != 0;

    return says_so ? low & BOUND_RECORD : 0;
}

bool pirn__tomb_mark_first(const struct pirn__tombs *tombs, uint32_t segment,
                           uint32_t generation)
{
    uint64_t *word = bound_at(tombs, segment);
    uint64_t old;

    do {
        old = pirn__atom_load(word);
        if (generation_of(old) != generation ||
            (low_of(old) & BOUND_CUT) == 0) {
            return false;
        }
    } while (!pirn__atom_swap(
        word, old, pirn__tomb_word(generation, low_of(old) | BOUND_FIRST)));
    pirn__tomb_bound_changed(tombs, segment);
    return true;
}

bool pirn__tomb_is_first(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation)
{
    uint32_t low = bound_of(tombs, segment, generation);

    return (low & BOUND_CUT) != 0 && (low & BOUND_FIRST) != 0;
}

uint32_t pirn__tomb_cut_at(const struct pirn__tombs *tombs, uint32_t segment,
                           uint32_t generation)
{
    uint32_t low = bound_of(tombs, segment, generation);

    return (low & BOUND_CUT) != 0 ? low & BOUND_RECORD : UINT32_MAX;
}

/* ---- what a reader finds ---- */

enum pirn__tomb_verdict pirn__tomb_judge(const struct pirn__tombs *tombs,
                                         uint32_t segment, uint32_t generation,
                                         uint32_t record)
{
    uint64_t word = pirn__atom_load(word_at(tombs, segment, record));
    uint64_t bound = pirn__atom_load(bound_at(tombs, segment));

    if (generation_of(bound) > generation || generation_of(word) > generation ||
        record >= pirn__tomb_cut_at(tombs, segment, generation)) {
        return PIRN__TOMB_ABSENT;
    }
    uint32_t bits = dead_bits(word, generation);
    return (bits >> record % WORD_RECORDS & 1) != 0 ? PIRN__TOMB_DEAD
                                                    : PIRN__TOMB_ALIVE;
}

/* ---- turns ---- */

/* @next: of a generation, and nothing else. */
static void word_turn(uint64_t *word, uint64_t next)
{
    uint64_t old = pirn__atom_load(word);

    while (generation_of(old) < generation_of(next) &&
           !pirn__atom_swap(word, old, next)) {
        old = pirn__atom_load(word);
    }
}

/* By swaps: a setter of the turn before may be at work, and finds a word either
 * of his generation or of a later one. Killed and repeated, it goes on. */
void pirn__tomb_turn(const struct pirn__tombs *tombs, uint32_t segment,
                     uint32_t generation)
{
    const uint64_t next = pirn__tomb_word(generation, 0);
    uint64_t *words = word_at(tombs, segment, 0);
    const uint64_t *last = words + tombs->segment_words - 1;

    for (uint64_t *word = words; word <= last; word++) {
        word_turn(word, next);
    }
    word_turn(bound_at(tombs, segment), next);
    pirn__tomb_bound_changed(tombs, segment);
    for (const uint64_t *word = words; word < last;
         word += PIRN__TOMB_PAGE_WORDS) {
        page_changed(tombs, word);
    }
    page_changed(tombs, last);
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

    pirn_assert(page < pirn__tombs_pages(tombs));
    pirn__atom_raise(synced, version);
}
