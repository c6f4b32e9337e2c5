/* SPDX-License-Identifier: MIT */
/*
 * spool_hurt_log.c - see spool_hurt.h; items of the log, and what is no item's
 *
 * What is read of an item is told by its slot: the places of its part and of
 * its body. The disk is written there, behind the back of who has it open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "pirn/invariant.h"
#include "spool/file/meta.h"
#include "spool/hash.h"
#include "spool/log/alias.h"
#include "spool/log/log.h"
#include "spool/log/slot.h"
#include "tests/sim/model/check_change.h"
#include "tests/sim/model/memory.h"
#include "tests/sim/model/spool_hurt.h"
#include "tests/sim/model/spool_worker.h"
#include "tests/sim/model/world.h"

enum { NOBODYS_OWNER = 1001, INCARNATION = 0x7fff0000 };

/* ---- which one ---- */

static bool has_slot(const struct pirn__log *log, const struct pirn_id *id)
{
    enum pirn__state state = pirn__log_state_of(log, id);

    return state == PIRN__READY || state == PIRN__DELAYED ||
           state == PIRN__HELD;
}

/* The id to which its alias leads. */
static bool read_alias(const struct hurting *hurting, const struct pirn_id *id,
                       struct pirn_id *ret_log_id)
{
    struct disk *disk = hurting->world->disk;
    char text[PIRN_ID_TEXT] = "";
    struct pirn__name name;
    char path[HURT_PATH];
    uint32_t inode;

    pirn__name_alias(&name, id);
    hurt_path(path, name.text);
    if (disk_open(disk, DISK_ROOT, path, O_RDONLY, 0, 0, &inode) < 0) {
        return false;
    }
    int64_t len = disk_read(disk, inode, 0, text, PIRN_ID_TEXT - 1);
    disk_release(disk, inode);
    return len == PIRN_ID_TEXT - 1 && pirn_id_parse(text, ret_log_id) == 0;
}

struct pirn__slot *hurt_find_log(const struct hurting *hurting,
                                 const struct pirn_id *id,
                                 struct pirn_id *ret_log_id)
{
    const struct pirn__log *log = hurting->spool->log;
    struct pirn__log_id parts;

    *ret_log_id = *id;
    if (log == NULL) {
        return NULL;
    }
    struct memory *mine = memory_switch(NULL); /* the disk's grows */
    bool is_there = has_slot(log, id) || (read_alias(hurting, id, ret_log_id) &&
                                          has_slot(log, ret_log_id));
    (void)memory_switch(mine);
    pirn__log_id_unpack(ret_log_id, &parts);
    return is_there ? &log->index.catalogue.slots[parts.slot] : NULL;
}

/* ---- damage ---- */

/* One byte of a file is another. */
static void flip(struct hurting *hurting, const char *name, uint64_t at)
{
    struct disk *disk = hurting->world->disk;
    char path[HURT_PATH];
    uint32_t inode;
    uint8_t byte;

    hurt_path(path, name);
    int r = disk_open(disk, DISK_ROOT, path, O_RDWR, 0, 0, &inode);
    pirn_assert(r == 0);
    pirn_assert(disk_read(disk, inode, at, &byte, 1) == 1);
    byte ^= (uint8_t)(1u << rng_below(hurting->rng, 8));
    pirn_assert(disk_write(disk, inode, at, &byte, 1) == 1);
    disk_release(disk, inode);
}

/* One of @bytes that stand at a place. */
static void flip_at(struct hurting *hurting, uint64_t packed, uint32_t bytes)
{
    struct pirn__place place = pirn__place_unpack(packed);
    char name[32];

    pirn_assert(bytes > 0);
    (void)snprintf(name, sizeof(name), ".log/seg/%06u", place.segment);
    flip(hurting, name,
         (uint64_t)place.at * PIRN__RECORD_UNIT +
             rng_below(hurting->rng, bytes));
}

/* Into the directory of another shard. */
static void misplace(struct hurting *hurting, const char *from,
                     const struct pirn_id *id)
{
    struct disk *disk = hurting->world->disk;
    char text[PIRN_ID_TEXT];
    char to[HURT_PATH];

    pirn_id_format(id, text);
    bool is_first = strncmp(text + PIRN_ID_TEXT - 3, "00", 2) == 0;
    hurt_path(to, is_first ? ".log/data/01" : ".log/data/00");
    (void)disk_mkdir(disk, DISK_ROOT, to, 0700);
    (void)snprintf(to, sizeof(to), WORKER_SPOOL "/.log/data/%s/%s",
                   is_first ? "01" : "00", text);
    int r = disk_rename(disk, DISK_ROOT, from, DISK_ROOT, to, 0);
    pirn_assert(r == 0);
}

