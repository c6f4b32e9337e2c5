/* SPDX-License-Identifier: MIT */
/*
 * pirn/signal.h - signals as deliveries of a multishot
 *
 * Whoever compiles with -std=c11 defines _POSIX_C_SOURCE for sigaddset(3).
 */
#ifndef PIRN_SIGNAL_H
#define PIRN_SIGNAL_H

#include <signal.h>
#include <sys/signalfd.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/* Placed by the caller; zeroed memory is idle. */
struct pirn_signals {
    struct pirn_multishot shot; /* for pirn_container_of() */
    struct {
        struct pirn_op op;
        struct pirn_context *context;
        sigset_t set;
        struct signalfd_siginfo info;
        int32_t fd;
        int32_t result;
    } priv;
};

/**
 * pirn_signals_block() - keep signals from acting by themselves
 *
 * In the calling thread and in those it makes afterwards; for good.
 *
 * Context: the main thread, before any other is made.
 */
PIRN_API void pirn_signals_block(const sigset_t *set);

/**
 * pirn_signals_start() - be told of signals
 * @signals: idle; loaned until PIRN_LAST
 * @set:     which; copied. Block them first (pirn_signals_block()), or they act
 *           as without pirn
 * @fn:      called with the signal's number and PIRN_MORE for each; the last
 *           time with an error or -ECANCELED. Signals of one number that come
 *           before the first is read are one, unless they are real-time ones
 *
 * Kernel:  signalfd(2), waited for and read through the ring.
 * Context: the context's thread.
 */
PIRN_API void pirn_signals_start(struct pirn_context *context,
                                 struct pirn_signals *signals,
                                 const sigset_t *set, pirn_multishot_fn *fn);

/** pirn_signals_cancel() - ask for PIRN_LAST */
PIRN_API void pirn_signals_cancel(struct pirn_context *context,
                                  struct pirn_signals *signals);

/**
 * pirn_signals_info() - who sent the signal that is being delivered
 *
 * Return: borrowed; valid inside fn
 */
PIRN_API const struct signalfd_siginfo *pirn_signals_info(
    const struct pirn_signals *signals);

PIRN_END_DECLS

#endif /* PIRN_SIGNAL_H */
