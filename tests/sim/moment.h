/* SPDX-License-Identifier: MIT */
/*
 * moment.h - where each of a few processes stands, and what the memory holds
 *
 * All run in one thread. Each stands before an atomic step, and may take it, be
 * killed or stopped there. A moment can be kept, and come back.
 */
#ifndef TESTS_SIM_MOMENT_H
#define TESTS_SIM_MOMENT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include <xxhash.h>

#include "tests/sim/atoms.h"
#include "tests/sim/reach.h"

enum moment_status {
    MOMENT_ASLEEP,
    MOMENT_RUNS,
    MOMENT_STOPPED,
    MOMENT_KILLED,
    MOMENT_ENDED,
};

struct moment_process {
    enum moment_status status;
    bool repeats;       /* attends to one who is stopped */
    bool alone;         /* its next step is in its own hand, or a dead one's */
    uint32_t whom;      /* bits: to whom it attends */
    uint32_t root;      /* who was there at the start, and led to it */
    uint32_t bytes;     /* of its stack, that are in use */
    XXH128_hash_t hash; /* of these and the registers */
    const uint64_t *at; /* its next step is there; NULL: it only begins */
    jmp_buf jump;
    char *stack_end;
};

struct moment {
    XXH128_hash_t memory_hash;
    uint32_t started; /* processes */
    uint32_t kills;   /* that are left */
    uint32_t stops;
    struct moment_process processes[ATOMS_PROCESSES];
};

struct moment_copy {
    struct moment moment;
    uint64_t bytes[]; /* the memory, and what is in use of each stack */
};

/* @plan stays until the next one. Returns the moment at hand. */
struct moment *moment_begin(const struct atoms_plan *plan);
void moment_end(void);

struct moment_copy *moment_copy_create(void);
void moment_keep(struct moment_copy *copy);
void moment_return(const struct moment_copy *copy);

/* Of all that decides what may come. */
XXH128_hash_t moment_hash(void);

/* Bits. */
uint32_t moment_who(enum moment_status status);

/* @more: also steps behind it that touch nothing but one's own hand. */
void moment_step(uint32_t self, bool more);

/* He never runs again, and another attends to him; or he runs again when all
 * others have ended, and another repeats what he was about, if that is planned.
 */
void moment_kill(uint32_t self);
void moment_stop(uint32_t self);
void moment_go_on(void);

/* What was touched since @copy, from which one choice was taken. */
struct reach_words moment_words(const struct moment_copy *copy);

/* The number of a word of the memory. */
uint32_t moment_word(const void *at);

#endif /* TESTS_SIM_MOMENT_H */
