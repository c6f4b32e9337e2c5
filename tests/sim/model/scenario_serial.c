/* SPDX-License-Identifier: MIT */
/*
 * scenario_serial.c - ops of all kinds on a serial, and what may happen to them
 *
 * Pushed, to the front, to be alone, put back from their function; cancelled,
 * late by a deadline; the serial is stopped, started, drained, and in half of
 * the lives closed. The shadow is told of each event by the serial's trace, and
 * says whether it may happen now:
 *
 *   idle --push--> waits --> runs --> ends --> its function, once --> idle
 *                    |                            ^
 *                    +------ dropped, refused ----+
 *
 * Who begins is first in the shadow's own list; a slot is free, nobody is or
 * wants to be alone, it is not stopped, no function of its ops is being called.
 * Who could begin does. A task's begin, and what the kernel carries out, are
 * held against what the trace says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/width.h"
#include "tests/sim/model/world.h"

enum { ITEMS = 10, SLOTS = 3, STEPS = 3 };

enum state { IDLE, PUSHED, WAITS, RUNS, ENDS, DROPPED, REFUSED };

enum kind { NOP, TIMER, IMMEDIATE, TASK, CHAIN, KINDS };

struct shop;

struct item {
    struct shop *shop;
    struct pirn_op op;
    struct pirn_chain chain;
    struct pirn_op parts[STEPS];
    struct pirn_op *steps[STEPS];
    struct pirn_op deadline;
    enum kind kind;
    enum state state;
    unsigned how;
    bool asked; /* to end early, by whomever, in this life */
    bool begun; /* a task: its begin was called */
    bool finished;
};

struct shop {
    struct width width;
    struct pirn_serial serial;
    struct pirn_serial_slot slots[SLOTS];
    struct item items[ITEMS];
    struct pirn_op drain;
    struct pirn_op drain_deadline;
    struct pirn_op close;

    /* The shadow. */
    struct item *waiting[ITEMS];
    uint32_t waiting_count;
    uint32_t waiting_max;
    uint32_t running;
    uint32_t slot_count;
    bool alone;
    bool stopped;
    bool stops_on_error;
    bool closing;
    bool closed;
    bool calling;
    bool drain_asked;
    bool was_idle; /* since the drain began */
    bool ends;     /* nothing is put back any more */
};

static void wrong(struct shop *shop, const struct item *item, const char *what)
{
    world_fail(shop->width.world, "op %d on a serial, state %d: %s",
               (int)(item - shop->items), (int)item->state, what);
}

static struct pirn_op *op_of(struct item *item)
{
    return item->kind == CHAIN ? &item->chain.op : &item->op;
}

static struct item *item_of(struct shop *shop, const struct pirn_op *op)
{
    uintptr_t offset = (uintptr_t)op - (uintptr_t)shop->items;

    pirn_assert(offset < sizeof(shop->items));
    return &shop->items[offset / sizeof(struct item)];
}

/* --- the shadow --- */

static void list_insert(struct shop *shop, struct item *item)
{
    uint32_t at = item->how & PIRN_SERIAL_FRONT ? 0 : shop->waiting_count;

    memmove(&shop->waiting[at + 1], &shop->waiting[at],
            sizeof(shop->waiting[0]) * (shop->waiting_count - at));
    shop->waiting[at] = item;
    shop->waiting_count++;
}

static void list_remove(struct shop *shop, const struct item *item)
{
    uint32_t at = 0;

    while (at < shop->waiting_count && shop->waiting[at] != item) {
        at++;
    }
    if (at == shop->waiting_count) {
        wrong(shop, item, "it does not wait");
        return;
    }
    shop->waiting_count--;
    memmove(&shop->waiting[at], &shop->waiting[at + 1],
            sizeof(shop->waiting[0]) * (shop->waiting_count - at));
}

static bool wants_alone(const struct item *item)
{
    return (item->how & PIRN_SERIAL_ALONE) != 0;
}

static bool may_begin(const struct shop *shop, const struct item *item)
{
    return !shop->stopped && !shop->closing && !shop->calling && !shop->alone &&
           shop->running < shop->slot_count &&
           (!wants_alone(item) || shop->running == 0);
}

static bool is_full(const struct shop *shop)
{
    uint32_t room = shop->waiting_max;

    if (shop->calling && !shop->stopped && !shop->closing && !shop->alone) {
        room += shop->slot_count - shop->running;
    }
    return shop->waiting_max > 0 && shop->waiting_count >= room;
}

