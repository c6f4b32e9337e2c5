/* SPDX-License-Identifier: MIT */
/*
 * test_log_catalogue_steps.c - the catalogue in every order of atomic steps
 *
 * Each row of the table is a few processes that do a few things to a few items.
 * All their orders are tried, with a kill and with a stop of anybody before
 * each step; somebody recovers the killed one, among the others, and may be
 * killed himself; somebody repeats what the stopped one has in his hand. When
 * all have ended, every item is found once, where it should be, and every slot.
 *
 * The wheel is a model that keeps its contract and has two lanes: for what is
 * due at SOON, and for what is due LATER. PIRN_LONG=1 runs the larger rows.
 */
#define PIRN__ATOM_STEPS
#include "spool/log/catalogue.c"
#undef READ_TRIES
#undef EXPIRE_TRIES
#define lane_of lane_words_of
#define entry_of lane_entry_of
#include "spool/log/inherit.c"
#include "spool/log/lane.c"
#include "spool/log/trail.c"

#include <string.h>

#include "sim/stories.h"
#include "test.h"

enum {
    SLOTS = 4,
    QUEUES = 2,
    WHEEL_SOON = 0,
    WHEEL_LATER,
    LANE_FREE,
    LANE_FIRST,
    LANES = LANE_FIRST + QUEUES * 2,
    CELLS = 2,
    WORDS = PIRN__BLOCK_HEAD_WORDS + CELLS,
    BLOCKS = 16,
    WARM_CELLS = 6,
    WARM_WORDS = PIRN__BLOCK_HEAD_WORDS + WARM_CELLS,
    WARM_BLOCKS = 10,
    NOW = 0,
    SOON = 5 * PIRN__TICK_NS,
    LATER_NS = 9 * PIRN__TICK_NS,
    STATES_MOST = 230000000,
};

/* Of each process: nobody else touches it while it lives. */
struct self {
    struct pirn__hand hand;
    uint64_t trail;
    uint32_t counts[SLOTS];
};

struct bed {
    struct pirn__slot slots[SLOTS];
    uint64_t state[PIRN__CATALOGUE_WORDS];
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t lanes[LANES * PIRN__LANE_WORDS];
    uint64_t blocks[BLOCKS * WORDS];
    struct self selves[ATOMS_PROCESSES + 1];
    uint64_t holders[SLOTS]; /* who has it, plus 1 */
    uint64_t items[SLOTS];   /* the incarnation of the item there */
};

enum verb {
    NOTHING,
    FILL,       /* a new item, in queue 0 */
    FILL_DELAY, /* the same, due SOON */
    NEXT_END,   /* claim the next of queue 0, and remove it */
    NEXT_BACK,  /* and give it back */
    ID_END,     /* claim item 0, and remove it */
    ID_BACK,    /* and give it back */
    ID_DELAY,   /* and delay it until SOON */
    ID_LATER,   /* and delay it until LATER */
    ID_MOVE,    /* and move it to queue 1 */
    EXPIRE,     /* at SOON */
};

struct row {
    const char *name;
    enum verb before[4]; /* by one who is alone */
    enum verb verbs[3][2];
    bool is_long; /* millions of states, and with two faults too many */
    bool is_warm; /* lanes have blocks that are long enough */
};

/* The explorer's memory, and what it runs: the same in all orders. */
static struct bed bed;
static const struct row *row;
static uint32_t processes;

/* ---- the model of the wheel ---- */

void pirn__wheel_init(const struct pirn__wheel *wheel, uint64_t now_ns)
{
    (void)wheel;
    (void)now_ns;
}

int pirn__wheel_put(const struct pirn__wheel *wheel, struct pirn__entry entry,
                    uint64_t due_ns, struct pirn__hand *hand)
{
    uint32_t lane = due_ns <= SOON ? WHEEL_SOON : WHEEL_LATER;
    return pirn__lane_put(&wheel->lanes, lane, entry, hand);
}

