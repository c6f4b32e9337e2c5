/* SPDX-License-Identifier: MIT */
/*
 * single.c - the names that a power cut left of one item, and which one stays
 *
 * A running kernel shows one name of an item at every instant. On a disk that
 * makes renames durable in any order, a power cut may leave more: of
 *
 *      .checkout/A/ID -> QUEUE/XY/ID -> .checkout/B/ID -> .tmp/B/ID
 *
 * any of the names, if the rename that left it was lost and one that came later
 * was not. Of QUEUE/XY/ID and the other sites there is one beside a claim: who
 * takes an item to another site than it was claimed from syncs that one first.
 * All others are claims or drafts, so every item with several names is met in
 * these; and none is lost, because the youngest rename that was not lost has
 * made a name that nothing has taken away.
 *
 *   a draft beside another name       is no removal that was told: goes
 *   claims beside each other, or      the highest version stays; of equals the
 *   beside a ready one                ready one, then the lowest slot
 *
 * Before all that each move that was not ended leaves one of an item and its
 * copy (../move_recover.c), as a claim.
 *
 * What goes is a draft first, and goes as such: .tmp/O/ID is the one name that
 * may come back without its body. Before its unlink, all the directories are
 * synced which it may have left; then the other names are gone for good.
 */
#include "spool/file/single.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/file/find.h"
#include "spool/file/meta_file.h"
#include "spool/log/rebuild.h"
#include "spool/move_recover.h"
#include "spool/opens.h"

/* A name of an item: a claim, or one at a site (slot NOBODY). */
enum { NOBODY = PIRN__SLOTS };

/* Of an item more names at sites than one are nobody's doing but a person's:
 * of these so many are seen at once, besides one in each queue. */
enum { NAMES_MORE = 16 };

struct mention {
    struct pirn_id id;
    struct pirn__queue *queue;
    uint32_t slot;
    struct pirn__site site; /* of one that nobody has */
};

struct single {
    struct pirn_spool *spool;
    struct pirn__slots slots;
    struct mention *claims; /* @count of @cap, sorted by id */
    uint32_t count;
    uint32_t cap;
    uint32_t most;
    struct mention *names; /* of one item, as many as there may be */
    struct pirn__bucket_scan *buckets; /* of each queue */
};

static int32_t wait_for(const struct single *single, struct pirn_op *op)
{
    return pirn_wait(single->spool->context, op);
}

static int compare(const void *a, const void *b)
{
    const struct mention *one = a;
    const struct mention *other = b;
    int by_id = memcmp(&one->id, &other->id, sizeof(one->id));

    return by_id != 0 ? by_id : (int)one->slot - (int)other->slot;
}

/* ---- what there is ---- */

/* 0: the directory's ids are in @scan, for the caller to free. */
static int list(struct single *single, struct pirn__id_scan *scan)
{
    pirn__prep_id_scan(scan, single->spool->root_fd);
    int r = wait_for(single, &scan->scan.op);
    return pirn__is_none(r) ? 0 : r; /* never claimed there */
}

static void list_end(struct pirn__id_scan *scan)
{
    pirn__ids_deinit(&scan->ids);
    pirn__ids_deinit(&scan->next);
}

static int add_claims(struct single *single, const struct pirn__ids *ids,
                      struct pirn__queue *queue, uint32_t slot)
{
    if (single->count + ids->count > single->cap) {
        uint32_t cap = 2 * (single->count + ids->count);
        void *more = realloc(single->claims, cap * sizeof(*single->claims));
        if (more == NULL) {
            return -ENOMEM;
        }
        single->claims = more;
        single->cap = cap;
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        single->claims[single->count++] =
            (struct mention){.id = ids->ids[i], .queue = queue, .slot = slot};
    }
    return 0;
}

/* Before anybody can have either of the two. */
static int settle_moves(const struct single *single, struct pirn__queue *queue,
                        uint32_t slot)
{
    struct pirn__move_recover moves = {0};
    int r = pirn__log_wait_whole(single->spool->log);

    if (r < 0) {
        return r;
    }
    pirn__prep_move_recover(&moves, single->spool, queue, slot);
    return wait_for(single, &moves.op);
}

