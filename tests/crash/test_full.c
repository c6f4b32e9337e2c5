/* SPDX-License-Identifier: MIT */
/*
 * test_full.c - a file system that is full refuses, and forgets nothing
 *
 * ext4 in an image in memory, so small that a few hundred items fill it: with
 * bytes, or with names. Each refusal is -ENOSPC; what was acknowledged is
 * there, also after the next mount; a spool on a full disk can be opened, and
 * items removed; after that it goes on alone.
 */
#include "kernel/test_spool.h"

#include <sys/mount.h>

#include "bench/loop.h"
#include "crash/told.h"

#include <pirn/timer.h>

enum {
    BYTES = 16 * 1024 * 1024,
    ITEMS_MAX = 4096,
    ROUNDS = 2,
    REFUSALS = 20, /* asked for, after the first one */
    TURNS = 40,    /* of TURN_MS: until it goes on; promised: 2 s */
    TURN_MS = 50,
};

struct full {
    struct bed bed;
    char root[64];
    char point[80];
    char index[80];
    struct loop loop;
    int image;
    uint64_t next;
    uint32_t count;
    struct pirn_id ids[ITEMS_MAX];
    uint64_t numbers[ITEMS_MAX];
    uint8_t body[TOLD_BODY_MAX];
};

static struct full *full_of(void *state)
{
    return pirn_container_of((struct bed *)state, struct full, bed);
}

/* ---- a small file system ---- */

static int command(const char *format, const char *path)
{
    char text[400];

    snprintf(text, sizeof(text), format, path);
    return system(text);
}

/* @make: a command with %s. */
static int make(struct full *full, const char *make)
{
    char path[80];

    snprintf(full->root, sizeof(full->root), "./pirn-full-XXXXXX");
    if (mkdtemp(full->root) == NULL ||
        mount("none", full->root, "tmpfs", 0, "size=64m") < 0) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/image", full->root);
    full->image = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (full->image < 0 || ftruncate(full->image, BYTES) < 0 ||
        command(make, path) != 0) {
        return -1;
    }
    snprintf(full->point, sizeof(full->point), "%s/mount", full->root);
    if (mkdir(full->point, 0700) < 0 ||
        loop_attach(&full->loop, full->image) < 0) {
        return -1;
    }
    return loop_mount(&full->loop, full->point, "ext4", "");
}

/* An index is memory, and has a directory of its own. */
static int open_first(struct full *full, enum pirn_layout layout)
{
    struct bed *bed = &full->bed;

    snprintf(bed->path, sizeof(bed->path), "%s/spool", full->point);
    snprintf(full->index, sizeof(full->index), "/tmp/pirn-full-XXXXXX");
    bed->layout = layout;
    bed->log_slots = ITEMS_MAX;
    bed->log_segments = 64;
    bed->log_segment_bytes = 512 * 1024;
    bed->index_dir = full->index;
    return mkdtemp(full->index) != NULL &&
                   pirn_context_create(NULL, &bed->context) == 0
               ? bed_open(bed, true)
               : -1;
}

static int setup(void **state, enum pirn_layout layout, const char *how)
{
    struct full *full = calloc(1, sizeof(*full));

    *state = &full->bed;
    return make(full, how) == 0 ? open_first(full, layout) : -1;
}

#define MKFS "mkfs.ext4 -q -F -E nodiscard -J size=4 "

static int setup_file(void **state)
{
    return setup(state, PIRN_LAYOUT_FILE, MKFS "%s");
}

static int setup_log(void **state)
{
    return setup(state, PIRN_LAYOUT_LOG, MKFS "%s");
}

static int setup_names(void **state)
{
    return setup(state, PIRN_LAYOUT_FILE, MKFS "-N 512 %s");
}

static int setup_names_log(void **state)
{
    return setup(state, PIRN_LAYOUT_LOG, MKFS "-N 512 %s");
}

static int close_all(struct full *full)
{
    bed_close(&full->bed);
    return loop_unmount(full->point);
}

static int teardown(void **state)
{
    struct full *full = full_of(*state);

    int r = close_all(full);
    pirn_context_destroy(full->bed.context);
    close(full->loop.fd);
    close(full->image);
    r = umount2(full->root, MNT_DETACH) < 0 ? -1 : r;
    bed_rmtree(full->index);
    r = rmdir(full->root) < 0 ? -1 : r;
    free(full);
    return r;
}

/* As after a power cut that lost nothing: the index goes, too. */
static void mount_again(struct full *full)
{
    assert_int_equal(close_all(full), 0);
    loop_forget(&full->loop);
    bed_rmtree(full->index);
    assert_int_equal(mkdir(full->index, 0700), 0);
    assert_int_equal(loop_mount(&full->loop, full->point, "ext4", ""), 0);
    assert_int_equal(bed_open(&full->bed, false), 0);
}

/* ---- filling and emptying ---- */

