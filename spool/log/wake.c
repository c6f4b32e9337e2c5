/* SPDX-License-Identifier: MIT */
/*
 * wake.c - who wakes whom; see spool/log/bell.h
 *
 * A queue has a bit for each owner who sleeps for it. Who has made an item of
 * it ready clears one, the next in rotation, and writes a byte into that
 * owner's FIFO. So there is a wake for each item, as long as somebody sleeps
 * for its queue; and who is woken sleeps for that queue, or passes it on.
 *
 * Whoever sets his bit looks for items after that, whoever makes one ready
 * looks for bits after that, in one order that all see: so one of the two finds
 * the other.
 *
 * The timekeeper's word says who sleeps until the wheel's next time, so that
 * there is one. It is a hint like all else here: where he died, or was stopped,
 * the others look after 1 s. He is woken last for what is ready by itself: then
 * he need not hand over.
 *
 * Who goes to sleep looks at the wheel's clock, and at its thousand lanes only
 * if that has moved: who puts an entry there raises the clock's count, and
 * looks for sleepers after that.
 */
#include <fcntl.h>
#include <stdio.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/timer.h>

#include "spool/log/atom.h"
#include "spool/log/bell.h"
#include "spool/opens.h"

#define RING_MAX_NS 1000000000ull /* a FIFO that is full is left alone */

enum { OWNER_WORDS = PIRN__INDEX_OWNERS / 64, NOBODY = 0xffff };
enum { TIMEKEEPER_SLACK_TICKS = 10 };

/* ---- the timekeeper ---- */

#define TICK_BITS 48
#define TICK_MASK ((1ull << TICK_BITS) - 1)

static uint64_t tick_of(uint64_t ns)
{
    return ns / PIRN__TICK_NS & TICK_MASK;
}

static uint16_t timekeeper(uint64_t word)
{
    uint64_t number = word >> TICK_BITS;

    return number >= 1 && number <= PIRN__INDEX_OWNERS ? (uint16_t)(number - 1)
                                                       : (uint16_t)NOBODY;
}

/* Overdue means that he does not do it. */
static bool sleeps_until(uint64_t word, uint64_t now_ns, uint64_t due_ns)
{
    uint64_t tick = word & TICK_MASK;

    return word != 0 && tick <= tick_of(due_ns) &&
           tick_of(now_ns) <= tick + TIMEKEEPER_SLACK_TICKS;
}

bool pirn__timekeeper_is_at(const struct pirn__log *log, uint64_t now_ns,
                            uint64_t due_ns)
{
    return sleeps_until(pirn__atom_load(&log->index.head->timekeeper), now_ns,
                        due_ns);
}

uint64_t pirn__timekeeper_become(struct pirn__log *log, uint64_t now_ns)
{
    uint64_t *at = &log->index.head->timekeeper;
    uint64_t next_ns =
        pirn__wheel_next_ns(&log->index.catalogue.wheel, &log->wheel_look);
    uint64_t word = pirn__atom_load(at);
    bool is_other = timekeeper(word) != log->actor.owner;
    uint64_t mine =
        (uint64_t)(log->actor.owner + 1) << TICK_BITS | tick_of(next_ns);

    if (next_ns >= now_ns + PIRN__BELL_LOOK_NS) {
        (void)(!is_other && pirn__atom_swap(at, word, 0));
        return UINT64_MAX;
    }
    if (is_other && sleeps_until(word, now_ns, next_ns)) {
        return UINT64_MAX;
    }
    /* If another is faster, he has seen the same wheel. */
    return word == mine || pirn__atom_swap(at, word, mine) ? next_ns
                                                           : UINT64_MAX;
}

bool pirn__timekeeper_end(struct pirn__log *log, uint16_t owner,
                          uint64_t now_ns)
{
    uint64_t *at = &log->index.head->timekeeper;
    uint64_t word = pirn__atom_load(at);

    return timekeeper(word) == owner && pirn__atom_swap(at, word, 0) &&
           pirn__wheel_next_ns(&log->index.catalogue.wheel, &log->wheel_look) <
               now_ns + PIRN__BELL_LOOK_NS;
}

/* ---- ringing ---- */

static void ring_next(struct pirn__log *log);

