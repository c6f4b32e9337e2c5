/* SPDX-License-Identifier: MIT */
/*
 * spool_remains.c - see spool_remains.h
 *
 * All directories of the spool are walked, and each file is asked whose it is:
 * an item's by its id, which its name begins with; a stray by its own name,
 * which stands at the end of the one that it has.
 */
#include "tests/sim/model/spool_remains.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "spool/hash.h"
#include "tests/sim/model/check_spool.h"
#include "tests/sim/model/memory.h"
#include "tests/sim/model/spool_worker.h"

enum { DIRS_MAX = 2048, DIR_PATH = 96, ENTRIES = 4096 };

/* Where bodies are. */
#define BODIES WORKER_SPOOL "/.data/"

struct remains {
    struct check_spool *check;
    uint32_t dir_count;
    char dirs[DIRS_MAX][DIR_PATH];
    bool has_body[CHECK_ITEMS]; /* any, or as it has to be, below */
    bool has_meta[CHECK_ITEMS];
    bool has_left[CHECK_ITEMS];  /* the damaged one, as the damage left it */
    bool has_whole[CHECK_ITEMS]; /* the body that was put */
    bool has_stray[CHECK_STRAYS];
};

void spool_remains_stray(char name[SPOOL_STRAY_NAME], uint32_t number)
{
    (void)snprintf(name, SPOOL_STRAY_NAME, "what-%u", number);
}

static uint8_t *load(struct disk *disk, uint32_t inode, uint64_t bytes)
{
    uint8_t *loaded = malloc(bytes + 1);

    pirn_assert(loaded != NULL);
    pirn_assert(disk_read(disk, inode, 0, loaded, bytes) == (int64_t)bytes);
    return loaded;
}

void spool_remains_sum(struct disk *disk, uint32_t inode, uint64_t *ret_bytes,
                       uint64_t *ret_sum)
{
    uint64_t bytes = disk_size(disk, inode);
    uint8_t *loaded = load(disk, inode, bytes);

    *ret_bytes = bytes;
    *ret_sum = pirn__hash(loaded, bytes);
    free(loaded);
}

/* ---- one file ---- */

static bool is_left(const struct check_damage *damage, const uint8_t *bytes,
                    uint64_t len)
{
    return len == damage->bytes && pirn__hash(bytes, len) == damage->sum;
}

static void note_item(struct remains *remains, uint32_t number, bool is_body,
                      const uint8_t *bytes, uint64_t len)
{
    const struct check_spool *check = remains->check;
    const struct check_damage *damage = &check->hurts.items[number];
    bool is_damaged = is_body ? damage->how == CHECK_HURT_BODY
                              : damage->how == CHECK_HURT_META;

    if (is_body) {
        remains->has_body[number] = true;
        remains->has_whole[number] =
            check_spool_whose(check, bytes, (int32_t)len) ==
            check->items[number].body;
    } else {
        remains->has_meta[number] = true;
    }
    if (is_damaged && is_left(damage, bytes, len)) {
        remains->has_left[number] = true;
    }
}

static void note_stray(struct remains *remains, const char *path,
                       const uint8_t *bytes, uint64_t len)
{
    char name[SPOOL_STRAY_NAME];

    for (uint32_t i = 0; i < remains->check->hurts.stray_count; i++) {
        spool_remains_stray(name, i);
        size_t n = strlen(name);
        size_t m = strlen(path);
        if (m > n && strcmp(path + m - n, name) == 0 && len == n &&
            memcmp(bytes, name, n) == 0) {
            remains->has_stray[i] = true;
        }
    }
}

/* Whose the name is; UINT32_MAX: no damaged item's. */
static uint32_t whose(const struct check_spool *check, const char *path)
{
    const char *last = strrchr(path, '/') + 1;
    char text[PIRN_ID_TEXT];
    struct pirn_id id;

    (void)snprintf(text, sizeof(text), "%s", last);
    if (pirn_id_parse(text, &id) < 0) {
        return UINT32_MAX;
    }
    uint32_t number = check_spool_known(check, &id);
    return check_hurt_how(check, number) == CHECK_UNHURT ? UINT32_MAX : number;
}

