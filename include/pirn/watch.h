/* SPDX-License-Identifier: MIT */
/*
 * pirn/watch.h - readiness, for those who bring descriptors of other libraries
 *
 * Where a library reads and writes by itself, and only has to be told when it
 * can. Your own sockets need none of this: a receive waits by itself.
 *
 *   pirn_start(&watch->op) --> fn, fn, fn ...          --> the op ends
 *                              pirn_watch_modify()          nothing is on loan:
 *                              pirn_watch_pause()           close, free
 *
 * A watch is an op that lasts until it is cancelled; what it sees on the way is
 * told to the watch's own function. A descriptor may have several.
 *
 * CLOSING. The descriptor is on loan like that of any op: cancel, wait for the
 * op's function, close it there; or say PIRN_WATCH_CLOSE, and it is closed for
 * you. Once that function has been called nothing tells of the descriptor any
 * more, not even if its number lives again.
 *
 * OTHER THREADS start, modify and cancel a watch by a post (pirn/post.h), which
 * does it on the watch's thread; pirn/reactor.h has that ready.
 */
#ifndef PIRN_WATCH_H
#define PIRN_WATCH_H

#include <poll.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_watch;

/**
 * pirn_watch_fn - called when the descriptor is ready
 * @watch:  the watch; still on loan
 * @events: those that came and are watched for; POLLERR and POLLHUP unasked
 *
 * May modify, pause and cancel this watch and any other, but not free it. It is
 * not called again once the watch has been cancelled or paused.
 */
typedef void pirn_watch_fn(struct pirn_watch *watch, uint32_t events);

/* How a watch tells. */
enum pirn_watch_flag {
    PIRN_WATCH_LEVEL = 0, /* in every turn, for as long as it is ready */
    PIRN_WATCH_EDGE = 1,  /* when it becomes ready, or ready once more */
    PIRN_WATCH_ONCE = 2,  /* once; then it is paused until it is modified */
    PIRN_WATCH_CLOSE = 4, /* besides: the descriptor is closed at the end */
};

/* Placed by the caller; op is what is started, cancelled and waited for. */
struct pirn_watch {
    struct pirn_op op;
    uint64_t token; /* yours: any value, never looked at */
    struct {
        union {
            struct pirn_op once;
            struct pirn_multishot edge;
        } poll;
        struct pirn_context *context;
        pirn_watch_fn *fn;
        uint32_t events; /* that are wanted */
        uint32_t asked;  /* of the engine, while armed */
        int32_t fd;
        int32_t result;
        uint8_t flags;
        uint8_t state;
        bool armed;
        bool paused;
    } priv;
};

static_assert(sizeof(struct pirn_watch) <= 192, "three cache lines");

/**
 * pirn_prep_watch() - be told of readiness
 * @watch:  watch->op is idle; start it
 * @fd:     anything that poll(2) can wait for; on loan until the op ends. It is
 *          left as it is, O_NONBLOCK or not
 * @events: POLLIN, POLLOUT, POLLPRI, POLLRDHUP, combined; 0: errors and
 *          hang-ups alone
 * @flags:  enum pirn_watch_flag
 * @fn:     called with what came
 *
 * Result, when the watch ends: -ECANCELED as asked; -EBADF @fd is not open; or
 * the error of the context's ring, which leaves @fd open.
 *
 * A regular file is always ready, and told to be, in every turn.
 *
 * Kernel: as pirn_prep_poll(), armed again after each call; edges as
 *         pirn_prep_multishot_poll(), started again when it is modified, which
 *         tells what is ready then.
 */
PIRN_API void pirn_prep_watch(struct pirn_watch *watch, int fd, uint32_t events,
                              uint32_t flags, pirn_watch_fn *fn);

/**
 * pirn_watch_modify() - wait for something else from now on, or go on
 * @events: as for pirn_prep_watch(); the same as before goes on if paused
 *
 * What is ready already is told in a later turn. On a watch that is not started
 * it says what to start with; on one that has ended it changes nothing.
 *
 * Context: the context's thread; also from fn.
 */
PIRN_API void pirn_watch_modify(struct pirn_watch *watch, uint32_t events);

/**
 * pirn_watch_pause() - be told nothing, not even a hang-up, until modified
 *
 * A paused watch is still on loan, and costs nothing.
 *
 * Context: the context's thread; also from fn.
 */
PIRN_API void pirn_watch_pause(struct pirn_watch *watch);

PIRN_END_DECLS

#endif /* PIRN_WATCH_H */
