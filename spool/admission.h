/* SPDX-License-Identifier: MIT */
/*
 * spool/admission.h - whether there is room for a new item
 *
 *        all of the file system
 *   |------------------------------------------------------|
 *   | items and others | free, for new items |  low        |
 *   |------------------------------------------------------|
 *                                            ^ kept for changes and removals
 *
 * What is free is known from the last look and from what was let in since. New
 * items are refused from the low mark on, and let in again when there is half
 * as much again; what has begun may use half of what is kept. So refusals come
 * in time, one after the other, and end once. Bytes and inodes alike. Pure.
 */
#ifndef SPOOL_ADMISSION_H
#define SPOOL_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>

/* Of bytes and inodes each. */
struct pirn__amount {
    uint64_t bytes;
    uint64_t inodes;
};

/* What a file system has said. */
struct pirn__admission_look {
    struct pirn__amount all; /* inodes: 0, it does not count them */
    struct pirn__amount free;
    uint64_t block_bytes;
};

/* Zeroed memory is one that nothing is known to: everything is let in. */
struct pirn__admission {
    uint64_t keep_bytes; /* asked for; 0: the default; UINT64_MAX: nothing */
    uint64_t block_bytes;
    struct pirn__amount free;     /* at the last look */
    struct pirn__amount low;      /* kept */
    struct pirn__amount promised; /* to what has begun and not ended */
    struct pirn__amount spent;    /* by what ended since the look */
    struct pirn__amount earlier; /* of that: before the look that is underway */
    uint64_t looked_ns;
    bool has_looked;
    bool is_refusing;
};

/** pirn__admission_look_is_due() - what is known is old, or much was let in */
bool pirn__admission_look_is_due(const struct pirn__admission *admission,
                                 uint64_t now_ns);

/** pirn__admission_look_begins() - what ends from here on it may not see */
void pirn__admission_look_begins(struct pirn__admission *admission);

/** pirn__admission_looked() - @look: NULL, the question was not answered, and
 * everything is let in until the next one */
void pirn__admission_looked(struct pirn__admission *admission, uint64_t now_ns,
                            const struct pirn__admission_look *look);

/** pirn__admission_cost() - of files with so many bytes in the largest */
struct pirn__amount pirn__admission_cost(
    const struct pirn__admission *admission, uint64_t bytes, uint32_t files);

/**
 * pirn__admission_promise() - room for a new item
 *
 * Return: 0, and pirn__admission_end() gives it back; -ENOSPC
 */
PIRN_MUST_CHECK int pirn__admission_promise(struct pirn__admission *admission,
                                            struct pirn__amount cost);

/** pirn__admission_has() - so much beside what is kept; promises nothing */
bool pirn__admission_has(const struct pirn__admission *admission,
                         struct pirn__amount amount);

/** pirn__admission_grow() - more for one that has begun; 0 or -ENOSPC */
PIRN_MUST_CHECK int pirn__admission_grow(struct pirn__admission *admission,
                                         struct pirn__amount more);

/** pirn__admission_end() - of what was promised. @is_spent: it is used now */
void pirn__admission_end(struct pirn__admission *admission,
                         struct pirn__amount promised, bool is_spent);

/** pirn__admission_expect() - so much will be used, whether it is let in or
 * not; it ends as what was promised does, all at once or part by part */
void pirn__admission_expect(struct pirn__admission *admission,
                            struct pirn__amount amount);

/** pirn__admission_left() - for new items, before they are refused */
struct pirn__amount pirn__admission_left(
    const struct pirn__admission *admission);

#endif /* SPOOL_ADMISSION_H */
