/* SPDX-License-Identifier: MIT */
/*
 * spool/layout.h - what a way of keeping items has to be able to do
 *
 * The public verbs find the queue, or who knows the id, and hand the op on; the
 * layout finishes it, with what pirn/spool.h promises. An object belongs to one
 * layout from its first verb to its last.
 */
#ifndef SPOOL_LAYOUT_H
#define SPOOL_LAYOUT_H

#include "spool/spool.h"

struct pirn__move;
struct pirn__move_steps;

struct pirn__layout {
    void (*enqueue)(struct pirn_draft *draft, struct pirn__queue *queue);
    /* On the body's file of priv.of, which has one, in whatever layout. */
    void (*share)(struct pirn_draft *draft, struct pirn__queue *queue);
    void (*begin)(struct pirn_draft *draft, struct pirn__queue *queue);
    void (*append)(struct pirn_draft *draft);
    void (*commit)(struct pirn_draft *draft);
    void (*abort)(struct pirn_draft *draft);

    void (*claim)(struct pirn_claim *claim, struct pirn__queue *queue);
    /* Of a claim that has begun: by priv.until_ns it waits. */
    void (*claim_cancel)(struct pirn_claim *claim);
    void (*claim_id)(struct pirn_claim *claim);
    void (*claim_read)(struct pirn_claim *claim);
    /* Where the claimed item's body is; false: in no file of its own. */
    bool (*claim_body)(const struct pirn_claim *claim,
                       struct pirn__name *ret_name);
    /* Whether it has another id there than its own. */
    bool (*has_alias)(const struct pirn_claim *claim);
    void (*remove)(struct pirn_claim *claim);
    void (*update)(struct pirn_claim *claim);    /* by priv.change */
    void (*give_back)(struct pirn_claim *claim); /* likewise, if it is there */

    void (*look)(struct pirn_view *view);
    void (*view_read)(struct pirn_view *view);
    void (*view_end)(struct pirn_view *view);

    const struct pirn__move_steps *move; /* to the other one, and from it */
};

extern const struct pirn__layout pirn__layout_file;
extern const struct pirn__layout pirn__layout_log;

/** pirn__claim_end() - a claim's op ends with @result, and its item's name, if
 * it was removed and had one; instead of pirn_task_finish() */
void pirn__claim_end(struct pirn_claim *claim, int32_t result);

/**
 * pirn__layout_seek() - where an item with that id is, if it is anywhere
 * @op: a task that has begun; where that cannot be found out it is finished,
 *      with what went wrong; else @found goes on with it, perhaps at once. @id:
 *      the id that it has there
 */
typedef void pirn__layout_found_fn(struct pirn_op *op,
                                   const struct pirn__layout *layout,
                                   const struct pirn_id *id);
void pirn__layout_seek(struct pirn_spool *spool, const struct pirn_id *id,
                       struct pirn_op *op, pirn__layout_found_fn *found);

#endif /* SPOOL_LAYOUT_H */
