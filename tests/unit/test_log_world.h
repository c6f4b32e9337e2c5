/* SPDX-License-Identifier: MIT */
/*
 * test_log_world.h - a log of a few small segments in memory
 *
 * Written by the encoders; its tombstones are there twice: as they are, and as
 * the disk has them. A test says what is committed, removed and synced; then
 * the power is cut, and all is read from the disk (test_log_restart.h).
 */
#ifndef TESTS_UNIT_TEST_LOG_WORLD_H
#define TESTS_UNIT_TEST_LOG_WORLD_H

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "spool/log/replay.h"

enum {
    SEGMENTS = 4,
    SEGMENT = 1 << 16,
    WORDS = PIRN__TOMB_SEGMENT_WORDS,
    PAGES =
        (SEGMENTS * WORDS + PIRN__TOMB_PAGE_WORDS - 1) / PIRN__TOMB_PAGE_WORDS +
        1,
    UNIT = 64,
    IDS = 48,
    BUSY = 8, /* so many of them at a time */
    SEEDS = 300,
};

/* Where the newest record of an item and its body are, as it was committed. */
struct thing {
    uint32_t version; /* 0: there is none */
    uint32_t spent;   /* of those that were begun and not committed, the last */
    bool may_be_there; /* one of those: its cut is not on the disk */
    uint32_t record;
    uint32_t segment;
    uint32_t generation;
    struct pirn__place body;
    bool removed;
    bool removed_for_good; /* its tombstones are on the disk */
};

struct world {
    uint8_t bytes[SEGMENTS][SEGMENT];
    uint8_t buf[PIRN__BATCH_ROOM + SEGMENT];
    struct pirn__batch batches[SEGMENTS]; /* the next one of each */
    uint64_t words[SEGMENTS * WORDS];
    uint64_t disk[SEGMENTS * WORDS];
    uint64_t bounds[PIRN__TOMB_PAGE_WORDS];
    uint64_t disk_bounds[PIRN__TOMB_PAGE_WORDS];
    uint64_t versions[PAGES];
    uint64_t synced[PAGES];
    struct pirn__tombs tombs;
    uint64_t now;
    struct thing things[IDS];
    struct pirn__replay replay;
    struct pirn__replay_segment segments[SEGMENTS];
    void *memory;
    uint32_t live;
    uint32_t turns; /* how often a segment was recycled */
    bool is_parted; /* first versions and others have segments of their own */
};

static struct pirn_id id_of(uint32_t thing)
{
    struct pirn_id id;
    struct pirn__log_id parts = {1000, 1, thing / 4, thing};

    pirn__log_id_pack(&parts, &id);
    return id;
}

static void segment_begin(struct world *world, uint32_t segment,
                          uint32_t generation)
{
    struct pirn__batch *batch = &world->batches[segment];

    *batch = (struct pirn__batch){
        .buf = world->buf,
        .cap = sizeof(world->buf),
        .at = PIRN__BATCH_UNIT / UNIT,
        .segment = segment,
        .generation = generation,
        .segment_bytes = SEGMENT,
        .salt = XXH3_64bits_withSeed("salt", 4, segment * 999 + generation),
        .sequence = 1,
    };
    pirn__batch_begin(batch);
    pirn__tomb_turn(&world->tombs, segment, generation);
}

static void sync_all(struct world *world)
{
    memcpy(world->disk, world->words, sizeof(world->disk));
    memcpy(world->disk_bounds, world->bounds, sizeof(world->disk_bounds));
    for (unsigned i = 0; i < IDS; i++) {
        world->things[i].removed_for_good = world->things[i].removed;
        world->things[i].may_be_there = false;
    }
}

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    world->tombs = (struct pirn__tombs){
        world->words,  world->bounds, world->versions,
        world->synced, SEGMENTS,      WORDS,
    };
    for (uint32_t s = 0; s < SEGMENTS; s++) {
        segment_begin(world, s, 3);
    }
    sync_all(world);
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    free(world->memory);
    free(world);
    return 0;
}

/* Adds a record to the segment's batch; its place is known at the commit. */
static void record_add(struct world *world, uint32_t thing, uint32_t segment,
                       enum pirn__record_kind kind)
{
    struct thing *t = &world->things[thing];
    char body[100];
    struct pirn__part part = {
        .head =
            {
                .id = id_of(thing),
                .version = ++t->spent,
                .kind = kind,
                .body_bytes = sizeof(body),
                .body = t->body,
            },
    };

    memset(body, (int)thing, sizeof(body));
    part.digest = XXH3_64bits(body, sizeof(body));
    part.head.queue = (uint16_t)t->version;
    pirn__batch_add(&world->batches[segment], &part, body);
}

/* Ends the batch and writes of it what is below @most. The first of a turn
 * brings the segment's header along. */
static uint32_t batch_write_some(struct world *world, uint32_t segment,
                                 uint32_t most)
{
    struct pirn__batch *batch = &world->batches[segment];
    uint32_t bytes = pirn__batch_end(batch, ++world->now);
    struct pirn__segment_head head = {
        .segment = segment,
        .generation = batch->generation,
        .salt = batch->salt,
        .segment_bytes = SEGMENT,
    };

    if (batch->sequence == 1) {
        pirn__segment_head_encode(&head, world->bytes[segment]);
    }
    memcpy(world->bytes[segment] + (size_t)batch->at * UNIT,
           batch->buf + batch->start, most < bytes ? most : bytes);
    return bytes;
}

static uint32_t batch_write(struct world *world, uint32_t segment)
{
    return batch_write_some(world, segment, SEGMENT);
}

static void batch_next(struct pirn__batch *batch, uint32_t bytes)
{
    batch->at += bytes / UNIT;
    batch->sequence++;
    batch->first_record += batch->count;
    pirn__batch_begin(batch);
}

/* A new version of a thing, committed; the old one's record is dead. */
static void commit(struct world *world, uint32_t thing, uint32_t segment,
                   enum pirn__record_kind kind)
{
    struct thing *t = &world->things[thing];
    struct pirn__batch *batch = &world->batches[segment];
    struct thing old = *t;
    struct pirn__head head;

    record_add(world, thing, segment, kind);
    uint32_t bytes = batch_write(world, segment);
    int r = pirn__head_decode(
        batch->buf + batch->start + PIRN__BATCH_HEAD_BYTES, &head);
    assert_int_equal(r, 0);
    *t = (struct thing){
        .version = head.version,
        .spent = head.version,
        .record = batch->first_record,
        .segment = segment,
        .generation = batch->generation,
        .body = head.body,
    };
    batch_next(batch, bytes);
    bool holds_body =
        old.segment == old.body.segment && old.record == old.body.record;
    if (old.version > 0 && (kind == PIRN__RECORD_PUT || !holds_body)) {
        pirn__tomb_set(&world->tombs, old.segment, old.generation, old.record);
    }
    if (old.version > 0 && kind == PIRN__RECORD_PUT) {
        pirn__tomb_set(&world->tombs, old.body.segment, old.body.generation,
                       old.body.record);
    }
}

static void removed(struct world *world, uint32_t thing)
{
    struct thing *t = &world->things[thing];

    pirn__tomb_set(&world->tombs, t->body.segment, t->body.generation,
                   t->body.record);
    pirn__tomb_set(&world->tombs, t->segment, t->generation, t->record);
    t->removed = true;
}

#endif /* TESTS_UNIT_TEST_LOG_WORLD_H */
