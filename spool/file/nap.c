/* SPDX-License-Identifier: MIT */
/*
 * nap.c - see spool/file/nap.h
 *
 * A queue counts what this open has made ready. A look that began before the
 * count was raised may have passed that item's shard: it is no reason to sleep.
 */
#include "spool/file/nap.h"

#include <pirn/timer.h>

#include "spool/spool.h"

static void set_time(struct pirn_spool *spool);

static struct pirn__nap *nap_of(struct pirn__sleeper *at)
{
    return at == NULL ? NULL : pirn_container_of(at, struct pirn__nap, sleeper);
}

static void wake(struct pirn_spool *spool, struct pirn__nap *nap, bool by_time)
{
    pirn__sleepers_remove(&spool->naps.sleepers, &nap->sleeper);
    nap->by_time = by_time;
    nap->woken(nap);
}

static void wake_first(struct pirn_spool *spool,
                       const struct pirn__queue *queue, bool by_time)
{
    for (struct pirn__nap *at = nap_of(spool->naps.sleepers.head); at != NULL;
         at = nap_of(at->sleeper.next)) {
        if (at->queue == queue) {
            wake(spool, at, by_time);
            break;
        }
    }
    set_time(spool);
}

/* The first of each queue, and all whose time is over. */
static void wake_some(struct pirn_spool *spool)
{
    struct pirn__naps *naps = &spool->naps;
    uint64_t now_ns = pirn_context_now_ns(spool->context);
    bool look = now_ns >= naps->look_ns;
    struct pirn__nap *last = nap_of(naps->sleepers.tail);
    struct pirn__nap *next = nap_of(naps->sleepers.head);

    naps->round += look;
    for (struct pirn__nap *at = NULL; at != last;) {
        at = next;
        next = nap_of(at->sleeper.next);
        bool is_first = look && at->queue->nap_round != naps->round;
        if (is_first || at->sleeper.until_ns <= now_ns) {
            at->queue->nap_round = naps->round;
            wake(spool, at, true);
        }
    }
    if (look) {
        naps->look_ns = now_ns + PIRN__NAP_LOOK_NS;
    }
}

static void timer_over(struct pirn_op *op, int32_t result)
{
    struct pirn_spool *spool =
        pirn_container_of(op, struct pirn_spool, naps.timer);

    (void)result;
    wake_some(spool);
    set_time(spool);
}

static void set_time(struct pirn_spool *spool)
{
    struct pirn__naps *naps = &spool->naps;

    if (naps->sleepers.head == NULL) {
        pirn_cancel(spool->context, &naps->timer);
        return;
    }
    uint64_t at_ns = pirn__sleepers_until_ns(&naps->sleepers, naps->look_ns);
    if (pirn_op_is_idle(&naps->timer)) {
        naps->armed_ns = at_ns;
        pirn_prep_timer_at(&naps->timer, at_ns);
        pirn_start(spool->context, &naps->timer, timer_over);
    } else if (at_ns < naps->armed_ns) {
        pirn_cancel(spool->context, &naps->timer); /* set anew when it ends */
    }
}

void pirn__nap_look(struct pirn__nap *nap, struct pirn__queue *queue)
{
    nap->queue = queue;
    nap->readied = queue->readied;
}

bool pirn__nap_sleep(struct pirn_spool *spool, struct pirn__nap *nap,
                     uint64_t until_ns, pirn__nap_woken_fn *woken)
{
    struct pirn__naps *naps = &spool->naps;
    uint64_t latest_ns =
        pirn_context_now_ns(spool->context) + PIRN__NAP_LOOK_NS;

    if (nap->readied != nap->queue->readied) {
        return false;
    }
    if (naps->sleepers.head == NULL) {
        naps->look_ns = latest_ns;
    }
    nap->sleeper.until_ns = until_ns;
    nap->woken = woken;
    pirn__sleepers_push(&naps->sleepers, &nap->sleeper);
    set_time(spool);
    return true;
}

void pirn__nap_leave(struct pirn_spool *spool, struct pirn__nap *nap)
{
    pirn__sleepers_remove(&spool->naps.sleepers, &nap->sleeper);
    set_time(spool);
}

void pirn__nap_wake(struct pirn_spool *spool, struct pirn__queue *queue)
{
    queue->readied++;
    if (spool->naps.sleepers.head != NULL) {
        wake_first(spool, queue, false);
    }
}

void pirn__nap_found(struct pirn_spool *spool, const struct pirn__nap *nap)
{
    if (nap->by_time) {
        wake_first(spool, nap->queue, true);
    }
}

void pirn__naps_deinit(struct pirn_spool *spool)
{
    struct pirn_op op = {0};

    pirn_assert_rule(spool->naps.sleepers.head == NULL,
                     "no claim waits at a close");
    for (int32_t r = 0; r == 0 && !pirn_op_is_idle(&spool->naps.timer);) {
        pirn_prep_immediate(&op);
        r = pirn_wait(spool->context, &op);
    }
}
