/* SPDX-License-Identifier: MIT */
/*
 * restart.c - what a restart makes of any log (spool/log/replay.h)
 *
 * Held against a slow reading of the same rules: all records in a row, for each
 * id the highest version that is not absent, one that is alive if there is one,
 * and the record that its body's place names. No order in which the segments
 * come makes another outcome, unless two records that are alive say that they
 * are the same version: which none of ours does.
 */
#include "tests/fuzz/image.h"

const struct fuzz_target fuzz_target = {"restart", 8000, 1024};

enum { RECORDS_MAX = 4096 };

struct record {
    struct pirn__head head;
    uint32_t segment;
    uint32_t generation;
    uint32_t record;
    bool is_bad;
    enum pirn__tomb_verdict verdict;
};

/* All that was met, and what the replay makes of it. */
struct reading {
    const struct image *image;
    struct pirn__replay replay;
    struct pirn__replay_segment segments[IMAGE_SEGMENTS];
    void *memory;
    uint32_t count;
    struct record records[RECORDS_MAX];
};

static void grow(struct reading *reading)
{
    uint32_t cap = 2 * reading->replay.cap;
    void *memory = malloc(pirn__replay_bytes(cap));

    pirn_assert(memory != NULL);
    pirn__replay_move(&reading->replay, memory, cap);
    free(reading->memory);
    reading->memory = memory;
}

static void met(void *user, const struct pirn__batch_head *head,
                const uint8_t *heads, const uint64_t *bad)
{
    struct reading *reading = user;

    while (!pirn__replay_has_room(&reading->replay, head->count)) {
        grow(reading);
    }
    pirn__replay_batch(&reading->replay, head, heads, bad);
    for (uint32_t i = 0; i < head->count; i++) {
        pirn_assert(reading->count < RECORDS_MAX);
        struct record *record = &reading->records[reading->count++];
        int r = pirn__head_decode(heads + i * PIRN__HEAD_BYTES, &record->head);
        pirn_assert(r == 0);
        record->segment = head->segment;
        record->generation = head->generation;
        record->record = head->first_record + i;
        record->is_bad = bad != NULL && (bad[i / 64] >> i % 64 & 1) != 0;
        record->verdict =
            pirn__tomb_judge(&reading->image->tombs, head->segment,
                             head->generation, record->record);
    }
}

static uint32_t read_in(struct reading *reading, const struct image *image,
                        bool backwards)
{
    uint32_t cap = 8;

    reading->image = image;
    reading->count = 0;
    memset(reading->segments, 0, sizeof(reading->segments));
    reading->memory = malloc(pirn__replay_bytes(cap));
    pirn_assert(reading->memory != NULL);
    pirn__replay_init(&reading->replay, &image->tombs, reading->segments,
                      reading->memory, cap);
    for (uint32_t i = 0; i < IMAGE_SEGMENTS; i++) {
        image_read(image, backwards ? IMAGE_SEGMENTS - 1 - i : i, met, reading);
    }
    return pirn__replay_end(&reading->replay);
}

/* Whether the record that keeps the body is there, and alive. */
static bool body_is_there(const struct reading *reading,
                          const struct pirn__place *body)
{
    for (uint32_t i = 0; i < reading->count; i++) {
        const struct record *record = &reading->records[i];
        if (record->segment == body->segment &&
            (record->generation & PIRN__GENERATION_BITS) == body->generation &&
            record->record == body->record) {
            return !record->is_bad && record->verdict == PIRN__TOMB_ALIVE;
        }
    }
    return false;
}

/* What the records say of one id. */
struct verdict {
    uint32_t version; /* the highest; 0: there is none */
    uint32_t alive;   /* how many records of it are */
    uint32_t living;  /* how many of those have their body */
};

static struct verdict judge(const struct reading *reading,
                            const struct pirn_id *id)
{
    struct verdict verdict = {0};

    for (uint32_t i = 0; i < reading->count; i++) {
        const struct record *record = &reading->records[i];
        const struct pirn__head *head = &record->head;
        if (record->is_bad || record->verdict == PIRN__TOMB_ABSENT ||
            memcmp(&head->id, id, sizeof(*id)) != 0 ||
            head->version < verdict.version) {
            continue;
        }
        if (head->version > verdict.version) {
            verdict = (struct verdict){.version = head->version};
        }
        bool is_alive = record->verdict == PIRN__TOMB_ALIVE;
        verdict.alive += is_alive;
        verdict.living += is_alive && body_is_there(reading, &head->body);
    }
    return verdict;
}

static bool is_first(const struct reading *reading, uint32_t record)
{
    for (uint32_t i = 0; i < record; i++) {
        if (memcmp(&reading->records[i].head.id,
                   &reading->records[record].head.id,
                   sizeof(struct pirn_id)) == 0) {
            return false;
        }
    }
    return true;
}

/* How often the replay says that an id lives; in the version it should. */
static uint32_t times_live(const struct reading *reading, uint32_t live,
                           const struct pirn_id *id, uint32_t version)
{
    uint32_t times = 0;

    for (uint32_t i = 0; i < live; i++) {
        struct pirn__head head;
        struct pirn__place place;
        pirn__replay_get(&reading->replay, i, &head, &place);
        if (memcmp(&head.id, id, sizeof(*id)) == 0) {
            pirn_assert(head.version == version);
            pirn_assert(place.segment < IMAGE_SEGMENTS);
            pirn_assert(place.at == head.part_at);
            pirn_assert(body_is_there(reading, &head.body));
            times++;
        }
    }
    return times;
}

/* Returns whether some ids may live or not, by which record is met first. */
static bool check(const struct reading *reading, uint32_t live)
{
    bool is_unsure = false;
    uint32_t found = 0;

    for (uint32_t i = 0; i < reading->count; i++) {
        const struct pirn_id *id = &reading->records[i].head.id;
        if (!is_first(reading, i)) {
            continue;
        }
        struct verdict verdict = judge(reading, id);
        uint32_t times = times_live(reading, live, id, verdict.version);
        pirn_assert(times <= 1);
        if (verdict.living == 0 || verdict.living == verdict.alive) {
            pirn_assert(times == (verdict.living > 0));
        }
        is_unsure = is_unsure || verdict.alive > 1;
        found += times;
    }
    pirn_assert(found == live);
    return is_unsure;
}

static void check_order(const struct reading *a, const struct reading *b,
                        uint32_t live)
{
    for (uint32_t i = 0; i < live; i++) {
        struct pirn__head head_a;
        struct pirn__head head_b;
        struct pirn__place place_a;
        struct pirn__place place_b;
        pirn__replay_get(&a->replay, i, &head_a, &place_a);
        pirn__replay_get(&b->replay, i, &head_b, &place_b);
        pirn_assert(memcmp(&head_a.id, &head_b.id, sizeof(head_a.id)) == 0);
        pirn_assert(pirn__place_pack(place_a) == pirn__place_pack(place_b));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image image;
    static struct reading forwards;
    static struct reading backwards;
    struct fuzz_in in = {data, size};

    image_make(&image, &in);
    uint32_t live = read_in(&forwards, &image, false);
    uint32_t again = read_in(&backwards, &image, true);
    bool is_unsure = check(&forwards, live);
    (void)check(&backwards, again);
    if (!is_unsure) {
        pirn_assert(live == again);
        check_order(&forwards, &backwards, live);
    }
    free(forwards.memory);
    free(backwards.memory);
    return 0;
}