static void meet(struct remains *remains, const char *path)
{
    struct disk *disk = remains->check->world->disk;
    uint32_t number = whose(remains->check, path);
    bool is_body = strncmp(path, BODIES, strlen(BODIES)) == 0;
    uint32_t inode;

    if ((number == UINT32_MAX && strstr(path, "what-") == NULL) ||
        disk_open(disk, DISK_ROOT, path, O_RDONLY, 0, 0, &inode) < 0) {
        return;
    }
    uint64_t len = disk_size(disk, inode);
    uint8_t *bytes = load(disk, inode, len);
    disk_release(disk, inode);
    if (number != UINT32_MAX) {
        note_item(remains, number, is_body, bytes, len);
    }
    note_stray(remains, path, bytes, len);
    free(bytes);
}

/* ---- all ---- */

static void meet_entry(struct remains *remains, const char *dir,
                       const struct dirent64 *entry, const char *name)
{
    char path[2 * DIR_PATH];

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return;
    }
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (entry->d_type != DT_DIR) {
        meet(remains, path);
        return;
    }
    pirn_assert(n < DIR_PATH && remains->dir_count < DIRS_MAX);
    memcpy(remains->dirs[remains->dir_count++], path, (size_t)n + 1);
}

static void walk_dir(struct remains *remains, const char *dir)
{
    struct disk *disk = remains->check->world->disk;
    uint8_t bytes[ENTRIES];
    uint64_t cursor = 0;
    uint32_t inode;
    int64_t len;

    int r =
        disk_open(disk, DISK_ROOT, dir, O_RDONLY | O_DIRECTORY, 0, 0, &inode);
    if (r < 0) {
        return; /* there is no spool */
    }
    do {
        len = disk_list(disk, inode, &cursor, bytes, sizeof(bytes));
        for (int64_t at = 0; at < len;) {
            struct dirent64 entry;
            memcpy(&entry, bytes + at, offsetof(struct dirent64, d_name));
            meet_entry(remains, dir, &entry,
                       (const char *)bytes + at +
                           offsetof(struct dirent64, d_name));
            at += entry.d_reclen;
        }
    } while (len > 0);
    disk_release(disk, inode);
}

static void walk(struct remains *remains)
{
    (void)snprintf(remains->dirs[0], DIR_PATH, WORKER_SPOOL);
    remains->dir_count = 1;
    for (uint32_t i = 0; i < remains->dir_count; i++) {
        walk_dir(remains, remains->dirs[i]);
    }
}

/* ---- what is owed ---- */

static bool is_complete(const struct remains *remains, uint32_t number)
{
    const struct check_damage *damage = &remains->check->hurts.items[number];
    bool is_now = damage->boots == remains->check->world->boots;
    bool has_body = remains->has_body[number];
    bool has_meta = remains->has_meta[number];
    bool has_left = remains->has_left[number];

    if (damage->is_of_log) {
        return true; /* its copy is looked at by who reads that */
    }
    switch (damage->how) {
    case CHECK_HURT_META: /* others may be back, of an earlier version */
        return remains->has_whole[number] && has_meta && (has_left || !is_now);
    case CHECK_HURT_NAME:
        return remains->has_whole[number];
    case CHECK_HURT_BODY:
        return has_body && has_meta &&
               (has_left || !(is_now || damage->is_durable));
    case CHECK_HURT_NO_BODY:
        return has_meta;
    case CHECK_HURT_SHARER:
    case CHECK_UNHURT:
        break;
    }
    return true;
}

static void judge(const struct remains *remains)
{
    struct check_spool *check = remains->check;

    for (uint32_t i = 0; i < check->count; i++) {
        if (check_spool_must_be_there(&check->items[i]) &&
            !is_complete(remains, i)) {
            world_fail(check->world,
                       "of item %u, damaged so: %d, something is thrown away "
                       "(body %d, whole %d, metadata %d, as left %d)",
                       i, (int)check_hurt_how(check, i), remains->has_body[i],
                       remains->has_whole[i], remains->has_meta[i],
                       remains->has_left[i]);
        }
    }
    for (uint32_t i = 0; i < check->hurts.stray_count; i++) {
        const struct check_stray *stray = &check->hurts.strays[i];
        bool is_now = stray->boots == check->world->boots;

        if (!remains->has_stray[i] && (is_now || stray->is_durable)) {
            world_fail(check->world, "stray %u is thrown away", i);
        }
    }
}

void spool_remains_check(struct check_spool *check)
{
    struct memory *mine = memory_switch(NULL); /* the disk's grows */
    struct remains *remains = calloc(1, sizeof(*remains));

    pirn_assert(remains != NULL);
    remains->check = check;
    walk(remains);
    judge(remains);
    free(remains);
    (void)memory_switch(mine);
}
