/* SPDX-License-Identifier: MIT */
/*
 * fault.h - what goes wrong in a life, and how often
 *
 * Swarm: of the faults that a scenario allows, a life has about a third, each
 * with a chance of its own; a fault that is never there hides what it masks.
 * Each draws from its own numbers, so one that is switched off (to shrink a
 * failure) leaves the others nearly where they were.
 */
#ifndef TESTS_SIM_MODEL_FAULT_H
#define TESTS_SIM_MODEL_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/model/rng.h"

enum fault {
    FAULT_SHORT,     /* less is moved than asked */
    FAULT_EINTR,     /* a socket's operation is interrupted */
    FAULT_EAGAIN,    /* a socket has no memory just now */
    FAULT_ENOBUFS,   /* likewise; or a buffer ring is empty */
    FAULT_EIO,       /* a file's operation fails; a rename may have happened */
    FAULT_ENOSPC,    /* there is no room, for now */
    FAULT_EMFILE,    /* no descriptor is left, for now */
    FAULT_ENOMEM,    /* the kernel has no memory for it */
    FAULT_ECANCELED, /* nobody asked (seen on some 6.14) */
    FAULT_SYNC,      /* an fsync fails; the next lies */
    FAULT_LATE,      /* the effect, or only the completion, up to 10 s late */
    FAULT_ENTER,     /* the kernel takes only a part of what is submitted */
    FAULT_EARLY,     /* a wait ends, and nothing has happened */
    FAULT_OVERFLOW,  /* the completion queue has few entries */
    FAULT_CLOCK,     /* the wall clock goes back, or forth */
    FAULT_RESET,     /* a connection is reset */
    FAULT_KILL,      /* a process is killed */
    FAULT_STOP,      /* a process is stopped, for up to 5 s */
    FAULT_POWER,     /* the power fails */
    FAULT_RING,      /* a ring fails for ever: its waits end with an error */
    FAULT_COUNT,
};

#define FAULT_BIT(fault) (UINT32_C(1) << (fault))
#define FAULT_ALL (FAULT_BIT(FAULT_COUNT) - 1)

struct faults {
    uint32_t chance[FAULT_COUNT]; /* of 2^32; 0: not in this life */
    struct rng rng[FAULT_COUNT];
    uint64_t happened[FAULT_COUNT];
    bool calm; /* the storm is over */

    /* For exhaustive runs: the operation at one place is refused, or each that
     * can be from there on. */
    uint32_t row;  /* 1 and up: of the table in fault.c */
    uint32_t from; /* the first, counted from 0 */
    uint32_t to;
    uint32_t seen; /* operations so far */
    uint8_t *list; /* of their opcodes, FAULT_LIST of them; or NULL */
};

enum { FAULT_LIST = 1024 };

/* The row behind @row that can refuse @opcode; 0: there is none. */
uint32_t fault_row(uint32_t row, uint8_t opcode);

/* @allowed by the scenario; @often: of these, in each life and about once in
 * four times; @off by who replays; all of FAULT_BIT(). */
void faults_init(struct faults *faults, uint64_t seed, uint32_t allowed,
                 uint32_t often, uint32_t off);

/* Whether it happens here and now. */
bool fault_happens(struct faults *faults, enum fault fault);

/* Numbers that belong to it: which, how long, how much. */
static inline struct rng *fault_rng(struct faults *faults, enum fault fault)
{
    return &faults->rng[fault];
}

/* What an operation may be refused with before it has an effect, or 0. */
enum fault fault_of_operation(struct faults *faults, uint8_t opcode,
                              int32_t *ret_error);

const char *fault_name(int fault);

/* "eio,late" to bits; unknown names are passed over. */
uint32_t faults_parse(const char *names);

#endif /* TESTS_SIM_MODEL_FAULT_H */
