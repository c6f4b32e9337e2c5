/* SPDX-License-Identifier: MIT */
/*
 * spool/log/atom.h - one 64-bit word that many processes change
 *
 * All that is shared goes through these few. Each is one atomic step, in one
 * order that all see (sequentially consistent): what a test finds by trying
 * every order of steps is then what the machine can do, and nothing else is.
 * pirn__atom_put() alone may be seen later, and is for where that is the same;
 * so may what is noted in half a word, by which nobody decides anything.
 * Compiled with PIRN__ATOM_STEPS, each step first asks a test whose turn it is;
 * a kill or a stop happens there. Pure.
 */
#ifndef SPOOL_LOG_ATOM_H
#define SPOOL_LOG_ATOM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef PIRN__ATOM_STEPS
void pirn__atom_step(const uint64_t *at); /* the test's */
#else
static inline void pirn__atom_step(const uint64_t *at)
{
    (void)at;
}
#endif

static inline uint64_t pirn__atom_load(const uint64_t *at)
{
    pirn__atom_step(at);
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

static inline void pirn__atom_store(uint64_t *at, uint64_t value)
{
    pirn__atom_step(at);
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);
}

/** pirn__atom_put() - a store into what the caller has alone, and gives away by
 * a swap: seen by whoever sees that, or whatever else he stores later, and by
 * who recovers him. It waits for nobody, which another store does: 6 ns */
static inline void pirn__atom_put(uint64_t *at, uint64_t value)
{
    pirn__atom_step(at);
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/** pirn__atom_note() - a store of half a word that nobody acts on: no step */
static inline void pirn__atom_note(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/** pirn__atom_noted() - what was noted there last */
static inline uint32_t pirn__atom_noted(const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/** pirn__atom_swap() - @from to @to; false: it was something else */
static inline bool pirn__atom_swap(uint64_t *at, uint64_t from, uint64_t to)
{
    pirn__atom_step(at);
    return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/** pirn__atom_raise() - to @value, unless it is that or more: never lowered */
static inline void pirn__atom_raise(uint64_t *at, uint64_t value)
{
    uint64_t old = pirn__atom_load(at);

    while (old < value && !pirn__atom_swap(at, old, value)) {
        old = pirn__atom_load(at);
    }
}

/** pirn__atom_add() - returns what it was before */
static inline uint64_t pirn__atom_add(uint64_t *at, uint64_t more)
{
    pirn__atom_step(at);
    return __atomic_fetch_add(at, more, __ATOMIC_SEQ_CST);
}

/** pirn__atom_set() - set @bits; returns what it was before */
static inline uint64_t pirn__atom_set(uint64_t *at, uint64_t bits)
{
    pirn__atom_step(at);
    return __atomic_fetch_or(at, bits, __ATOMIC_SEQ_CST);
}

/** pirn__atom_clear() - clear @bits; returns what it was before */
static inline uint64_t pirn__atom_clear(uint64_t *at, uint64_t bits)
{
    pirn__atom_step(at);
    return __atomic_fetch_and(at, ~bits, __ATOMIC_SEQ_CST);
}

/**
 * pirn__atom_again() - for loops that end when nobody else is faster
 * @tries: how many there were; 0 at first
 *
 * Return: false: so many in a row mean that the memory is bad. A test that sees
 *         every state knows better, and counting would make states differ
 */
static inline bool pirn__atom_again(uint32_t *tries)
{
#ifdef PIRN__ATOM_STEPS
    (void)tries;
    return true;
#else
    return (*tries)++ < 1u << 20;
#endif
}

#endif /* SPOOL_LOG_ATOM_H */
