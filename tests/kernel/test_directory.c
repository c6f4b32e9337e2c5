/* SPDX-License-Identifier: MIT */
/* test_directory.c - a real directory in which things happen */
#include "tests/kernel/ring.h"

struct rig {
    struct pirn_directory directory;
    struct pirn_context *context;
    char log[8192]; /* "+name" and so on, in their order */
    int calls;
    int unknown;
    int ends;
    int32_t result;
};

static void told(struct pirn_directory *directory, const char *name,
                 uint32_t change)
{
    struct rig *rig = pirn_container_of(directory, struct rig, directory);
    const char *sign = change == PIRN_ENTRY_CREATED     ? "+"
                       : change == PIRN_ENTRY_MOVED_IN  ? ">"
                       : change == PIRN_ENTRY_WRITTEN   ? "="
                       : change == PIRN_ENTRY_REMOVED   ? "-"
                       : change == PIRN_ENTRY_MOVED_OUT ? "<"
                                                        : "?";
    size_t len = strlen(rig->log);

    rig->calls++;
    rig->unknown += change == PIRN_ENTRIES_UNKNOWN;
    if (len + 300 < sizeof(rig->log)) {
        snprintf(rig->log + len, sizeof(rig->log) - len, "%s%s ", sign,
                 name ? name : "");
    }
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, directory.op);

    rig->ends++;
    rig->result = result;
}

static void start(struct ring *ring, struct rig *rig, const char *path,
                  uint32_t changes)
{
    memset(rig, 0, sizeof(*rig));
    rig->context = ring->context;
    pirn_prep_directory(&rig->directory, path, changes, told);
    pirn_start(ring->context, &rig->directory.op, ended);
}

static void turn_until(struct rig *rig, int calls)
{
    while (rig->calls < calls && rig->ends == 0) {
        assert_true(pirn_context_turn(rig->context, PIRN_FOREVER) >= 0);
    }
}

static void stop(struct rig *rig)
{
    pirn_cancel(rig->context, &rig->directory.op);
    assert_int_equal(pirn_context_drain(rig->context), 0);
    assert_int_equal(rig->ends, 1);
    assert_int_equal(rig->result, -ECANCELED);
}

static void entries_come_and_go(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;
    char longest[256] = "";

    start(ring, &rig, ring->path, PIRN_ENTRY_ALL);
    turn_until(&rig, 1);
    ring_put(ring, "a", "text");
    assert_int_equal(renameat(ring->dir_fd, "a", ring->dir_fd, "b"), 0);
    assert_int_equal(mkdirat(ring->dir_fd, "d", 0700), 0);
    assert_int_equal(unlinkat(ring->dir_fd, "b", 0), 0);
    turn_until(&rig, 7);
    assert_string_equal(rig.log, "? +a =a <a >b +d -b ");

    memset(longest, 'x', 255);
    ring_put(ring, longest, "");
    turn_until(&rig, 9);
    assert_non_null(strstr(rig.log, longest));
    stop(&rig);
}

static void only_what_is_asked_for_is_told(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;

    start(ring, &rig, ring->path, PIRN_ENTRY_MOVED_IN);
    turn_until(&rig, 1);
    ring_put(ring, "a", "text");
    assert_int_equal(renameat(ring->dir_fd, "a", ring->dir_fd, "b"), 0);
    turn_until(&rig, 2);
    assert_string_equal(rig.log, "? >b ");
    stop(&rig);
}

static void a_file_that_is_gone_tells_no_more(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;
    int fd = openat(ring->dir_fd, "a", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    start(ring, &rig, ring->path, PIRN_ENTRY_ALL);
    turn_until(&rig, 1);
    assert_int_equal(unlinkat(ring->dir_fd, "a", 0), 0);
    close(fd);
    assert_int_equal(mkdirat(ring->dir_fd, "d", 0700), 0);
    turn_until(&rig, 3);
    assert_string_equal(rig.log, "? -a +d ");
    stop(&rig);
}

static void a_directory_that_is_removed_ends_the_watch(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;
    char path[64];

    snprintf(path, sizeof(path), "%s/d", ring->path);
    assert_int_equal(mkdir(path, 0700), 0);
    start(ring, &rig, path, PIRN_ENTRY_ALL);
    turn_until(&rig, 1);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.result, -ENOENT);
    assert_string_equal(rig.log, "? ");
}

static void what_cannot_be_watched_is_said(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;
    char path[64];

    ring_put(ring, "file", "");
    snprintf(path, sizeof(path), "%s/file", ring->path);
    start(ring, &rig, path, PIRN_ENTRY_ALL);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.result, -ENOTDIR);
    snprintf(path, sizeof(path), "%s/nothing", ring->path);
    start(ring, &rig, path, PIRN_ENTRY_ALL);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.result, -ENOENT);
    assert_int_equal(rig.calls, 0);
}

/* How many changes the kernel keeps for who does not look. */
static int queue_max(void)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int max = 0;

    if (file != NULL) {
        if (fscanf(file, "%d", &max) != 1) {
            max = 0;
        }
        fclose(file);
    }
    return max;
}

static void one_who_does_not_look_is_told_to_list_again(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;
    int max = queue_max();

    if (max == 0 || max > 65536) {
        print_message("skipped: the kernel keeps %d changes\n", max);
        return;
    }
    start(ring, &rig, ring->path, PIRN_ENTRY_ALL);
    turn_until(&rig, 1);
    for (int i = 0; i < max; i++) { /* two changes each */
        char name[2] = {(char)('a' + i % 26), 0};

        assert_int_equal(symlinkat("x", ring->dir_fd, name), 0);
        assert_int_equal(unlinkat(ring->dir_fd, name, 0), 0);
    }
    while (rig.unknown < 2) {
        turn_until(&rig, rig.calls + 1);
    }
    ring_put(ring, "after", ""); /* it goes on */
    while (strstr(rig.log, "+after") == NULL) {
        rig.log[0] = '\0';
        turn_until(&rig, rig.calls + 1);
    }
    stop(&rig);
}

RING_TEST_MAIN(RING_TEST(entries_come_and_go),
               RING_TEST(only_what_is_asked_for_is_told),
               RING_TEST(a_file_that_is_gone_tells_no_more),
               RING_TEST(a_directory_that_is_removed_ends_the_watch),
               RING_TEST(what_cannot_be_watched_is_said),
               RING_TEST(one_who_does_not_look_is_told_to_list_again))
