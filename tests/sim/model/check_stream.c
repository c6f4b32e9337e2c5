/* SPDX-License-Identifier: MIT */
/* check_stream.c - see check_stream.h */
#include "tests/sim/model/check_stream.h"

#include <errno.h>

#include "pirn/invariant.h"

static uint8_t byte_of(uint32_t number, uint32_t at)
{
    uint32_t wide = at < CHECK_MESSAGE_MIN ? number >> 8 * at
                                           : number * 131 + at * 7 + (at >> 8);

    return (uint8_t)wide;
}

uint32_t check_stream_begin(struct check_stream *check, uint8_t *bytes,
                            uint32_t len)
{
    uint32_t number = check->begun++;

    pirn_assert(number < CHECK_MESSAGES);
    pirn_assert(len >= CHECK_MESSAGE_MIN && len <= CHECK_MESSAGE_MAX);
    check->sent[number] = CHECK_SENDING;
    check->bytes[number] = len;
    for (uint32_t at = 0; at < len; at++) {
        bytes[at] = byte_of(number, at);
    }
    return number;
}

/* Those before it have ended: cancelled, failed or sent. */
static void check_order(struct check_stream *check, uint32_t number)
{
    for (uint32_t before = 0; before < number; before++) {
        if (check->sent[before] == CHECK_SENDING) {
            world_fail(check->world,
                       "%s: message %u is sent, and %u before it is not",
                       check->name, number, before);
        }
    }
}

void check_stream_end(struct check_stream *check, uint32_t number,
                      int32_t result)
{
    if (check->sent[number] != CHECK_SENDING) {
        world_fail(check->world, "%s: the send of message %u has ended twice",
                   check->name, number);
        return;
    }
    check->sent[number] = CHECK_NOT_SENT;
    if (result < 0) {
        return;
    }
    check->sent[number] = CHECK_SENT;
    if ((uint32_t)result != check->bytes[number]) {
        world_fail(check->world, "%s: message %u has %u bytes, and %d are sent",
                   check->name, number, check->bytes[number], result);
    }
    check_order(check, number);
    if (number < check->passed && !check->received[number]) {
        world_fail(check->world,
                   "%s: message %u is told to be sent, and was passed over",
                   check->name, number);
    }
}

/* Its header is whole: the next after the last, or behind some that failed. */
static void begin_message(struct check_stream *check)
{
    check->number =
        (uint32_t)check->header[0] | (uint32_t)check->header[1] << 8 |
        (uint32_t)check->header[2] << 16 | (uint32_t)check->header[3] << 24;
    if (check->number < check->passed || check->number >= check->begun) {
        world_fail(check->world, "%s: message %u comes, %u to %u could",
                   check->name, check->number, check->passed, check->begun);
        check->number = check->passed;
        return;
    }
    for (uint32_t i = check->passed; i < check->number; i++) {
        if (check->sent[i] == CHECK_SENT) {
            world_fail(check->world, "%s: message %u was sent, and %u comes",
                       check->name, i, check->number);
        }
    }
    check->passed = check->number;
}

static void take_byte(struct check_stream *check, uint8_t byte)
{
    uint32_t at = check->at++;

    if (at < CHECK_MESSAGE_MIN) {
        check->header[at] = byte;
        if (at + 1 < CHECK_MESSAGE_MIN) {
            return;
        }
        begin_message(check);
    } else if (byte != byte_of(check->number, at)) {
        world_fail(check->world, "%s: byte %u of message %u is another's",
                   check->name, at, check->number);
    }
    if (!check->world->failed && check->at == check->bytes[check->number]) {
        check->received[check->number] = true;
        check->passed = check->number + 1;
        check->at = 0;
    }
}

void check_stream_received(struct check_stream *check, const uint8_t *bytes,
                           uint32_t len)
{
    for (uint32_t i = 0; i < len && !check->world->failed; i++) {
        take_byte(check, bytes[i]);
    }
}

void check_stream_finished(struct check_stream *check)
{
    for (uint32_t i = 0; i < check->begun; i++) {
        if (check->sent[i] == CHECK_SENT && !check->received[i]) {
            world_fail(check->world,
                       "%s: message %u was sent, and the end came before it",
                       check->name, i);
        }
    }
}
