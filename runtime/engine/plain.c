/* SPDX-License-Identifier: MIT */
/*
 * plain.c - operations as system calls: epoll, and a pool of threads
 *
 * No io_uring anywhere: for places that refuse it, for older kernels, and as
 * what the ring is compared with. Each operation goes one of three ways:
 *
 *   never waits          called in place while submitting
 *   may wait for a disk  a job of the pool (pool.h), alone or in a run (run.h)
 *   may wait for a peer  tried in place, and again when epoll says that the
 *                        descriptor is ready (ready.h)
 *
 * The table says which; of reads, writes and closes the descriptor says it,
 * since a pipe waits for a peer and a file for a disk. What waits without a
 * descriptor is not offered, so the pool cannot fill with waits.
 *
 * A loan that the engine has, has an errand (errand.h), which is in exactly one
 * place: on a descriptor's list, in the pool, or on `done`. Cancelling takes it
 * from the first, from the second if no worker has begun, and from the third
 * never. A cancellation whose loan has no errand comes too late and is dropped;
 * so it cannot reach the next life, which gets its errand after it.
 *
 * A multishot on `done` is one delivery; to go on is its context's business,
 * but for a poll, which epoll watches until it is cancelled.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "runtime/engine/call.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/errand.h"
#include "runtime/engine/pool.h"
#include "runtime/engine/ready.h"
#include "runtime/engine/run.h"
#include "runtime/engine/table.h"
#include "runtime/list.h"

struct plain {
    struct engine engine;
    struct errands errands;
    struct errand refused[ENGINE_RUN_MAX]; /* for those without memory */
    uint32_t refused_count;
    struct spares spares;
    struct ready ready;
    struct pool *pool;
    struct pirn_link done;
    int doorbell;
    bool foreign; /* another loop sleeps for it, by plain_fd() */
};

static struct plain *plain_of(struct engine *engine)
{
    return pirn_container_of(engine, struct plain, engine);
}

static void ring(void *owner)
{
    const struct plain *plain = owner;
    uint64_t one = 1;
    ssize_t n;

    do {
        n = write(plain->doorbell, &one, sizeof(one));
    } while (n < 0 && errno == EINTR);
    pirn_assert(n == sizeof(one));
}

static int plain_create(const struct engine_config *config,
                        struct engine **ret_engine)
{
    struct plain *plain = calloc(1, sizeof(*plain));
    struct pool_config pool_config = {config->worker_max, POOL_IDLE_NS, ring,
                                      plain};
    int r;

    if (plain == NULL) {
        return -ENOMEM;
    }
    plain->engine.class = &pirn__engine_plain;
    plain->engine.files = PIRN_FILES_POOL;
    snprintf(plain->engine.reason, sizeof(plain->engine.reason),
             "plain was asked for");
    list_init(&plain->done);
    plain->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (plain->doorbell < 0) {
        r = -errno;
        goto fail;
    }
    r = pirn__errands_init(&plain->errands, config->sq_entries);
    if (r < 0) {
        goto fail_doorbell;
    }
    r = pirn__spares_init(&plain->spares, config);
    if (r < 0) {
        goto fail_errands;
    }
    r = pirn__ready_init(&plain->ready, plain->doorbell, &plain->spares,
                         &plain->done);
    if (r < 0) {
        goto fail_spares;
    }
    r = pirn__pool_create(&pool_config, &plain->pool);
    if (r < 0) {
        goto fail_ready;
    }
    *ret_engine = &plain->engine;
    return 0;

fail_ready:
    pirn__ready_deinit(&plain->ready);
fail_spares:
    pirn__spares_deinit(&plain->spares);
fail_errands:
    pirn__errands_deinit(&plain->errands);
fail_doorbell:
    close(plain->doorbell);
fail:
    free(plain);
    return r;
}

static void plain_destroy(struct engine *engine)
{
    struct plain *plain = plain_of(engine);

    pirn_assert(list_is_empty(&plain->done));
    pirn__pool_destroy(plain->pool);
    pirn__ready_deinit(&plain->ready);
    pirn__spares_deinit(&plain->spares);
    pirn__errands_deinit(&plain->errands);
    close(plain->doorbell);
    free(plain);
}

/* --- submit --- */

