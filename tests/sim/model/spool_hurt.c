/* SPDX-License-Identifier: MIT */
/* spool_hurt.c - see spool_hurt.h; items of the files */
#include "tests/sim/model/spool_hurt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "pirn/invariant.h"
#include "spool/check/strays.h"
#include "spool/file/find.h"
#include "tests/sim/model/check_change.h"
#include "tests/sim/model/memory.h"
#include "tests/sim/model/spool_worker.h"
#include "tests/sim/model/world.h"

enum { NS_PER_S = 1000000000, SOON_S = 60, NOBODYS_SLOT = 1000 };

static const struct hurt_promise promises[HURT_KINDS] = {
    [HURT_BODY_GONE] = {PIRN_FAULT_NO_BODY, HURT_ASIDE},
    [HURT_META_GONE] = {PIRN_FAULT_ORPHANED, HURT_ASIDE},
    [HURT_BODY_CUT] = {PIRN_FAULT_BAD_BODY, HURT_ASIDE},
    [HURT_META_CUT] = {PIRN_FAULT_BAD_RECORD, HURT_ASIDE},
    [HURT_TWICE] = {PIRN_FAULT_DUPLICATED, HURT_STAYS, .strays = 1},
    [HURT_SHARD] = {PIRN_FAULT_MISPLACED, HURT_STAYS},
    [HURT_SITE] = {PIRN_FAULT_MISPLACED, HURT_STAYS},
    [HURT_STRAY] = {PIRN_FAULT_STRAY, HURT_STAYS, .strays = 1},
    [HURT_CLAIM] = {PIRN_FAULT_STALE_CLAIM, HURT_STAYS},
    [HURT_HIDDEN] = {PIRN_FAULT_STALE_CLAIM, HURT_STAYS},
    [HURT_RECORD] = {PIRN_FAULT_BAD_RECORD, HURT_COPIED, true, .strays = 1},
    [HURT_SHORT_BODY] = {PIRN_FAULT_BAD_BODY, HURT_COPIED},
    [HURT_LONG_GONE] = {PIRN_FAULT_NO_BODY, HURT_COPIED},
    [HURT_LONG_CUT] = {PIRN_FAULT_BAD_BODY, HURT_COPIED},
    [HURT_LONG_BYTES] = {PIRN_FAULT_BAD_BODY, HURT_COPIED},
    [HURT_LONG_SHARD] = {PIRN_FAULT_MISPLACED, HURT_STAYS},
    [HURT_WORD] = {PIRN_FAULT_STALE_CLAIM, HURT_STAYS},
    [HURT_NAMED] = {PIRN_FAULT_DUPLICATED, HURT_STAYS, .strays = 2},
    [HURT_BODIED] = {PIRN_FAULT_LEFTOVER, HURT_STAYS, .strays = 1},
    [HURT_LOG_ORPHAN] = {PIRN_FAULT_ORPHANED, HURT_STAYS},
    [HURT_LOG_ALIAS] = {PIRN_FAULT_LEFTOVER, HURT_STAYS, .strays = 1},
    [HURT_LOG_STRAY] = {PIRN_FAULT_STRAY, HURT_STAYS, .strays = 1},
    [HURT_HALF] = {PIRN_FAULT_LEFTOVER, HURT_STAYS, .strays = 1},
};

const struct hurt_promise *hurt_promise(enum hurt how)
{
    pirn_assert(how > HURT_NONE && how < HURT_KINDS);
    return &promises[how];
}

/* ---- files ---- */

void hurt_path(char path[HURT_PATH], const char *name)
{
    (void)snprintf(path, HURT_PATH, WORKER_SPOOL "/%s", name);
}

void hurt_write(struct hurting *hurting, const char *name, const void *bytes,
                uint64_t len)
{
    struct disk *disk = hurting->world->disk;
    char path[HURT_PATH];
    uint32_t inode;

    hurt_path(path, name);
    int r =
        disk_open(disk, DISK_ROOT, path, O_WRONLY | O_CREAT, 0600, 0, &inode);
    pirn_assert(r == 0);
    pirn_assert(disk_write(disk, inode, 0, bytes, len) == (int64_t)len);
    disk_release(disk, inode);
}

