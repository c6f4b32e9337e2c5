/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - see spool/log/keeper.h
 *
 *   number of the round -> dirty pages, 64 at a time: note their versions,
 *     write them from the shared memory, sync, mark -> "done": the highest of
 *     what stands there and our number
 *
 * Every step is a swap, or may be done twice; so two rounds at once, or one
 * whose keeper wakes an hour later, harm nothing. The keeper's word only spares
 * the disk: it says who is at it, and when the last one began. Nobody begins
 * another within PIRN__ROUND_NS of that, but for one who waits for its end.
 *
 * A sync that failed is final, whatever it says, but for want of room (the
 * kernel may say 0 the next time): rounds_failed says so to all, until somebody
 * opens alone. Only what was never synced may be tried again: a write without
 * memory, or one that was interrupted or cancelled, and a sync that was
 * cancelled, which no file system says of one that it began. A round that lost
 * its ring is one whose keeper was killed: what became of its sync the others
 * hear from theirs, on descriptors that were open before. In each case the
 * pages are dirty still, and are written again, whole, before the next sync.
 */
#include "spool/log/keeper.h"

#include <errno.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"

#define KEEPER_SILENT_MS 1000u
#define LOOK_AGAIN_NS 5000000ull
#define ROUND_MS (PIRN__ROUND_NS / 1000000)
#define BEGAN_BITS 0xffffffffffffull

static void write_next(struct pirn__log *log);
static void look(struct pirn__log *log);

static uint64_t now_ms(const struct pirn__log *log)
{
    return pirn_context_now_ns(log->context) / 1000000;
}

/* owner + 1 16, or 0: nobody | when the last round began 48 */
static uint64_t keeper_pack(const struct pirn__log *log)
{
    return (uint64_t)(log->actor.owner + 1) << 48 | (now_ms(log) & BEGAN_BITS);
}

/* Nobody is at it, or says nothing any more; and there was none of late, or
 * somebody waits. Else it is told when to look again. */
static bool become_keeper(struct pirn__log *log, bool waits,
                          uint64_t *ret_after_ns)
{
    uint64_t *at = &log->index.head->keeper;
    uint64_t word = pirn__atom_load(at);
    uint64_t now = now_ms(log);
    uint64_t began = word & BEGAN_BITS;
    uint64_t ms = now > began ? now - began : 0; /* his clock may be ahead */
    bool is_kept = word > BEGAN_BITS && ms <= KEEPER_SILENT_MS;

    *ret_after_ns = waits ? LOOK_AGAIN_NS : PIRN__ROUND_NS;
    if (is_kept) {
        return false;
    }
    if (!waits && ms < ROUND_MS) {
        *ret_after_ns = (ROUND_MS - ms) * 1000000;
        return false;
    }
    return pirn__atom_swap(at, word, keeper_pack(log));
}

/* Of whoever is at it: if it is another by now, two at once harm nothing. */
static void leave_keeper(struct pirn__log *log)
{
    uint64_t *at = &log->index.head->keeper;

    pirn__atom_store(at, pirn__atom_load(at) & BEGAN_BITS);
}

/* ---- who waits ---- */

static int32_t failure(const struct pirn__log *log)
{
    return pirn__atom_load(&log->index.head->rounds_failed) != 0 ? -EIO : 0;
}

static void finish_waiters(struct pirn__log *log)
{
    struct pirn__waiters all = pirn__waiters_take(&log->keeper.waiters);
    uint64_t done = pirn__atom_load(&log->index.head->rounds_done);
    int32_t failed = failure(log);

    while (all.head != NULL) {
        struct pirn__waiter *waiter = all.head;
        struct pirn__round_wait *wait =
            pirn_container_of(waiter, struct pirn__round_wait, waiter);
        all.head = waiter->next;
        if (wait->round <= done || failed < 0) {
            pirn_task_finish(log->context, &waiter->op,
                             wait->round <= done ? 0 : failed);
        } else {
            pirn__waiters_push(&log->keeper.waiters, waiter);
        }
    }
}

/* The highest round that an op here waits for; 0: none does. */
static uint64_t awaited(const struct pirn__log *log)
{
    uint64_t round = 0;

    for (const struct pirn__waiter *waiter = log->keeper.waiters.head;
         waiter != NULL; waiter = waiter->next) {
        const struct pirn__round_wait *wait =
            pirn_container_of(waiter, struct pirn__round_wait, waiter);
        round = wait->round > round ? wait->round : round;
    }
    return round;
}

