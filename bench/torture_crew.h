/* SPDX-License-Identifier: MIT */
/*
 * bench/torture_crew.h - processes that work on one spool, and tell what they
 * do by a pipe
 *
 * Each is forked before anything is opened, uses the public API alone, works
 * until it is killed, and may be killed or stopped anywhere. What it tells is
 * whole or not told. A body follows from its number, so whoever has it knows
 * whether it is the one that was stored.
 */
#ifndef BENCH_TORTURE_CREW_H
#define BENCH_TORTURE_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pirn/spool.h>

#include "bench/place.h"

enum torture_what {
    TORTURE_OPENED,   /* the spool is open; its number: after so many ns */
    TORTURE_ACKED,    /* an enqueue or a commit has ended with 0 */
    TORTURE_FULL,     /* there was no room for an item */
    TORTURE_HAD,      /* an item is ours, and its body is its number's */
    TORTURE_ENDING,   /* it may be ours no more from here on */
    TORTURE_REMOVING, /* likewise, and may be gone */
    TORTURE_REMOVED,  /* the removal has ended with 0 */
    TORTURE_FOUND,    /* it is there, and whole: of who takes stock */
    TORTURE_TORN,     /* it is there, and its body is not what was stored */
    TORTURE_FAULT,    /* a call was answered by what must not be */
};

/* Below PIPE_BUF. */
struct torture_told {
    uint32_t what; /* enum torture_what */
    uint32_t child;
    uint64_t number; /* 0: not known */
    struct pirn_id id;
    uint64_t at_ns; /* CLOCK_MONOTONIC, when it was so */
    int32_t result;
    bool durable;   /* the removal: against power cuts, by the promise */
    char doing[19]; /* what failed, for people */
};

_Static_assert(sizeof(struct torture_told) == 64, "written in one piece");

struct torture_place {
    char spool[PLACE_PATH];
    char index[PLACE_PATH];
    enum pirn_layout layout;
    int pipe;             /* to whom all is told */
    atomic_uint *waiting; /* items, shared: writers let takers catch up */
    uint32_t child;       /* never twice */
    uint64_t seed;
};

/** torture_make() - the spool; 0 or a negative errno */
int torture_make(const struct torture_place *place);

/** torture_write(), torture_take() - until killed; of struct torture_place */
void torture_write(void *place);
void torture_take(void *place);

/** torture_look() - tell of each item that is there; ends the process: 0, or 1
 * after a fault */
void torture_look(void *place);

/** torture_drain() - have and remove each item that is there; likewise */
void torture_drain(void *place);

/** torture_spoil() - store an item, tell of it, remove it and tell nobody;
 * likewise */
void torture_spoil(void *place);

#endif /* BENCH_TORTURE_CREW_H */
