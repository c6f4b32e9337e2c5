/* SPDX-License-Identifier: MIT */
/*
 * script.c - see tests/sim/script.h
 *
 * submit() fills the submission queue; wait() hands it to the kernel, in order.
 * A loan marked LOAN_LINKED holds the one behind it back until it ends. What
 * cuts is written here from the measurements of Linux 6.18 and not taken from
 * the runtime's table, so that a wrong table shows.
 *
 * With a worker, runs and finite operations are jobs (runtime/engine/run.h),
 * carried out while the context waits. Cancellations reach a job between its
 * steps.
 */
#include "tests/sim/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/context.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/run.h"
#include "runtime/engine/table.h"
#include "runtime/list.h"

enum {
    SCRIPT_MAX = 4096,
    ROOM_DEFAULT = 64,
};

struct entry {
    struct pirn_loan *loan;
    bool is_cancel;
};

/* What the kernel has. */
struct flight {
    struct pirn_loan *loan;
    struct pirn_loan *behind; /* begins when this one has succeeded */
    bool begun;
};

struct script {
    struct engine engine;
    struct entry queue[SCRIPT_MAX];
    struct flight flights[SCRIPT_MAX];
    struct engine_event events[SCRIPT_MAX];
    uint32_t queue_count;
    uint32_t flight_count;
    uint32_t event_count;
    uint16_t given[SCRIPT_MAX]; /* buffers, the first to be taken first */
    uint32_t given_count;
    uint8_t *buffers;
    uint32_t buffer_bytes;
    uint32_t room;
    uint32_t refusals;
    uint32_t wait_count;
    uint32_t sleep_count;
    uint32_t wake_count;
    uint32_t cancel_count;
    uint32_t cancel_miss_count;
    uint32_t linked_count;
    uint32_t job_count;
    int32_t (*worker)(const struct pirn_loan *loan);
    struct errands errands;
    struct pirn_link jobs;
    struct errand *job; /* of these, under way */
    uint64_t now_ns;
    uint64_t timeout_ns;
    void (*while_asleep)(void *argument);
    void *argument;
    int error;
    bool deaf;
    bool woken;
};

/* Between script_context_create() and the create() that it leads to. */
static _Thread_local const struct engine_class *newest_class;
static _Thread_local struct script *newest;

static struct script *script_of(struct engine *engine)
{
    return pirn_container_of(engine, struct script, engine);
}

static struct flight *find(const struct script *script,
                           const struct pirn_loan *loan)
{
    for (uint32_t i = 0; i < script->flight_count; i++) {
        if (script->flights[i].loan == loan) {
            return (struct flight *)&script->flights[i];
        }
    }
    return NULL;
}

/* --- what the kernel does --- */

static void push_event(struct script *script, struct engine_event event)
{
    pirn_assert(script->event_count < SCRIPT_MAX);
    script->events[script->event_count++] = event;
}

static struct engine_event event_of(struct pirn_loan *loan, int32_t result)
{
    return (struct engine_event){
        .loan = loan, .result = result, .buffer = ENGINE_NO_BUFFER};
}

static uint64_t bytes_asked(const struct pirn_loan *loan)
{
    const struct iovec *iov = (const void *)(uintptr_t)loan->addr;
    uint64_t bytes = 0;

    if (loan->opcode == ENGINE_READ || loan->opcode == ENGINE_WRITE) {
        return loan->len;
    }
    for (uint32_t i = 0; i < loan->len; i++) {
        bytes += iov[i].iov_len;
    }
    return bytes;
}

/* Whether the end of @loan keeps what is linked behind it from running. */
static bool severs(const struct pirn_loan *loan, int32_t result)
{
    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_FSYNC:
    case ENGINE_CONFIRM:
    case ENGINE_FALLOCATE:
    case ENGINE_TRUNCATE:
    case ENGINE_RENAME:
    case ENGINE_UNLINK:
    case ENGINE_MKDIR:
    case ENGINE_LINK:
    case ENGINE_SYMLINK:
    case ENGINE_STAT:
        return false;
    case ENGINE_READ:
    case ENGINE_WRITE:
    case ENGINE_READV:
    case ENGINE_WRITEV:
        return result < 0 || (uint64_t)result < bytes_asked(loan);
    default:
        return result < 0;
    }
}

static void remove_flight(struct script *script, struct flight *flight)
{
    uint32_t index = (uint32_t)(flight - script->flights);

    script->flight_count--;
    memmove(flight, flight + 1,
            (script->flight_count - index) * sizeof(*flight));
}

