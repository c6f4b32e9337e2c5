/* SPDX-License-Identifier: MIT */
/* spool_doctor.c - see spool_doctor.h */
#include "tests/sim/model/spool_doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "pirn/invariant.h"
#include "spool/file/find.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_checker.h"
#include "tests/sim/model/spool_worker.h"

enum { HURT_MAX = 4, IDS_MAX = 256, PATH_BYTES = 256 };
enum { NS_PER_S = 1000000000, SOON_S = 60 };

/* How an item is damaged. */
enum hurt {
    HURT_BODY_GONE,
    HURT_META_GONE,
    HURT_BODY_CUT,
    HURT_META_CUT,
    HURT_TWICE,
    HURT_SHARD, /* its metadata stand in another's */
    HURT_SITE,  /* or where those of held ones do, or of no held ones */
    HURT_STRAY, /* something else stands beside it */
    HURT_KINDS,
};

static const enum pirn_fault faults[HURT_KINDS] = {
    [HURT_BODY_GONE] = PIRN_FAULT_NO_BODY,
    [HURT_META_GONE] = PIRN_FAULT_ORPHANED,
    [HURT_BODY_CUT] = PIRN_FAULT_BAD_BODY,
    [HURT_META_CUT] = PIRN_FAULT_BAD_RECORD,
    [HURT_TWICE] = PIRN_FAULT_DUPLICATED,
    [HURT_SHARD] = PIRN_FAULT_MISPLACED,
    [HURT_SITE] = PIRN_FAULT_MISPLACED,
    [HURT_STRAY] = PIRN_FAULT_STRAY,
};

struct doctor {
    struct world *world;
    struct spool_worker *worker;
    struct spool_checking checking;
    struct pirn_id ids[IDS_MAX];
    bool is_hurt[IDS_MAX];
    bool is_aside[IDS_MAX]; /* by what it was hurt with, or before */
    uint32_t count;
    uint32_t hurt_count;
    enum pirn_fault expected[HURT_MAX];
};

static int32_t wait_for(struct doctor *doctor, struct pirn_op *op,
                        const char *what)
{
    int32_t r = pirn_wait(doctor->checking.context, op);

    if (r < 0) {
        world_fail(doctor->world, "%s, in the calm: %d", what, r);
    }
    return r;
}

/* All but what was set aside before. */
static void list(struct doctor *doctor)
{
    struct pirn_listing listing = {0};
    int32_t r;

    pirn_prep_listing(&listing, doctor->checking.spool, NULL);
    if (wait_for(doctor, &listing.op, "a listing") < 0) {
        return;
    }
    do {
        pirn_prep_listing_next(&listing);
        r = wait_for(doctor, &listing.op, "a page");
        for (int32_t i = 0; i < r; i++) {
            if (strcmp(listing.items[i].queue, "quarantine") != 0) {
                pirn_assert(doctor->count < IDS_MAX);
                doctor->ids[doctor->count++] = listing.items[i].id;
            }
        }
    } while (r > 0);
    pirn_prep_listing_end(&listing);
    (void)wait_for(doctor, &listing.op, "a listing's end");
}

/* ---- damage ---- */

/* Where a file of the spool is, for the disk. */
static void path_of(char path[PATH_BYTES], const char *name)
{
    (void)snprintf(path, PATH_BYTES, WORKER_SPOOL "/%s", name);
}

static void cut_short(struct disk *disk, const char *path)
{
    uint32_t inode;

    pirn_assert(disk_open(disk, DISK_ROOT, path, O_WRONLY | O_TRUNC, 0, 0,
                          &inode) == 0);
    disk_release(disk, inode);
}

static void make_stray(struct disk *disk, const char *beside)
{
    char path[PATH_BYTES];
    uint32_t inode;
    int len = (int)(strrchr(beside, '/') - beside);

    (void)snprintf(path, sizeof(path), "%.*s/what", len, beside);
    int r =
        disk_open(disk, DISK_ROOT, path, O_WRONLY | O_CREAT, 0600, 0, &inode);
    pirn_assert(r == 0);
    disk_release(disk, inode);
}

