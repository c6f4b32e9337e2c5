/* SPDX-License-Identifier: MIT */
/*
 * spool/log/bell.h - claims that wait, and who wakes them
 *
 * All waiting claims of one open share one bit for each queue that they wait
 * for, and one read of one FIFO, .log/bells/NNNN. It is read while one of them
 * sleeps; when none does, nothing is on loan.
 *
 *   sleep: the bit -> look again -> a byte, a time that is due, or 1 s -> look
 *   wake:  the item is ready -> one bit of its queue cleared -> a byte
 */
#ifndef SPOOL_LOG_BELL_H
#define SPOOL_LOG_BELL_H

#include "spool/log/log.h"
#include "spool/owner.h"
#include "spool/sleepers.h"

struct pirn__log_sleeper;

#define PIRN__BELL_LOOK_NS 1000000000ull
#define PIRN__BELL_DOORS 32u
#define PIRN__BELL_QUEUE_WORDS (PIRN__INDEX_QUEUES / 64)

/* An owner's FIFO, kept open: so a byte goes out with the turn that it is
 * written in, and who waits for one op and turns no more has woken. */
struct pirn__door {
    struct pirn__log *log;
    int fd; /* -1: none */
    uint16_t owner;
    struct pirn_op step;
    struct pirn_op deadline;
    char path[16];
};

/* Called when it does not sleep any more: 1 it has an item, by its grip; 0 its
 * time is over; or an errno. */
typedef void pirn__woken_fn(struct pirn__log_sleeper *sleeper, int32_t result);

/* A member of who waits. */
struct pirn__log_sleeper {
    struct pirn__sleeper sleeper;
    uint32_t queue;
    struct pirn__grip grip;
    pirn__woken_fn *woken;
};

struct pirn__bell {
    struct pirn__sleepers sleepers;
    uint64_t queues[PIRN__BELL_QUEUE_WORDS]; /* where our bit was set */
    int fd;
    bool is_deaf; /* there is no FIFO to be had: look often instead */
    bool is_looking;
    uint64_t served[PIRN__BELL_QUEUE_WORDS]; /* by this look: one item each */
    uint64_t looked_ns;
    uint64_t look_ns; /* when to look again */
    uint64_t armed_ns;
    struct pirn_op open;
    struct pirn_op read;
    struct pirn_op timer;
    struct pirn__sweep_wait sweep;
    char path[16];
    char bytes[64];

    uint64_t to_ring[PIRN__INDEX_OWNERS / 64];
    struct pirn__door doors[PIRN__BELL_DOORS]; /* by owner, one of many */

    /* For tests: what woke us, and how often. */
    uint64_t rung;
    uint64_t timed; /* items that were had by looking at a time alone */
};

/** pirn__bell_init() - 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__bell_init(struct pirn__log *log);

/** pirn__bell_rest() - until nothing of it is on loan; nobody sleeps. Blocks.
 */
void pirn__bell_rest(struct pirn__log *log);

/** pirn__bell_deinit() - likewise, then its memory. Blocks. */
void pirn__bell_deinit(struct pirn__log *log);

/**
 * pirn__bell_sleep() - wait for an item of a queue
 * @sleeper: its queue, woken and until_ns are set; woken may be called at once
 */
void pirn__bell_sleep(struct pirn__log *log, struct pirn__log_sleeper *sleeper);

/** pirn__bell_leave() - one who sleeps does not want to any more; woken is not
 * called */
void pirn__bell_leave(struct pirn__log *log, struct pirn__log_sleeper *sleeper);

/** pirn__bell_wake() - one who sleeps for a queue, if there is one. Return:
 * whether there was */
bool pirn__bell_wake(struct pirn__log *log, uint32_t queue);

/** pirn__bell_wake_any() - one who sleeps for any; @queue first */
void pirn__bell_wake_any(struct pirn__log *log, uint32_t queue);

/** pirn__doors_init(), pirn__doors_are_quiet(), pirn__doors_deinit() - the last
 * one blocks */
void pirn__doors_init(struct pirn__log *log);
bool pirn__doors_are_quiet(const struct pirn__bell *bell);
void pirn__doors_deinit(struct pirn__log *log);

/** pirn__bell_forget() - bits of an owner who is dead */
void pirn__bell_forget(struct pirn__log *log, uint16_t owner);

/** pirn__bell_path() - of an owner's FIFO, below .log */
void pirn__bell_path(char path[16], uint16_t owner);

/* The timekeeper: who sleeps until the wheel's next time, so that the others
 * need not. Times are CLOCK_REALTIME. */

/** pirn__timekeeper_become() - until when to sleep; UINT64_MAX: another does,
 * or nothing is due within 1 s */
uint64_t pirn__timekeeper_become(struct pirn__log *log, uint64_t now_ns);

/** pirn__timekeeper_is_at() - whether somebody sleeps until then, or less */
bool pirn__timekeeper_is_at(const struct pirn__log *log, uint64_t now_ns,
                            uint64_t due_ns);

/** pirn__timekeeper_end() - not we any more. Return: whether we were, and
 * something is due within 1 s */
bool pirn__timekeeper_end(struct pirn__log *log, uint16_t owner,
                          uint64_t now_ns);

#endif /* SPOOL_LOG_BELL_H */
