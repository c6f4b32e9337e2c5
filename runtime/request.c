/* SPDX-License-Identifier: MIT */
/*
 * request.c - a task that ends after its children
 *
 *   NEW --begin--> RUNNING --finish--> FINISHED --all is quiet--> ENDED
 *
 * All is quiet when no child is on the list of children and the deadline's
 * timer is idle: then nothing refers to the request but its own op, which is
 * finished at that moment. A child leaves its parent's list before its own op
 * is finished, so children's functions are called before their parent's.
 *
 * The walk over a family is a loop: down to the first child, on to the next
 * sibling, up to the parent.
 */
#include "pirn/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "pirn/context.h"
#include "pirn/invariant.h"
#include "pirn/task.h"
#include "pirn/timer.h"
#include "runtime/list.h"

static struct pirn_request *request_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_request, op);
}

static struct pirn_request *sibling_of(const struct pirn_link *link)
{
    return pirn_container_of(link, struct pirn_request, priv.sibling);
}

static bool is_over(const struct pirn_request *request)
{
    return request->priv.state == PIRN_REQUEST_FINISHED &&
           list_is_empty(&request->priv.children) && !request->priv.asking &&
           pirn_op_is_idle(&request->priv.timer);
}

static void end(struct pirn_request *request)
{
    int32_t result = request->priv.result;

    request->priv.state = PIRN_REQUEST_ENDED;
    if (request->priv.kind->cleanup != NULL) {
        request->priv.kind->cleanup(request);
    }
    list_unlink(&request->priv.sibling);
    if (request->priv.timed_out && result == -ECANCELED) {
        result = -ETIMEDOUT;
    }
    request->priv.result = result;
    pirn_task_finish(request->priv.context, &request->op, result);
}

/* End it if it is over, and then, perhaps, who waited for it to end. */
static void end_if_over(struct pirn_request *request)
{
    while (request != NULL && is_over(request)) {
        struct pirn_request *parent = request->priv.parent;

        end(request);
        request = parent;
    }
}

/* A child may end from inside its cancel, and leave the list. */
static void cancel_children(struct pirn_request *request)
{
    struct pirn_link *children = &request->priv.children;
    struct pirn_link unasked;

    request->priv.asking = true;
    list_take(&unasked, children);
    while (!list_is_empty(&unasked)) {
        struct pirn_link *link = list_pop_head(&unasked);

        list_push_tail(children, link);
        pirn_cancel(request->priv.context, &sibling_of(link)->op);
    }
    request->priv.asking = false;
}

void pirn_request_finish_at(struct pirn_request *request, int32_t result,
                            struct pirn_place here)
{
    pirn_assert_rule(request->priv.state == PIRN_REQUEST_RUNNING,
                     "a request is finished once, and not before it began");

    request->priv.state = PIRN_REQUEST_FINISHED;
    request->priv.result = result;
    request->priv.finished = here;
    cancel_children(request);
    pirn_cancel(request->priv.context, &request->priv.timer);
    end_if_over(request);
}

/* --- begin and cancel: the verbs of the task --- */

static bool is_too_late_for(const struct pirn_request *parent)
{
    return parent->priv.state != PIRN_REQUEST_RUNNING ||
           pirn_task_is_cancelled(&parent->op);
}

static void request_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_request *request = request_of(op);
    struct pirn_request *parent = request->priv.parent;

    request->priv.context = context;
    request->priv.state = PIRN_REQUEST_RUNNING;
    if (parent != NULL && is_too_late_for(parent)) {
        request->priv.parent = NULL;
        pirn_request_finish_at(request, -ECANCELED, request->priv.made);
        return;
    }
    if (parent != NULL) {
        pirn_assert_rule(parent->priv.context == context,
                         "a request runs where its parent does");
        list_push_tail(&parent->priv.children, &request->priv.sibling);
    }
    request->priv.kind->begin(request);
}

static void request_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_request *request = request_of(op);

    (void)context;
    if (request->priv.state != PIRN_REQUEST_RUNNING) {
        return;
    }
    if (request->priv.kind->cancel != NULL) {
        request->priv.kind->cancel(request);
    } else {
        cancel_children(request);
    }
}

static const struct pirn_task_verbs request_verbs = {
    .begin = request_begin,
    .cancel = request_cancel,
    .name = "request",
};

void pirn_prep_request_at(struct pirn_request *request,
                          const struct pirn_request_kind *kind,
                          struct pirn_request *parent, struct pirn_place here)
{
    pirn_assert(kind->name != NULL && kind->begin != NULL);
    pirn_assert(parent != request);

