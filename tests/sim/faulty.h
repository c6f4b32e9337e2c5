/* SPDX-License-Identifier: MIT */
/*
 * faulty.h - the real engine, but for the results that a test spoils
 *
 * Everything is carried out by the running kernel; a planned fault replaces
 * the result of an operation on its way back. So the code above sees a device
 * that failed, on a machine whose device did not. Or the process is killed
 * between two results: what it asked for may be done, and it never hears.
 */
#ifndef TESTS_SIM_FAULTY_H
#define TESTS_SIM_FAULTY_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/engine.h"

/* One plan per process: the @first th and later operations of a kind fail. */
struct faulty_plan {
    enum engine_opcode opcode; /* ENGINE_NONE: nothing fails; _COUNT: any
                                  but a close, and what it opened is closed */
    uint32_t first;            /* 1: from the first one on */
    uint32_t count;            /* how many fail; 0: all from there on */
    int32_t error;
    uint32_t seen;           /* written: operations of that kind that ended */
    uint32_t failed;         /* written: of these, the spoiled ones */
    uint32_t synced;         /* written: syncs that were not spoiled */
    uint32_t opened;         /* written: descriptors that nobody was told of */
    enum engine_opcode last; /* written: of the last spoiled one */
};

/* Set the plan and forget what was counted. */
void faulty_plan(enum engine_opcode opcode, uint32_t first, uint32_t count,
                 int32_t error);

/* The result of the next operation of that kind is kept back, until it is let
 * go of (ENGINE_NONE). */
void faulty_hold(enum engine_opcode opcode);

/* Likewise, of the @nth one from now on; 1: the next. */
void faulty_hold_nth(enum engine_opcode opcode, uint32_t nth);

/* Whether one is. */
bool faulty_has_held(void);

/* What came of it. */
const struct faulty_plan *faulty_outcome(void);

/* The process is killed before the result of its @event th operation, of
 * whatever kind, comes back; 0: it is not. For a child: as of SIGKILL. */
void faulty_kill(uint32_t event);

/* For pirn__context_create_on(). */
const struct engine_class *faulty_engine(void);

#endif /* TESTS_SIM_FAULTY_H */
