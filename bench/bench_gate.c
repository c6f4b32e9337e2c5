/* SPDX-License-Identifier: MIT */
/*
 * bench_gate.c - gates that nobody else wants: entered and left, 64 in a turn
 *
 * Beside it the same loop with ops that do nothing, so that what is between
 * them is the gate.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/serials.h"
#include "bench/sides.h"

struct gates {
    struct pirn_context *context;
    pirn_op_fn *done;
    uint32_t left;
    struct visit {
        struct pirn_op op;
        struct pirn_gate gate;
        struct gates *gates;
    } visits[SERIAL_IDLE];
};

static void entered(struct pirn_op *op, int32_t result)
{
    struct visit *visit = pirn_container_of(op, struct visit, op);

    visit->gates->left--;
    pirn_gate_leave(&visit->gate, op, result);
}

static void passed(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct visit, op)->gates->left--;
}

static int open_with(pirn_op_fn *done, void **ret_state)
{
    struct gates *gates = calloc(1, sizeof(*gates));
    int r;

    if (gates == NULL) {
        return -ENOMEM;
    }
    r = pirn_context_create(NULL, &gates->context);
    if (r < 0) {
        free(gates);
        return r;
    }
    gates->done = done;
    for (unsigned i = 0; i < SERIAL_IDLE; i++) {
        struct visit *visit = &gates->visits[i];

        visit->gates = gates;
        pirn_gate_init(&visit->gate, gates->context);
        if (done == entered) {
            pirn_prep_gate_enter(&visit->op, &visit->gate, NULL);
        } else {
            pirn_prep_immediate(&visit->op);
        }
    }
    *ret_state = gates;
    return 0;
}

static int gate_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_with(entered, ret_state);
}

static int loop_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_with(passed, ret_state);
}

static int one_batch(void *state)
{
    struct gates *gates = state;
    int r = 0;

    gates->left = SERIAL_IDLE;
    for (unsigned i = 0; i < SERIAL_IDLE; i++) {
        pirn_start(gates->context, &gates->visits[i].op, gates->done);
    }
    while (gates->left > 0 && r >= 0) {
        r = pirn_context_turn(gates->context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static int gate_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, SERIAL_IDLE);
}

static void gate_close(void *state)
{
    struct gates *gates = state;

    for (unsigned i = 0; i < SERIAL_IDLE; i++) {
        pirn_gate_deinit(&gates->visits[i].gate);
    }
    gates->context = pirn_context_destroy(gates->context);
    free(gates);
}

const struct side bench_gate = {
    .name = "pirn",
    .open = gate_open,
    .round = gate_round,
    .close = gate_close,
};

const struct side bench_gate_loop = {
    .name = "loop",
    .open = loop_open,
    .round = gate_round,
    .close = gate_close,
};