/* To a site that is not the item's, of its own queue. */
static void misplace(struct doctor *doctor, const struct pirn__find *find,
                     const char *from, bool in_shard)
{
    struct disk *disk = doctor->world->disk;
    const char *queue = find->queue->name;
    char text[PIRN_ID_TEXT];
    char dir[PATH_BYTES];
    char to[PATH_BYTES];

    pirn_id_format(&find->id, text);
    if (in_shard) {
        bool is_first = strncmp(text + PIRN_ID_TEXT - 3, "00", 2) == 0;
        (void)snprintf(dir, sizeof(dir), WORKER_SPOOL "/%s/%s", queue,
                       is_first ? "01" : "00");
    } else {
        (void)snprintf(dir, sizeof(dir), WORKER_SPOOL "/%s/%s", queue,
                       pirn__site_state(&find->site) == PIRN_ITEM_HELD
                           ? ".priority+7"
                           : ".held");
        (void)disk_mkdir(disk, DISK_ROOT, dir, 0700);
    }
    (void)snprintf(to, sizeof(to), "%.120s/%s", dir, text);
    int r = disk_rename(disk, DISK_ROOT, from, DISK_ROOT, to, 0);
    pirn_assert(r == 0);
}

/* A second name of its metadata, in the shard of another queue. */
static void make_twin(struct doctor *doctor, const struct pirn__find *find,
                      const char *from)
{
    bool is_other = strcmp(find->queue->name, CHECK_QUEUE_OTHER) == 0;
    struct pirn__name name;
    char to[PATH_BYTES];

    pirn__name_ready(&name, is_other ? CHECK_QUEUE : CHECK_QUEUE_OTHER,
                     &find->id);
    path_of(to, name.text);
    int r = disk_link(doctor->world->disk, DISK_ROOT, from, DISK_ROOT, to);
    pirn_assert(r == 0);
}

static void hurt(struct doctor *doctor, const struct pirn__find *find,
                 enum hurt how)
{
    struct disk *disk = doctor->world->disk;
    struct pirn__name name;
    char meta[PATH_BYTES];
    char body[PATH_BYTES];
    int r = 0;

    pirn__name_body(&name, &find->id);
    path_of(body, name.text);
    path_of(meta, find->path.text);
    switch (how) {
    case HURT_BODY_GONE:
        r = disk_unlink(disk, DISK_ROOT, body, 0);
        break;
    case HURT_META_GONE:
        r = disk_unlink(disk, DISK_ROOT, meta, 0);
        break;
    case HURT_BODY_CUT:
        cut_short(disk, body);
        break;
    case HURT_META_CUT:
        cut_short(disk, meta);
        break;
    case HURT_TWICE:
        make_twin(doctor, find, meta);
        break;
    case HURT_SHARD:
    case HURT_SITE:
        misplace(doctor, find, meta, how == HURT_SHARD);
        break;
    case HURT_STRAY:
        make_stray(disk, meta);
        break;
    case HURT_KINDS:
        break;
    }
    pirn_assert(r == 0);
}

/* Where an item's metadata are, if it is of the files. */
static bool find_file(struct doctor *doctor, uint32_t at,
                      struct pirn__find *find)
{
    pirn__prep_find(find, doctor->checking.spool, &doctor->ids[at], false);
    return pirn_wait(doctor->checking.context, &find->op) == 0 &&
           find->place == PIRN__PLACE_READY;
}

/* What is about to become ready moves, and is looked at another time. */
static bool rests(const struct doctor *doctor, const struct pirn__find *find)
{
    return find->site.kind != PIRN__SITE_BUCKET ||
           find->site.bucket.due_s >
               world_wall_ns(doctor->world) / NS_PER_S + SOON_S;
}

static bool may_hurt(const struct doctor *doctor, const struct pirn__find *find,
                     enum hurt how)
{
    bool has_other = doctor->worker->has_other && !doctor->worker->crosses;

    return rests(doctor, find) &&
           (how != HURT_SHARD || find->site.kind == PIRN__SITE_SHARD) &&
           (how != HURT_TWICE || has_other) &&
           (how != HURT_STRAY || doctor->hurt_count == 0);
}

static void hurt_some(struct doctor *doctor)
{
    struct rng *rng = &doctor->worker->rng;
    struct pirn__find *find = calloc(1, sizeof(*find));

    for (uint32_t i = 0; i < doctor->count && doctor->hurt_count < HURT_MAX;
         i++) {
        enum hurt how = rng_below(rng, HURT_KINDS);
        if (rng_below(rng, 3) == 0 && find_file(doctor, i, find) &&
            may_hurt(doctor, find, how)) {
            struct memory *mine = memory_switch(NULL); /* the disk's grows */
            hurt(doctor, find, how);
            (void)memory_switch(mine);
            world_note(doctor->world, "hurt: ", (int32_t)how);
            doctor->expected[doctor->hurt_count++] = faults[how];
            doctor->is_hurt[i] = true;
            doctor->is_aside[i] = how < HURT_TWICE;
        }
    }
    free(find);
}

