/* SPDX-License-Identifier: MIT */
/*
 * bell.c - see spool/log/bell.h
 *
 *   look: what is due made ready -> our bit set in each queue that one of ours
 *     sleeps for -> an item for each of them, in their order -> the bits of
 *     queues for which nobody of ours sleeps any more cleared -> times set
 *
 * Whatever wakes us, this is what we do: a byte says nothing, nor does a time.
 * A bit that is set again while a byte is on its way costs a look that finds
 * nothing. A bit that we want to clear and that was cleared by another is a
 * wake for an item that we did not look for: it is passed on to the next.
 *
 * Until the FIFO is open no bit is set: who wakes could not reach us. The look
 * that follows is the second one, which finds what came meanwhile.
 */
#include "spool/log/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/timer.h>

#include "spool/log/atom.h"
#include "spool/opens.h"

#define DEAF_LOOK_NS 100000000ull
#define SWEEP_MS 500u
#define QUIET_NS 1000000ull

static void settle(struct pirn__log *log);

static struct pirn__log_sleeper *next_of(struct pirn__sleeper *at)
{
    return at == NULL
               ? NULL
               : pirn_container_of(at, struct pirn__log_sleeper, sleeper);
}

static bool has(const uint64_t set[PIRN__BELL_QUEUE_WORDS], uint32_t queue)
{
    return (set[queue / 64] >> queue % 64 & 1) != 0;
}

/* False: none from *@queue on. */
static bool find(const uint64_t set[PIRN__BELL_QUEUE_WORDS], uint32_t *queue)
{
    uint32_t at = *queue;

    while (at < PIRN__INDEX_QUEUES && set[at / 64] >> at % 64 == 0) {
        at = (at / 64 + 1) * 64;
    }
    if (at < PIRN__INDEX_QUEUES) {
        at += (uint32_t)__builtin_ctzll(set[at / 64] >> at % 64);
    }
    *queue = at;
    return at < PIRN__INDEX_QUEUES;
}

static void add(uint64_t set[PIRN__BELL_QUEUE_WORDS], uint32_t queue)
{
    pirn_assert(queue < PIRN__INDEX_QUEUES);
    set[queue / 64] |= 1ull << queue % 64;
}

static bool is_anybody_asleep(const struct pirn__bell *bell)
{
    return bell->sleepers.head != NULL;
}

/* ---- our bits ---- */

static uint64_t *word_of(struct pirn__log *log, uint32_t queue)
{
    return &log->index.queues[queue].sleeping[log->actor.owner / 64];
}

static uint64_t bit_of(const struct pirn__log *log)
{
    return 1ull << log->actor.owner % 64;
}

static void wanted_queues(const struct pirn__bell *bell,
                          uint64_t ret_set[PIRN__BELL_QUEUE_WORDS])
{
    memset(ret_set, 0, PIRN__BELL_QUEUE_WORDS * sizeof(*ret_set));
    for (struct pirn__log_sleeper *at = next_of(bell->sleepers.head);
         at != NULL; at = next_of(at->sleeper.next)) {
        add(ret_set, at->queue);
    }
}

static void set_bits(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;

    if (bell->fd < 0 || bell->is_deaf) {
        return;
    }
    wanted_queues(bell, bell->queues);
    for (uint32_t queue = 0; find(bell->queues, &queue); queue++) {
        (void)pirn__atom_set(word_of(log, queue), bit_of(log));
    }
}

/* False: somebody else has cleared it. */
static bool clear_bit(struct pirn__log *log, uint32_t queue)
{
    uint64_t *at = word_of(log, queue);
    uint64_t word = pirn__atom_load(at);

    while ((word & bit_of(log)) != 0) {
        if (pirn__atom_swap(at, word, word & ~bit_of(log))) {
            return true;
        }
        word = pirn__atom_load(at);
    }
    return false;
}

static void clear_bits(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;
    uint64_t wanted[PIRN__BELL_QUEUE_WORDS];

    wanted_queues(bell, wanted);
    for (uint32_t queue = 0; find(bell->queues, &queue); queue++) {
        if (!has(wanted, queue) && !clear_bit(log, queue)) {
            (void)pirn__bell_wake(log, queue);
        }
    }
    for (uint32_t i = 0; i < PIRN__BELL_QUEUE_WORDS; i++) {
        bell->queues[i] &= wanted[i];
    }
}

/* ---- looking ---- */

