/* SPDX-License-Identifier: MIT */
/*
 * errand.h - what an engine keeps for a loan that no ring keeps for it
 *
 * The link of a loan in flight is the context's, for cancellations. The lists
 * of an engine run through errands instead: a loan has one for as long as the
 * engine has the loan, and meanwhile the loan's result, which nobody reads
 * before its end, is the errand's number.
 *
 *   take -> WAITING, WATCHING (ready.h) --+-> DONE -> put
 *        -> POOLED             (pool.h) --+
 */
#ifndef RUNTIME_ENGINE_ERRAND_H
#define RUNTIME_ENGINE_ERRAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pirn/op.h"
#include "runtime/engine/pages.h"

enum errand_place {
    ERRAND_NONE = 0, /* taken, and nowhere yet; or free */
    ERRAND_WAITING,  /* on its descriptor's list, until that is ready */
    ERRAND_WATCHING, /* on no list; epoll tells it of its descriptor */
    ERRAND_POOLED,   /* the pool's */
    ERRAND_DONE,     /* on the engine's list; the result is known */
};

struct errand {
    struct pirn_link link;
    struct pirn_loan *loan; /* NULL: free */
    uint32_t index;
    uint32_t moved; /* bytes so far, where all are wanted */
    int32_t result;
    uint16_t buffer; /* that the bytes came into, of LOAN_SELECT */
    int32_t fd;      /* what it waits for, and */
    uint32_t events; /* as epoll names it */
    uint8_t place;   /* enum errand_place */
    bool begun;      /* by a worker; under the pool's lock */
    bool in_run;     /* run.h; then also: */
    uint8_t marks;   /* of the loan's flags, those that its chain has set */
    atomic_bool cancelled;
    struct errand *behind; /* the next one of the run, or NULL */
};

/* All errands of an engine: as many as were ever in flight at once. */
struct errands {
    struct pages pages;
    struct pirn_link free;
    uint32_t count;
};

static inline struct errand *errand_of(struct pirn_link *link)
{
    return pirn_container_of(link, struct errand, link);
}

/* 0, or -ENOMEM; @reserve errands are there from the beginning. */
int pirn__errands_init(struct errands *errands, uint32_t reserve);
void pirn__errands_deinit(struct errands *errands);

/* An errand for @loan, whose result is overwritten; NULL: no memory. */
struct errand *pirn__errand_take(struct errands *errands,
                                 struct pirn_loan *loan);

/* The errand of @loan; NULL: this engine does not have it (any more). */
struct errand *pirn__errand_find(const struct errands *errands,
                                 const struct pirn_loan *loan);

/* The loan is not this engine's any more. */
void pirn__errand_put(struct errands *errands, struct errand *errand);

/* @errand, on no list, ends on the list @done. Bytes that moved count for
 * more than what stopped them. */
void pirn__errand_end(struct errand *errand, int32_t result,
                      struct pirn_link *done);

#endif /* RUNTIME_ENGINE_ERRAND_H */
