/* SPDX-License-Identifier: MIT */
/*
 * reactor.c - see pirn/reactor.h
 *
 * A registration is a seat, and a seat is a watch. What other threads want of a
 * seat is one word, which they change by compare and swap:
 *
 *   generation 32 | changes 8 | state 8 | events 16
 *
 * and a post, of which each seat has one: who finds it on its way need not send
 * it again, because the word is read when it arrives. The generation is part of
 * what is compared, so a registration that has ended cannot reach the next one
 * of its seat. Everything else of a seat is the context's thread's own, but
 * what register() fills in before the word says TAKEN.
 *
 * Level means: told by each poll. So the watch tells once, and goes on when the
 * next poll begins, for those that the last one has handed out.
 *
 * `live` counts who has, or is about to have, a seat. It is raised before
 * `closed` is asked, and poll asks in the other order: so either the
 * registration is refused, or poll waits for its end.
 */
#include "pirn/reactor.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pirn/context.h"
#include "pirn/invariant.h"
#include "pirn/post.h"
#include "runtime/list.h"

enum seat_state {
    SEAT_FREE = 0,
    SEAT_TAKEN = 1,
    SEAT_LEAVING = 2,
};

enum {
    SEATS_MAX = 1 << 24,
    STATE_SHIFT = 16,
    CHANGES_SHIFT = 24,
    GENERATION_SHIFT = 32,
    TOLD_UNASKED = POLLERR | POLLHUP,
};

struct seat {
    struct pirn_watch watch;
    struct pirn_op post;
    struct pirn_link link; /* on reactor->told or ->handed */
    struct pirn_reactor *reactor;
    _Atomic uint64_t word;
    atomic_uint next_free; /* an index and 1 */
    atomic_bool posted;
    bool running;     /* its watch is on loan */
    uint64_t applied; /* the word as it was last seen */
    uint32_t told;    /* and not handed out */
    uint32_t flags;
    int fd;
};

struct pirn_reactor {
    struct pirn_context *context;
    struct pirn_link told;
    struct pirn_link handed;
    struct pirn_op wake;
    struct pirn_op close;
    _Atomic uint64_t free; /* changes 32 | an index and 1 */
    atomic_uint live;
    atomic_bool closed;
    atomic_bool wake_posted;
    bool woken;
    bool changed; /* a word was applied, which the next turn carries out */
    uint32_t seat_count;
    struct seat seats[];
};

/* --- the word --- */

static uint32_t events_in(uint64_t word)
{
    return (uint32_t)word & UINT16_MAX;
}

static enum seat_state state_in(uint64_t word)
{
    return (enum seat_state)(word >> STATE_SHIFT & UINT8_MAX);
}

static uint64_t generation_in(uint64_t word)
{
    return word >> GENERATION_SHIFT;
}

static uint64_t word_of(uint64_t generation, uint64_t changes,
                        enum seat_state state, uint32_t events)
{
    return generation << GENERATION_SHIFT |
           (changes & UINT8_MAX) << CHANGES_SHIFT |
           (uint64_t)state << STATE_SHIFT | (events & UINT16_MAX);
}

/* --- free seats: a stack that any thread may use --- */

static void push_free(struct pirn_reactor *reactor, uint32_t index)
{
    uint64_t top = atomic_load(&reactor->free);
    uint64_t next;

    do {
        atomic_store(&reactor->seats[index].next_free, (uint32_t)top);
        next = ((top >> 32) + 1) << 32 | (index + 1);
    } while (!atomic_compare_exchange_weak(&reactor->free, &top, next));
}

static struct seat *pop_free(struct pirn_reactor *reactor)
{
    uint64_t top = atomic_load(&reactor->free);
    struct seat *seat;
    uint64_t next;

    do {
        if ((uint32_t)top == 0) {
            return NULL;
        }
        seat = &reactor->seats[(uint32_t)top - 1];
        next = ((top >> 32) + 1) << 32 | atomic_load(&seat->next_free);
    } while (!atomic_compare_exchange_weak(&reactor->free, &top, next));
    return seat;
}

/* --- on the context's thread --- */

static void tell(struct seat *seat, uint32_t events)
{
    seat->told |= events;
    list_unlink(&seat->link);
    list_push_tail(&seat->reactor->told, &seat->link);
}

static void is_ready(struct pirn_watch *watch, uint32_t events)
{
    tell(pirn_container_of(watch, struct seat, watch), events);
}

static void has_ended(struct pirn_op *op, int32_t result)
{
    struct seat *seat = pirn_container_of(op, struct seat, watch.op);

    seat->told = 0;
    tell(seat, PIRN_EVENT_ENDED | (result == -ECANCELED ? 0 : POLLNVAL));
}

