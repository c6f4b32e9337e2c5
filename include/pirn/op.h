/* SPDX-License-Identifier: MIT */
/*
 * pirn/op.h - one operation: prepared, started, ended once
 *
 * An op is a fixed-size struct that you put inside your own struct. Preparing
 * it says *what*: it fills the op, touches nothing and cannot fail. A verb says
 * *when*: pirn_start() now, pirn_chain_start() in order until one fails,
 * pirn_serial_push() when its turn comes.
 *
 *          prep            start                 fn() is called
 *   IDLE --------> IDLE -----------> LOANED ------------------------> IDLE
 *    ^   yours: prepare again, start again, move, free                  |
 *    +------------------------------------------------------------------+
 *
 * THE LOAN. From start until fn the op, its buffers, paths and descriptors are
 * the context's. You may ask to cancel; you may not touch, move or free, nor
 * close a descriptor: cancel, wait for fn, close. The function is called
 * exactly once per start, on the context's thread, from the turn and never from
 * inside start or cancel; when it is entered the op is idle again.
 *
 * (The ring has the file, plain only the number, which may be another file's
 * as soon as it is closed.)
 *
 * Starting cannot fail. There is one place for errors, the result: >= 0 is
 * success, < 0 a negative errno. The library allocates nothing per operation:
 * the number in flight is the number of ops you placed.
 *
 * What passes is a result, too. -EINTR, -EAGAIN, -ENOMEM, and an -ECANCELED
 * that nobody asked for (6.14, seen by others when signals come), say of a
 * transfer that nothing has moved: the op may be started again, as it is.
 *
 * What delivers many times is another type, struct pirn_multishot.
 */
#ifndef PIRN_OP_H
#define PIRN_OP_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>

PIRN_BEGIN_DECLS

struct pirn_context;
struct pirn_multishot;
struct pirn_op;

/**
 * pirn_op_fn - called once, when the loan ends
 * @op:     the op; idle again, so it may be restarted or freed in here
 * @result: what the operation documents: >= 0, or a negative errno
 *
 * Reach your own struct with pirn_container_of(); there is no user pointer.
 * Runs on the context's thread and must not block. It may start and cancel any
 * op of the same context. It may not run, turn or destroy the context.
 */
typedef void pirn_op_fn(struct pirn_op *op, int32_t result);

/* Whether a multishot goes on after this delivery. */
enum pirn_more {
    PIRN_LAST = 0, /* the loan has ended; the multishot is idle */
    PIRN_MORE = 1, /* further deliveries may follow */
};

/**
 * pirn_multishot_fn - called for each delivery
 * @shot:   the multishot; idle if @more is PIRN_LAST, and only then yours
 * @result: what the operation documents: >= 0, or a negative errno
 * @more:   PIRN_LAST exactly once per start, with the last call
 */
typedef void pirn_multishot_fn(struct pirn_multishot *shot, int32_t result,
                               enum pirn_more more);

/*
 * What is on loan. The context's: the layout is public so that an op can be a
 * member of your struct; the fields are not part of the API.
 */
struct pirn_loan {
    struct pirn_link link;
    uint64_t addr;
    uint64_t offset;
    uint32_t len;
    int32_t fd;
    uint32_t op_flags;
    uint32_t arg;
    int32_t result;
    uint8_t opcode;
    uint8_t state;
    uint8_t flags;
    uint8_t extra;
};

/* Who is told that an op has ended, instead of its function: of a step its
 * chain, of what runs in its turn its serial. Not part of the API either. */
struct pirn_owner {
    void (*ended)(struct pirn_owner *owner, struct pirn_op *op);
};

/* 64 bytes: one op, one cache line. Zeroed memory is an idle op. */
struct pirn_op {
    union {
        pirn_op_fn *fn;
        struct pirn_owner *owner;
        uint64_t waiting; /* while it waits for its turn, see serial.c */
    } then;
    struct pirn_loan priv;
};

/* As an op; delivers many times and then PIRN_LAST. Zeroed memory is idle. */
struct pirn_multishot {
    pirn_multishot_fn *fn;
    struct pirn_loan priv;
};

static_assert(sizeof(struct pirn_op) == 64, "an op is one cache line");
static_assert(sizeof(struct pirn_multishot) == 64, "so is a multishot");

/**
 * pirn_start() - start a prepared op now
 * @context: the context; the calling thread's own
 * @op:      idle and prepared; loaned until @fn
 * @fn:      called once with the operation's result
 *
 * Cannot fail. The kernel sees the op at the next turn. An op that was
 * prepared once may be started again and again: it does the same.
 *
 * Context: the context's thread; also from fn. Does not block.
 */
