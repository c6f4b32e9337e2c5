/* SPDX-License-Identifier: MIT */
/*
 * pirn/context.h - one thread, one ring, one loop
 *
 * A turn: what is due in time, what the kernel completed, what other threads
 * posted, what asked for the next turn - each with a budget, so that nothing
 * starves - and one system call that submits all that was started and waits for
 * one completion or the next deadline.
 *
 * Nothing is shared between contexts but what is posted (pirn/post.h). What one
 * knows, the time, the process, itself, is asked by pirn/context_facts.h, which
 * whoever includes this has, too.
 *
 * After fork(2) the child uses no context of its parent: it starts nothing on
 * one, turns none, destroys none, nor posts to one; it stops if it does. It may
 * create contexts of its own. The parent's go on as if there had been no fork.
 * What the child has of them, memory and descriptors, is its until it ends or
 * executes another program. (A child by _Fork(3) or clone(2) is not noticed.)
 */
#ifndef PIRN_CONTEXT_H
#define PIRN_CONTEXT_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/context_facts.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_context;

/* Who carries the operations out. PIRN_ENGINE=NAME in the environment wins. */
enum pirn_engine {
    PIRN_ENGINE_AUTO = 0,  /* uring where the kernel allows it, else plain */
    PIRN_ENGINE_URING = 1, /* the kernel's rings */
    PIRN_ENGINE_PLAIN = 2, /* epoll and threads */
};

/*
 * Who carries out what a ring leaves to a worker of the kernel's in any case: a
 * sync, and what works on a path. PIRN_FILES=NAME in the environment wins.
 *
 * To hand such an operation over costs more than most of them. Under `auto`
 * consecutive steps of a chain that would each wake a worker go to one thread
 * of a pool, 8 at most at a time; whatever stands alone is the ring's.
 *
 * Under `pool` all of these are the pool's. There a thread takes consecutive
 * steps of a chain at once, reads and writes among them, and stops where the
 * chain would. It knows a file by its number alone, and opens a FIFO without
 * waiting for the other end, as the engine plain does, which always has a pool.
 */
enum pirn_files {
    PIRN_FILES_AUTO = 0, /* the ring, and threads for steps in a row */
    PIRN_FILES_RING = 1, /* the ring, and the kernel's workers behind it */
    PIRN_FILES_POOL = 2, /* threads of the process, worker_max of them */
};

enum { PIRN_MIN_WAIT_BATCH = 64 };

/* Zeroed means: the defaults. */
struct pirn_context_config {
    enum pirn_engine engine;
    enum pirn_files files;
    uint32_t sq_entries; /* submissions per enter; power of two, 8 to 32768;
                            0: 256 */
    uint32_t cq_entries; /* completions; power of two, sq_entries to 262144;
                            0: 8 x sq_entries */
    /*
     * Workers for files and paths, of each kind; 0: 64. On uring so many of the
     * kernel's, and, but with PIRN_FILES_RING, so many threads of a pool, too:
     * with PIRN_FILES_AUTO both are used, and there may be twice as many. What
     * a ring leaves to workers for other reasons (a pipe that is waited for)
     * has as many of the kernel's for itself.
     */
    uint32_t worker_max;
    uint32_t turn_budget;  /* functions per source and turn; 0: 256 */
    uint32_t buffer_count; /* for bytes that come to who has no buffer of his
                              own; power of two, 32768 at most; 0: 1024 */
    uint32_t buffer_bytes; /* of each; 1 MiB at most; 0: 4096. Their memory is
                              only used as far as it was ever needed at once */
    /*
     * A turn that may sleep sleeps until PIRN_MIN_WAIT_BATCH completions have
     * come, or for so long and then until the first: fewer turns, each with
     * more to do, and all that comes, posts too, up to so much later. No
     * deadline is missed for it. 0: off. Linux 6.12; before that, and on the
     * engine plain, it is as if it were 0.
     */
    uint64_t min_wait_ns;
};