static void begin(struct seat *seat, uint64_t word)
{
    bool level = !(seat->flags & (PIRN_WATCH_EDGE | PIRN_WATCH_ONCE));

    seat->running = true;
    seat->applied = word;
    pirn_prep_watch(&seat->watch, seat->fd, events_in(word),
                    seat->flags | (level ? PIRN_WATCH_ONCE : 0), is_ready);
    pirn_start(seat->reactor->context, &seat->watch.op, has_ended);
}

/* Make the seat what its word says. */
static void apply(struct pirn_op *op, int32_t result)
{
    struct seat *seat = pirn_container_of(op, struct seat, post);
    uint64_t word;

    (void)result;
    seat->reactor->changed = true;
    atomic_store(&seat->posted, false);
    word = atomic_load(&seat->word);
    if (state_in(word) == SEAT_FREE) {
        return;
    }
    if (!seat->running) {
        begin(seat, word);
    }
    if (state_in(word) == SEAT_LEAVING || atomic_load(&seat->reactor->closed)) {
        pirn_cancel(seat->reactor->context, &seat->watch.op);
    } else if (word != seat->applied) {
        seat->applied = word;
        pirn_watch_modify(&seat->watch, events_in(word));
    }
}

static void leave_all(struct pirn_op *op, int32_t result)
{
    struct pirn_reactor *reactor =
        pirn_container_of(op, struct pirn_reactor, close);

    (void)result;
    for (uint32_t i = 0; i < reactor->seat_count; i++) {
        pirn_cancel(reactor->context, &reactor->seats[i].watch.op);
    }
}

static void wake_up(struct pirn_op *op, int32_t result)
{
    struct pirn_reactor *reactor =
        pirn_container_of(op, struct pirn_reactor, wake);

    (void)result;
    atomic_store(&reactor->wake_posted, false);
    reactor->woken = true;
}

/* --- poll --- */

static void release(struct seat *seat)
{
    struct pirn_reactor *reactor = seat->reactor;
    uint64_t generation = generation_in(atomic_load(&seat->word)) + 1;

    seat->running = false;
    atomic_store(&seat->word, word_of(generation, 0, SEAT_FREE, 0));
    push_free(reactor, (uint32_t)(seat - reactor->seats));
    atomic_fetch_sub(&reactor->live, 1);
}

/* What is no longer wanted is not told. */
static uint32_t take_told(struct seat *seat)
{
    uint64_t word = atomic_load(&seat->word);
    uint32_t told = seat->told;

    seat->told = 0;
    if (told & PIRN_EVENT_ENDED) {
        return told;
    }
    return state_in(word) == SEAT_TAKEN
               ? told & (events_in(word) | TOLD_UNASKED)
               : 0;
}

static int hand_out(struct pirn_reactor *reactor, struct pirn_event *events,
                    uint32_t count)
{
    struct pirn_link *link;
    uint32_t n = 0;

    while (n < count && (link = list_pop_head(&reactor->told)) != NULL) {
        struct seat *seat = pirn_container_of(link, struct seat, link);
        uint32_t told = take_told(seat);

        if (told != 0) {
            events[n++] = (struct pirn_event){seat->watch.token, told};
        }
        if (told & PIRN_EVENT_ENDED) {
            release(seat);
        } else {
            list_push_tail(&reactor->handed, link);
        }
    }
    return (int)n;
}

/* Those that tell by level are told again, if they are still ready. */
static void go_on(struct pirn_reactor *reactor)
{
    struct pirn_link *link;

    while ((link = list_pop_head(&reactor->handed)) != NULL) {
        struct seat *seat = pirn_container_of(link, struct seat, link);

        if (!(seat->flags & (PIRN_WATCH_EDGE | PIRN_WATCH_ONCE))) {
            pirn_watch_modify(&seat->watch, events_in(seat->applied));
        }
    }
}

static bool is_over(struct pirn_reactor *reactor)
{
    return atomic_load(&reactor->closed) && atomic_load(&reactor->live) == 0;
}

/* Whether poll returns although it has nothing to hand out. */
static bool is_called_off(struct pirn_reactor *reactor)
{
    bool woken = reactor->woken;

    reactor->woken = false;
    return woken || is_over(reactor);
}

/* What other threads have asked for is carried out, and the time is now. */
static int catch_up(struct pirn_reactor *reactor)
{
    int r;

    reactor->changed = false;
    go_on(reactor);
    r = pirn_context_turn(reactor->context, 0);
    return r >= 0 && reactor->changed ? pirn_context_turn(reactor->context, 0)
                                      : r;
}