bool pirn__wheel_take(const struct pirn__wheel *wheel, uint64_t now_ns,
                      struct pirn__hand *hand, struct pirn__entry *ret_entry)
{
    return (now_ns >= SOON &&
            pirn__lane_take(&wheel->lanes, WHEEL_SOON, hand, ret_entry)) ||
           (now_ns >= LATER_NS &&
            pirn__lane_take(&wheel->lanes, WHEEL_LATER, hand, ret_entry));
}

uint64_t pirn__wheel_clock_ns(const struct pirn__wheel *wheel)
{
    (void)wheel;
    return UINT64_MAX; /* what it gives is due by it */
}

/* ---- who acts ---- */

static struct pirn__catalogue catalogue_of(struct bed *at)
{
    struct pirn__lanes lanes = {
        .head = at->head,
        .lanes = at->lanes,
        .blocks = at->blocks,
        .lane_count = LANES,
        .block_count = row->is_warm ? WARM_BLOCKS : BLOCKS,
        .block_words = row->is_warm ? WARM_WORDS : WORDS,
    };
    return (struct pirn__catalogue){
        .slots = at->slots,
        .state = at->state,
        .slot_count = SLOTS,
        .queue_count = QUEUES,
        .priority_count = 1,
        .lanes = lanes,
        .wheel = {.lanes = lanes},
        .free_lane = LANE_FREE,
        .first_lane = LANE_FIRST,
    };
}

static struct pirn__catalogue shared;
static struct pirn__trail trails[ATOMS_PROCESSES + 1];

static struct pirn__actor actor_of(uint32_t self)
{
    return (struct pirn__actor){.owner = (uint16_t)self,
                                .hand = &bed.selves[self].hand,
                                .trail = &trails[self]};
}

static void must(bool is_so, const char *what)
{
    if (!is_so) {
        atoms_fail(what);
    }
}

/* What is read or written besides atomic steps. */
static void touch(uint32_t slot)
{
    atoms_touch(&bed.holders[slot]);
    atoms_touch(&bed.items[slot]);
    atoms_touch(&bed.slots[slot].route);
    atoms_touch(&bed.slots[slot].due);
}

static void hold(uint32_t self, const struct pirn__grip *grip)
{
    touch(grip->slot);
    must(bed.holders[grip->slot] == 0, "two have the same item");
    bed.holders[grip->slot] = self + 1;
}

static void give(uint32_t self, struct pirn__grip *grip, uint16_t queue,
                 uint64_t due_ns)
{
    struct pirn__actor me = actor_of(self);
    struct pirn__route route = {.queue = queue};
    touch(grip->slot);
    bed.slots[grip->slot].route = pirn__route_pack(route);
    bed.slots[grip->slot].due = due_ns;
    must(bed.holders[grip->slot] == self + 1, "another has it, too");
    bed.holders[grip->slot] = 0;
    must(pirn__slot_release(&shared, &me, grip, NOW, true, NULL) == 0,
         "a release failed");
}

static void finish(uint32_t self, struct pirn__grip *grip)
{
    struct pirn__actor me = actor_of(self);
    if (pirn__word_unpack(grip->word).state != PIRN__REMOVING) {
        must(pirn__slot_turn(&shared, grip, PIRN__REMOVING) == 0,
             "a turn failed");
    }
    touch(grip->slot);
    must(bed.holders[grip->slot] == self + 1, "another has it, too");
    bed.items[grip->slot] = 0;
    bed.holders[grip->slot] = 0;
    must(pirn__slot_free(&shared, &me, grip) == 0, "a free failed");
}

static void fill(uint32_t self, uint64_t due_ns)
{
    struct pirn__actor me = actor_of(self);
    struct pirn__grip grip;
    int r = pirn__slot_fill(&shared, &me, SLOTS, &grip);
    must(r == 0, "a fill failed");
    if (r == 0) {
        hold(self, &grip);
        bed.items[grip.slot] = pirn__word_unpack(grip.word).incarnation;
        give(self, &grip, 0, due_ns);
    }
}

