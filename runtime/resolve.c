/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - see pirn/resolve.h
 *
 * c-ares makes sockets, sends and receives by itself, without waiting; it has
 * to be told when, and when a time has passed. It closes a socket whenever it
 * likes, so what is watched is a duplicate, which the watch closes when nothing
 * of it is on loan.
 *
 * c-ares can end all of its queries, not one. So a query is memory of its own
 * between the two: a look-up that is cancelled lets go of it, and the last one
 * that does ends them all.
 *
 *   look-up <---> query <--- c-ares      look-up, ended    query <--- c-ares
 *
 * c-ares calls us from inside our own calls of it. Nothing in there calls it
 * again: look-ups end in a later turn, as all tasks do.
 */
#include "pirn/resolve.h"

#include <errno.h>

#include "pirn/invariant.h"
#include "pirn/task.h"

#if HAVE_CARES

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/context.h"
#include "pirn/timer.h"
#include "pirn/watch.h"
#include "runtime/engine/engine.h"
#include "runtime/list.h"

enum { NS_PER_MS = 1000000 };

struct pirn_resolver {
    struct pirn_context *context;
    ares_channel channel;
    struct pirn_link sockets;
    struct pirn_op timer;
    uint32_t socket_count; /* with those that are ending */
    uint32_t pending;      /* queries that somebody waits for */
    bool closing;
};

struct socket {
    struct pirn_watch watch;
    struct pirn_link link; /* while c-ares has it */
    struct pirn_resolver *resolver;
    ares_socket_t fd; /* c-ares's own */
};

struct pirn_resolve_query {
    struct pirn_resolver *resolver;
    struct pirn_resolve *resolve; /* NULL: nobody waits any more */
};

/* --- time --- */

static void set_timer(struct pirn_resolver *resolver);

static void time_passed(struct pirn_op *op, int32_t result)
{
    struct pirn_resolver *resolver =
        pirn_container_of(op, struct pirn_resolver, timer);

    (void)result; /* cancelled: the time may be another now */
    if (!resolver->closing) {
        ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        set_timer(resolver);
    }
}

/* A timer that runs is set anew by its end. */
static void set_timer(struct pirn_resolver *resolver)
{
    struct timeval store;
    const struct timeval *left;
    uint64_t after_ms;

    if (!pirn_op_is_idle(&resolver->timer)) {
        pirn_cancel(resolver->context, &resolver->timer);
        return;
    }
    left = ares_timeout(resolver->channel, NULL, &store);
    if (left != NULL) {
        after_ms = (uint64_t)left->tv_sec * 1000 +
                   (uint64_t)left->tv_usec / 1000 + 1; /* never early */
        pirn_prep_timer(&resolver->timer, after_ms * NS_PER_MS);
        pirn_start(resolver->context, &resolver->timer, time_passed);
    }
}

/* --- sockets --- */

static void socket_ready(struct pirn_watch *watch, uint32_t events)
{
    struct socket *socket = pirn_container_of(watch, struct socket, watch);
    struct pirn_resolver *resolver = socket->resolver;
    ares_socket_t fd = socket->fd;
    bool failed = (events & (POLLERR | POLLHUP)) != 0;

    ares_process_fd(resolver->channel,
                    failed || (events & POLLIN) ? fd : ARES_SOCKET_BAD,
                    failed || (events & POLLOUT) ? fd : ARES_SOCKET_BAD);
    set_timer(resolver);
}

static void socket_ended(struct pirn_op *op, int32_t result)
{
    struct socket *socket = pirn_container_of(op, struct socket, watch.op);

    (void)result;
    list_unlink(&socket->link);
    socket->resolver->socket_count--;
    free(socket);
}

static struct socket *socket_find(struct pirn_resolver *resolver,
                                  ares_socket_t fd)
{
    struct pirn_link *head = &resolver->sockets;

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        struct socket *socket = pirn_container_of(link, struct socket, link);

        if (socket->fd == fd) {
            return socket;
        }
    }
    return NULL;
}

/* Without memory or a descriptor nobody listens, and the query times out. */
static void socket_watch(struct pirn_resolver *resolver, ares_socket_t fd,
                         uint32_t events)
{
    struct socket *socket = calloc(1, sizeof(*socket));
    int watched = socket == NULL ? -ENOMEM : pirn__host_duplicate(fd);

    if (watched < 0) {
        free(socket);
        return;
    }
    socket->resolver = resolver;
    socket->fd = fd;
    list_push_tail(&resolver->sockets, &socket->link);
    resolver->socket_count++;
    pirn_prep_watch(&socket->watch, watched, events, PIRN_WATCH_CLOSE,
                    socket_ready);
    pirn_start(resolver->context, &socket->watch.op, socket_ended);
}

