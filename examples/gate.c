/* SPDX-License-Identifier: MIT */
/* gate.c - 20 requests, 4 at once; who finds the credential used renews it */
#include <stdio.h>

#include <pirn/pirn.h>

static struct pirn_op requests[20], enters[20];
static struct pirn_serial_slot slots[4];
static struct pirn_serial serial;
static struct pirn_gate gate;
static struct pirn_context *context;
static int uses_left, renewals, answers;
static pirn_op_fn entered;

static void answered(struct pirn_op *op, int32_t result)
{
    if (uses_left == 0) {
        pirn_start(context, &enters[op - requests], entered);
        return;
    }
    uses_left--;
    answers += result == 0;
}

static void renewed(struct pirn_op *op, int32_t result)
{
    uses_left = 8;
    renewals++;
    pirn_serial_push_as(&serial, op, PIRN_SERIAL_FRONT, answered);
    pirn_gate_leave(&gate, &enters[op - requests], result);
}

static void entered(struct pirn_op *op, int32_t result)
{
    struct pirn_op *request = &requests[op - enters];

    if (result == 0) { /* this one, with what stands for a renewal */
        pirn_start(context, request, renewed);
    } else if (result == PIRN_GATE_OPENED && pirn_gate_outcome(op) == 0) {
        pirn_serial_push_as(&serial, request, PIRN_SERIAL_FRONT, answered);
    }
}

int main(void)
{
    struct pirn_serial_config four = {.slots = slots, .slot_count = 4};
    int r = pirn_context_create(NULL, &context);

    pirn_gate_init(&gate, context);
    pirn_serial_init(&serial, context, &four);
    for (int i = 0; i < 20 && r == 0; i++) {
        pirn_prep_timer(&requests[i], 1000000); /* takes its time */
        pirn_prep_gate_enter(&enters[i], &gate, NULL);
        pirn_serial_push(&serial, &requests[i], answered);
    }
    r = r < 0 ? r : pirn_context_drain(context);
    pirn_context_destroy(context);
    return r < 0 || printf("%d answers, %d renewals\n", answers, renewals) < 0;
}
