/* SPDX-License-Identifier: MIT */
/*
 * check_stream.h - what one side sent is what the other received, in order
 *
 * One for each direction of a connection. What is sent is a sequence of
 * messages: their number, then bytes that follow from it. The receiver takes
 * the stream apart again:
 *
 *   numbers only grow; the bytes of a message are its own, all of them
 *   a message that was passed over was never told to have been sent
 *   sends end in the order in which they were started (a cancelled one sooner)
 *   after an orderly end all that was told to have been sent has come
 */
#ifndef TESTS_SIM_MODEL_CHECK_STREAM_H
#define TESTS_SIM_MODEL_CHECK_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/model/world.h"

enum { CHECK_MESSAGES = 64, CHECK_MESSAGE_MIN = 4, CHECK_MESSAGE_MAX = 4096 };

enum check_sent {
    CHECK_NOT_SENT, /* nobody tried, or it failed */
    CHECK_SENDING,
    CHECK_SENT,
};

struct check_stream {
    struct world *world;
    const char *name;
    uint8_t sent[CHECK_MESSAGES];
    uint32_t bytes[CHECK_MESSAGES];
    bool received[CHECK_MESSAGES];
    uint32_t begun;  /* messages */
    uint32_t number; /* of the message that comes */
    uint32_t at;     /* bytes of it that came */
    uint32_t passed; /* numbers below have come, or will not come */
    uint8_t header[CHECK_MESSAGE_MIN];
};

/* The next message of @len bytes, written to @bytes; its number. */
uint32_t check_stream_begin(struct check_stream *check, uint8_t *bytes,
                            uint32_t len);

/* Its send has ended. */
void check_stream_end(struct check_stream *check, uint32_t number,
                      int32_t result);

void check_stream_received(struct check_stream *check, const uint8_t *bytes,
                           uint32_t len);

/* The receiver was told that the peer has ended, and of no error. */
void check_stream_finished(struct check_stream *check);

#endif /* TESTS_SIM_MODEL_CHECK_STREAM_H */
