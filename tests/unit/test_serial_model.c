/* SPDX-License-Identifier: MIT */
/*
 * test_serial_model.c - a serial against a model that is plain arrays
 *
 * Every order of six actions out of eight on three ops, and long random ones on
 * eight. The ops are tasks without an end of their own, so the test decides
 * what ends when. After each action everything that can be asked is compared.
 */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/bed.h"

enum {
    OPS = 8,
    SLOTS = 3,
    ORDER = 6, /* actions in a run: 8^6 runs */
    RANDOM_STEPS = 400000,
};

enum state { IDLE, WAITING, RUNNING, ENDED, DROPPED };

/* The model. Lists are arrays of the ops' numbers, the first in front. */
struct list {
    int at[OPS];
    int count;
};

struct item {
    struct pirn_op op;
    struct world *world;
    enum state state;
    bool alone;
    bool again;     /* its function is to put it back at the front */
    int32_t result; /* that the model expects */
    bool begun;     /* what the serial has done, as the functions noted it */
    int calls;      /* of its function, not yet seen by the model */
    int32_t told;   /* with this */
};

struct world {
    struct pirn_context *context;
    struct pirn_serial serial;
    struct pirn_serial_slot slots[SLOTS];
    struct item items[OPS];
    struct list waiting;
    struct list ready; /* ENDED or DROPPED: its function is due */
    int slot_count;
    int waiting_max;
    int held; /* slots, of RUNNING and ENDED */
    bool stopped;
    bool stops_on_error;
    bool alone;
    bool wrong; /* noted in a function */
};

static void append(struct list *list, int number)
{
    list->at[list->count++] = number;
}

static void insert_front(struct list *list, int number)
{
    memmove(&list->at[1], &list->at[0],
            sizeof(list->at[0]) * (size_t)list->count);
    list->at[0] = number;
    list->count++;
}

static void take(struct list *list, int number)
{
    int i = 0;

    while (list->at[i] != number) {
        i++;
    }
    list->count--;
    memmove(&list->at[i], &list->at[i + 1],
            sizeof(list->at[0]) * (size_t)(list->count - i));
}

/* --- what the serial does --- */

static struct item *item_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct item, op);
}

static void note_begin(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    item_of(op)->begun = true;
}

static const struct pirn_task_verbs verbs = {.begin = note_begin};

static void note_end(struct pirn_op *op, int32_t result)
{
    struct item *item = item_of(op);
    bool had_turn = item->begun;

    item->calls++;
    item->told = result;
    item->begun = false;
    if (item->again && result != -EXFULL) {
        pirn_serial_push_as(&item->world->serial, op, PIRN_SERIAL_FRONT,
                            note_end);
        item->world->wrong |= had_turn && item->begun; /* before this returns */
    }
}

/* --- what the model says --- */

static void model_advance(struct world *world)
{
    while (world->waiting.count > 0 && !world->stopped && !world->alone &&
           world->held < world->slot_count) {
        struct item *item = &world->items[world->waiting.at[0]];

        if (item->alone && world->held > 0) {
            return;
        }
        take(&world->waiting, world->waiting.at[0]);
        item->state = RUNNING;
        world->alone = item->alone;
        world->held++;
    }
}

static void model_ends(struct world *world, int number, enum state state,
                       int32_t result)
{
    world->items[number].state = state;
    world->items[number].result = result;
    append(&world->ready, number);
}

static void model_push(struct world *world, int number, unsigned how)
{
    struct item *item = &world->items[number];
    bool is_full =
        world->waiting_max > 0 && world->waiting.count >= world->waiting_max;

    item->alone = (how & PIRN_SERIAL_ALONE) != 0;
    if (is_full && !(how & PIRN_SERIAL_FRONT)) {
        model_ends(world, number, DROPPED, -EXFULL);
        return;
    }
    item->state = WAITING;
    if (how & PIRN_SERIAL_FRONT) {
        insert_front(&world->waiting, number);
    } else {
        append(&world->waiting, number);
    }
}

static void model_turn(struct world *world)
{
    struct list due = world->ready;

    world->ready.count = 0;
    for (int i = 0; i < due.count; i++) {
        struct item *item = &world->items[due.at[i]];
        bool had_turn = item->state == ENDED;

        item->state = IDLE;
        if (had_turn) {
            world->held--;
            world->alone = false;
            world->stopped |= item->result < 0 && world->stops_on_error;
        }
        if (item->again && item->result != -EXFULL) {
            model_push(world, due.at[i], PIRN_SERIAL_FRONT);
        }
        model_advance(world);
    }
}

/* --- both --- */

static int count_of(const struct world *world, enum state state)
{
    int count = 0;

    for (int i = 0; i < OPS; i++) {
        count += world->items[i].state == state;
    }
    return count;
}

static void compare(struct world *world)
{
    struct pirn_serial *serial = &world->serial;
    int running = count_of(world, RUNNING) + count_of(world, ENDED);
    uint64_t since_ns;

    assert_false(world->wrong);
    assert_int_equal(pirn_serial_waiting_count(serial), world->waiting.count);
    assert_int_equal(pirn_serial_running_count(serial), running);
    assert_int_equal(pirn_serial_is_idle(serial),
                     running + world->waiting.count == 0);
    assert_int_equal(pirn_serial_is_stopped(serial), world->stopped);
    assert_int_equal(pirn_serial_longest(serial, &since_ns) != NULL,
                     running > 0);
    for (int i = 0; i < OPS; i++) {
        const struct item *item = &world->items[i];

        assert_int_equal(item->begun,
                         item->state == RUNNING || item->state == ENDED);
        assert_int_equal(pirn_op_is_idle(&item->op), item->state == IDLE);
    }
}

