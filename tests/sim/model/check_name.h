/* SPDX-License-Identifier: MIT */
/*
 * check_name.h - what is owed to who asks for a name: part of check_spool.h
 *
 * Names have numbers from 1 on. A name that an item has which must be there, or
 * that somebody living has reserved, nobody else gets; one that is refused is
 * not refused for an item that was gone before it was asked for.
 */
#ifndef TESTS_SIM_MODEL_CHECK_NAME_H
#define TESTS_SIM_MODEL_CHECK_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/item.h>

struct check_spool;

enum { CHECK_NAMES = 4 };

/* The items that had gone when a name was asked for, a bit each. */
struct check_gone {
    uint64_t bits[2];
};

struct check_gone check_name_ask(const struct check_spool *check);

/* @process got 0, or -EEXIST and @id, or something else. */
void check_name_told(struct check_spool *check, uint32_t process, uint32_t name,
                     const struct check_gone *gone, int32_t result,
                     const struct pirn_id *id);

/* It is about to be released. */
void check_name_release(struct check_spool *check, uint32_t name);

/* @process is dead; 0: everybody is. */
void check_name_died(struct check_spool *check, uint32_t process);

#endif /* TESTS_SIM_MODEL_CHECK_NAME_H */
