/* SPDX-License-Identifier: MIT */
/*
 * spool/bundle.h - small operations on paths, many in a row
 *
 *   push push push ... -> flight, of 8 at most -> each one's function
 *
 * What works on a path is a worker's, and to hand it over costs more than the
 * operation. So those that wait together go together, as one chain whose steps
 * all run, whatever becomes of the others. There is no timer: who comes alone
 * waits for the turn's end, and a flight is what gathers the next one.
 */
#ifndef SPOOL_BUNDLE_H
#define SPOOL_BUNDLE_H

#include <pirn/base.h>
#include <pirn/chain.h>
#include <pirn/op.h>

enum {
    PIRN__BUNDLE_MAX = 8,     /* of one flight: what the runtime takes as one */
    PIRN__BUNDLE_LONE = 16,   /* flights of one each, where nothing is saved */
    PIRN__BUNDLE_FLIGHTS = 2, /* else at once: one may meet a cold directory */
};

/* Placed by who asks. */
struct pirn__bundle_entry {
    struct pirn_op op; /* prepared; loaned until @fn */
    pirn_op_fn *fn;
    struct pirn__bundle_entry *next;
};

struct pirn__bundle_flight {
    struct pirn__bundle *bundle;
    struct pirn__bundle_entry *entries[PIRN__BUNDLE_MAX];
    struct pirn_op *steps[PIRN__BUNDLE_MAX];
    uint32_t count; /* 0: it is not under way */
    struct pirn_chain chain;
};

struct pirn__bundle {
    struct pirn_context *context;
    struct pirn_op turn; /* its end is waited for */
    struct pirn__bundle_entry *head;
    struct pirn__bundle_entry *tail;
    uint32_t size; /* of a flight */
    uint32_t flight_count;
    struct pirn__bundle_flight flights[PIRN__BUNDLE_LONE];
};

/** pirn__bundle_init() - for who runs on @context */
void pirn__bundle_init(struct pirn__bundle *bundle,
                       struct pirn_context *context);

/**
 * pirn__bundle_push() - start @entry->op beside others
 * @fn: called with @entry->op and its own result
 *
 * It cannot be cancelled. Others wait for it, so it is one that works on paths,
 * and waits for no peer.
 */
void pirn__bundle_push(struct pirn__bundle *bundle,
                       struct pirn__bundle_entry *entry, pirn_op_fn *fn);

/** pirn__bundle_deinit() - asserts that nothing waits, and nothing is under way
 */
void pirn__bundle_deinit(struct pirn__bundle *bundle);

#endif /* SPOOL_BUNDLE_H */
