/* SPDX-License-Identifier: MIT */
/*
 * bench_serial.c - ops that have their turn
 *
 * There is one way to push: whether the serial is empty is its own business.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>

#include "bench/serials.h"
#include "bench/sides.h"

struct serials {
    struct pirn_context *context;
    uint32_t serial_count;
    uint32_t op_count; /* in a batch */
    struct pirn_serial serials[SERIAL_IDLE];
    _Alignas(64) struct pirn_op ops[SERIAL_DEEP];
};

static int open_some(uint32_t serial_count, uint32_t op_count, void **ret_state)
{
    struct serials *serials =
        aligned_alloc(_Alignof(struct serials), sizeof(*serials));
    int r;

    if (serials == NULL) {
        return -ENOMEM;
    }
    memset(serials, 0, sizeof(*serials));
    r = pirn_context_create(NULL, &serials->context);
    if (r < 0) {
        free(serials);
        return r;
    }
    serials->serial_count = serial_count;
    serials->op_count = op_count;
    for (uint32_t i = 0; i < serial_count; i++) {
        pirn_serial_init(&serials->serials[i], serials->context, NULL);
    }
    for (uint32_t i = 0; i < op_count; i++) {
        pirn_prep_immediate(&serials->ops[i]);
    }
    *ret_state = serials;
    return 0;
}

static int serial_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_some(SERIAL_IDLE, SERIAL_IDLE, ret_state);
}

static int lone_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_some(1, 1, ret_state);
}

static int deep_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_some(1, SERIAL_DEEP, ret_state);
}

/* The turn says how many have ended. */
static void op_done(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static int one_batch(void *state)
{
    struct serials *serials = state;
    int left = (int)serials->op_count;
    uint32_t at = 0;
    int r = 0;

    for (uint32_t i = 0; i < serials->op_count; i++) {
        pirn_serial_push(&serials->serials[at], &serials->ops[i], op_done);
        at = at + 1 == serials->serial_count ? 0 : at + 1;
    }
    for (; left > 0 && r >= 0; left -= r) {
        r = pirn_context_turn(serials->context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static int serial_round(void *state, struct round *round)
{
    struct serials *serials = state;

    return round_of_batches(round, one_batch, serials, serials->op_count);
}

static void serial_close(void *state)
{
    struct serials *serials = state;

    for (uint32_t i = 0; i < serials->serial_count; i++) {
        pirn_serial_deinit(&serials->serials[i]);
    }
    serials->context = pirn_context_destroy(serials->context);
    free(serials);
}

const struct side bench_serial = {
    .name = "pirn",
    .open = serial_open,
    .round = serial_round,
    .close = serial_close,
};

const struct side bench_serial_lone = {
    .name = "pirn",
    .open = lone_open,
    .round = serial_round,
    .close = serial_close,
};

const struct side bench_serial_deep = {
    .name = "pirn",
    .open = deep_open,
    .round = serial_round,
    .close = serial_close,
};
