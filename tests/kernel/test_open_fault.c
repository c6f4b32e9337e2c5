/* SPDX-License-Identifier: MIT */
/*
 * test_open_fault.c - an open that fails at any of its operations
 *
 * Each result of an open is spoiled, one by one (without PIRN_LONG=1 some of
 * them): of a spool that is made, of one whose index is there, and of one
 * whose index is made anew. It says 0 or the error, keeps no descriptor, and
 * who opens next, in peace, has a spool with all items in it. One that cannot
 * write its entry among the owners says so, but for want of room.
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
    int before = count_descriptors();
    faulty_plan(ENGINE_OPCODE_COUNT, place, 1, -EIO);
    int r = bed_open(bed, opening->create);
    bool failed = faulty_outcome()->failed > 0;
    bed_heal();
    assert_true(r == 0 || (failed && r < 0));
    if (r == 0) {
        expect_items(bed, opening->items);
        bed_close(bed);
    }
    assert_int_equal(count_descriptors(), before);
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

/* ---- what an owner says of himself ---- */

static int32_t own_pid(struct bed *bed)
{
    struct pirn_owners owners = {0};

    pirn_prep_owners(&owners, bed->spool);
    assert_int_equal(pirn_wait(bed->context, &owners.op), 0);
    assert_int_equal(owners.count, 1);
    int32_t pid = (int32_t)owners.owners[0].pid;
    pirn_owners_end(&owners);
    return pid;
}

/* Others would read there what his slot's last owner said. */
static void who_cannot_say_who_he_is_does_not_come_in(void **state)
{
    struct bed *bed = *state;

    bed_put_many(bed, 1); /* so that there is an index, and nothing else to be
                             written */
    bed_close(bed);
    int before = count_descriptors();
    faulty_plan(ENGINE_WRITE, 1, 1, -EIO);
    assert_int_equal(bed_open(bed, false), -EIO);
    assert_int_equal(faulty_outcome()->failed, 1);
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(own_pid(bed), getpid());
}

static void forget_entry(const struct bed *bed)
{
    static const char zeros[64];
    int fd = open(bed_at(bed, ".owners"), O_WRONLY);

    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 4096), sizeof(zeros));
    close(fd);
}

/* He has to be able to remove: so he says it when he has an item. */
static void where_there_is_no_room_he_says_it_later(void **state)
{
    static const int32_t errors[] = {-ENOSPC, -EDQUOT};
    struct bed *bed = *state;
    struct pirn_claim claims[3] = {0};

    for (int i = 0; i < 2; i++) {
        bed_put_many(bed, 3);
        bed_close(bed);
        faulty_plan(ENGINE_WRITE, 1, 2, errors[i]);
        assert_int_equal(bed_open(bed, false), 0);
        forget_entry(bed);
        assert_int_equal(own_pid(bed), 0);
        for (int j = 0; j < 3; j++) {
            assert_int_equal(bed_claim(bed, &claims[j]), 1);
            assert_int_equal(pirn_context_drain(bed->context), 0);
            if (j == 0) { /* what failed is on the disk all the same */
                forget_entry(bed);
            }
        }
        assert_int_equal(faulty_outcome()->failed, 2);
        assert_int_equal(faulty_outcome()->seen, 3);
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        assert_int_equal(own_pid(bed), getpid());
        for (int j = 0; j < 3; j++) {
            assert_int_equal(bed_remove(bed, &claims[j]), 0);
        }
    }
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
         T(one_without_an_index_has_all_items),
         T(who_cannot_say_who_he_is_does_not_come_in),
         T(where_there_is_no_room_he_says_it_later))
