/* SPDX-License-Identifier: MIT */
/*
 * exhaust.h - a short piece of work, cut and refused wherever it can be
 *
 * One schedule, fixed by a seed. After each step in which the disk or what was
 * promised has changed, the power fails, with every subset of what is un-synced
 * (sampled beyond a number); and each operation is refused with each error that
 * it can return (fault.c), once, or it and all behind it. Such a run goes on to
 * its end, and there the power fails likewise; if asked, also on the way there.
 * Each time somebody looks for all that was promised, and work goes on.
 */
#ifndef TESTS_SIM_MODEL_EXHAUST_H
#define TESTS_SIM_MODEL_EXHAUST_H

#include "tests/sim/model/check_spool.h"

enum { EXHAUST_PROCESSES = 3, EXHAUST_COMMAND = 128 };

/* What `incoming` is of; and where `m` moves to, if not to the same layout. */
enum workload_spool { OF_FILES, OF_LOG, TO_LOG, TO_FILES };

struct workload {
    const char *name;
    const char *before;                     /* done and synced, or NULL */
    bool is_held;                           /* its taker was killed with it */
    const char *scripts[EXHAUST_PROCESSES]; /* see spool_worker.h */
    uint32_t desks;
    uint32_t len;  /* of bodies */
    bool is_chain; /* no spool: a file, by a chain, for each letter */
    enum workload_spool spool;
};

/* One of all the places. */
struct exhaust_place {
    bool is_set;
    uint32_t at;     /* the event; or the operation, */
    bool for_ever;   /* and all behind it, refused by */
    uint32_t row;    /* this of fault.c's table, from 1 */
    bool has_subset; /* else every one */
    uint32_t subset;
    uint32_t event; /* on the way behind a refusal, from 1; 0: at its end */
};

struct exhaust {
    enum disk_profile profile;
    uint64_t seed;
    uint32_t units; /* of so many every subset */
    uint32_t samples;
    uint32_t every; /* one refusal in so many; 1: each */
    bool is_deep;   /* the power fails on the way behind what is refused once */
    struct exhaust_place only; /* this place, and tell its last events */

    uint64_t events; /* found */
    uint64_t states;
    uint64_t errors;
    uint32_t violations;
    char reason[2 * WORLD_REASON]; /* the first one's, and where */
    char place[EXHAUST_COMMAND]; /* what repeats it: PIRN_CUT or PIRN_REFUSE */
};

void exhaust_cuts(struct exhaust *exhaust, const struct workload *workload);
void exhaust_errors(struct exhaust *exhaust, const struct workload *workload);

/* "17:5": event and subset; "12:3", "12:3:5", "12+:3:0", "12:3:5@7": operation
 * (and all behind), row, subset, event on the way. False: it is none. */
bool exhaust_parse_cut(const char *text, struct exhaust_place *ret_place);
bool exhaust_parse_refusal(const char *text, struct exhaust_place *ret_place);

#endif /* TESTS_SIM_MODEL_EXHAUST_H */
