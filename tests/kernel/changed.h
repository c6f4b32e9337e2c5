/* SPDX-License-Identifier: MIT */
/*
 * changed.h - an item of `incoming' that each change changes, or leaves
 *
 * @what, of PIRN_CHANGE_*, is what was changed of it since it was put.
 */
#ifndef TESTS_KERNEL_CHANGED_H
#define TESTS_KERNEL_CHANGED_H

#include "kernel/test_spool.h"

/* All five: their combinations are the numbers up to this one. */
#define CHANGED_ALL                                               \
    (PIRN_CHANGE_QUEUE | PIRN_CHANGE_DUE | PIRN_CHANGE_PRIORITY | \
     PIRN_CHANGE_HELD | PIRN_CHANGE_FIELDS)

/* A field that says "before", or what it shall say. */
struct pirn_fields changed_fields(char *buf, uint32_t cap, const char *value);

/* As no change has left it. */
struct pirn_id changed_put(struct bed *bed);

/* To the queue `other', far in time, higher, held, and with @fields. */
struct pirn_change changed_by(uint32_t what, struct pirn_fields *fields);

/* What it is then, when nobody has it. */
enum pirn_item_state changed_state(uint32_t what);

void changed_expect(const struct pirn_item *item, uint32_t what);

/* Who looks at it sees that; so does who has opened the spool by himself. */
void changed_expect_seen(struct bed *bed, const struct pirn_id *id,
                         uint32_t what, enum pirn_item_state state,
                         uint32_t version);
void changed_expect_seen_elsewhere(struct bed *bed, const struct pirn_id *id,
                                   uint32_t what, enum pirn_item_state state,
                                   uint32_t version);

/* Claimed and removed, and nowhere to be had. */
void changed_remove(struct bed *bed, const struct pirn_id *id);

#endif /* TESTS_KERNEL_CHANGED_H */
