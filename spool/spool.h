/* SPDX-License-Identifier: MIT */
/*
 * spool/spool.h - an open spool, as the files of this folder share it
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <pirn/context.h>
#include <pirn/spool.h>

#include "spool/admit.h"
#include "spool/bundle.h"
#include "spool/file/nap.h"
#include "spool/file/removals.h"
#include "spool/file/supply.h"
#include "spool/file/survey.h"
#include "spool/group_sync.h"
#include "spool/id.h"
#include "spool/lease.h"
#include "spool/names.h"
#include "spool/settle.h"
#include "spool/waiters.h"

enum {
    PIRN__FILE_MODE = 0660, /* less the umask */
    PIRN__DIR_MODE = 0770,
};

struct pirn__layout;

/* A directory of a queue that is made when it is needed. */
struct pirn__shelf {
    struct pirn__sync sync;
    struct pirn__supply supply; /* not of what is held */
    bool is_there;
    bool is_durable; /* its name */
};

/* A queue whose directories are there, also the one for what we claim. */
struct pirn__queue {
    struct pirn__queue *next; /* while it is not in the table */
    char name[PIRN_QUEUE_TEXT];
    const struct pirn__layout *layout;
    uint16_t number;                       /* of a queue of the log */
    struct pirn__sync ready[PIRN__SHARDS]; /* QUEUE/XY */
    struct pirn__sync checkout;            /* QUEUE/.checkout/SLOT */
    struct pirn__supply supply;            /* ids that may be ready */
    struct pirn__shelf shelves[PIRN__SHELVES];
    struct pirn__sync self; /* QUEUE */
    struct pirn__sync due;  /* QUEUE/.due */
    bool has_due;
    bool due_is_durable; /* its name */
    bool is_lost;        /* a link, or no directory, stood there last */
    struct pirn__survey survey;
    uint64_t readied; /* items, by this open */
    uint64_t nap_round;
};

struct pirn__log;

struct pirn_spool {
    struct pirn_context *context;
    struct pirn__log *log; /* NULL: it has none */
    int root_fd;
    int owners_fd;
    uint32_t slot; /* ours: we hold the lock on this byte of the owners file */

    /* Never shrinks while the spool is open: pointers to queues stay. */
    struct pirn__queue **queues;
    uint32_t queue_count;

    struct pirn__sync bodies[PIRN__SHARDS]; /* .data/XY */
    struct pirn__sync drafts;               /* .tmp/SLOT */
    int32_t bucket_error;                   /* of a bucket's fsync: final */

    /* Where the next items go, and their names. */
    struct pirn__id_source ids;
    uint32_t writer_shard;
    uint32_t writer_count;
    uint32_t random_at;
    uint8_t random[512];

    /* The look for dead owners: one at a time. */
    struct pirn__sweep *sweep; /* malloc'd with the spool */
    struct pirn__waiters sweep_waiters;
    uint64_t swept_ns;
    bool sweeping;
    bool is_settled; /* no move that our slot's owner has not ended is left */
    uint32_t living; /* other owners, at the last look */
    uint64_t living_slots[PIRN__SLOTS / 64]; /* a bit each */
    struct pirn__lease lease;
    struct pirn__admit admit;

    bool is_early; /* what is asked of the log, should it be made anew */
    struct pirn__settle settle;

    /* Claims that nobody has ended yet, and how much else is open. */
    struct pirn_claim_work *claims;
    struct pirn__latch *latches; /* names of theirs that somebody works on */
    uint32_t open_count;
    struct pirn__bundle renames;    /* of claims and removals */
    struct pirn__bundle unlinks;    /* behind these */
    struct pirn__naps naps;         /* claims that wait for a file */
    struct pirn__removals removals; /* told, and whose files are there */
    const uint64_t *heard;          /* not 0: somebody listens to events */
};

/** pirn__spool_new_id() - an id in the shard which the writer is on now */
void pirn__spool_new_id(struct pirn_spool *spool, struct pirn_id *ret_id);

/** pirn__spool_leave_shard() - what is made from now on goes to the next one */
void pirn__spool_leave_shard(struct pirn_spool *spool);

#endif /* SPOOL_SPOOL_H */
