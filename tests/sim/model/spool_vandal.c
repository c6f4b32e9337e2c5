/* SPDX-License-Identifier: MIT */
/* spool_vandal.c - see spool_vandal.h */
#include "tests/sim/model/spool_vandal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "pirn/invariant.h"
#include "spool/file/find.h"
#include "spool/move.h"
#include "tests/sim/model/memory.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_hurt.h"
#include "tests/sim/model/spool_remains.h"
#include "tests/sim/model/spool_worker.h"

enum { ACTS_MAX = 12, TRIES = 8, REST_MAX_MS = 20, NS_PER_MS = 1000000 };

struct vandal {
    struct spool_worker *worker;
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct hurting hurting;
    struct pirn__find find;
};

static struct rng *rng_for(struct vandal *vandal)
{
    return &vandal->worker->rng;
}

/* ---- which one ---- */

/* It has to be there, is nobody's as far as anybody was told, and whole. */
static bool is_to_be_had(const struct check_spool *check, uint32_t number)
{
    const struct check_item *item = &check->items[number];

    return check_spool_must_be_there(item) && item->has_id &&
           item->holder == 0 && check_hurt_how(check, number) == CHECK_UNHURT;
}

/* Any, or of some the one that came back last: of that a power cut may leave
 * several names. UINT32_MAX: none was met. */
static uint32_t choose(struct vandal *vandal)
{
    const struct check_spool *check = vandal->check;
    bool is_any = rng_coin(rng_for(vandal));
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < TRIES && check->count > 0; i++) {
        uint32_t number = rng_below(rng_for(vandal), check->count);

        if (!is_to_be_had(check, number)) {
            continue;
        }
        if (best == UINT32_MAX ||
            check->items[number].since_ns > check->items[best].since_ns) {
            best = number;
        }
        if (is_any) {
            break;
        }
    }
    return best;
}

/* ---- damage ---- */

static void flip(struct vandal *vandal, uint32_t inode)
{
    struct disk *disk = vandal->check->world->disk;
    uint32_t at = rng_below(rng_for(vandal), (uint32_t)disk_size(disk, inode));
    uint8_t byte;

    pirn_assert(disk_read(disk, inode, at, &byte, 1) == 1);
    byte ^= (uint8_t)(1u << rng_below(rng_for(vandal), 8));
    pirn_assert(disk_write(disk, inode, at, &byte, 1) == 1);
}

/* To some of what it has, or to nothing. */
static void shorten(struct vandal *vandal, uint32_t inode)
{
    struct disk *disk = vandal->check->world->disk;
    uint64_t bytes = disk_size(disk, inode);
    bool to_nothing = rng_coin(rng_for(vandal));
    int r = disk_truncate(
        disk, inode,
        to_nothing ? 0 : rng_below(rng_for(vandal), (uint32_t)bytes));

    pirn_assert(r == 0);
}

/* What stands at @path has other bytes, or fewer. */
static void spoil(struct vandal *vandal, const char *path,
                  struct check_damage *damage)
{
    struct disk *disk = vandal->check->world->disk;
    uint32_t inode;

    int r = disk_open(disk, DISK_ROOT, path, O_RDWR, 0, 0, &inode);
    pirn_assert(r == 0 && disk_size(disk, inode) > 0);
    if (rng_coin(rng_for(vandal))) {
        flip(vandal, inode);
    } else {
        shorten(vandal, inode);
    }
    if (damage->is_durable) {
        (void)disk_sync(disk, inode, true);
    }
    spool_remains_sum(disk, inode, &damage->bytes, &damage->sum);
    disk_release(disk, inode);
}

static void sync_dir(struct vandal *vandal, const char *of)
{
    struct disk *disk = vandal->check->world->disk;
    char dir[HURT_PATH];
    uint32_t inode;

    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(of, '/') - of), of);
    int r =
        disk_open(disk, DISK_ROOT, dir, O_RDONLY | O_DIRECTORY, 0, 0, &inode);
    pirn_assert(r == 0);
    (void)disk_sync(disk, inode, false);
    disk_release(disk, inode);
}

/* Durably: a name that a power cut brings back beside the one that a check has
 * made for its body would be a second one. */
static void take_name(struct vandal *vandal, const char *path)
{
    int r = disk_unlink(vandal->check->world->disk, DISK_ROOT, path, 0);

    pirn_assert(r == 0);
    sync_dir(vandal, path);
}

static void damage_item(struct vandal *vandal, uint32_t number,
                        const char *meta, const char *body, enum check_hurt how)
{
    struct check_damage damage = {.how = how,
                                  .is_durable = rng_coin(rng_for(vandal))};

    if (how == CHECK_HURT_META || how == CHECK_HURT_BODY) {
        spoil(vandal, how == CHECK_HURT_META ? meta : body, &damage);
    } else {
        damage.is_durable = true;
        take_name(vandal, how == CHECK_HURT_NAME ? meta : body);
    }
    check_hurt_item(vandal->check, number, damage);
}

