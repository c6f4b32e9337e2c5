/* SPDX-License-Identifier: MIT */
/*
 * test_log_replay.c - what a restart makes of any disk it may find
 *
 * Method: a log in memory (test_log_world.h); first each rule by itself, then
 * lives at random, in which writers die, segments turn, and the power cut keeps
 * of every word of tombstones what was synced or what was true.
 */
#include "test_log_restart.h"

#include <stdio.h>

static void newest_version_lives(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    expect_version(world, 1, 1);
    commit(world, 1, 1, PIRN__RECORD_META);
    expect_version(world, 1, 2);
    commit(world, 1, 0, PIRN__RECORD_META);
    commit(world, 1, 2, PIRN__RECORD_PUT);
    expect_version(world, 1, 4);
    sync_all(world);
    expect_version(world, 1, 4);
    assert_int_equal(world->live, 1);
}

static void item_is_where_its_newest_record_is(void **state)
{
    struct world *world = *state;
    struct pirn__head head;
    struct pirn__place place;

    commit(world, 2, 3, PIRN__RECORD_PUT);
    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 1, 3, PIRN__RECORD_META);
    restart_in(world, forwards);
    assert_int_equal(world->live, 2);
    pirn__replay_get(&world->replay, 1, &head, &place);
    assert_int_equal(head.version, 2);
    assert_int_equal(place.segment, 3);
    assert_int_equal(place.record, 1);
    assert_int_equal(place.at, head.part_at);
    assert_int_equal(place.generation, 3);
    assert_int_equal(head.body.segment, 0);
    assert_int_equal(head.body.record, 0);
}

/* The old version's record is alive for its body; the newest is dead. */
static void dead_record_counts(void **state)
{
    struct world *world = *state;
    struct thing *t = &world->things[1];

    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 1, 1, PIRN__RECORD_META);
    pirn__tomb_set(&world->tombs, t->segment, t->generation, t->record);
    expect_version(world, 1, 2); /* not yet on the disk */
    sync_all(world);
    expect_version(world, 1, 0);
}

static void item_whose_body_is_dead_is_dead(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 1, 1, PIRN__RECORD_META);
    pirn__tomb_set(&world->tombs, 0, 3, 0);
    expect_version(world, 1, 2);
    sync_all(world);
    expect_version(world, 1, 0);
}

static void item_whose_body_is_gone_is_dead(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 1, 1, PIRN__RECORD_META);
    segment_begin(world, 0, 4);
    commit(world, 2, 0, PIRN__RECORD_PUT); /* where the body was */
    sync_all(world);
    expect_version(world, 1, 0);
    expect_version(world, 2, 1);
    memset(world->bytes[0], 0, SEGMENT);
    expect_version(world, 1, 0);
}

/* The batch with it is damaged, the ones before are not. */
static void item_whose_body_was_not_reached_is_dead(void **state)
{
    struct world *world = *state;

    commit(world, 2, 0, PIRN__RECORD_PUT);
    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 1, 1, PIRN__RECORD_META);
    expect_version(world, 1, 2);
    world->bytes[0][8192] ^= 1;
    expect_version(world, 1, 0);
    expect_version(world, 2, 1);
}

static void record_behind_the_cut_does_not_count(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 2, 1, PIRN__RECORD_PUT);
    record_add(world, 1, 1, PIRN__RECORD_META); /* written, never committed */
    batch_write(world, 1);
    expect_version(world, 1, 2);
    pirn__tomb_cut(&world->tombs, 1, 3, 1, true);
    sync_all(world);
    expect_version(world, 1, 1);
    expect_version(world, 2, 1);
}

/*
 * The segment was cut, all before the cut died, it was taken again, and the
 * power failed before its header was written: the disk shows what was cut.
 */
static void record_under_words_of_a_later_turn_does_not_count(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    record_add(world, 1, 1, PIRN__RECORD_META);
    batch_write(world, 1);
    pirn__tomb_cut(&world->tombs, 1, 3, 0, true);
    pirn__tomb_turn(&world->tombs, 1, 4);
    sync_all(world);
    expect_version(world, 1, 1);
    world->disk[WORDS] = UINT64_C(3) << 32; /* the cut alone says so */
    expect_version(world, 1, 1);
}

