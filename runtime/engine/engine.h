/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the one seam to the outside
 *
 * All that a context asks of the outside goes through a struct engine_class:
 * operations, and besides them the clock, random numbers, identity and the
 * doorbell. The seam is batched - submit a list, wait until, reap many - so it
 * costs a few indirect calls a turn and none per operation.
 *
 * One submission format: the fields of struct pirn_loan, which mean what the
 * fields of the kernel's submission entry mean.
 *
 *   loan      fd  addr  len  offset  op_flags         arg            extra
 *   kernel's  fd  addr  len  off     rw_flags, ...    splice_fd_in   ioprio
 */
#ifndef RUNTIME_ENGINE_ENGINE_H
#define RUNTIME_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/context.h"
#include "pirn/op.h"

/* What an engine can be asked to do; table.c says what each is. */
enum engine_opcode {
    ENGINE_NONE = 0, /* never prepared */
    ENGINE_NOP,
    ENGINE_OPEN,
    ENGINE_OPEN_BENEATH,
    ENGINE_CLOSE,
    ENGINE_READ,
    ENGINE_WRITE,
    ENGINE_READ_MULTISHOT,
    ENGINE_READV,
    ENGINE_WRITEV,
    ENGINE_FSYNC,
    ENGINE_CONFIRM,
    ENGINE_FALLOCATE,
    ENGINE_TRUNCATE,
    ENGINE_LOCK,
    ENGINE_ROOM,
    ENGINE_RENAME,
    ENGINE_UNLINK,
    ENGINE_MKDIR,
    ENGINE_FIFO,
    ENGINE_LINK,
    ENGINE_SYMLINK,
    ENGINE_STAT,
    ENGINE_LIST,
    ENGINE_SOCKET,
    ENGINE_BIND,
    ENGINE_LISTEN,
    ENGINE_SET_OPTION,
    ENGINE_ACCEPT,
    ENGINE_CONNECT,
    ENGINE_SEND,
    ENGINE_SENDMSG,
    ENGINE_RECV,
    ENGINE_SHUTDOWN,
    ENGINE_SIGNALS,
    ENGINE_PIDFD_OPEN,
    ENGINE_WAITID,
    ENGINE_INOTIFY_OPEN,
    ENGINE_INOTIFY_ADD,
    ENGINE_POLL,
    ENGINE_SPLICE,
    ENGINE_RAW, /* extra: the kernel's number */
    ENGINE_OPCODE_COUNT,
};

/* Where a loan is. */
enum loan_state {
    LOAN_IDLE = 0, /* its owner's; zeroed memory is an idle loan */
    LOAN_QUEUED,   /* on the context's queue; the engine does not know it */
    LOAN_INFLIGHT, /* the engine's; on the context's inflight, or on its
                      cancels while a cancellation waits for room */
    LOAN_HELD,     /* with a timer heap, a mailbox, or a task's owner */
    LOAN_WAITING,  /* with a serial; its turn has not come */
    LOAN_WAITING_ALONE,
    LOAN_READY, /* its result is known, its function not called */
};

enum loan_flag {
    LOAN_CANCELLING = 1, /* asked to end early */
    LOAN_LINKED = 2,     /* in one run with what is queued behind it */
    LOAN_MULTISHOT = 4,  /* struct pirn_multishot, not struct pirn_op */
    LOAN_OWNED = 8,      /* its end is its owner's business */
    LOAN_FD_OF = 16,     /* fd was PIRN_FD_OF(extra) */
    LOAN_ALWAYS = 32,    /* enum pirn_step */
    LOAN_UNDO = 64,
    LOAN_SELECT = 128, /* a multishot for whose bytes the engine takes one of
                          the context's buffers */
};

/* Loans in one run, at most; a run waits for that much room. */
enum { ENGINE_RUN_MAX = 8 };

/* The result of a loan in a run that was not begun, though nothing says yet
 * that it shall not be: its chain decides. No operation has it. */
enum { ENGINE_NOT_BEGUN = INT32_MIN };

/* The flags that last longer than one loan. */
enum { LOAN_PREPARED = LOAN_MULTISHOT | LOAN_ALWAYS | LOAN_UNDO | LOAN_SELECT };

/* No buffer's number: there are fewer. */
enum { ENGINE_NO_BUFFER = UINT16_MAX };

struct engine_event {
    struct pirn_loan *loan;
    int32_t result;
    uint16_t buffer; /* where the bytes are: of LOAN_SELECT, if result > 0 */
    bool more;       /* of a multishot: further events follow */
};

struct engine_config {
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t worker_max;
    enum pirn_files files; /* auto: both */
    uint64_t min_wait_ns;
    uint8_t *buffers;      /* the context's, for as long as the engine lives */
    uint32_t buffer_count; /* a power of two */
    uint32_t buffer_bytes; /* of each */
};

