/* SPDX-License-Identifier: MIT */
/* run.c - see engine/run.h */
#include "runtime/engine/run.h"

#include <errno.h>
#include <fcntl.h>

#include "pirn/invariant.h"
#include "runtime/engine/call.h"
#include "runtime/engine/table.h"
#include "runtime/list.h"

/* --- the context's thread --- */

static bool is_transfer(const struct pirn_loan *loan)
{
    return loan->opcode == ENGINE_READ || loan->opcode == ENGINE_WRITE ||
           loan->opcode == ENGINE_READV || loan->opcode == ENGINE_WRITEV;
}

/* Of a descriptor that is not there yet the worker will see. */
bool pirn__run_is_job(const struct pirn_loan *loan)
{
    if (pirn__engine_rows[loan->opcode].wait != ENGINE_FINITE ||
        loan->opcode == ENGINE_SPLICE) {
        return false;
    }
    return (!is_transfer(loan) && loan->opcode != ENGINE_CLOSE) ||
           loan_fd_place(loan) >= 0 || pirn__call_is_on_disk(loan->fd);
}

/* An open that may find a FIFO is the ring's, which waits for its other end. */
bool pirn__run_spares(const struct pirn_loan *loan)
{
    bool is_open =
        loan->opcode == ENGINE_OPEN || loan->opcode == ENGINE_OPEN_BENEATH;

    return pirn__run_is_job(loan) && pirn__engine_punts(loan) &&
           (!is_open || (loan->op_flags & O_EXCL));
}

bool pirn__run_joins(const struct pirn_loan *before,
                     const struct pirn_loan *behind)
{
    return pirn__run_is_job(before) && pirn__run_is_job(behind);
}

static void put_all(struct errands *errands, struct errand *first)
{
    while (first != NULL) {
        struct errand *errand = first;

        first = errand->behind;
        pirn__errand_put(errands, errand);
    }
}

/* Errands for the loan at @link and those in one run with it. */
static struct errand *take_all(struct errands *errands,
                               const struct pirn_link *link)
{
    struct errand *first = NULL;
    struct errand **place = &first;
    bool is_linked = true;

    for (; is_linked; link = link->next) {
        struct pirn_loan *loan =
            pirn_container_of(link, struct pirn_loan, link);
        struct errand *errand = pirn__errand_take(errands, loan);

        if (errand == NULL) {
            put_all(errands, first);
            return NULL;
        }
        is_linked = (loan->flags & LOAN_LINKED) != 0;
        errand->marks = loan->flags & (LOAN_ALWAYS | LOAN_UNDO);
        errand->in_run = is_linked || first != NULL;
        atomic_init(&errand->cancelled, false);
        *place = errand;
        place = &errand->behind;
    }
    return first;
}

struct errand *pirn__run_take(struct errands *errands, struct pirn_link *link)
{
    struct errand *first = take_all(errands, link);

    for (struct errand *errand = first; errand; errand = errand->behind) {
        pirn_check(errand->loan->state == LOAN_QUEUED);
        errand->loan->state = LOAN_INFLIGHT;
    }
    return first;
}

struct errand *pirn__run_begin(struct errands *errands, struct pirn_link *queue,
                               struct pirn_link *inflight)
{
    struct errand *first = pirn__run_take(errands, queue->next);

    for (struct errand *errand = first; errand; errand = errand->behind) {
        list_push_tail(inflight, list_pop_head(queue));
    }
    return first;
}

void pirn__run_cancel(struct errand *errand)
{
    pirn_assert(errand->in_run);

    atomic_store(&errand->cancelled, true);
}

void pirn__run_end(struct errand *first, struct pirn_link *done)
{
    for (struct errand *errand = first; errand; errand = errand->behind) {
        pirn__errand_end(errand, errand->result, done);
    }
}

/* --- the worker --- */

static int32_t result_at(const struct errand *errand, int place)
{
    while (place-- > 0) {
        errand = errand->behind;
    }
    return errand->result;
}

/* With its descriptor in place; -ECANCELED: it has none. */
static int32_t call_step(const struct errand *first,
                         const struct errand *errand,
                         int32_t (*call)(const struct pirn_loan *loan))
{
    const struct pirn_loan *loan = errand->loan;
    struct pirn_loan step = {
        .addr = loan->addr,
        .offset = loan->offset,
        .len = loan->len,
        .fd = loan->fd,
        .op_flags = loan->op_flags,
        .arg = loan->arg,
        .opcode = loan->opcode,
    };
    int place = loan_fd_place(loan);

    if (place >= 0) {
        step.fd = result_at(first, place);
    }
    return place >= 0 && step.fd < 0 ? -ECANCELED : call(&step);
}

static bool is_wanted(struct errand *errand, bool has_failed)
{
    if (errand->marks & LOAN_ALWAYS) {
        return true;
    }
    if (errand->marks & LOAN_UNDO) {
        return has_failed;
    }
    return !has_failed && !atomic_load(&errand->cancelled);
}

static bool is_doubtful(const struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;

    if (loan->opcode == ENGINE_OPEN || loan->opcode == ENGINE_OPEN_BENEATH) {
        return errand->result >= 0 && !pirn__call_is_on_disk(errand->result);
    }
    if (!pirn__engine_rows[loan->opcode].moves) {
        return false;
    }
    return errand->result == -EINTR ||
           (errand->result >= 0 &&
            (uint64_t)errand->result < pirn__call_bytes(loan));
}

void pirn__run_do(struct errand *first,
                  int32_t (*call)(const struct pirn_loan *loan))
{
    struct errand *errand = first;
    bool has_failed = false;
    bool in_doubt = false;

    if (!first->in_run) {
        first->result = call(first->loan);
        return;
    }
    for (; errand != NULL && !in_doubt; errand = errand->behind) {
        errand->result = is_wanted(errand, has_failed)
                             ? call_step(first, errand, call)
                             : -ECANCELED;
        has_failed = has_failed || (errand->result < 0 && errand->marks == 0);
        in_doubt = is_doubtful(errand);
    }
    for (; errand != NULL; errand = errand->behind) {
        errand->result = ENGINE_NOT_BEGUN;
    }
}
