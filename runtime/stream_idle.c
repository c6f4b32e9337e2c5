/* SPDX-License-Identifier: MIT */
/*
 * stream_idle.c - that nothing has moved on a stream for some time
 *
 * A task with one timer. When it expires it looks when bytes last moved, and
 * sleeps for the rest: a busy stream pays one timer per timeout, and none per
 * byte.
 *
 * A turn calls timers before completions, so bytes may be there that nobody has
 * seen, if the process did not run for a while. A timeout is therefore only
 * believed in the turn after.
 */
#include "pirn/invariant.h"
#include "pirn/timer.h"
#include "runtime/stream.h"

static struct pirn_stream_idle *idle_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_stream_idle, op);
}

static void expired(struct pirn_op *op, int32_t result);

static void sleep_on(struct pirn_stream_idle *idle)
{
    struct pirn_stream *stream = idle->priv.stream;
    uint64_t moved_ns = stream->priv.moved_ns;
    uint64_t timeout_ns = idle->priv.timeout_ns;

    idle->priv.doubted = false;
    pirn_prep_timer_at(&idle->priv.timer, timeout_ns > UINT64_MAX - moved_ns
                                              ? UINT64_MAX
                                              : moved_ns + timeout_ns);
    pirn_start(stream->priv.context, &idle->priv.timer, expired);
}

static void finish(struct pirn_stream_idle *idle, int32_t result)
{
    struct pirn_stream *stream = idle->priv.stream;

    stream->priv.idle = NULL;
    pirn_task_finish(stream->priv.context, &idle->op, result);
    pirn__stream_go_on(stream); /* its close may have waited for us */
}

static void look_again(struct pirn_stream_idle *idle)
{
    idle->priv.doubted = true;
    pirn_prep_immediate(&idle->priv.timer);
    pirn_start(idle->priv.stream->priv.context, &idle->priv.timer, expired);
}

static void expired(struct pirn_op *op, int32_t result)
{
    struct pirn_stream_idle *idle =
        pirn_container_of(op, struct pirn_stream_idle, priv.timer);
    const struct pirn_stream *stream = idle->priv.stream;
    uint64_t quiet_ns =
        pirn_context_now_ns(stream->priv.context) - stream->priv.moved_ns;

    if (result < 0) {
        finish(idle, result);
    } else if (quiet_ns < idle->priv.timeout_ns) {
        sleep_on(idle);
    } else if (!idle->priv.doubted) {
        look_again(idle);
    } else {
        finish(idle, 0);
    }
}

static void idle_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream_idle *idle = idle_of(op);
    struct pirn_stream *stream = idle->priv.stream;

    pirn_assert(context == stream->priv.context);
    pirn_assert_rule(stream->priv.idle == NULL,
                     "one at a time waits for a stream to be idle");
    if (stream->priv.state != STREAM_OPEN) {
        pirn_task_finish(context, op, -ECANCELED);
        return;
    }
    stream->priv.idle = idle;
    stream->priv.moved_ns = pirn__context_time_of_start(context);
    sleep_on(idle);
}

static void idle_cancel(struct pirn_context *context, struct pirn_op *op)
{
    pirn_cancel(context, &idle_of(op)->priv.timer);
}

static const struct pirn_task_verbs idle_verbs = {
    .begin = idle_begin,
    .cancel = idle_cancel,
    .name = "stream idle",
};

void pirn_prep_stream_idle(struct pirn_stream_idle *idle,
                           struct pirn_stream *stream, uint64_t timeout_ns)
{
    pirn_assert(timeout_ns > 0);

    pirn_prep_task(&idle->op, &idle_verbs);
    idle->priv.stream = stream;
    idle->priv.timeout_ns = timeout_ns;
}
