/* SPDX-License-Identifier: MIT */
/*
 * test_log_tomb_steps.c - tombstones, in every order of steps, and a power cut
 * behind each
 *
 * Two segments and four items. Items 0 and 1 are in segment 0, item 2 in
 * segment 1; item 3 has an older version in segment 0, and its newest in 1. The
 * letters of a script:
 *
 *   a b c d   removes item 0 to 3: its tombstone, then it waits for a round
 *   u         buries item 3's older version, as who has written the newest does
 *   K         a round, word by word and page by page; frees what waited for it
 *   R         retires segment 1, frees it, takes it and writes a new item there
 *
 * Rounds and turns are those of keeper.c, limbo.c and segments.c, without their
 * operations. Of a page any words may be on the disk that were ever written,
 * until a sync; so behind each step that matters the disk is looked at in every
 * such mixture. What was acknowledged to be removed is on none of them, and
 * what is there is on all: 0 lost, 0 back.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#define PIRN__ATOM_STEPS
#define PIRN__TOMB_PAGE_WORDS 2u
#include "spool/log/tomb.c"
#include "tests/sim/stories.h"

enum { SEGMENTS = 2, WORDS = 2, PAGES = 3, ITEMS = 5, FRESH = 4 };
enum { SEALED, RETIRED, FREE, TAKING, ACTIVE }; /* a segment's state */
enum { RECORDS = PIRN__TOMB_WORD_RECORDS, CUT = 0x10000 }; /* of a word */
enum { NONE, THERE, REMOVING, GONE };                      /* an item's */

struct bed {
    uint64_t words[SEGMENTS * WORDS];
    uint64_t bounds[WORDS];
    uint64_t versions[PAGES];
    uint64_t synced[PAGES];
    uint64_t cache[PAGES * WORDS]; /* written */
    uint64_t disk[PAGES * WORDS];  /* synced */
    uint64_t begun;
    uint64_t done;
    uint64_t segments[SEGMENTS]; /* state 8 | owner 24 | generation 32 */
    uint64_t retired[SEGMENTS];
    uint64_t written[SEGMENTS]; /* the generation of the records there */
    uint64_t items[ITEMS];
    uint64_t owners[ITEMS]; /* who changes it, plus 1 */
    uint64_t updates;       /* item 3's older version is being buried */
    uint64_t limbo[ATOMS_PROCESSES][ITEMS];
};

/* Where a version of an item is. */
struct version {
    uint8_t item;
    uint8_t segment;
    uint8_t generation;
    uint8_t record;
};

/* The newest one first. */
static const struct version versions[] = {
    {0, 0, 1, 0}, {1, 0, 1, 1},     {2, 1, 1, 1},
    {3, 1, 1, 0}, {FRESH, 1, 2, 0}, {3, 0, 1, 25},
};
enum { VERSIONS = sizeof(versions) / sizeof(versions[0]), OLDER = 5 };

static struct bed bed;
static struct pirn__tombs tombs;
static const char *const *scripts;

/* ---- the disk ---- */

/* By what @mix chooses for each word: the synced one, or the written one. */
static uint64_t word_of(uint32_t at, uint32_t mix)
{
    return (mix >> at & 1) != 0 ? bed.cache[at] : bed.disk[at];
}

/* As tomb.h says: of an earlier generation it says nothing, of a later one the
 * record is gone. */
static bool is_absent(const struct version *v, uint32_t mix)
{
    uint64_t word = word_of(v->segment * WORDS + v->record / RECORDS, mix);
    uint64_t cut = word_of(SEGMENTS * WORDS + v->segment, mix);
    bool is_cut = cut >> 32 == v->generation && (cut & CUT) != 0 &&
                  v->record >= (cut & 0xffff);

    return bed.written[v->segment] != v->generation ||
           word >> 32 > v->generation || cut >> 32 > v->generation || is_cut;
}

static bool is_dead(const struct version *v, uint32_t mix)
{
    uint64_t word = word_of(v->segment * WORDS + v->record / RECORDS, mix);

    return word >> 32 == v->generation &&
           (word >> v->record % RECORDS & 1) != 0;
}

