/* SPDX-License-Identifier: MIT */
/*
 * test_log_share.c - several have one log open: contexts, and threads
 */
#include "kernel/test_log.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, EACH = 300, ALL = THREADS * EACH };

static int join(const struct bed *bed, struct bed *ret_other)
{
    *ret_other = *bed;
    int r = pirn_context_create(NULL, &ret_other->context);

    return r < 0 ? r : bed_open(ret_other, false);
}

static void what_one_puts_the_other_takes(void **state)
{
    struct bed *bed = *state;
    struct bed other;
    struct pirn_claim claim = {0};
    struct pirn_claim none = {0};

    bed_join(bed, &other);
    assert_int_equal(bed_status(bed).owners, 2);
    for (int i = 0; i < 50; i++) {
        struct pirn_id id = log_put(i % 2 ? bed : &other, "body");
        struct bed *taker = i % 3 ? bed : &other;
        assert_int_equal(bed_claim(taker, &claim), 1);
        assert_true(log_same_id(&claim.item.id, &id));
        assert_int_equal(log_claim_id(bed, &none, &id), 0);
        assert_int_equal(log_claim_id(&other, &none, &id), 0);
        log_expect_body(taker, &claim, "body");
        assert_int_equal(i % 5 ? bed_remove(taker, &claim)
                               : log_remove_durable(taker, &claim),
                         0);
        log_expect_gone(bed, &id);
        log_expect_gone(&other, &id);
    }
    bed_leave(&other);
}

static void a_queue_that_another_makes_is_met(void **state)
{
    struct bed *bed = *state;
    struct bed other;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};
    const struct pirn_change move = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "late"};

    bed_join(bed, &other);
    assert_int_equal(
        pirn_spool_create_queue_as(other.spool, "late", PIRN_LAYOUT_LOG), 0);
    assert_int_equal(log_enqueue(bed, &draft, "late", "one", 3, NULL), 0);
    log_expect_next(&other, "late", "one");
    (void)log_put(&other, "two");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &move), 0);
    log_expect_next(&other, "late", "two");
    bed_leave(&other);
}

static void what_one_has_when_he_leaves_the_other_gets(void **state)
{
    struct bed *bed = *state;
    struct bed other;
    struct pirn_claim claim = {0};
    struct pirn_id id = log_put(bed, "body");

    bed_join(bed, &other);
    assert_int_equal(bed_claim(&other, &claim), 1);
    log_expect_none(bed, "incoming");
    bed_leave(&other);
    memset(&claim, 0, sizeof(claim));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_true(log_same_id(&claim.item.id, &id));
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* ---- threads ---- */

struct crowd {
    const struct bed *bed;
    atomic_uint taken;
    atomic_uint times[ALL]; /* by the number in the body */
    atomic_int failed;      /* the first error, by line */
};

struct member {
    struct crowd *crowd;
    uint32_t number;
    pthread_t thread;
};

#define TRY(crowd, ok)                                                         \
    do {                                                                       \
        int line = 0;                                                          \
        if (!(ok)) {                                                           \
            atomic_compare_exchange_strong(&(crowd)->failed, &line, __LINE__); \
        }                                                                      \
    } while (0)

static void put_all(struct member *member, struct bed *mine)
{
    for (uint32_t i = 0; i < EACH; i++) {
        uint32_t number = member->number * EACH + i;
        struct pirn_draft draft = {0};
        TRY(member->crowd, log_enqueue(mine, &draft, "incoming", &number,
                                       sizeof(number), NULL) == 0);
    }
}

/* An item in seven is given back the first time. */
static void take_all(struct member *member, struct bed *mine)
{
    struct crowd *crowd = member->crowd;
    struct pirn_claim claim = {0};

    while (atomic_load(&crowd->taken) < ALL && !atomic_load(&crowd->failed)) {
        uint32_t number = 0;
        int32_t r = bed_claim(mine, &claim);
        TRY(crowd, r == 0 || r == 1);
        if (r != 1) {
            continue;
        }
        TRY(crowd, log_read(mine, &claim, &number, 4, 0) == 4);
        if (number % 7 == 0 && claim.item.attempts == 0) {
            TRY(crowd, bed_give_back(mine, &claim) == 0);
            continue;
        }
        TRY(crowd, number < ALL &&
                       atomic_fetch_add(&crowd->times[number % ALL], 1) == 0);
        TRY(crowd, bed_remove(mine, &claim) == 0);
        atomic_fetch_add(&crowd->taken, 1);
    }
}

static void *member_run(void *argument)
{
    struct member *member = argument;
    struct bed mine;
    bool is_open = join(member->crowd->bed, &mine) == 0;

    TRY(member->crowd, is_open);
    if (is_open) {
        put_all(member, &mine);
        take_all(member, &mine);
        bed_leave(&mine);
    }
    return NULL;
}

static void threads_have_each_item_exactly_once(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd = {.bed = bed};
    struct member members[THREADS];

    for (uint32_t i = 0; i < THREADS; i++) {
        members[i] = (struct member){.crowd = &crowd, .number = i};
        assert_int_equal(
            pthread_create(&members[i].thread, NULL, member_run, &members[i]),
            0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(members[i].thread, NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.failed), 0);
    for (uint32_t i = 0; i < ALL; i++) {
        assert_int_equal(atomic_load(&crowd.times[i]), 1);
    }
    log_expect_none(bed, "incoming");
}

BED_MAIN(LOG_TEST(what_one_puts_the_other_takes),
         LOG_TEST(a_queue_that_another_makes_is_met),
         LOG_TEST(what_one_has_when_he_leaves_the_other_gets),
         LOG_TEST(threads_have_each_item_exactly_once))
