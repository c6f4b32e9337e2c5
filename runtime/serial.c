/* SPDX-License-Identifier: MIT */
/*
 * serial.c - see pirn/serial.h
 *
 * Who runs has a slot, which is its owner (struct pirn_owner): so its end comes
 * here, where its function is called and the next one begun. Who waits is on a
 * list linked through the ops. Invariant, whenever nobody is in here:
 *
 *   there is a hindrance, or no slot is free, or nobody waits, or who waits
 *   longest is to be alone and is not
 *
 * so who ends a turn, or takes a hindrance away, goes on; nobody else need. A
 * push that finds nobody waiting and nothing in its way begins at once.
 *
 * A waiting op must know its serial, for its cancellation is O(1) and the
 * counts are exact. Its link and its function leave it 4 bytes that no
 * preparation fills, those of its result. But an address has 48 bits, unless a
 * program asks Linux for more: the 16 bits that the function leaves and the 32
 * of the result are the serial's.
 *
 *   op->then.waiting   63..48  serial, bits 47..32    op->priv.result  serial,
 *                      47..0   function                                31..0
 */
#include "pirn/serial.h"

#include <errno.h>

#include "pirn/invariant.h"
#include "pirn/task.h"
#include "runtime/context.h"
#include "runtime/list.h"
#include "runtime/trace.h"

enum { ADDRESS_BITS = 48 };

/* Why nothing may begin, although a slot is free. */
enum hindrance {
    STOPPED = 1,
    CLOSING = 2, /* for good */
    CALLING = 4, /* the function of who ran is not finished */
    ALONE = 8,   /* who runs wants to */
};

static struct pirn_op *op_at(struct pirn_link *link)
{
    return pirn_container_of(link, struct pirn_op, priv.link);
}

static void trace(const struct pirn_serial *serial, const struct pirn_op *op,
                  enum pirn_serial_event event)
{
    trace_serial(serial->priv.context, serial, op, event);
    if (serial->priv.trace != NULL) {
        serial->priv.trace(serial, op, event);
    }
}

/* --- what a waiting op knows --- */

static void remember(struct pirn_op *op, const struct pirn_serial *serial,
                     pirn_op_fn *fn)
{
    uint64_t address = (uintptr_t)serial;

    pirn_assert_rule((uintptr_t)fn >> ADDRESS_BITS == 0,
                     "functions have addresses of 48 bits");

    op->then.waiting = (uintptr_t)fn | (address >> 32 << ADDRESS_BITS);
    op->priv.result = (int32_t)(uint32_t)address;
}

static pirn_op_fn *fn_of(const struct pirn_op *op)
{
    uint64_t mask = (UINT64_C(1) << ADDRESS_BITS) - 1;

    return (pirn_op_fn *)(uintptr_t)(op->then.waiting & mask);
}

static struct pirn_serial *serial_of(const struct pirn_op *op)
{
    uint64_t address =
        op->then.waiting >> ADDRESS_BITS << 32 | (uint32_t)op->priv.result;

    return (struct pirn_serial *)(uintptr_t)address;
}

/* --- turns --- */

static void op_ended(struct pirn_owner *owner, struct pirn_op *op);

static void slot_init(struct pirn_serial *serial, struct pirn_serial_slot *slot)
{
    slot->priv.owner.ended = op_ended;
    slot->priv.serial = serial;
    slot->priv.op = NULL;
    slot->priv.then.next_free = serial->priv.free;
    serial->priv.free = slot;
}

static struct pirn_serial_slot *take_slot(struct pirn_serial *serial,
                                          struct pirn_op *op, pirn_op_fn *fn)
{
    struct pirn_serial_slot *slot = serial->priv.free;

    serial->priv.free = slot->priv.then.next_free;
    serial->priv.running_count++;
    slot->priv.op = op;
    slot->priv.since_ns = pirn__context_recent_ns(serial->priv.context);
    slot->priv.then.fn = fn;
    trace(serial, op, PIRN_SERIAL_BEGINS);
    return slot;
}

static void put_slot(struct pirn_serial *serial, struct pirn_serial_slot *slot)
{
    serial->priv.running_count--;
    slot->priv.op = NULL;
    slot->priv.then.next_free = serial->priv.free;
    serial->priv.free = slot;
}

static bool has_turn(const struct pirn_serial *serial)
{
    return serial->priv.hindrances == 0 && serial->priv.free != NULL;
}

/* Begin whom nothing is in the way of. What an op's begin does to the serial is
 * seen, because all is looked at anew for each. */
static void advance(struct pirn_serial *serial)
{
    while (has_turn(serial) && !list_is_empty(&serial->priv.waiting)) {
        struct pirn_op *op = op_at(serial->priv.waiting.next);
        bool alone = op->priv.state == LOAN_WAITING_ALONE;
        struct pirn_serial_slot *slot;

        if (alone && serial->priv.running_count > 0) {
            return;
        }
        list_unlink(&op->priv.link);
        serial->priv.waiting_count--;
        slot = take_slot(serial, op, fn_of(op));
        serial->priv.hindrances |= alone ? ALONE : 0;
        pirn__context_begin_held(serial->priv.context, op, &slot->priv.owner);
    }
}

