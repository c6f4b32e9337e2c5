/* SPDX-License-Identifier: MIT */
/*
 * pirn/owner.h - who has the spool open, and taking from him what he has
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 *
 * An owner is one open of a spool, and has what he claimed until he ends it,
 * dies, or is fenced out: somebody asks for it by name, or his lease is over.
 * What he had is ready for others then; each later verb of his on one of these
 * claims is -ESTALE and changes nothing. He is not kept from claiming anew.
 *
 * A verb that had begun when he was fenced out came before it, and ends as it
 * would have. An item in the midst of one is not taken from him; it is ready,
 * or gone, when the verb has ended, also where he is stopped in between and
 * goes on later.
 */
#ifndef PIRN_OWNER_H
#define PIRN_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_spool;

/* What an owner says of himself, and what he has. */
struct pirn_spool_owner {
    uint32_t slot;        /* below 1,024; another's after his death */
    uint32_t pid;         /* for people; 0: he could not say */
    uint64_t start_ticks; /* of the process, as /proc/PID/stat tells it */
    uint64_t opened_ns;   /* CLOCK_REALTIME; with the slot it is he; 0 as pid */
    uint64_t lease_ns;    /* 0: none */
    uint64_t lease_until_ns; /* CLOCK_REALTIME; 0: he has claimed nothing yet */
    uint64_t claims;         /* items that he has */
    bool is_self;            /* the one that asks */
};

/* All owners at about one time. */
struct pirn_owners {
    struct pirn_op op;
    struct pirn_spool_owner *owners; /* @count, by slot; until the end */
    uint32_t count;
    struct {
        struct pirn_owners_work *work;
        struct pirn_spool *spool;
    } priv;
};

/**
 * pirn_prep_owners() - who has the spool open
 *
 * Recovers dead owners first, and fences out those whose lease is over.
 *
 * Result: 0, and @owners->owners is there until pirn_owners_end(); or an errno
 */
PIRN_API void pirn_prep_owners(struct pirn_owners *owners,
                               struct pirn_spool *spool);

/** pirn_owners_end() - free what an op has found; also where it found none */
PIRN_API void pirn_owners_end(struct pirn_owners *owners);

/* Fencing one out. */
struct pirn_fence {
    struct pirn_op op;
    uint64_t fenced; /* claims that were taken from him */
    uint64_t midst;  /* items that he was in the midst of a change with */
    struct {
        struct pirn_fence_work *work;
        struct pirn_spool *spool;
        uint32_t slot;
        uint64_t opened_ns;
    } priv;
};

/**
 * pirn_prep_fence_owner() - what an owner has now is ready for others
 * @slot:      his
 * @opened_ns: when he opened, so that nobody is met who has his slot by now; 0:
 *             whoever has it
 *
 * What he gets while this runs he may keep. Each item has one attempt more.
 *
 * Result: 0; -ESRCH no such owner lives: what he had is ready already; -EINVAL
 * our own slot; or an errno: what it concerns is as it was.
 *
 * Durable: no; after a power loss these items are ready in any case.
 */
PIRN_API void pirn_prep_fence_owner(struct pirn_fence *fence,
                                    struct pirn_spool *spool, uint32_t slot,
                                    uint64_t opened_ns);

/* One more lease. */
struct pirn_renewal {
    struct pirn_op op;
    struct {
        struct pirn_renewal *next;
        struct pirn_spool *spool;
    } priv;
};

/**
 * pirn_prep_renew() - we go on having what we have, for a lease from now
 *
 * A claim that has got an item does so by itself. Where the lease was over it
 * is not known whether somebody has fenced us out meanwhile: the next verb says
 * so.
 *
 * Result: 0, also where the spool was opened without a lease; or an errno: it
 * ends when it would have.
 */
PIRN_API void pirn_prep_renew(struct pirn_renewal *renewal,
                              struct pirn_spool *spool);

PIRN_END_DECLS

#endif /* PIRN_OWNER_H */