static void wake_up(struct pirn__log *log, struct pirn__log_sleeper *sleeper,
                    int32_t result)
{
    pirn__sleepers_remove(&log->bell->sleepers, &sleeper->sleeper);
    sleeper->woken(sleeper, result);
}

/* An item for each, in their order. Return: how many had one */
static uint32_t give_out(struct pirn__log *log)
{
    uint64_t now_ns = pirn_context_now_ns(log->context);
    uint64_t empty[PIRN__BELL_QUEUE_WORDS] = {0};
    uint32_t count = 0;
    struct pirn__log_sleeper *next;

    for (struct pirn__log_sleeper *at = next_of(log->bell->sleepers.head);
         at != NULL; at = next) {
        int r = 0;
        next = next_of(at->sleeper.next);
        if (!has(empty, at->queue)) {
            r = pirn__slot_claim_next(&log->index.catalogue, &log->actor,
                                      at->queue, &at->grip);
        }
        if (r == 0) {
            add(empty, at->queue);
        }
        if (r != 0 || at->sleeper.until_ns <= now_ns) {
            wake_up(log, at, r);
        }
        count += r == 1;
    }
    return count;
}

static uint32_t look(struct pirn__log *log)
{
    uint32_t count = 0;

    pirn_assert(!log->bell->is_looking);
    log->bell->is_looking = true;
    log->bell->looked_ns = pirn_context_now_ns(log->context);
    if (is_anybody_asleep(log->bell)) {
        wanted_queues(log->bell, log->bell->served);
        (void)pirn__log_expire(log);
        set_bits(log);
        count = give_out(log);
    }
    log->bell->is_looking = false;
    settle(log);
    return count;
}

/* ---- the dead ---- */

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep_wait *sweep =
        pirn_container_of(op, struct pirn__sweep_wait, waiter.op);

    (void)result;
    (void)look(sweep->spool->log);
}

/* One of all who sleep looks for dead owners, not each. */
static void sweep(struct pirn__log *log)
{
    uint64_t *at = &log->index.head->swept;
    uint64_t now_ms = pirn_context_now_ns(log->context) / 1000000;
    uint64_t last_ms = pirn__atom_load(at);

    if (pirn_op_is_idle(&log->bell->sweep.waiter.op) &&
        now_ms - last_ms >= SWEEP_MS && pirn__atom_swap(at, last_ms, now_ms)) {
        pirn__prep_sweep(&log->bell->sweep, log->spool);
        pirn_start(log->context, &log->bell->sweep.waiter.op, swept);
    }
}

/* ---- the time ---- */

static void timer_over(struct pirn_op *op, int32_t result)
{
    struct pirn__bell *bell = pirn_container_of(op, struct pirn__bell, timer);
    struct pirn__log *log = bell->sweep.spool->log;
    uint64_t now_ns = pirn_context_now_ns(log->context);

    if (result < 0 || !is_anybody_asleep(bell) || now_ns < bell->look_ns) {
        settle(log);
        return;
    }
    sweep(log);
    bell->timed += look(log);
}

static void set_time(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;
    uint64_t now_ns = pirn_context_now_ns(log->context);
    uint64_t real_ns = pirn_context_realtime_ns(log->context);
    uint64_t latest_ns =
        bell->looked_ns + (bell->is_deaf ? DEAF_LOOK_NS : PIRN__BELL_LOOK_NS);
    uint64_t due_ns = pirn__timekeeper_become(log, real_ns);

    if (due_ns < real_ns + PIRN__BELL_LOOK_NS) {
        uint64_t at_ns = now_ns + (due_ns > real_ns ? due_ns - real_ns : 0);
        latest_ns = at_ns < latest_ns ? at_ns : latest_ns;
    }
    bell->look_ns = pirn__sleepers_until_ns(&bell->sleepers, latest_ns);
    if (pirn_op_is_idle(&bell->timer)) {
        bell->armed_ns = bell->look_ns;
        pirn_prep_timer_at(&bell->timer, bell->armed_ns);
        pirn_start(log->context, &bell->timer, timer_over);
    } else if (bell->look_ns < bell->armed_ns) {
        pirn_cancel(log->context, &bell->timer); /* set anew when it ends */
    }
}

/* ---- our FIFO ---- */

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__bell *bell = pirn_container_of(op, struct pirn__bell, read);
    struct pirn__log *log = bell->sweep.spool->log;

    if (result > 0) {
        bell->rung++;
        (void)look(log);
        return;
    }
    bell->is_deaf = result != -ECANCELED && result != -EINTR &&
                    result != -EAGAIN && result != -ENOMEM;
    settle(log);
}

