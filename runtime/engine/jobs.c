/* SPDX-License-Identifier: MIT */
/* jobs.c - see engine/jobs.h */
#include "runtime/engine/jobs.h"

#include <errno.h>

#include "pirn/invariant.h"
#include "runtime/engine/run.h"
#include "runtime/engine/table.h"
#include "runtime/list.h"

int pirn__jobs_init(struct jobs *jobs, const struct pool_config *config,
                    uint32_t reserve)
{
    int r = pirn__errands_init(&jobs->errands, reserve);

    if (r < 0) {
        return r;
    }
    list_init(&jobs->done);
    r = pirn__pool_create(config, &jobs->pool);
    if (r < 0) {
        pirn__errands_deinit(&jobs->errands);
    }
    return r;
}

void pirn__jobs_deinit(struct jobs *jobs)
{
    if (jobs->pool != NULL) {
        pirn_assert(list_is_empty(&jobs->done));
        pirn__pool_destroy(jobs->pool);
        pirn__errands_deinit(&jobs->errands);
    }
}

void pirn__jobs_stop(struct jobs *jobs)
{
    if (jobs->pool != NULL) {
        pirn__pool_stop(jobs->pool);
        list_init(&jobs->done);
    }
}

/* Too late to cancel: they are on no list of the context's. */
static void refuse(struct pirn_link *link, struct pirn_link *refused)
{
    int32_t result = -ENOMEM;
    bool is_linked = true;

    while (is_linked) {
        struct pirn_loan *loan =
            pirn_container_of(link, struct pirn_loan, link);
        struct pirn_link *next = link->next;

        is_linked = (loan->flags & LOAN_LINKED) != 0;
        loan->state = LOAN_INFLIGHT;
        loan->flags |= LOAN_CANCELLING;
        loan->result = result;
        list_unlink(link);
        list_push_tail(refused, link);
        result = ENGINE_NOT_BEGUN;
        link = next;
    }
}

/* What the kernel may do at once, out of its cache, is the ring's; in a run it
 * costs nothing more. Where only runs are jobs, the first of one tells. */
static bool is_wanted(const struct jobs *jobs, const struct pirn_loan *loan)
{
    bool is_linked = (loan->flags & LOAN_LINKED) != 0;

    if (jobs->runs_alone) {
        return is_linked && pirn__run_spares(loan);
    }
    return pirn__run_is_job(loan) && (is_linked || pirn__engine_punts(loan));
}

bool pirn__jobs_take(struct jobs *jobs, struct pirn_link *link,
                     struct pirn_link *refused)
{
    const struct pirn_loan *loan =
        pirn_container_of(link, struct pirn_loan, link);
    struct errand *errand;

    if (jobs->pool == NULL || !is_wanted(jobs, loan)) {
        return false;
    }
    errand = pirn__run_take(&jobs->errands, link);
    if (errand != NULL) {
        pirn__pool_push(jobs->pool, errand);
        return true;
    }
    if (!(loan->flags & LOAN_LINKED)) {
        return false;
    }
    refuse(link, refused);
    return true;
}

bool pirn__jobs_cancel(struct jobs *jobs, const struct pirn_loan *loan)
{
    struct errand *errand =
        jobs->pool ? pirn__errand_find(&jobs->errands, loan) : NULL;

    if (errand == NULL) {
        return false;
    }
    if (errand->place == ERRAND_POOLED) {
        if (errand->in_run) {
            pirn__run_cancel(errand);
        } else if (pirn__pool_cancel(jobs->pool, errand)) {
            pirn__errand_end(errand, -ECANCELED, &jobs->done);
        }
    }
    return true;
}

void pirn__jobs_flush(struct jobs *jobs)
{
    if (jobs->pool != NULL) {
        pirn__pool_flush(jobs->pool);
    }
}

bool pirn__jobs_lie_down(struct jobs *jobs)
{
    pirn__jobs_flush(jobs);
    return jobs->pool == NULL ||
           (list_is_empty(&jobs->done) && pirn__pool_lie_down(jobs->pool));
}

void pirn__jobs_collect(struct jobs *jobs)
{
    struct pirn_link ended;
    struct pirn_link *link;

    if (jobs->pool == NULL) {
        return;
    }
    list_init(&ended);
    pirn__pool_get_up(jobs->pool);
    pirn__pool_collect(jobs->pool, &ended);
    while ((link = list_pop_head(&ended)) != NULL) {
        pirn__run_end(errand_of(link), &jobs->done);
    }
}

uint32_t pirn__jobs_reap(struct jobs *jobs, struct engine_event *events,
                         uint32_t max)
{
    uint32_t count = 0;

    while (jobs->pool != NULL && count < max && !list_is_empty(&jobs->done)) {
        struct errand *errand = errand_of(list_pop_head(&jobs->done));

        events[count++] = (struct engine_event){.loan = errand->loan,
                                                .result = errand->result,
                                                .buffer = ENGINE_NO_BUFFER};
        pirn__errand_put(&jobs->errands, errand);
    }
    return count;
}
