/* SPDX-License-Identifier: MIT */
/*
 * findings.h - what a check has found, for people and for programs
 *
 * Lines of JSON say in "event" what they are: start (of a service's round),
 * finding, end.
 */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/check.h>

#include "cli/json.h"

/* Of one round; {.json = {stdout}} and what it is to be like at first. */
struct findings {
    struct json json;
    bool is_json;
    bool is_service; /* lines say when, too */
    bool dry_run;    /* they say what would be done */
    uint64_t counts[PIRN_FAULTS];
    uint64_t found;
    uint64_t mended;
};

/** findings_announce() - a round begins; @time_ns since 1970 */
void findings_announce(struct findings *findings, uint64_t time_ns);

/** findings_begin() - none yet */
void findings_begin(struct findings *findings);

/** findings_add() - print and count one */
void findings_add(struct findings *findings,
                  const struct pirn_finding *finding);

/**
 * findings_end() - print the counts
 * @items:   that were looked at
 * @result:  0, or why the round was not whole
 */
void findings_end(struct findings *findings, uint64_t items, int32_t result,
                  uint64_t time_ns);

#endif /* CLI_FINDINGS_H */