/**
 * pirn_context_create() - set up a ring and a loop around it
 * @config:      borrowed for the call; NULL for the defaults
 * @ret_context: the new context, which belongs to the calling thread
 *
 * Make it after the process has dropped its rights, in the thread that runs it.
 *
 * Return:  0, or
 *   -ENOSYS  with PIRN_ENGINE_URING
 *            the kernel has no io_uring, or one that is too old
 *   -EPERM   with PIRN_ENGINE_URING
 *            io_uring is refused (kernel.io_uring_disabled, seccomp)
 *   -ENOMEM  no memory, or RLIMIT_MEMLOCK, of which kernels before 5.12 and
 *            new ones (6.18) count a ring for who has no CAP_IPC_LOCK
 *   -EMFILE  no descriptor is left
 *   -EINVAL  @config is out of range, or PIRN_ENGINE names no engine,
 *            PIRN_FILES no policy
 *   pirn_context_refusal() has the sentence for a person.
 * Kernel:  6.1 for all that is used by default; 5.19 at least
 *          (IORING_REGISTER_PBUF_RING). Newer set-up flags are asked for and
 *          dropped one by one where the kernel refuses them. Without a ring:
 *          plain needs 4.5 for itself, and what each operation's call needs.
 */
PIRN_API PIRN_MUST_CHECK int pirn_context_create(
    const struct pirn_context_config *config,
    struct pirn_context **ret_context);

/**
 * pirn_context_refusal() - why a context could not be created, in a sentence
 * @error: what pirn_context_create() returned
 *
 * Looks at kernel.io_uring_disabled and at the process's seccomp mode, to say
 * who refused and what can be done about it.
 *
 * Return: a static string, never NULL
 */
PIRN_API const char *pirn_context_refusal(int error);

/**
 * pirn_context_destroy() - tear the ring down and free the context
 * @context: may be NULL; nothing may be loaned to it
 *
 * Return: NULL, so that `context = pirn_context_destroy(context)` leaves no
 *         stale name
 */
PIRN_API struct pirn_context *pirn_context_destroy(
    struct pirn_context *context);

/**
 * pirn_context_turn() - one round: submit, wait, call what is due
 * @context:    the context
 * @timeout_ns: how long it may wait for something to become due; 0 does not
 *              block, PIRN_FOREVER has no limit
 *
 * What becomes due while the turn runs is called in a later one, so a turn is
 * bounded by what was due when it began, and by the budget.
 *
 * Return:  the number of functions called, or a negative errno once the ring
 *          has failed; all that is loaned then ends with that error
 * Context: the context's thread; not from fn.
 */
PIRN_API PIRN_MUST_CHECK int pirn_context_turn(struct pirn_context *context,
                                               uint64_t timeout_ns);

/**
 * pirn_context_run() - turn until told to stop
 *
 * Return: 0 after pirn_context_stop(), or the ring's error. A context that was
 *         stopped may be run again.
 */
PIRN_API PIRN_MUST_CHECK int pirn_context_run(struct pirn_context *context);

/**
 * pirn_context_drain() - turn until nothing is loaned
 *
 * What the context keeps for itself does not count.
 *
 * Return: 0, or the ring's error
 */
PIRN_API PIRN_MUST_CHECK int pirn_context_drain(struct pirn_context *context);

/**
 * pirn_context_stop() - let pirn_context_run() return after its turn
 *
 * Context: any thread, and from fn; wakes a sleeping context, which is kept
 *          alive until this call has returned.
 */
PIRN_API void pirn_context_stop(struct pirn_context *context);

/**
 * pirn_context_fd() - a descriptor by which a foreign loop sees work
 *
 * For programs whose loop is another library's. Before each sleep ask for the
 * deadline; sleep until then, or until the descriptor is readable; then
 * pirn_context_turn(context, 0).
 *
 * Return: the context's, made at the first call; readable while there is
 *         something to reap. -EMFILE or -ENOMEM if it cannot be made
 */
PIRN_API PIRN_MUST_CHECK int pirn_context_fd(struct pirn_context *context);

/**
 * pirn_context_deadline_ns() - until when a foreign loop may sleep
 *
 * Submits what was started. From this call until the next turn a completion, a
 * post or a stop makes pirn_context_fd() readable.
 *
 * Return:  a time of the monotonic clock: 0 there is work, turn before you
 *          sleep; PIRN_FOREVER nothing is to come by time
 * Context: the context's thread; not from fn.
 */
PIRN_API uint64_t pirn_context_deadline_ns(struct pirn_context *context);

/**
 * pirn_context_set_data() - keep a pointer with the context
 * @key:  the address of a static of yours: nobody else has it
 * @data: NULL forgets the key
 *
 * Return: 0, or -ENOSPC after 16 keys
 */
PIRN_API PIRN_MUST_CHECK int pirn_context_set_data(struct pirn_context *context,
                                                   const void *key, void *data);

/** pirn_context_data() - the pointer kept for @key, or NULL */
PIRN_API void *pirn_context_data(const struct pirn_context *context,
                                 const void *key);

PIRN_END_DECLS

#endif /* PIRN_CONTEXT_H */