void pirn__bell_path(char path[16], uint16_t owner)
{
    int len = snprintf(path, 16, "bells/%04u", owner % PIRN__INDEX_OWNERS);

    pirn_assert(len > 0 && len < 16);
}

static bool is_free(const struct pirn__door *door)
{
    return pirn_op_is_idle(&door->step) && pirn_op_is_idle(&door->deadline);
}

static void deadline_over(struct pirn_op *op, int32_t result)
{
    struct pirn__door *door =
        pirn_container_of(op, struct pirn__door, deadline);

    (void)result;
    ring_next(door->log);
}

/* A full one: whoever it was looks after 1 s. */
static void wrote(struct pirn_op *op, int32_t result)
{
    struct pirn__door *door = pirn_container_of(op, struct pirn__door, step);

    (void)result;
    pirn_cancel(door->log->context, &door->deadline);
    ring_next(door->log);
}

static void write_byte(struct pirn__door *door)
{
    static const char byte = 1;
    struct pirn_context *context = door->log->context;

    pirn_prep_write(&door->step, door->fd, &byte, 1, PIRN_OFFSET_CURRENT);
    pirn_start(context, &door->step, wrote);
    pirn_prep_deadline(&door->deadline, &door->step,
                       pirn_context_now_ns(context) + RING_MAX_NS);
    pirn_start(context, &door->deadline, deadline_over);
}

/* No FIFO: likewise. */
static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__door *door = pirn_container_of(op, struct pirn__door, step);

    door->fd = result < 0 ? -1 : result;
    if (result < 0) {
        ring_next(door->log);
        return;
    }
    write_byte(door);
}

/* O_RDWR, so that nobody's end is a signal to us. */
static void open_door(struct pirn__door *door)
{
    pirn__bell_path(door->path, door->owner);
    pirn__prep_open(&door->step, door->log->dir_fd, door->path,
                    O_RDWR | O_NONBLOCK);
    pirn_start(door->log->context, &door->step, opened);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result; /* nothing was to be kept */
    open_door(pirn_container_of(op, struct pirn__door, step));
}

static void ring(struct pirn__door *door, uint16_t owner)
{
    bool is_his = door->owner == owner;

    pirn_assert(is_free(door));
    door->owner = owner;
    if (door->fd < 0) {
        open_door(door);
    } else if (is_his) {
        write_byte(door);
    } else {
        pirn_prep_close(&door->step, door->fd);
        door->fd = -1;
        pirn_start(door->log->context, &door->step, closed);
    }
}

/* All whose door is free. */
static void ring_next(struct pirn__log *log)
{
    struct pirn__bell *bell = log->bell;

    for (uint32_t i = 0; i < OWNER_WORDS; i++) {
        for (uint64_t bits = bell->to_ring[i]; bits != 0; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            uint16_t owner = (uint16_t)(i * 64 + bit);
            struct pirn__door *door = &bell->doors[owner % PIRN__BELL_DOORS];
            if (is_free(door)) {
                bell->to_ring[i] &= ~(1ull << bit);
                ring(door, owner);
            }
        }
    }
}

void pirn__doors_init(struct pirn__log *log)
{
    for (uint32_t i = 0; i < PIRN__BELL_DOORS; i++) {
        log->bell->doors[i].log = log;
        log->bell->doors[i].fd = -1;
    }
}

bool pirn__doors_are_quiet(const struct pirn__bell *bell)
{
    bool quiet = true;

    for (uint32_t i = 0; i < PIRN__BELL_DOORS; i++) {
        quiet = quiet && is_free(&bell->doors[i]);
    }
    return quiet;
}

void pirn__doors_deinit(struct pirn__log *log)
{
    struct pirn_op op = {0};

    for (uint32_t i = 0; i < PIRN__BELL_DOORS; i++) {
        pirn_assert(is_free(&log->bell->doors[i]));
        if (log->bell->doors[i].fd >= 0) {
            pirn_prep_close(&op, log->bell->doors[i].fd);
            (void)pirn_wait(log->context, &op);
        }
    }
}

/* ---- choosing ---- */