static void listen(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;

    if (pirn_op_is_idle(&bell->read)) {
        pirn_prep_read(&bell->read, bell->fd, bell->bytes, sizeof(bell->bytes),
                       PIRN_OFFSET_CURRENT);
        pirn_start(log->context, &bell->read, have_read);
    }
}

static void open_fifo(struct pirn__log *log);

static void made(struct pirn_op *op, int32_t result)
{
    struct pirn__bell *bell = pirn_container_of(op, struct pirn__bell, open);

    if (result < 0 && result != -EEXIST) {
        bell->is_deaf = true;
        settle(bell->sweep.spool->log);
        return;
    }
    open_fifo(bell->sweep.spool->log);
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__bell *bell = pirn_container_of(op, struct pirn__bell, open);
    struct pirn__log *log = bell->sweep.spool->log;

    if (result == -ENOENT) {
        pirn_prep_fifo(op, log->dir_fd, bell->path, PIRN__FILE_MODE);
        pirn_start(log->context, op, made);
        return;
    }
    bell->fd = result;
    bell->is_deaf = result < 0;
    (void)look(log);
}

static void open_fifo(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;

    pirn__bell_path(bell->path, log->actor.owner);
    pirn__prep_open(&bell->open, log->dir_fd, bell->path, O_RDWR | O_NONBLOCK);
    pirn_start(log->context, &bell->open, opened);
}

/* ---- what is on loan while somebody sleeps, and no longer ---- */

static void rest(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;
    uint64_t now_ns = pirn_context_realtime_ns(log->context);

    bell->is_deaf = false;
    pirn_cancel(log->context, &bell->read);
    pirn_cancel(log->context, &bell->timer);
    if (pirn__timekeeper_end(log, log->actor.owner, now_ns)) {
        pirn__bell_wake_any(log, 0);
    }
}

static void settle(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;

    clear_bits(log);
    if (!is_anybody_asleep(bell)) {
        rest(log);
        return;
    }
    set_time(log);
    if (bell->fd >= 0 && !bell->is_deaf) {
        listen(log);
    } else if (!bell->is_deaf && pirn_op_is_idle(&bell->open)) {
        open_fifo(log);
    }
}

void pirn__bell_sleep(struct pirn__log *log, struct pirn__log_sleeper *sleeper)
{
    pirn_assert(sleeper->queue < PIRN__INDEX_QUEUES);
    pirn_assert(sleeper->woken != NULL);
    pirn__sleepers_push(&log->bell->sleepers, &sleeper->sleeper);
    if (log->bell->fd < 0) {
        log->bell->looked_ns = pirn_context_now_ns(log->context);
        settle(log);
    } else {
        (void)look(log);
    }
}

void pirn__bell_leave(struct pirn__log *log, struct pirn__log_sleeper *sleeper)
{
    pirn__sleepers_remove(&log->bell->sleepers, &sleeper->sleeper);
    settle(log);
}

int pirn__bell_init(struct pirn__log *log)
{
    struct pirn__bell *bell = calloc(1, sizeof(*bell));

    if (bell == NULL) {
        return -ENOMEM;
    }
    bell->fd = -1;
    bell->sweep.spool = log->spool;
    log->bell = bell;
    pirn__doors_init(log);
    return 0;
}

static bool is_quiet(const struct pirn__bell *bell)
{
    return pirn_op_is_idle(&bell->open) && pirn_op_is_idle(&bell->read) &&
           pirn_op_is_idle(&bell->timer) &&
           pirn_op_is_idle(&bell->sweep.waiter.op) &&
           pirn__doors_are_quiet(bell);
}

void pirn__bell_rest(struct pirn__log *log)
{
    struct pirn_op op = {0};

    pirn_assert_rule(!is_anybody_asleep(log->bell),
                     "no claim waits at a close");
    for (int32_t r = 0; r == 0 && !is_quiet(log->bell);) {
        pirn_prep_timer(&op, QUIET_NS);
        r = pirn_wait(log->context, &op);
    }
}

void pirn__bell_deinit(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;
    struct pirn_op op = {0};

    if (bell == NULL) {
        return;
    }
    pirn__bell_rest(log);
    pirn__doors_deinit(log);
    if (bell->fd >= 0) {
        pirn_prep_close(&op, bell->fd);
        (void)pirn_wait(log->context, &op);
    }
    free(bell);
    log->bell = NULL;
}
