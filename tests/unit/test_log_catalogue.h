/* SPDX-License-Identifier: MIT */
/*
 * test_log_catalogue.h - one actor's steps, as the tests of the catalogue take
 * them: each succeeds, and says so
 */
#ifndef TESTS_UNIT_TEST_LOG_CATALOGUE_H
#define TESTS_UNIT_TEST_LOG_CATALOGUE_H

#include "sim/catalogue_rig.h"
#include "test.h"

static struct rig_memory memory;
static struct rig_self selves[2];

enum { ME = 3, OTHER = 4 };

struct rig {
    struct pirn__catalogue c;
    struct pirn__actor me;
    struct pirn__actor other;
};

static inline struct rig rig_make(uint32_t slot_count, uint32_t block_count)
{
    struct rig rig = {
        .c = rig_catalogue(&memory, slot_count, PIRN__PRIORITIES, block_count),
    };
    rig_init(&memory, &rig.c);
    rig.me = rig_actor(&memory, ME, &selves[0]);
    rig.other = rig_actor(&memory, OTHER, &selves[1]);
    return rig;
}

static inline struct rig rig_usual(void)
{
    return rig_make(RIG_SLOTS, RIG_BLOCKS);
}

static inline uint32_t incarnation_of(const struct pirn__grip *grip)
{
    return pirn__word_unpack(grip->word).incarnation;
}

static inline struct pirn__grip fill(const struct rig *rig)
{
    struct pirn__grip grip;
    assert_int_equal(pirn__slot_fill(&rig->c, &rig->me, RIG_SLOTS, &grip), 0);
    return grip;
}

static inline struct pirn__grip fill_as(const struct rig *rig,
                                        struct pirn__route route,
                                        uint64_t due_ns)
{
    struct pirn__grip grip = fill(rig);
    rig_write(&memory, grip.slot, route, due_ns);
    return grip;
}

static inline void release(const struct rig *rig, struct pirn__grip *grip,
                           bool front)
{
    assert_int_equal(
        pirn__slot_release(&rig->c, &rig->me, grip, RIG_NOW, front, NULL), 0);
}

/* A ready item; its slot. */
static inline uint32_t put(const struct rig *rig, uint16_t queue,
                           uint8_t priority)
{
    struct pirn__grip grip = fill_as(
        rig, (struct pirn__route){.queue = queue, .priority = priority}, 0);
    release(rig, &grip, false);
    return grip.slot;
}

static inline struct pirn__grip next_of(const struct rig *rig, uint32_t queue)
{
    struct pirn__grip grip;
    assert_int_equal(pirn__slot_claim_next(&rig->c, &rig->me, queue, &grip), 1);
    return grip;
}

static inline void next_is_none(const struct rig *rig, uint32_t queue)
{
    struct pirn__grip grip;
    assert_int_equal(pirn__slot_claim_next(&rig->c, &rig->me, queue, &grip), 0);
}

static inline struct pirn__grip claim(const struct rig *rig, uint32_t slot)
{
    struct pirn__grip grip;
    uint32_t incarnation = rig_word(&memory, slot).incarnation;
    assert_int_equal(
        pirn__slot_claim(&rig->c, &rig->me, slot, incarnation, &grip), 1);
    return grip;
}

static inline void turn(const struct rig *rig, struct pirn__grip *grip,
                        enum pirn__state to)
{
    assert_int_equal(pirn__slot_turn(&rig->c, grip, to), 0);
}

static inline void end(const struct rig *rig, struct pirn__grip *grip)
{
    turn(rig, grip, PIRN__REMOVING);
    assert_int_equal(pirn__slot_free(&rig->c, &rig->me, grip), 0);
}

static inline enum pirn__state state_of(uint32_t slot)
{
    return rig_word(&memory, slot).state;
}

/* In queue 1. */
static inline bool expire(const struct rig *rig, uint64_t now_ns)
{
    uint32_t queue = UINT32_MAX;
    int r = pirn__catalogue_expire(&rig->c, &rig->me, now_ns, &queue);
    assert_in_range(r, 0, 1);
    assert_true(r == 0 || queue == 1);
    return r == 1;
}

#define LATER (RIG_NOW + 100 * PIRN__TICK_NS)

/* Delayed, in queue 1. */
static inline uint32_t delay(const struct rig *rig, uint64_t due_ns)
{
    struct pirn__grip grip =
        fill_as(rig, (struct pirn__route){.queue = 1}, due_ns);
    bool ready = true;
    assert_int_equal(
        pirn__slot_release(&rig->c, &rig->me, &grip, RIG_NOW, false, &ready),
        0);
    assert_false(ready);
    assert_int_equal(state_of(grip.slot), PIRN__DELAYED);
    return grip.slot;
}

#endif /* TESTS_UNIT_TEST_LOG_CATALOGUE_H */
