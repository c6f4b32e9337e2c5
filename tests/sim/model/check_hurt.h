/* SPDX-License-Identifier: MIT */
/*
 * check_hurt.h - what is owed to an item that was damaged: part of
 * check_spool.h
 *
 * Somebody damages it while it is nobody's and others are at work. What was put
 * is handed out, or nothing: that is asked of all bodies and metadata alike.
 * Besides, of a damaged one, as long as nobody who had it has removed it:
 *
 *   what is damaged of it may be told so, by who reads it and by a check, and
 *   it may be set aside for that; what is not damaged may not
 *   it is thrown away by nobody: spool_remains.h looks for what is left of it
 *
 * A power cut may take the damage back, as all that was not synced.
 */
#ifndef TESTS_SIM_MODEL_CHECK_HURT_H
#define TESTS_SIM_MODEL_CHECK_HURT_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/check.h>
#include <pirn/item.h>

struct check_spool;

enum { CHECK_STRAYS = 16 };

enum check_hurt {
    CHECK_UNHURT,
    CHECK_HURT_META,    /* its metadata have other bytes, or fewer */
    CHECK_HURT_NAME,    /* they have no name any more */
    CHECK_HURT_BODY,    /* its body has other bytes, or fewer */
    CHECK_HURT_NO_BODY, /* it has no name any more */
    CHECK_HURT_SHARER,  /* it was gone, or in the making, when a body was
                           damaged that is its own, too, where it comes back */
};

/* What was done, and what that has left. */
struct check_damage {
    enum check_hurt how;
    bool is_durable; /* a power cut does not take it back */
    bool is_of_log;  /* who mends makes a copy, and then removes it */
    uint32_t boots;  /* when it was done */
    uint64_t bytes;  /* of the file that was damaged, or, of the log, of the
                        body: how many are left, */
    uint64_t sum;    /* and which; of the log one byte may be another */
};

/* A file that is nobody's. */
struct check_stray {
    bool is_durable;
    uint32_t boots;
};

struct check_hurts {
    struct check_damage items[128]; /* by number */
    uint32_t stray_count;
    struct check_stray strays[CHECK_STRAYS];
};

/* Item @number is damaged so, which is whole and nobody's. */
void check_hurt_item(struct check_spool *check, uint32_t number,
                     struct check_damage damage);

/* One more stray: its number. */
uint32_t check_hurt_stray(struct check_spool *check, bool is_durable);

/* What was done to item @number. */
enum check_hurt check_hurt_how(const struct check_spool *check,
                               uint32_t number);

/* Likewise, to the item that is known to be called @id. */
enum check_hurt check_hurt_of(const struct check_spool *check,
                              const struct pirn_id *id);

/* Whether its body, or its metadata, may be said to be damaged. */
bool check_hurt_is_bad_body(enum check_hurt how);
bool check_hurt_is_bad_meta(enum check_hurt how);

/* Whether nobody may find it by its id, nor in a listing. */
bool check_hurt_may_be_gone(const struct check_spool *check, uint32_t number);

/* Whether it may have been removed, because there is a copy: of the log. */
bool check_hurt_is_copied(const struct check_spool *check, uint32_t number);

/* The damaged item whose copy @item is, with the body @bytes, which fails the
 * life if it is not what was left; UINT32_MAX: it is no copy. */
uint32_t check_hurt_copy(const struct check_spool *check,
                         const struct pirn_item *item, const uint8_t *bytes,
                         uint32_t len);

/* Whether it may be in quarantine, under its id. */
bool check_hurt_may_be_aside(const struct check_spool *check,
                             const struct pirn_id *id);

/* Whether a check may find that. */
bool check_hurt_may_find(const struct check_spool *check,
                         const struct pirn_finding *finding);

/* It was had, @is_aside or where it belongs, and all of it is as it was put. So
 * if the power has failed since, that has taken the damage back. */
void check_hurt_was_whole(struct check_spool *check, uint32_t number,
                          bool is_aside);

/* @process has it claimed, and was told that its body is damaged. */
void check_hurt_had(struct check_spool *check, uint32_t process, uint32_t mark,
                    uint32_t number);

#endif /* TESTS_SIM_MODEL_CHECK_HURT_H */