static void next(uint32_t self, enum verb verb)
{
    struct pirn__actor me = actor_of(self);
    struct pirn__grip grip;
    int r = pirn__slot_claim_next(&shared, &me, 0, &grip);
    must(r >= 0, "a claim of the next failed");
    if (r == 1) {
        hold(self, &grip);
        if (verb == NEXT_END) {
            finish(self, &grip);
        } else {
            give(self, &grip, 0, 0);
        }
    }
}

static void by_id(uint32_t self, enum verb verb)
{
    struct pirn__actor me = actor_of(self);
    struct pirn__grip grip;
    int r = pirn__slot_claim(&shared, &me, 0, 1, &grip);
    must(r >= 0 || r == -ENOENT, "a claim by id failed");
    if (r != 1) {
        return;
    }
    hold(self, &grip);
    if (verb == ID_END) {
        finish(self, &grip);
    } else {
        give(self, &grip, verb == ID_MOVE ? 1 : 0,
             verb == ID_DELAY   ? SOON
             : verb == ID_LATER ? LATER_NS
                                : 0);
    }
}

static void expire(uint32_t self)
{
    struct pirn__actor me = actor_of(self);
    uint32_t queue;
    must(pirn__catalogue_expire(&shared, &me, SOON, &queue) >= 0,
         "an expiry failed");
}

static void act(uint32_t self, enum verb verb)
{
    switch (verb) {
    case NOTHING:
        break;
    case FILL:
        fill(self, 0);
        break;
    case FILL_DELAY:
        fill(self, SOON);
        break;
    case NEXT_END:
    case NEXT_BACK:
        next(self, verb);
        break;
    case ID_END:
    case ID_BACK:
    case ID_DELAY:
    case ID_LATER:
    case ID_MOVE:
        by_id(self, verb);
        break;
    case EXPIRE:
        expire(self);
        break;
    }
}

static void run(void *memory, uint32_t self)
{
    (void)memory;
    act(self, row->verbs[self][0]);
    act(self, row->verbs[self][1]);
}

/* ---- who recovers ---- */

static void inherit(uint32_t self, uint32_t dead)
{
    struct pirn__actor me = actor_of(self);
    struct pirn__grip grip;
    struct pirn__heritage heritage = {
        .dead = (uint16_t)dead,
        .trail = &bed.selves[dead].trail,
    };
    while (pirn__slot_inherit(&shared, &me, &heritage, &grip)) {
        touch(grip.slot);
        bed.holders[grip.slot] = self + 1;
        struct pirn__route route =
            pirn__route_unpack(bed.slots[grip.slot].route);
        enum pirn__state state = pirn__word_unpack(grip.word).state;
        if (state == PIRN__FILLING || state == PIRN__REMOVING) {
            finish(self, &grip);
        } else {
            give(self, &grip, route.queue, bed.slots[grip.slot].due);
        }
    }
}

static void attend(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        if ((whom & 1u << i) != 0) {
            must(pirn__hand_recover(&shared.lanes, &bed.selves[i].hand,
                                    &bed.selves[self].hand) == 0,
                 "a hand is not recovered");
            inherit(self, i);
        }
    }
}

static void repeat(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        if ((whom & 1u << i) != 0) {
            must(pirn__hand_repeat(&shared.lanes, &bed.selves[i].hand,
                                   &bed.selves[self].hand) == 0,
                 "a hand is not repeated");
        }
    }
}

/* ---- what is right ---- */

enum { LAST = ATOMS_PROCESSES };

static const char *item_looks_wrong(uint32_t slot)
{
    struct pirn__word word = pirn__word_unpack(bed.slots[slot].word);
    bool there = word.state != PIRN__FREE;

    if (pirn__state_is_passing(word.state)) {
        return "an item is left in a passing state";
    }
    if (bed.items[slot] != (there ? word.incarnation : 0)) {
        return there ? "an item came from nowhere" : "an item is lost";
    }
    if (word.state == PIRN__READY && !word.hinted) {
        return "a ready item is not hinted";
    }
    return NULL;
}

