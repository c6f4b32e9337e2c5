/* SPDX-License-Identifier: MIT */
/*
 * signal.c - see pirn/signal.h
 *
 * One op at a time: make the descriptor, then read from it again and again, and
 * wait until it is readable where there is nothing; after a cancel or an error
 * close it, and deliver the last word.
 *
 * A read that waited would be a worker's on older kernels (seen on 6.1), and a
 * worker has pending what was sent to it or to the process: a signal for our
 * thread it would never read. So no read waits.
 */
#include "pirn/signal.h"

#include <errno.h>
#include <poll.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "runtime/context.h"

static struct pirn_signals *signals_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_signals, priv.op);
}

static void deliver_last(struct pirn_signals *signals)
{
    signals->shot.priv.state = LOAN_IDLE;
    signals->shot.fn(&signals->shot, signals->priv.result, PIRN_LAST);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result;
    deliver_last(signals_of(op));
}

static void end(struct pirn_signals *signals, int32_t result)
{
    signals->priv.result = result;
    pirn_prep_close(&signals->priv.op, signals->priv.fd);
    pirn_start(signals->priv.context, &signals->priv.op, closed);
}

static void next(struct pirn_signals *signals);

static void ready(struct pirn_op *op, int32_t result)
{
    struct pirn_signals *signals = signals_of(op);

    if (result < 0 && result != -EINTR) {
        end(signals, result);
    } else if (signals->shot.priv.flags & LOAN_CANCELLING) {
        end(signals, -ECANCELED);
    } else {
        next(signals);
    }
}

static void came(struct pirn_op *op, int32_t result)
{
    struct pirn_signals *signals = signals_of(op);

    if (result == (int32_t)sizeof(signals->priv.info)) {
        signals->shot.fn(&signals->shot, (int32_t)signals->priv.info.ssi_signo,
                         PIRN_MORE);
    } else if (result != -EINTR && result != -EAGAIN) {
        end(signals, result < 0 ? result : -EIO);
        return;
    }
    if (signals->shot.priv.flags & LOAN_CANCELLING) {
        end(signals, -ECANCELED);
    } else if (result == -EAGAIN) {
        pirn_prep_poll(&signals->priv.op, signals->priv.fd, POLLIN);
        pirn_start(signals->priv.context, &signals->priv.op, ready);
    } else {
        next(signals);
    }
}

static void next(struct pirn_signals *signals)
{
    pirn_prep_read(&signals->priv.op, signals->priv.fd, &signals->priv.info,
                   sizeof(signals->priv.info), PIRN_OFFSET_CURRENT);
    pirn_start(signals->priv.context, &signals->priv.op, came);
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn_signals *signals = signals_of(op);

    signals->priv.fd = result;
    if (result < 0) {
        signals->priv.result = result;
        deliver_last(signals);
    } else if (signals->shot.priv.flags & LOAN_CANCELLING) {
        end(signals, -ECANCELED);
    } else {
        next(signals);
    }
}

void pirn_signals_start(struct pirn_context *context,
                        struct pirn_signals *signals, const sigset_t *set,
                        pirn_multishot_fn *fn)
{
    pirn_assert_rule(pirn_multishot_is_idle(&signals->shot),
                     "signals on loan may not be started again");

    signals->shot = (struct pirn_multishot){.fn = fn};
    signals->shot.priv.state = LOAN_HELD;
    signals->shot.priv.flags = LOAN_MULTISHOT;
    signals->priv.context = context;
    signals->priv.set = *set;
    pirn__prep(&signals->priv.op, ENGINE_SIGNALS)->addr =
        (uintptr_t)&signals->priv.set;
    pirn_start(context, &signals->priv.op, opened);
}

void pirn_signals_cancel(struct pirn_context *context,
                         struct pirn_signals *signals)
{
    if (!pirn_multishot_is_idle(&signals->shot)) {
        signals->shot.priv.flags |= LOAN_CANCELLING;
        if (signals->priv.op.priv.opcode == ENGINE_READ ||
            signals->priv.op.priv.opcode == ENGINE_POLL) {
            pirn_cancel(context, &signals->priv.op);
        }
    }
}

const struct signalfd_siginfo *pirn_signals_info(
    const struct pirn_signals *signals)
{
    return &signals->priv.info;
}