static int list_claims(struct single *single, struct pirn__queue *queue,
                       uint32_t slot)
{
    struct pirn__id_scan scan = {0};

    pirn__name_checkout_dir(&scan.scan.path, queue->name, slot);
    int r = list(single, &scan);
    if (r == 0 && scan.moving > 0 && single->spool->log != NULL) {
        r = settle_moves(single, queue, slot);
        r = r == 0 ? list(single, &scan) : r;
    }
    r = r == 0 ? add_claims(single, &scan.ids, queue, slot) : r;
    list_end(&scan);
    return r;
}

static int list_all_claims(struct single *single)
{
    const struct pirn_spool *spool = single->spool;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < single->slots.count; i++) {
        for (uint32_t q = 0; r == 0 && q < spool->queue_count; q++) {
            r = list_claims(single, spool->queues[q], single->slots.slots[i]);
        }
    }
    if (single->count > 0) {
        qsort(single->claims, single->count, sizeof(*single->claims), compare);
    }
    return r;
}

static int is_there(const struct single *single, const struct pirn__name *name)
{
    struct statx statx;
    struct pirn_op op = {0};

    pirn_prep_stat(&op, single->spool->root_fd, name->text, AT_SYMLINK_NOFOLLOW,
                   STATX_TYPE, &statx);
    int r = wait_for(single, &op);
    return r == 0 ? 1 : pirn__is_none(r) ? 0 : r;
}

/* Into @single->names: where it is ready, then who has it claimed, by slot.
 * How many there are, or an errno. */
static int find_names(struct single *single, const struct pirn_id *id)
{
    const struct pirn_spool *spool = single->spool;
    struct pirn__name name;
    int count = 0;

    for (uint32_t q = 0; q < spool->queue_count; q++) {
        struct pirn__queue *queue = spool->queues[q];
        struct pirn__site site;
        uint32_t at = 0;
        while (pirn__site_next(queue, &single->buckets[q], &at, &site)) {
            pirn__site_path(&site, id, &name);
            int r = is_there(single, &name);
            if (r < 0) {
                return r;
            }
            if (r > 0 && (uint32_t)count < single->most) {
                single->names[count++] = (struct mention){
                    .id = *id, .queue = queue, .slot = NOBODY, .site = site};
            }
        }
    }
    for (uint32_t i = 0; i < single->count; i++) {
        if (memcmp(&single->claims[i].id, id, sizeof(*id)) == 0 &&
            (uint32_t)count < single->most) {
            single->names[count++] = single->claims[i];
        }
    }
    return count;
}

static int list_buckets(struct single *single)
{
    const struct pirn_spool *spool = single->spool;
    int r = 0;

    for (uint32_t q = 0; r == 0 && q < spool->queue_count; q++) {
        if (spool->queues[q]->has_due) {
            pirn__prep_bucket_scan(&single->buckets[q], spool,
                                   spool->queues[q]);
            r = wait_for(single, &single->buckets[q].scan.op);
            r = pirn__is_none(r) ? 0 : r;
        }
    }
    return r;
}

/* ---- what goes ---- */

/* Believed as it is: the unlink behind it is what a failed journal refuses
 * (pirn_prep_confirm()). */
static int sync_dir(const struct single *single, const struct pirn__name *name)
{
    struct pirn_op op = {0};

    pirn__prep_open(&op, single->spool->root_fd, name->text,
                    O_RDONLY | O_DIRECTORY);
    int fd = wait_for(single, &op);
    if (fd < 0) {
        return pirn__is_none(fd) ? 0 : fd;
    }
    pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
    int r = wait_for(single, &op);
    pirn_prep_close(&op, fd);
    (void)wait_for(single, &op);
    return r;
}

/* An item that stays has another name: this one goes, and first all that it
 * may have left. */
static int drop_draft(const struct single *single, uint32_t slot,
                      const struct pirn_id *id)
{
    const struct pirn_spool *spool = single->spool;
    struct pirn__name name;
    struct pirn_op op = {0};
    int r = 0;

    for (uint32_t q = 0; r == 0 && q < spool->queue_count; q++) {
        struct pirn__queue *queue = spool->queues[q];
        struct pirn__site site;
        uint32_t at = 0;
        pirn__name_checkout_dir(&name, queue->name, slot);
        r = sync_dir(single, &name);
        while (r == 0 &&
               pirn__site_next(queue, &single->buckets[q], &at, &site)) {
            pirn__site_dir(&site, id, &name);
            r = sync_dir(single, &name);
        }
    }
    if (r < 0) {
        return r;
    }
    pirn__name_draft(&name, slot, id);
    pirn_prep_unlink(&op, spool->root_fd, name.text, 0);
    return wait_for(single, &op);
}

