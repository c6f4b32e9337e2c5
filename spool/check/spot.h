/* SPDX-License-Identifier: MIT */
/*
 * spool/check/spot.h - where an item's metadata stand, and whether they may
 */
#ifndef SPOOL_CHECK_SPOT_H
#define SPOOL_CHECK_SPOT_H

#include "spool/names.h"
#include "spool/spool.h"

struct pirn_check_work;

/* Where an item's metadata stand. */
enum pirn__spot_kind {
    PIRN__SPOT_SHARD = 0,
    PIRN__SPOT_SHELF,  /* @at: which */
    PIRN__SPOT_BUCKET, /* which of work->buckets */
    PIRN__SPOT_CLAIM,  /* whose: a slot */
};

struct pirn__spot {
    struct pirn_id id; /* first: sorted as ids are */
    uint16_t queue;    /* of the spool's */
    uint16_t kind;     /* enum pirn__spot_kind */
    uint32_t at;
};

/* A bucket that a walk has met. */
struct pirn__bucket_at {
    struct pirn__bucket bucket;
    uint16_t queue;
};

struct pirn__spots {
    struct pirn__spot *spots; /* @count of @cap, malloc'd */
    uint32_t count;
    uint32_t cap;
};

/** pirn__spots_push() - one more. Return: 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__spots_push(struct pirn__spots *spots,
                                     const struct pirn__spot *spot);

/** pirn__buckets_push() - one more. Return: 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__buckets_push(struct pirn_check_work *work,
                                       uint16_t queue,
                                       const struct pirn__bucket *bucket);

/** pirn__bucket_is_long_due() - for so long that somebody should have looked */
bool pirn__bucket_is_long_due(const struct pirn_check_work *work,
                              const struct pirn__bucket *bucket);

/** pirn__spot_path() - where it stands */
void pirn__spot_path(const struct pirn_check_work *work,
                     const struct pirn__spot *spot,
                     struct pirn__name *ret_path);

/**
 * pirn__spot_suits() - whether an item may stand there, by its metadata
 * @item: as they were read there
 *
 * A claim suits all.
 */
bool pirn__spot_suits(const struct pirn_check_work *work,
                      const struct pirn__spot *spot,
                      const struct pirn_item *item);

#endif /* SPOOL_CHECK_SPOT_H */