static void end_flight(struct script *script, struct flight *flight,
                       int32_t result)
{
    while (flight != NULL) {
        struct pirn_loan *loan = flight->loan;
        struct pirn_loan *behind = flight->behind;

        push_event(script, event_of(loan, result));
        remove_flight(script, flight);
        flight = behind != NULL ? find(script, behind) : NULL;
        if (flight != NULL && result != -ECANCELED && !severs(loan, result)) {
            flight->begun = true;
            return;
        }
        result = -ECANCELED;
    }
}

static void take_cancel(struct script *script, struct pirn_loan *loan)
{
    struct flight *flight = find(script, loan);

    script->cancel_count++;
    if (flight == NULL || !flight->begun) {
        script->cancel_miss_count++;
    } else if (!script->deaf) {
        end_flight(script, flight, -ECANCELED);
    }
}

static void take_queue(struct script *script)
{
    struct flight *before = NULL;

    for (uint32_t i = 0; i < script->queue_count; i++) {
        struct pirn_loan *loan = script->queue[i].loan;

        if (script->queue[i].is_cancel) {
            take_cancel(script, loan);
            continue;
        }
        pirn_assert(script->flight_count < SCRIPT_MAX);
        script->flights[script->flight_count] =
            (struct flight){.loan = loan, .begun = before == NULL};
        if (before != NULL) {
            before->behind = loan;
        }
        before = NULL;
        if (loan->flags & LOAN_LINKED) {
            before = &script->flights[script->flight_count];
            script->linked_count++;
        }
        script->flight_count++;
    }
    pirn_assert_rule(before == NULL, "a run ends with a loan without a link");
    script->queue_count = 0;
}

/* --- the engine --- */

static int script_create(const struct engine_config *config,
                         struct engine **ret_engine)
{
    struct script *script = calloc(1, sizeof(*script));

    pirn_assert(script != NULL);
    script->buffers = config->buffers;
    script->buffer_bytes = config->buffer_bytes;
    script->engine.class = newest_class;
    script->now_ns = SCRIPT_START_NS;
    pirn_assert(pirn__errands_init(&script->errands, 0) == 0);
    list_init(&script->jobs);
    newest = script;
    *ret_engine = &script->engine;
    return 0;
}

static void script_destroy(struct engine *engine)
{
    struct script *script = script_of(engine);

    pirn_assert(script->flight_count == 0);
    pirn_assert(list_is_empty(&script->jobs));
    pirn__errands_deinit(&script->errands);
    free(script);
}

static void enter(struct script *script, struct pirn_link *link,
                  struct pirn_link *inflight, bool is_cancel)
{
    struct pirn_loan *loan = pirn_container_of(link, struct pirn_loan, link);

    list_unlink(link);
    list_push_tail(inflight, link);
    script->queue[script->queue_count++] = (struct entry){loan, is_cancel};
    if (!is_cancel) {
        pirn_assert(loan->state == LOAN_QUEUED);
        loan->state = LOAN_INFLIGHT;
    }
}

static bool is_finite(const struct pirn_loan *loan)
{
    return pirn__engine_rows[loan->opcode].wait == ENGINE_FINITE;
}

static bool is_job(const struct script *script, const struct pirn_link *link)
{
    return script->worker != NULL &&
           is_finite(pirn_container_of(link, struct pirn_loan, link));
}

static bool script_joins_none(struct engine *engine,
                              const struct pirn_loan *before,
                              const struct pirn_loan *behind)
{
    (void)engine;
    (void)before;
    (void)behind;
    return false;
}

static bool script_links(struct engine *engine, const struct pirn_loan *before,
                         const struct pirn_loan *behind)
{
    (void)engine;
    return pirn__engine_links(before, behind);
}

static bool script_joins_jobs(struct engine *engine,
                              const struct pirn_loan *before,
                              const struct pirn_loan *behind)
{
    (void)engine;
    return is_finite(before) && is_finite(behind);
}

/* The worker's call; what was asked meanwhile is heard behind it. */
static int32_t call_worker(const struct pirn_loan *loan)
{
    int32_t result = newest->worker(loan);

    for (struct errand *errand = newest->job; errand; errand = errand->behind) {
        if (errand->in_run && (errand->loan->flags & LOAN_CANCELLING)) {
            pirn__run_cancel(errand);
        }
    }
    return result;
}

