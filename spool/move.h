/* SPDX-License-Identifier: MIT */
/*
 * spool/move.h - an item on its way from one layout to the other
 *
 *   leave    nobody else can have it any more, however he asks
 *   arrive   a copy of it, whole and durable, which nobody sees yet
 *   depart   the item itself goes, durably
 *   show     whoever claims has the copy
 *
 * Each is a step of the layout that it leaves or comes to, which ends it with
 * pirn__move_go_on(). What a kill or a power cut between them means: README.md.
 */
#ifndef SPOOL_MOVE_H
#define SPOOL_MOVE_H

#include <pirn/chain.h>

#include "spool/file/move.h"
#include "spool/layout.h"
#include "spool/log/alias.h"
#include "spool/log/arrival.h"
#include "spool/queue.h"

enum pirn__move_stage {
    PIRN__MOVE_LEAVE,
    PIRN__MOVE_ARRIVE,
    PIRN__MOVE_DEPART,
    PIRN__MOVE_SHOW,
    PIRN__MOVE_STAY,
    PIRN__MOVE_ABANDON,
};

/* What a layout does for it. */
struct pirn__move_steps {
    /* Of where it is. */
    bool (*is_held)(const struct pirn_claim *claim);
    /* And its body at hand: @source, or @body. -ESTALE: it is not ours; or an
     * errno, and stay() is called then. */
    void (*leave)(struct pirn__move *move);
    void (*stay)(struct pirn__move *move);
    void (*depart)(struct pirn__move *move);
    void (*end)(struct pirn_claim *claim, int32_t result);

    /* Of where it goes. After an error of the first nothing of it is left;
     * after one of the second it is there, and our slot's recovery shows it. */
    void (*arrive)(struct pirn__move *move);
    void (*show)(struct pirn__move *move);
    /* Instead of show(): it stays as it is, and lends nothing. Result 0. */
    void (*abandon)(struct pirn__move *move);
};

/* A body of that length is read whole; of a longer one only a name is made. */
#define PIRN__MOVE_BODY_MAX PIRN__BATCH_BODY_MAX

struct pirn__move {
    struct pirn_claim *claim;
    struct pirn_spool *spool;
    const struct pirn__layout *from;
    struct pirn__queue *queue; /* where it goes */
    enum pirn__move_stage stage;
    int32_t result; /* of the stage that failed */
    bool is_stuck;  /* and something of the copy is left */

    struct pirn_item item; /* as it will be; state: whether held */
    char *fields;          /* its own */
    struct pirn__name source;
    bool has_source;
    uint8_t *body; /* else all of it */
    uint32_t body_done;

    struct pirn__file_move file;
    struct pirn__arrival log;
    struct pirn__alias alias;
};

/** pirn__move_start() - a claim's give back, to a queue of the other layout */
void pirn__move_start(struct pirn_claim *claim, struct pirn__queue *queue);

/** pirn__move_go_on() - a step has ended */
void pirn__move_go_on(struct pirn__move *move, int32_t result);

/** pirn__move_make_body() - memory for all of a short body; false: none */
bool pirn__move_make_body(struct pirn__move *move);

/** pirn__move_check_body() - what was read is what was stored, or -EBADMSG */
PIRN_MUST_CHECK int pirn__move_check_body(const struct pirn__move *move);

#endif /* SPOOL_MOVE_H */
