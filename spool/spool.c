/* SPDX-License-Identifier: MIT */
/*
 * spool.c - open and close
 *
 *   directory -> superblock (made if asked) -> a slot of our own -> queues
 *     -> the first one: the spool's name is durable, one name per item
 *     -> what the slot's last owner left -> what other dead owners left
 *
 * Whoever opens first, after everybody has died, makes sure that every item has
 * one name, and lets others in then: afterwards names are sure to be moved only
 * by who has the item. And he syncs the names that lead to the spool: who made
 * it may have failed there, or died, and its superblock was to be seen before.
 *
 * Nothing is handed out and nothing made before the slot's lock is ours and the
 * directories of the slot are durable.
 */
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/standard.h>

#include "runtime/plant.h"
#include "spool/event.h"
#include "spool/file/claim.h"
#include "spool/file/single.h"
#include "spool/layout.h"
#include "spool/log/bell.h"
#include "spool/log/log.h"
#include "spool/make.h"
#include "spool/opens.h"
#include "spool/owner.h"
#include "spool/queue.h"
#include "spool/superblock.h"
#include "spool/text_file.h"

/* So many items go to one shard before the next: their directory syncs meet. */
enum { WRITER_STAYS = 256, RECOVER_TRIES = 3 };

static int32_t wait_for(struct pirn_spool *spool, struct pirn_op *op)
{
    return pirn_wait(spool->context, op);
}

void pirn__spool_leave_shard(struct pirn_spool *spool)
{
    pirn_assert(spool->writer_shard < PIRN__SHARDS);
    spool->writer_shard = (spool->writer_shard + 1) % PIRN__SHARDS;
    spool->writer_count = 0;
}

void pirn__spool_new_id(struct pirn_spool *spool, struct pirn_id *ret_id)
{
    pirn_assert(spool->random_at % 8 == 0);
    pirn_assert(spool->writer_count <= WRITER_STAYS);
    if (spool->writer_count++ == WRITER_STAYS) {
        pirn__spool_leave_shard(spool);
    }
    if (spool->random_at == 0) {
        pirn_context_random(spool->context, spool->random,
                            sizeof(spool->random));
        spool->random_at = sizeof(spool->random);
    }
    spool->random_at -= 8;
    pirn__id_next(&spool->ids, pirn_context_realtime_ns(spool->context),
                  spool->random + spool->random_at, spool->writer_shard,
                  ret_id);
}

static int open_root(struct pirn_spool *spool,
                     const struct pirn_spool_config *config)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, AT_FDCWD, config->path, O_RDONLY | O_DIRECTORY, 0);
    int fd = wait_for(spool, &op);
    if (fd == -ENOENT && config->create) {
        pirn_prep_mkdir(&op, AT_FDCWD, config->path, PIRN__DIR_MODE);
        int r = wait_for(spool, &op);
        if (r < 0 && r != -EEXIST) {
            return r;
        }
        pirn_prep_open(&op, AT_FDCWD, config->path, O_RDONLY | O_DIRECTORY, 0);
        fd = wait_for(spool, &op);
    }
    spool->root_fd = fd;
    return fd < 0 ? fd : 0;
}

/* -ENOENT: there is none. */
static int read_superblock(struct pirn_spool *spool)
{
    char text[PIRN__TEXT_FILE_MAX];
    int r = pirn__text_file_read(spool->context, spool->root_fd,
                                 PIRN__NAME_SUPERBLOCK, text);

    r = r < 0 ? r : pirn__superblock_decode(text, (size_t)r);
    return r == -EBADMSG ? -EMEDIUMTYPE : r;
}

static int open_format(struct pirn_spool *spool,
                       const struct pirn_spool_config *config)
{
    bool create = config->create;
    int r = read_superblock(spool);

    if (r == -ENOENT && create) {
        int made = pirn__make_spool(spool, config);
        r = read_superblock(spool); /* perhaps somebody else's, just made */
        r = r == -ENOENT && made < 0 ? made : r;
    }
    return r == -ENOENT && !create ? -EMEDIUMTYPE : r;
}