static void do_jobs(struct script *script)
{
    struct pirn_link *link;

    while ((link = list_pop_head(&script->jobs)) != NULL) {
        struct errand *errand = errand_of(link);

        script->job = errand;
        pirn__run_do(errand, call_worker);
        script->job = NULL;
        while (errand != NULL) {
            struct errand *ended = errand;

            push_event(script, event_of(ended->loan, ended->result));
            errand = ended->behind;
            pirn__errand_put(&script->errands, ended);
        }
    }
}

static void script_submit(struct engine *engine, struct pirn_link *cancels,
                          struct pirn_link *queue, struct pirn_link *inflight)
{
    struct script *script = script_of(engine);

    while (!list_is_empty(cancels) && script->queue_count < script->room) {
        enter(script, cancels->next, inflight, true);
    }
    while (!list_is_empty(queue)) {
        uint32_t run = pirn__run_length(queue, queue->next);

        if (is_job(script, queue->next)) {
            list_push_tail(
                &script->jobs,
                &pirn__run_begin(&script->errands, queue, inflight)->link);
            script->job_count++;
            continue;
        }

        if (script->queue_count + run > script->room) {
            return;
        }
        while (run-- > 0) {
            enter(script, queue->next, inflight, false);
        }
    }
}

/* Whether something came that ends the sleep. */
static bool is_disturbed(struct script *script)
{
    void (*act)(void *argument) = script->while_asleep;
    bool was_woken;

    if (script->event_count == 0 && act != NULL) {
        script->while_asleep = NULL;
        act(script->argument);
    }
    was_woken = script->woken;
    script->woken = false;
    return was_woken || script->event_count > 0;
}

static int script_wait(struct engine *engine, uint64_t timeout_ns)
{
    struct script *script = script_of(engine);

    script->wait_count++;
    script->timeout_ns = timeout_ns;
    if (script->error != 0) {
        return script->error;
    }
    if (script->refusals > 0) {
        script->refusals--;
    } else {
        take_queue(script);
        do_jobs(script);
    }
    if (timeout_ns == 0 || is_disturbed(script)) {
        return 0;
    }
    pirn_assert_rule(timeout_ns != PIRN_FOREVER,
                     "a scripted context may not sleep for ever");
    script->sleep_count++;
    script->now_ns += timeout_ns;
    return 0;
}

static void script_abandon(struct engine *engine, struct pirn_link *inflight)
{
    struct script *script = script_of(engine);

    (void)inflight;
    script->flight_count = 0;
    script->event_count = 0;
}

static uint32_t script_reap(struct engine *engine, struct engine_event *events,
                            uint32_t max)
{
    struct script *script = script_of(engine);
    uint32_t count = script->event_count < max ? script->event_count : max;

    memcpy(events, script->events, count * sizeof(*events));
    script->event_count -= count;
    memmove(script->events, script->events + count,
            script->event_count * sizeof(*events));
    return count;
}

static void script_give(struct engine *engine, uint16_t buffer)
{
    struct script *script = script_of(engine);

    pirn_assert(script->given_count < SCRIPT_MAX);
    script->given[script->given_count++] = buffer;
}

static void script_wake(struct engine *engine)
{
    struct script *script = script_of(engine);

    script->wake_count++;
    script->woken = true;
}

static uint64_t script_now_ns(struct engine *engine)
{
    return script_of(engine)->now_ns;
}

static void script_random(struct engine *engine, void *bytes, size_t len)
{
    (void)engine;
    memset(bytes, 0x5a, len);
}

static void script_identity(struct engine *engine,
                            struct pirn_identity *ret_identity)
{
    (void)engine;
    *ret_identity = (struct pirn_identity){.pid = 1, .start_ticks = 1};
}

#define SCRIPT_CLASS(script_joins)                                           \
    {                                                                        \
        .name = "script", .joins = (script_joins), .create = script_create,  \
        .destroy = script_destroy, .submit = script_submit,                  \
        .give = script_give, .wait = script_wait, .abandon = script_abandon, \
        .reap = script_reap, .wake = script_wake, .now_ns = script_now_ns,   \
        .realtime_ns = script_now_ns, .random = script_random,               \
        .identity = script_identity,                                         \
    }

static const struct engine_class stepped = SCRIPT_CLASS(script_joins_none);
static const struct engine_class linked = SCRIPT_CLASS(script_links);
static const struct engine_class pooled = SCRIPT_CLASS(script_joins_jobs);

static const struct engine_class *class_of(const struct script_config *config)
{
    if (config->worker != NULL) {
        return &pooled;
    }
    return config->links ? &linked : &stepped;
}

/* --- what the test says --- */

