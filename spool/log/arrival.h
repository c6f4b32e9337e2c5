/* SPDX-License-Identifier: MIT */
/*
 * spool/log/arrival.h - an item that comes to the log, or leaves it
 *
 * One that comes gets a slot, and an id that names it; its own is the first of
 * its record's fields and, as long as it is there, an alias (alias.h).
 */
#ifndef SPOOL_LOG_ARRIVAL_H
#define SPOOL_LOG_ARRIVAL_H

#include "spool/group_sync.h"
#include "spool/log/backing.h"
#include "spool/log/keeper.h"
#include "spool/log/writer.h"

struct pirn__move;
struct pirn_claim;

/* What one is doing; zeroed once. */
struct pirn__arrival {
    struct pirn__grip grip;
    struct pirn_id id; /* the log's */
    bool has_slot;
    bool has_alias;
    bool has_file;
    bool has_record; /* or some of it may be on the disk */
    int32_t result;
    struct pirn__backing_wait back;
    struct pirn__record record;
    struct pirn__sync_wait sync;
    struct pirn__name path;
    struct pirn_op step;
    struct pirn__round_wait round;
};

/* Steps of a move (spool/move.h). */
bool pirn__log_is_held(const struct pirn_claim *claim);
void pirn__log_leave(struct pirn__move *move);
void pirn__log_stay(struct pirn__move *move);
void pirn__log_depart(struct pirn__move *move);
void pirn__log_end(struct pirn_claim *claim, int32_t result);
void pirn__log_arrive(struct pirn__move *move);
void pirn__log_show(struct pirn__move *move);
void pirn__log_abandon(struct pirn__move *move);

#endif /* SPOOL_LOG_ARRIVAL_H */
