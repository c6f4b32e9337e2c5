/* SPDX-License-Identifier: MIT */
/*
 * run.h - a command run on an item, from its claim to its end
 *
 *   claim -> body into a file in memory, checked -> command -> its end
 *         -> body into a file of a Maildir, checked -> published
 *     -> removed; given back with a delay; or moved to `dead'    (outcome.c)
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/child.h>
#include <pirn/spool.h>

#include "cli/last_line.h"
#include "cli/maildir.h"
#include "cli/tool.h"

struct runs;

/* Zeroed once. */
struct run {
    struct runs *all;
    struct run *next; /* while it is free */
    struct pirn_claim claim;
    struct pirn_op step;
    struct pirn_op hear;
    struct pirn_child child;
    struct delivery delivery;
    pid_t pid;
    int body_fd;
    int errors_fd; /* where the command's standard error is read */
    uint64_t offset;
    uint32_t len; /* of bytes: what is to be written, */
    uint32_t at;  /* and how much of it was */
    uint32_t unheard;
    bool is_heard; /* to its end */
    bool has_ended;
    bool is_damaged; /* the body: no command was run */
    bool is_unfit;   /* the envelope: likewise */
    bool is_untried; /* nor was it, and the item is not to blame */
    int32_t status;
    struct last_line said;
    struct pirn_change change;
    struct pirn_fields fields;
    char bytes[PIRN_FIELDS_MAX]; /* of the body; heard; of the fields */
};

/* What all runs share. */
struct runs {
    struct tool *tool;
    char *const *argv;       /* the command; or, if there is none, */
    struct maildir *maildir; /* where items are delivered; else NULL */
    const char *queue;
    uint32_t attempts; /* that an item has */
    uint32_t busy;     /* runs that are not free */
    struct run *free;
    uint64_t handed; /* items that were claimed, or are about to be */
    uint64_t removed;
    uint64_t given_back;
    uint64_t dead;
    bool has_dead;    /* there is the queue `dead' */
    bool is_dry;      /* the last claim found nothing */
    enum code failed; /* no more is begun */
};

/** run_begin() - claim an item and go on until it is ended; @run: free */
void run_begin(struct run *run);

/** run_is_over() - it is free again */
void run_is_over(struct run *run);

/** run_fail() - say it of the item, and begin no more */
void run_fail(struct run *run, int error);

/** outcome_begin() - what becomes of the item, then run_is_over() */
void outcome_begin(struct run *run);

#endif /* CLI_RUN_H */