/* c-ares says what it waits for; for nothing, when it is about to close. */
static void socket_wants(void *data, ares_socket_t fd, int readable,
                         int writable)
{
    struct pirn_resolver *resolver = data;
    struct socket *socket = socket_find(resolver, fd);
    uint32_t events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);

    if (socket == NULL && events != 0) {
        socket_watch(resolver, fd, events);
    } else if (socket != NULL && events != 0) {
        pirn_watch_modify(&socket->watch, events);
    } else if (socket != NULL) {
        list_unlink(&socket->link); /* the number may come again at once */
        pirn_cancel(resolver->context, &socket->watch.op);
    }
}

/* --- look-ups --- */

static int32_t error_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
        return -ENOENT;
    case ARES_ETIMEOUT:
        return -ETIMEDOUT;
    case ARES_EBADNAME:
    case ARES_EBADFAMILY:
        return -EINVAL;
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
        return -ECANCELED;
    default:
        return -EAGAIN;
    }
}

static bool take_address(const struct ares_addrinfo_node *node, uint16_t port,
                         struct pirn_address *address)
{
    struct sockaddr_in *v4 = (void *)&address->storage;
    struct sockaddr_in6 *v6 = (void *)&address->storage;

    if ((node->ai_family != AF_INET && node->ai_family != AF_INET6) ||
        (size_t)node->ai_addrlen > sizeof(address->storage)) {
        return false;
    }
    *address = (struct pirn_address){.len = node->ai_addrlen};
    memcpy(&address->storage, node->ai_addr, address->len);
    if (node->ai_family == AF_INET) {
        v4->sin_port = htons(port);
    } else {
        v6->sin6_port = htons(port);
    }
    return true;
}

static int32_t take_addresses(struct pirn_resolve *resolve,
                              const struct ares_addrinfo *info)
{
    const struct ares_addrinfo_node *node = info->nodes;
    uint32_t taken = 0;

    while (node != NULL && taken < resolve->priv.count) {
        taken += take_address(node, resolve->priv.port,
                              &resolve->priv.addresses[taken]);
        node = node->ai_next;
    }
    return taken > 0 ? (int32_t)taken : -ENOENT;
}

/* c-ares asks servers for a literal of any family, before it looks at it. 0: it
 * is none. */
static int32_t take_literal(const struct pirn_resolve *resolve)
{
    struct pirn_address *address = &resolve->priv.addresses[0];
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(resolve->priv.port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(resolve->priv.port)};
    bool is_v4 = inet_pton(AF_INET, resolve->priv.name, &v4.sin_addr) == 1;

    if (!is_v4 && inet_pton(AF_INET6, resolve->priv.name, &v6.sin6_addr) != 1) {
        return 0;
    }
    if (resolve->priv.family != AF_UNSPEC &&
        resolve->priv.family != (is_v4 ? AF_INET : AF_INET6)) {
        return -ENOENT;
    }
    *address = (struct pirn_address){.len = is_v4 ? sizeof(v4) : sizeof(v6)};
    memcpy(&address->storage, is_v4 ? (void *)&v4 : (void *)&v6, address->len);
    return 1;
}

/* Nobody waits for the query any more. */
static void let_go(struct pirn_resolve *resolve, int32_t result)
{
    struct pirn_resolve_query *query = resolve->priv.query;

    query->resolve = NULL;
    resolve->priv.query = NULL;
    query->resolver->pending--;
    pirn_task_finish(query->resolver->context, &resolve->op, result);
}

static void query_ended(void *arg, int status, int timeouts,
                        struct ares_addrinfo *info)
{
    struct pirn_resolve_query *query = arg;

    (void)timeouts;
    if (query->resolve != NULL) {
        let_go(query->resolve, status == ARES_SUCCESS
                                   ? take_addresses(query->resolve, info)
                                   : error_of(status));
    }
    if (info != NULL) {
        ares_freeaddrinfo(info);
    }
    free(query);
}

static void ask(struct pirn_resolver *resolver, struct pirn_resolve *resolve)
{
    struct ares_addrinfo_hints hints = {
        .ai_family = resolve->priv.family,
        .ai_socktype = SOCK_STREAM,
    };
    struct pirn_resolve_query *query = malloc(sizeof(*query));

    if (query == NULL) {
        pirn_task_finish(resolver->context, &resolve->op, -ENOMEM);
        return;
    }
    *query = (struct pirn_resolve_query){resolver, resolve};
    resolve->priv.query = query;
    resolver->pending++;
    ares_getaddrinfo(resolver->channel, resolve->priv.name, NULL, &hints,
                     query_ended, query);
    set_timer(resolver);
}