/* The newest version that is there decides. An older one never comes back. */
static bool item_lives(uint32_t item, uint32_t mix)
{
    for (uint32_t i = 0; i < VERSIONS; i++) {
        if (versions[i].item == item && !is_absent(&versions[i], mix)) {
            bool lives = !is_dead(&versions[i], mix);
            if (lives && i == OLDER) {
                atoms_fail("an old version would be back");
            }
            return lives;
        }
    }
    return false;
}

static void touch_all(const uint64_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        atoms_touch(&words[i]);
    }
}

/* After a power cut at this moment: every choice of the words that differ. */
static void disk_look(void)
{
    uint32_t differ = 0;

    touch_all(bed.cache, PAGES * WORDS);
    touch_all(bed.disk, PAGES * WORDS);
    touch_all(bed.written, SEGMENTS);
    touch_all(bed.items, ITEMS);
    for (uint32_t i = 0; i < PAGES * WORDS; i++) {
        differ |= (uint32_t)(bed.cache[i] != bed.disk[i]) << i;
    }
    for (uint32_t mix = differ, more = 1; more != 0; mix = (mix - 1) & differ) {
        more = mix;
        for (uint32_t item = 0; item < ITEMS; item++) {
            bool lives = item_lives(item, mix);
            if (bed.items[item] == THERE && !lives) {
                atoms_fail("an item would be lost");
            }
            if (bed.items[item] == GONE && lives) {
                atoms_fail("a removed item would be back");
            }
        }
    }
}

/* A file system copies under the file's lock: of two writes at once the later
 * one has what was true later. */
static void page_write(uint32_t page)
{
    const uint64_t *from = pirn__tombs_page(&tombs, page);

    for (uint32_t i = 0; i < WORDS; i++) {
        bed.cache[page * WORDS + i] = pirn__atom_load(&from[i]);
        disk_look();
    }
}

static void disk_sync(void)
{
    pirn__atom_step(bed.disk);
    memcpy(bed.disk, bed.cache, sizeof(bed.disk));
    disk_look();
}

/* ---- who acts ---- */

static void wait_for_round(uint32_t self, uint32_t item)
{
    bed.limbo[self][item] = pirn__atom_load(&bed.begun) + 1;
}

static bool bury(const struct version *v)
{
    return pirn__tomb_set(&tombs, v->segment, v->generation, v->record);
}

static void item_remove(uint32_t self, uint32_t item)
{
    bed.items[item] = REMOVING;
    bed.owners[item] = self + 1;
    (void)bury(&versions[item]); /* false: another did, and all is over */
    wait_for_round(self, item);
}

static void item_update(uint32_t self)
{
    bed.updates = 1;
    bed.owners[3] = self + 1;
    (void)bury(&versions[OLDER]);
    bed.updates = 0;
}

static void limbo_drain(uint32_t self)
{
    uint64_t done = pirn__atom_load(&bed.done);

    for (uint32_t item = 0; item < ITEMS; item++) {
        if (bed.limbo[self][item] != 0 && bed.limbo[self][item] <= done) {
            bed.limbo[self][item] = 0;
            bed.items[item] = GONE;
        }
    }
    disk_look();
}

static void raise_word(uint64_t *at, uint64_t to)
{
    uint64_t was = pirn__atom_load(at);

    while (was < to && !pirn__atom_swap(at, was, to)) {
        was = pirn__atom_load(at);
    }
}

/* As keeper.c: versions are noted before their pages are written, and marked
 * when they were synced. */
static void round_run(uint32_t self)
{
    uint32_t pages[PAGES] = {0};
    uint64_t noted[PAGES] = {0};
    uint64_t round = pirn__atom_add(&bed.begun, 1) + 1;
    uint32_t count = 0;
    uint32_t next = 0;

    while (pirn__tomb_next_dirty(&tombs, next, &pages[count], &noted[count])) {
        page_write(pages[count]);
        next = pages[count++] + 1;
    }
    if (count > 0) {
        disk_sync();
    }
    for (uint32_t i = 0; i < count; i++) {
        pirn__tomb_mark_synced(&tombs, pages[i], noted[i]);
    }
    raise_word(&bed.done, round);
    limbo_drain(self);
}

static uint64_t segment_pack(uint64_t state, uint32_t self, uint32_t generation)
{
    return state << 56 | (uint64_t)self << 32 | generation;
}

