/* SPDX-License-Identifier: MIT */
/*
 * test_disk_life.c - what holds in every life of a model disk
 *
 * Method: random calls on a few names. Where few units are un-synced, all
 * subsets: what a synced disk may leave is among what it might have left
 * before, so a sync only takes outcomes away. All that the disk counts is
 * counted anew after each call. Then a figure that nothing depends on: how many
 * short lives a second. PIRN_SEED=N begins with the same number.
 */
#include "test.h"

#include <linux/fs.h>
#include <stdio.h>
#include <time.h>

#include "tests/sim/disk_rig.h"
#include "tests/sim/model/disk_parts.h"

enum { LIVES = 3000, UNITS_MAX = 8, OUTCOMES_MAX = 1 << UNITS_MAX };

static uint64_t random_state;

/* xorshift64* */
static uint32_t draw(uint32_t below)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1d >> 33) % below;
}

static const char *draw_path(void)
{
    static const char *paths[] = {"a",   "b",   "d",     "e",   "d/a",
                                  "d/b", "e/a", "d/e/a", "d/e", "e/d"};

    return paths[draw(sizeof(paths) / sizeof(paths[0]))];
}

static void draw_data(struct disk *disk, const char *path)
{
    char bytes[1200];
    uint32_t inode;
    uint8_t *mapped;

    if (disk_open(disk, DISK_ROOT, path, O_RDWR | O_CREAT, 0600, 0, &inode)) {
        return;
    }
    memset(bytes, (int)('a' + draw(26)), sizeof(bytes));
    switch (draw(5)) {
    case 0:
        (void)disk_truncate(disk, inode, draw(1300));
        break;
    case 1:
        (void)disk_fallocate(disk, inode, (int)draw(2), draw(900), 600);
        break;
    case 2:
        mapped = disk_map(disk, inode, 0);
        if (mapped != NULL) {
            mapped[draw(600)] = (uint8_t)draw(256);
            disk_touch(disk, inode, 0);
        }
        break;
    default:
        (void)disk_write(disk, inode, draw(700), bytes, draw(600));
        break;
    }
    if (draw(4) > 0) {
        disk_release(disk, inode); /* else it is held for ever */
    }
}

static void draw_call(struct disk *disk)
{
    static const unsigned flags[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    const char *path = draw_path();
    const char *other = draw_path();

    switch (draw(9)) {
    case 0:
        (void)disk_mkdir(disk, DISK_ROOT, path, 0700);
        break;
    case 1:
        (void)disk_unlink(disk, DISK_ROOT, path, 0);
        break;
    case 2:
        (void)disk_unlink(disk, DISK_ROOT, path, AT_REMOVEDIR);
        break;
    case 3:
        (void)disk_link(disk, DISK_ROOT, path, DISK_ROOT, other);
        break;
    case 4:
    case 5:
    case 6:
        (void)disk_rename(disk, DISK_ROOT, path, DISK_ROOT, other,
                          flags[draw(4)]);
        break;
    default:
        draw_data(disk, path);
        break;
    }
}

/* True: there was something to sync. */
static bool draw_sync(struct disk *disk)
{
    const char *path = draw(3) ? draw_path() : "/";
    uint32_t inode;

    if (disk_open(disk, DISK_ROOT, path, O_RDONLY, 0, 0, &inode) < 0) {
        return false;
    }
    assert_int_equal(disk_sync(disk, inode, draw(2)), 0);
    disk_release(disk, inode);
    return true;
}

/* A tree that is durable, then up to UNITS_MAX units that are not. */
static struct disk *draw_disk(enum disk_profile profile)
{
    struct disk *disk = rig_disk(profile);
    struct disk *fuller;

    for (int i = 0; i < 12; i++) {
        draw_call(disk);
    }
    disk_sync_all(disk);
    assert_int_equal(disk_unit_count(disk), 0);
    for (int i = 0; i < 12; i++) {
        fuller = disk_clone(disk);
        draw_call(fuller);
        if (draw(6) == 0) {
            (void)draw_sync(fuller);
        }
        if (disk_unit_count(fuller) > UNITS_MAX) {
            disk_destroy(fuller);
            break;
        }
        disk_destroy(disk);
        disk = fuller;
    }
    return disk;
}

/* The hash of all but CHAOS' memory of freed sectors: that depends on the order
 * in which they were freed, and a sync may free them earlier than a cut. */
static uint64_t hash_of(struct disk *disk)
{
    for (uint32_t i = 0; i < DISK_STALE_MAX; i++) {
        disk__block_set(disk, &disk->stale[i], DISK_NONE);
    }
    return disk_hash(disk);
}

/* The hash of what is left of @disk. */
static uint64_t outcome(const struct disk *disk, uint32_t subset)
{
    struct disk *clone = disk_clone(disk);
    bool survives[UNITS_MAX];
    uint64_t hash;

    for (uint32_t i = 0; i < UNITS_MAX; i++) {
        survives[i] = subset >> i & 1;
    }
    disk_cut(clone, survives, 0);
    hash = hash_of(clone);
    disk_destroy(clone);
    return hash;
}

static uint32_t outcomes(const struct disk *disk, uint64_t *hashes)
{
    uint32_t count = 1U << disk_unit_count(disk);

    for (uint32_t subset = 0; subset < count; subset++) {
        hashes[subset] = outcome(disk, subset);
    }
    return count;
}

static bool is_among(uint64_t hash, const uint64_t *hashes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (hashes[i] == hash) {
            return true;
        }
    }
    return false;
}

