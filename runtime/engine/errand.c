/* SPDX-License-Identifier: MIT */
/* errand.c - see engine/errand.h */
#include "runtime/engine/errand.h"

#include <errno.h>

#include "pirn/invariant.h"
#include "runtime/engine/engine.h"
#include "runtime/list.h"

/* One more, on the free list. */
static int grow(struct errands *errands)
{
    struct errand *errand = pirn__pages_reach(&errands->pages, errands->count);

    if (errand == NULL) {
        return -ENOMEM;
    }
    errand->index = errands->count++;
    list_push_tail(&errands->free, &errand->link);
    return 0;
}

int pirn__errands_init(struct errands *errands, uint32_t reserve)
{
    int r = 0;

    *errands = (struct errands){.pages = {sizeof(struct errand), NULL, 0}};
    list_init(&errands->free);
    while (r == 0 && errands->count < reserve) {
        r = grow(errands);
    }
    if (r < 0) {
        pirn__errands_deinit(errands);
    }
    return r;
}

void pirn__errands_deinit(struct errands *errands)
{
    pirn__pages_deinit(&errands->pages);
}

struct errand *pirn__errand_take(struct errands *errands,
                                 struct pirn_loan *loan)
{
    struct errand *errand;

    if (list_is_empty(&errands->free) && grow(errands) < 0) {
        return NULL;
    }
    errand = errand_of(list_pop_head(&errands->free));
    pirn_assert(errand->loan == NULL);
    errand->loan = loan;
    errand->moved = 0;
    errand->begun = false;
    errand->result = ENGINE_NOT_BEGUN;
    errand->in_run = false;
    errand->behind = NULL;
    loan->result = (int32_t)errand->index;
    return errand;
}

struct errand *pirn__errand_find(const struct errands *errands,
                                 const struct pirn_loan *loan)
{
    struct errand *errand =
        pirn__pages_at(&errands->pages, (uint32_t)loan->result);

    return errand != NULL && errand->loan == loan ? errand : NULL;
}

void pirn__errand_put(struct errands *errands, struct errand *errand)
{
    pirn_assert(errand->loan != NULL);
    pirn_check(!list_is_linked(&errand->link));

    errand->loan = NULL;
    errand->place = ERRAND_NONE;
    list_push_tail(&errands->free, &errand->link);
}

void pirn__errand_end(struct errand *errand, int32_t result,
                      struct pirn_link *done)
{
    pirn_check(errand->place != ERRAND_DONE);

    errand->place = ERRAND_DONE;
    errand->result =
        result < 0 && errand->moved > 0 ? (int32_t)errand->moved : result;
    list_push_tail(done, &errand->link);
}
