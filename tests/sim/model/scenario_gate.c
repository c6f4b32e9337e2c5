/* SPDX-License-Identifier: MIT */
/*
 * scenario_gate.c - users at one gate, who enter, wait, try, leave, pass it on
 *
 * Enters and waits may be cancelled or late by a deadline; who holds the gate
 * may go through it again, and uses his op for something else meanwhile. In the
 * end it is closed. What an op will be told is known when it is decided:
 *
 *   free      -> 0, at once          the holder leaves -> opened, his outcome
 *   the token -> 0, at once          he passes it on   -> 0, to the first one
 *   held      -> it waits            cancelled, late, closed -> -ECANCELED
 *
 * so the shadow decides by itself, and holds against it what the op was told
 * and what the gate says of itself. Of a deadline it only knows when it is due.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/width.h"
#include "tests/sim/model/world.h"

enum { USERS = 8 };

enum state { IDLE, WAITS, DECIDED };

struct hall;

struct user {
    struct hall *hall;
    struct pirn_op op;
    struct pirn_op deadline;
    enum state state;
    bool wants_to_hold;
    bool busy;       /* its op is somebody's other business */
    uint64_t due_ns; /* its deadline; PIRN_FOREVER: it has none */
    int32_t told;    /* that it will be */
    int32_t outcome;
};

struct hall {
    struct width width;
    struct pirn_gate gate;
    struct user users[USERS];
    struct pirn_op close;

    /* The shadow. */
    struct user *waiting[USERS];
    uint32_t waiting_count;
    struct user *holder;
    uint32_t depth;
    bool closing;
    bool closed;
};

static void wrong(struct user *user, const char *what, int32_t result)
{
    world_fail(user->hall->width.world, "user %d of a gate, state %d: %s (%d)",
               (int)(user - user->hall->users), (int)user->state, what, result);
}

/* --- the shadow --- */

static void unlink_user(struct user *user)
{
    struct hall *hall = user->hall;
    uint32_t at = 0;

    while (hall->waiting[at] != user) {
        at++;
    }
    hall->waiting_count--;
    memmove(&hall->waiting[at], &hall->waiting[at + 1],
            sizeof(hall->waiting[0]) * (hall->waiting_count - at));
}

static void decide(struct user *user, int32_t told, int32_t outcome)
{
    if (user->state == WAITS) {
        unlink_user(user);
    }
    user->state = DECIDED;
    user->told = told;
    user->outcome = outcome;
}

static bool is_late(const struct user *user)
{
    return user->due_ns <= pirn_context_now_ns(user->hall->width.context);
}

static void hold(struct user *user)
{
    user->hall->holder = user;
    user->hall->depth = 1;
}

static void shadow_starts(struct user *user, const struct user *token)
{
    struct hall *hall = user->hall;

    if (hall->holder != NULL && hall->holder == token) {
        hall->depth += user->wants_to_hold;
        decide(user, 0, 0);
    } else if (hall->closing) {
        decide(user, -ECANCELED, 0);
    } else if (hall->holder != NULL) {
        user->state = WAITS;
        hall->waiting[hall->waiting_count++] = user;
    } else {
        if (user->wants_to_hold) {
            hold(user);
        }
        decide(user, 0, 0);
    }
}

static void shadow_opens(struct hall *hall, int32_t outcome)
{
    hall->holder = NULL;
    while (hall->waiting_count > 0) {
        decide(hall->waiting[0], PIRN_GATE_OPENED, outcome);
    }
}

/* The first one who wants to hold it; whose deadline is due may be gone, and
 * then the gate knows, and has taken another. */
static void shadow_passes(struct hall *hall, int32_t outcome)
{
    struct pirn_gate_status status;
    struct user *next = NULL;

    pirn_gate_status(&hall->gate, &status);
    for (uint32_t i = 0; i < hall->waiting_count && next == NULL; i++) {
        struct user *user = hall->waiting[i];

        if (user->wants_to_hold &&
            (status.holder == &user->op || !is_late(user))) {
            next = user;
        }
    }
    if (next == NULL) {
        shadow_opens(hall, outcome);
        return;
    }
    hold(next);
    decide(next, 0, 0);
}

static void compare(struct hall *hall)
{
    struct pirn_gate_status status;
    const struct pirn_op *holder = hall->holder ? &hall->holder->op : NULL;
    uint32_t late = 0;

    pirn_gate_status(&hall->gate, &status);
    for (uint32_t i = 0; i < hall->waiting_count; i++) {
        late += is_late(hall->waiting[i]);
    }
    if (status.holder != holder ||
        status.depth != (holder != NULL ? hall->depth : 0) ||
        status.closing != hall->closing) {
        world_fail(hall->width.world, "a gate has another holder, or depth %u",
                   status.depth);
    }
    if (status.waiting_count > hall->waiting_count ||
        status.waiting_count + late < hall->waiting_count) {
        world_fail(hall->width.world, "at a gate %u wait, and it says %u",
                   hall->waiting_count, status.waiting_count);
    }
}

/* --- the life --- */

static void act(struct hall *hall);

static void ended(struct pirn_op *op, int32_t result)
{
    struct user *user = pirn_container_of(op, struct user, op);
    struct hall *hall = user->hall;

    if (result == -ECANCELED && is_late(user) &&
        (user->state == WAITS || user->told == PIRN_GATE_OPENED)) {
        decide(user, -ECANCELED, 0);
    }
    if (user->state != DECIDED || result != user->told) {
        wrong(user, "is told", result);
    } else if (result == PIRN_GATE_OPENED &&
               pirn_gate_outcome(op) != user->outcome) {
        wrong(user, "has an outcome", pirn_gate_outcome(op));
    }
    user->state = IDLE;
    user->due_ns = PIRN_FOREVER;
    pirn_cancel(hall->width.context, &user->deadline);
    if (width_once_in(&hall->width, 3)) {
        act(hall);
    }
    compare(hall);
}

