/* SPDX-License-Identifier: MIT */
/*
 * rearm.c - multishots that the engine has ended, and that go on
 *
 * A kernel ends a multishot for reasons of its own: the completion queue is
 * full, it has served one socket for long enough, no buffer is left; or it
 * knows no multishot of that kind, and does one delivery at a time. None of
 * that is the caller's business: the same loan is queued once more, behind what
 * waits already, and its deliveries stay in order, because the second life in
 * the engine begins after the first has ended.
 *
 * It ends for its caller with the peer's end, with an error, or cancelled.
 * -EAGAIN is such an error (a descriptor that is O_NONBLOCK: to go on would be
 * to spin). -EINTR is none, and neither is an -ECANCELED that nobody asked for
 * (6.14, seen by others when signals come).
 *
 * Without buffers it waits on context->starved, QUEUED, the longest waiting
 * first. While the engine has n buffers, n of them are queued again in each
 * turn: not one for each buffer that comes back, since who got it may be silent
 * or cancelled, and those behind him would wait for ever beside a buffer that
 * nobody takes.
 */
#include "runtime/rearm.h"

#include <errno.h>

#include "runtime/context_fields.h"
#include "runtime/plant.h"

static bool is_starved(struct engine_event event)
{
    return event.result == -ENOBUFS && (event.loan->flags & LOAN_SELECT);
}

bool pirn__rearm_delivers(struct engine_event event)
{
    return event.result > 0 ||
           (event.result == 0 && event.loan->opcode == ENGINE_ACCEPT);
}

bool pirn__rearm_is_passing(struct engine_event event)
{
    return is_starved(event) || event.result == -EINTR ||
           event.result == -ECANCELED;
}

bool pirn__rearm(struct pirn_context *context, struct engine_event event)
{
    struct pirn_loan *loan = event.loan;

    if ((!pirn__rearm_delivers(event) && !pirn__rearm_is_passing(event)) ||
        pirn__planted("not-re-armed")) {
        return false;
    }
    list_unlink(&loan->link);
    loan->state = LOAN_QUEUED;
    if (is_starved(event)) {
        list_push_tail(&context->starved, &loan->link);
        pirn__buffers_raise(&context->buffers);
        pirn__rearm_offer(context);
    } else {
        list_push_tail(&context->queued, &loan->link);
    }
    return true;
}

uint16_t pirn__context_keep_buffer(struct pirn_context *context)
{
    uint16_t buffer = context->delivered;

    context->delivered = pirn__planted("buffer-reused") ? buffer : BUFFER_NONE;
    return buffer;
}

void pirn__context_put_buffer(struct pirn_context *context, uint16_t buffer)
{
    pirn__buffers_put(&context->buffers, buffer);
    pirn__rearm_offer(context);
}

void pirn__rearm_offer(struct pirn_context *context)
{
    uint16_t buffer;

    while (pirn__buffers_offer(&context->buffers, &buffer)) {
        context->engine->class->give(context->engine, buffer);
    }
}

bool pirn__rearm_is_due(const struct pirn_context *context)
{
    return !list_is_empty(&context->starved) && context->buffers.offered > 0;
}

void pirn__rearm_feed(struct pirn_context *context)
{
    uint32_t count = context->buffers.offered;

    while (count-- > 0 && !list_is_empty(&context->starved)) {
        list_push_tail(&context->queued, list_pop_head(&context->starved));
    }
}
