/* SPDX-License-Identifier: MIT */
/*
 * replay.c - see spool/log/replay.h
 *
 * One pass. Every record that is not absent is met once, and only raises what
 * is known of its id: a higher version, or the same one alive instead of dead,
 * or an earlier first commit. So the order of the segments does not matter.
 * Items are put one behind the other; the table leads to them by id, by open
 * addressing in twice as many places, and is used for the order at the end.
 */
#include "spool/log/replay.h"

#include <string.h>

#include <pirn/invariant.h>

#include "spool/hash.h"
#include "spool/log/bytes.h"

enum { ID_BYTES = sizeof(struct pirn_id), UNIT = PIRN__RECORD_UNIT };

size_t pirn__replay_bytes(uint32_t cap)
{
    return cap * (sizeof(struct pirn__replay_item) + 2 * sizeof(uint32_t));
}

/* Where an id is in the table, or would be. */
static uint32_t *table_at(const struct pirn__replay *replay, const uint8_t *id)
{
    uint32_t mask = 2 * replay->cap - 1;
    uint32_t i = (uint32_t)XXH3_64bits(id, ID_BYTES) & mask;

    while (replay->table[i] != 0 &&
           memcmp(replay->items[replay->table[i] - 1].head, id, ID_BYTES) !=
               0) {
        i = (i + 1) & mask;
    }
    return &replay->table[i];
}

static void memory_divide(struct pirn__replay *replay, void *memory,
                          uint32_t cap)
{
    pirn_assert(cap >= 1 && cap <= UINT32_C(1) << 30);
    pirn_assert_rule((cap & (cap - 1)) == 0, "a power of two");

    replay->cap = cap;
    replay->items = memory;
    replay->table = (uint32_t *)(replay->items + cap);
    memset(replay->table, 0, 2 * (size_t)cap * sizeof(replay->table[0]));
}

void pirn__replay_init(struct pirn__replay *replay,
                       const struct pirn__tombs *tombs,
                       struct pirn__replay_segment *segments, void *memory,
                       uint32_t cap)
{
    *replay = (struct pirn__replay){.tombs = tombs, .segments = segments};
    memory_divide(replay, memory, cap);
}

bool pirn__replay_has_room(const struct pirn__replay *replay, uint32_t count)
{
    return count <= replay->cap - replay->count;
}

void pirn__replay_move(struct pirn__replay *replay, void *memory, uint32_t cap)
{
    const struct pirn__replay_item *old = replay->items;

    pirn_assert(cap >= replay->count);
    memory_divide(replay, memory, cap);
    memcpy(replay->items, old, replay->count * sizeof(*old));
    for (uint32_t i = 0; i < replay->count; i++) {
        *table_at(replay, replay->items[i].head) = i + 1;
    }
}

/* Whether a record's part is the one its head speaks of, and its body whole.
 * @at: of the part, in the batch's bytes. */
static bool is_whole(const uint8_t *batch, size_t len, uint64_t at,
                     const uint8_t *head, uint64_t salt)
{
    struct pirn__part part;

    if (at > len || pirn__part_decode(batch + at, len - at, salt, &part) < 0 ||
        memcmp(pirn__part_head(batch + at), head, PIRN__HEAD_BYTES) != 0) {
        return false;
    }
    if (pirn__head_body_room(&part.head) == 0) {
        return true;
    }
    at += part.head.part_bytes;
    return part.head.body_bytes <= len - at &&
           XXH3_64bits(batch + at, part.head.body_bytes) == part.digest;
}

uint32_t pirn__replay_judge(const struct pirn__batch_head *head,
                            const uint8_t *batch, size_t len, uint32_t at,
                            uint64_t salt, uint64_t *bad)
{
    uint32_t count = 0;

    pirn_assert(head->count <= PIRN__BATCH_RECORDS);
    pirn_assert(len >= PIRN__BATCH_HEAD_BYTES + head->count * PIRN__HEAD_BYTES);

    memset(bad, 0, PIRN__REPLAY_BAD_WORDS * sizeof(bad[0]));
    for (uint32_t i = 0; i < head->count; i++) {
        const uint8_t *bytes =
            batch + PIRN__BATCH_HEAD_BYTES + i * PIRN__HEAD_BYTES;
        struct pirn__head record;
        int r = pirn__head_decode(bytes, &record);
        pirn_assert_rule(r == 0 && record.part_at >= at, "from the cursor");
        uint64_t part = (uint64_t)(record.part_at - at) * UNIT;
        if (!is_whole(batch, len, part, bytes, salt)) {
            bad[i / 64] |= UINT64_C(1) << i % 64;
            count++;
        }
    }
    return count;
}

static uint32_t version_of(const uint8_t *head)
{
    struct pirn__head record;
    int r = pirn__head_decode(head, &record);

    pirn_assert_rule(r == 0, "from the cursor");
    return record.version;
}

static bool is_before(const struct pirn__replay_item *a,
                      const struct pirn__replay_item *b)
{
    if (a->first_ns != b->first_ns) {
        return a->first_ns < b->first_ns;
    }
    return a->first_segment != b->first_segment
               ? a->first_segment < b->first_segment
               : a->first_record < b->first_record;
}

/* What is known of an id, by one more record. */
static void item_raise(struct pirn__replay_item *known,
                       const struct pirn__replay_item *met)
{
    uint32_t old = version_of(known->head);
    uint32_t new = version_of(met->head);
    struct pirn__replay_item first = is_before(met, known) ? *met : *known;

    if (new > old || (new == old && known->is_dead && !met->is_dead)) {
        *known = *met;
    }
    known->first_ns = first.first_ns;
    known->first_segment = first.first_segment;
    known->first_record = first.first_record;
}

