/* SPDX-License-Identifier: MIT */
/*
 * spool/file/site.h - where an item stands that nobody has
 *
 *   QUEUE/XY               ready
 *   QUEUE/.priority+N      ready, and higher or lower than those
 *   QUEUE/.held            held
 *   QUEUE/.due/SECONDS     delayed, and ready at that time; SECONDS+N likewise
 *
 * An item's metadata and the time of day say which of them it is. The shards
 * are there as long as their queue; all others are made when they are first
 * needed, and a bucket goes when its time has come.
 */
#ifndef SPOOL_FILE_SITE_H
#define SPOOL_FILE_SITE_H

#include <sys/stat.h>

#include <pirn/chain.h>

#include "spool/dir_sync.h"
#include "spool/scan.h"
#include "spool/spool.h"

enum pirn__site_kind {
    PIRN__SITE_SHARD = 0,
    PIRN__SITE_SHELF,
    PIRN__SITE_BUCKET,
};

struct pirn__site {
    struct pirn__queue *queue;
    enum pirn__site_kind kind;
    uint32_t shelf;             /* of SHELF */
    struct pirn__bucket bucket; /* of BUCKET */
};

/** pirn__site_of() - where an item belongs. @item->state: whether it is held */
struct pirn__site pirn__site_of(struct pirn__queue *queue,
                                const struct pirn_item *item, uint64_t now_ns);

/** pirn__site_was() - where it has been, if it was claimed when it was ready,
 * or held */
struct pirn__site pirn__site_was(struct pirn__queue *queue,
                                 const struct pirn_item *item);

/** pirn__site_priority() - the nearest that there is: -8 .. 7 */
int8_t pirn__site_priority(int8_t priority);

/** pirn__bucket_is_due() - what is in it is ready */
bool pirn__bucket_is_due(const struct pirn__bucket *bucket, uint64_t now_ns);

/** pirn__site_dir() - the directory of an item's site */
void pirn__site_dir(const struct pirn__site *site, const struct pirn_id *id,
                    struct pirn__name *name);
void pirn__site_path(const struct pirn__site *site, const struct pirn_id *id,
                     struct pirn__name *name);

/** pirn__site_state() - what an item is that stands there */
enum pirn_item_state pirn__site_state(const struct pirn__site *site);

/**
 * pirn__site_sync() - what makes durable that an item has left
 *
 * Its directory; of a bucket the one it went into: who takes an item from a
 * bucket has synced that before.
 */
struct pirn__sync *pirn__site_sync(const struct pirn__site *site,
                                   const struct pirn_id *id);

/** pirn__site_filled() - we have put something there: who claims has it */
void pirn__site_filled(struct pirn_spool *spool, const struct pirn__site *site);

/* The site's directory is there, and its name durable. Start &it->op. */
struct pirn__site_make {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__site site;
    int fd; /* of a bucket's directory, to be closed; else -1 */
    int32_t result;
    uint32_t tries;
    struct pirn_op step;
    struct pirn__sync_wait sync;
    struct pirn__name path;
};

/**
 * pirn__prep_site_make() - before anything is renamed to there
 *
 * A bucket's directory is opened before its name is synced, and what is renamed
 * goes through its descriptor: a directory that was removed takes nothing in,
 * so one that does was never removed, and its name is durable.
 *
 * Result: 0 or an errno.
 */
void pirn__prep_site_make(struct pirn__site_make *make,
                          struct pirn_spool *spool,
                          const struct pirn__site *site);

/** pirn__site_prep_rename() - to the site that was made: into @op; @path and
 * @text stay until it ends */
void pirn__site_prep_rename(const struct pirn__site_make *make,
                            struct pirn_op *op, const struct pirn__name *from,
                            const struct pirn_id *id, struct pirn__name *path);

/** pirn__site_prep_close() - into @op; result 0 */
void pirn__site_prep_close(struct pirn__site_make *make, struct pirn_op *op);

/* The buckets of a queue: start &it->scan.op; sorted by their time at the end.
 * Zeroed memory is none. */
struct pirn__bucket_scan {
    struct pirn__scan scan;
    struct pirn__bucket *buckets; /* @count of @cap, malloc'd */
    uint32_t count;
    uint32_t cap;
};

/** pirn__prep_bucket_scan() - result 0; -ENOENT there are none; or an errno */
void pirn__prep_bucket_scan(struct pirn__bucket_scan *scan,
                            const struct pirn_spool *spool,
                            const struct pirn__queue *queue);
void pirn__bucket_scan_sort(struct pirn__bucket_scan *scan);
void pirn__bucket_scan_deinit(struct pirn__bucket_scan *scan);

/**
 * pirn__site_next() - walk all sites of a queue
 * @buckets: of that queue
 * @at:      in and out; 0 at the start: the shards are the first, and one
 *
 * Return: whether there was one more
 */
bool pirn__site_next(struct pirn__queue *queue,
                     const struct pirn__bucket_scan *buckets, uint32_t *at,
                     struct pirn__site *ret_site);

/* Start &it->op. */
struct pirn__bucket_sync {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__name path; /* set before */
    struct pirn__dir_sync dir;
};

/**
 * pirn__prep_bucket_sync() - of a bucket
 *
 * Result: 0; -ENOENT it is gone; or an errno: then of each that is asked for
 * later, too, as long as the spool is open.
 */
void pirn__prep_bucket_sync(struct pirn__bucket_sync *sync,
                            struct pirn_spool *spool);

#endif /* SPOOL_FILE_SITE_H */
