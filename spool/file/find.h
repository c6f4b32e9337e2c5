/* SPDX-License-Identifier: MIT */
/*
 * spool/file/find.h - where an item's metadata stand
 */
#ifndef SPOOL_FILE_FIND_H
#define SPOOL_FILE_FIND_H

#include <sys/stat.h>

#include "spool/file/site.h"
#include "spool/queue.h"
#include "spool/scan.h"
#include "spool/spool.h"

/* The columns of the state table. */
enum pirn__find_place {
    PIRN__PLACE_READY = 0, /* nobody has it: QUEUE/XY/ID, or another site */
    PIRN__PLACE_CLAIMED,   /* QUEUE/.checkout/SLOT/ID */
    PIRN__PLACE_MOVING,    /* QUEUE/.checkout/SLOT/ID.in or ID.out */
    PIRN__PLACE_DRAFT,     /* .tmp/SLOT/ID: being made or removed */
};

/* The slots that have ever been used; those of dead owners too. */
struct pirn__slots {
    struct pirn__scan scan;
    uint32_t count;
    uint16_t slots[PIRN__SLOTS];
};

/** pirn__prep_slots() - list .tmp: start &slots->scan.op; result 0 or errno */
void pirn__prep_slots(struct pirn__slots *slots, int root_fd);

/* Start &it->op. */
struct pirn__find {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn_id id;
    bool drafts;     /* whether what is no item's name counts, too */
    uint32_t rounds; /* at most; preparing sets 4 */

    /* What was found. */
    enum pirn__find_place place;
    struct pirn__queue *queue; /* NULL of a draft */
    struct pirn__site site;    /* of a ready one */
    uint32_t slot;             /* of a claim or a draft */
    struct pirn__name path;
    struct statx statx; /* of the name: its ctime is since when it is there */

    struct pirn_op step;
    struct pirn__slots slots;
    struct pirn__refresh refresh;
    uint32_t round;
    struct pirn__bucket_scan buckets; /* of the queue */
    uint32_t site_at;
    uint32_t queue_at;
    uint32_t slot_at;
    uint32_t form_at; /* of a claim: as such, or in the midst of a move */
};

/**
 * pirn__prep_find() - look at all places where an item can be
 * @drafts: and at those where it is not one: .tmp/SLOT, ID.in, ID.out
 *
 * An item moves while we look. As long as its body is there it is looked for
 * again, a few times: what is nowhere although its body stays is being made or
 * removed.
 *
 * Result: 0, or -ENOENT, or another errno.
 */
void pirn__prep_find(struct pirn__find *find, struct pirn_spool *spool,
                     const struct pirn_id *id, bool drafts);

#endif /* SPOOL_FILE_FIND_H */