static void segment_turn(uint32_t self, uint32_t at, uint32_t generation,
                         uint64_t state)
{
    pirn__tomb_turn(&tombs, at, generation);
    pirn__atom_store(&bed.segments[at], segment_pack(state, self, generation));
}

static void segment_take(uint32_t self, uint32_t at, uint64_t word)
{
    uint32_t generation = generation_of(word << 32) + 1;

    if (!pirn__atom_swap(&bed.segments[at], word,
                         segment_pack(TAKING, self, generation))) {
        return;
    }
    segment_turn(self, at, generation, ACTIVE);
    pirn__atom_step(&bed.segments[at]); /* a batch, durable */
    bed.written[at] = generation;
    bed.items[FRESH] = THERE;
    disk_look();
}

/* As segments.c; its records are two. */
static void segment_recycle(uint32_t self, uint32_t at)
{
    uint64_t word = pirn__atom_load(&bed.segments[at]);

    if (word >> 56 == SEALED &&
        pirn__tomb_dead(&tombs, at, (uint32_t)word, 2) == 2) {
        raise_word(&bed.retired[at], pirn__atom_load(&bed.begun) + 1);
        (void)pirn__atom_swap(&bed.segments[at], word,
                              segment_pack(RETIRED, 0, (uint32_t)word));
    }
    word = pirn__atom_load(&bed.segments[at]);
    if (word >> 56 == RETIRED &&
        pirn__atom_load(&bed.retired[at]) <= pirn__atom_load(&bed.done)) {
        (void)pirn__atom_swap(&bed.segments[at], word,
                              segment_pack(FREE, 0, (uint32_t)word));
    }
    word = pirn__atom_load(&bed.segments[at]);
    if (word >> 56 == FREE) {
        segment_take(self, at, word);
    }
}

static void act(uint32_t self, char what)
{
    switch (what) {
    case 'u':
        item_update(self);
        break;
    case 'K':
        round_run(self);
        break;
    case 'R':
        segment_recycle(self, 1);
        break;
    default:
        item_remove(self, (uint32_t)(what - 'a'));
        break;
    }
}

static void run(void *memory, uint32_t self)
{
    (void)memory;
    for (const char *what = scripts[self]; *what != '\0'; what++) {
        act(self, *what);
    }
}

static bool is_of(uint32_t item, uint32_t whom)
{
    atoms_touch(&bed.owners[item]);
    return bed.owners[item] != 0 && (whom >> (bed.owners[item] - 1) & 1) != 0;
}

static bool is_removing(uint32_t item)
{
    atoms_touch(&bed.items[item]);
    return bed.items[item] == REMOVING;
}

static bool is_updated(void)
{
    atoms_touch(&bed.updates);
    return bed.updates != 0;
}

/* As rescue.c: what he was about is done again, as ours. */
static void attend(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ITEMS; i++) {
        bool is_his = is_of(i, whom);
        if (is_his && i == 3 && is_updated()) {
            item_update(self);
        }
        if (is_his && is_removing(i)) {
            item_remove(self, i);
        }
    }
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        uint64_t word = pirn__atom_load(&bed.segments[i]);
        if (word >> 56 == TAKING && (whom >> (word >> 32 & 0xff) & 1) != 0) {
            segment_turn(self, i, (uint32_t)word, SEALED);
        }
    }
}

/* Of one who is stopped: his items were taken from him, and are removed. */
static void repeat(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ITEMS; i++) {
        if (is_removing(i) && is_of(i, whom)) {
            (void)bury(&versions[i]);
        }
    }
    segment_recycle(self, 1);
    round_run(self);
    segment_recycle(self, 1);
}

/* One more round, and all that was removed is gone, from the disk too. */
static const char *check(void *memory, uint32_t killed)
{
    (void)memory;
    (void)killed;
    round_run(ATOMS_PROCESSES - 1);
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        limbo_drain(i);
    }
    for (uint32_t item = 0; item < ITEMS; item++) {
        if (bed.items[item] == REMOVING) {
            return "a removal is never over";
        }
    }
    uint32_t page;
    uint64_t version;
    return pirn__tomb_next_dirty(&tombs, 0, &page, &version)
               ? "a page is never clean"
               : NULL;
}

