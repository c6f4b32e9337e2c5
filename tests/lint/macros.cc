/* SPDX-License-Identifier: MIT */
/* macros.cc - what a header's macros become where somebody uses them in C++ */
#include <pirn/pirn.h>

namespace {

struct job {
    pirn_op op;
    pirn_request request;
    pirn_op *steps[1];
};

void begin(pirn_request *request)
{
    pirn_request_finish(request, 0);
}

const pirn_request_kind kind = {"job", begin, nullptr, nullptr};

void ended(pirn_op *op, int32_t result)
{
    job *self = pirn_container_of(op, job, op);

    pirn_assert(result >= 0);
    pirn_assert_rule(self->steps[0] == op, "a job has one step");
    pirn_prep_request(&self->request, &kind, nullptr);
    pirn_prep_close(&self->op, PIRN_FD_OF(0));
}

} // namespace

extern pirn_op_fn *const macros_used;
pirn_op_fn *const macros_used = ended;
