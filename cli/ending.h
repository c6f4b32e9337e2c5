/* SPDX-License-Identifier: MIT */
/*
 * ending.h - claim many items and end each claim, some at once
 *
 * Each is removed, or given back with a change. One by one each would wait for
 * the disk alone; together they share its flushes. An item that somebody has
 * claimed stays his, unless it is to be seized.
 */
#ifndef CLI_ENDING_H
#define CLI_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/spool.h>

#include "cli/filter.h"
#include "cli/tool.h"

/* How many are on their way together. */
#define ENDING_MAX 64

struct ending {
    struct pirn_claim claim;
    struct endings *all;
    struct ending *next; /* while it is free, or busy */
    struct pirn_id id;
    int32_t result; /* of what was to be done, while it is given back */
};

struct endings {
    struct tool *tool;
    const struct pirn_change *change; /* NULL: removed */
    const struct filter *filter;      /* NULL: any item */
    struct ending ending[ENDING_MAX];
    struct ending *free;
    struct ending *busy; /* somebody has the item; he is to be named */
    uint32_t pending;
    uint64_t done;
    uint64_t claimed; /* somebody else has them */
    uint64_t missing;
    enum code failed; /* a disk that failed ends it */
    bool seizes;      /* also from who has it; set after the init */
    bool tolerant;    /* nobody named them: see endings_init() */
};

/**
 * endings_init() - nothing is begun
 * @change:   borrowed until the last has ended; NULL: they are removed
 * @filter:   likewise; what does not match it is passed over; or NULL
 * @tolerant: nobody named them: what is gone or claimed is not worth a word,
 *            and what the change would leave as it is is passed over
 */
void endings_init(struct endings *endings, struct tool *tool,
                  const struct pirn_change *change, const struct filter *filter,
                  bool tolerant);

/**
 * endings_add() - one more; waits for room
 * Return: CODE_DONE, or what has failed: then no more is begun
 */
enum code endings_add(struct endings *endings, const struct pirn_id *id);

/** endings_look() - count what endings_add() would meet, and do nothing */
enum code endings_look(struct endings *endings, const struct pirn_id *id);

/**
 * endings_finish() - wait for all; more may be added afterwards
 * Return: how it went until now: what failed, else claimed, missing
 */
enum code endings_finish(struct endings *endings);

/**
 * endings_report() - say how many
 * @done:  "removed"; @would: "would_remove", where nothing was done, or NULL
 */
void endings_report(const struct endings *endings, const char *done,
                    const char *would, bool json);

#endif /* CLI_ENDING_H */
