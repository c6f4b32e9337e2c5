/* SPDX-License-Identifier: MIT */
/*
 * trace.h - all that happens in a life, as one number; the last of it as text
 *
 * The same seed gives the same number, or something that the seed does not
 * decide has decided. Nothing is formatted before somebody asks.
 */
#ifndef TESTS_SIM_MODEL_TRACE_H
#define TESTS_SIM_MODEL_TRACE_H

#include <stdint.h>
#include <stdio.h>

enum trace_kind {
    TRACE_TURN,     /* a thread runs on */
    TRACE_SUBMIT,   /* the kernel has the operation */
    TRACE_CANCEL,   /* it was asked to end it; result: enum cancel_outcome */
    TRACE_EFFECT,   /* the operation was carried out */
    TRACE_COMPLETE, /* its completion can be reaped */
    TRACE_FAULT,    /* result: enum fault */
    TRACE_PROCESS,  /* result: enum trace_life */
    TRACE_TIME,     /* nothing could happen before; the clock jumped */
    TRACE_NOTE,     /* of the scenario's: @note with @result */
};

enum trace_life {
    TRACE_BORN,
    TRACE_EXITED,
    TRACE_KILLED,
    TRACE_STOPPED,
    TRACE_CONTINUED,
    TRACE_POWER_CUT,
};

enum { TRACE_LAST = 200, TRACE_NOTE_BYTES = 40 };

struct trace_event {
    uint64_t at_ns;
    uint64_t operation; /* its number in this life; 0: none */
    uint8_t kind;
    uint8_t process;
    uint8_t opcode;
    int32_t result;
    char note[TRACE_NOTE_BYTES]; /* for people; not in the hash */
};

struct trace {
    uint64_t hash;
    uint64_t count;
    struct trace_event last[TRACE_LAST];
    FILE *live; /* to tell each event as it happens; NULL: no */
};

/* The caller fills in the note, if there is something to say. */
struct trace_event *trace_push(struct trace *trace, struct trace_event event);

void trace_print(const struct trace *trace, FILE *out);

#endif /* TESTS_SIM_MODEL_TRACE_H */
