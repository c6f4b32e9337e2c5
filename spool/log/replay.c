/* SPDX-License-Identifier: MIT */
/*
 * replay.c - see spool/log/replay.h
 *
 * One pass. Every record that is not absent is met once, and only raises what
 * is known of its id: a higher version, or the same one alive instead of dead,
 * or an earlier first commit. So the order of the segments does not matter, nor
 * whether they come one by one or in turns.
 *
 * Items are put one behind the other; the table leads to them by id, by open
 * addressing in twice as many places. Ids of neighbouring slots are neighbours
 * there, because those that are made together get slots in a row: a batch of
 * them touches a few lines of memory. Beside an item's number stand bits of its
 * id, so that a search that passes others does not look at them.
 *
 * The order at the end is that of the batches that the items began in, and in
 * each that of its records. So the batches are sorted, of which there are few,
 * and the items counted into their places.
 */
#include "spool/log/replay.h"

#include <string.h>

#include <pirn/invariant.h>

#include "spool/hash.h"
#include "spool/log/bytes.h"

enum { ID_BYTES = sizeof(struct pirn_id), UNIT = PIRN__RECORD_UNIT };

size_t pirn__replay_bytes(uint32_t cap)
{
    return cap * (sizeof(struct pirn__replay_batch) + PIRN__HEAD_BYTES +
                  sizeof(struct pirn__replay_item) + 2 * sizeof(uint64_t));
}

static uint8_t *head_at(const struct pirn__replay *replay, uint32_t item)
{
    return replay->heads + (size_t)item * PIRN__HEAD_BYTES;
}

/* Of an id: where its search begins, and bits to know it by. */
struct key {
    uint32_t home;
    uint32_t tag;
};

/* A line of the table has eight places: what tells apart two items of one slot,
 * and slots that are no neighbours, chooses the line. */
static struct key key_of(const uint8_t *id)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t low = __builtin_bswap64(pirn__get64(id + 8));
    uint32_t near = low >> 10 & 7; /* the slot's last bits; see record.c */
    uint64_t far = low >> 13 ^ (uint64_t)pirn__get16(id + 6) << 48;

    far *= odd;
    far = (far ^ far >> 32) * odd;
    return (struct key){
        .home = (uint32_t)(far >> 32) * 8 + near,
        .tag = ((uint32_t)far & ~7u) | near,
    };
}

/* Where an id is in the table, or would be. */
static uint64_t *table_at(const struct pirn__replay *replay, const uint8_t *id,
                          struct key key)
{
    uint32_t mask = 2 * replay->cap - 1;
    uint32_t i = key.home & mask;

    while (replay->table[i] != 0 &&
           (replay->table[i] >> 32 != key.tag ||
            memcmp(head_at(replay, (uint32_t)replay->table[i] - 1), id,
                   ID_BYTES) != 0)) {
        i = (i + 1) & mask;
    }
    return &replay->table[i];
}

static uint64_t entry_of(struct key key, uint32_t item)
{
    return (uint64_t)key.tag << 32 | (item + 1);
}

static void memory_divide(struct pirn__replay *replay, void *memory,
                          uint32_t cap)
{
    pirn_assert(cap >= 1 && cap <= UINT32_C(1) << 30);
    pirn_assert_rule((cap & (cap - 1)) == 0, "a power of two");

    replay->cap = cap;
    replay->batches = memory;
    replay->heads = (uint8_t *)(replay->batches + cap);
    replay->items = (struct pirn__replay_item *)(void *)head_at(replay, cap);
    replay->table = (uint64_t *)(void *)(replay->items + cap);
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
    return count <= replay->cap - replay->count &&
           replay->batch_count < replay->cap;
}

