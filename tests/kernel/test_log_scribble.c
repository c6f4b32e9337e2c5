/* SPDX-License-Identifier: MIT */
/*
 * test_log_scribble.c - somebody writes over what is shared while it is open
 *
 * A byte of the index is another one, then everything is tried that reads or
 * claims, then the index is as it was. Whatever the verbs say: it ends, and
 * nobody is given another item's bytes for an item's.
 *
 * With PIRN_LONG=1 each byte with each of its bits turned, and with all of
 * them; else of two bytes one, in one of these ways, the same in each run
 * (PIRN_SEED=N: others).
 */
#include "kernel/test_log.h"

#include "spool/log/log.h"

enum { ITEMS = 6, TEXT = 24 };

struct scene {
    struct bed *bed;
    struct pirn_id ids[ITEMS];
    char texts[ITEMS][TEXT];
    uint8_t *memory; /* the index, mapped */
    uint8_t *before;
    size_t bytes; /* all of it */
    bool is_long;
    uint32_t random;
    uint32_t tried;
};

static void scene_init(struct scene *scene, struct bed *bed)
{
    struct pirn_claim claim = {0};
    const struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY,
                                       .priority = 1};

    const char *is_long = getenv("PIRN_LONG");
    const char *seed = getenv("PIRN_SEED");

    scene->is_long = is_long != NULL && strcmp(is_long, "1") == 0;
    scene->random = seed != NULL ? (uint32_t)strtoul(seed, NULL, 10) : 1;
    scene->tried = 0;
    scene->bed = bed;
    for (int i = 0; i < ITEMS; i++) {
        snprintf(scene->texts[i], TEXT, "the body of item %c", 'a' + i);
        scene->ids[i] = log_put(bed, scene->texts[i]);
    }
    assert_int_equal(log_claim_id(bed, &claim, &scene->ids[1]), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &change), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    struct pirn__log *log = bed->spool->log;
    scene->memory = log->memory;
    scene->bytes = log->index.bytes;
    scene->before = malloc(scene->bytes);
    memcpy(scene->before, scene->memory, scene->bytes);
}

static void expect_text(struct scene *scene, const struct pirn_id *id,
                        int32_t result, const char *buf)
{
    for (int i = 0; result >= 0 && i < ITEMS; i++) {
        if (log_same_id(id, &scene->ids[i])) {
            assert_int_equal(result, strlen(scene->texts[i]));
            assert_memory_equal(buf, scene->texts[i], (size_t)result);
            return;
        }
    }
    assert_true(result < 0); /* of an item that there is not */
}

static void try_claimed(struct scene *scene, struct pirn_claim *claim)
{
    char buf[TEXT];
    struct pirn_id id = claim->item.id;
    int32_t r = log_read(scene->bed, claim, buf, TEXT, 0);

    expect_text(scene, &id, r, buf);
    (void)bed_give_back(scene->bed, claim); /* else it stays ours */
}

static void try_id(struct scene *scene, int i)
{
    struct bed *bed = scene->bed;
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};
    char buf[TEXT];

    if (bed_look(bed, &view, &scene->ids[i]) == 0) {
        assert_true(log_same_id(&view.item.id, &scene->ids[i]));
        pirn_prep_view_read(&view, buf, TEXT, 0);
        int32_t r = pirn_wait(bed->context, &view.op);
        expect_text(scene, &scene->ids[i], r, buf);
    }
    bed_view_end(bed, &view);
    if (log_claim_id(bed, &claim, &scene->ids[i]) == 1) {
        assert_true(log_same_id(&claim.item.id, &scene->ids[i]));
        try_claimed(scene, &claim);
    }
}

static void try_lists(struct scene *scene)
{
    struct bed *bed = scene->bed;
    struct pirn_listing listing = {0};
    struct pirn_status status = {0};
    int32_t r = 1;

    pirn_prep_listing(&listing, bed->spool, NULL);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    for (int page = 0; r > 0; page++) {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(bed->context, &listing.op);
        assert_true(page < 100);
    }
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    pirn_prep_status(&status, bed->spool);
    (void)pirn_wait(bed->context, &status.op);
}

static void try_all(struct scene *scene)
{
    struct pirn_claim claims[2] = {0};

    for (int i = 0; i < 2; i++) {
        if (bed_claim(scene->bed, &claims[i]) == 1) {
            try_claimed(scene, &claims[i]);
        }
    }
    for (int i = 0; i < ITEMS; i++) {
        try_id(scene, i);
    }
    try_lists(scene);
}

/* The bits of a byte, and all of them. */
enum { WAYS = 9 };

static bool is_chosen(struct scene *scene, uint32_t way)
{
    if (way == 0) {
        scene->random = scene->random * 1103515245u + 12345;
    }
    return scene->is_long || (scene->random >> 8) % (2 * WAYS) == way;
}

