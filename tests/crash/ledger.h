/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what was told, by item; what a state of the disk owes
 *
 * All judgement is here: of a position (disk_log.h), whether an item has to be
 * there, may be, or may not, and in which of its versions.
 */
#ifndef TESTS_CRASH_LEDGER_H
#define TESTS_CRASH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crash/told.h"

enum ledger_owed {
    LEDGER_MAY, /* nothing was acknowledged, or its removal was underway */
    LEDGER_MUST,
    LEDGER_NEVER, /* not put yet, or removed for good */
};

struct ledger_item;

struct ledger {
    struct ledger_item *items; /* by number, with gaps */
    uint32_t cap;
    uint32_t count;
    uint64_t made;  /* the position from which on there is a spool */
    uint64_t first; /* and at which it was begun */
    uint64_t last;  /* of all that was told */
    uint64_t *ends; /* positions at which something was acknowledged */
    uint32_t end_count;
    uint32_t refused; /* what ended with an error */
};

/* An item as it was found. */
struct ledger_found {
    uint64_t number;
    const struct pirn_item *item;
    uint64_t turn;
};

/** ledger_read() - from the file of struct told; 0 or a negative errno */
int ledger_read(struct ledger *ledger, const char *path);

void ledger_free(struct ledger *ledger);

/** ledger_fresh() - nothing has been found yet */
void ledger_fresh(struct ledger *ledger);

/**
 * ledger_find() - an item was found at this position
 *
 * Return: NULL, or what is wrong with that
 */
const char *ledger_find(struct ledger *ledger, uint64_t position,
                        const struct ledger_found *found);

/** ledger_missing() - the next number at or behind *@at which is owed and was
 * not found; 0: none is left */
uint64_t ledger_missing(const struct ledger *ledger, uint64_t position,
                        uint32_t *at, struct pirn_id *ret_id);

/** ledger_leaves() - an item with this id was being removed, or was, by then */
bool ledger_leaves(const struct ledger *ledger, uint64_t position,
                   const struct pirn_id *id);

/** ledger_owed() - what there is of an item at this position */
enum ledger_owed ledger_owed(const struct ledger *ledger, uint64_t position,
                             uint64_t number);

#endif /* TESTS_CRASH_LEDGER_H */
