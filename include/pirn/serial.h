/* SPDX-License-Identifier: MIT */
/*
 * pirn/serial.h - ops that run when their turn comes
 *
 * pirn_serial_push() is a verb that says *when*, as pirn_start() is: one at a
 * time, or as many at once as the serial has slots, in the order in which they
 * were pushed. Any prepared op can be pushed: a write, a stream's send, a
 * chain, a timer, a task, a spool call.
 *
 *                        a slot is free                      fn() is called
 *   push ---> waiting ------------------> running ---> ended --------------+
 *    |           |     not while stopped,                  |               |
 *    |           |     nor beside who is alone             v               |
 *    +-----------+-- cancel: -ECANCELED               the next begins <----+
 *
 * An op's turn lasts until its function has returned, not until it is freed: in
 * there nothing else begins, so the function may put its op back at the front,
 * stop the serial or close it before the next one has its turn. A negative
 * result does not stop a serial, unless that was asked for.
 *
 * The loan begins with the push: a waiting op may be cancelled (O(1)), not
 * touched. A deadline (pirn/timer.h) cancels it wherever it is. Nothing is
 * allocated: who waits is linked through the ops, who runs has a slot.
 *
 * Barrier: an op pushed alone begins when all before it have ended, and nothing
 * behind it begins before it has ended itself. Alone, pirn_prep_immediate()
 * tells that all before it is done; pirn_prep_task() holds what is behind it
 * back until the task is finished. A wait group is a serial with a slot for
 * each member and an op alone behind them.
 *
 * A serial belongs to its context's thread. From another thread post, and push
 * in there:
 *
 *   static void came(struct pirn_op *op, int32_t result)
 *   {
 *       struct job *job = pirn_container_of(op, struct job, post);
 *
 *       pirn_serial_push(&job->server->serial, &job->op, job_done);
 *   }
 *   ...
 *   pirn_post(server->context, &job->post, came);
 */
#ifndef PIRN_SERIAL_H
#define PIRN_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_serial;

/* What happens to an op on a serial. */
enum pirn_serial_event {
    PIRN_SERIAL_WAITS,   /* pushed, and not begun at once */
    PIRN_SERIAL_BEGINS,  /* its turn has come */
    PIRN_SERIAL_ENDS,    /* its function is called next */
    PIRN_SERIAL_DROPPED, /* ends without a turn: cancelled, or closed */
    PIRN_SERIAL_REFUSED, /* pushed too late, or too many waited */
};

/**
 * pirn_serial_trace_fn - told of each event, for people
 * @op: borrowed; may be compared, and your struct around it be read
 *
 * May not push, cancel, start or stop anything.
 */
typedef void pirn_serial_trace_fn(const struct pirn_serial *serial,
                                  const struct pirn_op *op,
                                  enum pirn_serial_event event);

/* Room for one op that runs; placed by the caller, filled by the serial. */
struct pirn_serial_slot {
    struct {
        struct pirn_owner owner;
        struct pirn_serial *serial;
        struct pirn_op *op; /* NULL: nothing runs in it */
        uint64_t since_ns;
        union {
            pirn_op_fn *fn;
            struct pirn_serial_slot *next_free;
        } then;
    } priv;
};

/* Zeroed means: one at a time, running, no bound, errors stop nothing. */
struct pirn_serial_config {
    const char *name;               /* for people; borrowed; may be NULL */
    struct pirn_serial_slot *slots; /* @slot_count, on loan until deinit; NULL:
                                       one, its own */
    uint32_t slot_count;
    uint32_t waiting_max; /* who is pushed when so many wait ends with -EXFULL;
                             0: no bound */
    bool begins_stopped;
    bool stops_on_error; /* when an op that ran ends with a negative result */
    pirn_serial_trace_fn *trace; /* may be NULL */
};

/* Placed by the caller. */
struct pirn_serial {
    struct {
        struct pirn_link waiting;
        struct pirn_link idlers; /* wait for it to be idle */
        struct pirn_serial_slot *free;
        struct pirn_context *context;
        uint32_t hindrances; /* why nothing may begin */
        uint32_t running_count;
        bool *gone; /* while a function is called: whether deinit was */
        struct pirn_serial_slot slot; /* its own */
        pirn_serial_trace_fn *trace;
        uint32_t waiting_count;
        uint32_t waiting_max;
        bool stops_on_error;
        uint32_t slot_count;
        struct pirn_serial_slot *slots;
        const char *name;
    } priv;
};

/**
 * pirn_serial_init() - an empty serial
 * @serial:  placed by the caller; not moved before its deinit
 * @context: the context on which its ops run
 * @config:  copied; NULL for the defaults
 */
