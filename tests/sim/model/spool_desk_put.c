/* SPDX-License-Identifier: MIT */
/* spool_desk_put.c - see spool_desk.h */
#include "tests/sim/model/spool_desk.h"

#include <errno.h>
#include <string.h>

enum {
    SMALL_MAX = 2048,
    MIDDLE = 60 * 1024,
    LARGE = 66 * 1024, /* more than a draft keeps in memory */
    APPENDS = 3,
    DELAY_MAX_NS = 400000000,
};

/* --- put --- */

static void put(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, draft.op);

    check_spool_put(desk->office->check, desk->number, result, &desk->draft.id);
    spool_desk_finish(desk);
}

static void aborted(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, draft.op);

    (void)result;
    check_spool_put(desk->office->check, desk->number, -ECANCELED, NULL);
    spool_desk_finish(desk);
}

static void appended(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, draft.op);
    struct pirn_context *context = desk->office->context;
    uint32_t left = desk->len - desk->at;
    uint32_t len;

    if (result < 0 ||
        (desk_does(desk, 'x', 16) && (left == 0 || desk->letter == 0))) {
        pirn_prep_abort(&desk->draft);
        pirn_start(context, op, aborted);
        return;
    }
    if (left == 0) {
        pirn_prep_commit(&desk->draft, NULL);
        pirn_start(context, op, put);
        return;
    }
    len = left < APPENDS ? left
                         : rng_between(desk_rng(desk), left / APPENDS, left);
    pirn_prep_append(&desk->draft, desk->body + desk->at, len);
    desk->at += len;
    pirn_start(context, op, appended);
}

/* Of the log some that fill its segments; where bodies are damaged, more that
 * are files of their own. */
static uint32_t draw_len(struct desk *desk)
{
    struct rng *rng = desk_rng(desk);
    bool is_log = desk->office->worker->is_log;
    uint32_t often = desk->office->worker->is_small ? 2 : 4;

    if (rng_below(rng, is_log && desk->office->check->is_checked ? 6 : 64) ==
        0) {
        return LARGE;
    }
    uint32_t max = is_log && rng_below(rng, often) == 0 ? MIDDLE : SMALL_MAX;

    return rng_between(rng, CHECK_BODY_MIN, max);
}

/* Where it goes, and when. */
static void draw_place(struct desk *desk)
{
    struct rng *rng = desk_rng(desk);
    struct pirn_draft *draft = &desk->draft;

    draft->held = rng_below(rng, 8) == 0;
    draft->priority = 0;
    if (rng_below(rng, 4) == 0) {
        draft->priority = (int8_t)((int)rng_below(rng, 16) - 8);
    }
    draft->due_ns = 0;
    if (rng_below(rng, 8) == 0) {
        draft->due_ns = world_wall_ns(desk->office->check->world) +
                        rng_below(rng, DELAY_MAX_NS);
    }
}

void spool_desk_put(struct desk *desk)
{
    struct office *office = desk->office;
    uint32_t len =
        office->worker->len > 0 ? office->worker->len : draw_len(desk);

    if (!desk_has_memory(desk, len)) {
        spool_desk_finish(desk);
        return;
    }
    desk->number = check_spool_begin(office->check, len);
    office->check->items[desk->number].maker = desk_process(desk);
    check_spool_fill(desk->number, len, desk->body);
    if (office->worker->script == NULL) {
        draw_place(desk);
    }
    office->check->items[desk->number].put_as = (struct check_place){
        .held = desk->draft.held,
        .priority = desk->draft.priority,
        .due_ns = desk->draft.due_ns,
    };
    if (desk_does(desk, 'e', 2)) {
        pirn_prep_enqueue(&desk->draft, office->spool, "incoming", desk->body,
                          len, NULL);
        pirn_start(office->context, &desk->draft.op, put);
    } else {
        pirn_prep_begin(&desk->draft, office->spool, "incoming");
        pirn_start(office->context, &desk->draft.op, appended);
    }
}

/* --- share --- */

bool spool_desk_shares(struct desk *desk)
{
    const struct office *office = desk->office;

    return office->worker->is_rich && office->check->count < CHECK_ITEMS &&
           !check_hurt_is_bad_body(
               check_hurt_how(office->check, desk->number)) &&
           rng_below(desk_rng(desk), 4) == 0;
}

static void shared(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, draft.op);

    check_spool_put(desk->office->check, desk->shared, result, &desk->draft.id);
    spool_desk_end_claim(desk);
}

/* One more item on the body of the one that it has. */
void spool_desk_share(struct desk *desk)
{
    struct office *office = desk->office;
    struct check_spool *check = office->check;
    bool is_other = office->has_other && rng_coin(desk_rng(desk));

    desk->shared = check_spool_begin(check, check->items[desk->number].len);
    check->items[desk->shared].maker = desk_process(desk);
    check_spool_shares(check, desk->shared, desk->number);
    draw_place(desk);
    check->items[desk->shared].put_as = (struct check_place){
        .is_other = is_other,
        .held = desk->draft.held,
        .priority = desk->draft.priority,
        .due_ns = desk->draft.due_ns,
    };
    pirn_prep_share(&desk->draft, &desk->claim,
                    is_other ? CHECK_QUEUE_OTHER : CHECK_QUEUE, NULL);
    pirn_start(office->context, &desk->draft.op, shared);
}

/* --- names and fences --- */

static void named(struct spool_namer *namer)
{
    struct desk *desk = pirn_container_of(namer, struct desk, namer);

    spool_desk_finish(desk);
}

static void begin_named(struct desk *desk)
{
    struct office *office = desk->office;
    struct spool_namer *namer = &desk->namer;

    if (!desk_has_memory(desk, draw_len(desk))) {
        spool_desk_finish(desk);
        return;
    }
    namer->check = office->check;
    namer->context = office->context;
    namer->spool = office->spool;
    namer->process = desk_process(desk);
    namer->done = named;
    spool_namer_put(namer, rng_between(desk_rng(desk), 1, CHECK_NAMES),
                    desk->body, desk->len);
}

static void fenced(struct spool_fencer *fencer)
{
    spool_desk_next(pirn_container_of(fencer, struct desk, fencer));
}

static void begin_fence(struct desk *desk)
{
    struct office *office = desk->office;
    struct spool_fencer *fencer = &desk->fencer;

    fencer->check = office->check;
    fencer->context = office->context;
    fencer->spool = office->spool;
    fencer->done = fenced;
    spool_fencer_fence(fencer, desk_rng(desk));
}

/* Whether it is done: put under a name, or fence somebody out. */
bool spool_desk_rich(struct desk *desk)
{
    const struct office *office = desk->office;
    uint32_t dice = office->worker->is_rich ? rng_below(desk_rng(desk), 8) : 7;

    if (dice == 0) {
        begin_fence(desk);
    } else if (dice <= 2 && office->check->count < CHECK_ITEMS) {
        begin_named(desk);
    } else {
        return false;
    }
    return true;
}