static void make_stray(struct vandal *vandal)
{
    struct check_spool *check = vandal->check;
    const char *beside = vandal->find.path.text;
    bool is_durable = rng_coin(rng_for(vandal));
    char name[SPOOL_STRAY_NAME];
    char path[HURT_PATH];

    if (check->hurts.stray_count == CHECK_STRAYS) {
        return;
    }
    spool_remains_stray(name, check_hurt_stray(check, is_durable));
    (void)snprintf(path, sizeof(path), "%.*s/%s",
                   (int)(strrchr(beside, '/') - beside), beside, name);
    hurt_write(&vandal->hurting, path, name, strlen(name));
    if (is_durable) {
        uint32_t inode;
        char full[HURT_PATH];

        hurt_path(full, path);
        int r = disk_open(check->world->disk, DISK_ROOT, full, O_RDONLY, 0, 0,
                          &inode);
        pirn_assert(r == 0);
        (void)disk_sync(check->world->disk, inode, false);
        disk_release(check->world->disk, inode);
        sync_dir(vandal, full);
    }
}

/* It is there still. A body that others have, too, is left alone; and one that
 * goes to the log unread, as it is. */
static bool may_damage(const struct vandal *vandal, uint32_t number,
                       const char *meta, const char *body, enum check_hurt how)
{
    bool is_body = how == CHECK_HURT_BODY || how == CHECK_HURT_NO_BODY;
    bool may_leave = vandal->worker->crosses &&
                     vandal->check->items[number].len > PIRN__MOVE_BODY_MAX;

    return check_hurt_how(vandal->check, number) == CHECK_UNHURT &&
           hurt_is_single(&vandal->hurting, meta) && !(is_body && may_leave) &&
           (how != CHECK_HURT_BODY || hurt_is_single(&vandal->hurting, body));
}

static void damage_found(struct vandal *vandal, uint32_t number)
{
    enum check_hurt how =
        rng_between(rng_for(vandal), CHECK_HURT_META, CHECK_HURT_SHARER);
    struct pirn__name name;
    char meta[HURT_PATH];
    char body[HURT_PATH];

    pirn__name_body(&name, &vandal->find.id);
    hurt_path(body, name.text);
    hurt_path(meta, vandal->find.path.text);
    if (!may_damage(vandal, number, meta, body, how)) {
        return;
    }
    if (how == CHECK_HURT_SHARER) {
        make_stray(vandal);
    } else {
        damage_item(vandal, number, meta, body, how);
    }
}

/* What was done to an item of the log; a body that was cut has nothing left. */
static void tell_log(struct vandal *vandal, uint32_t number, enum hurt how)
{
    struct check_damage damage = {
        .is_of_log = true,
        .how = how == HURT_RECORD      ? CHECK_HURT_META
               : how == HURT_LONG_GONE ? CHECK_HURT_NO_BODY
                                       : CHECK_HURT_BODY,
    };

    if (how != HURT_LONG_GONE && how != HURT_LONG_CUT) {
        damage.bytes = vandal->check->items[number].len;
    }
    if (how != HURT_NONE) {
        check_hurt_item(vandal->check, number, damage);
    }
}

/* One of the log's, if it has it: true. Where items go from one to the other
 * the power may fail, and then of the log nobody knows what was there. */
static bool damage_log(struct vandal *vandal, uint32_t number)
{
    const struct pirn_id *id = &vandal->check->items[number].id;
    struct pirn_id log_id;
    struct pirn__slot *slot = hurt_find_log(&vandal->hurting, id, &log_id);

    if (slot != NULL && !vandal->worker->crosses) {
        tell_log(vandal, number,
                 hurt_log_item(&vandal->hurting, slot, id, &log_id));
    }
    return slot != NULL;
}

static void damage_one(struct vandal *vandal)
{
    uint32_t number = choose(vandal);

    if (number == UINT32_MAX || damage_log(vandal, number)) {
        return;
    }
    pirn__prep_find(&vandal->find, vandal->spool,
                    &vandal->check->items[number].id, false);
    if (pirn_wait(vandal->context, &vandal->find.op) == 0 &&
        vandal->find.place == PIRN__PLACE_READY) {
        struct memory *mine = memory_switch(NULL); /* the disk's grows */
        damage_found(vandal, number);
        (void)memory_switch(mine);
    }
}

/* ---- */

static void work(struct vandal *vandal)
{
    uint32_t acts = rng_between(rng_for(vandal), 1, ACTS_MAX);

    vandal->hurting = (struct hurting){
        .world = vandal->check->world,
        .rng = rng_for(vandal),
        .context = vandal->context,
        .spool = vandal->spool,
        .deep = true,
    };
    for (uint32_t i = 0; i < acts; i++) {
        process_rest(vandal->context,
                     (uint64_t)rng_below(rng_for(vandal), REST_MAX_MS) *
                         NS_PER_MS);
        damage_one(vandal);
    }
}

void spool_vandal_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct vandal *vandal = calloc(1, sizeof(*vandal));

    vandal->worker = worker;
    vandal->check = worker->check;
    vandal->context = process_context(worker->check->world);
    if (spool_worker_open(worker, vandal->context, &vandal->spool)) {
        work(vandal);
        pirn_spool_close(vandal->spool);
    }
    pirn_context_destroy(vandal->context);
    free(vandal);
}