/* Among these whom @may has, the next one from @turn on. */
static uint16_t clear_next(uint64_t *sleeping, uint64_t turn,
                           const uint64_t may_not[OWNER_WORDS])
{
    uint32_t from = (uint32_t)(turn % PIRN__INDEX_OWNERS);
    uint32_t tries = 0;

    for (uint32_t i = 0; i <= OWNER_WORDS;) {
        uint32_t at = (from / 64 + i) % OWNER_WORDS;
        uint64_t word = pirn__atom_load(&sleeping[at]);
        uint64_t bits = word & ~may_not[at];
        bits &= i == 0 ? ~UINT64_C(0) << from % 64 : ~UINT64_C(0);
        if (bits == 0 || !pirn__atom_again(&tries)) {
            i++;
            continue;
        }
        uint32_t bit = (uint32_t)__builtin_ctzll(bits);
        if (pirn__atom_swap(&sleeping[at], word, word & ~(1ull << bit))) {
            return (uint16_t)(at * 64 + bit);
        }
    }
    return NOBODY;
}

static void bar(uint64_t may_not[OWNER_WORDS], uint16_t owner)
{
    if (owner != NOBODY) {
        may_not[owner / 64] |= 1ull << owner % 64;
    }
}

/* Which is so for most items of a busy queue: a glance at all bits costs a
 * third of looking for one in turn. */
static bool is_nobody_asleep(const struct pirn__index_queue *queue)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < OWNER_WORDS; i++) {
        any |= pirn__atom_load(&queue->sleeping[i]);
    }
    return any == 0;
}

static uint16_t choose(struct pirn__log *log, struct pirn__index_queue *queue)
{
    if (is_nobody_asleep(queue)) {
        return NOBODY;
    }
    uint64_t may_not[OWNER_WORDS] = {0};
    uint64_t turn = pirn__atom_load(&queue->turn);
    uint16_t clock = timekeeper(pirn__atom_load(&log->index.head->timekeeper));
    uint16_t owner;

    if (log->bell->is_looking) {
        bar(may_not, log->actor.owner); /* he does, right now */
    }
    bar(may_not, clock);
    owner = clear_next(queue->sleeping, turn, may_not);
    if (owner == NOBODY && clock != NOBODY &&
        !(log->bell->is_looking && clock == log->actor.owner)) {
        may_not[clock / 64] &= ~(1ull << clock % 64);
        owner = clear_next(queue->sleeping, turn, may_not);
    }
    if (owner != NOBODY) {
        pirn__atom_store(&queue->turn, owner + 1);
    }
    return owner;
}

bool pirn__bell_wake(struct pirn__log *log, uint32_t queue)
{
    struct pirn__bell *bell = log->bell;
    if (queue >= PIRN__INDEX_QUEUES) {
        return false; /* shared memory says so */
    }
    uint64_t bit = 1ull << queue % 64;
    if (bell->is_looking && (bell->served[queue / 64] & bit) != 0) {
        bell->served[queue / 64] &= ~bit; /* we look for it, right now */
        return true;
    }
    uint16_t owner = choose(log, &log->index.queues[queue]);
    if (owner == NOBODY) {
        return false;
    }
    bell->to_ring[owner / 64] |= 1ull << owner % 64;
    ring_next(log);
    return true;
}

void pirn__bell_wake_any(struct pirn__log *log, uint32_t queue)
{
    bool woken = pirn__bell_wake(log, queue);

    for (uint32_t i = 0; !woken && i < PIRN__INDEX_QUEUES; i++) {
        woken = pirn__atom_load(&log->index.queues[i].len) != 0 &&
                pirn__bell_wake(log, i);
    }
}

void pirn__bell_forget(struct pirn__log *log, uint16_t owner)
{
    uint64_t bit = 1ull << owner % 64;

    pirn_assert(owner < PIRN__INDEX_OWNERS);
    for (uint32_t i = 0; i < PIRN__INDEX_QUEUES; i++) {
        uint64_t *at = &log->index.queues[i].sleeping[owner / 64];
        uint64_t word = pirn__atom_load(at);
        while ((word & bit) != 0 && !pirn__atom_swap(at, word, word & ~bit)) {
            word = pirn__atom_load(at);
        }
    }
    (void)pirn__timekeeper_end(log, owner, 0);
}