/* Of a body that is a file. */
static void hurt_long(struct hurting *hurting, const struct pirn_id *log_id,
                      uint64_t bytes, enum hurt how)
{
    struct disk *disk = hurting->world->disk;
    struct pirn__name name;
    char path[HURT_PATH];

    pirn__name_log_body(&name, log_id);
    hurt_path(path, name.text);
    if (how == HURT_LONG_GONE) {
        int r = disk_unlink(disk, DISK_ROOT, path, 0);
        pirn_assert(r == 0);
    } else if (how == HURT_LONG_CUT) {
        hurt_cut(hurting, path);
    } else if (how == HURT_LONG_SHARD) {
        misplace(hurting, path, log_id);
    } else {
        flip(hurting, name.text, rng_below(hurting->rng, (uint32_t)bytes));
    }
}

/* An empty one: whole, but that the log has its id. */
static void name_it(struct hurting *hurting, const struct pirn_id *id)
{
    const struct pirn_item item = {
        .id = *id, .version = 1, .created_ns = 1, .digest = pirn__hash("", 0)};
    char text[512];
    struct pirn__name name;

    pirn_assert(pirn__meta_size(&item) <= sizeof(text));
    size_t len = pirn__meta_encode(&item, text, sizeof(text));
    pirn__name_ready(&name, CHECK_QUEUE, id);
    hurt_write(hurting, name.text, text, len);
}

static void give_body(struct hurting *hurting, const struct pirn_id *id)
{
    struct pirn__name name;

    pirn__name_body(&name, id);
    hurt_write(hurting, name.text, "", 0);
}

/* Had by us, and then by who never was: it is nobody's. */
static bool claim(struct hurting *hurting, struct pirn__slot *slot,
                  const struct pirn_id *id)
{
    struct pirn_claim *mine = &hurting->claim;

    *mine = (struct pirn_claim){0};
    pirn_prep_claim_id(mine, hurting->spool, id);
    if (pirn_wait(hurting->context, &mine->op) != 1) {
        return false;
    }
    struct pirn__word word = pirn__word_unpack(slot->word);
    pirn_assert(word.state == PIRN__CLAIMED);
    word.owner = NOBODYS_OWNER;
    slot->word = pirn__word_pack(word);
    hurting->has_nobodys = true;
    pirn_prep_give_back(mine);
    int r = pirn_wait(hurting->context, &mine->op);
    if (r != -ESTALE) {
        world_fail(hurting->world, "who has it no more gives it back: %d", r);
    }
    return true;
}

static enum hurt draw(const struct hurting *hurting, bool is_long,
                      bool is_single)
{
    static const enum hurt of_long[] = {
        HURT_RECORD,     HURT_LONG_GONE, HURT_LONG_CUT, HURT_LONG_BYTES,
        HURT_LONG_SHARD, HURT_WORD,      HURT_NAMED,    HURT_BODIED};
    static const enum hurt of_short[] = {HURT_RECORD,     HURT_SHORT_BODY,
                                         HURT_SHORT_BODY, HURT_WORD,
                                         HURT_NAMED,      HURT_BODIED};
    enum hurt how = is_long ? of_long[rng_below(hurting->rng, 8)]
                            : of_short[rng_below(hurting->rng, 6)];
    bool is_shared = how == HURT_LONG_CUT || how == HURT_LONG_BYTES;

    if ((is_shared && !is_single) ||
        (how == HURT_LONG_BYTES && !hurting->deep) ||
        (how == HURT_WORD && hurting->has_nobodys) ||
        ((how == HURT_LONG_SHARD || how >= HURT_WORD) && !hurting->is_lone)) {
        return HURT_NONE;
    }
    return how;
}

static void hurt_it(struct hurting *hurting, const struct pirn__slot *slot,
                    const struct pirn_id *id, const struct pirn_id *log_id,
                    enum hurt how)
{
    struct pirn__sizes sizes = pirn__sizes_unpack(slot->sizes);

