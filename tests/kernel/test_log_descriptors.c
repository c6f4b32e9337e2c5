/* SPDX-License-Identifier: MIT */
/*
 * test_log_descriptors.c - a log of many segments in a process that may have
 * few descriptors
 *
 * Two items fill a segment, and there are more segments than the process may
 * have descriptors. So what keeps one per segment fails, and what is bounded by
 * what is under way is seen in the count.
 */
#include "kernel/test_log.h"

#include <sys/resource.h>

enum {
    SEGMENTS = 280,
    SEGMENT_BYTES = 144 * 1024,
    BODY = 50000,
    ITEMS = 540,   /* two are kept for changes */
    LIMIT = 256,   /* of the process */
    KEPT = 64,     /* of segments */
    OTHERS = 8,    /* of the spool, where no body is a file */
    PROMISED = 231 /* include/pirn/spool.h, without queues of files */
};

/* A claim among many, and the most descriptors that any of them has seen. */
struct one {
    struct pirn_claim claim;
    int32_t result;
    int *most;
};

static void allow(rlim_t descriptors)
{
    const struct rlimit few = {.rlim_cur = descriptors, .rlim_max = LIMIT};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

/* Above it none is open: they are given from below. */
static int lowest_free(void)
{
    int fd = dup(STDIN_FILENO);

    close(fd);
    return fd;
}

static int setup(void **state)
{
    allow(LIMIT);
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_slots = 2 * ITEMS;
    bed->log_segments = SEGMENTS;
    bed->log_segment_bytes = SEGMENT_BYTES;
    return bed_open(bed, true);
}

/* All at once; of each body the first bytes say which one it is. */
static void put(struct bed *bed, uint32_t count, struct pirn_id *ret_ids)
{
    struct bed_draft *drafts = calloc(count, sizeof(*drafts));
    char *bodies = calloc(count, BODY);

    for (uint32_t i = 0; i < count; i++) {
        memcpy(bodies + (size_t)i * BODY, &i, sizeof(i));
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming",
                          bodies + (size_t)i * BODY, BODY, NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(drafts[i].result, 0);
        ret_ids[i] = drafts[i].draft.id;
    }
    free(bodies);
    free(drafts);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct one *one = pirn_container_of(op, struct one, claim.op);
    int count = count_descriptors();

    one->result = result;
    *one->most = count > *one->most ? count : *one->most;
}

static void drain(struct bed *bed, const struct one *all, uint32_t count,
                  int32_t result)
{
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(all[i].result, result);
    }
}

static void expect_bodies(struct bed *bed, struct one *all)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t number = ITEMS;
        assert_int_equal(
            log_read(bed, &all[i].claim, &number, sizeof(number), 0),
            sizeof(number));
        assert_int_equal(number, i);
    }
}

/* Every item of the spool at once, from all segments; then back. */
static void claim_all(struct bed *bed, int *ret_most)
{
    struct one *all = calloc(ITEMS, sizeof(*all));

    *ret_most = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        all[i].most = ret_most;
        pirn_prep_claim(&all[i].claim, bed->spool, "incoming");
        pirn_start(bed->context, &all[i].claim.op, claimed);
    }
    drain(bed, all, ITEMS, 1);
    expect_bodies(bed, all);
    for (uint32_t i = 0; i < ITEMS; i++) {
        pirn_prep_give_back(&all[i].claim);
        pirn_start(bed->context, &all[i].claim.op, claimed);
    }
    drain(bed, all, ITEMS, 0);
    free(all);
}

static void expect_few(const struct bed *bed, int count)
{
    int more = count - bed->fd_count;

    printf("# %d descriptors, promised %d\n", more, PROMISED);
    assert_true(more > KEPT); /* all of them were needed */
    assert_true(more <= KEPT + OTHERS);
}

static void items_of_all_segments_are_read_with_few_descriptors(void **state)
{
    struct bed *bed = *state;
    static struct pirn_id ids[ITEMS];
    int most;

    put(bed, ITEMS, ids);
    assert_int_equal(access(log_segment(bed, ITEMS / 2 - 1), F_OK), 0);
    claim_all(bed, &most);
    expect_few(bed, most);
    expect_few(bed, count_descriptors());
}

static void an_index_is_made_anew_with_few_descriptors(void **state)
{
    struct bed *bed = *state;
    static struct pirn_id ids[ITEMS];
    int most;

    put(bed, ITEMS, ids);
    log_shut_down(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, ITEMS);
    assert_true(count_descriptors() - bed->fd_count <= KEPT + OTHERS);
    claim_all(bed, &most);
    expect_few(bed, most);
}

/* All entries are taken by open ones, and then held in one turn. */
static void who_comes_when_all_are_held_waits_for_one(void **state)
{
    struct bed *bed = *state;
    static struct pirn_id ids[ITEMS];
    struct one *all = calloc(ITEMS, sizeof(*all));
    int most = 0;

    put(bed, 2 * (KEPT + 1), ids);
    log_reopen(bed);
    for (uint32_t i = 0; i < KEPT; i++) {
        struct pirn_claim claim = {0};
        assert_int_equal(log_claim_id(bed, &claim, &ids[2 * i]), 1);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    for (uint32_t i = 0; i <= KEPT; i++) {
        all[i].most = &most;
        pirn_prep_claim_id(&all[i].claim, bed->spool, &ids[2 * i + 1]);
        pirn_start(bed->context, &all[i].claim.op, claimed);
    }
    drain(bed, all, KEPT + 1, 1);
    expect_few(bed, most);
    bed_close(bed);
    free(all);
}

/* Of one segment, which none of them can open. */
static void who_gets_no_descriptor_is_told_so_and_may_try_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[2];
    struct one all[2] = {0};
    int most = 0;

    put(bed, 2, ids);
    log_reopen(bed);
    allow((rlim_t)lowest_free());
    for (uint32_t i = 0; i < 2; i++) {
        all[i].most = &most;
        pirn_prep_claim_id(&all[i].claim, bed->spool, &ids[i]);
        pirn_start(bed->context, &all[i].claim.op, claimed);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    allow(LIMIT);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(all[i].result, -EMFILE);
        assert_int_equal(log_claim_id(bed, &all[i].claim, &ids[i]), 1);
        assert_int_equal(bed_remove(bed, &all[i].claim), 0);
    }
}

#define FEW_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup, log_teardown)

BED_MAIN(FEW_TEST(items_of_all_segments_are_read_with_few_descriptors),
         FEW_TEST(an_index_is_made_anew_with_few_descriptors),
         FEW_TEST(who_comes_when_all_are_held_waits_for_one),
         FEW_TEST(who_gets_no_descriptor_is_told_so_and_may_try_again))