static void name_of(const struct mention *mention, struct pirn__name *name)
{
    if (mention->slot == NOBODY) {
        pirn__site_path(&mention->site, &mention->id, name);
    } else {
        pirn__name_claimed(name, mention->queue->name, mention->slot,
                           &mention->id);
    }
}

static int drop_name(const struct single *single, const struct mention *mention)
{
    const struct pirn_spool *spool = single->spool;
    uint32_t slot = mention->slot == NOBODY ? spool->slot : mention->slot;
    struct pirn__name from;
    struct pirn__name to;
    struct pirn_op op = {0};

    name_of(mention, &from);
    pirn__name_draft(&to, slot, &mention->id);
    pirn_prep_rename(&op, spool->root_fd, from.text, spool->root_fd, to.text,
                     RENAME_NOREPLACE);
    int r = wait_for(single, &op);
    return r == 0 ? drop_draft(single, slot, &mention->id) : r;
}

/* ---- drafts, then claims ---- */

static int check_drafts(struct single *single, uint32_t slot)
{
    struct pirn__id_scan scan = {0};

    pirn__name_tmp_dir(&scan.scan.path, slot);
    int r = list(single, &scan);
    for (uint32_t i = 0; r == 0 && i < scan.ids.count; i++) {
        r = find_names(single, &scan.ids.ids[i]);
        r = r > 0 ? drop_draft(single, slot, &scan.ids.ids[i]) : r;
    }
    list_end(&scan);
    return r;
}

/* Its version; 0: nobody can read it. */
static int read_version(const struct single *single,
                        const struct mention *mention, uint32_t *ret_version)
{
    struct pirn__meta_read read = {0};

    name_of(mention, &read.path);
    pirn__prep_meta_read(&read, single->spool, &mention->id);
    int r = wait_for(single, &read.op);
    *ret_version = r == 0 ? read.item.version : 0;
    free(read.memory);
    return r == -EBADMSG || r == -EPROTO ? 0 : r;
}

/* One of @single->names stays. */
static int choose(struct single *single, uint32_t count)
{
    uint32_t stays = 0;
    uint32_t highest = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t version;
        int r = read_version(single, &single->names[i], &version);
        if (r < 0) {
            return r;
        }
        if (version > highest) {
            highest = version;
            stays = i;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        int r = i == stays ? 0 : drop_name(single, &single->names[i]);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int check_claims(struct single *single)
{
    for (uint32_t i = 0; i < single->count; i++) {
        const struct pirn_id *id = &single->claims[i].id;
        if (i > 0 && memcmp(id, &single->claims[i - 1].id, sizeof(*id)) == 0) {
            continue;
        }
        int count = find_names(single, id);
        int r = count > 1 ? choose(single, (uint32_t)count) : count;
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int check_all(struct single *single)
{
    int r = list_all_claims(single);

    if (r < 0) {
        return r;
    }
    single->most = single->count + single->spool->queue_count + NAMES_MORE;
    single->names = malloc(single->most * sizeof(*single->names));
    if (single->names == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; r == 0 && i < single->slots.count; i++) {
        r = check_drafts(single, single->slots.slots[i]);
    }
    return r == 0 ? check_claims(single) : r;
}

int pirn__make_single(struct pirn_spool *spool)
{
    struct single single = {.spool = spool};

    pirn_assert(spool->slot < PIRN__SLOTS);
    pirn__prep_slots(&single.slots, spool->root_fd);
    int r = wait_for(&single, &single.slots.scan.op);
    single.buckets = calloc(spool->queue_count + 1, sizeof(*single.buckets));
    r = single.buckets == NULL ? -ENOMEM : r;
    r = r == 0 ? list_buckets(&single) : r;
    r = r == 0 ? check_all(&single) : r;
    for (uint32_t q = 0; single.buckets != NULL && q < spool->queue_count;
         q++) {
        pirn__bucket_scan_deinit(&single.buckets[q]);
    }
    free(single.buckets);
    free(single.claims);
    free(single.names);
    return r;
}
