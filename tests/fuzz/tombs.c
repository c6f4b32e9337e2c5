/* SPDX-License-Identifier: MIT */
/*
 * tombs.c - any words as tombstones, and any row of changes of them
 *
 * What is read of them agrees with itself: counted one by one, dead records are
 * as many as pirn__tomb_dead() says. A change takes where the generation is the
 * segment's and nowhere else, changes nothing else, and its page is dirty then.
 */
#include "tests/fuzz/fuzz.h"

#include "spool/log/tomb.h"

const struct fuzz_target fuzz_target = {"tombs", 60000, 512};

enum {
    SEGMENTS = 2,
    RECORDS = PIRN__TOMB_WORD_RECORDS,
    WORDS = PIRN__TOMB_PAGE_WORDS,
    PAGES = SEGMENTS + 1,
    SHOWN = 2 /* words at the front that inputs change */
};

#define CHECK (UINT64_C(0x7f) << RECORDS)

struct stone {
    uint64_t words[SEGMENTS * WORDS];
    uint64_t bounds[PIRN__TOMB_PAGE_WORDS];
    uint64_t versions[PAGES];
    uint64_t synced[PAGES];
};

static void check_count(const struct pirn__tombs *tombs, uint32_t segment,
                        uint32_t generation)
{
    uint32_t cut = pirn__tomb_cut_at(tombs, segment, generation);
    uint32_t dead = 0;

    for (uint32_t i = 0; i < SHOWN * RECORDS; i++) {
        bool is_set = pirn__tomb_is_set(tombs, segment, generation, i);
        enum pirn__tomb_verdict verdict =
            pirn__tomb_judge(tombs, segment, generation, i);
        pirn_assert(pirn__tomb_dead(tombs, segment, generation, i) == dead);
        dead += is_set;
        pirn_assert(verdict != PIRN__TOMB_DEAD || is_set);
        pirn_assert(verdict != PIRN__TOMB_ALIVE || !is_set);
        pirn_assert(i < cut || verdict == PIRN__TOMB_ABSENT);
    }
}

static void check_dirty(const struct pirn__tombs *tombs, uint32_t page,
                        uint64_t before)
{
    uint32_t dirty;
    uint64_t version;

    pirn_assert(tombs->versions[page] > before);
    pirn_assert(pirn__tomb_next_dirty(tombs, page, &dirty, &version));
    pirn_assert(dirty == page && version == tombs->versions[page]);
    pirn__tomb_mark_synced(tombs, page, version);
    pirn_assert(tombs->synced[page] == version);
}

static bool has_check(uint64_t word)
{
    return pirn__tomb_word_mend(&word) == 0;
}

static void set(const struct pirn__tombs *tombs, uint32_t segment,
                uint32_t generation, uint32_t record)
{
    uint64_t *word = &tombs->words[segment * WORDS + record / RECORDS];
    uint64_t old = *word;
    uint64_t version = tombs->versions[segment];
    bool is_set = pirn__tomb_set(tombs, segment, generation, record);

    pirn_assert(is_set == (old >> 32 == generation));
    uint64_t bit = UINT64_C(1) << record % RECORDS;
    pirn_assert(((*word ^ (is_set ? old | bit : old)) & ~CHECK) == 0);
    pirn_assert(has_check(*word) == has_check(old));
    if (is_set) {
        check_dirty(tombs, segment, version);
    }
}

static void cut(const struct pirn__tombs *tombs, uint32_t segment,
                uint32_t generation, uint32_t record)
{
    uint64_t old = tombs->bounds[segment];
    uint32_t old_at = pirn__tomb_cut_at(tombs, segment, generation);
    uint64_t version = tombs->versions[SEGMENTS];
    bool is_cut = pirn__tomb_cut(tombs, segment, generation, record, true);

    pirn_assert(is_cut == (old >> 32 == generation));
    if (!is_cut) {
        pirn_assert(tombs->bounds[segment] == old);
        return;
    }
    pirn_assert(pirn__tomb_cut_at(tombs, segment, generation) ==
                (old_at < record ? old_at : record));
    check_dirty(tombs, SEGMENTS, version);
}

static void keep(const struct pirn__tombs *tombs, uint32_t segment,
                 uint32_t generation, uint32_t records)
{
    uint64_t old = tombs->bounds[segment];
    uint32_t cut = pirn__tomb_cut_at(tombs, segment, generation);

    if (pirn__tomb_keep(tombs, segment, generation, records)) {
        pirn_assert(old >> 32 == generation && cut == UINT32_MAX);
        pirn_assert(pirn__tomb_kept(tombs, segment, generation) == records);
        pirn_assert(has_check(tombs->bounds[segment]));
    } else {
        pirn_assert(tombs->bounds[segment] == old);
    }
    pirn_assert(pirn__tomb_cut_at(tombs, segment, generation) == cut);
}

/* No word is turned back; those that were earlier are blank, and stay there. */
static void turn(const struct pirn__tombs *tombs, uint32_t segment,
                 uint32_t generation)
{
    uint64_t old[SHOWN];

    memcpy(old, &tombs->words[segment * WORDS], sizeof(old));
    pirn__tomb_turn(tombs, segment, generation);
    for (unsigned i = 0; i < SHOWN; i++) {
        uint64_t word = tombs->words[segment * WORDS + i];
        pirn_assert(word == (old[i] >> 32 < generation
                                 ? pirn__tomb_word(generation, 0)
                                 : old[i]));
    }
    pirn_assert(tombs->bounds[segment] >> 32 >= generation);
}

static void change(const struct pirn__tombs *tombs, struct fuzz_in *in)
{
    uint32_t segment = fuzz_below(in, SEGMENTS);
    uint32_t generation = fuzz_below(in, 8);
    uint32_t record = fuzz_below(in, SHOWN * RECORDS);

    switch (fuzz_below(in, 8)) {
    case 0:
        turn(tombs, segment, generation);
        break;
    case 1:
        cut(tombs, segment, generation, record);
        break;
    case 2: /* what a damaged file may say */
        tombs->words[segment * WORDS + record / RECORDS] =
            fuzz_take(in, 4) | (uint64_t)fuzz_below(in, 8) << 32;
        break;
    case 3:
        tombs->bounds[segment] = fuzz_take(in, 4) | (uint64_t)fuzz_below(in, 8)
                                                        << 32;
        break;
    case 4:
        keep(tombs, segment, generation, record);
        break;
    default:
        set(tombs, segment, generation, record);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stone stone;
    struct fuzz_in in = {data, size};
    struct pirn__tombs tombs = {
        .words = stone.words,
        .bounds = stone.bounds,
        .versions = stone.versions,
        .synced = stone.synced,
        .segment_count = SEGMENTS,
        .segment_words = WORDS,
    };

    memset(&stone, 0, sizeof(stone));
    while (in.left > 0) {
        change(&tombs, &in);
    }
    for (uint32_t segment = 0; segment < SEGMENTS; segment++) {
        for (uint32_t generation = 0; generation < 8; generation += 5) {
            check_count(&tombs, segment, generation);
        }
    }
    return 0;
}