    if (how == HURT_RECORD) {
        flip_at(hurting, slot->part, sizes.part_bytes);
    } else if (how == HURT_SHORT_BODY) {
        flip_at(hurting, slot->body, (uint32_t)sizes.body_bytes);
    } else if (how == HURT_NAMED || how == HURT_BODIED) {
        give_body(hurting, id);
        if (how == HURT_NAMED) {
            name_it(hurting, id);
        }
    } else {
        hurt_long(hurting, log_id, sizes.body_bytes, how);
    }
}

enum hurt hurt_log_item(struct hurting *hurting, struct pirn__slot *slot,
                        const struct pirn_id *id, const struct pirn_id *log_id)
{
    bool is_long =
        (pirn__route_unpack(slot->route).flags & PIRN__RECORD_BODY_FILE) != 0;
    struct pirn__name name;
    char path[HURT_PATH];

    pirn__name_log_body(&name, log_id);
    hurt_path(path, name.text);
    enum hurt how = draw(hurting, is_long, hurt_is_single(hurting, path));
    if (how == HURT_WORD) {
        return claim(hurting, slot, id) ? how : HURT_NONE;
    }
    if (how != HURT_NONE) {
        struct memory *mine = memory_switch(NULL);
        hurt_it(hurting, slot, id, log_id, how);
        (void)memory_switch(mine);
    }
    return how;
}

/* ---- of no item ---- */

/* As the log makes them, and none that it has made. */
static struct pirn_id draw_id(const struct hurting *hurting)
{
    struct pirn__log_id parts = {
        .ms = world_wall_ns(hurting->world) / 1000000,
        .epoch = 1,
        .incarnation = INCARNATION + rng_below(hurting->rng, 0x10000),
        .slot = rng_below(hurting->rng, 64),
    };
    struct pirn_id id;

    pirn__log_id_pack(&parts, &id);
    return id;
}

static void make_alias(struct hurting *hurting)
{
    struct pirn_id id = draw_id(hurting);
    struct pirn_id leads_to = draw_id(hurting);
    char text[PIRN_ID_TEXT];
    char path[HURT_PATH];
    struct pirn__name name;

    pirn_id_format(&leads_to, text);
    hurt_path(path, PIRN__NAME_LOG_IDS);
    (void)disk_mkdir(hurting->world->disk, DISK_ROOT, path, 0700);
    pirn__name_alias(&name, &id);
    hurt_write(hurting, name.text, text, PIRN_ID_TEXT - 1);
}

static void make_orphan(struct hurting *hurting)
{
    struct pirn_id id = draw_id(hurting);
    struct pirn__name name;
    char path[HURT_PATH];

    pirn__name_log_body(&name, &id);
    hurt_path(path, name.text);
    *strrchr(path, '/') = '\0';
    (void)disk_mkdir(hurting->world->disk, DISK_ROOT, path, 0700);
    hurt_write(hurting, name.text, "nobody's", 8);
}

static void make_half(struct hurting *hurting)
{
    static const char *const names[] = {PIRN__NAME_MAKING "/half",
                                        PIRN__NAME_LOG "/tombstones.new",
                                        PIRN__NAME_LOG "/queues/new.0099"};

    hurt_write(hurting, names[rng_below(hurting->rng, 3)], "x", 1);
}

static void make_stray(struct hurting *hurting)
{
    static const char *const names[] = {"/mail",        "/seg/000003.mail",
                                        "/queues/mail", "/bells/mail",
                                        "/data/mail",   "/seg/mail"};
    char name[HURT_PATH];

    (void)snprintf(name, sizeof(name), PIRN__NAME_LOG "%s",
                   names[rng_below(hurting->rng, 6)]);
    hurt_write(hurting, name, "x", 1);
}

enum hurt hurt_rest(struct hurting *hurting)
{
    enum hurt how = rng_between(hurting->rng, HURT_LOG_ORPHAN, HURT_HALF);

    if (hurting->spool->log == NULL) {
        return HURT_NONE;
    }
    struct memory *mine = memory_switch(NULL);
    if (how == HURT_LOG_ORPHAN) {
        make_orphan(hurting);
    } else if (how == HURT_LOG_ALIAS) {
        make_alias(hurting);
    } else if (how == HURT_LOG_STRAY) {
        make_stray(hurting);
    } else {
        make_half(hurting);
    }
    (void)memory_switch(mine);
    return how;
}