/* @stopped: who never goes on; what he has is his. */
static const char *items_look_wrong(uint32_t stopped, uint32_t *ret_count)
{
    *ret_count = 0;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        struct pirn__word word = pirn__word_unpack(bed.slots[slot].word);
        if (pirn__state_is_passing(word.state) &&
            (stopped >> word.owner & 1) != 0) {
            continue;
        }
        const char *wrong = item_looks_wrong(slot);
        if (wrong != NULL) {
            return wrong;
        }
        *ret_count += word.state != PIRN__FREE;
    }
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        const struct self *self = &bed.selves[i];
        if ((stopped >> i & 1) != 0) {
            continue;
        }
        if (self->hand.put != 0 || self->hand.block != 0) {
            return "a hand is not empty";
        }
        if (self->trail != 0) {
            return "a trail leads to nothing";
        }
    }
    return NULL;
}

/* All that are due, and all that are ready. */
static uint32_t items_take(const struct pirn__actor *me)
{
    uint32_t queue;
    uint32_t taken = 0;
    struct pirn__grip grip;
    while (pirn__catalogue_expire(&shared, me, LATER_NS, &queue) == 1) {
    }
    for (queue = 0; queue < QUEUES; queue++) {
        while (pirn__slot_claim_next(&shared, me, queue, &grip) == 1) {
            hold(LAST, &grip);
            finish(LAST, &grip);
            taken++;
        }
    }
    return taken;
}

static const char *items_are_found(uint32_t stopped)
{
    struct pirn__actor me = actor_of(LAST);
    uint32_t items;
    const char *wrong = items_look_wrong(stopped, &items);
    if (wrong != NULL) {
        return wrong;
    }
    /* What was recovered into a line may have to go to the wheel first. */
    items -= items_take(&me);
    items -= items_take(&me);
    return items != 0 ? "an item is not found" : NULL;
}

static const char *check_without(void *memory, uint32_t killed,
                                 uint32_t stopped)
{
    (void)memory;
    if (stopped != 0 && killed >> processes != 0) {
        return NULL; /* who repeats for a stopped one was killed: others will */
    }
    bool attended = stopped >> processes != 0; /* another one would have to */
    return items_are_found(attended ? stopped | killed : stopped);
}

static const char *check(void *memory, uint32_t killed)
{
    (void)memory;
    (void)killed;
    struct pirn__actor me = actor_of(LAST);
    struct pirn__grip grip;
    const char *wrong = items_are_found(0);
    if (wrong != NULL) {
        return wrong;
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (pirn__slot_fill(&shared, &me, SLOTS, &grip) != 0) {
            return "a slot is lost";
        }
    }
    return pirn__slot_fill(&shared, &me, SLOTS, &grip) == -ENOSPC
               ? NULL
               : "a slot came from nowhere";
}

/* ---- the rows ---- */