/* ---- checks ---- */

static void check_count(struct doctor *doctor, uint32_t expected,
                        const char *when)
{
    const struct spool_checking *checking = &doctor->checking;

    if (checking->result < 0 || checking->count != expected) {
        world_fail(doctor->world, "%u faults for %u, %s: %d, first %s at %s",
                   checking->count, expected, when, checking->result,
                   checking->count > 0
                       ? pirn_fault_name(checking->found[0].fault)
                       : "none",
                   checking->count > 0 ? checking->found[0].path : "");
    }
}

static bool takes_off(struct pirn_finding *found, uint32_t count,
                      enum pirn_fault fault)
{
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].fault == fault) {
            found[i].fault = PIRN_FAULTS;
            return true;
        }
    }
    return false;
}

static void look(struct doctor *doctor, bool repair, uint32_t expected,
                 const char *when)
{
    doctor->checking.config.repair = repair;
    spool_checking_run(&doctor->checking);
    check_count(doctor, expected, when);
}

/* What was done is found, and nothing else; and then it is mended. */
static void check_hurt(struct doctor *doctor, bool repair)
{
    struct spool_checking *checking = &doctor->checking;

    look(doctor, repair, doctor->hurt_count, repair ? "mended" : "damaged");
    for (uint32_t i = 0; i < checking->count; i++) {
        const struct pirn_finding *finding = &checking->found[i];
        if (finding->mended != repair || finding->error < 0) {
            world_fail(doctor->world, "%s at %s is not mended: %d",
                       pirn_fault_name(finding->fault), finding->path,
                       finding->error);
        }
    }
    for (uint32_t i = 0; i < doctor->hurt_count; i++) {
        if (!takes_off(checking->found, checking->count, doctor->expected[i])) {
            world_fail(doctor->world, "%s is not found",
                       pirn_fault_name(doctor->expected[i]));
        }
    }
}

/* An item is where it belongs, or set aside; a body alone can be looked at. */
static void check_item(struct doctor *doctor, uint32_t at)
{
    struct pirn_view view = {0};

    pirn_prep_look(&view, doctor->checking.spool, &doctor->ids[at]);
    int32_t r = pirn_wait(doctor->checking.context, &view.op);
    bool is_aside = r == 0 && strcmp(view.item.queue, "quarantine") == 0;
    bool is_wrong = r == 0 ? is_aside != doctor->is_aside[at]
                           : r != -EBADMSG || !doctor->is_aside[at];

    if (is_wrong) {
        world_fail(doctor->world, "an item that was%s hurt: %d, %saside",
                   doctor->is_hurt[at] ? "" : " not", r,
                   is_aside ? "" : "not ");
    }
    if (r == 0) {
        pirn_prep_view_end(&view);
        (void)wait_for(doctor, &view.op, "a view's end");
    }
}

static void work(struct doctor *doctor)
{
    doctor->checking.is_sound = doctor->worker->check->is_sound;
    doctor->checking.config.repair = true;
    spool_checking_run(&doctor->checking);
    look(doctor, false, 0, "after all was mended");
    doctor->checking.is_sound = false;
    list(doctor);
    hurt_some(doctor);
    check_hurt(doctor, false);
    check_hurt(doctor, false);
    check_hurt(doctor, true);
    look(doctor, false, 0, "after what was damaged was mended");
    for (uint32_t i = 0; i < doctor->count; i++) {
        check_item(doctor, i);
    }
}

void spool_doctor_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct doctor *doctor = calloc(1, sizeof(*doctor));

    doctor->world = worker->check->world;
    doctor->worker = worker;
    doctor->checking.check = worker->check;
    doctor->checking.config.grace_ns = 1;
    doctor->checking.config.deep = rng_coin(&worker->rng);
    doctor->checking.context = process_context(doctor->world);
    if (spool_worker_open(worker, doctor->checking.context,
                          &doctor->checking.spool)) {
        work(doctor);
        pirn_spool_close(doctor->checking.spool);
    }
    pirn_context_destroy(doctor->checking.context);
    free(doctor);
}
