/* SPDX-License-Identifier: MIT */
/*
 * spool_checker.h - a process that looks for what is wrong, and mends it
 *
 * In a life in which nothing is damaged all that a check may find is what those
 * who were killed, or a power cut, have left: bodies that belong to no item,
 * and what was half made. Anything else is a false alarm, and fails the life.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_CHECKER_H
#define TESTS_SIM_MODEL_SPOOL_CHECKER_H

#include <pirn/check.h>

#include "tests/sim/model/check_spool.h"

struct pirn_context;
struct pirn_spool;

enum { CHECKER_FOUND = 64 };

/* A check from its beginning to its end. */
struct spool_checking {
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct pirn_check_config config;
    bool is_sound;  /* nobody damages anything: no false alarms */
    int32_t result; /* 0, or the errno that it ended with */
    uint32_t count; /* of findings, but for what is overdue: that comes with the
                       time, where nobody claims; the first of them are kept */
    struct pirn_finding found[CHECKER_FOUND];
};

void spool_checking_run(struct spool_checking *checking);

/* For process_thread(), with a struct spool_worker: checks, some, with what is
 * asked for by dice. */
void spool_checker_run(void *worker);

#endif /* TESTS_SIM_MODEL_SPOOL_CHECKER_H */