static void ignore(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void was_busy(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct user, op)->busy = false;
}

static void set_deadline(struct user *user)
{
    struct width *width = &user->hall->width;

    if (pirn_op_is_idle(&user->deadline) && width_once_in(width, 3)) {
        user->due_ns = width_soon_ns(width);
        pirn_prep_deadline(&user->deadline, &user->op, user->due_ns);
        pirn_start(width->context, &user->deadline, ignore);
    }
}

/* Who holds the gate enters by the op of another, with his own as the token. */
static void enter(struct user *user)
{
    struct hall *hall = user->hall;
    struct user *token = &hall->users[rng_below(&hall->width.rng, USERS)];

    if (user->state != IDLE || user->busy || user == hall->holder) {
        return;
    }
    user->wants_to_hold = rng_below(&hall->width.rng, 4) != 0;
    if (user->wants_to_hold) {
        pirn_prep_gate_enter(&user->op, &hall->gate, &token->op);
    } else {
        pirn_prep_gate_wait(&user->op, &hall->gate, &token->op);
    }
    shadow_starts(user, token);
    pirn_start(hall->width.context, &user->op, ended);
    set_deadline(user);
}

static void try(struct user *user)
{
    struct hall *hall = user->hall;
    bool may = hall->holder == user || (hall->holder == NULL && !hall->closing);

    if (pirn_gate_try(&hall->gate, &user->op) != may) {
        wrong(user, "tries, and it should be otherwise", may);
    }
    if (hall->holder == user) {
        hall->depth++;
    } else if (may) {
        hold(user);
    }
}

static void leave(struct hall *hall)
{
    struct user *holder = hall->holder;
    int32_t outcome = -(int32_t)rng_below(&hall->width.rng, 100);
    bool last = hall->depth == 1;

    if (holder == NULL) {
        return;
    }
    hall->depth--;
    if (rng_coin(&hall->width.rng)) {
        if (last) {
            shadow_opens(hall, outcome);
        }
        pirn_gate_leave(&hall->gate, &holder->op, outcome);
    } else {
        pirn_gate_pass_on(&hall->gate, &holder->op, outcome);
        if (last) {
            shadow_passes(hall, outcome);
        }
    }
}

/* Its op is free for other things once the enter has ended. */
static void do_other_things(struct user *user)
{
    if (user->state == IDLE && !user->busy) {
        user->busy = true;
        pirn_prep_nop(&user->op);
        pirn_start(user->hall->width.context, &user->op, was_busy);
    }
}

static void cancel(struct user *user)
{
    if (user->busy) {
        return;
    }
    if (user->state == WAITS) {
        decide(user, -ECANCELED, 0);
    }
    pirn_cancel(user->hall->width.context, &user->op);
}

static void act(struct hall *hall)
{
    struct rng *rng = &hall->width.rng;
    struct user *user = &hall->users[rng_below(rng, USERS)];

    switch (rng_below(rng, 10)) {
    case 0:
        do_other_things(user);
        return;
    case 1:
        cancel(user);
        return;
    case 2:
        try(user);
        return;
    case 3:
    case 4:
    case 5:
        leave(hall);
        return;
    default:
        enter(user);
        return;
    }
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct hall *hall = pirn_container_of(op, struct hall, close);

    if (result != 0 || hall->holder != NULL) {
        world_fail(hall->width.world, "a gate is closed: %d", result);
    }
    hall->closed = true;
}

static void close_gate(struct hall *hall)
{
    hall->closing = true;
    while (hall->waiting_count > 0) {
        decide(hall->waiting[0], -ECANCELED, 0);
    }
    pirn_prep_gate_close(&hall->close, &hall->gate);
    pirn_start(hall->width.context, &hall->close, closed);
    compare(hall);
}

static void wind_up(struct hall *hall)
{
    close_gate(hall);
    while (width_once_in(&hall->width, 2)) {
        width_turn(&hall->width); /* the holder may take his time */
        compare(hall);
    }
    while (pirn_context_loaned(hall->width.context) > 0) {
        while (hall->holder != NULL) {
            leave(hall);
        }
        width_wait(&hall->width);
        compare(hall);
    }
    if (!hall->closed) {
        world_fail(hall->width.world, "a gate's close never ended");
    }
}

static void run(void *width)
{
    struct hall *hall = pirn_container_of(width, struct hall, width);

    hall->width.context = process_context(hall->width.world);
    pirn_gate_init(&hall->gate, hall->width.context);
    for (uint32_t i = 0; i < USERS; i++) {
        hall->users[i].hall = hall;
        hall->users[i].due_ns = PIRN_FOREVER;
    }
    for (uint32_t n = rng_between(&hall->width.rng, 20, 300); n > 0; n--) {
        act(hall);
        compare(hall);
        if (width_once_in(&hall->width, 3)) {
            width_turn(&hall->width);
            compare(hall);
        }
    }
    wind_up(hall);
    pirn_gate_deinit(&hall->gate);
    pirn_context_destroy(hall->width.context);
}

static void live(struct world *world)
{
    struct hall *hall = calloc(1, sizeof(*hall));

    pirn_assert(hall != NULL);
    if (width_live(&hall->width, world, run)) {
        world_check_rest(world);
    }
    free(hall);
}

const struct scenario scenario_gate = {
    .name = "gate",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_POWER) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 1500,
    .lives = 20000,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};