static void finish_idlers(struct pirn_serial *serial, int32_t result)
{
    while (!list_is_empty(&serial->priv.idlers)) {
        pirn_task_finish(serial->priv.context, op_at(serial->priv.idlers.next),
                         result);
    }
}

/* Something has ended. What is seen while a function is called holds only when
 * that has returned: it may put its op back. */
static inline void go_on(struct pirn_serial *serial)
{
    if (serial->priv.hindrances & CALLING) {
        return;
    }
    if (!list_is_empty(&serial->priv.waiting)) {
        advance(serial);
    } else if (!list_is_empty(&serial->priv.idlers) &&
               serial->priv.running_count == 0) {
        finish_idlers(serial, 0);
    }
}

static void op_ended(struct pirn_owner *owner, struct pirn_op *op)
{
    struct pirn_serial_slot *slot =
        pirn_container_of(owner, struct pirn_serial_slot, priv.owner);
    struct pirn_serial *serial = slot->priv.serial;
    pirn_op_fn *fn = slot->priv.then.fn;
    int32_t result = op->priv.result;
    bool gone = false;

    pirn_assert(slot->priv.op == op);
    put_slot(serial, slot);
    serial->priv.hindrances =
        (serial->priv.hindrances & ~(uint32_t)ALONE) | CALLING;
    if (result < 0 && serial->priv.stops_on_error) {
        serial->priv.hindrances |= STOPPED;
    }
    trace(serial, op, PIRN_SERIAL_ENDS);
    serial->priv.gone = &gone;
    fn(op, result);
    if (!gone) {
        serial->priv.gone = NULL;
        serial->priv.hindrances &= ~(uint32_t)CALLING;
        go_on(serial);
    }
}

/* --- push --- */

static void refuse(struct pirn_serial *serial, struct pirn_op *op,
                   pirn_op_fn *fn, int32_t result)
{
    pirn__context_hold(serial->priv.context, op, LOAN_WAITING);
    trace(serial, op, PIRN_SERIAL_REFUSED);
    pirn__context_end_held(serial->priv.context, op, fn, result);
}

static void wait_for_turn(struct pirn_serial *serial, struct pirn_op *op,
                          unsigned how, pirn_op_fn *fn)
{
    struct pirn_link *waiting = &serial->priv.waiting;

    pirn__context_hold(serial->priv.context, op,
                       how & PIRN_SERIAL_ALONE ? LOAN_WAITING_ALONE
                                               : LOAN_WAITING);
    remember(op, serial, fn);
    list_push_tail(how & PIRN_SERIAL_FRONT ? waiting->next : waiting,
                   &op->priv.link);
    serial->priv.waiting_count++;
    trace(serial, op, PIRN_SERIAL_WAITS);
}

/* In the function of an op of its own a slot may be free and nobody begun: who
 * will have one when that returns does not count. */
static bool is_full(const struct pirn_serial *serial)
{
    uint64_t room = serial->priv.waiting_max;

    if (serial->priv.hindrances == CALLING) {
        room += serial->priv.slot_count - serial->priv.running_count;
    }
    return serial->priv.waiting_count >= room;
}

void pirn_serial_push_as(struct pirn_serial *serial, struct pirn_op *op,
                         unsigned how, pirn_op_fn *fn)
{
    pirn_assert(fn != NULL);

    if (serial->priv.hindrances & CLOSING) {
        refuse(serial, op, fn, -ECANCELED);
    } else if (is_full(serial) && !(how & PIRN_SERIAL_FRONT)) {
        refuse(serial, op, fn, -EXFULL);
    } else {
        wait_for_turn(serial, op, how, fn);
        advance(serial);
    }
}

void pirn_serial_push(struct pirn_serial *serial, struct pirn_op *op,
                      pirn_op_fn *fn)
{
    struct pirn_serial_slot *slot;

    if (!list_is_empty(&serial->priv.waiting) || !has_turn(serial)) {
        pirn_serial_push_as(serial, op, 0, fn);
        return;
    }
    pirn_assert(fn != NULL);
    slot = take_slot(serial, op, fn);
    pirn__context_start_owned(serial->priv.context, op, &slot->priv.owner);
}

void pirn__serial_drop(struct pirn_op *op)
{
    struct pirn_serial *serial = serial_of(op);

    list_unlink(&op->priv.link);
    serial->priv.waiting_count--;
    trace(serial, op, PIRN_SERIAL_DROPPED);
    pirn__context_end_held(serial->priv.context, op, fn_of(op), -ECANCELED);
    go_on(serial); /* it may have waited to be alone, or been the last */
}

/* --- stop and start --- */

void pirn_serial_stop(struct pirn_serial *serial)
{
    serial->priv.hindrances |= STOPPED;
}

void pirn_serial_start(struct pirn_serial *serial)
{
    serial->priv.hindrances &= ~(uint32_t)STOPPED;
    advance(serial);
}

