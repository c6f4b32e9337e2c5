/* SPDX-License-Identifier: MIT */
/*
 * scenario_watch.c - watches on sockets that another library reads
 *
 * Peers write, and say that they are done; connections are reset. The reader
 * does as such a library would: it reads without waiting, only when it is told,
 * some of what is there (by level) or all of it (by edge, once). Watches are
 * modified, paused, cancelled and started again, also from their functions.
 *
 *   nobody is called who paused, was told his one time, asked to end, or ended
 *   nobody is told what he does not watch for, errors and hang-ups excepted
 *   what is unread in the end is told to all who still watch for it
 *   a watch ends once, as asked; its descriptor is closed where it said so
 */
#include <errno.h>
#include <stdlib.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/socket.h"
#include "tests/sim/model/width.h"
#include "tests/sim/model/world.h"

enum { POSTS = 5, BYTES = 64 };

enum { UNASKED = POLLERR | POLLHUP };

struct yard;

struct post {
    struct yard *yard;
    struct pirn_watch watch;
    struct pirn_op close;
    struct socket *peer; /* the test's end; NULL: no connection */
    int fd;

    /* The shadow. */
    uint32_t flags;
    uint32_t wanted;
    bool on_loan;
    bool paused;
    bool asked; /* to end */
};

struct yard {
    struct width width;
    struct post posts[POSTS];
    bool ends;
};

static void wrong(const struct post *post, const char *what, int32_t result)
{
    world_fail(post->yard->width.world,
               "watch %d, flags %u, wants %x%s%s: %s (%d)",
               (int)(post - post->yard->posts), post->flags, post->wanted,
               post->paused ? ", paused" : "", post->asked ? ", asked" : "",
               what, result);
}

/* --- the other library --- */

static struct socket *socket_of(const struct post *post)
{
    struct open_file *file =
        descriptor_file(&post->yard->width.process->descriptors, post->fd);

    return file->socket;
}

static bool is_unread(const struct post *post)
{
    return socket_of(post)->used > 0;
}

static void read_some(struct post *post, uint32_t len)
{
    uint8_t bytes[BYTES];
    struct socket *socket = socket_of(post);

    if (is_unread(post)) {
        pirn_assert(len <= BYTES);
        (void)socket_recv(socket, bytes, len);
    }
}

static void read_all(struct post *post)
{
    while (is_unread(post)) {
        read_some(post, BYTES);
    }
}

static void peer_writes(struct post *post)
{
    static const uint8_t bytes[BYTES];
    struct memory *memory = memory_switch(NULL);

    (void)socket_send(post->peer, bytes,
                      rng_between(&post->yard->width.rng, 1, BYTES));
    memory_switch(memory);
}

/* --- watches --- */

static void act_on(struct post *post);

static void pause_it(struct post *post)
{
    post->paused = true;
    pirn_watch_pause(&post->watch);
}

static void told(struct pirn_watch *watch, uint32_t events)
{
    struct post *post = pirn_container_of(watch, struct post, watch);
    struct width *width = &post->yard->width;

    if (!post->on_loan || post->paused || post->asked) {
        wrong(post, "is told", (int32_t)events);
    }
    if (events == 0 || (events & ~(post->wanted | UNASKED)) != 0) {
        wrong(post, "is told of something else", (int32_t)events);
    }
    post->paused = (post->flags & PIRN_WATCH_ONCE) != 0;
    if (post->yard->ends) {
        read_all(post);
        pause_it(post); /* or an end that has come is told in every turn */
        return;
    }
    if ((post->flags & PIRN_WATCH_EDGE) != 0) {
        read_all(post);
    } else {
        read_some(post, rng_between(&width->rng, 1, BYTES));
    }
    if (width_once_in(width, 3)) {
        act_on(post);
    }
}

static void was_closed(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct post, close)->fd = -1;
}

static void forget_peer(struct post *post)
{
    struct memory *memory = memory_switch(NULL);

    socket_close(post->peer);
    memory_switch(memory);
    post->peer = NULL;
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct post *post = pirn_container_of(op, struct post, watch.op);
    struct width *width = &post->yard->width;
    bool closes = (post->flags & PIRN_WATCH_CLOSE) != 0;
    bool is_open = post->peer->peer != NULL;

    if (!post->on_loan || !(result == -ECANCELED && post->asked)) {
        wrong(post, "ends", result);
    }
    if (is_open == closes && !post->peer->is_reset) {
        wrong(post, is_open ? "is left open" : "is closed", result);
    }
    post->on_loan = false;
    forget_peer(post);
    if (closes) {
        post->fd = -1;
    } else {
        pirn_prep_close(&post->close, post->fd);
        pirn_start(width->context, &post->close, was_closed);
    }
}

