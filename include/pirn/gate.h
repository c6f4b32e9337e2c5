/* SPDX-License-Identifier: MIT */
/*
 * pirn/gate.h - one goes through and works, the others wait for how it went
 *
 * Single flight: many find that a credential has expired; one renews it, the
 * others wait and are told the outcome.
 *
 *   start(enter) ---- free ----> 0: you hold it ... work ... leave(outcome)
 *         |                                                        |
 *         +-------- held ------> waits --------------------------->+
 *                                  PIRN_GATE_OPENED, and pirn_gate_outcome()
 *
 * Who waited does not hold the gate afterwards, and need not enter again: the
 * work is done, or has failed, as the outcome says. The holder may instead pass
 * the gate on to the next one, who then tries.
 *
 * The holder is known by his token, the address of the op by which he entered,
 * which may be used for other things meanwhile. Handed to an enter or a wait it
 * goes through at once, so that work under the gate may use what asks at the
 * gate itself. Each entry is left with the same token; the last leave counts.
 *
 * A timeout is a deadline (pirn/timer.h) on the enter; a waiter may be
 * cancelled. A result of 0 beats a cancel that is late: then the gate is held,
 * and must be left. Nothing is allocated.
 *
 * A gate belongs to its context's thread.
 */
#ifndef PIRN_GATE_H
#define PIRN_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/* The result of an op that waited until the holder left. */
enum { PIRN_GATE_OPENED = 1 };

/* What happens at a gate, for people (pirn/trace.h). */
enum pirn_gate_event {
    PIRN_GATE_WAITS, /* an op waits for the holder */
    PIRN_GATE_HELD,  /* by a token, for the first time */
    PIRN_GATE_LEFT,  /* by its holder, for the last time, with an outcome */
};

/* Placed by the caller. */
struct pirn_gate {
    struct {
        struct pirn_link waiting;
        struct pirn_context *context;
        const struct pirn_op *holder; /* NULL: it is free */
        uint64_t since_ns;
        uint32_t depth; /* entries of the holder */
        uint32_t waiting_count;
        struct pirn_link closes;
        bool closing;
    } priv;
};

/**
 * pirn_gate_init() - a gate that is free
 * @gate:    placed by the caller; not moved before its deinit
 * @context: the context on which its ops are started
 */
PIRN_API void pirn_gate_init(struct pirn_gate *gate,
                             struct pirn_context *context);

/**
 * pirn_gate_deinit() - the last word; asserts that it is left, and none waits
 */
PIRN_API void pirn_gate_deinit(struct pirn_gate *gate);

/**
 * pirn_prep_gate_enter() - an op that ends when you hold the gate, or need not
 * @op:    idle; its address is your token, if it ends with 0
 * @gate:  of the context on which @op is started
 * @token: by which you hold the gate already; NULL, or anything else: you do
 *         not
 *
 * Result: 0, you hold it: leave it with @op, or with @token if that holds it.
 *         PIRN_GATE_OPENED, somebody held it, and has left: with
 *         pirn_gate_outcome(). -ECANCELED, cancelled or closed.
 */
PIRN_API void pirn_prep_gate_enter(struct pirn_op *op, struct pirn_gate *gate,
                                   const struct pirn_op *token);

/**
 * pirn_prep_gate_wait() - an op that ends when the gate is free, or yours
 *
 * For who needs what is done under the gate, but will not do it. As
 * pirn_prep_gate_enter(), but 0 means: nobody else held it; there is nothing to
 * leave.
 */
PIRN_API void pirn_prep_gate_wait(struct pirn_op *op, struct pirn_gate *gate,
                                  const struct pirn_op *token);

/**
 * pirn_gate_outcome() - what the holder said whom this op waited for
 * @op: idle; ended with PIRN_GATE_OPENED, and not prepared again
 *
 * It is the op's own: later holders do not change it.
 */
PIRN_API int32_t pirn_gate_outcome(const struct pirn_op *op);

/**
 * pirn_gate_try() - hold the gate now, or not at all
 * @token: an op of yours, which is not touched
 *
 * Return: whether you hold it, by @token; false also when it is closed
 */
PIRN_API PIRN_MUST_CHECK bool pirn_gate_try(struct pirn_gate *gate,
                                            const struct pirn_op *token);

/**
 * pirn_gate_leave() - let all who wait go on, with an outcome
 * @token:   by which it is held
 * @outcome: yours to define; < 0 as a rule an error
 *
 * Of a gate entered more than once, all but the last leave only count.
 * Functions are called in a later turn; meanwhile the gate is free.
 */
PIRN_API void pirn_gate_leave(struct pirn_gate *gate,
                              const struct pirn_op *token, int32_t outcome);

/**
 * pirn_gate_pass_on() - leave, and let the next one try
 *
 * For who has failed, and thinks that another may not. The one who has waited
 * to enter for longest holds the gate now, the others wait on. Nobody is there:
 * as pirn_gate_leave().
 */
PIRN_API void pirn_gate_pass_on(struct pirn_gate *gate,
                                const struct pirn_op *token, int32_t outcome);

/**
 * pirn_prep_gate_close() - an op that ends when the gate is left for ever
 * @op: idle
 *
 * From its start who waits and who comes ends with -ECANCELED; but the holder's
 * token still goes through. Result 0 when he has left: then deinit. It cannot
 * be cancelled.
 */
PIRN_API void pirn_prep_gate_close(struct pirn_op *op, struct pirn_gate *gate);

struct pirn_gate_status {
    const struct pirn_op *holder; /* his token; NULL: it is free */
    uint64_t since_ns; /* when he entered, to the turn if the context slept, to
                          16 turns if it was too busy to */
    uint32_t depth;    /* how often he has to leave */
    uint32_t waiting_count;
    bool closing;
};

/** pirn_gate_status() - who holds it, and since when */
PIRN_API void pirn_gate_status(const struct pirn_gate *gate,
                               struct pirn_gate_status *ret_status);

PIRN_END_DECLS

#endif /* PIRN_GATE_H */
