/* SPDX-License-Identifier: MIT */
/*
 * test_open_fault.c - an open that fails at any of its operations
 *
 * Each result of an open is spoiled, one by one (without PIRN_LONG=1 some of
 * them): of a spool that is made, of one whose index is there, and of one
 * whose index is made anew. It says 0 or the error, keeps no descriptor, and
 * who opens next, in peace, has a spool with all items in it.
 */
#include "kernel/faulty_bed.h"

enum { ITEMS = 12, PLACES_MAX = 4000 };

struct opening {
    void (*prepare)(struct bed *bed); /* the spool is closed */
    bool create;
    unsigned items;
    uint32_t step; /* from place to place, but with PIRN_LONG=1 */
};

static void expect_items(struct bed *bed, unsigned items)
{
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready, items);
    assert_int_equal(status.held + status.claimed + status.drafts, 0);
    assert_int_equal(status.quarantined, 0);
}

/* Return: whether there was such a place. */
static bool fails_at(struct bed *bed, const struct opening *opening,
                     uint32_t place)
{
    opening->prepare(bed);
    int before = bed_count_fds();
    faulty_plan(ENGINE_OPCODE_COUNT, place, 1, -EIO);
    int r = bed_open(bed, opening->create);
    bool failed = faulty_outcome()->failed > 0;
    bed_heal();
    assert_true(r == 0 || (failed && r < 0));
    if (r == 0) {
        expect_items(bed, opening->items);
        bed_close(bed);
    }
    assert_int_equal(bed_count_fds(), before);
    assert_int_equal(bed_open(bed, opening->create), 0);
    expect_items(bed, opening->items);
    bed_close(bed);
    return failed;
}

static void fail_everywhere(struct bed *bed, const struct opening *opening)
{
    const uint32_t step = getenv("PIRN_LONG") != NULL ? 1 : opening->step;
    uint32_t place = 1;

    bed_close(bed);
    while (fails_at(bed, opening, place)) {
        place += step;
        assert_true(place < PLACES_MAX);
    }
    assert_true(place > 10);
}

static void put_some(struct bed *bed)
{
    static char body[100000];

    for (int i = 0; i < ITEMS; i++) {
        (void)bed_put(bed, body, i == 0 ? sizeof(body) : 100);
    }
}

static void forget_spool(struct bed *bed)
{
    bed_rmtree(bed->path);
    bed_rmtree(bed->index_dir);
    assert_int_equal(mkdir(bed->path, 0700), 0);
    assert_int_equal(mkdir(bed->index_dir, 0700), 0);
}

static void one_that_is_made_is_made_whole_or_again(void **state)
{
    static const struct opening opening = {forget_spool, true, 0, 11};

    fail_everywhere(*state, &opening);
}

static void forget_nothing(struct bed *bed)
{
    assert_false(bed == NULL);
}

static void one_with_an_index_has_all_items(void **state)
{
    static const struct opening opening = {forget_nothing, false, ITEMS, 3};
    struct bed *bed = *state;

    put_some(bed);
    fail_everywhere(bed, &opening);
}

static void forget_index(struct bed *bed)
{
    const char *path = log_index_path(bed);

    assert_int_equal(path == NULL ? 0 : unlink(path), 0);
}

static void one_without_an_index_has_all_items(void **state)
{
    static const struct opening opening = {forget_index, false, ITEMS, 3};
    struct bed *bed = *state;

    put_some(bed);
    fail_everywhere(bed, &opening);
}

static int setup(void **state)
{
    if (setenv("TMPDIR", "/dev/shm", 0) < 0 ||
        log_setup_faulty_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_slots = 1024;
    return bed_open(bed, true);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, log_teardown)

BED_MAIN(T(one_that_is_made_is_made_whole_or_again),
         T(one_with_an_index_has_all_items),
         T(one_without_an_index_has_all_items))
