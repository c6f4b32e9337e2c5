/* SPDX-License-Identifier: MIT */
/*
 * spool/check/check.h - one check, as the files of this folder share it
 *
 *   walk ----> doubt ----+
 *     |                  +--> found --> mend --> handed over
 *     +------> look -----+
 *
 * One thing at a time, but for looks. Whoever has found something pushes it and
 * says where to go on when it has been handed over.
 */
#ifndef SPOOL_CHECK_CHECK_H
#define SPOOL_CHECK_CHECK_H

#include <sys/stat.h>

#include <pirn/check.h>

#include "spool/check/doubt.h"
#include "spool/check/look.h"
#include "spool/check/mend.h"
#include "spool/check/pace.h"
#include "spool/check/room.h"
#include "spool/check/segment_look.h"
#include "spool/check/spot.h"
#include "spool/owner.h"
#include "spool/queue.h"
#include "spool/scan.h"

enum { PIRN__CHECK_FOUND = 64 }; /* that wait to be handed over */

struct pirn_check_work {
    struct pirn_check *check;
    struct pirn_spool *spool;
    const struct pirn_check_config *config;
    uint64_t grace_ns;
    int32_t error; /* the first of what could not be looked at */
    uint64_t unseen;
    struct pirn__pace pace;
    struct pirn_op pace_step; /* a glance at who else works */
    struct statx pace_statx;
    struct pirn__name pace_path;
    uint64_t left_ns; /* when it last had no next to go on with */

    struct pirn_finding found[PIRN__CHECK_FOUND];
    uint32_t found_count;
    uint32_t found_at;
    pirn__check_fn *go_on;
    struct pirn__mend mend;

    /* The walk. */
    struct pirn__sweep_wait sweep;
    struct pirn__refresh refresh;
    struct pirn__scan scan;
    struct pirn__room room;
    enum pirn__room_kind kind;
    uint32_t room_at; /* next one of its kind */
    uint32_t queue_count;
    bool has_links; /* behind one may be what a body belongs to */
    uint64_t homes[PIRN__SLOTS / 64]; /* slots that have a .tmp/SLOT */
    uint64_t slots[PIRN__SLOTS / 64]; /* or a .checkout/SLOT */
    struct pirn__odd *odds;
    uint32_t odd_count;
    uint32_t odd_cap;
    uint32_t odd_at;
    struct pirn__ids misplaced;
    struct pirn__ids moving;         /* between the layouts */
    struct pirn__ids aliases;        /* of items that came to the log; sorted */
    struct pirn__ids stale;          /* of these: once seen leading nowhere */
    struct pirn__bucket_at *buckets; /* @bucket_count of @bucket_cap */
    uint32_t bucket_count;
    uint32_t bucket_cap;
    uint64_t buckets_ns;      /* when the last of them was met */
    struct pirn__spots loose; /* claims, and what stands in no shard */
    struct pirn__ids bodies;  /* of a shard */
    struct pirn__spots names; /* of a shard */
    uint32_t at;              /* of those, and of what comes behind */
    struct pirn__doubt doubt;

    struct pirn__look looks[PIRN__CHECK_LOOKS];
    uint32_t look_count; /* so many at most */
    uint32_t looking;
    struct pirn__segment_look segment;
    uint8_t segment_head[PIRN__BATCH_UNIT]; /* as it was read */
    struct pirn_listed *page;               /* of the log's items */
    uint32_t page_count;
    uint32_t slot_at;
};

/** pirn__check_find() - one more finding, zeroed but for these */
struct pirn_finding *pirn__check_find(struct pirn_check_work *work,
                                      enum pirn_fault fault,
                                      const struct pirn_id *id,
                                      const char *queue, const char *path);

/** pirn__check_hand_over() - what was found, if anything; then @go_on */
void pirn__check_hand_over(struct pirn_check_work *work, pirn__check_fn *go_on);

/** pirn__check_rest() - hand over, and go on; later, where somebody else works
 * here: he has nine tenths of what there is (pace.h) */
void pirn__check_rest(struct pirn_check_work *work, pirn__check_fn *go_on);

/**
 * pirn__check_wait() - for the grace time or what is left of it; then @fn, with
 * -ECANCELED when the check was asked to end, before this or meanwhile
 */
void pirn__check_wait(struct pirn_check_work *work, uint64_t wait_ns,
                      pirn_op_fn *fn);

/** pirn__check_finish() - of the walk: 0, or what it could not go on with */
void pirn__check_finish(struct pirn_check_work *work, int32_t result);

/** pirn__check_note() - something could not be looked at */
void pirn__check_note(struct pirn_check_work *work, int32_t error);

/** pirn__check_limit() - how old an item of a queue may be; 0: as it likes */
uint64_t pirn__check_limit(const struct pirn_check_work *work,
                           const char *queue);

/** pirn__check_item_age() - by its id; 0: it is of the future */
uint64_t pirn__check_item_age(const struct pirn_check_work *work,
                              const struct pirn_id *id);

#endif /* SPOOL_CHECK_CHECK_H */
