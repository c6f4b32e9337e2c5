/* SPDX-License-Identifier: MIT */
/*
 * test_file_order.c - items of files that are put and taken at once
 *
 * Multispool's readers are tried with ten items that are there and a thousand
 * that come while others are taken, and are told to stop; so are ours.
 */
#include "kernel/test_file.h"

enum { FEW = 10, MANY = 1000, TAKERS = 64 };

/* What all takers have had. */
struct had {
    struct bed *bed;
    struct pirn_id ids[MANY];
    int count;
    int wrong;
};

struct taker {
    struct pirn_claim claim;
    struct had *had;
    bool is_removing;
};

static void take(struct taker *taker);

static void taken(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, claim.op);
    struct had *had = taker->had;

    if (taker->is_removing) {
        taker->is_removing = false;
        had->wrong += result != 0;
        if (had->count < MANY) {
            take(taker);
        }
        return;
    }
    if (result != 1) {
        had->wrong += result != -ECANCELED;
        return;
    }
    if (had->count < MANY) {
        had->ids[had->count] = taker->claim.item.id;
    }
    had->count++;
    taker->is_removing = true;
    pirn_prep_remove(&taker->claim);
    pirn_start(had->bed->context, &taker->claim.op, taken);
}

/* Until there is one, or he is told to stop. */
static void take(struct taker *taker)
{
    pirn_prep_claim_wait(&taker->claim, taker->had->bed->spool, "incoming",
                         UINT64_MAX);
    pirn_start(taker->had->bed->context, &taker->claim.op, taken);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pirn_id));
}

static void what_is_put_one_after_the_other_comes_in_that_order(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[FEW];
    struct pirn_claim claim = {0};

    for (int i = 0; i < FEW; i++) {
        ids[i] = bed_put(bed, "body", 4);
    }
    for (int i = 0; i < FEW; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_memory_equal(&claim.item.id, &ids[i], sizeof(ids[i]));
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    assert_int_equal(bed_claim(bed, &claim), 0);
}

static void put_many(struct bed *bed, struct bed_draft *drafts)
{
    for (int i = 0; i < MANY; i++) {
        drafts[i].result = 1;
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", "body", 4,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
}

static void expect_each_once(struct bed_draft *drafts, struct had *had)
{
    static struct pirn_id ids[MANY];

    assert_int_equal(had->wrong, 0);
    assert_int_equal(had->count, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(drafts[i].result, 0);
        ids[i] = drafts[i].draft.id;
    }
    qsort(ids, MANY, sizeof(ids[0]), compare);
    qsort(had->ids, MANY, sizeof(ids[0]), compare);
    assert_memory_equal(ids, had->ids, sizeof(ids));
}

static void a_thousand_that_come_while_they_are_taken_are_had_once(void **state)
{
    static struct bed_draft drafts[MANY];
    static struct taker takers[TAKERS];
    static struct had had;

    had.bed = *state;
    for (int i = 0; i < TAKERS; i++) {
        takers[i].had = &had;
        take(&takers[i]);
    }
    put_many(had.bed, drafts);
    while (had.count < MANY) {
        assert_true(pirn_context_turn(had.bed->context, 1000000000) >= 0);
    }
    for (int i = 0; i < TAKERS; i++) { /* who removes one takes no other */
        if (!takers[i].is_removing && !pirn_op_is_idle(&takers[i].claim.op)) {
            pirn_cancel(had.bed->context, &takers[i].claim.op);
        }
    }
    assert_int_equal(pirn_context_drain(had.bed->context), 0);
    expect_each_once(drafts, &had);
    assert_int_equal(bed_status(had.bed).ready, 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

BED_MAIN(TEST(what_is_put_one_after_the_other_comes_in_that_order),
         TEST(a_thousand_that_come_while_they_are_taken_are_had_once))
