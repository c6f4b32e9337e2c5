/* SPDX-License-Identifier: MIT */
/*
 * test_stream_random.c - streams that share few buffers, at random
 *
 * Three streams, on a kernel that does whatever a kernel may: it gives bytes in
 * any portions, runs out of buffers, ends a multishot for no reason, hears of a
 * cancellation late, sends less than it was asked to. Their user does whatever
 * a user may: takes less, pauses, resumes, sends, cancels, closes, from inside
 * and from outside, and frees a stream in its close's function. Some streams
 * have a buffer of their own, and some rings fail at the end.
 *
 * A model says what must come of it: each byte once and in order, nothing while
 * paused, no function outside a turn, one end behind all bytes; each send whole
 * or not at all; and when all is let go, all ends, and no buffer is missing.
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "runtime/context.h"
#include "tests/sim/bed.h"

enum {
    SLOTS = 3,
    ROUNDS = 400,
    STEPS = 300,
    SETTLED = 20000, /* steps after which what has not ended never will */
    BUFFER_BYTES = 16,
    SENDS = 200,
    SEND_MAX = 40,
};

struct sending {
    struct pirn_op op;
    struct slot *slot;
    uint32_t len;
    uint32_t on_wire;
};

struct slot {
    struct pirn_stream stream;
    struct pirn_op close, drain;
    struct pirn_stream_idle idle;
    struct sending sends[SENDS];
    uint8_t own[BUFFER_BYTES];
    uint8_t out[SENDS * (SEND_MAX + 1)]; /* each send's bytes are its number */
    uint32_t out_at;
    uint32_t send_count;
    uint32_t send_ended; /* beyond these none was told that it left */
    uint32_t wire_last;
    uint32_t peer_sent;
    uint32_t delivered; /* of these, by the kernel */
    uint32_t taken;     /* of these, by the user */
    int32_t end;        /* as the kernel said it */
    uint32_t index;
    bool peer_ended, end_told, paused, closing, aborted;
};

static struct world {
    struct pirn_context *context;
    struct script *kernel;
    struct slot *slots[SLOTS];
    uint32_t seed;
    bool in_turn;
    bool greedy; /* users take all, and close when told of the end */
    bool failed; /* the ring: what was on its way is lost */
    const char *wrong;
} world;

static uint32_t any(uint32_t below)
{
    world.seed = world.seed * 1664525u + 1013904223u;
    return (world.seed >> 8) % below;
}

static void must(bool is_so, const char *what)
{
    if (!is_so && world.wrong == NULL) {
        world.wrong = what;
    }
}

static uint8_t byte_at(const struct slot *slot, uint32_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) + slot->index);
}

/* --- the user --- */

static void closed(struct pirn_op *op, int32_t result)
{
    struct slot *slot = pirn_container_of(op, struct slot, close);

    must(world.in_turn && result == 0, "a close ends with 0, in a turn");
    must(pirn_op_is_idle(&slot->drain), "a drain ends before its close");
    must(pirn_op_is_idle(&slot->idle.op), "an idle wait, too");
    for (uint32_t i = 0; i < slot->send_count; i++) {
        must(pirn_op_is_idle(&slot->sends[i].op), "a send, too");
    }
    world.slots[slot->index] = NULL;
    free(slot);
}

static void close_slot(struct slot *slot)
{
    if (!slot->closing) {
        slot->closing = true;
        slot->aborted = any(2);
        pirn_prep_stream_close(&slot->close, &slot->stream,
                               slot->aborted ? PIRN_STREAM_ABORT
                                             : PIRN_STREAM_FLUSH);
        pirn_start(world.context, &slot->close, closed);
    }
}

static void sent(struct pirn_op *op, int32_t result)
{
    struct sending *sending = pirn_container_of(op, struct sending, op);
    struct slot *slot = sending->slot;
    uint32_t number = (uint32_t)(sending - slot->sends);

    must(world.in_turn, "a send ends in a turn");
    if (result > 0) {
        must((uint32_t)result == sending->len, "a send ends whole");
        must(sending->on_wire == sending->len, "and has left then");
        must(number >= slot->send_ended, "sends end in their order");
        slot->send_ended = number;
    } else if (result == -ECANCELED && !slot->closing) {
        must(sending->on_wire == 0, "a cancelled send has not begun");
    }
}

