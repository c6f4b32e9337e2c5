/* SPDX-License-Identifier: MIT */
/*
 * spool/check/pace.h - how much of the machine a check may have
 *
 *   works 1 ms -> looks who else works -> somebody: rests nine times as long
 *                                      -> nobody:   goes on
 *
 * Who else works is told by what a look finds changed since the look before:
 * the time of an owner's directory `.tmp/SLOT', through which each item of the
 * file layout comes and goes; how far the log's segments are written, and which
 * pages of tombstones were changed. Nobody is asked, and nobody tells more than
 * he does anyway. Pure.
 */
#ifndef SPOOL_CHECK_PACE_H
#define SPOOL_CHECK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/names.h"

struct pirn__pace {
    uint64_t since_ns;      /* it has worked since */
    uint64_t busy_until_ns; /* somebody worked not long before */
    uint64_t log_sum;
    uint32_t slot;     /* looked at last */
    uint32_t slot_end; /* one behind the highest that has an owner */
    uint64_t changed_ns[PIRN__SLOTS]; /* as it was seen; 0: never */
};

/** pirn__pace_begin() - of a zeroed one */
void pirn__pace_begin(struct pirn__pace *pace, uint64_t now_ns);

/** pirn__pace_is_due() - it has worked for so long that it has to look */
bool pirn__pace_is_due(const struct pirn__pace *pace, uint64_t now_ns);

/** pirn__pace_slot() - whose directory is looked at next: each in turn, and one
 * behind the last, where who comes next has his
 * @own: ours, which is passed over: a check that mends works there */
uint32_t pirn__pace_slot(struct pirn__pace *pace, uint32_t own);

/** pirn__pace_saw_slot() - when it was changed; 0: there is none */
void pirn__pace_saw_slot(struct pirn__pace *pace, uint32_t slot,
                         uint64_t changed_ns, uint64_t now_ns);

/** pirn__pace_saw_log() - a number that is another one when it was written */
void pirn__pace_saw_log(struct pirn__pace *pace, uint64_t sum, uint64_t now_ns);

/** pirn__pace_rest_ns() - how long to rest from now on; 0: not at all */
uint64_t pirn__pace_rest_ns(struct pirn__pace *pace, uint64_t now_ns);

/** pirn__pace_pass() - so long it does not work, until @now_ns: it rests, it
 * waits, or nobody wants it to go on */
void pirn__pace_pass(struct pirn__pace *pace, uint64_t passed_ns,
                     uint64_t now_ns);

#endif /* SPOOL_CHECK_PACE_H */