static bool is_at_rest(const struct pirn__log *log)
{
    return !log->keeper.is_armed && !log->keeper.is_running &&
           !log->limbo.is_unlinking;
}

void pirn__keeper_has_rested(struct pirn__log *log)
{
    if (is_at_rest(log)) {
        pirn__waiters_finish(log->context, &log->keeper.rests, 0);
    }
}

static void timer_fired(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, keeper.timer);

    log->keeper.is_armed = false;
    if (result < 0 && result != -ECANCELED) {
        /* The context is lost: the next timer would end at once, too. */
        pirn__waiters_finish(log->context, &log->keeper.waiters, result);
    } else {
        look(log);
    }
    pirn__keeper_has_rested(log);
}

static void arm(struct pirn__log *log, uint64_t after_ns)
{
    struct pirn__keeper *keeper = &log->keeper;

    if (!keeper->is_armed && !keeper->is_running) {
        keeper->is_armed = true;
        pirn_prep_timer(&keeper->timer, after_ns);
        pirn_start(log->context, &keeper->timer, timer_fired);
    } else if (keeper->is_armed && after_ns == 0) {
        pirn_cancel(log->context, &keeper->timer);
    }
}

void pirn__keeper_touch(struct pirn__log *log)
{
    arm(log, PIRN__ROUND_NS);
}

void pirn__keeper_sealed(struct pirn__log *log)
{
    log->keeper.sealed = pirn__atom_load(&log->index.head->rounds_begun) + 1;
    pirn__keeper_touch(log);
}

/* ---- a round ---- */

/* No round now: who waits is told; what nobody waits for is tried again later.
 */
static void give_up(struct pirn__log *log, int32_t result)
{
    struct pirn__keeper *keeper = &log->keeper;

    pirn_assert(keeper->is_running && result < 0);
    keeper->is_running = false;
    leave_keeper(log);
    pirn__waiters_finish(log->context, &keeper->waiters, result);
    if (!keeper->is_closing) {
        arm(log, PIRN__ROUND_NS);
    }
    pirn__keeper_has_rested(log);
}

static void end_round(struct pirn__log *log)
{
    struct pirn__keeper *keeper = &log->keeper;

    pirn_assert(keeper->is_running);
    keeper->is_running = false;
    leave_keeper(log);
    look(log);
    pirn__keeper_has_rested(log);
}

static void succeed(struct pirn__log *log)
{
    pirn__atom_raise(&log->index.head->rounds_done, log->keeper.round);
    pirn__compact_start(log);
    end_round(log);
}

/* A timer of a ring that failed ends with its error, too. */
static void asked(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, keeper.step);

    if (result < 0) {
        give_up(log, result);
        return;
    }
    (void)pirn__atom_add(&log->index.head->rounds_failed, 1);
    end_round(log);
}

/* Final for all, if it is the file that failed, and not our ring. */
static void fail(struct pirn__log *log)
{
    pirn_prep_timer(&log->keeper.step, 0);
    pirn_start(log->context, &log->keeper.step, asked);
}

static bool is_no_room(int32_t result)
{
    return result == -ENOSPC || result == -EDQUOT;
}

static bool was_not_written(int32_t result)
{
    return result == -ENOMEM || result == -EINTR || result == -ECANCELED;
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, keeper.step);
    struct pirn__keeper *keeper = &log->keeper;

    pirn_assert(result <= 0);
    if (is_no_room(result) || result == -ECANCELED) {
        give_up(log, result);
        return;
    }
    if (result < 0 && !pirn__planted("log-round-unchecked")) {
        fail(log);
        return;
    }
    for (uint32_t i = 0; i < keeper->count; i++) {
        pirn__tomb_mark_synced(&log->index.tombs, keeper->pages[i].page,
                               keeper->pages[i].version);
    }
    keeper->count = 0;
    write_next(log);
}

static void wrote(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, keeper.step);
    struct pirn__keeper *keeper = &log->keeper;
    const uint32_t page_bytes = PIRN__TOMB_PAGE_WORDS * 8;

    if (is_no_room(result) || was_not_written(result)) {
        give_up(log, result);
        return;
    }
    if (result <= 0) {
        fail(log);
        return;
    }
    keeper->written += (uint32_t)result;
    if (keeper->written < page_bytes) {
        const struct pirn__round_page *at = &keeper->pages[keeper->count - 1];
        const uint8_t *from =
            (const uint8_t *)pirn__tombs_page(&log->index.tombs, at->page);
        pirn_prep_write(op, log->tombs_fd, from + keeper->written,
                        page_bytes - keeper->written,
                        (uint64_t)at->page * page_bytes + keeper->written);
        pirn_start(log->context, op, wrote);
        return;
    }
    write_next(log);
}