static void send_something(struct slot *slot)
{
    struct sending *sending = &slot->sends[slot->send_count];

    if (slot->send_count == SENDS || slot->closing) {
        return;
    }
    slot->out_at += any(4) == 0; /* else it is its neighbour's neighbour */
    sending->slot = slot;
    sending->len = 1 + any(SEND_MAX);
    memset(slot->out + slot->out_at, (int)slot->send_count, sending->len);
    pirn_prep_stream_send(&sending->op, &slot->stream, slot->out + slot->out_at,
                          sending->len);
    slot->out_at += sending->len;
    slot->send_count++;
    pirn_start(world.context, &sending->op, sent);
}

static uint32_t receive(struct pirn_stream *stream, const uint8_t *bytes,
                        int32_t result)
{
    struct slot *slot = pirn_container_of(stream, struct slot, stream);
    uint32_t took = result > 0 ? (uint32_t)result : 0;
    bool paused = false, resumed = false;

    must(world.in_turn, "receive is called in a turn");
    must(!slot->end_told, "not after the end");
    must(!slot->closing, "not after its close was started");
    if (result <= 0) {
        must(slot->end == result || world.failed, "the end is the kernel's");
        must(slot->taken == slot->delivered || world.failed,
             "behind all bytes");
        slot->end_told = true;
    } else {
        must(!slot->paused, "no bytes while it is paused");
        must(slot->taken + took <= slot->delivered, "bytes that came");
    }
    for (uint32_t i = 0; i < took; i++) {
        must(bytes[i] == byte_at(slot, slot->taken + i), "in their order");
    }
    if (!world.greedy) {
        took = any(2) ? took : any(took + 1);
        for (uint32_t i = any(3); i > 0; i--) {
            resumed = any(2);
            paused = !resumed;
            (resumed ? pirn_stream_resume : pirn_stream_pause)(stream);
        }
        for (uint32_t i = any(3); i > 0; i--) {
            send_something(slot);
        }
        if (any(60) == 0) {
            close_slot(slot);
        }
    }
    slot->taken += took;
    slot->paused = paused || (took < (uint32_t)result && !resumed);
    return took;
}

static void noted(struct pirn_op *op, int32_t result)
{
    (void)op;
    must(world.in_turn, "a wait ends in a turn");
    must(result <= 0, "with 0 or an error");
}

static void user_waits(struct slot *slot)
{
    if (!slot->closing && any(2) && pirn_op_is_idle(&slot->drain)) {
        pirn_prep_stream_drain(&slot->drain, &slot->stream, any(50));
        pirn_start(world.context, &slot->drain, noted);
    } else if (!slot->closing && pirn_op_is_idle(&slot->idle.op)) {
        pirn_prep_stream_idle(&slot->idle, &slot->stream, 1 + any(1000));
        pirn_start(world.context, &slot->idle.op, noted);
    } else {
        pirn_cancel(world.context, any(2) ? &slot->drain : &slot->idle.op);
    }
}

static void open_slot(uint32_t index)
{
    struct slot *slot = calloc(1, sizeof(*slot));

    slot->index = index;
    slot->paused = true;
    if (any(4) == 0) {
        pirn_stream_init(&slot->stream, world.context, 7, slot->own,
                         BUFFER_BYTES, receive);
    } else {
        pirn_stream_init(&slot->stream, world.context, 7, NULL, 0, receive);
    }
    world.slots[index] = slot;
}