static void scribble(struct scene *scene, size_t at, size_t len)
{
    assert_true(at + len <= scene->bytes);
    for (size_t i = at; i < at + len; i++) {
        for (uint32_t way = 0; way < WAYS; way++) {
            if (is_chosen(scene, way)) {
                scene->memory[i] ^= (uint8_t)(way < 8 ? 1 << way : 0xff);
                try_all(scene);
                memcpy(scene->memory, scene->before, scene->bytes);
                scene->tried++;
            }
        }
    }
    try_all(scene);
    print_message("%u of %zu\n", scene->tried, len * WAYS);
}

static void run(void **state, size_t (*where)(const struct pirn__index *index,
                                              const uint8_t **ret_at))
{
    struct bed *bed = *state;
    struct scene scene;
    const uint8_t *at;

    scene_init(&scene, bed);
    size_t len = where(&bed->spool->log->index, &at);
    scribble(&scene, (size_t)(at - scene.memory), len);
    for (int i = 0; i < ITEMS; i++) { /* as if nothing had been */
        struct pirn_claim claim = {0};
        assert_int_equal(log_claim_id(bed, &claim, &scene.ids[i]), 1);
        log_expect_body(bed, &claim, scene.texts[i]);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    free(scene.before);
}

static size_t slots(const struct pirn__index *index, const uint8_t **ret_at)
{
    *ret_at = (const uint8_t *)index->catalogue.slots;
    return ITEMS * sizeof(struct pirn__slot);
}

static size_t segments(const struct pirn__index *index, const uint8_t **ret_at)
{
    *ret_at = (const uint8_t *)index->segments;
    return 2 * sizeof(struct pirn__index_segment);
}

static size_t queues(const struct pirn__index *index, const uint8_t **ret_at)
{
    *ret_at = (const uint8_t *)index->queues;
    return 2 * sizeof(struct pirn__index_queue);
}

/* Of the first queue. */
static size_t lanes(const struct pirn__index *index, const uint8_t **ret_at)
{
    const struct pirn__catalogue *catalogue = &index->catalogue;
    size_t each = PIRN__LANE_WORDS * sizeof(uint64_t);

    *ret_at =
        (const uint8_t *)catalogue->lanes.lanes + catalogue->first_lane * each;
    return PIRN__QUEUE_LANES * each;
}

/* The blocks that are used so far. */
static size_t blocks(const struct pirn__index *index, const uint8_t **ret_at)
{
    *ret_at = (const uint8_t *)index->catalogue.lanes.blocks;
    return 256;
}

static size_t heads(const struct pirn__index *index, const uint8_t **ret_at)
{
    *ret_at = (const uint8_t *)index->catalogue.state;
    return PIRN__CATALOGUE_WORDS * sizeof(uint64_t);
}

static void lanes_that_are_written_over_lead_to_no_other_item(void **state)
{
    run(state, lanes);
}

static void blocks_that_are_written_over_lead_to_no_other_item(void **state)
{
    run(state, blocks);
}

static void counts_that_are_written_over_lead_to_no_other_item(void **state)
{
    run(state, heads);
}

static void slots_that_are_written_over_lead_to_no_other_item(void **state)
{
    run(state, slots);
}

static void segments_that_are_written_over_lead_to_no_other_item(void **state)
{
    run(state, segments);
}

static void queues_that_are_written_over_lead_to_no_other_item(void **state)
{
    run(state, queues);
}

/* Where an item's part and body stand, another one's do. */
static void a_place_of_another_item_is_not_believed(void **state)
{
    struct bed *bed = *state;
    struct scene scene;

    scene_init(&scene, bed);
    struct pirn__slot *slots_of = bed->spool->log->index.catalogue.slots;
    for (int way = 0; way < 3 * ITEMS * ITEMS; way++) {
        struct pirn__slot *to = &slots_of[way / 3 / ITEMS];
        const struct pirn__slot *from = &slots_of[way / 3 % ITEMS];
        to->part = way % 3 == 1 ? to->part : from->part;
        to->body = way % 3 == 0 ? to->body : from->body;
        if (is_chosen(&scene, 0) || way % 4 == 0) {
            try_all(&scene);
        }
        memcpy(scene.memory, scene.before, scene.bytes);
    }
    free(scene.before);
}

BED_MAIN(LOG_TEST(slots_that_are_written_over_lead_to_no_other_item),
         LOG_TEST(a_place_of_another_item_is_not_believed),
         LOG_TEST(lanes_that_are_written_over_lead_to_no_other_item),
         LOG_TEST(blocks_that_are_written_over_lead_to_no_other_item),
         LOG_TEST(counts_that_are_written_over_lead_to_no_other_item),
         LOG_TEST(segments_that_are_written_over_lead_to_no_other_item),
         LOG_TEST(queues_that_are_written_over_lead_to_no_other_item))
