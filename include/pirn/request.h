/* SPDX-License-Identifier: MIT */
/*
 * pirn/request.h - a task with a family, an end that is its own, and a history
 *
 * For those who write libraries: what a library's user starts is an op, and
 * behind it the library runs ops of its own, other requests among them. A
 * request is the struct around such an op. It has a parent, and ends after its
 * children; it is cleaned up once, whatever ended it; and it can say where it
 * was made and where it was finished.
 *
 *   prep -> start -> begin() -> ... your ops ... -> pirn_request_finish()
 *                      |                                 |
 *                      +-- a cancel, the deadline        v
 *                             |                 children are cancelled,
 *                             v                 and waited for
 *                          cancel()                      |
 *                                                        v
 *                                                    cleanup(), and
 *                                                    fn in a later turn
 *
 * A request is started, chained, queued, waited for and cancelled as its op.
 */
#ifndef PIRN_REQUEST_H
#define PIRN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_request;

/* What a kind of request does. One static table per kind. */
struct pirn_request_kind {
    const char *name; /* for people */
    /* The loan begins; called from inside the start. May finish at once. */
    void (*begin)(struct pirn_request *request);
    /* Asked to end early, at most once; called from inside the cancel. May
     * finish at once. NULL: its children are cancelled, and it ends when it
     * ends. */
    void (*cancel)(struct pirn_request *request);
    /* It has ended, and so have its children: let go of what it has. Called
     * once, before the op's function is; NULL: there is nothing. */
    void (*cleanup)(struct pirn_request *request);
};

/* A line of a source file. */
struct pirn_place {
    const char *file;
    int line;
};

#ifdef __cplusplus
#define PIRN_HERE (pirn_place{__FILE__, __LINE__})
#else
#define PIRN_HERE ((struct pirn_place){__FILE__, __LINE__})
#endif

enum pirn_request_state {
    PIRN_REQUEST_NEW = 0,  /* prepared, or never */
    PIRN_REQUEST_RUNNING,  /* begun, and not finished */
    PIRN_REQUEST_FINISHED, /* its result is known; its children end */
    PIRN_REQUEST_ENDED,    /* its function is called next, or was */
};

/* Placed by the caller, in a struct of his; op is what is started. */
struct pirn_request {
    struct pirn_op op;
    struct {
        struct pirn_op timer;
        struct pirn_context *context;
        const struct pirn_request_kind *kind;
        struct pirn_request *parent;
        struct pirn_link children;
        struct pirn_link sibling;
        struct pirn_place made;
        struct pirn_place finished;
        uint64_t deadline_ns;
        int32_t result;
        uint8_t state;
        bool timed_out;
        bool asking; /* its children to end: one may end at once */
    } priv;
};

/**
 * pirn_prep_request() - an op that ends when pirn_request_finish() is called
 * @request: request->op is idle
 * @kind:   static
 * @parent:  NULL, or a request that is running when this one begins, on the
 *           same context. If it has finished, or was cancelled, by then, this
 *           one ends with -ECANCELED without beginning.
 *
 * A macro, so that it knows where it stands.
 */
#define pirn_prep_request(request, kind, parent) \
    pirn_prep_request_at(request, kind, parent, PIRN_HERE)
PIRN_API void pirn_prep_request_at(struct pirn_request *request,
                                   const struct pirn_request_kind *kind,
                                   struct pirn_request *parent,
                                   struct pirn_place here);

/**
 * pirn_request_finish() - the request is done, or has failed
 * @request: running
 * @result:  what its function will be called with. -ECANCELED becomes
 *           -ETIMEDOUT where it was the deadline that cancelled it.
 *
 * Children that still run are cancelled; their functions are called first. To
 * finish twice is an assertion. May be called from begin() and cancel().
 */
#define pirn_request_finish(request, result) \
    pirn_request_finish_at(request, result, PIRN_HERE)
PIRN_API void pirn_request_finish_at(struct pirn_request *request,
                                     int32_t result, struct pirn_place here);

/**
 * pirn_request_cancel() - ask it to end early, with an answer
 *
 * Return: whether the question came in time: it was running, and not asked
 *         before. Whether it was heeded, its result says.
 */
PIRN_API bool pirn_request_cancel(struct pirn_request *request);

/**
 * pirn_request_set_deadline() - cancel it at a time
 * @request:     running; begin() is a good place
 * @deadline_ns: monotonic; PIRN_FOREVER: none. The last that was set counts.
 */
PIRN_API void pirn_request_set_deadline(struct pirn_request *request,
                                        uint64_t deadline_ns);

/** pirn_request_context() - where it was started */
static inline struct pirn_context *pirn_request_context(
    const struct pirn_request *request)
{
    return request->priv.context;
}

/** pirn_request_state() - how far it is */
static inline enum pirn_request_state pirn_request_state(
    const struct pirn_request *request)
{
    return (enum pirn_request_state)request->priv.state;
}

/** pirn_request_is_cancelled() - whether somebody, or its deadline, asked it to
 * end early */
PIRN_API bool pirn_request_is_cancelled(const struct pirn_request *request);

/**
 * pirn_request_print() - its history and its children's, a line each
 * @text: @len bytes; cut where it ends, always with a NUL if @len > 0
 *
 *   deliver running, made at send.c:40
 *     connect ended, made at net.c:12, finished at net.c:31: -111
 *
 * Return: how long it is without the cut
 */
PIRN_API size_t pirn_request_print(const struct pirn_request *request,
                                   char *text, size_t len);

PIRN_END_DECLS

#endif /* PIRN_REQUEST_H */