static const struct row rows[] = {
    {.name = "fill, next", .verbs = {{FILL}, {NEXT_END}}},
    {.name = "fill, fill", .verbs = {{FILL}, {FILL}}, .is_long = true},
    {.name = "freed, fill",
     .before = {FILL, FILL, FILL, ID_END},
     .verbs = {{NEXT_END}, {FILL}}},
    {.name = "next, next",
     .before = {FILL},
     .verbs = {{NEXT_BACK}, {NEXT_END}}},
    {.name = "by id, next", .before = {FILL}, .verbs = {{ID_BACK}, {NEXT_END}}},
    {.name = "moved, next",
     .before = {FILL},
     .verbs = {{ID_MOVE}, {NEXT_BACK}}},
    {.name = "delayed, expire",
     .before = {FILL},
     .verbs = {{ID_DELAY}, {EXPIRE}}},
    {.name = "delayed, next",
     .before = {FILL},
     .verbs = {{ID_DELAY}, {NEXT_BACK}},
     .is_long = true},
    {.name = "expire, expire",
     .before = {FILL_DELAY},
     .verbs = {{EXPIRE}, {EXPIRE}}},
    {.name = "expire, by id",
     .before = {FILL_DELAY},
     .verbs = {{EXPIRE}, {ID_LATER}},
     .is_long = true},
    {.name = "expire, next",
     .before = {FILL_DELAY},
     .verbs = {{EXPIRE}, {NEXT_END}}},
    {.name = "by id, by id, next",
     .before = {FILL},
     .verbs = {{ID_BACK}, {ID_MOVE}, {NEXT_BACK}}},
    {.name = "fill, next, by id",
     .before = {FILL},
     .verbs = {{FILL}, {NEXT_END}, {ID_BACK}}},
    {.name = "delayed, expire, next",
     .before = {FILL},
     .verbs = {{ID_DELAY}, {EXPIRE}, {NEXT_END}}},
};

/* Those who do what another does. */
static uint32_t spared_of(const struct row *what, uint32_t count)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            bool is_same = memcmp(what->verbs[i], what->verbs[j],
                                  sizeof what->verbs[i]) == 0;
            bits |= (uint32_t)is_same << i;
        }
    }
    return bits;
}

static_assert(WARM_BLOCKS * WARM_WORDS <= BLOCKS * WORDS, "as many words");

/* An entry was in each, and what is in them has room there. */
static void lanes_warm(void)
{
    struct pirn__hand *hand = &bed.selves[LAST].hand;
    struct pirn__entry entry = {0};

    for (uint32_t lane = 0; lane < LANES; lane++) {
        bool is_put = pirn__lane_put(&shared.lanes, lane, entry, hand) == 0;
        assert_true(is_put &&
                    pirn__lane_take(&shared.lanes, lane, hand, &entry));
        pirn__hand_clear(hand);
    }
}

static void bed_begin(const struct row *what)
{
    memset(&bed, 0, sizeof bed);
    row = what;
    shared = catalogue_of(&bed);
    pirn__lanes_init(&shared.lanes);
    for (uint32_t i = 0; i <= LAST; i++) {
        pirn__trail_init(&trails[i], &bed.selves[i].trail, bed.selves[i].counts,
                         SLOTS);
    }
    if (row->is_warm) {
        lanes_warm();
    }
    for (int i = 0; i < 4; i++) {
        act(LAST, row->before[i]);
    }
    processes = 0;
    while (processes < 3 && row->verbs[processes][0] != NOTHING) {
        processes++;
    }
}

static struct atoms_plan row_begin(const struct row *what, uint32_t kills,
                                   uint32_t stops)
{
    bed_begin(what);
    return (struct atoms_plan){
        .name = row->name,
        .memory = &bed,
        .memory_bytes = sizeof bed,
        .hands = bed.selves,
        .hand_bytes = sizeof bed.selves[0],
        .process_count = processes,
        .spared = spared_of(row, processes),
        .kills = kills,
        .stops = stops,
        .run = run,
        .attend = attend,
        .repeat = repeat,
        .check = check,
        .check_without = check_without,
        .states_max = STATES_MOST,
    };
}

static void row_explore(const struct row *what, uint32_t kills, uint32_t stops)
{
    if (story_is_asked_for(what->name)) {
        struct atoms_plan plan = row_begin(what, kills, stops);
        plan_explore(&plan);
    }
}