void pirn__replay_move(struct pirn__replay *replay, void *memory, uint32_t cap)
{
    const struct pirn__replay old = *replay;

    pirn_assert(cap >= old.count && cap >= old.batch_count);
    memory_divide(replay, memory, cap);
    memcpy(replay->batches, old.batches,
           old.batch_count * sizeof(*old.batches));
    memcpy(replay->heads, old.heads, (size_t)old.count * PIRN__HEAD_BYTES);
    memcpy(replay->items, old.items, old.count * sizeof(*old.items));
    for (uint32_t i = 0; i < replay->count; i++) {
        struct key key = key_of(head_at(replay, i));
        *table_at(replay, head_at(replay, i), key) = entry_of(key, i);
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
           pirn__hash(batch + at, part.head.body_bytes) == part.digest;
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

static bool batch_is_before(const struct pirn__replay *replay, uint32_t a,
                            uint32_t b)
{
    const struct pirn__replay_batch *one = &replay->batches[a];
    const struct pirn__replay_batch *other = &replay->batches[b];

    if (one->written_ns != other->written_ns) {
        return one->written_ns < other->written_ns;
    }
    return one->segment != other->segment
               ? one->segment < other->segment
               : one->first_record < other->first_record;
}

/* Which of two began before. */
static bool is_before(const struct pirn__replay *replay,
                      const struct pirn__replay_item *a,
                      const struct pirn__replay_item *b)
{
    return a->first_batch == b->first_batch
               ? a->first_record < b->first_record
               : batch_is_before(replay, a->first_batch, b->first_batch);
}

/* What is known of an id, by one more record. */
static void item_raise(struct pirn__replay *replay, uint32_t item,
                       const struct pirn__replay_item *met, const uint8_t *head)
{
    struct pirn__replay_item *known = &replay->items[item];
    uint32_t old = pirn__head_version(head_at(replay, item));
    uint32_t new = pirn__head_version(head);
    struct pirn__replay_item first =
        is_before(replay, met, known) ? *met : *known;

    if (new > old || (new == old && known->is_dead && !met->is_dead)) {
        *known = *met;
        memcpy(head_at(replay, item), head, PIRN__HEAD_BYTES);
    }
    known->first_batch = first.first_batch;
    known->first_record = first.first_record;
}

static void item_meet(struct pirn__replay *replay,
                      const struct pirn__replay_item *met, const uint8_t *head)
{
    struct key key = key_of(head);
    uint64_t *at = table_at(replay, head, key);

    if (*at != 0) {
        item_raise(replay, (uint32_t)*at - 1, met, head);
        return;
    }
    pirn_assert(replay->count < replay->cap);
    memcpy(head_at(replay, replay->count), head, PIRN__HEAD_BYTES);
    *at = entry_of(key, replay->count);
    replay->items[replay->count++] = *met;
}

/* Its number; it is kept once it has a record that may count. */
static uint32_t batch_open(struct pirn__replay *replay,
                           const struct pirn__batch_head *head)
{
    pirn_assert(replay->batch_count < replay->cap);
    replay->batches[replay->batch_count] = (struct pirn__replay_batch){
        .written_ns = head->written_ns,
        .segment = head->segment,
        .generation = head->generation,
        .first_record = head->first_record,
        .first_met = replay->count,
    };
    return replay->batch_count;
}

static void batch_keep(struct pirn__replay *replay,
                       struct pirn__replay_segment *segment)
{
    struct pirn__replay_batch *batch = &replay->batches[replay->batch_count++];

    batch->met = replay->count - batch->first_met;
    segment->batches++;
    if (segment->first_batch == 0) {
        segment->first_batch = replay->batch_count;
    } else {
        replay->batches[segment->last_batch - 1].next = replay->batch_count;
    }
    segment->last_batch = replay->batch_count;
}

static bool is_bad(const uint64_t *bad, uint32_t i)
{
    return bad != NULL && (bad[i / 64] >> i % 64 & 1) != 0;
}

void pirn__replay_batch(struct pirn__replay *replay,
                        const struct pirn__batch_head *head,
                        const uint8_t *heads, const uint64_t *bad)
{
    pirn_assert(head->segment < replay->tombs->segment_count);
    struct pirn__replay_segment *segment = &replay->segments[head->segment];
    uint32_t batch = batch_open(replay, head);
    uint32_t met = 0;

    pirn_assert_rule(head->first_record >= segment->records, "in order");
    segment->generation = head->generation;
    segment->last = head->first_record;
    segment->records = head->first_record + head->count;
    if (bad != NULL) {
        memcpy(segment->bad, bad, sizeof(segment->bad));
    }
    for (uint32_t i = 0; i < head->count; i++) {
        uint16_t record = (uint16_t)(head->first_record + i);
        enum pirn__tomb_verdict verdict = pirn__tomb_judge(
            replay->tombs, head->segment, head->generation, record);
        if (verdict == PIRN__TOMB_ABSENT || is_bad(bad, i)) {
            continue;
        }
        struct pirn__replay_item item = {
            .batch = batch,
            .first_batch = batch,
            .record = record,
            .first_record = record,
            .is_dead = verdict == PIRN__TOMB_DEAD,
        };
        item_meet(replay, &item, heads + i * PIRN__HEAD_BYTES);
        segment->has_later |=
            pirn__head_version(heads + i * PIRN__HEAD_BYTES) != 1;
        met++;
    }
    if (met > 0) {
        batch_keep(replay, segment);
    }
}

/* The item, as its newest record says it. */
static void item_get(const struct pirn__replay *replay, uint32_t item,
                     struct pirn__head *ret_head, struct pirn__place *ret_place)
{
    uint32_t number = replay->items[item].batch;
    const struct pirn__replay_batch *batch = &replay->batches[number];
    int r = pirn__head_decode(head_at(replay, item), ret_head);

    pirn_assert(r == 0);
    *ret_place = (struct pirn__place){
        .segment = batch->segment,
        .at = ret_head->part_at,
        .generation = (uint16_t)(batch->generation & PIRN__GENERATION_BITS),
        .record = replay->items[item].record,
    };
}

static bool is_body_of(const struct pirn__place *body,
                       const struct pirn__place *part)
{
    return body->segment == part->segment && body->record == part->record &&
           body->generation == part->generation;
}

bool pirn__replay_tell(const struct pirn__replay *replay, uint32_t segment,
                       struct pirn__replay_told *told,
                       struct pirn__head *ret_head,
                       struct pirn__place *ret_place)
{
    pirn_assert(segment < replay->tombs->segment_count);
    uint32_t next = replay->segments[segment].first_batch;

    next = told->batch == 0 ? next : told->batch;
    while (next != 0) {
        const struct pirn__replay_batch *batch = &replay->batches[next - 1];
        told->items = told->batch == next ? told->items : 0;
        told->batch = next;
        while (told->items < batch->met) {
            uint32_t item = batch->first_met + told->items++;
            if (replay->items[item].is_dead ||
                replay->items[item].batch != next - 1) {
                continue;
            }
            item_get(replay, item, ret_head, ret_place);
            if (ret_head->version == 1 &&
                is_body_of(&ret_head->body, ret_place)) {
                return true;
            }
        }
        next = batch->next;
    }
    return false;
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

/* Merges two ordered rows of batches that stand behind each other. */
static void merge(const struct pirn__replay *replay, const uint32_t *from,
                  uint32_t middle, uint32_t end, uint32_t *to)
{
    uint32_t a = 0;
    uint32_t b = middle;

    while (a < middle && b < end) {
        bool is_b = batch_is_before(replay, from[b], from[a]);
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
        if (batch_is_before(replay, order[at], order[at - 1])) {
            break;
        }
    }
    return at;
}

/* Segment by segment: each is a row already, unless a clock was set. */
static void group_batches(struct pirn__replay *replay, uint32_t *order)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < replay->tombs->segment_count; i++) {
        uint32_t batches = replay->segments[i].batches;
        replay->segments[i].batches = end;
        end += batches;
    }
    pirn_assert(end == replay->batch_count);
    for (uint32_t i = 0; i < replay->batch_count; i++) {
        uint32_t segment = replay->batches[i].segment;
        order[replay->segments[segment].batches++] = i;
    }
}

/* Two rows to one, from one half of the room to the other and back, until there
 * is one. Returns the half where it is. */
static uint32_t *sort_batches(struct pirn__replay *replay)
{
    uint32_t count = replay->batch_count;
    uint32_t *from = replay->order;
    uint32_t *to = replay->order + replay->cap;

    group_batches(replay, from);
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

/* What lives is counted where it began, and nothing else any more. */
static uint32_t count_live(struct pirn__replay *replay)
{
    uint32_t live = 0;

    for (uint32_t i = 0; i < replay->count; i++) {
        struct pirn__replay_item *item = &replay->items[i];
        struct pirn__head head;
        int r = pirn__head_decode(head_at(replay, i), &head);
        pirn_assert(r == 0);
        item->is_dead = item->is_dead || !body_is_there(replay, &head);
        replay->batches[item->first_batch].items += item->is_dead ? 0 : 1;
        live += item->is_dead ? 0 : 1;
    }
    return live;
}

/* Of one batch they stand as they were met, which is their order but for those
 * that were met elsewhere before. */
static void order_records(const struct pirn__replay *replay, uint32_t *order,
                          uint32_t live)
{
    for (uint32_t i = 1; i < live; i++) {
        uint32_t item = order[i];
        const struct pirn__replay_item *it = &replay->items[item];
        uint32_t at = i;
        while (at > 0 &&
               replay->items[order[at - 1]].first_batch == it->first_batch &&
               is_before(replay, it, &replay->items[order[at - 1]])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = item;
    }
}

uint32_t pirn__replay_end(struct pirn__replay *replay)
{
    uint32_t live = count_live(replay);
    replay->order = (uint32_t *)replay->table; /* of no more use */
    const uint32_t *batches = sort_batches(replay);
    uint32_t *order =
        replay->order + (batches == replay->order ? replay->cap : 0);
    uint32_t at = 0;

    for (uint32_t i = 0; i < replay->batch_count; i++) {
        uint32_t items = replay->batches[batches[i]].items;
        replay->batches[batches[i]].items = at;
        at += items;
    }
    for (uint32_t i = 0; i < replay->count; i++) {
        if (!replay->items[i].is_dead) {
            order[replay->batches[replay->items[i].first_batch].items++] = i;
        }
    }
    order_records(replay, order, live);
    replay->order = order;
    replay->count = live;
    return live;
}

void pirn__replay_get(const struct pirn__replay *replay, uint32_t i,
                      struct pirn__head *ret_head,
                      struct pirn__place *ret_place)
{
    pirn_assert(i < replay->count);
    item_get(replay, replay->order[i], ret_head, ret_place);
}

const struct pirn_id *pirn__replay_id(const struct pirn__replay *replay,
                                      uint32_t i)
{
    pirn_assert(i < replay->count);
    return (const struct pirn_id *)head_at(replay, replay->order[i]);
}
