/* SPDX-License-Identifier: MIT */
/*
 * spool/move_recover.h - moves that an owner did not end
 */
#ifndef SPOOL_MOVE_RECOVER_H
#define SPOOL_MOVE_RECOVER_H

#include <pirn/chain.h>

#include "spool/log/alias.h"
#include "spool/log/keeper.h"
#include "spool/scan.h"

struct pirn_spool;
struct pirn__queue;

/* Start &it->op. Zeroed once. */
struct pirn__move_recover {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__queue *queue; /* in whose .checkout they stand */
    uint32_t slot;
    int32_t result;
    struct pirn__scan scan;
    struct pirn__ids ids[2]; /* by enum pirn__moving_name */
    enum pirn__moving_name which;
    uint32_t at;

    struct pirn_id id;
    struct pirn_id in_log;
    struct pirn__alias alias;
    struct pirn__round_wait round;
    struct pirn__name moving;
    struct pirn__name path;
    int checkout_fd; /* that .checkout, for its sync */
    struct pirn_op step;
    struct pirn_op fsync;
    struct pirn_op last;
    struct pirn_op close;
    struct pirn_op *steps[4];
    struct pirn_chain chain;
};

/**
 * pirn__prep_move_recover() - of each item in the midst of a move one stays
 *
 * @slot is ours, or a dead owner's whose lock we hold, or nobody else has the
 * spool open; what its owner had of the log was not recovered yet. What stays
 * among the files is claimed by @slot then.
 *
 * Result: 0, or the first error; what it concerns is left as it was
 */
void pirn__prep_move_recover(struct pirn__move_recover *recover,
                             struct pirn_spool *spool,
                             struct pirn__queue *queue, uint32_t slot);

#endif /* SPOOL_MOVE_RECOVER_H */
