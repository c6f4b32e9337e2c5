/* SPDX-License-Identifier: MIT */
/*
 * uring.c - operations as io_uring submissions
 *
 * A loan's address is its submission's user data. Two values are no address:
 * the completion of a cancellation names nobody, since it may arrive after the
 * op's function has freed the op; and the doorbell is the engine's own.
 *
 * What the ring cannot do is done by a system call while submitting, and its
 * result reaped before the kernel's. What the kernel would leave to its workers
 * goes to threads (jobs.h) under the policy `pool`, and under `auto` where
 * several of it are one run; their results come next.
 */
#include <errno.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pirn/invariant.h"
#include "runtime/engine/call.h"
#include "runtime/engine/numbers.h"
#include "runtime/engine/run.h"
#include "runtime/engine/table.h"
#include "runtime/engine/uring.h"
#include "runtime/list.h"
#include "runtime/plant.h"

enum {
    USER_DATA_NONE = 0,
    USER_DATA_DOORBELL = 1,
};

enum {
    ABANDON_WAIT_NS = 10000000, /* a second in all, */
    ABANDON_TRIES = 100,        /* in small steps: the kernel may not wake us */
};

/* The kernel copies @how when the entry is submitted, not when it is filled. */
static void fill_open_how(struct uring *uring, struct io_uring_sqe *sqe,
                          const struct pirn_loan *loan)
{
    struct open_how *how = &uring->hows[sqe - uring->ring.sq.sqes];

    *how = (struct open_how){
        .flags = loan->op_flags,
        .mode = loan->len,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    sqe->len = sizeof(*how);
    sqe->off = (uintptr_t)how;
    sqe->rw_flags = 0;
}

static int number_of(const struct uring *uring, const struct pirn_loan *loan)
{
    if (loan->opcode == ENGINE_RAW) {
        return loan->extra;
    }
    if (loan->opcode == ENGINE_READ_MULTISHOT && !uring->reads_many) {
        return IORING_OP_READ; /* before 6.7; the context asks again */
    }
    return pirn__engine_rows[loan->opcode].uring;
}

/* The loan's address is that of the bytes last delivered. */
static void select_buffer(const struct uring *uring, struct io_uring_sqe *sqe)
{
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUFFER_GROUP;
    sqe->addr = 0;
    sqe->len = sqe->opcode == IORING_OP_READ ? uring->buffer_bytes : 0;
}

static void fill_flags(const struct uring *uring, struct io_uring_sqe *sqe,
                       const struct pirn_loan *loan)
{
    if (loan->flags & LOAN_LINKED) {
        sqe->flags |= IOSQE_IO_LINK;
    }
    if (loan->flags & LOAN_MULTISHOT) {
        sqe->ioprio = loan->extra;
    }
    if (loan->flags & LOAN_SELECT) {
        select_buffer(uring, sqe);
    }
}

static void fill(struct uring *uring, struct io_uring_sqe *sqe,
                 const struct pirn_loan *loan)
{
    *sqe = (struct io_uring_sqe){
        .opcode = (uint8_t)number_of(uring, loan),
        .fd = loan->fd,
        .off = loan->offset,
        .addr = loan->addr,
        .len = loan->len,
        .rw_flags = (int)loan->op_flags,
        .user_data = (uintptr_t)loan,
        .splice_fd_in = (int32_t)loan->arg,
    };
    if (loan->flags & (LOAN_LINKED | LOAN_MULTISHOT | LOAN_SELECT)) {
        fill_flags(uring, sqe, loan);
    }
    if (loan->opcode == ENGINE_OPEN_BENEATH) {
        fill_open_how(uring, sqe, loan);
    }
}

static void uring_give(struct engine *engine, uint16_t buffer)
{
    struct uring *uring = uring_of(engine);

    size_t at = (size_t)buffer * uring->buffer_bytes;

    io_uring_buf_ring_add(uring->buffers, uring->buffers_base + at,
                          uring->buffer_bytes, buffer,
                          io_uring_buf_ring_mask(uring->buffer_count), 0);
    io_uring_buf_ring_advance(uring->buffers, 1);
}

static void arm_doorbell(struct uring *uring)
{
    struct io_uring_sqe *sqe;

    if (uring->doorbell_armed) {
        return;
    }
    sqe = io_uring_get_sqe(&uring->ring);
    if (sqe != NULL) {
        io_uring_prep_read(sqe, uring->doorbell, &uring->rung,
                           sizeof(uring->rung), 0);
        sqe->user_data = USER_DATA_DOORBELL;
        uring->doorbell_armed = true;
    }
}

/* There is room, which io_uring_get_sqe() would look for each time. */
static struct io_uring_sqe *next_entry(struct uring *uring)
{
    struct io_uring_sq *sq = &uring->ring.sq;

    return &sq->sqes[sq->sqe_tail++ & sq->ring_mask];
}

/* It stays on its list, unless it is done in place. */
static void submit_one(struct uring *uring, struct pirn_loan *loan)
{
    pirn_check(loan->state == LOAN_QUEUED);

    loan->state = LOAN_INFLIGHT;
    if (uring->supported[loan->opcode]) {
        fill(uring, next_entry(uring), loan);
        return;
    }
    loan->result = pirn__engine_rows[loan->opcode].wait == ENGINE_READY
                       ? -EOPNOTSUPP
                       : pirn__call(loan);
    loan->flags |= LOAN_CANCELLING; /* too late: it is on a list of ours */
    list_unlink(&loan->link);
    list_push_tail(&uring->done, &loan->link);
}

/* @link's loan and those in one run with it, to the ring; as submit_one().
 * Return: what is behind them. */
static struct pirn_link *submit_run(struct uring *uring, struct pirn_link *link,
                                    unsigned run)
{
    while (run-- > 0) {
        struct pirn_link *next = link->next;

        submit_one(uring, pirn_container_of(link, struct pirn_loan, link));
        link = next;
    }
    return link;
}

static struct pirn_link *behind(struct pirn_link *link, unsigned run)
{
    while (run-- > 0) {
        link = link->next;
    }
    return link;
}

/* The same to the pool, where that takes it. */
static bool submit_job(struct uring *uring, struct pirn_link **link,
                       unsigned run)
{
    struct pirn_link *next;

    if (uring->jobs.pool == NULL) {
        return false;
    }
    next = behind(*link, run);
    if (!pirn__jobs_take(&uring->jobs, *link, &uring->done)) {
        return false;
    }
    *link = next;
    return true;
}

static void submit_queue(struct uring *uring, struct pirn_link *queue,
                         struct pirn_link *inflight)
{
    unsigned room = io_uring_sq_space_left(&uring->ring);
    struct pirn_link *link = queue->next;

    while (link != queue) {
        unsigned run = pirn__run_length(queue, link);

        if (room > 0 && room < run && pirn__planted("run-parted")) {
            run = room;
        }
        if (!submit_job(uring, &link, run)) {
            if (room < run) {
                break;
            }
            room -= run;
            link = submit_run(uring, link, run);
        }
        uring->engine.submitted += run;
    }
    list_splice_tail_until(inflight, queue, link);
}

/* A run is the pool's, or the ring's: by @is_job of all of its loans. */
static bool joins_as(bool (*is_job)(const struct pirn_loan *loan),
                     bool is_linked, const struct pirn_loan *before,
                     const struct pirn_loan *behind)
{
    bool is_first = is_job(before);

    return is_first == is_job(behind) && (is_first || is_linked);
}

static bool uring_joins(struct engine *engine, const struct pirn_loan *before,
                        const struct pirn_loan *behind)
{
    bool is_linked = pirn__engine_links(before, behind);

    switch (engine->files) {
    case PIRN_FILES_RING:
        return is_linked;
    case PIRN_FILES_POOL:
        return joins_as(pirn__run_is_job, is_linked, before, behind);
    case PIRN_FILES_AUTO:
        return joins_as(pirn__run_spares, is_linked, before, behind);
    }
    pirn_unreachable("no policy");
}

/* Return: whether there was room. */
static bool cancel(struct uring *uring, struct pirn_loan *loan)
{
    struct io_uring_sqe *sqe;

    if (pirn__jobs_cancel(&uring->jobs, loan)) {
        return true;
    }
    sqe = io_uring_get_sqe(&uring->ring);
    if (sqe != NULL) {
        io_uring_prep_cancel64(sqe, (uintptr_t)loan, 0);
        sqe->user_data = USER_DATA_NONE;
    }
    return sqe != NULL;
}

static void uring_submit(struct engine *engine, struct pirn_link *cancels,
                         struct pirn_link *queue, struct pirn_link *inflight)
{
    struct uring *uring = uring_of(engine);

    arm_doorbell(uring);
    while (!list_is_empty(cancels)) {
        struct pirn_link *link = cancels->next;

        if (!cancel(uring, pirn_container_of(link, struct pirn_loan, link))) {
            return;
        }
        list_unlink(link);
        list_push_tail(inflight, link);
    }
    submit_queue(uring, queue, inflight);
}

/* What has been noticed is about to be reaped. */
static void clear_notice(struct uring *uring)
{
    uint64_t count;

    if (uring->notice >= 0 && read(uring->notice, &count, sizeof(count)) < 0) {
        pirn_assert(errno == EAGAIN || errno == EINTR);
    }
}

/* Whether an enter that does not wait would change nothing: all is submitted,
 * no deferred work is there, no completion waits for room. */
static bool is_quiet(const struct uring *uring)
{
    unsigned flags = IO_URING_READ_ONCE(*uring->ring.sq.kflags);

    return uring->tells_work && !(flags & (SQ_TASKRUN | SQ_CQ_OVERFLOW)) &&
           io_uring_sq_ready(&uring->ring) == 0;
}

static int enter(struct uring *uring, uint64_t timeout_ns)
{
    int r;

    if (timeout_ns == 0 && is_quiet(uring)) {
        return 0;
    }
    /* Without the doorbell nobody could wake it. */
    if (timeout_ns == 0 || !list_is_empty(&uring->done) ||
        !uring->doorbell_armed) {
        r = pirn__enter(&uring->enter);
    } else {
        r = pirn__enter_and_wait(&uring->enter, timeout_ns);
    }
    /*
     * EBUSY: completions wait in the kernel's overflow list, reap first.
     * EAGAIN: no memory for a request now. All of these pass.
     */
    if (r == -ETIME || r == -EINTR || r == -EBUSY || r == -EAGAIN) {
        return 0;
    }
    return r < 0 ? r : 0;
}

static int uring_wait(struct engine *engine, uint64_t timeout_ns)
{
    struct uring *uring = uring_of(engine);
    int r;

    clear_notice(uring);
    pirn__jobs_flush(&uring->jobs);
    if (timeout_ns > 0 && !pirn__jobs_lie_down(&uring->jobs)) {
        timeout_ns = 0;
    }
    r = enter(uring, timeout_ns);
    pirn__jobs_collect(&uring->jobs);
    if (uring->notice >= 0 && !pirn__jobs_lie_down(&uring->jobs)) {
        pirn__uring_wake(uring); /* another loop sleeps, from now on */
    }
    return r;
}

/*
 * As the ring's end would, but before this returns (6.0; else at the end): all
 * are asked to end, then those that a worker runs are waited for, a second in
 * all. What still runs then is a call that cannot be interrupted.
 */
static void uring_abandon(struct engine *engine, struct pirn_link *inflight)
{
    struct uring *uring = uring_of(engine);
    struct io_uring_sync_cancel_reg cancel = {
        .flags = CANCEL_ALL | CANCEL_ANY,
        .timeout = {.tv_nsec = ABANDON_WAIT_NS},
    };
    int tries = ABANDON_TRIES;

    pirn__jobs_stop(&uring->jobs);
    (void)io_uring_register_sync_cancel(&uring->ring, &cancel);
    cancel.flags = 0;
    for (struct pirn_link *link = inflight->next; link != inflight;) {
        cancel.addr =
            (uintptr_t)pirn_container_of(link, struct pirn_loan, link);
        if (io_uring_register_sync_cancel(&uring->ring, &cancel) != -ETIME ||
            --tries <= 0) {
            link = link->next;
        }
    }
    list_splice_head(inflight, &uring->done);
    uring->abandoned = true;
}

static uint32_t reap_done(struct uring *uring, struct engine_event *events,
                          uint32_t max)
{
    uint32_t count = 0;

    while (count < max && !list_is_empty(&uring->done)) {
        struct pirn_loan *loan = pirn_container_of(list_pop_head(&uring->done),
                                                   struct pirn_loan, link);
        events[count++] = (struct engine_event){
            .loan = loan, .result = loan->result, .buffer = ENGINE_NO_BUFFER};
    }
    return count;
}

static uint16_t buffer_of(const struct io_uring_cqe *cqe)
{
    return cqe->flags & IORING_CQE_F_BUFFER
               ? (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT)
               : ENGINE_NO_BUFFER;
}

static uint32_t uring_reap(struct engine *engine, struct engine_event *events,
                           uint32_t max)
{
    struct uring *uring = uring_of(engine);
    uint32_t count = reap_done(uring, events, max);
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned seen = 0;

    if (uring->abandoned) {
        return 0;
    }
    count += pirn__jobs_reap(&uring->jobs, events + count, max - count);
    io_uring_for_each_cqe (&uring->ring, head, cqe) {
        if (count == max) {
            break;
        }
        seen++;
        if (cqe->user_data == USER_DATA_DOORBELL) {
            uring->doorbell_armed = false;
        } else if (cqe->user_data != USER_DATA_NONE) {
            events[count++] = (struct engine_event){
                .loan = (struct pirn_loan *)(uintptr_t)cqe->user_data,
                .result = cqe->res,
                .buffer = buffer_of(cqe),
                .more = (cqe->flags & IORING_CQE_F_MORE) != 0,
            };
        }
    }
    io_uring_cq_advance(&uring->ring, seen);
    return count;
}

/*
 * For a host that polls. The ring's own descriptor would not do: on a ring that
 * defers its work nobody who sleeps in poll(2) is woken by work that waits
 * (seen on 6.18). A registered eventfd is signalled in both cases.
 */
static int uring_fd(struct engine *engine)
{
    struct uring *uring = uring_of(engine);
    int fd = uring->notice;
    int r;

    if (fd >= 0) {
        return fd;
    }
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    r = io_uring_register_eventfd(&uring->ring, fd);
    if (r < 0) {
        close(fd);
        return r;
    }
    uring->notice = fd;
    return fd;
}

static void ring_bell(int fd)
{
    uint64_t one = 1;
    ssize_t n;

    do {
        n = write(fd, &one, sizeof(one));
    } while (n < 0 && errno == EINTR);
    pirn_assert(n == sizeof(one));
}

/* The host's descriptor is written to as well: the kernel does not always pass
 * the end of an eventfd's read on to another eventfd (seen on 6.18). */
void pirn__uring_wake(void *owner)
{
    struct uring *uring = owner;
    int notice = atomic_load(&uring->notice);

    ring_bell(uring->doorbell);
    if (notice >= 0) {
        ring_bell(notice);
    }
}

static void uring_wake(struct engine *engine)
{
    pirn__uring_wake(uring_of(engine));
}

const struct engine_class pirn__engine_uring = {
    .name = "uring",
    .joins = uring_joins,
    .create = pirn__uring_create,
    .destroy = pirn__uring_destroy,
    .submit = uring_submit,
    .give = uring_give,
    .wait = uring_wait,
    .abandon = uring_abandon,
    .reap = uring_reap,
    .fd = uring_fd,
    .wake = uring_wake,
    .now_ns = pirn__host_now_ns,
    .realtime_ns = pirn__host_realtime_ns,
    .random = pirn__host_random,
    .identity = pirn__host_identity,
    .map = pirn__host_map,
    .unmap = pirn__host_unmap,
    .read_cached = pirn__host_read_cached,
};
