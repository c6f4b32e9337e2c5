/* SPDX-License-Identifier: MIT */
/*
 * spool/file/nap.h - claims of files that wait
 *
 * Nobody tells another open of a file that is ready: so one of those who wait
 * here for a queue looks again every 250 ms; if he finds an item, the next one
 * looks, too. What this open makes ready wakes one of them at once. While none
 * waits, nothing is on loan.
 */
#ifndef SPOOL_FILE_NAP_H
#define SPOOL_FILE_NAP_H

#include <pirn/op.h>

#include "spool/sleepers.h"

struct pirn_spool;
struct pirn__queue;
struct pirn__nap;

#define PIRN__NAP_LOOK_NS 250000000ull

typedef void pirn__nap_woken_fn(struct pirn__nap *nap);

/* A member of who waits. */
struct pirn__nap {
    struct pirn__sleeper sleeper;
    struct pirn__queue *queue;
    pirn__nap_woken_fn *woken;
    uint64_t readied; /* the queue's, when the look began */
    bool by_time;     /* what woke it */
};

/* Zeroed memory is nobody asleep. */
struct pirn__naps {
    struct pirn__sleepers sleepers;
    struct pirn_op timer;
    uint64_t round;
    uint64_t look_ns; /* when one of each queue looks again */
    uint64_t armed_ns;
};

/** pirn__nap_look() - the look begins that may end in a nap */
void pirn__nap_look(struct pirn__nap *nap, struct pirn__queue *queue);

/** pirn__nap_sleep() - it found nothing. False: something was made ready
 * meanwhile: look again */
bool pirn__nap_sleep(struct pirn_spool *spool, struct pirn__nap *nap,
                     uint64_t until_ns, pirn__nap_woken_fn *woken);

/** pirn__nap_leave() - it does not want to any more; woken is not called */
void pirn__nap_leave(struct pirn_spool *spool, struct pirn__nap *nap);

/** pirn__nap_wake() - an item of a queue is ready: one of ours may have it */
void pirn__nap_wake(struct pirn_spool *spool, struct pirn__queue *queue);

/** pirn__nap_found() - it has an item: there may be more */
void pirn__nap_found(struct pirn_spool *spool, const struct pirn__nap *nap);

/** pirn__naps_deinit() - until nothing is on loan; nobody sleeps. Blocks. */
void pirn__naps_deinit(struct pirn_spool *spool);

#endif /* SPOOL_FILE_NAP_H */