static int open_owners(struct pirn_spool *spool, bool *ret_alone)
{
    int fd = pirn__open_file(spool->context, spool->root_fd, PIRN__NAME_OWNERS,
                             O_RDWR);
    spool->owners_fd = fd;
    if (fd < 0) {
        return fd == -ENOENT || fd == -EBADMSG ? -EMEDIUMTYPE : fd;
    }
    return pirn__owner_take_slot(spool, ret_alone);
}

/* What the last owner of our slot left; later, what we leave. */
static void recover_own(struct pirn_spool *spool)
{
    struct pirn__recover *recover = &spool->sweep->recover;
    int32_t r = -EAGAIN;

    pirn_assert(!spool->sweeping);
    /* Nobody tries again while we live: so what fails for once must not decide.
     * An item that cannot be put right stays ours until we close; it must not
     * keep everybody out of all the others. */
    for (int tries = 0; r < 0 && tries < RECOVER_TRIES; tries++) {
        pirn__prep_recover(recover, spool, spool->slot);
        r = wait_for(spool, &recover->op);
    }
    spool->is_settled = !recover->is_unsettled;
}

static void unreserve_own(struct pirn_spool *spool)
{
    struct pirn__unreserve *unreserve = &spool->sweep->unreserve;

    pirn_assert(!spool->sweeping);
    if (!spool->is_settled) {
        return; /* an item may be there that nobody sees */
    }
    pirn__prep_unreserve(unreserve, spool, spool->slot);
    (void)wait_for(spool, &unreserve->op);
}

static int meet_queues(struct pirn_spool *spool)
{
    struct pirn__refresh refresh = {0};

    pirn__prep_refresh(&refresh, spool);
    return wait_for(spool, &refresh.op);
}

int pirn_spool_create_queue(struct pirn_spool *spool, const char *queue)
{
    if (!pirn_queue_name_is_valid(queue)) {
        return -EINVAL;
    }
    int r = pirn__make_queue(spool, queue);
    return r == 0 ? meet_queues(spool) : r;
}

static bool has_number(const struct pirn_spool *spool, const char *queue)
{
    return spool->log != NULL &&
           pirn__index_queue_find(&spool->log->index, queue) >= 0;
}

/* The number first: a queue whose directory is there without one has the file
 * layout. */
int pirn_spool_create_queue_as(struct pirn_spool *spool, const char *queue,
                               enum pirn_layout layout)
{
    int r = pirn_queue_name_is_valid(queue) ? 0 : -EINVAL;

    if (r < 0) {
        return r;
    }
    if (!has_number(spool, queue)) {
        r = meet_queues(spool);
        bool is_file = pirn__queue_find(spool, queue) != NULL;
        if (r == 0 && layout == PIRN_LAYOUT_LOG) {
            r = spool->log == NULL ? -EOPNOTSUPP
                : is_file          ? -EEXIST
                                   : pirn__log_make_queue(spool->log, queue);
        }
    } else if (layout != PIRN_LAYOUT_LOG) {
        r = -EEXIST;
    }
    return r == 0 ? pirn_spool_create_queue(spool, queue) : r;
}

/* The log has items which are read yet. */
static bool is_unknown(const struct pirn_spool *spool)
{
    return spool->log != NULL && spool->log->rebuild != NULL;
}

/* The log, queues, and where we are alone, the spool's name and each item's one
 * name. */
static int look_around(struct pirn_spool *spool, bool alone,
                       const char *index_dir)
{
    int r = pirn__log_open(spool, alone, index_dir, &spool->log);

    pirn__event_open(spool);
    r = r == 0 ? meet_queues(spool) : r;

    if (r == 0 && alone) {
        r = pirn__planted("name-not-synced") ? 0 : pirn__make_durable(spool);
        r = r == 0 ? pirn__make_single(spool) : r;
        spool->settle.is_pending = r == 0 && is_unknown(spool);
        r = r < 0 || spool->settle.is_pending ? r
                                              : pirn__owner_open_gate(spool);
    }
    return r;
}

static void sweep_others(struct pirn_spool *spool)
{
    struct pirn__sweep_wait sweep = {0};

    pirn__prep_sweep(&sweep, spool);
    (void)wait_for(spool, &sweep.waiter.op);
}