static void act_push(struct world *world, int number, unsigned how)
{
    struct item *item = &world->items[number];

    if (item->state == IDLE) {
        pirn_prep_task(&item->op, &verbs);
        pirn_serial_push_as(&world->serial, &item->op, how, note_end);
        model_push(world, number, how);
        model_advance(world);
    }
}

static void act_finish(struct world *world, int number, int32_t result)
{
    if (world->items[number].state == RUNNING) {
        pirn_task_finish(world->context, &world->items[number].op, result);
        model_ends(world, number, ENDED, result);
    }
}

static void act_cancel(struct world *world, int number)
{
    pirn_cancel(world->context, &world->items[number].op);
    if (world->items[number].state == WAITING) {
        take(&world->waiting, number);
        model_ends(world, number, DROPPED, -ECANCELED);
        model_advance(world);
    }
}

static void act_stop(struct world *world)
{
    pirn_serial_stop(&world->serial);
    world->stopped = true;
}

static void act_start(struct world *world)
{
    pirn_serial_start(&world->serial);
    world->stopped = false;
    model_advance(world);
}

static void act_turn(struct world *world)
{
    int32_t expected[OPS];
    bool due[OPS] = {false};

    for (int i = 0; i < world->ready.count; i++) {
        due[world->ready.at[i]] = true;
        expected[world->ready.at[i]] = world->items[world->ready.at[i]].result;
    }
    assert_int_equal(pirn_context_turn(world->context, 0), world->ready.count);
    model_turn(world);
    for (int i = 0; i < OPS; i++) {
        assert_int_equal(world->items[i].calls, due[i]);
        if (due[i]) {
            assert_int_equal(world->items[i].told, expected[i]);
        }
        world->items[i].calls = 0;
    }
}

static void begin_world(struct world *world, struct pirn_context *context,
                        struct pirn_serial_config config)
{
    *world = (struct world){
        .context = context,
        .slot_count = (int)config.slot_count,
        .waiting_max = (int)config.waiting_max,
        .stops_on_error = config.stops_on_error,
    };
    config.slots = world->slots;
    pirn_serial_init(&world->serial, context, &config);
    for (int i = 0; i < OPS; i++) {
        world->items[i].world = world;
    }
}

static void end_world(struct world *world)
{
    act_start(world);
    while (!pirn_serial_is_idle(&world->serial) || world->ready.count > 0) {
        for (int i = 0; i < OPS; i++) {
            world->items[i].again = false;
            act_finish(world, i, 0);
        }
        act_turn(world);
        act_start(world); /* an error may have stopped it */
        compare(world);
    }
    pirn_serial_deinit(&world->serial);
}

/* --- every order --- */

static void act(struct world *world, int action, int *pushed)
{
    switch (action) {
    case 0:
        act_push(world, (*pushed)++ % 3, 0);
        return;
    case 1:
        for (int i = 0; i < 3; i++) {
            act_finish(world, i, i);
        }
        return;
    case 2:
        act_stop(world);
        return;
    case 3:
        act_start(world);
        return;
    case 4:
        act_turn(world);
        return;
    default:
        act_cancel(world, action - 5);
    }
}

static void every_order_of_three_ops_agrees_with_the_model(void **state)
{
    struct bed *bed = *state;

    for (uint32_t slots = 1; slots <= 2; slots++) {
        for (uint32_t order = 0; order < 1u << (3 * ORDER); order++) {
            struct world world;
            int pushed = 0;

            begin_world(&world, bed->context,
                        (struct pirn_serial_config){.slot_count = slots});
            for (int i = 0; i < ORDER; i++) {
                act(&world, order >> (3 * i) & 7, &pushed);
                compare(&world);
            }
            end_world(&world);
        }
    }
}

/* --- random ones --- */

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % below;
}

static void act_at_random(struct world *world, uint64_t *random)
{
    int number = (int)draw(random, OPS);
    struct item *item = &world->items[number];

    switch (draw(random, 8)) {
    case 0:
        act_stop(world);
        return;
    case 1:
        act_start(world);
        return;
    case 2:
        act_cancel(world, number);
        return;
    case 3:
        act_turn(world);
        return;
    case 4:
    case 5:
        act_finish(world, number, (int32_t)draw(random, 3) - 1);
        return;
    default:
        item->again = draw(random, 4) == 0;
        act_push(world, number, draw(random, 4));
    }
}

static void random_histories_agree_with_the_model(void **state)
{
    struct bed *bed = *state;
    const char *given = getenv("PIRN_SEED");
    uint32_t seed = 0;
    uint64_t random;

    assert_int_equal(getentropy(&seed, sizeof(seed)), 0);
    random = given ? strtoull(given, NULL, 10) : seed;
    print_message("PIRN_SEED=%llu\n", (unsigned long long)random);
    for (int step = 0; step < RANDOM_STEPS; step += 200) {
        struct world world;

        begin_world(&world, bed->context,
                    (struct pirn_serial_config){
                        .slot_count = 1 + draw(&random, SLOTS),
                        .waiting_max = draw(&random, 5),
                        .stops_on_error = draw(&random, 2) == 0,
                    });
        for (int i = 0; i < 200; i++) {
            act_at_random(&world, &random);
            compare(&world);
        }
        end_world(&world);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(every_order_of_three_ops_agrees_with_the_model),
          T(random_histories_agree_with_the_model))