void hurt_cut(struct hurting *hurting, const char *path)
{
    struct disk *disk = hurting->world->disk;
    uint32_t inode;

    int r = disk_open(disk, DISK_ROOT, path, O_WRONLY | O_TRUNC, 0, 0, &inode);
    pirn_assert(r == 0);
    disk_release(disk, inode);
}

bool hurt_is_single(const struct hurting *hurting, const char *path)
{
    struct statx statx;
    int r = disk_stat(hurting->world->disk, DISK_ROOT, path,
                      AT_SYMLINK_NOFOLLOW, &statx);

    return r == 0 && statx.stx_nlink == 1;
}

/* But for `.' and `..'. */
static uint32_t count_entries(const uint8_t *bytes, int64_t len)
{
    uint32_t count = 0;

    for (int64_t at = 0; at < len;) {
        struct dirent64 entry;
        uint32_t name = offsetof(struct dirent64, d_name);

        memcpy(&entry, bytes + at, name);
        count += bytes[at + name] != '.';
        at += entry.d_reclen;
    }
    return count;
}

uint32_t hurt_count_strays(const struct hurting *hurting)
{
    struct memory *mine = memory_switch(NULL);
    struct disk *disk = hurting->world->disk;
    char path[HURT_PATH];
    uint8_t bytes[2048];
    uint64_t cursor = 0;
    uint32_t count = 0;
    uint32_t inode;
    int64_t len;

    hurt_path(path, PIRN__STRAYS_DIR);
    if (disk_open(disk, DISK_ROOT, path, O_RDONLY | O_DIRECTORY, 0, 0,
                  &inode) == 0) {
        do {
            len = disk_list(disk, inode, &cursor, bytes, sizeof(bytes));
            count += count_entries(bytes, len);
        } while (len > 0);
        disk_release(disk, inode);
    }
    (void)memory_switch(mine);
    return count;
}

static void make_stray(struct hurting *hurting, const char *beside)
{
    char name[HURT_PATH];

    (void)snprintf(name, sizeof(name), "%.*s/what",
                   (int)(strrchr(beside, '/') - beside), beside);
    hurt_write(hurting, name, "", 0);
    hurting->has_stray = true;
}

static void move_to(struct hurting *hurting, const char *from, const char *dir,
                    const char *name)
{
    struct disk *disk = hurting->world->disk;
    char path[HURT_PATH];

    hurt_path(path, dir);
    (void)disk_mkdir(disk, DISK_ROOT, path, 0700);
    (void)snprintf(path, sizeof(path), WORKER_SPOOL "/%.120s/%.60s", dir, name);
    int r = disk_rename(disk, DISK_ROOT, from, DISK_ROOT, path, 0);
    pirn_assert(r == 0);
}

/* To a site that is not the item's, of its own queue. */
static void misplace(struct hurting *hurting, const struct pirn__find *find,
                     const char *from, bool in_shard)
{
    const char *queue = find->queue->name;
    char text[PIRN_ID_TEXT];
    char dir[HURT_PATH];

    pirn_id_format(&find->id, text);
    if (in_shard) {
        bool is_first = strncmp(text + PIRN_ID_TEXT - 3, "00", 2) == 0;
        (void)snprintf(dir, sizeof(dir), "%s/%s", queue,
                       is_first ? "01" : "00");
    } else {
        (void)snprintf(dir, sizeof(dir), "%s/%s", queue,
                       pirn__site_state(&find->site) == PIRN_ITEM_HELD
                           ? ".priority+7"
                           : ".held");
    }
    move_to(hurting, from, dir, text);
}

/* To who never was. */
static void claim(struct hurting *hurting, const struct pirn__find *find,
                  const char *from, const char *end)
{
    char text[PIRN_ID_TEXT];
    char name[PIRN_ID_TEXT + 8];
    char dir[HURT_PATH];

    pirn_id_format(&find->id, text);
    (void)snprintf(name, sizeof(name), "%s%s", text, end);
    (void)snprintf(dir, sizeof(dir), "%s/.checkout/%d", find->queue->name,
                   NOBODYS_SLOT);
    move_to(hurting, from, dir, name);
    hurting->has_nobodys = true;
}