static void resolve_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_resolve *resolve =
        pirn_container_of(op, struct pirn_resolve, op);
    int32_t result = take_literal(resolve);

    pirn_assert(context == resolve->priv.resolver->context);
    if (result != 0) {
        pirn_task_finish(context, op, result);
    } else {
        ask(resolve->priv.resolver, resolve);
    }
}

static void resolve_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_resolve *resolve =
        pirn_container_of(op, struct pirn_resolve, op);
    struct pirn_resolver *resolver = resolve->priv.resolver;

    (void)context;
    let_go(resolve, -ECANCELED);
    if (resolver->pending == 0) {
        ares_cancel(resolver->channel);
        set_timer(resolver);
    }
}

static const struct pirn_task_verbs resolve_verbs = {
    .begin = resolve_begin,
    .cancel = resolve_cancel,
    .name = "resolve",
};

/* --- the life of a resolver --- */

static int channel_init(struct pirn_resolver *resolver,
                        const struct pirn_resolver_config *config)
{
    uint64_t timeout_ms = config->timeout_ns / NS_PER_MS;
    struct ares_options options = {
        .sock_state_cb = socket_wants,
        .sock_state_cb_data = resolver,
        .timeout = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms,
        .tries = (int)config->tries,
        .lookups = (char *)"fb", /* the file, then the servers */
    };
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS |
               (timeout_ms > 0 ? ARES_OPT_TIMEOUTMS : 0) |
               (config->tries > 0 ? ARES_OPT_TRIES : 0);
    int status = ares_init_options(&resolver->channel, &options, mask);

    if (status != ARES_SUCCESS) {
        return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
    }
    if (config->servers != NULL &&
        ares_set_servers_ports_csv(resolver->channel, config->servers) !=
            ARES_SUCCESS) {
        ares_destroy(resolver->channel);
        return -EINVAL;
    }
    return 0;
}

int pirn_resolver_create(struct pirn_context *context,
                         const struct pirn_resolver_config *config,
                         struct pirn_resolver **ret_resolver)
{
    static const struct pirn_resolver_config defaults;
    struct pirn_resolver *resolver = calloc(1, sizeof(*resolver));
    int r;

    if (resolver == NULL) {
        return -ENOMEM;
    }
    resolver->context = context;
    list_init(&resolver->sockets);
    r = channel_init(resolver, config ? config : &defaults);
    if (r < 0) {
        free(resolver);
        return r;
    }
    *ret_resolver = resolver;
    return 0;
}

struct pirn_resolver *pirn_resolver_destroy(struct pirn_resolver *resolver)
{
    if (resolver == NULL) {
        return NULL;
    }
    pirn_assert_rule(resolver->pending == 0,
                     "a resolver is destroyed when it looks nothing up");

    resolver->closing = true;
    ares_destroy(resolver->channel);
    pirn_cancel(resolver->context, &resolver->timer);
    while ((resolver->socket_count > 0 || !pirn_op_is_idle(&resolver->timer)) &&
           pirn_context_turn(resolver->context, PIRN_FOREVER) >= 0) {
    }
    free(resolver);
    return NULL;
}

void pirn_prep_resolve(struct pirn_resolve *resolve,
                       struct pirn_resolver *resolver, const char *name,
                       uint16_t port, int family,
                       struct pirn_address *addresses, uint32_t count)
{
    pirn_assert(name != NULL && addresses != NULL && count > 0);
    pirn_assert(family == AF_UNSPEC || family == AF_INET || family == AF_INET6);

    pirn_prep_task(&resolve->op, &resolve_verbs);
    resolve->priv.resolver = resolver;
    resolve->priv.name = name;
    resolve->priv.port = port;
    resolve->priv.family = (uint16_t)family;
    resolve->priv.addresses = addresses;
    resolve->priv.count = count;
}

#else

int pirn_resolver_create(struct pirn_context *context,
                         const struct pirn_resolver_config *config,
                         struct pirn_resolver **ret_resolver)
{
    (void)context;
    (void)config;
    (void)ret_resolver;
    return -ENOSYS;
}

struct pirn_resolver *pirn_resolver_destroy(struct pirn_resolver *resolver)
{
    (void)resolver;
    return NULL;
}

void pirn_prep_resolve(struct pirn_resolve *resolve,
                       struct pirn_resolver *resolver, const char *name,
                       uint16_t port, int family,
                       struct pirn_address *addresses, uint32_t count)
{
    (void)resolve;
    (void)resolver;
    (void)name;
    (void)port;
    (void)family;
    (void)addresses;
    (void)count;
    pirn_unreachable("without c-ares there is no resolver to look up with");
}

#endif
