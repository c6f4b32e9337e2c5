/* SPDX-License-Identifier: MIT */
/*
 * exhaust_run.h - one run of a workload, and what it leaves
 *
 * A workload is of processes on a spool, or of processes that make files by
 * chains; what was promised is known of both alike.
 */
#ifndef TESTS_SIM_MODEL_EXHAUST_RUN_H
#define TESTS_SIM_MODEL_EXHAUST_RUN_H

#include "tests/sim/model/chain_worker.h"
#include "tests/sim/model/exhaust.h"
#include "tests/sim/model/spool_worker.h"

/* What was promised. */
struct promises {
    struct check_spool spool;
    struct check_file files[EXHAUST_PROCESSES][CHAIN_FILES];
};

/* What a run has come to, or has left. */
struct event {
    struct disk *disk;
    uint64_t changes; /* of the disk that this is a clone of */
    struct promises promises;
    uint64_t failures; /* -EIO until then */
};

struct run {
    struct world *world;
    struct check_spool check;
    bool has_other; /* there is a second queue, */
    bool crosses;   /* and it has the other layout */
    struct spool_worker workers[EXHAUST_PROCESSES];
    struct chain_worker chains[EXHAUST_PROCESSES];
    uint32_t count;       /* of workers */
    uint32_t chain_count; /* of chains */
    struct event *events; /* to be filled, or NULL */
    uint32_t event_count;
    struct event held; /* when an item was claimed first, or no disk */
    bool wants_held;
    uint32_t since;  /* events are what comes behind so many operations */
    bool has_failed; /* it has ended so */
};

enum { RUN_EVENTS_MAX = 4096 };

/* What was there before @workload, as a disk. */
struct disk *run_before(const struct exhaust *exhaust,
                        const struct workload *workload,
                        struct promises *ret_promises);

/* @workload is about to run on @disk, which is the run's from now on. */
void run_begin(struct run *run, const struct exhaust *exhaust,
               const struct workload *workload, struct disk *disk,
               const struct promises *promises);

/* Run it; with @is_watched each change of the disk or of what was promised is
 * an event, of which there is room for RUN_EVENTS_MAX. */
void run_work(struct run *run, bool is_watched);

/* The end of it, and what it leaves. */
void run_end(struct run *run, struct event *ret_left);

/* After the power has failed: somebody looks for all that was promised in
 * @left, whose disk is the run's from now on, and then another works on. The
 * run has to be ended. */
void run_look(struct run *run, const struct exhaust *exhaust,
              const struct workload *workload, const struct event *left);

#endif /* TESTS_SIM_MODEL_EXHAUST_RUN_H */
