/* SPDX-License-Identifier: MIT */
/*
 * catalogue_rig.h - a small catalogue in one piece of memory
 *
 * The memory holds no pointers: it may be a mapping that processes share. A
 * block has four cells, so that a few entries already need several.
 */
#ifndef TESTS_SIM_CATALOGUE_RIG_H
#define TESTS_SIM_CATALOGUE_RIG_H

#include <string.h>

#include "spool/log/catalogue.h"

#define RIG_CELLS 4u
#define RIG_BLOCK_WORDS (PIRN__BLOCK_HEAD_WORDS + RIG_CELLS)

enum {
    RIG_SLOTS = 64,
    RIG_QUEUES = 2,
    RIG_BLOCKS = 1600, /* a lane that was used keeps one */
    RIG_HANDS = 16,
    RIG_FREE_LANE = PIRN__WHEEL_LANES,
    RIG_FIRST_LANE = RIG_FREE_LANE + 1,
    RIG_LANES = RIG_FIRST_LANE + RIG_QUEUES * PIRN__QUEUE_LANES,
};

/* Half a day in: ticks of all four wheels are not zero. */
#define RIG_NOW (1ull << 45)

struct rig_memory {
    struct pirn__slot slots[RIG_SLOTS];
    uint64_t state[PIRN__CATALOGUE_WORDS];
    uint64_t wheel[PIRN__WHEEL_WORDS];
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t lanes[RIG_LANES * PIRN__LANE_WORDS];
    uint64_t blocks[RIG_BLOCKS * RIG_BLOCK_WORDS];
    struct pirn__hand hands[RIG_HANDS];
    uint64_t trails[RIG_HANDS]; /* a span is a slot */
};

/* @memory: zeroed, or used by others of the same shape. */
static inline struct pirn__catalogue rig_catalogue(struct rig_memory *memory,
                                                   uint32_t slot_count,
                                                   uint32_t priority_count,
                                                   uint32_t block_count)
{
    struct pirn__lanes lanes = {
        .head = memory->head,
        .lanes = memory->lanes,
        .blocks = memory->blocks,
        .lane_count = RIG_LANES,
        .block_count = block_count,
        .block_words = RIG_BLOCK_WORDS,
    };
    return (struct pirn__catalogue){
        .slots = memory->slots,
        .state = memory->state,
        .slot_count = slot_count,
        .queue_count = RIG_QUEUES,
        .priority_count = priority_count,
        .lanes = lanes,
        .wheel = {.state = memory->wheel, .lanes = lanes, .first_lane = 0},
        .free_lane = RIG_FREE_LANE,
        .first_lane = RIG_FIRST_LANE,
    };
}

static inline void rig_init(struct rig_memory *memory,
                            const struct pirn__catalogue *catalogue)
{
    memset(memory, 0, sizeof *memory);
    pirn__lanes_init(&catalogue->lanes);
    pirn__wheel_init(&catalogue->wheel, RIG_NOW);
}

/* What is a process's own of an actor. */
struct rig_self {
    struct pirn__trail trail;
    uint32_t counts[RIG_SLOTS];
};

/* A life begins: the memory is as it was left. */
static inline struct pirn__actor rig_actor(struct rig_memory *memory,
                                           uint16_t owner,
                                           struct rig_self *self)
{
    uint32_t at = owner % RIG_HANDS;

    pirn__trail_init(&self->trail, &memory->trails[at], self->counts,
                     RIG_SLOTS);
    return (struct pirn__actor){
        .owner = owner,
        .hand = &memory->hands[at],
        .trail = &self->trail,
    };
}

static inline struct pirn__heritage rig_heritage(struct rig_memory *memory,
                                                 uint16_t dead)
{
    return (struct pirn__heritage){
        .dead = dead,
        .trail = &memory->trails[dead % RIG_HANDS],
    };
}

/* What who has an item writes before he gives it to others. */
static inline void rig_write(struct rig_memory *memory, uint32_t slot,
                             struct pirn__route route, uint64_t due_ns)
{
    __atomic_store_n(&memory->slots[slot].route, pirn__route_pack(route),
                     __ATOMIC_SEQ_CST);
    __atomic_store_n(&memory->slots[slot].due, due_ns, __ATOMIC_SEQ_CST);
}

static inline struct pirn__word rig_word(const struct rig_memory *memory,
                                         uint32_t slot)
{
    return pirn__word_unpack(
        __atomic_load_n(&memory->slots[slot].word, __ATOMIC_SEQ_CST));
}

#endif /* TESTS_SIM_CATALOGUE_RIG_H */
