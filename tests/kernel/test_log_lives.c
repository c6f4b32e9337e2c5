/* SPDX-License-Identifier: MIT */
/*
 * test_log_lives.c - a random life, with power cuts, beside what is remembered
 *
 * Whatever a verb answered is noted; after each cut, and at the end, all that
 * was noted is there, and nothing else. The bodies are long, so that segments
 * turn over many times. The seed is printed; PIRN_SEED gives it.
 */
#include "kernel/test_log.h"

enum { LIVES = 6, STEPS = 400, ITEMS = 40, BODY_MAX = 60 * 1024 };

struct memory {
    bool is_there;
    struct pirn_id id;
    uint32_t len;
    uint8_t first;
    int8_t priority;
    bool held;
    bool moved;
    uint64_t due_ns;
};

struct life {
    struct bed *bed;
    uint64_t random;
    struct memory items[ITEMS];
    struct pirn_id ghosts[STEPS]; /* removed, and nobody said durably */
    uint32_t ghost_count;
    uint8_t *body;
    uint8_t *buf;
};

static uint32_t draw(struct life *life, uint32_t below)
{
    life->random ^= life->random << 13;
    life->random ^= life->random >> 7;
    life->random ^= life->random << 17;
    return (uint32_t)(life->random >> 20) % below;
}

static void put(struct life *life, struct memory *item)
{
    struct pirn_draft draft = {0};

    item->len = 1 + draw(life, draw(life, 8) == 0 ? 2 * BODY_MAX : BODY_MAX);
    item->first = (uint8_t)draw(life, 256);
    item->priority = (int8_t)((int)draw(life, 16) - 8);
    item->held = draw(life, 4) == 0;
    item->moved = false;
    item->due_ns = draw(life, 4) == 0 ? BED_FAR_NS : 0;
    draft.priority = item->priority;
    draft.held = item->held;
    draft.due_ns = item->due_ns;
    life->body[0] = item->first;
    assert_int_equal(
        log_enqueue(life->bed, &draft, "incoming", life->body, item->len, NULL),
        0);
    item->id = draft.id;
    item->is_there = true;
}

/* The keeper has it for a moment where it empties a segment. */
static int32_t claim_id(struct life *life, const struct pirn_id *id,
                        struct pirn_claim *claim)
{
    int32_t r = 0;

    for (int tries = 0; r == 0 && tries < 100; tries++) {
        r = log_claim_id(life->bed, claim, id);
        if (r == 0) {
            assert_int_equal(pirn_context_drain(life->bed->context), 0);
        }
    }
    return r;
}

static void claim(struct life *life, const struct memory *item,
                  struct pirn_claim *claim)
{
    assert_int_equal(claim_id(life, &item->id, claim), 1);
    assert_int_equal(claim->item.priority, item->priority);
    assert_int_equal(claim->item.size_bytes, item->len);
    assert_int_equal(claim->item.due_ns, item->due_ns);
    assert_string_equal(claim->item.queue, item->moved ? "other" : "incoming");
}

static void read_body(struct life *life, const struct memory *item,
                      struct pirn_claim *claim)
{
    uint32_t have = 0;
    int32_t r = 1;

    while (r > 0 && have < item->len) {
        r = log_read(life->bed, claim, life->buf + have, item->len - have,
                     have);
        assert_true(r > 0);
        have += (uint32_t)r;
    }
    life->body[0] = item->first;
    assert_memory_equal(life->buf, life->body, item->len);
}

static void change(struct life *life, struct memory *item)
{
    struct pirn_claim c = {0};
    bool update = draw(life, 3) == 0;

    claim(life, item, &c);
    item->priority = (int8_t)((int)draw(life, 16) - 8);
    item->held = draw(life, 3) == 0;
    item->moved = draw(life, 2) == 0;
    item->due_ns = draw(life, 3) == 0 ? BED_FAR_NS : 0;
    const struct pirn_change what = {
        .what = PIRN_CHANGE_PRIORITY | PIRN_CHANGE_HELD | PIRN_CHANGE_QUEUE |
                PIRN_CHANGE_DUE,
        .queue = item->moved ? "other" : "incoming",
        .priority = item->priority,
        .held = item->held,
        .due_ns = item->due_ns,
    };
    assert_int_equal(update ? log_update(life->bed, &c, &what)
                            : log_give_back_as(life->bed, &c, &what),
                     0);
    if (update) {
        assert_int_equal(bed_give_back(life->bed, &c), 0);
    }
}

