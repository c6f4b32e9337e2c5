/* SPDX-License-Identifier: MIT */
/*
 * test_room.c - new items are refused before nothing else works any more
 *
 * A spool on a tmpfs of its own of 16 MiB, of which 512 KiB are kept, or of
 * 1,024 inodes, of which 32 are. What is refused is counted, not timed; but
 * that others fill the disk, and that there is room again, is met by asking
 * again: forty times in two seconds, as promised.
 */
#include "kernel/test_log.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include "bench/loop.h"

#include <pirn/timer.h>

enum {
    KIB = 1024,
    KEPT = 512 * KIB,
    BODY = 30000,
    PART = 64 * KIB,
    ITEMS_MAX = 2000,
    TURNS = 40,
    TURN_MS = 50,
};

struct room {
    struct bed bed;
    char point[64];
    char index[64];
    struct pirn_id ids[ITEMS_MAX];
    uint32_t count;
    uint8_t body[PART];
};

static struct room *room_of(void *state)
{
    return pirn_container_of((struct bed *)state, struct room, bed);
}

static int setup(void **state, enum pirn_layout layout, const char *options)
{
    struct room *room = calloc(1, sizeof(*room));
    struct bed *bed = &room->bed;

    *state = bed;
    snprintf(room->point, sizeof(room->point), "./pirn-room-XXXXXX");
    snprintf(room->index, sizeof(room->index), "/tmp/pirn-room-XXXXXX");
    if (mkdtemp(room->point) == NULL || mkdtemp(room->index) == NULL ||
        mount("none", room->point, "tmpfs", 0, options) < 0 ||
        pirn_context_create(NULL, &bed->context) < 0) {
        return -1;
    }
    snprintf(bed->path, sizeof(bed->path), "%s/spool", room->point);
    bed->index_dir = room->index;
    bed->layout = layout;
    bed->log_slots = ITEMS_MAX;
    bed->log_segments = 64;
    bed->log_segment_bytes = 512 * KIB;
    bed->fd_count = count_descriptors();
    return bed_open(bed, true);
}

static int setup_file(void **state)
{
    return setup(state, PIRN_LAYOUT_FILE, "size=16m,nr_inodes=8192");
}

static int setup_log(void **state)
{
    return setup(state, PIRN_LAYOUT_LOG, "size=16m,nr_inodes=8192");
}

static int setup_inodes(void **state)
{
    return setup(state, PIRN_LAYOUT_FILE, "size=64m,nr_inodes=1024");
}

static int teardown(void **state)
{
    struct room *room = room_of(*state);
    struct bed *bed = &room->bed;

    bed_close(bed);
    int r = count_descriptors() == bed->fd_count ? 0 : -1;
    r = pirn_context_loaned(bed->context) > 0 ? -1 : r;
    pirn_context_destroy(bed->context);
    r = loop_unmount(room->point) < 0 ? -1 : r;
    r = rmdir(room->point) < 0 ? -1 : r;
    bed_rmtree(room->index);
    free(room);
    return r;
}

/* ---- steps ---- */

static struct statvfs stat_of(const struct room *room)
{
    struct statvfs stat;

    assert_int_equal(statvfs(room->point, &stat), 0);
    return stat;
}

static uint64_t free_bytes(const struct room *room)
{
    struct statvfs stat = stat_of(room);

    return stat.f_bavail * stat.f_frsize;
}

static int32_t put(struct room *room, uint32_t bytes)
{
    struct pirn_draft draft = {0};

    pirn_prep_enqueue(&draft, room->bed.spool, "incoming", room->body, bytes,
                      NULL);
    int32_t r = pirn_wait(room->bed.context, &draft.op);
    if (r == 0) {
        assert_true(room->count < ITEMS_MAX);
        room->ids[room->count++] = draft.id;
    }
    return r;
}

static int32_t begin(struct room *room, struct pirn_draft *draft,
                     uint64_t expected_bytes)
{
    draft->expected_bytes = expected_bytes;
    pirn_prep_begin(draft, room->bed.spool, "incoming");
    return pirn_wait(room->bed.context, &draft->op);
}

static void abort_draft(struct room *room, struct pirn_draft *draft)
{
    pirn_prep_abort(draft);
    assert_int_equal(pirn_wait(room->bed.context, &draft->op), 0);
}

static int32_t ask(struct room *room, uint64_t bytes)
{
    struct pirn_draft draft = {0};

    pirn_prep_admit(&draft, room->bed.spool, "incoming", bytes);
    return pirn_wait(room->bed.context, &draft.op);
}

static void fill(struct room *room, uint32_t bytes)
{
    int32_t r = 0;

    while (r == 0) {
        r = put(room, bytes);
    }
    assert_int_equal(r, -ENOSPC);
}

static void have(struct room *room, struct pirn_claim *claim, uint32_t i)
{
    pirn_prep_claim_id(claim, room->bed.spool, &room->ids[i]);
    assert_int_equal(pirn_wait(room->bed.context, &claim->op), 1);
}