int pirn_reactor_poll(struct pirn_reactor *reactor, struct pirn_event *events,
                      uint32_t count, uint64_t timeout_ns)
{
    struct pirn_context *context = reactor->context;
    uint64_t left_ns = timeout_ns;
    uint64_t began_ns;
    int r;
    int n;

    pirn_assert(count > 0 && count <= INT32_MAX);

    r = catch_up(reactor);
    began_ns = pirn_context_now_ns(context);
    while ((n = hand_out(reactor, events, count)) == 0 && r >= 0 &&
           !is_called_off(reactor) && left_ns > 0) {
        r = pirn_context_turn(context, left_ns);
        if (timeout_ns != PIRN_FOREVER) {
            uint64_t passed_ns = pirn_context_now_ns(context) - began_ns;

            left_ns = passed_ns < timeout_ns ? timeout_ns - passed_ns : 0;
        }
    }
    if (n > 0) {
        return n;
    }
    if (r >= 0 && is_over(reactor)) {
        return -ECANCELED;
    }
    return r < 0 ? r : 0;
}

/* --- the registrar: any thread --- */

static void post(struct seat *seat)
{
    if (!atomic_exchange(&seat->posted, true)) {
        pirn_post(seat->reactor->context, &seat->post, apply);
    }
}

int pirn_reactor_register(struct pirn_reactor *reactor, int fd, uint64_t token,
                          uint32_t events, uint32_t flags,
                          uint64_t *ret_registration)
{
    struct seat *seat = NULL;
    uint64_t generation;
    bool refused;

    atomic_fetch_add(&reactor->live, 1);
    refused = atomic_load(&reactor->closed);
    if (refused || (seat = pop_free(reactor)) == NULL) {
        atomic_fetch_sub(&reactor->live, 1);
        if (atomic_load(&reactor->closed)) { /* poll may have waited for us */
            pirn_reactor_wake(reactor);
        }
        return refused ? -ECANCELED : -ENOBUFS;
    }
    generation = generation_in(atomic_load(&seat->word));
    seat->fd = fd;
    seat->flags = flags;
    seat->watch.token = token;
    *ret_registration = generation << 32 | (uint32_t)(seat - reactor->seats);
    atomic_store(&seat->word, word_of(generation, 0, SEAT_TAKEN, events));
    post(seat);
    return 0;
}

static int change(struct pirn_reactor *reactor, uint64_t registration,
                  enum seat_state state, uint32_t events)
{
    uint32_t index = (uint32_t)registration;
    struct seat *seat = &reactor->seats[index];
    uint64_t word;
    uint64_t next;

    pirn_assert(index < reactor->seat_count);

    word = atomic_load(&seat->word);
    do {
        if (generation_in(word) != registration >> 32 ||
            state_in(word) != SEAT_TAKEN) {
            return -ENOENT;
        }
        next = word_of(registration >> 32, (word >> CHANGES_SHIFT) + 1, state,
                       events);
    } while (!atomic_compare_exchange_weak(&seat->word, &word, next));
    post(seat);
    return 0;
}

int pirn_reactor_modify(struct pirn_reactor *reactor, uint64_t registration,
                        uint32_t events)
{
    return change(reactor, registration, SEAT_TAKEN, events);
}

int pirn_reactor_deregister(struct pirn_reactor *reactor, uint64_t registration)
{
    return change(reactor, registration, SEAT_LEAVING, 0);
}

void pirn_reactor_wake(struct pirn_reactor *reactor)
{
    if (!atomic_exchange(&reactor->wake_posted, true)) {
        pirn_post(reactor->context, &reactor->wake, wake_up);
    }
}

void pirn_reactor_close(struct pirn_reactor *reactor)
{
    if (!atomic_exchange(&reactor->closed, true)) {
        pirn_post(reactor->context, &reactor->close, leave_all);
    }
}

/* --- the life of a reactor --- */

int pirn_reactor_create(struct pirn_context *context, uint32_t max,
                        struct pirn_reactor **ret_reactor)
{
    struct pirn_reactor *reactor;

    pirn_assert(max > 0 && max <= SEATS_MAX);

    reactor = calloc(1, sizeof(*reactor) + max * sizeof(reactor->seats[0]));
    if (reactor == NULL) {
        return -ENOMEM;
    }
    reactor->context = context;
    reactor->seat_count = max;
    list_init(&reactor->told);
    list_init(&reactor->handed);
    for (uint32_t i = max; i-- > 0;) {
        reactor->seats[i].reactor = reactor;
        push_free(reactor, i);
    }
    *ret_reactor = reactor;
    return 0;
}

static bool has_posts(const struct pirn_reactor *reactor)
{
    for (uint32_t i = 0; i < reactor->seat_count; i++) {
        if (atomic_load(&reactor->seats[i].posted)) {
            return true;
        }
    }
    return atomic_load(&reactor->wake_posted) ||
           !pirn_op_is_idle(&reactor->close);
}

struct pirn_reactor *pirn_reactor_destroy(struct pirn_reactor *reactor)
{
    if (reactor == NULL) {
        return NULL;
    }
    pirn_assert_rule(is_over(reactor) && list_is_empty(&reactor->told),
                     "a reactor is destroyed when it is closed and empty");
    while (has_posts(reactor) && pirn_context_turn(reactor->context, 0) >= 0) {
    }
    free(reactor);
    return NULL;
}