static void user_acts(struct slot *slot)
{
    switch (any(12)) {
    case 0:
    case 1:
    case 2:
        slot->paused = false;
        pirn_stream_resume(&slot->stream);
        break;
    case 3:
        slot->paused = true;
        pirn_stream_pause(&slot->stream);
        break;
    case 4:
    case 5:
        send_something(slot);
        break;
    case 6:
        if (slot->send_count > 0) {
            pirn_cancel(world.context, &slot->sends[any(slot->send_count)].op);
        }
        break;
    case 7:
        user_waits(slot);
        break;
    case 8:
        if (any(20) == 0) {
            close_slot(slot);
        } else if (slot->closing && any(10) == 0) {
            slot->aborted = true;
            pirn_cancel(world.context, &slot->close);
        }
        break;
    default: /* nothing: often the kernel is faster */
        break;
    }
}

/* --- the peer and the kernel --- */

static void peer_acts(struct slot *slot)
{
    if (!slot->peer_ended && !world.greedy) {
        slot->peer_sent += any(60);
        slot->peer_ended = any(100) == 0;
    }
}

/* The next bytes that the peer has sent; 0: there are none now. */
static uint32_t kernel_takes(struct slot *slot, uint8_t bytes[BUFFER_BYTES])
{
    uint32_t left = slot->peer_sent - slot->delivered;
    uint32_t len =
        left > 0 ? 1 + any(left < BUFFER_BYTES ? left : BUFFER_BYTES) : 0;

    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = byte_at(slot, slot->delivered + i);
    }
    slot->delivered += len;
    return len;
}

static const int32_t passing[] = {-EINTR, -ECANCELED};

static void kernel_delivers(struct slot *slot)
{
    struct pirn_multishot *shot = &slot->stream.priv.shot;
    uint8_t bytes[BUFFER_BYTES];
    uint32_t len;

    if (any((shot->priv.flags & LOAN_CANCELLING) ? 2 : 12) == 0) {
        script_deliver(world.kernel, shot, passing[any(2)], PIRN_LAST);
    } else if (script_buffer_count(world.kernel) == 0) {
        if (slot->peer_sent > slot->delivered || any(3) == 0) {
            script_deliver(world.kernel, shot, -ENOBUFS, PIRN_LAST);
        }
    } else if ((len = kernel_takes(slot, bytes)) > 0) {
        script_deliver_bytes(world.kernel, shot, bytes, len,
                             any(6) ? PIRN_MORE : PIRN_LAST);
    } else if (slot->peer_ended) {
        slot->end = any(4) ? 0 : -ECONNRESET;
        script_deliver(world.kernel, shot, slot->end, PIRN_LAST);
    }
}

static void kernel_receives(struct slot *slot)
{
    struct pirn_op *op = &slot->stream.priv.recv;
    uint32_t len;

    if (!script_has(world.kernel, op)) {
        return;
    }
    if (op->priv.flags & LOAN_MULTISHOT) {
        kernel_delivers(slot);
    } else if (any((op->priv.flags & LOAN_CANCELLING) ? 2 : 12) == 0) {
        script_complete(world.kernel, op, passing[any(2)]);
    } else if ((len = kernel_takes(slot, slot->own)) > 0) {
        script_complete(world.kernel, op, (int32_t)len);
    } else if (slot->peer_ended) {
        slot->end = any(4) ? 0 : -ECONNRESET;
        script_complete(world.kernel, op, slot->end);
    }
}

/* @bytes of what was asked leave. */
static void put_on_wire(struct slot *slot, uint32_t bytes)
{
    const struct msghdr *message = &slot->stream.priv.message;

    for (size_t i = 0; i < message->msg_iovlen && bytes > 0; i++) {
        const uint8_t *at = message->msg_iov[i].iov_base;

        for (size_t k = 0; k < message->msg_iov[i].iov_len && bytes > 0; k++) {
            must(at[k] >= slot->wire_last, "bytes leave in their order");
            slot->wire_last = at[k];
            slot->sends[at[k]].on_wire++;
            bytes--;
        }
    }
    must(bytes == 0, "the pieces are those that were counted");
}

static int32_t kernel_sends(struct slot *slot)
{
    const struct msghdr *message = &slot->stream.priv.message;
    uint32_t asked = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        asked += (uint32_t)message->msg_iov[i].iov_len;
    }
    asked = any(2) ? asked : 1 + any(asked);
    put_on_wire(slot, asked);
    return (int32_t)asked;
}

