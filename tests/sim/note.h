/* SPDX-License-Identifier: MIT */
/*
 * note.h - an op that remembers how it ended
 *
 * A test's assertions may not stand in an op's function; there the end is
 * noted, and asserted when the turn is over.
 */
#ifndef TESTS_SIM_NOTE_H
#define TESTS_SIM_NOTE_H

#include "pirn/pirn.h"

/* Zeroed memory is a note of nothing. */
struct note {
    struct pirn_op op;
    int calls;
    int32_t result;
    uint32_t place; /* among all notes: 1 is the first that ended */
};

/* How many notes have ended since the program began. */
static uint32_t note_places;

static inline void note_fn(struct pirn_op *op, int32_t result)
{
    struct note *note = pirn_container_of(op, struct note, op);

    note->calls++;
    note->result = result;
    note->place = ++note_places;
}

/* Start what was prepared, and remember its end. */
static inline void note_start(struct pirn_context *context, struct note *note)
{
    pirn_start(context, &note->op, note_fn);
}

/* The same for a multishot. */
struct shot_note {
    struct pirn_multishot shot;
    int deliveries;
    int lasts;
    int32_t results[64];  /* of the first deliveries */
    struct pirn_op ender; /* whatever else the test needs beside it */
};

static inline void shot_note_fn(struct pirn_multishot *shot, int32_t result,
                                enum pirn_more more)
{
    struct shot_note *note = pirn_container_of(shot, struct shot_note, shot);

    if (note->deliveries < 64) {
        note->results[note->deliveries] = result;
    }
    note->deliveries++;
    note->lasts += more == PIRN_LAST;
}

#endif /* TESTS_SIM_NOTE_H */
