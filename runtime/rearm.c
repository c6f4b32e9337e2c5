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
 * Without buffers it waits on context->starved, still QUEUED, until somebody
 * puts one back: one buffer, one of them, the longest waiting first.
 */
#include "runtime/rearm.h"

#include <errno.h>

#include "runtime/context_fields.h"

static bool is_starved(struct engine_event event)
{
    return event.result == -ENOBUFS && (event.loan->flags & LOAN_SELECT);
}

bool pirn__rearm_delivers(struct engine_event event)
{
    return event.result > 0 ||
           (event.result == 0 && event.loan->opcode == ENGINE_ACCEPT);
}

static bool goes_on(struct engine_event event)
{
    return pirn__rearm_delivers(event) || is_starved(event) ||
           event.result == -EINTR || event.result == -ECANCELED;
}

bool pirn__rearm(struct pirn_context *context, struct engine_event event)
{
    struct pirn_loan *loan = event.loan;
    struct pirn_link *list = &context->queued;

    if (!goes_on(event)) {
        return false;
    }
    if (is_starved(event) && !pirn__buffers_raise(&context->buffers)) {
        list = &context->starved;
    }
    list_unlink(&loan->link);
    loan->state = LOAN_QUEUED;
    list_push_tail(list, &loan->link);
    pirn__rearm_offer(context);
    return true;
}

uint16_t pirn__context_keep_buffer(struct pirn_context *context)
{
    uint16_t buffer = context->delivered;

    context->delivered = BUFFER_NONE;
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
        struct pirn_link *link = list_pop_head(&context->starved);

        context->engine->class->give(context->engine, buffer);
        if (link != NULL) {
            list_push_tail(&context->queued, link);
        }
    }
}
