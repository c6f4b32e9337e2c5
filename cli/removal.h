/* SPDX-License-Identifier: MIT */
/*
 * removal.h - claim and remove many items, some at once
 *
 * One by one each would wait for the disk alone; together they share its
 * flushes. An item that somebody has claimed stays his.
 */
#ifndef CLI_REMOVAL_H
#define CLI_REMOVAL_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/spool.h>

#include "cli/tool.h"

/* How many are on their way together. */
#define REMOVAL_MAX 64

struct removal {
    struct pirn_claim claim;
    struct removals *all;
    struct removal *next; /* while it is free */
    struct pirn_id id;
};

struct removals {
    struct tool *tool;
    struct removal removal[REMOVAL_MAX];
    struct removal *free;
    uint32_t pending;
    uint64_t removed;
    uint64_t claimed; /* somebody else has them */
    uint64_t missing;
    enum code failed; /* a disk that failed ends it */
    bool tolerant;    /* what is gone or claimed is not worth a word */
};

void removals_init(struct removals *removals, struct tool *tool, bool tolerant);

/**
 * removals_add() - one more; waits for room
 * Return: CODE_DONE, or what has failed: then no more is begun
 */
enum code removals_add(struct removals *removals, const struct pirn_id *id);

/**
 * removals_finish() - wait for all; more may be added afterwards
 * Return: how it went until now: what failed, else claimed, else missing
 */
enum code removals_finish(struct removals *removals);

#endif /* CLI_REMOVAL_H */
