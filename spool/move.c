/* SPDX-License-Identifier: MIT */
/*
 * move.c - see spool/move.h
 *
 *   leave -> arrive -> depart -> show -> the claim ends
 *     |        |         +--> abandon -> likewise, and nobody has it yet
 *     +--------+-> stay -> the claim goes on, with what went wrong
 *
 * Before the copy is whole the item is where it was, and stays there if
 * anything fails. When it is, it is the copy that lives, as soon as the item
 * has gone for good; what fails from there on is left to recovery, which knows
 * by itself how far it came.
 */
#include "spool/move.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/fields.h"
#include "spool/hash.h"

static void destroy(struct pirn__move *move)
{
    move->claim->priv.move = NULL;
    free(move->fields);
    free(move->body);
    free(move);
}

/* The claim's end. */
static void end(struct pirn__move *move, int32_t result)
{
    struct pirn_claim *claim = move->claim;
    const struct pirn__layout *from = move->from;

    pirn_assert(result <= 0);
    destroy(move);
    from->move->end(claim, result);
}

/* The claim goes on. */
static void give_up(struct pirn__move *move, int32_t result)
{
    struct pirn_claim *claim = move->claim;

    pirn_assert(result < 0);
    destroy(move);
    pirn_task_finish(claim->priv.spool->context, &claim->op, result);
}

static void enter(struct pirn__move *move, enum pirn__move_stage stage)
{
    move->stage = stage;
    switch (stage) {
    case PIRN__MOVE_LEAVE:
        move->from->move->leave(move);
        return;
    case PIRN__MOVE_ARRIVE:
        move->queue->layout->move->arrive(move);
        return;
    case PIRN__MOVE_DEPART:
        move->from->move->depart(move);
        return;
    case PIRN__MOVE_SHOW:
        move->queue->layout->move->show(move);
        return;
    case PIRN__MOVE_STAY:
        move->from->move->stay(move);
        return;
    case PIRN__MOVE_ABANDON:
        move->queue->layout->move->abandon(move);
        return;
    }
}

static void fail(struct pirn__move *move, int32_t result)
{
    bool is_ours = result != -ESTALE;

    switch (move->stage) {
    case PIRN__MOVE_LEAVE:
    case PIRN__MOVE_ARRIVE:
        move->result = result;
        if (is_ours && !move->is_stuck) {
            enter(move, PIRN__MOVE_STAY);
        } else {
            end(move, -ESTALE);
        }
        return;
    case PIRN__MOVE_DEPART:
        enter(move, PIRN__MOVE_ABANDON);
        return;
    case PIRN__MOVE_STAY:
    case PIRN__MOVE_SHOW:
    case PIRN__MOVE_ABANDON:
        end(move, -ESTALE); /* recovery makes it ready */
        return;
    }
}

void pirn__move_go_on(struct pirn__move *move, int32_t result)
{
    pirn_assert(result <= 0);
    if (result < 0) {
        fail(move, result);
        return;
    }
    switch (move->stage) {
    case PIRN__MOVE_LEAVE:
        enter(move, PIRN__MOVE_ARRIVE);
        return;
    case PIRN__MOVE_ARRIVE:
        enter(move, PIRN__MOVE_DEPART);
        return;
    case PIRN__MOVE_DEPART:
        enter(move, PIRN__MOVE_SHOW);
        return;
    case PIRN__MOVE_SHOW:
        end(move, 0);
        return;
    case PIRN__MOVE_STAY:
        give_up(move, move->result);
        return;
    case PIRN__MOVE_ABANDON:
        end(move, -ESTALE); /* recovery makes it ready */
        return;
    }
}

bool pirn__move_make_body(struct pirn__move *move)
{
    pirn_assert(move->body == NULL);
    if (move->item.size_bytes > PIRN__MOVE_BODY_MAX) {
        return false;
    }
    move->body = malloc((size_t)move->item.size_bytes + 1);
    return move->body != NULL;
}

int pirn__move_check_body(const struct pirn__move *move)
{
    const struct pirn_item *item = &move->item;
    bool is_whole = move->body_done == item->size_bytes &&
                    XXH3_64bits(move->body, move->body_done) == item->digest;

    return is_whole ? 0 : -EBADMSG;
}

/* ---- what it will be ---- */

/* Memory of its own: those of the claim may go before the copy is shown. To the
 * log its id goes before all others; and a caller's name before new ones. */
static int take_fields(struct pirn__move *move,
                       const struct pirn_fields *fields)
{
    bool to_log = move->queue->layout == &pirn__layout_log;
    uint32_t own = to_log ? PIRN__ALIAS_FIELD_BYTES : 0;
    struct pirn_fields kept =
        pirn__fields_kept(&move->claim->item.fields, fields);
    uint32_t len = fields == NULL ? 0 : fields->len;
    int r = pirn__fields_check(fields);

    if (r < 0) {
        return r;
    }
    if (len > PIRN_FIELDS_MAX - own - kept.len) {
        return -E2BIG;
    }
    move->fields = malloc(own + kept.len + len + 1);
    if (move->fields == NULL) {
        return -ENOMEM;
    }
    if (to_log) {
        pirn__alias_put(move->fields, &move->item.id);
    }
    if (kept.len > 0) {
        memcpy(move->fields + own, kept.bytes, kept.len);
    }
    if (len > 0) {
        memcpy(move->fields + own + kept.len, fields->bytes, len);
    }
    len += own + kept.len;
    move->item.fields = (struct pirn_fields){move->fields, len, len};
    return 0;
}

/* Version v + 1 of what the claim has, with what changes. */
static int plan(struct pirn__move *move, const struct pirn_change *change)
{
    struct pirn_item *item = &move->item;
    bool is_held = move->from->move->is_held(move->claim);
    bool is_tried = !(change->what & PIRN_CHANGE_UNTRIED);

    *item = move->claim->item;
    if (item->version == UINT32_MAX) {
        return -EOVERFLOW;
    }
    item->version++;
    item->attempts += is_tried && item->attempts < UINT32_MAX;
    if (change->what & PIRN_CHANGE_DUE) {
        item->due_ns = change->due_ns;
    }
    if (change->what & PIRN_CHANGE_PRIORITY) {
        item->priority = pirn__site_priority(change->priority);
    }
    if (change->what & PIRN_CHANGE_HELD) {
        is_held = change->held;
    }
    item->state = is_held ? PIRN_ITEM_HELD : PIRN_ITEM_READY;
    return take_fields(move, change->what & PIRN_CHANGE_FIELDS
                                 ? change->fields
                                 : &move->claim->item.fields);
}

void pirn__move_start(struct pirn_claim *claim, struct pirn__queue *queue)
{
    struct pirn__move *move = calloc(1, sizeof(*move));
    struct pirn_spool *spool = claim->priv.spool;

    pirn_assert(claim->priv.work != NULL && claim->priv.move == NULL);
    pirn_assert(queue->layout != claim->priv.layout);
    if (move == NULL) {
        pirn_task_finish(spool->context, &claim->op, -ENOMEM);
        return;
    }
    move->claim = claim;
    move->spool = spool;
    move->from = claim->priv.layout;
    move->queue = queue;
    claim->priv.move = move;
    int r = plan(move, claim->priv.change);
    if (r < 0) {
        give_up(move, r);
        return;
    }
    enter(move, PIRN__MOVE_LEAVE);
}