static void shadow_begins(struct shop *shop, struct item *item)
{
    if (item->state == WAITS) {
        if (shop->waiting[0] != item) {
            wrong(shop, item, "begins, and another is before it");
        }
        list_remove(shop, item);
    } else if (item->state != PUSHED || shop->waiting_count > 0) {
        wrong(shop, item, "begins out of turn");
    }
    if (!may_begin(shop, item)) {
        wrong(shop, item, "begins, and may not");
    }
    item->state = RUNS;
    shop->running++;
    shop->alone = wants_alone(item);
}

static void shadow_ends(struct shop *shop, struct item *item)
{
    if (item->state != RUNS) {
        wrong(shop, item, "ends, and did not run");
    }
    if (item->kind == TASK && !item->begun) {
        wrong(shop, item, "ends, and never began");
    }
    item->state = ENDS;
    shop->running--;
    shop->alone = false;
    shop->calling = true;
    shop->stopped |= shop->stops_on_error && pirn_op_result(op_of(item)) < 0;
}

static void shadow_refused(struct shop *shop, struct item *item)
{
    if (item->state != PUSHED) {
        wrong(shop, item, "is refused, and was not pushed");
    }
    if (!shop->closing && (!is_full(shop) || (item->how & PIRN_SERIAL_FRONT))) {
        wrong(shop, item, "is refused, and there is room");
    }
    item->state = REFUSED;
}

static void shadow_idle(struct shop *shop)
{
    shop->was_idle |=
        shop->running == 0 && shop->waiting_count == 0 && !shop->calling;
}

static void told(const struct pirn_serial *serial, const struct pirn_op *op,
                 enum pirn_serial_event event)
{
    struct shop *shop =
        pirn_container_of((struct pirn_serial *)serial, struct shop, serial);
    struct item *item = item_of(shop, op);

    switch (event) {
    case PIRN_SERIAL_WAITS:
        if (item->state != PUSHED || shop->closing ||
            (is_full(shop) && !(item->how & PIRN_SERIAL_FRONT))) {
            wrong(shop, item, "waits, and may not");
        }
        item->state = WAITS;
        list_insert(shop, item);
        break;
    case PIRN_SERIAL_BEGINS:
        shadow_begins(shop, item);
        break;
    case PIRN_SERIAL_ENDS:
        shadow_ends(shop, item);
        break;
    case PIRN_SERIAL_DROPPED:
        if (!item->asked && !shop->closing) {
            wrong(shop, item, "is dropped, and nobody asked");
        }
        list_remove(shop, item);
        item->state = DROPPED;
        break;
    case PIRN_SERIAL_REFUSED:
        shadow_refused(shop, item);
        break;
    }
    shadow_idle(shop);
}

/* Between two things that the life does. */
static void compare(struct shop *shop)
{
    struct pirn_serial *serial = &shop->serial;
    struct item *first = shop->waiting_count > 0 ? shop->waiting[0] : NULL;

    if (shop->closed) {
        return;
    }
    if (pirn_serial_waiting_count(serial) != shop->waiting_count ||
        pirn_serial_running_count(serial) != shop->running ||
        pirn_serial_is_stopped(serial) != shop->stopped) {
        world_fail(shop->width.world,
                   "a serial counts %u and %u, and it is %u who wait and %u",
                   pirn_serial_waiting_count(serial),
                   pirn_serial_running_count(serial), shop->waiting_count,
                   shop->running);
    }
    if (first != NULL && may_begin(shop, first)) {
        wrong(shop, first, "could begin, and does not");
    }
}

/* --- the life --- */

static void push(struct shop *shop, struct item *item, unsigned how);

static void task_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct item *item = pirn_container_of(op, struct item, op);

    (void)context;
    if (item->state != RUNS || item->begun) {
        wrong(item->shop, item, "is begun");
    }
    item->begun = true;
}

static const struct pirn_task_verbs task_verbs = {.begin = task_begin,
                                                  .name = "of a life"};

static void check_result(struct shop *shop, const struct item *item,
                         int32_t result)
{
    switch (item->state) {
    case REFUSED: /* of a timer a late cancel is heard: nothing has moved */
        if (result != -EXFULL &&
            !(result == -ECANCELED && (item->asked || shop->closing))) {
            wrong(shop, item, "is refused with another word");
        }
        return;
    case DROPPED:
        if (result != -ECANCELED) {
            wrong(shop, item, "is dropped with another word");
        }
        return;
    case ENDS:
        if (result == -EXFULL ||
            (result == -ECANCELED && !item->asked && !shop->closing &&
             !width_kernel_cancels(&shop->width))) {
            wrong(shop, item, "ends with a word that nobody gave it");
        }
        return;
    case IDLE:
    case PUSHED:
    case WAITS:
    case RUNS:
        wrong(shop, item, "its function is called");
    }
}

