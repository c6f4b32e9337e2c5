/* SPDX-License-Identifier: MIT */
/*
 * test_log_restart.h - the power of a world is cut, and all is read again
 */
#ifndef TESTS_UNIT_TEST_LOG_RESTART_H
#define TESTS_UNIT_TEST_LOG_RESTART_H

#include "test_log_world.h"

/* As a restart reads a segment. */
static void read_segment(struct world *world, uint32_t segment)
{
    const uint8_t *bytes = world->bytes[segment];
    struct pirn__segment_head head;
    struct pirn__batch_cursor cursor;
    struct pirn__batch_cursor next;
    struct pirn__batch_head batch;
    struct pirn__batch_head ahead;
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];

    if (pirn__segment_head_decode(bytes, &head) < 0) {
        return;
    }
    pirn__batch_cursor_init(&cursor, &head);
    for (;;) {
        uint32_t begin = cursor.at;
        size_t at = (size_t)begin * UNIT;
        if (pirn__batch_cursor_next(&cursor, bytes + at, SEGMENT - at,
                                    &batch) != 1) {
            return;
        }
        next = cursor;
        size_t end = (size_t)cursor.at * UNIT;
        bool is_last = pirn__batch_cursor_next(&next, bytes + end,
                                               SEGMENT - end, &ahead) != 1;
        if (is_last) {
            pirn__replay_judge(&batch, bytes + at, end - at, begin, head.salt,
                               bad);
        }
        pirn__replay_batch(&world->replay, &batch,
                           bytes + at + PIRN__BATCH_HEAD_BYTES,
                           is_last ? bad : NULL);
    }
}

/* The power is cut: only the disk is left. */
static void restart_begin(struct world *world)
{
    uint32_t cap = 1024;

    world->tombs.words = world->disk;
    world->tombs.bounds = world->disk_bounds;
    memset(world->segments, 0, sizeof(world->segments));
    free(world->memory);
    world->memory = malloc(pirn__replay_bytes(cap));
    pirn__replay_init(&world->replay, &world->tombs, world->segments,
                      world->memory, cap);
}

static void restart_end(struct world *world)
{
    world->live = pirn__replay_end(&world->replay);
    world->tombs.words = world->words;
    world->tombs.bounds = world->bounds;
}

/* @order: of the segments. */
static void restart_in(struct world *world, const uint32_t *order)
{
    restart_begin(world);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        read_segment(world, order[i]);
    }
    restart_end(world);
}

/* What lives of a thing: its version, or 0. */
static uint32_t version_now(const struct world *world, uint32_t thing)
{
    struct pirn_id id = id_of(thing);
    uint32_t version = 0;

    for (uint32_t i = 0; i < world->live; i++) {
        struct pirn__head head;
        struct pirn__place place;
        pirn__replay_get(&world->replay, i, &head, &place);
        if (memcmp(&head.id, &id, sizeof(id)) == 0) {
            assert_int_equal(version, 0); /* once */
            version = head.version;
        }
    }
    return version;
}

static const uint32_t forwards[SEGMENTS] = {0, 1, 2, 3};
static const uint32_t backwards[SEGMENTS] = {3, 2, 1, 0};

/* In whatever order the segments come. */
static void expect_version(struct world *world, uint32_t thing,
                           uint32_t version)
{
    restart_in(world, forwards);
    assert_int_equal(version_now(world, thing), version);
    restart_in(world, backwards);
    assert_int_equal(version_now(world, thing), version);
}

#endif /* TESTS_UNIT_TEST_LOG_RESTART_H */