/* Of a copy under the same version the one that is not dead is taken. */
static void copy_that_is_not_dead_wins(void **state)
{
    struct world *world = *state;

    for (uint32_t segment = 0; segment < 2; segment++) {
        world->things[1].spent = 0;
        record_add(world, 1, segment, PIRN__RECORD_PUT);
        batch_next(&world->batches[segment], batch_write(world, segment));
    }
    expect_version(world, 1, 1);
    for (uint32_t dead = 0; dead < 2; dead++) {
        memcpy(world->disk, world->words, sizeof(world->disk));
        world->disk[dead * WORDS] |= 1;
        expect_version(world, 1, 1);
        struct pirn__head head;
        struct pirn__place place;
        pirn__replay_get(&world->replay, 0, &head, &place);
        assert_int_equal(place.segment, 1 - dead);
    }
    world->disk[0] |= 1;
    world->disk[WORDS] |= 1;
    expect_version(world, 1, 0);
}

static void order_is_that_of_first_commits(void **state)
{
    static const uint32_t order[] = {5, 3, 9, 1, 7};
    struct world *world = *state;

    for (unsigned i = 0; i < 5; i++) {
        commit(world, order[i], (3 * i + 1) % SEGMENTS, PIRN__RECORD_PUT);
    }
    commit(world, 5, 0, PIRN__RECORD_META); /* does not go to the end */
    commit(world, 9, 3, PIRN__RECORD_META);
    for (unsigned way = 0; way < 2; way++) {
        restart_in(world, way == 0 ? forwards : backwards);
        assert_int_equal(world->live, 5);
        for (unsigned i = 0; i < 5; i++) {
            struct pirn_id id = id_of(order[i]);
            struct pirn__head head;
            struct pirn__place place;
            pirn__replay_get(&world->replay, i, &head, &place);
            assert_memory_equal(&head.id, &id, sizeof(id));
        }
    }
}

static void items_of_one_batch_keep_their_order(void **state)
{
    struct world *world = *state;

    for (uint32_t i = 0; i < IDS; i++) {
        record_add(world, (i * 5) % IDS, 2, PIRN__RECORD_PUT);
    }
    batch_write(world, 2);
    /* The last one is met here first, if the segments come backwards. */
    record_add(world, (IDS - 1) * 5 % IDS, 3, PIRN__RECORD_PUT);
    batch_write(world, 3);
    restart_in(world, backwards);
    assert_int_equal(world->live, IDS);
    for (uint32_t i = 0; i < IDS; i++) {
        struct pirn_id id = id_of((i * 5) % IDS);
        struct pirn__head head;
        struct pirn__place place;
        pirn__replay_get(&world->replay, i, &head, &place);
        assert_memory_equal(&head.id, &id, sizeof(id));
        assert_int_equal(place.record, i < IDS - 1 ? i : 0);
    }
}

/* At every cut of the last batch: the records in front of it, and no other. */
static void torn_record_of_the_last_batch_is_none(void **state)
{
    struct world *world = *state;
    uint8_t whole[SEGMENT];
    uint32_t most = 0;

    commit(world, 0, 2, PIRN__RECORD_PUT);
    for (uint32_t i = 1; i <= 6; i++) {
        record_add(world, i, 2, PIRN__RECORD_PUT);
    }
    uint32_t bytes = batch_write(world, 2);
    memcpy(whole, world->bytes[2], SEGMENT);
    memset(world->bytes[2] + 8192, 0xee, bytes);
    for (uint32_t at = 0; at < bytes; at++) {
        restart_in(world, forwards);
        assert_in_range(world->live, 1, 7);
        assert_true(world->live - 1 >= most);
        most = world->live - 1;
        for (uint32_t i = 1; i <= 6; i++) {
            assert_int_equal(version_now(world, i), i <= most);
        }
        world->bytes[2][8192 + at] = whole[8192 + at];
    }
    assert_int_equal(most, 6);
}

static void item_whose_body_is_torn_is_dead(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 1, 1, PIRN__RECORD_META);
    expect_version(world, 1, 2);
    world->bytes[0][4096 + 128 + 128 + 50] ^= 1;
    expect_version(world, 1, 0);
}

