/* SPDX-License-Identifier: MIT */
/* client.c - who is first logs in by his question; all talk in their turn */
#include "client.h"

static void answered(struct pirn_op *op, int32_t result)
{
    struct question *q = pirn_container_of(op, struct question, talk.op);

    pirn_request_finish(&q->request, result);
}

static void entered(struct pirn_op *op, int32_t result)
{
    struct question *q = pirn_container_of(op, struct question, enter);

    q->holds = result == 0 && q->client->logins == 0;
    result = result > 0 ? pirn_gate_outcome(op) : result;
    if (result < 0) {
        pirn_request_finish(&q->request, result);
        return;
    }
    q->steps[0] = &q->parts[0];
    q->steps[1] = &q->parts[1];
    pirn_prep_write(q->steps[0], q->client->out, q->text, 2, 0);
    pirn_prep_read(q->steps[1], q->client->in, q->answer, 2, 0);
    pirn_prep_chain(&q->talk, q->steps, 2);
    pirn_serial_push(&q->client->turns, &q->talk.op, answered);
}

static void begin(struct pirn_request *request)
{
    struct question *q = pirn_container_of(request, struct question, request);

    pirn_request_set_deadline(request, q->deadline_ns);
    (q->client->logins > 0 ? pirn_prep_gate_wait : pirn_prep_gate_enter)(
        &q->enter, &q->client->login, NULL);
    pirn_start(q->client->context, &q->enter, entered);
}

static void cancel(struct pirn_request *request)
{
    struct question *q = pirn_container_of(request, struct question, request);

    pirn_cancel(q->client->context, &q->enter); /* who talks is answered */
}

static void cleanup(struct pirn_request *request)
{
    struct question *q = pirn_container_of(request, struct question, request);

    if (q->holds) {
        q->client->logins += pirn_op_result(&q->talk.op) == 0;
        pirn_gate_leave(&q->client->login, &q->enter,
                        pirn_op_result(&q->talk.op));
    }
}

const struct pirn_request_kind client_ask = {"ask", begin, cancel, cleanup};
