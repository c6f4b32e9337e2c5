/* SPDX-License-Identifier: MIT */
/*
 * flight.h - the life of an operation in the model kernel
 *
 *   BEHIND --predecessor succeeded--> READY <--file changed-- WAITING
 *                            LATER --time--^ |                   ^
 *                                            +--cannot be now----+
 *                                            v
 *                     completion <--time-- CARRIED (or at once)
 */
#ifndef TESTS_SIM_MODEL_FLIGHT_H
#define TESTS_SIM_MODEL_FLIGHT_H

#include "tests/sim/model/ring.h"

/* What became of a cancellation. */
enum cancel_outcome {
    CANCEL_NOT_FOUND,
    CANCEL_FOUND,
    CANCEL_RUNNING,     /* in a worker, which goes on */
    CANCEL_INTERRUPTED, /* in a worker, which gives up with -EINTR */
    CANCEL_TOO_LATE,    /* it has had its effect */
};

/* Begin the operation, or linked run, at the head of @submissions; how many
 * there were in it. */
uint32_t flight_launch(struct ring *ring, const struct submission *submissions,
                       uint32_t count);

/* Ask for the end of the flight whose user data is @loan. */
void flight_cancel(struct ring *ring, const struct pirn_loan *loan);

/* Of ring.c, for flights: a completion; false: it has overflown, and a
 * multishot ends. */
bool ring_post(struct ring *ring, struct completion completion);
void ring_buffer_take(struct ring *ring);

#endif /* TESTS_SIM_MODEL_FLIGHT_H */