static void part_of_another_record_is_none(void **state)
{
    struct world *world = *state;
    uint8_t *parts = world->bytes[0] + 4096 + 64 + 2 * 64;

    record_add(world, 1, 0, PIRN__RECORD_PUT);
    record_add(world, 2, 0, PIRN__RECORD_PUT);
    batch_write(world, 0);
    expect_version(world, 1, 1);
    memcpy(parts, parts + 256, 256); /* whole, with its body */
    expect_version(world, 1, 0);
    expect_version(world, 2, 1);
}

/* What stands behind the end was read by nobody, whatever it is. */
static void judge_stops_where_the_bytes_end(void **state)
{
    struct world *world = *state;
    struct pirn__batch_head head;
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];
    uint64_t salt = world->batches[0].salt;
    const uint8_t *batch = world->bytes[0] + 4096;

    record_add(world, 1, 0, PIRN__RECORD_PUT);
    record_add(world, 2, 0, PIRN__RECORD_PUT);
    batch_write(world, 0);
    assert_int_equal(pirn__batch_head_peek(batch, &head), 128);
    for (size_t len = 192; len <= 4096; len++) {
        bool first = len >= 192 + 128 + 100;
        bool second = len >= 192 + 256 + 128 + 100;
        assert_int_equal(pirn__replay_judge(&head, batch, len, 64, salt, bad),
                         2 - first - second);
        assert_int_equal(bad[0], (uint64_t)!first | (uint64_t)!second << 1);
        assert_int_equal(bad[1], 0);
    }
}

/* All but the last were whole when the next was begun; their bodies are not
 * read again here, and their own sums tell who takes them. */
static void only_the_last_batch_is_judged(void **state)
{
    struct world *world = *state;

    commit(world, 1, 0, PIRN__RECORD_PUT);
    commit(world, 2, 0, PIRN__RECORD_PUT);
    world->bytes[0][4096 + 128 + 128 + 50] ^= 1;
    expect_version(world, 1, 1);
    expect_version(world, 2, 1);
}

static void more_memory(struct world *world, uint32_t cap)
{
    void *memory = malloc(pirn__replay_bytes(cap));

    assert_non_null(memory);
    pirn__replay_move(&world->replay, memory, cap);
    free(world->memory);
    world->memory = memory;
}

/* So many batches of a segment; the memory is given bit by bit, and each time
 * is another. Of each batch what is told is counted, if that is wanted. */
static void read_bit_by_bit(struct world *world, uint32_t segment,
                            uint32_t batches, uint32_t *told)
{
    struct pirn__replay_told tell = {0};
    struct pirn__head said;
    struct pirn__place place;

    struct pirn__replay *replay = &world->replay;
    const uint8_t *bytes = world->bytes[segment];
    struct pirn__segment_head head;
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head batch;

    assert_int_equal(pirn__segment_head_decode(bytes, &head), 0);
    pirn__batch_cursor_init(&cursor, &head);
    for (uint32_t i = 0; i < batches; i++) {
        const uint8_t *at = bytes + (size_t)cursor.at * UNIT;
        assert_int_equal(pirn__batch_cursor_next(&cursor, at, 4096, &batch), 1);
        if (!pirn__replay_has_room(replay, batch.count)) {
            assert_true(replay->count == replay->cap ||
                        replay->batch_count == replay->cap);
            more_memory(world, 2 * replay->cap);
        }
        pirn__replay_batch(replay, &batch, at + PIRN__BATCH_HEAD_BYTES, NULL);
        while (told != NULL &&
               pirn__replay_tell(replay, segment, &tell, &said, &place)) {
            assert_int_equal(place.record, (*told)++);
        }
    }
}

static void begin_with_memory_for_one(struct world *world)
{
    world->memory = malloc(pirn__replay_bytes(1));
    assert_non_null(world->memory);
    pirn__replay_init(&world->replay, &world->tombs, world->segments,
                      world->memory, 1);
}

static void more_memory_loses_nothing(void **state)
{
    struct world *world = *state;

    for (uint32_t i = 0; i < 12; i++) {
        commit(world, i, 1, PIRN__RECORD_PUT);
    }
    for (uint32_t i = 0; i < 12; i++) {
        commit(world, i, 2, PIRN__RECORD_META);
    }
    begin_with_memory_for_one(world);
    read_bit_by_bit(world, 1, 12, NULL);
    read_bit_by_bit(world, 2, 12, NULL); /* each is found again */
    assert_int_equal(world->replay.count, 12);
    world->live = pirn__replay_end(&world->replay);
    assert_int_equal(world->live, 12);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(version_now(world, i), 2);
    }
}