struct pirn_context *script_context_create(const struct script_config *config,
                                           struct script **ret_script)
{
    const struct pirn_context_config given = {
        .sq_entries =
            config->cq_entries > 0 ? config->cq_entries : ROOM_DEFAULT,
        .cq_entries = config->cq_entries,
        .turn_budget = config->turn_budget,
        .buffer_count = config->buffer_count,
        .buffer_bytes = config->buffer_bytes,
    };
    struct pirn_context *context;

    newest_class = class_of(config);
    pirn_assert(pirn__context_create_on(newest_class, &given, &context) == 0);
    newest->room = config->room > 0 ? config->room : ROOM_DEFAULT;
    newest->worker = config->worker;
    *ret_script = newest;
    return context;
}

void script_complete(struct script *script, struct pirn_op *op, int32_t result)
{
    struct flight *flight = find(script, &op->priv);

    pirn_assert_rule(flight != NULL && flight->begun,
                     "the kernel ends what it has begun");
    end_flight(script, flight, result);
}

void script_deliver(struct script *script, struct pirn_multishot *shot,
                    int32_t result, enum pirn_more more)
{
    struct flight *flight = find(script, &shot->priv);

    pirn_assert(flight != NULL);
    if (more == PIRN_MORE) {
        struct engine_event event = event_of(&shot->priv, result);

        event.more = true;
        push_event(script, event);
    } else {
        end_flight(script, flight, result);
    }
}

/* The buffer that was given first. */
static uint16_t take_buffer(struct script *script)
{
    uint16_t buffer = script->given[0];

    pirn_assert_rule(script->given_count > 0,
                     "bytes come into a buffer that was given");
    memmove(script->given, script->given + 1,
            --script->given_count * sizeof(buffer));
    return buffer;
}

void script_deliver_spoilt(struct script *script, struct pirn_multishot *shot,
                           int32_t result)
{
    script_deliver(script, shot, result, PIRN_LAST);
    script->events[script->event_count - 1].buffer = take_buffer(script);
}

void script_deliver_bytes(struct script *script, struct pirn_multishot *shot,
                          const void *bytes, uint32_t len, enum pirn_more more)
{
    uint16_t buffer = take_buffer(script);

    pirn_assert(len <= script->buffer_bytes);
    memcpy(script->buffers + buffer * script->buffer_bytes, bytes, len);
    script_deliver(script, shot, (int32_t)len, more);
    script->events[script->event_count - 1].buffer = buffer;
}

uint32_t script_buffer_count(const struct script *script)
{
    return script->given_count;
}

static bool has(const struct script *script, const struct pirn_loan *loan)
{
    const struct flight *flight = find(script, loan);

    return flight != NULL && flight->begun;
}

bool script_has(const struct script *script, const struct pirn_op *op)
{
    return has(script, &op->priv);
}

bool script_has_shot(const struct script *script,
                     const struct pirn_multishot *shot)
{
    return has(script, &shot->priv);
}

struct pirn_op *script_nth(const struct script *script, uint32_t n)
{
    for (uint32_t i = 0; i < script->flight_count; i++) {
        if (script->flights[i].begun && n-- == 0) {
            return op_of(script->flights[i].loan);
        }
    }
    return NULL;
}

void script_refuse(struct script *script, uint32_t count)
{
    script->refusals = count;
}

void script_set_room(struct script *script, uint32_t room)
{
    script->room = room;
}

void script_set_deaf(struct script *script, bool deaf)
{
    script->deaf = deaf;
}

void script_fail(struct script *script, int error)
{
    script->error = error;
}

void script_while_asleep(struct script *script, void (*act)(void *argument),
                         void *argument)
{
    script->while_asleep = act;
    script->argument = argument;
}

void script_pass(struct script *script, uint64_t ns)
{
    script->now_ns += ns;
}

uint32_t script_inflight_count(const struct script *script)
{
    return script->flight_count;
}

uint32_t script_wait_count(const struct script *script)
{
    return script->wait_count;
}

uint32_t script_sleep_count(const struct script *script)
{
    return script->sleep_count;
}

uint32_t script_wake_count(const struct script *script)
{
    return script->wake_count;
}

uint32_t script_cancel_count(const struct script *script)
{
    return script->cancel_count;
}

uint32_t script_cancel_miss_count(const struct script *script)
{
    return script->cancel_miss_count;
}

uint32_t script_linked_count(const struct script *script)
{
    return script->linked_count;
}

uint32_t script_job_count(const struct script *script)
{
    return script->job_count;
}

uint64_t script_timeout_ns(const struct script *script)
{
    return script->timeout_ns;
}
