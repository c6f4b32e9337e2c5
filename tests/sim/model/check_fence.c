/* SPDX-License-Identifier: MIT */
/* check_fence.c - see check_fence.h */
#include "tests/sim/model/check_fence.h"

#include "pirn/invariant.h"
#include "tests/sim/model/check_spool.h"

void check_fence_begin(struct check_spool *check, uint32_t process)
{
    check->fences[process].begun++;
    check->fences[process].active++;
}

void check_fence_end(struct check_spool *check, uint32_t process)
{
    pirn_assert(check->fences[process].active > 0);
    check->fences[process].active--;
}

uint32_t check_fence_mark(const struct check_spool *check, uint32_t process)
{
    const struct check_fences *fences = &check->fences[process];

    return fences->begun - (fences->active > 0);
}

bool check_fence_may_lose(const struct check_spool *check, uint32_t process,
                          uint32_t mark)
{
    return check->fences[process].begun != mark;
}
