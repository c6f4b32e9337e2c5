/* SPDX-License-Identifier: MIT */
/*
 * watch.c - see pirn/watch.h
 *
 * A task with one poll under way, or none; on the public op API alone. All that
 * can happen to a watch changes what is wanted; settle() then does the one next
 * step between that and what the engine was asked:
 *
 *   armed    and to be paused, ended, or asked for something else:  disarm
 *   idle     and wanted: arm         and to be ended: close, finish
 *
 * Level is a one-shot poll, armed again after each call: the engine answers at
 * once while the descriptor is ready, and the batch of the next turn carries it
 * there. Edges are a multishot poll.
 *
 * What was asked before a change may still arrive: it is held against what is
 * wanted now, so nobody is told what he no longer asks for.
 */
#include "pirn/watch.h"

#include <errno.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/task.h"

enum watch_state {
    WATCH_OFF = 0,
    WATCH_ON,
    WATCH_ENDING,
    WATCH_CLOSING,
};

enum { TOLD_UNASKED = POLLERR | POLLHUP };

static void settle(struct pirn_watch *watch);

static bool is_edge(const struct pirn_watch *watch)
{
    return (watch->priv.flags & PIRN_WATCH_EDGE) != 0;
}

static void end_with(struct pirn_watch *watch, int32_t result)
{
    if (watch->priv.state == WATCH_ON) {
        watch->priv.state = WATCH_ENDING;
        watch->priv.result = result;
    }
}

/* A poll that we have cancelled says -ECANCELED: no news. */
static void heard(struct pirn_watch *watch, int32_t result)
{
    uint32_t events = (uint32_t)result & (watch->priv.events | TOLD_UNASKED);

    if (result < 0) {
        if (result != -ECANCELED) {
            end_with(watch, result);
        }
        return;
    }
    if (events == 0 || watch->priv.paused || watch->priv.state != WATCH_ON) {
        return;
    }
    watch->priv.paused = (watch->priv.flags & PIRN_WATCH_ONCE) != 0;
    watch->priv.fn(watch, events);
}

static void came(struct pirn_op *op, int32_t result)
{
    struct pirn_watch *watch =
        pirn_container_of(op, struct pirn_watch, priv.poll.once);

    watch->priv.armed = false;
    heard(watch, result);
    settle(watch);
}

static void changed(struct pirn_multishot *shot, int32_t result,
                    enum pirn_more more)
{
    struct pirn_watch *watch =
        pirn_container_of(shot, struct pirn_watch, priv.poll.edge);

    watch->priv.armed = more == PIRN_MORE;
    heard(watch, result);
    settle(watch);
}

static void arm(struct pirn_watch *watch)
{
    struct pirn_context *context = watch->priv.context;
    uint32_t events = watch->priv.events;

    watch->priv.armed = true;
    watch->priv.asked = events;
    if (is_edge(watch)) {
        pirn_prep_multishot_poll(&watch->priv.poll.edge, watch->priv.fd,
                                 events);
        pirn_multishot_start(context, &watch->priv.poll.edge, changed);
    } else {
        pirn_prep_poll(&watch->priv.poll.once, watch->priv.fd, events);
        pirn_start(context, &watch->priv.poll.once, came);
    }
}

static void disarm(struct pirn_watch *watch)
{
    if (is_edge(watch)) {
        pirn_multishot_cancel(watch->priv.context, &watch->priv.poll.edge);
    } else {
        pirn_cancel(watch->priv.context, &watch->priv.poll.once);
    }
}

static void finish(struct pirn_watch *watch)
{
    watch->priv.state = WATCH_OFF;
    pirn_task_finish(watch->priv.context, &watch->op, watch->priv.result);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result;
    finish(pirn_container_of(op, struct pirn_watch, priv.poll.once));
}

/* A descriptor that is not open is not ours to close: the number may be
 * somebody's by now. */
static void end(struct pirn_watch *watch)
{
    if (!(watch->priv.flags & PIRN_WATCH_CLOSE) ||
        watch->priv.result == -EBADF) {
        finish(watch);
        return;
    }
    watch->priv.state = WATCH_CLOSING;
    pirn_prep_close(&watch->priv.poll.once, watch->priv.fd);
    pirn_start(watch->priv.context, &watch->priv.poll.once, closed);
}

static bool is_wanted(const struct pirn_watch *watch)
{
    return watch->priv.state == WATCH_ON && !watch->priv.paused;
}

static void settle(struct pirn_watch *watch)
{
    if (watch->priv.armed) {
        if (!is_wanted(watch) || watch->priv.asked != watch->priv.events) {
            disarm(watch);
        }
    } else if (watch->priv.state == WATCH_ENDING) {
        end(watch);
    } else if (is_wanted(watch)) {
        arm(watch);
    }
}

static struct pirn_watch *watch_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_watch, op);
}

static void watch_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_watch *watch = watch_of(op);

    watch->priv.context = context;
    watch->priv.state = WATCH_ON;
    watch->priv.paused = false;
    settle(watch);
}

static void watch_cancel(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    end_with(watch_of(op), -ECANCELED);
    settle(watch_of(op));
}

static const struct pirn_task_verbs watch_verbs = {
    .begin = watch_begin,
    .cancel = watch_cancel,
    .name = "watch",
};

void pirn_prep_watch(struct pirn_watch *watch, int fd, uint32_t events,
                     uint32_t flags, pirn_watch_fn *fn)
{
    pirn_assert(fn != NULL);
    pirn_assert_rule(!(flags & PIRN_WATCH_EDGE) || !(flags & PIRN_WATCH_ONCE),
                     "a watch tells of edges or once");

    pirn_prep_task(&watch->op, &watch_verbs);
    watch->priv.fd = fd;
    watch->priv.events = events & ~(uint32_t)TOLD_UNASKED;
    watch->priv.flags = (uint8_t)flags;
    watch->priv.fn = fn;
}

void pirn_watch_modify(struct pirn_watch *watch, uint32_t events)
{
    watch->priv.events = events & ~(uint32_t)TOLD_UNASKED;
    watch->priv.paused = false;
    settle(watch);
}

void pirn_watch_pause(struct pirn_watch *watch)
{
    watch->priv.paused = true;
    settle(watch);
}