static void cancel(struct plain *plain, const struct pirn_loan *loan)
{
    struct errand *errand = pirn__errand_find(&plain->errands, loan);

    if (errand == NULL) {
        return;
    }
    switch ((enum errand_place)errand->place) {
    case ERRAND_WAITING:
    case ERRAND_WATCHING:
        pirn__ready_end(&plain->ready, errand, -ECANCELED);
        return;
    case ERRAND_POOLED:
        if (errand->in_run) {
            pirn__run_cancel(errand);
        } else if (pirn__pool_cancel(plain->pool, errand)) {
            pirn__errand_end(errand, -ECANCELED, &plain->done);
        }
        return;
    case ERRAND_DONE: /* a multishot sees it when it would begin again */
        return;
    case ERRAND_NONE:
        break;
    }
    pirn_unreachable("an errand is somewhere");
}

static bool is_transfer(const struct pirn_loan *loan)
{
    return loan->opcode == ENGINE_READ || loan->opcode == ENGINE_WRITE ||
           loan->opcode == ENGINE_READV || loan->opcode == ENGINE_WRITEV;
}

/* The table's word, but for what depends on the descriptor. An offset speaks of
 * a file; where it does not, the worker's result will tell. */
static enum engine_wait wait_of(const struct pirn_loan *loan)
{
    if (is_transfer(loan)) {
        return loan->offset != PIRN_OFFSET_CURRENT ||
                       pirn__call_is_on_disk(loan->fd)
                   ? ENGINE_FINITE
                   : ENGINE_READY;
    }
    if (loan->opcode == ENGINE_CLOSE) {
        return pirn__call_is_on_disk(loan->fd) ? ENGINE_FINITE : ENGINE_INSTANT;
    }
    return pirn__engine_rows[loan->opcode].wait;
}

static void begin(struct plain *plain, struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;

    switch (wait_of(loan)) {
    case ENGINE_INSTANT:
        pirn__errand_end(errand, pirn__call(loan), &plain->done);
        return;
    case ENGINE_FINITE:
        pirn__pool_push(plain->pool, errand);
        return;
    case ENGINE_READY:
        if (loan->opcode == ENGINE_POLL && (loan->flags & LOAN_MULTISHOT)) {
            pirn__ready_watch(&plain->ready, errand);
        } else {
            pirn__ready_begin(&plain->ready, errand);
        }
        return;
    }
    pirn_unreachable("class of an operation out of range");
}

/* Without memory one loan or run a turn ends; the others stay queued. */
static void refuse(struct plain *plain, struct pirn_link *queue,
                   struct pirn_link *inflight)
{
    bool is_linked = plain->refused_count == 0;

    while (is_linked) {
        struct errand *errand = &plain->refused[plain->refused_count];
        struct pirn_loan *loan =
            pirn_container_of(queue->next, struct pirn_loan, link);

        list_push_tail(inflight, list_pop_head(queue));
        loan->state = LOAN_INFLIGHT;
        is_linked = (loan->flags & LOAN_LINKED) != 0;
        *errand = (struct errand){.loan = loan};
        pirn__errand_end(errand,
                         plain->refused_count == 0 ? -ENOMEM : ENGINE_NOT_BEGUN,
                         &plain->done);
        plain->refused_count++;
    }
}

static bool begin_head(struct plain *plain, struct pirn_link *queue,
                       struct pirn_link *inflight)
{
    struct errand *errand = pirn__run_begin(&plain->errands, queue, inflight);

    if (errand == NULL) {
        refuse(plain, queue, inflight);
        return false;
    }
    for (const struct errand *one = errand; one; one = one->behind) {
        plain->engine.submitted++;
    }
    if (errand->in_run) {
        pirn__pool_push(plain->pool, errand);
    } else {
        begin(plain, errand);
    }
    return true;
}

static bool plain_joins(struct engine *engine, const struct pirn_loan *before,
                        const struct pirn_loan *behind)
{
    (void)engine;
    return pirn__run_joins(before, behind);
}

static void plain_submit(struct engine *engine, struct pirn_link *cancels,
                         struct pirn_link *queue, struct pirn_link *inflight)
{
    struct plain *plain = plain_of(engine);
    struct pirn_link *link;
    bool room = true;

    while ((link = list_pop_head(cancels)) != NULL) {
        list_push_tail(inflight, link);
        cancel(plain, pirn_container_of(link, struct pirn_loan, link));
    }
    while (room && !list_is_empty(queue)) {
        room = begin_head(plain, queue, inflight);
    }
}

/* --- wait and reap --- */

/* What a worker could not do without waiting for a peer: a transfer that was no
 * file's, a splice one of whose sides was not ready. */
static bool must_be_ready(const struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;

    if (errand->result == -ESPIPE) {
        return is_transfer(loan);
    }
    return errand->result == -EAGAIN && loan->opcode == ENGINE_SPLICE &&
           !(loan->op_flags & SPLICE_F_NONBLOCK);
}