PIRN_API void pirn_serial_init(struct pirn_serial *serial,
                               struct pirn_context *context,
                               const struct pirn_serial_config *config);

/**
 * pirn_serial_deinit() - the last word; asserts that nothing waits or runs
 *
 * Also from the function of its last op, which may then free it. What is not
 * empty is closed first.
 */
PIRN_API void pirn_serial_deinit(struct pirn_serial *serial);

/**
 * pirn_serial_push() - start a prepared op when its turn comes
 * @serial: of the calling thread
 * @op:     idle and prepared; loaned until @fn
 * @fn:     called once, from a turn: the operation's own result, or
 *   -ECANCELED  cancelled, or the serial is closed; it may never have begun
 *   -EXFULL     so many wait as may; it has not begun. (Nothing but a serial
 *               answers so.) Push it again when something has ended.
 *
 * Cannot fail. With a slot free it is begun at once, as by pirn_start().
 *
 * Context: the context's thread; also from fn. Does not block.
 */
PIRN_API void pirn_serial_push(struct pirn_serial *serial, struct pirn_op *op,
                               pirn_op_fn *fn);

/* How an op is pushed; may be or-ed. */
enum pirn_serial_how {
    PIRN_SERIAL_FRONT = 1, /* before all who wait, and beyond the bound: for
                              who had a turn and needs another */
    PIRN_SERIAL_ALONE = 2, /* begins when all before it have ended; nothing
                              begins beside it */
};

/**
 * pirn_serial_push_as() - push to the front, or to be alone
 * @how: of enum pirn_serial_how; 0 is pirn_serial_push()
 *
 * An op that is put back at the front by its own function runs again next.
 * Where that is too late, because the serial is closed, it ends with
 * -ECANCELED like all others.
 */
PIRN_API void pirn_serial_push_as(struct pirn_serial *serial,
                                  struct pirn_op *op, unsigned how,
                                  pirn_op_fn *fn);

/**
 * pirn_serial_stop() - let nothing more begin
 *
 * What runs goes on; what is pushed waits. Stopping twice is stopping once.
 */
PIRN_API void pirn_serial_stop(struct pirn_serial *serial);

/**
 * pirn_serial_start() - go on after a stop
 *
 * Those who may now begin do so inside this call, or, in the function of an op
 * of this serial, after it. No function is called.
 */
PIRN_API void pirn_serial_start(struct pirn_serial *serial);

/**
 * pirn_prep_serial_drain() - an op that ends when nothing runs and none waits
 * @op: idle
 *
 * Result 0, the serial was empty for a moment; -ECANCELED, it is closed. With a
 * deadline (pirn/timer.h) on it, this is how a serial is ended in order: close
 * it then, which does nothing more to an empty one.
 */
PIRN_API void pirn_prep_serial_drain(struct pirn_op *op,
                                     struct pirn_serial *serial);

/**
 * pirn_prep_serial_close() - an op that ends everything
 * @op: idle
 *
 * From its start who waits, and who is pushed, ends with -ECANCELED; who runs
 * is cancelled, and ends as it may. Result 0, when the functions of all of them
 * have returned: then deinit. It cannot be cancelled.
 */
PIRN_API void pirn_prep_serial_close(struct pirn_op *op,
                                     struct pirn_serial *serial);

/* An op counts from its push until its function is entered, or its end was
 * decided without a turn. */

/** pirn_serial_waiting_count() - how many have not had their turn */
PIRN_API uint32_t pirn_serial_waiting_count(const struct pirn_serial *serial);

/** pirn_serial_running_count() - how many have it */
PIRN_API uint32_t pirn_serial_running_count(const struct pirn_serial *serial);

/** pirn_serial_is_idle() - whether both are 0 */
PIRN_API bool pirn_serial_is_idle(const struct pirn_serial *serial);

/** pirn_serial_is_stopped() - by pirn_serial_stop(), by an error, or from the
 * beginning */
PIRN_API bool pirn_serial_is_stopped(const struct pirn_serial *serial);

/**
 * pirn_serial_longest() - who has had its turn for longest
 * @ret_since_ns: when it began, as pirn_context_now_ns() counts; or earlier, by
 *                16 turns at most, of a context that was too busy to sleep
 *
 * Names an op that holds the others up.
 *
 * Return: the op, loaned; NULL if nothing runs
 */
PIRN_API const struct pirn_op *pirn_serial_longest(
    const struct pirn_serial *serial, uint64_t *ret_since_ns);

/** pirn_serial_name() - what its config said; NULL if nothing */
PIRN_API const char *pirn_serial_name(const struct pirn_serial *serial);

PIRN_END_DECLS

#endif /* PIRN_SERIAL_H */