static void act(struct shop *shop);

/* In the function of an op that had its turn more may be done. */
static void call(struct item *item, int32_t result)
{
    struct shop *shop = item->shop;
    bool had_turn = item->state == ENDS;

    check_result(shop, item, result);
    item->state = IDLE;
    item->asked = false;
    pirn_cancel(shop->width.context, &item->deadline);
    if (!shop->ends && width_once_in(&shop->width, 4)) {
        push(shop, item, PIRN_SERIAL_FRONT);
    } else if (!shop->ends && had_turn && width_once_in(&shop->width, 4)) {
        act(shop);
    }
    if (had_turn) {
        shop->calling = false;
        shadow_idle(shop);
    }
}

static void op_ended(struct pirn_op *op, int32_t result)
{
    call(pirn_container_of(op, struct item, op), result);
}

static void chain_ended(struct pirn_op *op, int32_t result)
{
    call(pirn_container_of(op, struct item, chain.op), result);
}

static void ignore(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void prep_chain(struct item *item)
{
    struct width *width = &item->shop->width;

    for (uint32_t i = 0; i < STEPS; i++) {
        item->steps[i] = &item->parts[i];
    }
    pirn_prep_nop(item->steps[0]);
    pirn_prep_timer(item->steps[1], rng_below(&width->rng, 50000));
    pirn_prep_immediate(item->steps[2]);
    pirn_prep_chain(&item->chain, item->steps,
                    rng_between(&width->rng, 1, STEPS));
}

static void prep(struct item *item)
{
    struct width *width = &item->shop->width;

    item->kind = (enum kind)rng_below(&width->rng, KINDS);
    item->begun = false;
    item->finished = false;
    switch (item->kind) {
    case NOP:
        pirn_prep_nop(&item->op);
        return;
    case TIMER:
        pirn_prep_timer(&item->op, rng_below(&width->rng, 50000));
        return;
    case IMMEDIATE:
        pirn_prep_immediate(&item->op);
        return;
    case TASK:
        pirn_prep_task(&item->op, &task_verbs);
        return;
    case CHAIN:
        prep_chain(item);
        return;
    case KINDS:
        return;
    }
}

static void set_deadline(struct item *item)
{
    struct width *width = &item->shop->width;

    if (pirn_op_is_idle(&item->deadline)) {
        item->asked = true;
        pirn_prep_deadline(&item->deadline, op_of(item), width_soon_ns(width));
        pirn_start(width->context, &item->deadline, ignore);
    }
}

static void push(struct shop *shop, struct item *item, unsigned how)
{
    prep(item);
    item->how = how;
    item->state = PUSHED;
    if (how == 0) {
        pirn_serial_push(&shop->serial, op_of(item),
                         item->kind == CHAIN ? chain_ended : op_ended);
    } else {
        pirn_serial_push_as(&shop->serial, op_of(item), how,
                            item->kind == CHAIN ? chain_ended : op_ended);
    }
    if (item->state == PUSHED) {
        wrong(shop, item, "was pushed, and nothing came of it");
    }
    if (width_once_in(&shop->width, 6)) {
        set_deadline(item);
    }
}

static void finish(struct item *item, int32_t result)
{
    if (item->kind == TASK && item->state == RUNS && !item->finished) {
        item->finished = true;
        pirn_task_finish(item->shop->width.context, &item->op, result);
    }
}

static void cancel(struct item *item)
{
    item->asked = item->state != IDLE;
    pirn_cancel(item->shop->width.context, op_of(item));
}

static void drained(struct pirn_op *op, int32_t result)
{
    struct shop *shop = pirn_container_of(op, struct shop, drain);

    pirn_cancel(shop->width.context, &shop->drain_deadline);
    if (!(result == 0 && shop->was_idle) &&
        !(result == -ECANCELED && (shop->closing || shop->drain_asked))) {
        world_fail(shop->width.world, "a serial's drain says %d", result);
    }
}

static void drain(struct shop *shop)
{
    struct pirn_context *context = shop->width.context;

    if (!pirn_op_is_idle(&shop->drain) ||
        !pirn_op_is_idle(&shop->drain_deadline)) {
        return;
    }
    shop->was_idle = false;
    shop->drain_asked = rng_coin(&shop->width.rng);
    pirn_prep_serial_drain(&shop->drain, &shop->serial);
    pirn_start(context, &shop->drain, drained);
    shadow_idle(shop);
    if (shop->drain_asked) {
        pirn_prep_deadline(&shop->drain_deadline, &shop->drain,
                           width_soon_ns(&shop->width));
        pirn_start(context, &shop->drain_deadline, ignore);
    }
}

static void stop(struct shop *shop)
{
    pirn_serial_stop(&shop->serial);
    shop->stopped = true;
}

static void start(struct shop *shop)
{
    shop->stopped = false;
    pirn_serial_start(&shop->serial);
}

static void act(struct shop *shop)
{
    struct rng *rng = &shop->width.rng;
    struct item *item = &shop->items[rng_below(rng, ITEMS)];

    switch (rng_below(rng, 12)) {
    case 0:
        stop(shop);
        return;
    case 1:
    case 2:
        start(shop);
        return;
    case 3:
        drain(shop);
        return;
    case 4:
    case 5:
        cancel(item);
        return;
    case 6:
    case 7:
        finish(item, rng_coin(rng) ? 0 : -EIO);
        return;
    default:
        if (item->state == IDLE) {
            push(shop, item, rng_coin(rng) ? 0 : rng_below(rng, 4));
        }
        return;
    }
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct shop *shop = pirn_container_of(op, struct shop, close);

    if (result != 0 || shop->running > 0 || shop->waiting_count > 0) {
        world_fail(shop->width.world, "a serial is closed: %d, %u run", result,
                   shop->running);
    }
    shop->closed = true;
}

/* By the close: a task that runs hears of it at once. */
static void check_asked(struct shop *shop)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        const struct item *item = &shop->items[i];

        if (item->kind == TASK && item->state == RUNS && !item->finished &&
            !pirn_task_is_cancelled(&item->op)) {
            wrong(shop, item, "runs in a closed serial, and is not asked");
        }
    }
}