static void what_is_told_goes_on_where_it_was(void **state)
{
    struct world *world = *state;
    uint32_t told = 0;

    for (uint32_t i = 0; i < 12; i++) {
        commit(world, i, 1, PIRN__RECORD_PUT);
    }
    begin_with_memory_for_one(world);
    read_bit_by_bit(world, 1, 12, &told);
    assert_int_equal(told, 12);
}

/* A few items that are changed again and again are in many batches. */
static void memory_is_for_batches_too(void **state)
{
    struct world *world = *state;

    for (uint32_t i = 0; i < 12; i++) {
        commit(world, 1, 1, i == 0 ? PIRN__RECORD_PUT : PIRN__RECORD_META);
    }
    begin_with_memory_for_one(world);
    read_bit_by_bit(world, 1, 12, NULL);
    assert_int_equal(world->replay.count, 1);
    assert_int_equal(world->replay.cap, 16);
    world->live = pirn__replay_end(&world->replay);
    assert_int_equal(world->live, 1);
    assert_int_equal(version_now(world, 1), 12);
}

/*
 * H2: the first record in one segment, a newer one in another, both buried;
 * the other is recycled after only its own words were synced.
 */
static void recycling_needs_all_tombstones_durable(void **state)
{
    struct world *world = *state;

    for (unsigned all = 0; all < 2; all++) {
        uint32_t generation = world->batches[1].generation + 1;
        memset(world->things, 0, sizeof(world->things));
        segment_begin(world, 0, generation);
        sync_all(world);
        commit(world, 1, 0, PIRN__RECORD_PUT);
        commit(world, 1, 1, PIRN__RECORD_META);
        removed(world, 1);
        if (all == 1) {
            sync_all(world);
        } else {
            memcpy(world->disk + WORDS, world->words + WORDS,
                   WORDS * sizeof(uint64_t));
        }
        expect_version(world, 1, 0);
        segment_begin(world, 1, generation);
        commit(world, 2, 1, PIRN__RECORD_PUT);
        restart_in(world, forwards);
        /* The version before the last, of an item that is no more. */
        assert_int_equal(version_now(world, 1), all == 1 ? 0 : 1);
    }
}

/* Of what is told each has to be there at the end, at that place. */
struct told {
    struct pirn_id id;
    struct pirn__place place;
};

static uint32_t tell_all(struct world *world, uint32_t segment,
                         struct pirn__replay_told *at, struct told *told)
{
    struct pirn__head head;
    uint32_t count = 0;

    while (pirn__replay_tell(&world->replay, segment, at, &head,
                             &told[count].place)) {
        assert_int_equal(head.version, 1);
        told[count++].id = head.id;
    }
    return count;
}

static void first_versions_are_told_in_their_order(void **state)
{
    static const uint32_t things[] = {5, 9, 8};
    struct world *world = *state;
    struct pirn__replay_told at = {0};
    struct told told[IDS];

    commit(world, 5, 0, PIRN__RECORD_PUT);
    commit(world, 3, 0, PIRN__RECORD_PUT);
    commit(world, 9, 0, PIRN__RECORD_PUT);
    commit(world, 3, 1, PIRN__RECORD_META); /* a newer one elsewhere */
    commit(world, 7, 0, PIRN__RECORD_PUT);
    commit(world, 8, 0, PIRN__RECORD_PUT);
    removed(world, 7);
    sync_all(world);
    restart_begin(world);
    read_segment(world, 1);
    assert_int_equal(tell_all(world, 0, &at, told), 0);
    read_segment(world, 0);
    assert_int_equal(tell_all(world, 0, &at, told), 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct pirn_id id = id_of(things[i]);
        assert_memory_equal(&told[i].id, &id, sizeof(id));
        assert_int_equal(told[i].place.record, 2 * i);
    }
    assert_int_equal(tell_all(world, 0, &at, told), 0); /* each once */
    assert_false(world->segments[0].has_later);
    assert_true(world->segments[1].has_later);
    restart_end(world);
    assert_int_equal(world->live, 4);
}

