/* SPDX-License-Identifier: MIT */
/*
 * pirn/reactor.h - poll, registrar, events: for those who come from mio
 *
 * A thread polls for events and does by itself what they allow; others register
 * descriptors with it. In a program of one's own functions (pirn/watch.h) are
 * shorter.
 *
 *   any thread                          the context's thread
 *   register(fd, token) ---- post --->  poll() -> {token, events} ...
 *   modify, deregister  ---- post --->  poll() -> {token, PIRN_EVENT_ENDED}
 *   wake ---------------------------->  poll() -> 0
 *   close --------------------------->  poll() -> what ended ..., -ECANCELED
 *
 * A registration that was accepted ends with exactly one PIRN_EVENT_ENDED,
 * whatever happens, and nothing is told of it afterwards: until then @fd is on
 * loan, then it may be closed. Registering while another thread closes the
 * reactor is either refused or ended like all others.
 */
#ifndef PIRN_REACTOR_H
#define PIRN_REACTOR_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/watch.h>

PIRN_BEGIN_DECLS

struct pirn_context;
struct pirn_reactor;

/* What poll hands out. */
struct pirn_event {
    uint64_t token;
    uint32_t events; /* as of poll(2), and PIRN_EVENT_ENDED */
};

/* The registration is no more; with POLLNVAL: it could not be watched. */
#define PIRN_EVENT_ENDED (UINT32_C(1) << 31)

/**
 * pirn_reactor_create() - a reactor on a context
 * @context:     turned by pirn_reactor_poll(); may have other work
 * @max:         registrations at a time, 1 .. 2^24; all memory is taken now
 * @ret_reactor: the new reactor
 *
 * Return: 0, or -ENOMEM
 */
PIRN_API PIRN_MUST_CHECK int pirn_reactor_create(
    struct pirn_context *context, uint32_t max,
    struct pirn_reactor **ret_reactor);

/**
 * pirn_reactor_destroy() - free a reactor
 * @reactor: may be NULL; closed, and poll has said -ECANCELED; no thread is in,
 *           or will make, a call of it
 *
 * Return:  NULL
 * Context: the context's thread; turns the context for what was posted late.
 */
PIRN_API struct pirn_reactor *pirn_reactor_destroy(
    struct pirn_reactor *reactor);

/**
 * pirn_reactor_poll() - wait for events
 * @events:     filled; what does not fit is told by the next call, in its order
 * @count:      room in @events, 1 or more
 * @timeout_ns: from the call, whatever interrupts it; PIRN_FOREVER: no limit
 *
 * By default a descriptor that is still ready is told again by the next call.
 * Functions of the context's other ops are called meanwhile.
 *
 * Return:  how many; 0 after the time, or a wake; -ECANCELED the reactor was
 *          closed and nothing is registered any more; the ring's error
 * Context: the context's thread; not from fn. Blocks.
 */
PIRN_API PIRN_MUST_CHECK int pirn_reactor_poll(struct pirn_reactor *reactor,
                                               struct pirn_event *events,
                                               uint32_t count,
                                               uint64_t timeout_ns);

/**
 * pirn_reactor_register() - have a descriptor watched
 * @fd:               on loan until PIRN_EVENT_ENDED
 * @token:            comes back with each event; any value
 * @events, @flags:   as pirn_prep_watch()
 * @ret_registration: names it to the two calls below
 *
 * One descriptor may have several registrations.
 *
 * Return:  0, or
 *   -ENOBUFS    as many as the reactor was made for are registered
 *   -ECANCELED  it is closed
 * Context: any thread.
 */
PIRN_API PIRN_MUST_CHECK int pirn_reactor_register(struct pirn_reactor *reactor,
                                                   int fd, uint64_t token,
                                                   uint32_t events,
                                                   uint32_t flags,
                                                   uint64_t *ret_registration);

/**
 * pirn_reactor_modify() - wait for something else, or once more
 *
 * Return:  0, or -ENOENT it has ended, or is about to
 * Context: any thread.
 */
PIRN_API int pirn_reactor_modify(struct pirn_reactor *reactor,
                                 uint64_t registration, uint32_t events);

/**
 * pirn_reactor_deregister() - end a registration
 *
 * What it would have told is dropped; PIRN_EVENT_ENDED follows.
 *
 * Return:  0, or -ENOENT it has ended, or is about to; never another's
 * Context: any thread.
 */
PIRN_API int pirn_reactor_deregister(struct pirn_reactor *reactor,
                                     uint64_t registration);

/**
 * pirn_reactor_wake() - let the current or the next poll return
 *
 * Context: any thread. Has no token: every token is yours.
 */
PIRN_API void pirn_reactor_wake(struct pirn_reactor *reactor);

/**
 * pirn_reactor_close() - end all registrations, and accept no more
 *
 * Context: any thread.
 */
PIRN_API void pirn_reactor_close(struct pirn_reactor *reactor);

PIRN_END_DECLS

#endif /* PIRN_REACTOR_H */