static void a_sync_only_takes_outcomes_away(void **state)
{
    uint64_t before[OUTCOMES_MAX];
    uint64_t after[OUTCOMES_MAX];
    int synced = 0;

    (void)state;
    for (int i = 0; i < LIVES; i++) {
        struct disk *disk = draw_disk(i % 3);
        uint32_t before_count = outcomes(disk, before);

        if (draw_sync(disk)) {
            uint32_t after_count = outcomes(disk, after);

            for (uint32_t j = 0; j < after_count; j++) {
                assert_true(is_among(after[j], before, before_count));
            }
            synced += after_count < before_count;
        }
        disk_destroy(disk);
    }
    assert_true(synced > LIVES / 10);
}

/* What is left when everything is left is what was synced altogether; and that
 * looks as before. */
static void a_cut_that_leaves_everything_changes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < LIVES; i++) {
        const char *paths = "a b d e d/a d/b e/a d/e/a d/e e/d";
        struct disk *disk = draw_disk(i % 3);
        struct disk *clone = disk_clone(disk);
        char before[RIG_LINE_MAX];

        rig_line(disk, paths, before);
        disk_sync_all(clone);
        disk_cut(clone, NULL, 0);
        rig_expect(clone, paths, before);
        assert_int_equal(hash_of(clone), outcome(disk, UINT32_MAX));
        disk_destroy(clone);
        disk_destroy(disk);
    }
}

/* --- what is counted, counted anew --- */

struct recount {
    uint32_t v_links, d_links, named, mentioned, pending, entries, subdirs;
};

static void recount_entries(const struct disk *disk, struct recount *of)
{
    of[DISK_ROOT].v_links = of[DISK_ROOT].d_links = 1;
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        const struct disk_entry *entry = &disk->entries[i];

        if (entry->dir != 0) {
            assert_true(entry->d == 0 || !disk__is_over(disk, entry->dir));
            of[entry->dir].entries++;
            of[entry->dir].subdirs += disk__is_dir(disk, entry->v);
            of[entry->v].v_links++;
            of[entry->d].d_links++;
        }
    }
}

static void recount_records(const struct disk *disk, struct recount *of)
{
    for (uint32_t i = 0; i < disk->record_count; i++) {
        const struct disk_record *record = &disk->records[i];

        if (record->kind == DISK_NAME) {
            of[record->value].named++;
            of[record->was].mentioned++;
        } else {
            of[record->target].pending++;
        }
    }
}

static void verify_inodes(const struct disk *disk)
{
    struct recount *of = calloc(disk->inode_count.used, sizeof(*of));
    uint32_t living = 0;

    assert_non_null(of);
    recount_entries(disk, of);
    recount_records(disk, of);
    for (uint32_t i = DISK_ROOT; i < disk->inode_count.used; i++) {
        const struct disk_inode *inode = &disk->inodes[i];

        assert_int_equal(inode->v_links, of[i].v_links);
        assert_int_equal(inode->d_links, of[i].d_links);
        assert_int_equal(inode->named, of[i].named);
        assert_int_equal(inode->mentioned, of[i].mentioned);
        assert_int_equal(inode->pending, of[i].pending);
        assert_int_equal(inode->entries, of[i].entries);
        assert_int_equal(inode->subdirs, of[i].subdirs);
        assert_int_equal(inode->mode != 0 && inode->living,
                         inode->v_links > 0 || inode->holds > 0);
        assert_true(inode->mode != 0 || i >= disk->inode_lowest);
        assert_true(inode->mode != 0 || of[i].mentioned + of[i].entries == 0);
        living += inode->mode != 0 && inode->living;
    }
    assert_int_equal(disk->inodes_living, living);
    free(of);
}

static void verify_blocks(const struct disk *disk)
{
    uint32_t blocks = disk->chunk_count * DISK_CHUNK_BLOCKS;
    uint32_t *users = calloc(blocks, sizeof(*users));
    uint64_t taken = 0;
    uint32_t unused = 0;

    assert_non_null(users);
    for (uint32_t i = 1; i < disk->cell_count.used; i++) {
        const struct disk_cell *cell = &disk->cells[i];

        if (cell->inode != 0) {
            assert_true(disk->inodes[cell->inode].mode != 0);
            users[cell->v]++;
            users[cell->d]++;
            taken += cell->v != DISK_NONE;
        }
    }
    for (uint32_t i = 0; i < disk->record_count; i++) {
        if (disk->records[i].kind == DISK_DATA) {
            users[disk->records[i].value]++;
        }
    }
    for (uint32_t i = 0; i < DISK_STALE_MAX; i++) {
        users[disk->stale[i]]++;
    }
    users[DISK_ZEROS]++;
    for (uint32_t i = DISK_ZEROS; i < blocks; i++) {
        assert_int_equal(disk->block_users[i], users[i]);
        unused += users[i] == 0;
    }
    assert_int_equal(disk->block_free_count, unused);
    assert_int_equal(disk->sectors_used, taken);
    free(users);
}