/* --- drain and close --- */

static struct pirn_serial *serial_of_task(const struct pirn_op *op)
{
    return (struct pirn_serial *)(uintptr_t)op->priv.offset;
}

static void drain_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_serial *serial = serial_of_task(op);

    pirn_assert(context == serial->priv.context);
    if (serial->priv.hindrances & CLOSING) {
        pirn_task_finish(context, op, -ECANCELED);
        return;
    }
    list_push_tail(&serial->priv.idlers, &op->priv.link);
    go_on(serial);
}

static void drain_cancel(struct pirn_context *context, struct pirn_op *op)
{
    pirn_task_finish(context, op, -ECANCELED);
}

static void cancel_running(struct pirn_serial *serial)
{
    for (uint32_t i = 0; i < serial->priv.slot_count; i++) {
        struct pirn_op *op = serial->priv.slots[i].priv.op;

        if (op != NULL) {
            pirn_cancel(serial->priv.context, op);
        }
    }
}

static void close_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_serial *serial = serial_of_task(op);

    pirn_assert(context == serial->priv.context);
    if (!(serial->priv.hindrances & CLOSING)) { /* else they are closes */
        finish_idlers(serial, -ECANCELED);
    }
    serial->priv.hindrances |= CLOSING;
    while (!list_is_empty(&serial->priv.waiting)) {
        pirn__serial_drop(op_at(serial->priv.waiting.next));
    }
    list_push_tail(&serial->priv.idlers, &op->priv.link);
    cancel_running(serial);
    go_on(serial);
}

static const struct pirn_task_verbs drain_verbs = {
    .begin = drain_begin,
    .cancel = drain_cancel,
    .name = "serial drain",
};

static const struct pirn_task_verbs close_verbs = {.begin = close_begin,
                                                   .name = "serial close"};

void pirn_prep_serial_drain(struct pirn_op *op, struct pirn_serial *serial)
{
    pirn_prep_task(op, &drain_verbs);
    op->priv.offset = (uintptr_t)serial;
}

void pirn_prep_serial_close(struct pirn_op *op, struct pirn_serial *serial)
{
    pirn_prep_task(op, &close_verbs);
    op->priv.offset = (uintptr_t)serial;
}

/* --- life --- */

void pirn_serial_init(struct pirn_serial *serial, struct pirn_context *context,
                      const struct pirn_serial_config *given)
{
    struct pirn_serial_config config = {0};

    pirn_assert_rule((uintptr_t)serial >> ADDRESS_BITS == 0,
                     "a serial lies at an address of 48 bits, without tags");
    if (given != NULL) {
        config = *given;
    }
    if (config.slots == NULL) {
        config.slots = &serial->priv.slot;
        config.slot_count = 1;
    }
    pirn_assert(config.slot_count > 0);

    serial->priv = (typeof(serial->priv)){
        .context = context,
        .hindrances = config.begins_stopped ? STOPPED : 0,
        .waiting_max = config.waiting_max ? config.waiting_max : UINT32_MAX,
        .trace = config.trace,
        .stops_on_error = config.stops_on_error,
        .slots = config.slots,
        .slot_count = config.slot_count,
        .name = config.name,
    };
    list_init(&serial->priv.waiting);
    list_init(&serial->priv.idlers);
    for (uint32_t i = config.slot_count; i > 0; i--) {
        slot_init(serial, &config.slots[i - 1]);
    }
}

void pirn_serial_deinit(struct pirn_serial *serial)
{
    pirn_assert_rule(pirn_serial_is_idle(serial) &&
                         list_is_empty(&serial->priv.idlers),
                     "a serial is closed before it ends, if it is not empty");

    if (serial->priv.gone != NULL) {
        *serial->priv.gone = true;
    }
}

/* --- what can be asked --- */

uint32_t pirn_serial_waiting_count(const struct pirn_serial *serial)
{
    return serial->priv.waiting_count;
}

uint32_t pirn_serial_running_count(const struct pirn_serial *serial)
{
    return serial->priv.running_count;
}

bool pirn_serial_is_idle(const struct pirn_serial *serial)
{
    return serial->priv.waiting_count == 0 && serial->priv.running_count == 0;
}

bool pirn_serial_is_stopped(const struct pirn_serial *serial)
{
    return (serial->priv.hindrances & STOPPED) != 0;
}

const struct pirn_op *pirn_serial_longest(const struct pirn_serial *serial,
                                          uint64_t *ret_since_ns)
{
    const struct pirn_serial_slot *longest = NULL;

    for (uint32_t i = 0; i < serial->priv.slot_count; i++) {
        const struct pirn_serial_slot *slot = &serial->priv.slots[i];

        if (slot->priv.op != NULL &&
            (longest == NULL || slot->priv.since_ns < longest->priv.since_ns)) {
            longest = slot;
        }
    }
    if (longest == NULL) {
        return NULL;
    }
    *ret_since_ns = longest->priv.since_ns;
    return longest->priv.op;
}

const char *pirn_serial_name(const struct pirn_serial *serial)
{
    return serial->priv.name;
}