/* To its end, by itself or by a close. */
static void wind_up(struct shop *shop)
{
    struct pirn_context *context = shop->width.context;

    shop->ends = true;
    if (rng_coin(&shop->width.rng)) {
        shop->closing = true;
        pirn_prep_serial_close(&shop->close, &shop->serial);
        pirn_start(context, &shop->close, closed);
        check_asked(shop);
    }
    while (pirn_context_loaned(context) > 0) {
        start(shop);
        for (uint32_t i = 0; i < ITEMS; i++) {
            finish(&shop->items[i], 0);
        }
        width_wait(&shop->width);
        compare(shop);
    }
    if (shop->closing != shop->closed) {
        world_fail(shop->width.world, "a serial's close never ended");
    }
}

static void open_serial(struct shop *shop)
{
    struct rng *rng = &shop->width.rng;
    struct pirn_serial_config config = {
        .slots = shop->slots,
        .slot_count = rng_between(rng, 1, SLOTS),
        .waiting_max = rng_coin(rng) ? 0 : rng_between(rng, 1, 4),
        .begins_stopped = rng_below(rng, 4) == 0,
        .stops_on_error = rng_below(rng, 4) == 0,
        .trace = told,
    };

    shop->slot_count = config.slot_count;
    shop->waiting_max = config.waiting_max;
    shop->stopped = config.begins_stopped;
    shop->stops_on_error = config.stops_on_error;
    pirn_serial_init(&shop->serial, shop->width.context, &config);
    for (uint32_t i = 0; i < ITEMS; i++) {
        shop->items[i].shop = shop;
    }
}

static void run(void *width)
{
    struct shop *shop = pirn_container_of(width, struct shop, width);

    shop->width.context = process_context(shop->width.world);
    open_serial(shop);
    for (uint32_t n = rng_between(&shop->width.rng, 20, 300); n > 0; n--) {
        act(shop);
        compare(shop);
        if (width_once_in(&shop->width, 3)) {
            width_turn(&shop->width);
            compare(shop);
        }
    }
    wind_up(shop);
    pirn_serial_deinit(&shop->serial);
    pirn_context_destroy(shop->width.context);
}

static void carried_out(void *argument, const struct pirn_loan *loan,
                        int32_t result)
{
    struct shop *shop = argument;

    (void)result;
    for (uint32_t i = 0; i < ITEMS; i++) {
        struct item *item = &shop->items[i];

        if ((loan == &item->op.priv || loan == &item->parts[0].priv) &&
            item->state != RUNS) {
            wrong(shop, item, "is carried out, and it is not its turn");
        }
    }
}

static void live(struct world *world)
{
    struct shop *shop = calloc(1, sizeof(*shop));

    pirn_assert(shop != NULL);
    world->carried_out = carried_out;
    world->argument = shop;
    if (width_live(&shop->width, world, run)) {
        world_check_rest(world);
    }
    free(shop);
}

const struct scenario scenario_serial = {
    .name = "serial",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_POWER) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 1500,
    .lives = 20000,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};