static const char *check_without(void *memory, uint32_t killed,
                                 uint32_t stopped)
{
    (void)memory;
    (void)killed;
    (void)stopped;
    round_run(ATOMS_PROCESSES - 1);
    return NULL; /* the disk is looked at on the way */
}

/* ---- the stories ---- */

/* All of generation 1, on the disk; the records between are dead. */
static void bed_init(void)
{
    bed = (struct bed){0};
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        bed.segments[i] = segment_pack(SEALED, 0, 1);
        bed.written[i] = 1;
        bed.bounds[i] = pirn__tomb_word(1, 0);
        for (uint32_t j = 0; j < WORDS; j++) {
            bed.words[i * WORDS + j] = pirn__tomb_word(1, 0);
        }
    }
    memcpy(bed.cache, bed.words, sizeof(bed.words));
    memcpy(bed.cache + SEGMENTS * WORDS, bed.bounds, sizeof(bed.bounds));
    memcpy(bed.disk, bed.cache, sizeof(bed.disk));
    for (uint32_t i = 0; i < FRESH; i++) {
        bed.items[i] = THERE;
    }
}

static struct atoms_plan story_begin(const struct story *story)
{
    struct atoms_plan plan = {
        .memory = &bed,
        .memory_bytes = sizeof(bed),
        .run = run,
        .attend = attend,
        .repeat = repeat,
        .check = check,
        .check_without = check_without,
    };

    scripts = story->scripts;
    bed_init();
    tombs = (struct pirn__tombs){
        .words = bed.words,
        .bounds = bed.bounds,
        .versions = bed.versions,
        .synced = bed.synced,
        .segment_count = SEGMENTS,
        .segment_words = WORDS,
    };
    return plan;
}

static void no_power_cut_brings_a_removed_item_back_or_loses_one(void **unused)
{
    static const struct story stories[] = {
        {"two rounds", "", {"aK", "bK"}, 0, 0, 0, true},
        {"moved, and its segment taken", "", {"udcKKR"}, 0, 0, 0, true},
        {"taken among rounds", "", {"udc", "KRKR"}, 0, 0, 0, true},
        {"3 x 4", "", {"ab", "udc", "RKR"}, 0, 0, 0, true},
        {0},
    };
    static const struct story longer[] = {
        {"3 x 4, two rounds", "", {"abK", "udcK", "RKR"}, 0, 0, 0, true},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

static void nor_with_anybody_killed(void **unused)
{
    static const struct story stories[] = {
        {"killed: two rounds", "", {"aK", "bK"}, 0, 1, 0, true},
        {"killed: moved, taken", "", {"udcKKR"}, 0, 1, 0, true},
        {"killed: 3 x 4", "", {"ab", "udc", "RKR"}, 0, 1, 0, true},
        {0},
    };
    static const struct story longer[] = {
        {"killed: 3 x 4, two rounds",
         "",
         {"abK", "udcK", "RKR"},
         0,
         1,
         0,
         true},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

static void nor_with_anybody_stopped(void **unused)
{
    static const struct story stories[] = {
        {"stopped: two rounds", "", {"aK", "bK"}, 0, 0, 1, true},
        {"stopped: his item is removed", "", {"c", "udK"}, 0, 0, 1, true},
        {0},
    };
    static const struct story longer[] = {
        {"stopped: 3 x 4", "", {"ab", "udc", "RKR"}, 0, 0, 1, true},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

/* Orders that are left out lead to no other end. */
static void what_is_left_out_makes_no_difference(void **unused)
{
    static const struct story stories[] = {
        {"all of taken among rounds", "", {"udc", "KRKR"}, 0, 0, 0, true},
        {"all of killed: a round", "", {"a", "bK"}, 0, 1, 0, true},
        {"all of stopped: a round", "", {"a", "K"}, 0, 0, 1, true},
        {0},
    };

    (void)unused;
    stories_compare(stories, story_begin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_power_cut_brings_a_removed_item_back_or_loses_one),
        cmocka_unit_test(nor_with_anybody_killed),
        cmocka_unit_test(nor_with_anybody_stopped),
        cmocka_unit_test(what_is_left_out_makes_no_difference),
    };

    if (!atoms_can_explore()) {
        puts("SKIP: a sanitizer keeps parts of the stacks elsewhere");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