static void item_meet(struct pirn__replay *replay,
                      const struct pirn__replay_item *met)
{
    uint32_t *at = table_at(replay, met->head);

    if (*at != 0) {
        item_raise(&replay->items[*at - 1], met);
        return;
    }
    pirn_assert(replay->count < replay->cap);
    replay->items[replay->count++] = *met;
    *at = replay->count;
}

void pirn__replay_batch(struct pirn__replay *replay,
                        const struct pirn__batch_head *head,
                        const uint8_t *heads, const uint64_t *bad)
{
    pirn_assert(head->segment < replay->tombs->segment_count);
    struct pirn__replay_segment *segment = &replay->segments[head->segment];

    pirn_assert_rule(head->first_record == segment->records, "in order");
    segment->generation = head->generation;
    segment->last = head->first_record;
    segment->records += head->count;
    if (bad != NULL) {
        memcpy(segment->bad, bad, sizeof(segment->bad));
    }
    for (uint32_t i = 0; i < head->count; i++) {
        uint32_t record = head->first_record + i;
        enum pirn__tomb_verdict verdict = pirn__tomb_judge(
            replay->tombs, head->segment, head->generation, record);
        if (verdict == PIRN__TOMB_ABSENT ||
            (bad != NULL && (bad[i / 64] >> i % 64 & 1) != 0)) {
            continue;
        }
        struct pirn__replay_item met = {
            .first_ns = head->written_ns,
            .first_segment = head->segment,
            .first_record = (uint16_t)record,
            .segment = head->segment,
            .generation = head->generation,
            .record = (uint16_t)record,
            .is_dead = verdict == PIRN__TOMB_DEAD,
        };
        memcpy(met.head, heads + i * PIRN__HEAD_BYTES, sizeof(met.head));
        item_meet(replay, &met);
    }
}

/* Whether the record that keeps a body is there, and alive. */
static bool body_is_there(const struct pirn__replay *replay,
                          const struct pirn__head *head)
{
    const struct pirn__place *body = &head->body;

    if (body->segment >= replay->tombs->segment_count) {
        return false;
    }
    const struct pirn__replay_segment *segment =
        &replay->segments[body->segment];
    if ((segment->generation & PIRN__GENERATION_BITS) != body->generation ||
        body->record >= segment->records) {
        return false;
    }
    uint32_t i = body->record - segment->last;
    if (body->record >= segment->last &&
        (segment->bad[i / 64] >> i % 64 & 1) != 0) {
        return false;
    }
    return pirn__tomb_judge(replay->tombs, body->segment, segment->generation,
                            body->record) == PIRN__TOMB_ALIVE;
}

/* Merges two ordered rows that stand behind each other. */
static void merge(const struct pirn__replay *replay, const uint32_t *from,
                  uint32_t middle, uint32_t end, uint32_t *to)
{
    uint32_t a = 0;
    uint32_t b = middle;

    while (a < middle && b < end) {
        bool is_b = is_before(&replay->items[from[b]], &replay->items[from[a]]);
        *to++ = is_b ? from[b++] : from[a++];
    }
    memcpy(to, from + a, (middle - a) * sizeof(to[0]));
    memcpy(to + (middle - a), from + b, (end - b) * sizeof(to[0]));
}

/* Where the ordered row that begins at @at ends. */
static uint32_t row_end(const struct pirn__replay *replay,
                        const uint32_t *order, uint32_t at, uint32_t count)
{
    if (at == count) {
        return count;
    }
    for (at++; at < count; at++) {
        if (is_before(&replay->items[order[at]],
                      &replay->items[order[at - 1]])) {
            break;
        }
    }
    return at;
}

/* Two rows to one, from one half of the table to the other and back, until
 * there is one: a segment is a row already. Returns the half where it is. */
static uint32_t *sort(const struct pirn__replay *replay, uint32_t count)
{
    uint32_t *from = replay->table;
    uint32_t *to = replay->table + replay->cap;

    while (row_end(replay, from, 0, count) < count) {
        for (uint32_t at = 0; at < count;) {
            uint32_t middle = row_end(replay, from, at, count);
            uint32_t end = row_end(replay, from, middle, count);
            merge(replay, from + at, middle - at, end - at, to + at);
            at = end;
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

uint32_t pirn__replay_end(struct pirn__replay *replay)
{
    uint32_t live = 0;

    for (uint32_t i = 0; i < replay->count; i++) {
        struct pirn__head head;
        int r = pirn__head_decode(replay->items[i].head, &head);
        pirn_assert(r == 0);
        if (!replay->items[i].is_dead && body_is_there(replay, &head)) {
            replay->table[live++] = i;
        }
    }
    replay->table = sort(replay, live);
    replay->count = live;
    return live;
}

void pirn__replay_get(const struct pirn__replay *replay, uint32_t i,
                      struct pirn__head *ret_head,
                      struct pirn__place *ret_place)
{
    pirn_assert(i < replay->count);
    const struct pirn__replay_item *item = &replay->items[replay->table[i]];
    int r = pirn__head_decode(item->head, ret_head);

    pirn_assert(r == 0);
    *ret_place = (struct pirn__place){
        .segment = item->segment,
        .at = ret_head->part_at,
        .generation = (uint16_t)(item->generation & PIRN__GENERATION_BITS),
        .record = item->record,
    };
}
