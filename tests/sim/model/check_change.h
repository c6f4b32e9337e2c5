/* SPDX-License-Identifier: MIT */
/*
 * check_change.h - what a changed item owes: part of check_spool.h
 *
 * Each change has a number of its own, which stands in the item's fields, so
 * that whoever reads them knows which version he has. 0 is the item as it was
 * put. Of one item the numbers rise in the order of its versions:
 *
 *   none that is older than one that was acknowledged, or seen, is met again
 *   one that was refused is met only after the power has failed since
 *   a number stands for one queue, time, priority and version, for ever
 */
#ifndef TESTS_SIM_MODEL_CHECK_CHANGE_H
#define TESTS_SIM_MODEL_CHECK_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/claim.h>
#include <pirn/item.h>

struct check_spool;

enum { CHECK_CHANGES = 256, CHECK_FIELD = 32 };

/* Which queues there are: those that the workers make. */
#define CHECK_QUEUE "incoming"
#define CHECK_QUEUE_OTHER "later"

/* Where an item is, and when it may be had. */
struct check_place {
    bool is_other; /* in the second queue */
    bool held;
    int8_t priority;
    uint64_t due_ns;
};

enum check_told { CHECK_UNTOLD, CHECK_REFUSED, CHECK_TOLD };

struct check_change {
    uint32_t item;
    uint32_t process; /* who tries; 0: nobody any more */
    enum check_told told;
    uint32_t boots;   /* when it was begun, or refused */
    uint32_t version; /* that it was met with, or 0 */
    struct check_place place;
};

struct check_changes {
    uint32_t count; /* the first is nobody's: 0 is no change */
    struct check_change changes[CHECK_CHANGES];
};

/* Where @change has put item @number. */
const struct check_place *check_change_place(const struct check_spool *check,
                                             uint32_t number, uint32_t change);

/* Whether an item is where @number was put, and as it was put. */
bool check_change_was_put_as(const struct check_spool *check, uint32_t number,
                             const struct pirn_item *item);

/* Whether there is room for one more. */
bool check_change_has_room(const struct check_spool *check);

/* @process tries to change item @number, which it has as change @last has made
 * it; the change's number. */
uint32_t check_change_begin(struct check_spool *check, uint32_t process,
                            uint32_t number, uint32_t last,
                            const struct pirn_change *change);
void check_change_ended(struct check_spool *check, uint32_t change,
                        int32_t result);

/* It was refused, and may have happened: who tried cannot tell. */
void check_change_unsure(struct check_spool *check, uint32_t change);

/* Whether what was item @number with change @seen may be on its way to the
 * other queue, or have been since: by a change that was begun in this boot, was
 * not refused, and is not over, as it is when a claim has met an older one. */
bool check_change_may_cross(const struct check_spool *check, uint32_t number,
                            uint32_t seen);

/* The number of the change that @item has had last. */
uint32_t check_change_number(const struct pirn_item *item);

/* Item @number was read; what is older than @floor may not be met. */
void check_change_seen(struct check_spool *check, uint32_t number,
                       const struct pirn_item *item, uint32_t floor);

/*
 * Item @number was claimed. What nobody was told is done may be seen, and go
 * with the power; but not while it lasts.
 */
void check_change_had(struct check_spool *check, uint32_t number,
                      const struct pirn_item *item);

/* The last that it is known to have: told, or met since the power came back. */
uint32_t check_change_last(const struct check_spool *check, uint32_t number);

/* Whether a claim of @queue at @wall_ns has to have it, if it is free. */
bool check_change_is_ready(const struct check_spool *check, uint32_t number,
                           const char *queue, uint64_t wall_ns);

#endif /* TESTS_SIM_MODEL_CHECK_CHANGE_H */
