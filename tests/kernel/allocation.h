/* SPDX-License-Identifier: MIT */
/*
 * allocation.h - what allocates can fail, at a place that the test names
 *
 * The linker puts itself between the libraries and malloc, calloc, realloc,
 * aligned_alloc, mmap, pthread_create and XXH3_createState (`'allocator'` in
 * tests/meson.build). Each call counts; one of them, or all from it on, are
 * refused. What was allocated and is not free again is counted, too.
 *
 * From any thread: an engine's workers allocate as well.
 */
#ifndef TESTS_KERNEL_ALLOCATION_H
#define TESTS_KERNEL_ALLOCATION_H

#include <stdbool.h>
#include <stdint.h>

enum allocation_mode {
    ALLOCATION_ONCE,       /* one is refused */
    ALLOCATION_FROM_THERE, /* and all behind it */
    ALLOCATION_MODES,
};

/* From now on refuse the @nth that is asked for, 1 the first. */
void allocation_refuse(enum allocation_mode mode, uint64_t nth);

/* Refuse no more. Return: how many were. */
uint64_t allocation_allow(void);

/* Allocated and not free again, maps included. */
int64_t allocation_left(void);

struct allocation_life {
    const char *name;
    /* Return: 0; or an errno, the first of all that was not as it should be. */
    int (*live)(void *user);
    /* What must hold whatever was refused. May be NULL. */
    void (*check)(void *user);
    void *user;
};

/**
 * allocation_each() - live once for each allocation, which is refused
 *
 * Until a life needs fewer than that. Beyond the first 24, and without
 * PIRN_LONG, every 61st. Each life ends with 0, -ENOMEM or, where a thread was
 * refused, -EAGAIN, and leaves neither memory nor a descriptor behind; where
 * none was refused it ends with 0.
 */
void allocation_each(const struct allocation_life *life);

#endif /* TESTS_KERNEL_ALLOCATION_H */