static void remove_one(struct life *life, struct memory *item)
{
    struct pirn_claim c = {0};
    bool durable = draw(life, 2) == 0;

    claim(life, item, &c);
    read_body(life, item, &c);
    assert_int_equal(durable ? log_remove_durable(life->bed, &c)
                             : bed_remove(life->bed, &c),
                     0);
    item->is_there = false;
    if (!durable) {
        life->ghosts[life->ghost_count++] = item->id;
    }
}

static void step(struct life *life)
{
    struct memory *item = &life->items[draw(life, ITEMS)];
    struct pirn_claim c = {0};

    if (!item->is_there) {
        put(life, item);
        return;
    }
    switch (draw(life, 4)) {
    case 0:
        change(life, item);
        break;
    case 1:
        claim(life, item, &c);
        read_body(life, item, &c);
        assert_int_equal(bed_give_back(life->bed, &c), 0);
        break;
    default:
        remove_one(life, item);
        break;
    }
}

/* What came back is whole, and goes. */
static void lay_ghosts(struct life *life)
{
    for (uint32_t i = 0; i < life->ghost_count; i++) {
        struct pirn_claim c = {0};
        int32_t r = claim_id(life, &life->ghosts[i], &c);
        assert_true(r == 1 || r == -ENOENT);
        if (r == 1) {
            assert_int_equal(log_read(life->bed, &c, life->buf, BODY_MAX, 1),
                             c.item.size_bytes - 1 < BODY_MAX
                                 ? (int32_t)c.item.size_bytes - 1
                                 : BODY_MAX);
            assert_int_equal(log_remove_durable(life->bed, &c), 0);
        }
    }
    life->ghost_count = 0;
}

static void check_one(struct life *life, const struct memory *item)
{
    struct bed *bed = life->bed;
    struct pirn_claim c = {0};
    struct pirn_view view = {0};

    claim(life, item, &c);
    read_body(life, item, &c);
    assert_int_equal(bed_give_back(bed, &c), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(bed_look(bed, &view, &item->id), 0);
    enum pirn_item_state state = view.item.state;
    bed_view_end(bed, &view);
    assert_int_equal(state, item->held     ? PIRN_ITEM_HELD
                            : item->due_ns ? PIRN_ITEM_DELAYED
                                           : PIRN_ITEM_READY);
}

/* All that is there, one by one, as it is remembered. */
static uint64_t check_all(struct life *life)
{
    uint64_t count = 0;

    lay_ghosts(life);
    for (int i = 0; i < ITEMS; i++) {
        if (life->items[i].is_there) {
            check_one(life, &life->items[i]);
            count++;
        } else if (life->items[i].len > 0) {
            log_expect_gone(life->bed, &life->items[i].id);
        }
    }
    return count;
}

static void check_counts(struct life *life, uint64_t count)
{
    assert_int_equal(pirn_context_drain(life->bed->context), 0);
    struct pirn_status status = bed_status(life->bed);

    assert_int_equal(status.ready + status.held + status.delayed, count);
    assert_int_equal(status.claimed, 0);
    assert_int_equal(status.drafts, 0);
}

static void what_is_remembered_is_what_there_is(void **state)
{
    struct bed *bed = *state;
    struct life life = {.bed = bed, .random = (uint64_t)getpid() << 20 | 1};
    const char *seed = getenv("PIRN_SEED");

    life.random = seed == NULL ? life.random : strtoull(seed, NULL, 0);
    print_message("PIRN_SEED=0x%jx\n", (uintmax_t)life.random);
    life.body = calloc(1, 2 * BODY_MAX);
    life.buf = calloc(1, 2 * BODY_MAX);
    memset(life.body, 'b', 2 * BODY_MAX);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "other", PIRN_LAYOUT_LOG), 0);
    for (int i = 0; i < LIVES; i++) {
        for (int k = 0; k < STEPS; k++) {
            step(&life);
        }
        if (i % 3 == 2) {
            log_reopen(bed);
        } else {
            log_power_cut_and_open(bed);
        }
        check_counts(&life, check_all(&life));
    }
    free(life.body);
    free(life.buf);
}

BED_MAIN(LOG_TEST(what_is_remembered_is_what_there_is))