static void kernel_leaves(struct slot *slot)
{
    struct pirn_op *op = &slot->stream.priv.send;
    int32_t result = 0;

    if (!script_has(world.kernel, op)) {
        return;
    }
    if (op->priv.opcode == ENGINE_SENDMSG) {
        bool is_cancelled = op->priv.flags & LOAN_CANCELLING;

        result = any(is_cancelled ? 2 : 10) == 0 ? -ECANCELED
                 : any(300) == 0                 ? -EPIPE
                                                 : kernel_sends(slot);
    } else if (op->priv.opcode == ENGINE_SHUTDOWN && any(6) == 0) {
        result = -ENOTCONN;
    }
    script_complete(world.kernel, op, result);
}

/* --- the round --- */

static void turn(void)
{
    script_set_room(world.kernel, 1 + any(6));
    script_pass(world.kernel, any(200));
    world.in_turn = true;
    assert_true(pirn_context_turn(world.context, 0) >= 0 || world.failed);
    world.in_turn = false;
    if (world.wrong != NULL) {
        fail_msg("%s", world.wrong);
    }
}

static void step(bool acts)
{
    struct slot *slot = world.slots[any(SLOTS)];

    if (slot != NULL) {
        if (acts) {
            user_acts(slot);
            peer_acts(slot);
        }
        if (any(2)) {
            kernel_receives(slot);
        }
        if (any(2)) {
            kernel_leaves(slot);
        }
    }
    if (any(3) == 0) {
        turn();
    }
}

static bool is_settled(void)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (world.slots[i] != NULL) {
            return false;
        }
    }
    return true;
}

/* The peer ends, but an abort does not wait for that; the user takes what
 * comes, and closes behind the end. */
static void bring_to_an_end(struct slot *slot)
{
    slot->peer_ended |= !slot->aborted;
    if (!slot->closing) {
        slot->paused = false;
        pirn_stream_resume(&slot->stream);
    }
    if (slot->end_told) {
        must(slot->taken == slot->peer_sent || world.failed, "no byte is lost");
        close_slot(slot);
    }
}

static void settle(void)
{
    uint32_t steps = 0;

    world.greedy = true;
    if (any(4) == 0) {
        world.failed = true;
        script_fail(world.kernel, -EIO);
    }
    for (; !is_settled() && steps < SETTLED; steps++) {
        for (uint32_t i = 0; i < SLOTS; i++) {
            if (world.slots[i] != NULL) {
                bring_to_an_end(world.slots[i]);
            }
        }
        step(false);
    }
    assert_true(steps < SETTLED);
}

static void play(void)
{
    static const uint32_t budgets[] = {1, 3, 256};
    const struct script_config config = {
        .turn_budget = budgets[any(3)],
        .buffer_count = 1u << any(4),
        .buffer_bytes = BUFFER_BYTES,
    };

    world.context = script_context_create(&config, &world.kernel);
    script_set_deaf(world.kernel, true); /* the kernel above hears late */
    world.greedy = false;
    world.failed = false;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t index = any(SLOTS);

        if (world.slots[index] == NULL) {
            open_slot(index);
        }
        step(true);
    }
    settle();
    turn();
    assert_int_equal(pirn_context_loaned(world.context), 0);
    if (!world.failed) {
        assert_int_equal(script_buffer_count(world.kernel),
                         config.buffer_count);
    }
    pirn_context_destroy(world.context);
}

static void whatever_happens_bytes_keep_their_order_and_all_ends(void **state)
{
    const char *given = getenv("PIRN_SEED");

    (void)state;
    world.seed = given ? (uint32_t)strtoul(given, NULL, 0) : 0x7069726e;
    for (int i = 0; i < ROUNDS; i++) {
        print_message("PIRN_SEED=0x%x\n", world.seed);
        play();
    }
}

TEST_MAIN(
    cmocka_unit_test(whatever_happens_bytes_keep_their_order_and_all_ends))
