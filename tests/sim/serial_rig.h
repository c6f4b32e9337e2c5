/* SPDX-License-Identifier: MIT */
/* serial_rig.h - a serial, and NOPs to push on it that note how they ended */
#ifndef TESTS_SIM_SERIAL_RIG_H
#define TESTS_SIM_SERIAL_RIG_H

#include <string.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { MANY = 5 };

struct queue {
    struct pirn_serial serial;
    struct pirn_serial_slot slots[MANY];
    struct note notes[MANY];
};

static inline void queue_init(struct queue *queue, struct bed *bed,
                              struct pirn_serial_config config)
{
    memset(queue, 0, sizeof(*queue));
    config.slots = config.slot_count > 0 ? queue->slots : NULL;
    pirn_serial_init(&queue->serial, bed->context, &config);
}

static inline void push_nop_as(struct queue *queue, int i, unsigned how)
{
    pirn_prep_nop(&queue->notes[i].op);
    pirn_serial_push_as(&queue->serial, &queue->notes[i].op, how, note_fn);
}

static inline void push_nop(struct queue *queue, int i)
{
    pirn_prep_nop(&queue->notes[i].op);
    pirn_serial_push(&queue->serial, &queue->notes[i].op, note_fn);
}

static inline void push_nops(struct queue *queue)
{
    for (int i = 0; i < MANY; i++) {
        push_nop(queue, i);
    }
}

static inline int turn(struct bed *bed)
{
    return pirn_context_turn(bed->context, 0);
}

/* The kernel ends @i; its function is called, and who begins is submitted. */
static inline void end(struct bed *bed, struct queue *queue, int i,
                       int32_t result)
{
    script_complete(bed->kernel, &queue->notes[i].op, result);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(queue->notes[i].result, result);
    turn(bed);
}

static inline bool kernel_has(struct bed *bed, struct queue *queue, int i)
{
    return script_has(bed->kernel, &queue->notes[i].op);
}

#endif /* TESTS_SIM_SERIAL_RIG_H */