static uint64_t random_state;

static uint32_t random_below(uint32_t end)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % end;
}

static bool is_full(const struct world *world, uint32_t segment)
{
    return !pirn__batch_fits(&world->batches[segment], 0, 200);
}

/* As the keeper does, when all records are dead: sync all, then turn. */
static void recycle(struct world *world, uint32_t segment)
{
    const struct pirn__batch *batch = &world->batches[segment];
    uint32_t records = batch->first_record;

    if (pirn__tomb_dead(&world->tombs, segment, batch->generation, records) ==
        records) {
        sync_all(world);
        segment_begin(world, segment, batch->generation + 1);
        world->turns++;
    }
}

/* A version is written, its writer dies: cut at the mark, and sealed. */
static void die(struct world *world, uint32_t thing, uint32_t segment)
{
    struct pirn__batch *batch = &world->batches[segment];

    record_add(world, thing, segment, PIRN__RECORD_META);
    batch_write_some(world, segment, random_below(9) * 512);
    pirn__tomb_cut(&world->tombs, segment, batch->generation,
                   batch->first_record, true);
    pirn__batch_begin(batch);
    batch->segment_bytes = 0; /* nothing fits any more */
    world->things[thing].may_be_there = true;
}

static void act_on(struct world *world, uint32_t thing, uint32_t segment)
{
    struct thing *t = &world->things[thing];
    bool is_there = t->version > 0 && !t->removed;
    uint32_t what = random_below(10);

    if (world->is_parted && !t->removed) {
        segment = segment / 2 + (t->spent > 0 ? 2 : 0);
    }

    if (what < 3) {
        if (is_there) {
            removed(world, thing);
        }
    } else if (t->removed || is_full(world, segment)) {
        recycle(world, segment);
    } else if (what < 6 || !is_there) {
        commit(world, thing, segment, PIRN__RECORD_PUT);
    } else if (what < 9) {
        commit(world, thing, segment, PIRN__RECORD_META);
    } else {
        die(world, thing, segment);
    }
}

/* Things come and go, so that segments get empty. */
static void live(struct world *world, uint32_t acts)
{
    uint32_t first = 0;

    for (uint32_t i = 0; i < acts; i++) {
        act_on(world, first + random_below(BUSY), random_below(SEGMENTS));
        if (random_below(16) == 0) {
            sync_all(world);
        }
        if (random_below(8) == 0 && first < IDS - BUSY) {
            struct thing *t = &world->things[first];
            if (t->version > 0 && !t->removed && random_below(16) > 0) {
                removed(world, first);
            }
            first++;
        }
    }
}

/* The last write was not acknowledged, and is there in part. */
static void leave_in_flight(struct world *world)
{
    uint32_t thing = random_below(IDS);
    uint32_t segment = random_below(SEGMENTS);
    struct thing *t = &world->things[thing];

    if (t->version > 0 && !t->removed && !is_full(world, segment)) {
        record_add(world, thing, segment, PIRN__RECORD_META);
        batch_write_some(world, segment, random_below(9) * 512);
        t->may_be_there = true;
    }
}

/* Of each word the disk may have what was synced, or what is. */
static void cut_power(struct world *world)
{
    for (unsigned i = 0; i < SEGMENTS * WORDS; i++) {
        if (random_below(2) == 0) {
            world->disk[i] = world->words[i];
        }
    }
    for (unsigned i = 0; i < SEGMENTS; i++) {
        if (random_below(2) == 0) {
            world->disk_bounds[i] = world->bounds[i];
        }
    }
}

static bool may_be(const struct thing *t, uint32_t version)
{
    if (t->may_be_there && version > t->version && version <= t->spent) {
        return true;
    }
    return version == t->version ? !t->removed_for_good
                                 : version == 0 && t->removed;
}

static void check_things(struct world *world, uint64_t seed)
{
    for (uint32_t i = 0; i < IDS; i++) {
        const struct thing *t = &world->things[i];
        uint32_t version = version_now(world, i);
        if (t->version > 0 ? !may_be(t, version) : version != 0) {
            fail_msg("seed %llu: thing %u has version %u instead of %u%s",
                     (unsigned long long)seed, i, version, t->version,
                     t->removed ? ", removed" : "");
        }
    }
}