static void remove_last(struct room *room)
{
    struct pirn_claim claim = {0};

    have(room, &claim, --room->count);
    pirn_prep_remove_durable(&claim);
    assert_int_equal(pirn_wait(room->bed.context, &claim.op), 0);
}

static void give_back_as(struct room *room, uint32_t i,
                         const struct pirn_change *change)
{
    struct pirn_claim claim = {0};

    have(room, &claim, i);
    pirn_prep_give_back_as(&claim, change);
    assert_int_equal(pirn_wait(room->bed.context, &claim.op), 0);
}

/* What is not new goes on: held, released, delayed, given back, removed. */
static void expect_others_go_on(struct room *room)
{
    const struct pirn_change hold = {.what = PIRN_CHANGE_HELD, .held = true};
    const struct pirn_change release = {.what = PIRN_CHANGE_HELD};
    const struct pirn_change delay = {.what = PIRN_CHANGE_DUE,
                                      .due_ns = UINT64_C(4102444800000000000)};
    const struct pirn_change raise = {.what = PIRN_CHANGE_PRIORITY,
                                      .priority = 3};

    assert_true(room->count > 10);
    for (uint32_t i = 0; i < 5; i++) {
        give_back_as(room, i, &hold);
        give_back_as(room, i, &release);
        give_back_as(room, i, &raise);
        give_back_as(room, i, &delay);
    }
    remove_last(room);
    remove_last(room);
}

/* @wanted comes within so many turns. */
static uint32_t turns_until(struct room *room, int32_t wanted)
{
    uint32_t turns = 0;

    while (put(room, 10) != wanted && turns < TURNS) {
        struct pirn_op pause = {0};
        pirn_prep_timer(&pause, (uint64_t)TURN_MS * 1000000);
        (void)pirn_wait(room->bed.context, &pause);
        turns++;
    }
    return turns;
}

/* ---- what is promised ---- */

static void what_is_kept_is_not_given_to_new_items(void **state)
{
    struct room *room = room_of(*state);
    struct pirn_draft draft = {0};

    fill(room, BODY);
    assert_true(free_bytes(room) >= KEPT);
    assert_int_equal(begin(room, &draft, 0), -ENOSPC);
    assert_false(pirn_draft_is_open(&draft));
    assert_int_equal(ask(room, 0), -ENOSPC);
    assert_int_equal(ask(room, BODY), -ENOSPC);
    expect_others_go_on(room);
    assert_int_equal(bed_status(&room->bed).ready +
                         bed_status(&room->bed).delayed,
                     room->count);
}

static void it_goes_on_alone_when_there_is_room(void **state)
{
    struct room *room = room_of(*state);

    fill(room, BODY);
    uint32_t left = room->count / 2;
    while (room->count > left) {
        remove_last(room);
    }
    uint32_t turns = turns_until(room, 0);
    assert_true(turns < TURNS);
    assert_int_equal(ask(room, BODY), 0);
    assert_false(bed_status(&room->bed).is_refusing);
    printf("# {\"suite\": \"kernel-room\", \"turns\": %u, \"promised\": %d}\n",
           turns, TURNS);
}

static void what_others_fill_is_met_in_time(void **state)
{
    struct room *room = room_of(*state);
    int fd =
        openat(AT_FDCWD, room->point, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(room, BODY), 0);
    }
    assert_true(fd >= 0);
    assert_int_equal(
        posix_fallocate(fd, 0, (off_t)(free_bytes(room) - KEPT / 2)), 0);
    uint32_t turns = turns_until(room, -ENOSPC);
    assert_true(turns < TURNS);
    assert_true(bed_status(&room->bed).is_refusing);
    expect_others_go_on(room);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_true(turns_until(room, 0) < TURNS);
    close(fd);
}

static void removals_go_through_where_others_left_nothing(void **state)
{
    struct room *room = room_of(*state);
    int fd =
        openat(AT_FDCWD, room->point, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(room, BODY), 0);
    }
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)free_bytes(room)), 0);
    assert_int_equal(free_bytes(room), 0);
    while (room->count > 0) {
        remove_last(room);
    }
    close(fd);
    assert_true(turns_until(room, 0) < TURNS);
}

