/* SPDX-License-Identifier: MIT */
/* test_path.c - sentences of pirn/path.h, on the running kernel */
#include "tests/kernel/ring.h"

#include <linux/fs.h>

static int32_t wait_for(struct ring *ring, struct pirn_op *op)
{
    return pirn_wait(ring->context, op);
}

static void names_are_given_and_taken(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    int fd = ring->dir_fd;

    ring_put(ring, "a", "a");
    ring_put(ring, "b", "b");
    pirn_prep_mkdir(&op, fd, "sub", 0700);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_int_equal(wait_for(ring, &op), -EEXIST);
    pirn_prep_rename(&op, fd, "a", fd, "b", RENAME_NOREPLACE);
    assert_int_equal(wait_for(ring, &op), -EEXIST);
    pirn_prep_rename(&op, fd, "a", fd, "b", 0);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_false(ring_has(ring, "a"));
    pirn_prep_link(&op, fd, "b", fd, "sub/c", 0);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_true(ring_has(ring, "sub/c"));
    pirn_prep_symlink(&op, "sub/c", fd, "link");
    assert_int_equal(wait_for(ring, &op), 0);
    assert_true(ring_has(ring, "link"));
    pirn_prep_unlink(&op, fd, "sub", AT_REMOVEDIR);
    assert_int_equal(wait_for(ring, &op), -ENOTEMPTY);
    pirn_prep_unlink(&op, fd, "sub/c", 0);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_int_equal(wait_for(ring, &op), -ENOENT);
    pirn_prep_unlink(&op, fd, "sub", AT_REMOVEDIR);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_false(ring_has(ring, "sub"));
}

enum { ENTRIES = 1000 };

static void thousand_entries_are_listed_once_each(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    _Alignas(8) static char buf[4096];
    bool seen[ENTRIES] = {false};
    int32_t len;
    int fd;

    for (int i = 0; i < ENTRIES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%d", i);
        ring_put(ring, name, "");
    }
    fd = openat(ring->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pirn_prep_list(&op, fd, buf, sizeof(buf));
    while ((len = wait_for(ring, &op)) > 0) {
        struct pirn_entry entry;
        uint32_t at = 0;

        while (pirn_entry_next(buf, (uint32_t)len, &at, &entry)) {
            int i = atoi(entry.name);

            assert_in_range(i, 0, ENTRIES - 1);
            assert_false(seen[i]);
            seen[i] = true;
            assert_true(entry.type == DT_REG || entry.type == DT_UNKNOWN);
        }
    }
    assert_int_equal(len, 0);
    for (int i = 0; i < ENTRIES; i++) {
        assert_true(seen[i]);
    }
    close(fd);
}

static void listing_of_what_is_no_directory_is_a_result(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    _Alignas(8) char buf[512];
    int fd;

    ring_put(ring, "a", "");
    fd = openat(ring->dir_fd, "a", O_RDONLY | O_CLOEXEC);
    pirn_prep_list(&op, fd, buf, sizeof(buf));
    assert_int_equal(wait_for(ring, &op), -ENOTDIR);
    close(fd);
}

/* What the ring cannot do is done in place, and reaped like the rest. */
static void calls_in_place_end_in_a_turn(void **state)
{
    struct ring *ring = *state;
    struct note notes[200] = {0};
    _Alignas(8) static char bufs[200][512];
    int fd = openat(ring->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; i < 200; i++) {
        pirn_prep_list(&notes[i].op, fd, bufs[i], 512);
        note_start(ring->context, &notes[i]);
    }
    assert_int_equal(notes[0].calls, 0);
    if (ring_is_plain()) { /* there it is a worker's */
        assert_int_equal(pirn_context_drain(ring->context), 0);
    } else {
        assert_int_equal(pirn_context_turn(ring->context, PIRN_FOREVER), 200);
    }
    assert_int_equal(pirn_context_loaned(ring->context), 0);
    close(fd);
}

RING_TEST_MAIN(RING_TEST(names_are_given_and_taken),
               RING_TEST(thousand_entries_are_listed_once_each),
               RING_TEST(listing_of_what_is_no_directory_is_a_result),
               RING_TEST(calls_in_place_end_in_a_turn))