static void write_next(struct pirn__log *log)
{
    struct pirn__keeper *keeper = &log->keeper;
    struct pirn__round_page *next = &keeper->pages[keeper->count];
    const uint32_t page_bytes = PIRN__TOMB_PAGE_WORDS * 8;

    if (keeper->count < PIRN__ROUND_PAGES &&
        pirn__tomb_next_dirty(&log->index.tombs, keeper->page, &next->page,
                              &next->version)) {
        keeper->count++;
        keeper->page = next->page + 1;
        keeper->written = 0;
        pirn_prep_write(&keeper->step, log->tombs_fd,
                        pirn__tombs_page(&log->index.tombs, next->page),
                        page_bytes, (uint64_t)next->page * page_bytes);
        pirn_start(log->context, &keeper->step, wrote);
        return;
    }
    if (keeper->count == 0 || pirn__planted("log-round-not-synced")) {
        keeper->count = 0;
        succeed(log);
        return;
    }
    pirn_prep_fsync(&keeper->step, log->tombs_fd, PIRN_SYNC_DATA);
    pirn_start(log->context, &keeper->step, synced);
}

/* What has to be there by now, of what may grow yet: where a round has to write
 * and sync something, it has that, too. */
static void keep_bounds(struct pirn__log *log)
{
    uint32_t page;
    uint64_t version;

    if (!pirn__tomb_next_dirty(&log->index.tombs, 0, &page, &version)) {
        return;
    }
    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        if (pirn__segment_keep(log, i)) {
            pirn__tomb_bound_changed(&log->index.tombs, i);
        }
    }
}

static void start_round(struct pirn__log *log)
{
    struct pirn__keeper *keeper = &log->keeper;

    pirn_assert(!keeper->is_running);
    keeper->is_running = true;
    keeper->round = pirn__atom_add(&log->index.head->rounds_begun, 1) + 1;
    keeper->page = 0;
    keeper->count = 0;
    keep_bounds(log);
    write_next(log);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What was done, here or elsewhere, and what is to be done for us. */
static void look(struct pirn__log *log)
{
    struct pirn__keeper *keeper = &log->keeper;
    uint64_t retired = pirn__segments_retire(log);
    uint64_t after_ns = PIRN__ROUND_NS;

    pirn__limbo_drain(log);
    finish_waiters(log);
    if (failure(log) < 0 || keeper->is_armed || keeper->is_running) {
        return;
    }
    uint64_t done = pirn__atom_load(&log->index.head->rounds_done);
    bool waits = awaited(log) > done;
    uint64_t sealed = keeper->sealed > done ? keeper->sealed : 0;
    uint64_t round = later(pirn__limbo_round(log), sealed);
    round = later(round, keeper->is_closing ? 0 : retired);
    if ((waits || round > done) && become_keeper(log, waits, &after_ns)) {
        start_round(log);
    } else if (waits || round > 0) {
        arm(log, after_ns);
    }
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__round_wait *wait =
        pirn_container_of(op, struct pirn__round_wait, waiter.op);
    struct pirn__log *log = wait->log;

    pirn_assert(log->rebuild == NULL);
    if (failure(log) < 0) {
        pirn_task_finish(context, op, failure(log));
        return;
    }
    wait->round = pirn__atom_load(&log->index.head->rounds_begun) + 1;
    pirn__waiters_push(&log->keeper.waiters, &wait->waiter);
    arm(log, 0);
}

void pirn__prep_round(struct pirn__round_wait *wait, struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    wait->log = log;
    pirn_prep_task(&wait->waiter.op, &verbs);
}

static void rest_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__keeper_rest *rest =
        pirn_container_of(op, struct pirn__keeper_rest, waiter.op);
    struct pirn__log *log = rest->log;

    pirn_assert(context == log->context);
    pirn__waiters_push(&log->keeper.rests, &rest->waiter);
    if (log->keeper.is_armed) {
        pirn_cancel(context, &log->keeper.timer);
    }
    pirn__keeper_has_rested(log);
}

void pirn__prep_keeper_rest(struct pirn__keeper_rest *rest,
                            struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = rest_begin};

    rest->log = log;
    pirn_prep_task(&rest->waiter.op, &verbs);
}