static int32_t put(struct full *full)
{
    struct pirn_draft draft = {0};
    uint32_t bytes = told_body(++full->next, full->body);
    uint32_t at = 0;

    pirn_prep_begin(&draft, full->bed.spool, "incoming");
    int32_t r = pirn_wait(full->bed.context, &draft.op);
    while (r == 0 && at < bytes) {
        uint32_t part = bytes - at < 30000 ? bytes - at : 30000;
        pirn_prep_append(&draft, full->body + at, part);
        r = pirn_wait(full->bed.context, &draft.op);
        at += part;
    }
    if (r == 0) {
        pirn_prep_commit(&draft, NULL);
        r = pirn_wait(full->bed.context, &draft.op);
    } else {
        pirn_prep_abort(&draft);
        assert_int_equal(pirn_wait(full->bed.context, &draft.op), 0);
    }
    if (r == 0) {
        assert_true(full->count < ITEMS_MAX);
        full->ids[full->count] = draft.id;
        full->numbers[full->count++] = full->next;
    }
    return r;
}

/* Until it is refused, and then some: small ones may fit still. */
static int32_t fill(struct full *full)
{
    int32_t first = 0;

    for (int refused = 0; refused < REFUSALS;) {
        int32_t r = put(full);
        if (r < 0) {
            first = first == 0 ? r : first;
            refused++;
        }
    }
    return first;
}

static void expect_whole(struct full *full, uint32_t i)
{
    struct pirn_view view = {0};
    uint64_t have = 0;
    int32_t r = 1;

    assert_int_equal(bed_look(&full->bed, &view, &full->ids[i]), 0);
    while (r > 0) {
        pirn_prep_view_read(&view, full->body + have,
                            (uint32_t)(sizeof(full->body) - have), have);
        r = pirn_wait(full->bed.context, &view.op);
        have += r > 0 ? (uint64_t)r : 0;
    }
    bed_view_end(&full->bed, &view);
    assert_int_equal(r, 0);
    assert_true(told_number(full->body, have) == full->numbers[i]);
}

/* All that was acknowledged is there, and nothing else. */
static void expect_all(struct full *full)
{
    for (uint32_t i = 0; i < full->count; i++) {
        expect_whole(full, i);
    }
    struct pirn_status status = bed_status(&full->bed);
    assert_int_equal(status.ready, full->count);
    assert_int_equal(status.quarantined, 0);
}

static void remove_last(struct full *full)
{
    struct pirn_claim claim = {0};

    full->count--;
    pirn_prep_claim_id(&claim, full->bed.spool, &full->ids[full->count]);
    assert_int_equal(pirn_wait(full->bed.context, &claim.op), 1);
    pirn_prep_remove_durable(&claim);
    assert_int_equal(pirn_wait(full->bed.context, &claim.op), 0);
}

/* In how many turns it takes items again: who was refused comes again later. */
static uint32_t turns_until_it_goes_on(struct full *full)
{
    uint32_t turns = 0;

    while (put(full) < 0 && turns < TURNS) {
        struct pirn_op pause = {0};
        pirn_prep_timer(&pause, (uint64_t)TURN_MS * 1000000);
        (void)pirn_wait(full->bed.context, &pause);
        turns++;
    }
    return turns;
}

/* ---- what is promised ---- */

static void it_refuses_honestly_and_goes_on_when_there_is_room(void **state)
{
    struct full *full = full_of(*state);
    uint32_t worst = 0;

    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(fill(full), -ENOSPC);
        assert_true(full->count > 10);
        expect_all(full);
        uint32_t left = full->count / 2;
        while (full->count > left) {
            remove_last(full);
        }
        uint32_t turns = turns_until_it_goes_on(full);
        assert_true(turns < TURNS);
        worst = turns > worst ? turns : worst;
        expect_all(full);
    }
    assert_int_equal(fill(full), -ENOSPC);
    mount_again(full);
    expect_all(full);
    while (full->count > 0) {
        remove_last(full);
    }
    assert_true(turns_until_it_goes_on(full) < TURNS);
    printf("# {\"suite\": \"crash-full\", \"puts\": %ju, \"turns_worst\": %u, "
           "\"turns_promised\": %d}\n",
           (uintmax_t)full->next, worst, TURNS);
}

#define T(name, setup)                                \
    {                                                 \
#name "_" #setup, name, setup, teardown, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_refuses_honestly_and_goes_on_when_there_is_room, setup_file),
        T(it_refuses_honestly_and_goes_on_when_there_is_room, setup_log),
        T(it_refuses_honestly_and_goes_on_when_there_is_room, setup_names),
        T(it_refuses_honestly_and_goes_on_when_there_is_room, setup_names_log),
    };

    if (bed_is_refused()) {
        return TEST_SKIP;
    }
    if (loop_private() < 0 || access("/dev/loop-control", R_OK | W_OK) < 0 ||
        system("command -v mkfs.ext4 >/dev/null") != 0) {
        fprintf(stderr,
                "skipped: no mounts, no loop devices or no mkfs.ext4\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