/* Three processes and four items; at most four are there at a time. */
static const struct row rows_of_four[] = {
    {.name = "3 x 4: fill, next, by id",
     .before = {FILL, FILL, FILL},
     .verbs = {{FILL}, {NEXT_END}, {ID_BACK}}},
    {.name = "3 x 4: warm: fill, next, by id",
     .before = {FILL, FILL, FILL},
     .verbs = {{FILL}, {NEXT_END}, {ID_BACK}},
     .is_warm = true},
    {.name = "3 x 4: warm: next, next, moved",
     .before = {FILL, FILL, FILL, FILL},
     .verbs = {{NEXT_END}, {NEXT_BACK}, {ID_MOVE}},
     .is_warm = true},
    {.name = "3 x 4: warm: delayed, expire, next",
     .before = {FILL, FILL, FILL_DELAY, FILL},
     .verbs = {{ID_DELAY}, {EXPIRE}, {NEXT_END}},
     .is_warm = true},
    {.name = "3 x 4: next, next, moved",
     .before = {FILL, FILL, FILL, FILL},
     .verbs = {{NEXT_END}, {NEXT_BACK}, {ID_MOVE}},
     .is_long = true},
    {.name = "3 x 4: delayed, expire, next",
     .before = {FILL, FILL, FILL_DELAY, FILL},
     .verbs = {{ID_DELAY}, {EXPIRE}, {NEXT_END}},
     .is_long = true},
};

static void rows_explore(uint32_t kills, uint32_t stops, uint32_t count)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_three = rows[i].verbs[2][0] != NOTHING;
        bool is_tried =
            !rows[i].is_long || (stories_are_long() && kills + stops < 2);
        if (is_three == (count == 3) && is_tried) {
            row_explore(&rows[i], kills, stops);
        }
    }
}

static void with_anybody_killed_at_any_step_nothing_is_lost(void **state)
{
    (void)state;
    rows_explore(1, 0, 2);
}

static void with_anybody_stopped_at_any_step_nothing_is_lost(void **state)
{
    (void)state;
    rows_explore(0, 1, 2);
}

static void of_three_none_has_anothers_item(void **state)
{
    (void)state;
    rows_explore(0, 0, 3);
}

static void killed_while_recovering_or_beside_a_stopped_one(void **state)
{
    (void)state;
    if (!stories_are_long()) {
        print_message("only with PIRN_LONG=1\n");
        return;
    }
    rows_explore(2, 0, 2);
    rows_explore(1, 1, 2);
}

/* With a fault, those whose lanes are cold take minutes. */
static void four_explore(uint32_t kills, uint32_t stops)
{
    bool is_long = stories_are_long();
    for (size_t i = 0; i < sizeof rows_of_four / sizeof rows_of_four[0]; i++) {
        const struct row *what = &rows_of_four[i];
        if (what->is_warm || (!what->is_long && is_long) ||
            (kills + stops == 0 && (!what->is_long || is_long))) {
            row_explore(what, kills, stops);
        }
    }
}

static void of_three_with_four_items_each_is_found_once(void **state)
{
    (void)state;
    four_explore(0, 0);
    four_explore(1, 0);
    four_explore(0, 1);
}

/* Orders that are left out lead to no other end. */
static void what_is_left_out_makes_no_difference(void **state)
{
    (void)state;
    static const struct row small[] = {
        {.name = "delayed, expire",
         .before = {FILL},
         .verbs = {{ID_DELAY}, {EXPIRE}}},
        {.name = "by id, next",
         .before = {FILL},
         .verbs = {{ID_MOVE}, {NEXT_END}}},
    };
    for (size_t i = 0; i < sizeof small / sizeof small[0] * 3; i++) {
        plan_compare(row_begin(&small[i / 3], i % 3 == 1, i % 3 == 2));
    }
}

int main(void)
{
    if (!atoms_can_explore()) {
        print_message("the explorer cannot run here\n");
        return TEST_SKIP;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_anybody_killed_at_any_step_nothing_is_lost),
        cmocka_unit_test(with_anybody_stopped_at_any_step_nothing_is_lost),
        cmocka_unit_test(of_three_none_has_anothers_item),
        cmocka_unit_test(killed_while_recovering_or_beside_a_stopped_one),
        cmocka_unit_test(of_three_with_four_items_each_is_found_once),
        cmocka_unit_test(what_is_left_out_makes_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