/* What the workers have done. */
static void collect(struct plain *plain)
{
    struct pirn_link ended;
    struct pirn_link *link;

    list_init(&ended);
    pirn__pool_collect(plain->pool, &ended);
    while ((link = list_pop_head(&ended)) != NULL) {
        struct errand *errand = errand_of(link);

        if (!errand->in_run && must_be_ready(errand)) {
            pirn__ready_begin(&plain->ready, errand);
        } else {
            pirn__run_end(errand, &plain->done);
        }
    }
}

/* Between two waits another loop sleeps until our epoll is readable: what the
 * pool ends meanwhile must ring. */
static void lie_down_for_another(struct plain *plain)
{
    if (!pirn__pool_lie_down(plain->pool)) {
        ring(plain);
    }
}

static int plain_wait(struct engine *engine, uint64_t timeout_ns)
{
    struct plain *plain = plain_of(engine);
    struct pirn_link *link;
    int r;

    pirn__pool_flush(plain->pool);
    if (!list_is_empty(&plain->done) ||
        (timeout_ns > 0 && !pirn__pool_lie_down(plain->pool))) {
        timeout_ns = 0;
    }
    r = pirn__ready_wait(&plain->ready, timeout_ns);
    if (timeout_ns > 0) {
        pirn__pool_get_up(plain->pool);
    }
    collect(plain);
    while ((link = list_pop_head(&plain->ready.due)) != NULL) {
        pirn__pool_push(plain->pool, errand_of(link));
    }
    pirn__pool_flush(plain->pool);
    if (plain->foreign) {
        lie_down_for_another(plain);
    }
    return r;
}

/* epoll has failed, which a sane process does not see. The errands keep the
 * places that they had; nobody will ask for them. */
static void plain_abandon(struct engine *engine, struct pirn_link *inflight)
{
    struct plain *plain = plain_of(engine);

    (void)inflight; /* everything is on it */
    pirn__pool_stop(plain->pool);
    pirn__ready_stop(&plain->ready, &plain->errands);
    list_init(&plain->done);
}

/* What a watching poll was told has been reaped. */
static void watch_on(struct plain *plain, struct errand *errand)
{
    errand->place = ERRAND_WATCHING;
    if (errand->loan->flags & LOAN_CANCELLING) {
        pirn__ready_end(&plain->ready, errand, -ECANCELED);
    }
}

/* The errand at the head of `done` as an event. */
static struct engine_event report(struct plain *plain, struct errand *errand)
{
    struct pirn_loan *loan = errand->loan;
    struct engine_event event = {
        .loan = loan,
        .result = errand->result,
        .buffer = (loan->flags & LOAN_SELECT) && errand->result > 0
                      ? errand->buffer
                      : ENGINE_NO_BUFFER,
        .more = loan->opcode == ENGINE_POLL && (loan->flags & LOAN_MULTISHOT) &&
                errand->result >= 0,
    };

    if (errand >= plain->refused && errand < plain->refused + ENGINE_RUN_MAX) {
        plain->refused_count--;
        return event;
    }
    if (event.more) {
        watch_on(plain, errand);
    } else {
        pirn__errand_put(&plain->errands, errand);
    }
    return event;
}

static void plain_give(struct engine *engine, uint16_t buffer)
{
    pirn__spares_give(&plain_of(engine)->spares, buffer);
}

static uint32_t plain_reap(struct engine *engine, struct engine_event *events,
                           uint32_t max)
{
    struct plain *plain = plain_of(engine);
    uint32_t count = 0;

    while (count < max && !list_is_empty(&plain->done)) {
        struct errand *errand = errand_of(list_pop_head(&plain->done));

        events[count++] = report(plain, errand);
    }
    return count;
}

static int plain_fd(struct engine *engine)
{
    struct plain *plain = plain_of(engine);

    plain->foreign = true;
    lie_down_for_another(plain);
    return plain->ready.epoll;
}

static void plain_wake(struct engine *engine)
{
    ring(plain_of(engine));
}

const struct engine_class pirn__engine_plain = {
    .name = "plain",
    .joins = plain_joins,
    .create = plain_create,
    .destroy = plain_destroy,
    .submit = plain_submit,
    .give = plain_give,
    .wait = plain_wait,
    .abandon = plain_abandon,
    .reap = plain_reap,
    .fd = plain_fd,
    .wake = plain_wake,
    .now_ns = pirn__host_now_ns,
    .realtime_ns = pirn__host_realtime_ns,
    .random = pirn__host_random,
    .identity = pirn__host_identity,
    .map = pirn__host_map,
    .unmap = pirn__host_unmap,
    .read_cached = pirn__host_read_cached,
};