    pirn_prep_task(&request->op, &request_verbs);
    request->priv =
        (typeof(request->priv)){.kind = kind, .parent = parent, .made = here};
    list_init(&request->priv.children);
}

bool pirn_request_cancel(struct pirn_request *request)
{
    if (request->priv.state != PIRN_REQUEST_RUNNING ||
        pirn_task_is_cancelled(&request->op)) {
        return false;
    }
    pirn_cancel(request->priv.context, &request->op);
    return true;
}

bool pirn_request_is_cancelled(const struct pirn_request *request)
{
    return pirn_task_is_cancelled(&request->op);
}

/* --- the deadline --- */

static void set_timer(struct pirn_request *request);

/* Cancelled where the request has finished, or another deadline was set. */
static void timer_ended(struct pirn_op *op, int32_t result)
{
    struct pirn_request *request =
        pirn_container_of(op, struct pirn_request, priv.timer);

    if (request->priv.state != PIRN_REQUEST_RUNNING) {
        end_if_over(request);
    } else if (result == 0) {
        request->priv.timed_out = !pirn_request_is_cancelled(request);
        (void)pirn_request_cancel(request);
    } else if (result == -ECANCELED) {
        set_timer(request);
    }
}

static void set_timer(struct pirn_request *request)
{
    if (request->priv.deadline_ns != PIRN_FOREVER) {
        pirn_prep_timer_at(&request->priv.timer, request->priv.deadline_ns);
        pirn_start(request->priv.context, &request->priv.timer, timer_ended);
    }
}

void pirn_request_set_deadline(struct pirn_request *request,
                               uint64_t deadline_ns)
{
    pirn_assert_rule(request->priv.state == PIRN_REQUEST_RUNNING,
                     "a request that runs has a deadline");

    request->priv.deadline_ns = deadline_ns;
    if (pirn_op_is_idle(&request->priv.timer)) {
        set_timer(request);
    } else {
        pirn_cancel(request->priv.context, &request->priv.timer);
    }
}

/* --- its history --- */

struct text {
    char *at;
    size_t room;
    size_t len; /* of all, what was cut included */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text,
                                                      const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    if (n < 0) {
        return;
    }
    text->len += (size_t)n;
    if (text->room > 0) {
        size_t moved = (size_t)n < text->room ? (size_t)n : text->room - 1;

        text->at += moved;
        text->room -= moved;
    }
}

static void put_request(struct text *text, const struct pirn_request *request,
                        int depth)
{
    static const char *const states[] = {
        [PIRN_REQUEST_NEW] = "new",
        [PIRN_REQUEST_RUNNING] = "running",
        [PIRN_REQUEST_FINISHED] = "finished",
        [PIRN_REQUEST_ENDED] = "ended",
    };
    uint8_t state = request->priv.state;

    put(text, "%*s%s %s%s, made at %s:%d", 2 * depth, "",
        request->priv.kind->name, states[state],
        state == PIRN_REQUEST_RUNNING && pirn_request_is_cancelled(request)
            ? " (cancelled)"
            : "",
        request->priv.made.file, request->priv.made.line);
    if (state >= PIRN_REQUEST_FINISHED) {
        put(text, ", finished at %s:%d: %d", request->priv.finished.file,
            request->priv.finished.line, request->priv.result);
    }
    put(text, "\n");
}

/* Who comes behind @request, on its way up to @top; NULL: nobody. */
static const struct pirn_request *next_behind(
    const struct pirn_request *request, const struct pirn_request *top,
    int *depth)
{
    while (request != top) {
        const struct pirn_request *parent = request->priv.parent;
        const struct pirn_link *next = request->priv.sibling.next;

        if (next != &parent->priv.children) {
            return sibling_of(next);
        }
        request = parent;
        --*depth;
    }
    return NULL;
}

size_t pirn_request_print(const struct pirn_request *request, char *text,
                          size_t len)
{
    const struct pirn_request *at = request;
    struct text out = {text, len, 0};
    int depth = 0;

    pirn_assert(request->priv.kind != NULL);
    while (at != NULL) {
        put_request(&out, at, depth);
        if (!list_is_empty(&at->priv.children)) {
            at = sibling_of(at->priv.children.next);
            depth++;
        } else {
            at = next_behind(at, request, &depth);
        }
    }
    return out.len;
}
