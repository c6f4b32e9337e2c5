/* SPDX-License-Identifier: MIT */
/*
 * crew.h - processes that write and take on one spool, and tell what they
 * do by a pipe
 *
 * Each is forked before anything is opened, works until it is killed, and may
 * be killed or stopped anywhere. What it tells is whole or not told. A body is
 * a function of its number, so whoever has it knows whether it is the one.
 */
#ifndef TESTS_PROCESS_CREW_H
#define TESTS_PROCESS_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/item.h>
#include <pirn/spool.h>

enum crew_what {
    CREW_OPENED,   /* the spool is open */
    CREW_ACKED,    /* an enqueue has ended with 0 */
    CREW_HAD,      /* an item is ours, and its body is what its number says */
    CREW_ENDING,   /* it may be ours no more from here on */
    CREW_REMOVING, /* likewise, and may be gone */
    CREW_REMOVED,  /* the removal has ended with 0 */
    CREW_FULL,     /* there was no room for an item */
    CREW_FAULT,    /* what must not be: its line, and what was answered */
};

/* Below PIPE_BUF. */
struct crew_told {
    uint32_t what; /* enum crew_what */
    uint32_t child;
    uint64_t number;
    struct pirn_id id;
    uint64_t at_ns; /* CLOCK_MONOTONIC, when it was so */
    int32_t result;
    uint32_t line;
};

struct crew_place {
    const char *spool;
    enum pirn_layout layout; /* of both queues */
    const char *index_dir;
    int pipe;       /* to whom all is told */
    uint32_t child; /* never twice */
    uint64_t seed;
    bool lost_index; /* bodies without an item may be left */
};

uint64_t crew_now_ns(void);

/** crew_random() - the next number of a sequence */
uint64_t crew_random(uint64_t *state);

/** crew_make() - the spool, with both queues; 0, or -1: it cannot be here */
int crew_make(const struct crew_place *place);

/** crew_write(), crew_take() - until killed */
void crew_write(const struct crew_place *place);
void crew_take(const struct crew_place *place);

/** crew_drain() - have and remove all there is, held ones too; then nothing is
 * left of what they took up (crew_left.h); 0 or a fault told */
int crew_drain(const struct crew_place *place);

#endif /* TESTS_PROCESS_CREW_H */
