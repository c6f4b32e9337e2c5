/* SPDX-License-Identifier: MIT */
/*
 * spool/file/move.h - an item that leaves the files, or comes to them: S12, S13
 */
#ifndef SPOOL_FILE_MOVE_H
#define SPOOL_FILE_MOVE_H

#include <pirn/chain.h>

#include "spool/file/site.h"
#include "spool/group_sync.h"

struct pirn__move;

/* What one is doing; zeroed once. */
struct pirn__file_move {
    struct pirn__name moving; /* ID.in or ID.out */
    struct pirn__name path;
    struct pirn__name to;
    struct pirn__site_make site;
    struct pirn__sync_wait sync;
    struct pirn__sync_wait sync_checkout;
    uint32_t left; /* syncs */
    int32_t result;
    bool late;  /* its rename was tried once */
    char *text; /* the metadata */
    uint32_t text_len;
    struct pirn_op open;
    struct pirn_op write;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op body; /* open, or link */
    struct pirn_op write_body;
    struct pirn_op fsync_body;
    struct pirn_op close_body;
    struct pirn_op step;
    struct pirn_op unlink;
    struct pirn_op *steps[12];
    struct pirn_chain chain;
};

struct pirn_claim;

/* Steps of a move (spool/move.h). */
bool pirn__file_is_held(const struct pirn_claim *claim);
void pirn__file_leave(struct pirn__move *move);
void pirn__file_stay(struct pirn__move *move);
void pirn__file_depart(struct pirn__move *move);
void pirn__file_claim_end(struct pirn_claim *claim, int32_t result);
void pirn__file_arrive(struct pirn__move *move);
void pirn__file_show(struct pirn__move *move);
void pirn__file_abandon(struct pirn__move *move);

#endif /* SPOOL_FILE_MOVE_H */
