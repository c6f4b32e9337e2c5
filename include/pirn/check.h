/* SPDX-License-Identifier: MIT */
/*
 * pirn/check.h - what is wrong in a spool, and mending it
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 *
 *   check -> next -> next ... -> end
 *              |
 *              +-> a finding, mended if that was asked for
 *
 * The spool lives on meanwhile: what is being done right now is no finding.
 * What looks wrong is looked at once more when it has stood there for a grace
 * time, and only then told. What is mended is never thrown away: an item, and a
 * body without one, goes into the queue `quarantine`, all else into its
 * directory `.strays`.
 */
#ifndef PIRN_CHECK_H
#define PIRN_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_spool;

/* What can be wrong; and what mending does. */
enum pirn_fault {
    PIRN_FAULT_TOO_OLD = 0, /* there for longer than its limit; nothing */
    PIRN_FAULT_ORPHANED,    /* a body without an item; an item of quarantine */
    PIRN_FAULT_DUPLICATED,  /* an item twice; the newest stays, the others go
                               into .strays */
    PIRN_FAULT_NO_BODY,     /* an item's is gone; into quarantine */
    PIRN_FAULT_BAD_BODY,    /* is not what was stored; into quarantine */
    PIRN_FAULT_BAD_RECORD,  /* metadata or record; into quarantine */
    PIRN_FAULT_STRAY,       /* a name that nothing of ours has; .strays, but
                               a link to a directory stays (-ELOOP) */
    PIRN_FAULT_MISPLACED,   /* where its metadata or its id say that it is not;
                               into its own place */
    PIRN_FAULT_STALE_CLAIM, /* of a dead owner; ready again */
    PIRN_FAULT_LEFTOVER,    /* half made, or left by a move; .strays */
    PIRN_FAULT_OVERDUE,     /* delayed items whose time has long come, because
                               nobody claims; ready */
    PIRN_FAULT_BAD_SEGMENT, /* of the log: its first bytes, without which a
                               restart loses all that is in it; written anew.
                               Or a copy of one that a restart could not read:
                               items are missing that were stored; .strays */
    PIRN_FAULTS,
};

/* The longest: a directory of ours, and any name in it. */
#define PIRN_FINDING_PATH 400

struct pirn_finding {
    enum pirn_fault fault;
    bool has_id;
    struct pirn_id id;
    char queue[PIRN_QUEUE_TEXT];  /* "" where it is in none */
    char path[PIRN_FINDING_PATH]; /* in the spool; "" of the log's items */
    uint64_t age_ns;              /* how old the item is, or since when it is
                                     there, or claimed; 0: not known */
    bool of_claim;                /* not the item is too old, but its claim */
    bool mended;
    int32_t error; /* why it is not: 0 nobody tried; -EBUSY somebody has it; or
                      another errno */
};

/* How long an item may be in a queue. */
struct pirn_check_limit {
    const char *queue;
    uint64_t age_ns;
};

/* Zeroed: look, mend nothing, no limits. */
struct pirn_check_config {
    bool repair;
    bool deep;         /* read bodies to their end, not their sizes alone */
    uint64_t grace_ns; /* how long what looks wrong has to stand; 0: 10 s */

    /* The age of an item counts from its making. Zero: none. */
    uint64_t item_ns;  /* of queues that are not named; not of `quarantine' */
    uint64_t claim_ns; /* since it was claimed (struct pirn_item) */
    uint64_t draft_ns; /* in the making, or being removed; file layout */
    const struct pirn_check_limit *limits; /* @limit_count; loaned to the end */
    uint32_t limit_count;
};

/* A check. Its counts can be read between turns. */
struct pirn_check {
    struct pirn_op op;
    struct pirn_finding finding; /* after a next that said 1 */
    uint64_t items;              /* that were looked at */
    uint32_t done;               /* of @total parts of the walk */
    uint32_t total;
    struct {
        struct pirn_check_work *work;
        struct pirn_spool *spool;
        const struct pirn_check_config *config;
    } priv;
};

/**
 * pirn_prep_check() - begin
 * @config: loaned until the end
 *
 * Recovers dead owners first, as every open does.
 *
 * Result: 0; or an errno, and there is nothing to end.
 */
PIRN_API void pirn_prep_check(struct pirn_check *check,
                              struct pirn_spool *spool,
                              const struct pirn_check_config *config);

/**
 * pirn_prep_check_next() - go on to the next finding
 *
 * Result: 1, @check->finding; 0 there are no more; -ECANCELED it was asked to
 * end: it can be gone on with; or an errno: the first of what could not be
 * looked at, told at the end of the walk, or of a walk that cannot go on.
 *
 * At most 16 items are looked at at once, and of each directory as many names
 * are in memory as it has, of the queues a 64th at a time. While somebody else
 * writes into the spool, or removes, it rests nine times as long as it works,
 * at most 1 s at a time: so a whole check lasts at most ten times as long as
 * one beside nobody, besides its grace times.
 */
PIRN_API void pirn_prep_check_next(struct pirn_check *check);

/** pirn_prep_check_end() - done; result 0 */
PIRN_API void pirn_prep_check_end(struct pirn_check *check);

/** pirn_fault_name() - "too-old", "orphaned", ... for people and programs */
PIRN_API const char *pirn_fault_name(enum pirn_fault fault);

PIRN_END_DECLS

#endif /* PIRN_CHECK_H */
