/* SPDX-License-Identifier: MIT */
/* test_heap.c - timers come out in the order of their deadlines */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/heap.h"

enum { TIMERS = 2000, STEPS = 10000 };

/* Beside the heap, an unordered set of what it should hold. */
struct model {
    struct heap heap;
    struct pirn_loan timers[TIMERS];
    uint32_t place[TIMERS]; /* of its insertion; 0: not in the heap */
    uint32_t inserted;
    uint32_t seed;
};

static uint32_t any(struct model *model, uint32_t below)
{
    model->seed = model->seed * 1664525u + 1013904223u;
    return (model->seed >> 8) % below;
}

static bool model_is_before(const struct model *model, uint32_t a, uint32_t b)
{
    if (model->timers[a].offset != model->timers[b].offset) {
        return model->timers[a].offset < model->timers[b].offset;
    }
    return model->place[a] < model->place[b];
}

static struct pirn_loan *model_first(struct model *model)
{
    uint32_t first = TIMERS;

    for (uint32_t i = 0; i < TIMERS; i++) {
        if (model->place[i] > 0 &&
            (first == TIMERS || model_is_before(model, i, first))) {
            first = i;
        }
    }
    return first == TIMERS ? NULL : &model->timers[first];
}

static void insert(struct model *model, uint32_t i, uint64_t deadline_ns)
{
    model->timers[i] = (struct pirn_loan){.offset = deadline_ns};
    model->place[i] = ++model->inserted;
    pirn__heap_insert(&model->heap, &model->timers[i]);
}

static void take(struct model *model, uint32_t i)
{
    model->place[i] = 0;
    pirn__heap_remove(&model->heap, &model->timers[i]);
    assert_null(model->timers[i].link.next);
    assert_null(model->timers[i].link.prev);
}

/* What is due at @now_ns is the first, or nothing. */
static void look(struct model *model, struct pirn_loan *first, uint64_t now_ns)
{
    bool is_due = first != NULL && first->offset <= now_ns;

    assert_ptr_equal(pirn__heap_due(&model->heap, now_ns),
                     is_due ? first : NULL);
}

static void first_out_is_nearest_whatever_went_before(void **state)
{
    struct model *model = calloc(1, sizeof(*model));

    (void)state;
    model->seed = 0x70697264;
    print_message("seed 0x%x\n", model->seed);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = any(model, TIMERS);
        struct pirn_loan *first = model_first(model);

        assert_true(first == NULL ||
                    heap_bound_ns(&model->heap) <= first->offset);
        if (any(model, 3) == 0) { /* else trees stay apart */
            look(model, first, any(model, 60));
        }
        if (first != NULL && any(model, 4) == 0) {
            take(model, (uint32_t)(first - model->timers));
        } else if (model->place[i] > 0) {
            take(model, i);
        } else { /* few deadlines, so that many are equal */
            insert(model, i, any(model, 50));
        }
    }
    for (struct pirn_loan *first; (first = model_first(model)) != NULL;) {
        assert_ptr_equal(pirn__heap_due(&model->heap, UINT64_MAX), first);
        take(model, (uint32_t)(first - model->timers));
    }
    assert_null(pirn__heap_due(&model->heap, UINT64_MAX));
    assert_int_equal(model->heap.count, 0);
    free(model);
}

static void equal_deadlines_leave_in_the_order_of_insertion(void **state)
{
    struct model *model = calloc(1, sizeof(*model));

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        insert(model, i, 7);
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_ptr_equal(pirn__heap_due(&model->heap, UINT64_MAX),
                         &model->timers[i]);
        take(model, i);
    }
    free(model);
}

static void order_of_insertion_survives_the_counters_wrap(void **state)
{
    struct model *model = calloc(1, sizeof(*model));

    (void)state;
    model->heap.inserted = UINT32_MAX - 1;
    for (uint32_t i = 0; i < 4; i++) {
        insert(model, i, 7);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_ptr_equal(pirn__heap_due(&model->heap, UINT64_MAX),
                         &model->timers[i]);
        take(model, i);
    }
    free(model);
}

/* Every order in which five can come and every one that can be removed. */
static void any_of_five_can_be_removed(void **state)
{
    enum { FIVE = 5, ORDERS = 120 };

    (void)state;
    for (int order = 0; order < ORDERS; order++) {
        for (uint32_t removed = 0; removed < FIVE; removed++) {
            struct model *model = calloc(1, sizeof(*model));
            uint32_t left[FIVE] = {0, 1, 2, 3, 4};
            int code = order;

            for (uint32_t n = FIVE; n > 0; n--) {
                uint32_t pick = (uint32_t)code % n;
                code /= (int)n;
                insert(model, left[pick], left[pick]);
                left[pick] = left[n - 1];
            }
            take(model, removed);
            for (uint32_t i = 0; i < FIVE; i++) {
                if (i != removed) {
                    assert_ptr_equal(pirn__heap_due(&model->heap, UINT64_MAX),
                                     &model->timers[i]);
                    take(model, i);
                }
            }
            assert_null(pirn__heap_due(&model->heap, UINT64_MAX));
            free(model);
        }
    }
}

#define T(name) cmocka_unit_test(name)

/* However many there are: it is linked in front of one other. */
static void insertion_touches_one_other_timer_at_most(void **state)
{
    static struct pirn_loan before[TIMERS];
    struct model *model = calloc(1, sizeof(*model));

    (void)state;
    for (uint32_t i = 0; i < TIMERS; i++) {
        uint32_t touched = 0;

        memcpy(before, model->timers, sizeof(before));
        insert(model, i, any(model, 1000000));
        for (uint32_t k = 0; k < i; k++) {
            touched +=
                memcmp(&before[k], &model->timers[k], sizeof(before[k])) != 0;
        }
        assert_in_range(touched, 0, 1);
    }
    free(model);
}

TEST_MAIN(T(first_out_is_nearest_whatever_went_before),
          T(equal_deadlines_leave_in_the_order_of_insertion),
          T(order_of_insertion_survives_the_counters_wrap),
          T(any_of_five_can_be_removed),
          cmocka_unit_test(insertion_touches_one_other_timer_at_most))
