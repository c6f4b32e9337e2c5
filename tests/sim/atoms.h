/* SPDX-License-Identifier: MIT */
/*
 * atoms.h - every order of the atomic steps of a few processes
 *
 * A test includes the production code itself, compiled for steps:
 *
 *   #define PIRN__ATOM_STEPS
 *   #include "spool/log/lane.c"
 *
 * and says what each process does (run), and what is right when all have ended
 * (check). From each state that can be reached, each process takes its next
 * step; where the plan allows, it is killed there instead (it never runs again,
 * and somebody attends to what it left, among the others), or stopped (it runs
 * again when all others have ended). A state is what the memory holds, and each
 * process's stack and registers: one that was seen before is not gone on from,
 * and one that comes again within a life is a loop, which is wrong. Of orders
 * that cannot differ in an end one is tried (atoms.c says which).
 *
 * What processes share, and what they note for the check, is all in the plan's
 * memory; besides they have local variables alone, and those hold no more than
 * they must, or equal states look different. What they read of it between
 * atomic steps, and another may write, they tell (atoms_touch). No cmocka
 * assertions in run and attend: atoms_fail() ends the exploration.
 *
 * Not under AddressSanitizer, which keeps locals elsewhere, nor valgrind:
 * atoms_can_explore() says so.
 */
#ifndef TESTS_SIM_ATOMS_H
#define TESTS_SIM_ATOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATOMS_PROCESSES = 8 }; /* those that attend are counted */

struct atoms_plan {
    const char *name;
    void *memory; /* as it is at the start; in the end so again */
    size_t memory_bytes;
    uint32_t process_count;
    /* So many bytes for each process that may be (process_count, kills, and
     * stops if there is repeat): nobody but it touches them while it lives, and
     * is not stopped, and then who attends to it; if others do, that is wrong.
     * May be NULL. */
    const void *hands;
    size_t hand_bytes;
    /* Bits: those that do what another does, and are unlike him in nothing but
     * their number. Where there is one fault it need not be theirs. */
    uint32_t spared;
    uint32_t kills; /* at most so many in one life, of whoever runs */
    uint32_t stops;
    uint64_t states_max; /* 0: as many as fit into 1 GiB, some 50 million */
    bool whole;          /* no order is left out, and nobody is spared */

    void (*run)(void *memory, uint32_t process);
    /* @self is process_count and up. @whom: bits, one for who was killed, and
     * those to whom he attended. */
    void (*attend)(void *memory, uint32_t self, uint32_t whom);
    /* The same for one who was stopped; NULL: nobody does. */
    void (*repeat)(void *memory, uint32_t self, uint32_t whom);
    /* All have ended; @killed: bits. NULL, or what is wrong. May change the
     * memory, and calls the production code at will. */
    const char *(*check)(void *memory, uint32_t killed);
    /* The same where @stopped ones never go on, and all others have ended; may
     * be NULL. They do go on then, from the memory as it was. */
    const char *(*check_without)(void *memory, uint32_t killed,
                                 uint32_t stopped);
};

struct atoms_result {
    uint64_t states;   /* different ones */
    uint64_t steps;    /* taken from them */
    uint64_t ends;     /* different ones in which all had ended, or stood */
    uint64_t ends_sum; /* of their hashes */
    uint32_t depth;    /* of the longest life */
    bool complete;     /* there are no other states */
    const char *wrong; /* NULL, or the first thing that was */
};

bool atoms_can_explore(void);

/* Prints one line, behind a '#'; where something is wrong also that life: who
 * took each step, k and s for a kill and a stop of him. */
struct atoms_result atoms_explore(const struct atoms_plan *plan);

/* From run and attend. */
void atoms_fail(const char *what);

/* From there: what comes up to the next step reads this word, too. What it
 * writes is seen without it. */
void atoms_touch(const void *at);

#endif /* TESTS_SIM_ATOMS_H */