/* Every engine's first member. */
struct engine {
    const struct engine_class *class;
    enum pirn_files files; /* who carries out what works on files */
    uint64_t submitted; /* operations that were handed over; for statistics */
    char reason[320];   /* why this engine, and what the kernel refused it */
};

struct engine_class {
    const char *name;

    /*
     * Whether @behind may be queued in one run with @before, which is marked
     * LOAN_LINKED then. The engine begins each loan of a run when the one
     * before it has ended as if a chain had looked on, and ends all of them;
     * those at which it stops looking on end with ENGINE_NOT_BEGUN. A
     * descriptor that a loan of the run is to open is
     * PIRN_FD_OF(its place in the run).
     */
    bool (*joins)(struct engine *engine, const struct pirn_loan *before,
                  const struct pirn_loan *behind);

    /* @ret_engine belongs to the calling thread. */
    int (*create)(const struct engine_config *config,
                  struct engine **ret_engine);
    void (*destroy)(struct engine *engine);

    /*
     * Take loans from the head of @cancels, then of @queue, as far as there is
     * room; a run whole or not at all. Taken loans are INFLIGHT and on
     * @inflight, or, CANCELLING, on a list of the engine's own.
     * Cancellations go first: they end work, and must not wait behind work
     * that begins.
     */
    void (*submit)(struct engine *engine, struct pirn_link *cancels,
                   struct pirn_link *queue, struct pirn_link *inflight);

    /*
     * From now on @buffer may be taken for bytes that come; an event says which
     * one was. Without any a loan marked LOAN_SELECT ends with -ENOBUFS.
     */
    void (*give)(struct engine *engine, uint16_t buffer);

    /*
     * Tell the kernel, and wait for an event, a wake or the time. With 0 it
     * does not wait, but still lets deferred work run. 0, or an error that
     * will not go away.
     */
    int (*wait)(struct engine *engine, uint64_t timeout_ns);

    /*
     * The wait has failed. Have the kernel let go of what is on @inflight, as
     * well as that can be done, and put what is on a list of the engine's own
     * there too: none of it is reaped any more.
     */
    void (*abandon)(struct engine *engine, struct pirn_link *inflight);

    /* At most @max events; fewer means there are no more now. A multishot that
     * an engine has ended may be handed over again by the context. */
    uint32_t (*reap)(struct engine *engine, struct engine_event *events,
                     uint32_t max);

    /* A descriptor, readable when a wait would not sleep; or an errno. */
    int (*fd)(struct engine *engine);

    /* End the current or the next wait. Any thread. */
    void (*wake)(struct engine *engine);

    uint64_t (*now_ns)(struct engine *engine);      /* monotonic */
    uint64_t (*realtime_ns)(struct engine *engine); /* since 1970 */
    void (*random)(struct engine *engine, void *bytes, size_t len);
    void (*identity)(struct engine *engine, struct pirn_identity *ret_identity);

    /* The first @bytes of @fd's file as memory that all who map it share. */
    int (*map)(struct engine *engine, int fd, uint64_t bytes,
               void **ret_memory);
    void (*unmap)(struct engine *engine, void *memory, uint64_t bytes);

    /* As read(2) at @offset, of what is in memory: bytes, 0 at the end;
     * -EAGAIN it would wait; -EOPNOTSUPP nobody knows; or an errno. */
    int32_t (*read_cached)(struct engine *engine, int fd, void *buf,
                           uint32_t len, uint64_t offset);
};

/* By @which, but PIRN_ENGINE wins. The class for `auto` creates an engine of
 * another class. -EINVAL: no such engine. */
int pirn__engine_choose(enum pirn_engine which,
                        const struct engine_class **ret_class);

/* By @which, but PIRN_FILES wins. -EINVAL: no such policy. */
int pirn__files_choose(enum pirn_files which, enum pirn_files *ret_files);

extern const struct engine_class pirn__engine_uring;
extern const struct engine_class pirn__engine_plain;

/* The clock and the rest, as every engine on a real kernel answers them. */
uint64_t pirn__host_now_ns(struct engine *engine);
uint64_t pirn__host_realtime_ns(struct engine *engine);
void pirn__host_random(struct engine *engine, void *bytes, size_t len);
void pirn__host_identity(struct engine *engine,
                         struct pirn_identity *ret_identity);
int pirn__host_map(struct engine *engine, int fd, uint64_t bytes,
                   void **ret_memory);
void pirn__host_unmap(struct engine *engine, void *memory, uint64_t bytes);
int32_t pirn__host_read_cached(struct engine *engine, int fd, void *buf,
                               uint32_t len, uint64_t offset);

/* Another descriptor, close-on-exec, of what @fd is one of; or an errno. */
int pirn__host_duplicate(int fd);

#endif /* RUNTIME_ENGINE_ENGINE_H */