/* A second name of its metadata, in the shard of another queue. */
static void make_twin(struct hurting *hurting, const struct pirn__find *find,
                      const char *from)
{
    bool is_other = strcmp(find->queue->name, CHECK_QUEUE_OTHER) == 0;
    struct pirn__name name;
    char to[HURT_PATH];

    pirn__name_ready(&name, is_other ? CHECK_QUEUE : CHECK_QUEUE_OTHER,
                     &find->id);
    hurt_path(to, name.text);
    int r = disk_link(hurting->world->disk, DISK_ROOT, from, DISK_ROOT, to);
    pirn_assert(r == 0);
}

static void hurt_file(struct hurting *hurting, const struct pirn__find *find,
                      const char *meta, const char *body, enum hurt how)
{
    struct disk *disk = hurting->world->disk;
    int r = 0;

    if (how == HURT_BODY_GONE || how == HURT_META_GONE) {
        r = disk_unlink(disk, DISK_ROOT, how == HURT_BODY_GONE ? body : meta,
                        0);
    } else if (how == HURT_BODY_CUT || how == HURT_META_CUT) {
        hurt_cut(hurting, how == HURT_BODY_CUT ? body : meta);
    } else if (how == HURT_TWICE) {
        make_twin(hurting, find, meta);
    } else if (how == HURT_STRAY) {
        make_stray(hurting, find->path.text);
    } else if (how == HURT_CLAIM || how == HURT_HIDDEN) {
        claim(hurting, find, meta, how == HURT_CLAIM ? "" : ".out");
    } else {
        misplace(hurting, find, meta, how == HURT_SHARD);
    }
    pirn_assert(r == 0);
}

/* What is about to become ready moves, and is looked at another time. */
static bool rests(const struct hurting *hurting, const struct pirn__find *find)
{
    return find->site.kind != PIRN__SITE_BUCKET ||
           find->site.bucket.due_s >
               world_wall_ns(hurting->world) / NS_PER_S + SOON_S;
}

static bool may_hurt(const struct hurting *hurting,
                     const struct pirn__find *find, const char *body,
                     enum hurt how)
{
    return rests(hurting, find) &&
           (how != HURT_SHARD || find->site.kind == PIRN__SITE_SHARD) &&
           (how != HURT_TWICE || hurting->has_other) &&
           (how != HURT_STRAY || !hurting->has_stray) &&
           (how != HURT_HIDDEN || hurting->spool->log != NULL) &&
           (how < HURT_CLAIM || !hurting->has_nobodys) &&
           (how != HURT_BODY_CUT || hurt_is_single(hurting, body));
}

/* Found meanwhile: it is there still, or nothing is done. */
static enum hurt hurt_found(struct hurting *hurting,
                            const struct pirn__find *find)
{
    enum hurt how = rng_between(hurting->rng, HURT_BODY_GONE, HURT_HIDDEN);
    struct pirn__name name;
    char meta[HURT_PATH];
    char body[HURT_PATH];

    pirn__name_body(&name, &find->id);
    hurt_path(body, name.text);
    hurt_path(meta, find->path.text);
    if (!hurt_is_single(hurting, meta) || !may_hurt(hurting, find, body, how)) {
        return HURT_NONE;
    }
    hurt_file(hurting, find, meta, body, how);
    return how;
}

static enum hurt hurt_item_of_files(struct hurting *hurting,
                                    const struct pirn_id *id)
{
    struct pirn__find *find = calloc(1, sizeof(*find));
    enum hurt how = HURT_NONE;

    pirn_assert(find != NULL);
    pirn__prep_find(find, hurting->spool, id, false);
    if (pirn_wait(hurting->context, &find->op) == 0 &&
        find->place == PIRN__PLACE_READY) {
        struct memory *mine = memory_switch(NULL); /* the disk's grows */
        how = hurt_found(hurting, find);
        (void)memory_switch(mine);
    }
    free(find);
    return how;
}

enum hurt hurt_item(struct hurting *hurting, const struct pirn_id *id,
                    struct pirn_id *ret_log_id)
{
    struct pirn__slot *slot = hurt_find_log(hurting, id, ret_log_id);

    return slot != NULL ? hurt_log_item(hurting, slot, id, ret_log_id)
                        : hurt_item_of_files(hurting, id);
}