/* They need no file but a segment, and those that are there have room. */
static void short_ones_are_let_into_a_log_that_refuses_long_ones(void **state)
{
    struct room *room = room_of(*state);
    int fd =
        openat(AT_FDCWD, room->point, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct pirn_status status;
    uint32_t count = 0;
    int32_t r = 0;

    assert_true(fd >= 0);
    assert_int_equal(put(room, 10), 0);
    assert_false(bed_status(&room->bed).is_refusing);
    assert_int_equal(
        posix_fallocate(fd, 0, (off_t)(free_bytes(room) - KEPT / 2)), 0);
    for (; r == 0; count++) {
        status = bed_status(&room->bed);
        assert_true(status.is_refusing);
        r = put(room, BODY);
        assert_false(r == 0 && status.log_is_refusing);
    }
    assert_int_equal(r, -ENOSPC);
    assert_true(count > 1);
    log_reopen(&room->bed);
    status = bed_status(&room->bed);
    assert_true(status.is_refusing && status.log_is_refusing);
    close(fd);
}

static void inodes_are_kept_likewise(void **state)
{
    struct room *room = room_of(*state);

    fill(room, 10);
    assert_true(stat_of(room).f_favail >= 1024 / 32);
    assert_true(bed_status(&room->bed).is_refusing);
    assert_int_equal(bed_status(&room->bed).room_inodes, 0);
    expect_others_go_on(room);
    uint32_t left = room->count / 2;
    while (room->count > left) {
        remove_last(room);
    }
    assert_true(turns_until(room, 0) < TURNS);
}

/* The last one's files are there still: who would be refused waits for that. */
static void what_was_removed_makes_room_for_who_comes_next(void **state)
{
    enum { SOME = 40 };
    struct room *room = room_of(*state);

    fill(room, BODY);
    assert_int_equal(ask(room, BODY), -ENOSPC);
    for (int i = 0; i < SOME; i++) {
        struct pirn_claim claim = {0};
        have(room, &claim, --room->count);
        assert_int_equal(bed_remove(&room->bed, &claim), 0);
    }
    assert_int_equal(ask(room, BODY), 0);
}

static void a_body_that_is_announced_has_its_room(void **state)
{
    struct room *room = room_of(*state);
    struct pirn_draft one = {0};
    struct pirn_draft two = {0};

    assert_int_equal(begin(room, &one, 20 * KIB * KIB), -ENOSPC);
    assert_int_equal(put(room, BODY), 0); /* no other is refused for it */
    assert_int_equal(begin(room, &one, 8 * KIB * KIB), 0);
    assert_int_equal(begin(room, &two, 8 * KIB * KIB), -ENOSPC);
    assert_int_equal(ask(room, 8 * KIB * KIB), -ENOSPC);
    abort_draft(room, &one);
    assert_int_equal(begin(room, &two, 8 * KIB * KIB), 0);
    abort_draft(room, &two);
    assert_int_equal(ask(room, 8 * KIB * KIB), 0);
}

static void a_body_that_grows_is_refused_as_it_grows(void **state)
{
    struct room *room = room_of(*state);
    struct pirn_draft draft = {0};
    int32_t r = begin(room, &draft, 0);
    uint64_t bytes = 0;

    while (r == 0) {
        pirn_prep_append(&draft, room->body, PART);
        r = pirn_wait(room->bed.context, &draft.op);
        bytes += r == 0 ? PART : 0;
    }
    assert_int_equal(r, -ENOSPC);
    assert_true(bytes > 8 * KIB * KIB);
    assert_true(free_bytes(room) >= KEPT / 2);
    assert_int_equal(put(room, 70000), -ENOSPC); /* what is new has less */
    abort_draft(room, &draft);
    assert_true(turns_until(room, 0) < TURNS);
    assert_int_equal(ask(room, bytes / 2), 0);
}

static void nothing_is_kept_if_it_is_asked_for(void **state)
{
    struct room *room = room_of(*state);
    struct bed *bed = &room->bed;
    const struct pirn_spool_config config = {
        .path = bed->path,
        .index_dir = bed->index_dir,
        .keep_bytes = UINT64_MAX,
    };

    bed_close(bed);
    assert_int_equal(pirn_spool_open(bed->context, &config, &bed->spool), 0);
    fill(room, BODY);
    assert_true(free_bytes(room) < 2 * BODY);
    assert_false(bed_status(bed).is_refusing);
    assert_true(bed_status(bed).room_bytes == UINT64_MAX);
}

static void who_asks_for_no_queue_of_ours_hears_so(void **state)
{
    struct room *room = room_of(*state);
    struct pirn_draft draft = {0};

    pirn_prep_admit(&draft, room->bed.spool, "nowhere", 0);
    assert_int_equal(pirn_wait(room->bed.context, &draft.op), -ENOENT);
}

#define T(name, setup)                                \
    {                                                 \
#name "_" #setup, name, setup, teardown, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_kept_is_not_given_to_new_items, setup_file),
        T(what_is_kept_is_not_given_to_new_items, setup_log),
        T(it_goes_on_alone_when_there_is_room, setup_file),
        T(it_goes_on_alone_when_there_is_room, setup_log),
        T(what_others_fill_is_met_in_time, setup_file),
        T(removals_go_through_where_others_left_nothing, setup_file),
        T(removals_go_through_where_others_left_nothing, setup_log),
        T(what_was_removed_makes_room_for_who_comes_next, setup_file),
        T(short_ones_are_let_into_a_log_that_refuses_long_ones, setup_log),
        T(inodes_are_kept_likewise, setup_inodes),
        T(a_body_that_is_announced_has_its_room, setup_file),
        T(a_body_that_is_announced_has_its_room, setup_log),
        T(a_body_that_grows_is_refused_as_it_grows, setup_file),
        T(a_body_that_grows_is_refused_as_it_grows, setup_log),
        T(nothing_is_kept_if_it_is_asked_for, setup_file),
        T(who_asks_for_no_queue_of_ours_hears_so, setup_file),
    };

    if (bed_is_refused()) {
        return TEST_SKIP;
    }
    if (loop_private() < 0) {
        fprintf(stderr, "skipped: no mounts of its own\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