static uint32_t some_events(struct post *post)
{
    static const uint32_t choice[] = {
        POLLIN, POLLIN, POLLIN | POLLOUT, POLLOUT, POLLIN | POLLRDHUP, 0};

    return choice[rng_below(&post->yard->width.rng, 6)];
}

static void begin(struct post *post)
{
    static const uint32_t flags[] = {PIRN_WATCH_LEVEL, PIRN_WATCH_EDGE,
                                     PIRN_WATCH_ONCE};
    struct width *width = &post->yard->width;

    if (post->on_loan || post->fd >= 0) {
        return;
    }
    process_connect(width->process, &post->fd, NULL, NULL, &post->peer);
    post->flags = flags[rng_below(&width->rng, 3)] |
                  (rng_coin(&width->rng) ? PIRN_WATCH_CLOSE : 0);
    post->wanted = some_events(post);
    post->on_loan = true;
    post->paused = false;
    post->asked = false;
    pirn_prep_watch(&post->watch, post->fd, post->wanted, post->flags, told);
    pirn_start(width->context, &post->watch.op, ended);
}

static void modify(struct post *post, uint32_t events)
{
    post->wanted = events;
    post->paused = false;
    pirn_watch_modify(&post->watch, events);
}

static void ask(struct post *post)
{
    post->asked = true;
    pirn_cancel(post->yard->width.context, &post->watch.op);
}

static void act_on(struct post *post)
{
    switch (rng_below(&post->yard->width.rng, 6)) {
    case 0:
        pause_it(post);
        return;
    case 1:
        if (width_once_in(&post->yard->width, 4)) {
            ask(post);
        }
        return;
    default:
        modify(post, some_events(post));
        return;
    }
}

static void act(struct yard *yard)
{
    struct post *post = &yard->posts[rng_below(&yard->width.rng, POSTS)];

    if (!post->on_loan) {
        begin(post);
        return;
    }
    switch (rng_below(&yard->width.rng, 8)) {
    case 0:
        if (!post->asked) {
            act_on(post);
        }
        return;
    case 1:
        if (width_once_in(&yard->width, 4)) {
            (void)socket_shutdown(post->peer, SHUT_WR);
        }
        return;
    default:
        peer_writes(post);
        return;
    }
}

/* --- the end --- */

static bool waits_for_bytes(const struct post *post)
{
    return post->on_loan && !post->asked && is_unread(post);
}

/* Who would have been told all the while is not touched. */
static void look_at_all(struct yard *yard)
{
    for (uint32_t i = 0; i < POSTS; i++) {
        struct post *post = &yard->posts[i];

        if (post->on_loan && !post->asked &&
            (post->paused || (post->wanted & (POLLIN | POLLOUT)) != POLLIN)) {
            modify(post, POLLIN);
        }
    }
    for (uint32_t i = 0; i < POSTS; i++) {
        while (waits_for_bytes(&yard->posts[i])) {
            width_wait(&yard->width); /* stuck, if nobody is told */
        }
    }
}

static void wind_up(struct yard *yard)
{
    yard->ends = true;
    look_at_all(yard);
    for (uint32_t i = 0; i < POSTS; i++) {
        if (yard->posts[i].on_loan) {
            ask(&yard->posts[i]);
        }
    }
    while (pirn_context_loaned(yard->width.context) > 0) {
        width_wait(&yard->width);
    }
    for (uint32_t i = 0; i < POSTS; i++) {
        if (yard->posts[i].on_loan) {
            wrong(&yard->posts[i], "never ended", 0);
        }
    }
}

static void run(void *width)
{
    struct yard *yard = pirn_container_of(width, struct yard, width);

    yard->width.context = process_context(yard->width.world);
    for (uint32_t i = 0; i < POSTS; i++) {
        yard->posts[i].yard = yard;
        yard->posts[i].fd = -1;
    }
    for (uint32_t n = rng_between(&yard->width.rng, 20, 200); n > 0; n--) {
        act(yard);
        if (width_once_in(&yard->width, 3)) {
            width_turn(&yard->width);
        }
    }
    wind_up(yard);
    pirn_context_destroy(yard->width.context);
}

static void live(struct world *world)
{
    struct yard *yard = calloc(1, sizeof(*yard));
    bool done;

    pirn_assert(yard != NULL);
    done = width_live(&yard->width, world, run);
    for (uint32_t i = 0; i < POSTS; i++) {
        if (yard->posts[i].peer != NULL) {
            socket_close(yard->posts[i].peer);
        }
    }
    if (done) {
        world_check_rest(world);
    }
    free(yard);
}

const struct scenario scenario_watch = {
    .name = "watch",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_POWER) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 1500,
    .lives = 20000,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};