static void close_fd(struct pirn_spool *spool, int fd)
{
    struct pirn_op op = {0};

    if (fd >= 0) {
        pirn_prep_close(&op, fd);
        (void)wait_for(spool, &op);
    }
}

static void destroy(struct pirn_spool *spool)
{
    if (spool->log != NULL) {
        pirn__log_close(spool->log);
    }
    pirn__queues_deinit(spool);
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        pirn__sync_deinit(&spool->bodies[shard]);
    }
    pirn__sync_deinit(&spool->drafts);
    pirn__bundle_deinit(&spool->renames);
    pirn__bundle_deinit(&spool->unlinks);
    close_fd(spool, spool->owners_fd); /* the slot is free from here on */
    close_fd(spool, spool->root_fd);
    free(spool->sweep);
    free(spool);
}

static struct pirn_spool *create(struct pirn_context *context)
{
    struct pirn_spool *spool = calloc(1, sizeof(*spool));
    struct pirn__sweep *sweep = calloc(1, sizeof(*sweep));

    if (spool == NULL || sweep == NULL) {
        free(spool);
        free(sweep);
        return NULL;
    }
    spool->context = context;
    spool->sweep = sweep;
    spool->root_fd = -1;
    spool->owners_fd = -1;
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        spool->bodies[shard].fd = -1;
    }
    spool->drafts.fd = -1;
    pirn__bundle_init(&spool->renames, context);
    pirn__bundle_init(&spool->unlinks, context);
    pirn__event_open(spool);
    return spool;
}

static void init_bodies(struct pirn_spool *spool)
{
    spool->writer_shard = spool->slot * 23 % PIRN__SHARDS;
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        pirn__name_shard_dir(&spool->bodies[shard].path, PIRN__NAME_DATA,
                             shard);
        pirn__sync_init(&spool->bodies[shard], spool->context, spool->root_fd);
    }
    pirn__name_tmp_dir(&spool->drafts.path, spool->slot);
    pirn__sync_init(&spool->drafts, spool->context, spool->root_fd);
}

int pirn_spool_open(struct pirn_context *context,
                    const struct pirn_spool_config *config,
                    struct pirn_spool **ret_spool)
{
    pirn_assert(config->path != NULL);
    if (!pirn_standard_are_open()) {
        return -EBADF; /* some printf() would write to one of our files */
    }
    if (config->without_log && config->layout == PIRN_LAYOUT_LOG) {
        return -EINVAL;
    }

    struct pirn_spool *spool = create(context);
    if (spool == NULL) {
        return -ENOMEM;
    }
    bool alone = false;
    spool->is_early = config->early;
    int r = open_root(spool, config);
    r = r == 0 ? open_format(spool, config) : r;
    r = r == 0 ? open_owners(spool, &alone) : r;
    r = r == 0 ? look_around(spool, alone, config->index_dir) : r;
    if (r < 0) {
        destroy(spool);
        return r;
    }
    init_bodies(spool);
    spool->admit.admission.keep_bytes = config->keep_bytes;
    r = pirn__lease_open(spool, config->lease_ns);
    if (r < 0) {
        destroy(spool);
        return r;
    }
    pirn__removals_open(spool);
    recover_own(spool);
    if (spool->log != NULL) {
        pirn__log_rescue_own(spool->log);
    }
    if (!spool->settle.is_pending) {
        unreserve_own(spool);
        sweep_others(spool);
    } else if (pirn__settle_start(spool) < 0) {
        destroy(spool);
        return -ENOMEM;
    }
    *ret_spool = spool;
    return 0;
}

struct pirn_spool *pirn_spool_close(struct pirn_spool *spool)
{
    if (spool != NULL) {
        pirn__settle_wait(spool);
        pirn_assert_rule(spool->open_count == 0,
                         "drafts, views, listings, events and names are ended");
        pirn__naps_deinit(spool);
        pirn__lease_close(spool);
        if (spool->log != NULL) {
            pirn__bell_rest(spool->log);
        }
        pirn__claims_deinit(spool);
        pirn__removals_close(spool);
        recover_own(spool);
        destroy(spool);
    }
    return NULL;
}