static void verify(const struct disk *disk)
{
    verify_inodes(disk);
    verify_blocks(disk);
}

static void draw_cut(struct disk *disk)
{
    uint32_t count = disk_unit_count(disk);
    bool *survives = calloc(count + 1, sizeof(*survives));

    assert_non_null(survives);
    for (uint32_t i = 0; i < count; i++) {
        survives[i] = draw(3) > 0;
    }
    disk_cut(disk, survives, draw(1000));
    free(survives);
}

/* Little room and few inodes, so that calls meet the limits; what is held is
 * held until a cut. */
static void what_is_counted_stays_right(void **state)
{
    (void)state;
    for (int i = 0; i < LIVES / 10; i++) {
        struct disk_config config = {i % 3, 20 * DISK_SECTOR, 12};
        struct disk *disk = disk_create(&config);

        for (int call = 0; call < 150; call++) {
            struct disk *clone = disk_clone(disk);

            draw_call(disk);
            (void)(draw(5) == 0 && draw_sync(disk));
            if (draw(30) == 0) {
                draw_cut(disk);
            }
            verify(disk);
            disk_destroy(call % 2 ? clone : disk);
            disk = call % 2 ? disk : clone;
            verify(disk);
        }
        disk_destroy(disk);
    }
}

/* --- how fast --- */

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One item as the file layout makes it: spool/file/README.md, S0 to S7. */
static uint32_t make_item(struct disk *disk, int number)
{
    static const char body[3000];
    char tmp[64];
    char data[64];
    char ready[64];

    (void)snprintf(tmp, sizeof(tmp), "tmp/01hf7uaq3r0000000000000%03d", number);
    (void)snprintf(data, sizeof(data), "data/%02d/01hf7uaq3r0000000000000%03d",
                   number % 64, number);
    (void)snprintf(ready, sizeof(ready), "q/%02d/01hf7uaq3r0000000000000%03d",
                   number % 64, number);
    rig_put(disk, tmp, "pirn-item 1\nid 01hf7uaq3r000000000000001v\n");
    for (uint32_t inode = rig_open(disk, data, O_RDWR | O_CREAT | O_EXCL);
         inode != 0; inode = 0) {
        (void)disk_write(disk, inode, 0, body, sizeof(body));
        (void)disk_sync(disk, inode, true);
        disk_release(disk, inode);
    }
    data[7] = '\0';
    rig_sync(disk, data);
    rig_rename(disk, tmp, ready, RENAME_NOREPLACE);
    ready[4] = '\0';
    rig_sync(disk, ready);
    return 16; /* calls */
}

static struct disk *spool_of(void)
{
    struct disk_config config = {DISK_STRICT, 1 << 26, 10000};
    struct disk *disk = disk_create(&config);
    char path[16];

    rig_mkdir(disk, "tmp");
    rig_mkdir(disk, "q");
    rig_mkdir(disk, "data");
    for (int i = 0; i < 64; i++) {
        (void)snprintf(path, sizeof(path), "q/%02d", i);
        rig_mkdir(disk, path);
        (void)snprintf(path, sizeof(path), "data/%02d", i);
        rig_mkdir(disk, path);
    }
    disk_sync_all(disk);
    return disk;
}

/* Printed, not judged. */
static void lives_are_short(void **state)
{
    struct disk *spool = spool_of();
    double begin = seconds();
    uint32_t calls = 0;

    (void)state;
    for (int life = 0; life < 500; life++) {
        struct disk *disk = disk_clone(spool);

        for (int item = 0; item < 20; item++) {
            calls += make_item(disk, item);
            if (item % 4 == 3) {
                struct disk *cut = disk_clone(disk);

                disk_cut(cut, NULL, 0);
                disk_destroy(cut);
            }
        }
        disk_destroy(disk);
    }
    printf("lives of %u calls, 6 clones and 5 cuts, on 131 directories: "
           "%.0f a second\n",
           calls / 500, 500 / (seconds() - begin));
    disk_destroy(spool);
}

int main(void)
{
    const char *seed = getenv("PIRN_SEED");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_only_takes_outcomes_away),
        cmocka_unit_test(a_cut_that_leaves_everything_changes_nothing),
        cmocka_unit_test(what_is_counted_stays_right),
        cmocka_unit_test(lives_are_short),
    };

    random_state = seed ? strtoull(seed, NULL, 10) : 20261121;
    printf("PIRN_SEED=%llu\n", (unsigned long long)random_state);
    random_state |= 1ULL << 63;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
