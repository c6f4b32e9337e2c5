/* SPDX-License-Identifier: MIT */
/*
 * pirn/resolve.h - addresses of a name
 *
 * A resolver per context asks by c-ares: literal addresses, then the file of
 * hosts, then name servers, all at once and without a thread. A look-up is an
 * op like any other: chain a connect behind it, put a deadline on it.
 *
 * libpirn is built without c-ares unless -Dresolve=enabled says so: then
 * pirn_resolver_create() says -ENOSYS, and there is nothing to look up with.
 */
#ifndef PIRN_RESOLVE_H
#define PIRN_RESOLVE_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>
#include <pirn/socket.h>

PIRN_BEGIN_DECLS

struct pirn_resolver;

/* Zeroed means: as the system's files say. */
struct pirn_resolver_config {
    const char *servers; /* "127.0.0.1:53,[::1]:53"; NULL: /etc/resolv.conf */
    uint64_t timeout_ns; /* until a server is asked again, or the next one;
                             1 ms or more; 0: 5 s */
    uint32_t tries;      /* for each server; 0: 4 */
};

/**
 * pirn_resolver_create() - a resolver for one context
 * @context:      its look-ups are started on
 * @config:       borrowed for the call; NULL for the defaults
 * @ret_resolver: the new resolver
 *
 * Return:  0, or
 *   -ENOSYS  built without c-ares
 *   -EINVAL  @config names no servers that can be understood
 *   -ENOMEM  no memory
 * Context: the context's thread. Reads the system's files, so it may block.
 */
PIRN_API PIRN_MUST_CHECK int pirn_resolver_create(
    struct pirn_context *context, const struct pirn_resolver_config *config,
    struct pirn_resolver **ret_resolver);

/**
 * pirn_resolver_destroy() - free a resolver
 * @resolver: may be NULL; none of its look-ups is on loan
 *
 * Return:  NULL
 * Context: the context's thread, not from fn; turns the context until its
 *          sockets are closed.
 */
PIRN_API struct pirn_resolver *pirn_resolver_destroy(
    struct pirn_resolver *resolver);

/* A look-up. Placed by the caller; op is what is started. */
struct pirn_resolve {
    struct pirn_op op;
    struct {
        struct pirn_resolver *resolver;
        struct pirn_resolve_query *query;
        const char *name;
        struct pirn_address *addresses;
        uint32_t count;
        uint16_t port;
        uint16_t family;
    } priv;
};

/**
 * pirn_prep_resolve() - look a name up
 * @resolve:   resolve->op is idle; start it on the resolver's context
 * @name:      a host's name, or a literal address; loaned until the op ends
 * @port:      put into each address
 * @family:    AF_INET, AF_INET6, or AF_UNSPEC for both
 * @addresses: room for @count, 1 or more; filled when the op ends well
 *
 * Result: how many addresses there are in @addresses, at least 1, the best
 * first (RFC 6724); what has no room is left out. Or
 *   -ENOENT     there is no such name, or it has no such address
 *   -EAGAIN     the servers failed or refused: try again later
 *   -ETIMEDOUT  no server answered
 *   -EINVAL     @name is none
 *   -ECANCELED, -ENOMEM
 *
 * Memory is allocated for each look-up, by c-ares as well as here. The file of
 * hosts is read in place.
 */
PIRN_API void pirn_prep_resolve(struct pirn_resolve *resolve,
                                struct pirn_resolver *resolver,
                                const char *name, uint16_t port, int family,
                                struct pirn_address *addresses, uint32_t count);

PIRN_END_DECLS

#endif /* PIRN_RESOLVE_H */
