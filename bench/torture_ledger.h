/* SPDX-License-Identifier: MIT */
/*
 * bench/torture_ledger.h - what was told, by item, held against the promise
 *
 * All judgement is here. What was acknowledged is there, whole, and had by one
 * at a time, until its removal has begun; what was removed does not come back.
 */
#ifndef BENCH_TORTURE_LEDGER_H
#define BENCH_TORTURE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "bench/torture_crew.h"

enum {
    TORTURE_CHILDREN = 1 << 16,
    TORTURE_ITEMS = 1 << 21, /* the run ends before there are so many */
    TORTURE_TORN_MAX = 64,
    TORTURE_SAID = 20, /* of what is wrong, on stderr */
};

struct torture_entry;

struct torture_ledger {
    struct torture_entry *entries; /* as they came */
    uint32_t *index;               /* by number: one more than its entry's */
    uint64_t *killed_ns;           /* of each child; 0: it lives */
    uint64_t cut_ns;               /* the power, last; 0: never */
    uint32_t cut_child;            /* these and younger ones came after that */

    uint32_t items;
    uint32_t acked;
    uint32_t removed;
    uint32_t refused;   /* for want of room */
    uint32_t unsettled; /* a removal was begun, and nobody told of its end */
    uint32_t found;     /* by who took stock last */
    uint32_t lost, torn, doubled, faults;
    uint32_t orphans; /* had again, whose owner was killed */
    uint64_t late_ns; /* after the kill, at most */
    struct histogram late;
    uint64_t opened_ns;   /* when the spool was opened last */
    uint64_t open_ns;     /* how long an open took, at most */
    uint32_t returned;    /* removed lazily, and there again after a cut */
    uint64_t returned_ns; /* of these, the longest time before the cut */
    uint32_t said;
    struct pirn_id torn_ids[TORTURE_TORN_MAX]; /* of which no number is known */
    uint32_t torn_count;
};

/** torture_ledger_init() - nothing was told; no forked child has it. 0 or a
 * negative errno */
int torture_ledger_init(struct torture_ledger *ledger);

void torture_ledger_deinit(struct torture_ledger *ledger);

void torture_ledger_note(struct torture_ledger *ledger,
                         const struct torture_told *told);

/** torture_ledger_orphans() - what dead ones have, and nobody has had since */
uint32_t torture_ledger_orphans(const struct torture_ledger *ledger);

/** torture_ledger_end_life() - all were killed, and all that they told noted:
 * nobody has anything */
void torture_ledger_end_life(struct torture_ledger *ledger);

/** torture_ledger_stock() - who took stock has told all that is there: what is
 * missing is lost */
void torture_ledger_stock(struct torture_ledger *ledger);

/** torture_ledger_close() - all that could be had was had and removed: what was
 * not is lost; and no id was given twice */
void torture_ledger_close(struct torture_ledger *ledger);

#endif /* BENCH_TORTURE_LEDGER_H */