static void shuffle(uint32_t *order)
{
    memcpy(order, forwards, sizeof(forwards));
    for (uint32_t i = SEGMENTS; i > 1; i--) {
        uint32_t other = random_below(i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static void no_life_ends_in_an_old_version(void **state)
{
    uint32_t order[SEGMENTS];
    uint32_t turns = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_teardown(state);
        world_setup(state);
        struct world *world = *state;
        random_state = seed;
        live(world, 20 + random_below(400));
        leave_in_flight(world);
        cut_power(world);
        for (unsigned i = 0; i < 3; i++) {
            shuffle(order);
            restart_in(world, order);
            check_things(world, seed);
        }
        turns += world->turns;
    }
    printf("seeds 1 to %d, %u segments recycled\n", SEEDS, turns);
    assert_true(turns > SEEDS);
}

/* Segments with later versions first, then the others, of which each is told as
 * it was read; how many were. */
static uint32_t tell_life(struct world *world, struct told *told)
{
    bool is_first[SEGMENTS];
    uint32_t count = 0;

    restart_in(world, forwards);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        is_first[i] = !world->segments[i].has_later;
    }
    restart_begin(world);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        if (!is_first[i]) {
            read_segment(world, i);
        }
    }
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        struct pirn__replay_told at = {0};
        if (is_first[i]) {
            read_segment(world, i);
            count += tell_all(world, i, &at, told + count);
        }
    }
    restart_end(world);
    return count;
}

static void expect_told(const struct world *world, const struct told *told,
                        uint64_t seed)
{
    for (uint32_t i = 0; i < world->live; i++) {
        struct pirn__head head;
        struct pirn__place place;
        pirn__replay_get(&world->replay, i, &head, &place);
        if (memcmp(&head.id, &told->id, sizeof(head.id)) == 0) {
            assert_int_equal(pirn__place_pack(place),
                             pirn__place_pack(told->place));
            return;
        }
    }
    fail_msg("seed %llu: what was told does not live",
             (unsigned long long)seed);
}

static void what_is_told_is_what_the_end_says(void **state)
{
    struct told told[IDS];
    uint32_t all = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_teardown(state);
        world_setup(state);
        struct world *world = *state;
        random_state = seed;
        world->is_parted = true;
        live(world, 20 + random_below(200));
        leave_in_flight(world);
        cut_power(world);
        uint32_t count = tell_life(world, told);
        for (uint32_t i = 0; i < count; i++) {
            expect_told(world, &told[i], seed);
        }
        all += count;
    }
    printf("seeds 1 to %d, %u told\n", SEEDS, all);
    assert_true(all > SEEDS);
}

#define WORLD_TEST(fn) \
    cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

TEST_MAIN(WORLD_TEST(newest_version_lives),
          WORLD_TEST(item_is_where_its_newest_record_is),
          WORLD_TEST(dead_record_counts),
          WORLD_TEST(item_whose_body_is_dead_is_dead),
          WORLD_TEST(item_whose_body_is_gone_is_dead),
          WORLD_TEST(item_whose_body_was_not_reached_is_dead),
          WORLD_TEST(record_behind_the_cut_does_not_count),
          WORLD_TEST(record_under_words_of_a_later_turn_does_not_count),
          WORLD_TEST(copy_that_is_not_dead_wins),
          WORLD_TEST(order_is_that_of_first_commits),
          WORLD_TEST(items_of_one_batch_keep_their_order),
          WORLD_TEST(torn_record_of_the_last_batch_is_none),
          WORLD_TEST(item_whose_body_is_torn_is_dead),
          WORLD_TEST(part_of_another_record_is_none),
          WORLD_TEST(judge_stops_where_the_bytes_end),
          WORLD_TEST(only_the_last_batch_is_judged),
          WORLD_TEST(more_memory_loses_nothing),
          WORLD_TEST(memory_is_for_batches_too),
          WORLD_TEST(recycling_needs_all_tombstones_durable),
          WORLD_TEST(no_life_ends_in_an_old_version),
          WORLD_TEST(first_versions_are_told_in_their_order),
          WORLD_TEST(what_is_told_goes_on_where_it_was),
          WORLD_TEST(what_is_told_is_what_the_end_says))
