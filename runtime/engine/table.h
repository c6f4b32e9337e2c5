/* SPDX-License-Identifier: MIT */
/*
 * table.h - the one table of operations
 *
 * Kernel numbers stand here by number, not by the name in a header: the
 * libraries that a distribution ships are older than its kernels.
 */
#ifndef RUNTIME_ENGINE_TABLE_H
#define RUNTIME_ENGINE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/engine.h"

/* Who can do it without a ring. */
enum engine_wait {
    ENGINE_INSTANT, /* never waits: a system call in place, on any engine */
    ENGINE_FINITE,  /* may wait for a disk: a worker's work */
    ENGINE_READY,   /* waits for a peer: only when the descriptor is ready */
};

struct engine_row {
    const char *name;  /* as the kernel's header calls it, or the call */
    const char *since; /* the Linux version that brought it to the ring */
    int16_t uring;     /* IORING_OP_*, or -1: io_uring has no such operation */
    enum engine_wait wait;
    bool cuts;    /* it cuts a link wherever a chain would stop behind it */
    bool moves;   /* a result below len is a beginning, not the end */
    bool follows; /* may be linked behind another: never refused before it
                     begins */
    bool punts;   /* a ring always leaves it to a worker of the kernel's */
};

/* By enum engine_opcode. */
extern const struct engine_row pirn__engine_rows[ENGINE_OPCODE_COUNT];

/* Whether the kernel may be left to begin @behind when @before has succeeded:
 * two loans of one linked run (engine_class.joins). */
bool pirn__engine_links(const struct pirn_loan *before,
                        const struct pirn_loan *behind);

/* Whether a ring leaves @loan to a worker of the kernel's, whatever the cache
 * has: a hand-over in any case. */
bool pirn__engine_punts(const struct pirn_loan *loan);

/* A descriptor that is not there yet: the place in the run of the loan that
 * will open it, or -1. */
static inline int loan_fd_place(const struct pirn_loan *loan)
{
    return loan->fd < INT32_MIN / 2 ? loan->fd - INT32_MIN : -1;
}

/* A step that a chain does not simply pass over after a failure. */
static inline bool loan_is_marked(const struct pirn_loan *loan)
{
    return (loan->flags & (LOAN_ALWAYS | LOAN_UNDO)) != 0;
}

#endif /* RUNTIME_ENGINE_TABLE_H */