PIRN_API void pirn_start(struct pirn_context *context, struct pirn_op *op,
                         pirn_op_fn *fn);

/**
 * pirn_cancel() - ask for the loan to end early
 * @context: the context the op was started on
 * @op:      the op; if it is idle the call does nothing
 *
 * A request, not an end: the op stays loaned until its function is called,
 * once, whether or not the request wins: with -ECANCELED if it does, with the
 * operation's own result if that was faster. Bytes that moved are reported.
 * Asking twice is asking once; no function is called from inside this call; a
 * request that comes late never reaches the op's next life.
 *
 * Kernel:  5.5 (IORING_OP_ASYNC_CANCEL); an op which the kernel has not seen
 *          yet is cancelled without it. What a kernel worker has begun on a
 *          file or a path is not interrupted.
 * Context: the context's thread; also from fn. Does not block.
 */
PIRN_API void pirn_cancel(struct pirn_context *context, struct pirn_op *op);

/**
 * pirn_wait() - start a prepared op and turn the context until it has ended
 * @context: the context; not in a turn
 * @op:      idle and prepared
 *
 * For programs that want to block. Functions of other ops are called while it
 * waits.
 *
 * Return:  the op's result, or the error of a context whose ring has failed
 * Context: the context's thread; not from fn. Blocks.
 */
PIRN_API int32_t pirn_wait(struct pirn_context *context, struct pirn_op *op);

/**
 * pirn_op_is_idle() - whether the op is yours
 * @op: an op that was zeroed once
 */
PIRN_API bool pirn_op_is_idle(const struct pirn_op *op);

/**
 * pirn_op_result() - the result with which the op last ended
 * @op: idle; started at least once
 *
 * For the steps of a chain, which have no function of their own.
 */
PIRN_API int32_t pirn_op_result(const struct pirn_op *op);

/**
 * pirn_multishot_start() - start a prepared multishot
 *
 * As pirn_start(): cannot fail; @fn is called from turns, the last time with
 * PIRN_LAST.
 *
 * A multishot that the kernel ends for reasons of its own (no room for its
 * completions, no buffer, enough for one socket, a signal) is started again
 * unseen, its deliveries in order. PIRN_LAST says why it is not: the result is
 * the error, 0 where the peer has ended, -ECANCELED after a cancel; or, if that
 * came too late, what the last delivery brought.
 */
PIRN_API void pirn_multishot_start(struct pirn_context *context,
                                   struct pirn_multishot *shot,
                                   pirn_multishot_fn *fn);

/**
 * pirn_multishot_cancel() - ask a multishot to end
 *
 * As pirn_cancel(). Deliveries that were on their way still arrive; then
 * PIRN_LAST.
 */
PIRN_API void pirn_multishot_cancel(struct pirn_context *context,
                                    struct pirn_multishot *shot);

/**
 * pirn_multishot_bytes() - what this delivery of a receiving multishot brought
 * @shot: made by pirn_prep_multishot_recv() or pirn_prep_multishot_read()
 *
 * Only inside its function, and only if the result was positive: as many bytes,
 * borrowed until the function returns. They are in one of the context's
 * buffers, which then receives something else.
 */
PIRN_API const void *pirn_multishot_bytes(const struct pirn_multishot *shot);

/** pirn_multishot_is_idle() - whether the multishot is yours */
PIRN_API bool pirn_multishot_is_idle(const struct pirn_multishot *shot);

/* A submission in the kernel's own words, see io_uring_enter(2). */
struct pirn_raw {
    uint8_t opcode; /* IORING_OP_* */
    int32_t fd;
    uint64_t addr;
    uint64_t offset;
    uint32_t len;
    uint32_t op_flags; /* rw_flags and the fields that share its place */
    uint32_t arg;      /* splice_fd_in, file_index */
};

/**
 * pirn_prep_raw() - an operation that pirn has no name for
 * @op:  idle
 * @raw: copied; what it points to is loaned until the op ends
 *
 * Result: what the kernel says. The operation must complete once: nothing that
 * delivers many times, or twice, as zero-copy sends do.
 *
 * Kernel: whatever the operation needs; -EINVAL where it is unknown,
 *         -EOPNOTSUPP on an engine without a ring.
 */
PIRN_API void pirn_prep_raw(struct pirn_op *op, const struct pirn_raw *raw);

/** pirn_prep_nop() - an operation that does nothing; result 0 */
PIRN_API void pirn_prep_nop(struct pirn_op *op);

PIRN_END_DECLS

#endif /* PIRN_OP_H */
