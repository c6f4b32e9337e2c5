/* SPDX-License-Identifier: MIT */
/* test_directory.c - a directory's records, and the end of its watch */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "runtime/engine/engine.h"
#include "tests/sim/bed.h"

enum { FD = 9 };

struct rig {
    struct pirn_directory directory;
    struct bed *bed;
    int enough; /* deliveries; then it cancels itself */
    int calls;
    char names[8][16];
    uint32_t changes[8];
    int ends;
    int32_t result;
    uint32_t len; /* of the records that the next read brings */
};

static void told(struct pirn_directory *directory, const char *name,
                 uint32_t change)
{
    struct rig *rig = pirn_container_of(directory, struct rig, directory);

    if (rig->calls < 8) {
        strcpy(rig->names[rig->calls], name ? name : "?");
        rig->changes[rig->calls] = change;
    }
    if (++rig->calls == rig->enough) {
        pirn_cancel(rig->bed->context, &directory->op);
    }
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, directory.op);

    rig->ends++;
    rig->result = result;
}

static void turn(struct rig *rig)
{
    assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
}

static void step(struct rig *rig, uint8_t opcode, int32_t result)
{
    assert_int_equal(rig->directory.priv.step.priv.opcode, opcode);
    script_complete(rig->bed->kernel, &rig->directory.priv.step, result);
    turn(rig);
    turn(rig);
}

static void start(struct rig *rig, void **state, uint32_t changes)
{
    *rig = (struct rig){.bed = *state};
    pirn_prep_directory(&rig->directory, "a/directory", changes, told);
    pirn_start(rig->bed->context, &rig->directory.op, ended);
    turn(rig);
}

static void start_reading(struct rig *rig, void **state)
{
    start(rig, state, PIRN_ENTRY_ALL);
    step(rig, ENGINE_INOTIFY_OPEN, FD);
    step(rig, ENGINE_INOTIFY_ADD, 1);
    assert_int_equal(rig->calls, 1);
    assert_int_equal(rig->changes[0], PIRN_ENTRIES_UNKNOWN);
    rig->calls = 0;
}

/* The kernel pads names to a multiple of its record. */
static void record(struct rig *rig, uint32_t mask, const char *name)
{
    struct inotify_event event = {.mask = mask, .len = name ? 16 : 0};
    char *at = (char *)rig->directory.priv.buf + rig->len;

    memcpy(at, &event, sizeof(event));
    if (name != NULL) {
        memset(at + sizeof(event), 0, 16);
        strcpy(at + sizeof(event), name);
    }
    rig->len += (uint32_t)sizeof(event) + event.len;
}

static void read_records(struct rig *rig)
{
    step(rig, ENGINE_READ, (int32_t)rig->len);
    rig->len = 0;
}

static void assert_ends(struct rig *rig, int32_t result)
{
    assert_int_equal(rig->ends, 0);
    assert_int_equal(rig->directory.priv.step.priv.fd, FD);
    step(rig, ENGINE_CLOSE, 0);
    assert_int_equal(rig->ends, 1);
    assert_int_equal(rig->result, result);
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
}

static void stop(struct rig *rig)
{
    pirn_cancel(rig->bed->context, &rig->directory.op);
    turn(rig);
    turn(rig);
}

static void each_record_is_told_by_name(void **state)
{
    struct rig rig;

    start_reading(&rig, state);
    record(&rig, IN_CREATE, "a");
    record(&rig, IN_CLOSE_WRITE, "a");
    record(&rig, IN_MOVED_FROM, "a");
    record(&rig, IN_MOVED_TO, "b");
    record(&rig, IN_DELETE | IN_ISDIR, "c");
    read_records(&rig);
    assert_int_equal(rig.calls, 5);
    assert_int_equal(rig.changes[0], PIRN_ENTRY_CREATED);
    assert_int_equal(rig.changes[1], PIRN_ENTRY_WRITTEN);
    assert_int_equal(rig.changes[2], PIRN_ENTRY_MOVED_OUT);
    assert_int_equal(rig.changes[3], PIRN_ENTRY_MOVED_IN);
    assert_int_equal(rig.changes[4], PIRN_ENTRY_REMOVED);
    assert_string_equal(rig.names[2], "a");
    assert_string_equal(rig.names[3], "b");
    assert_string_equal(rig.names[4], "c");
    stop(&rig);
    assert_ends(&rig, -ECANCELED);
}

static void what_is_not_asked_for_is_not_asked_of_the_kernel(void **state)
{
    struct rig rig;

    start(&rig, state, PIRN_ENTRY_MOVED_IN | PIRN_ENTRY_REMOVED);
    step(&rig, ENGINE_INOTIFY_OPEN, FD);
    assert_int_equal(rig.directory.priv.step.priv.op_flags,
                     IN_ONLYDIR | IN_EXCL_UNLINK | IN_MOVED_TO | IN_DELETE);
    step(&rig, ENGINE_INOTIFY_ADD, -ENOTDIR);
    assert_int_equal(rig.calls, 0);
    assert_ends(&rig, -ENOTDIR);
}

static void an_overflow_says_that_something_was_missed(void **state)
{
    struct rig rig;

    start_reading(&rig, state);
    record(&rig, IN_CREATE, "a");
    record(&rig, IN_Q_OVERFLOW, NULL);
    record(&rig, IN_CREATE, "z");
    read_records(&rig);
    assert_int_equal(rig.calls, 3);
    assert_int_equal(rig.changes[1], PIRN_ENTRIES_UNKNOWN);
    assert_string_equal(rig.names[1], "?");
    assert_string_equal(rig.names[2], "z");
    stop(&rig);
    assert_ends(&rig, -ECANCELED);
}

static void a_directory_that_is_gone_ends_the_watch(void **state)
{
    static const uint32_t masks[] = {IN_IGNORED, IN_UNMOUNT};
    struct rig rig;

    for (int i = 0; i < 2; i++) {
        start_reading(&rig, state);
        record(&rig, IN_DELETE, "a"); /* the last word is told */
        record(&rig, masks[i], NULL);
        read_records(&rig);
        assert_int_equal(rig.calls, 1);
        assert_ends(&rig, -ENOENT);
    }
}

static void cancelled_from_its_own_call_tells_no_more(void **state)
{
    struct rig rig;

    start_reading(&rig, state);
    rig.enough = 1;
    record(&rig, IN_CREATE, "a");
    record(&rig, IN_CREATE, "b");
    read_records(&rig);
    assert_int_equal(rig.calls, 1);
    assert_ends(&rig, -ECANCELED);
}

static void cancelled_in_each_step(void **state)
{
    struct rig rig;

    start(&rig, state, PIRN_ENTRY_ALL);
    script_set_deaf(rig.bed->kernel, true);
    pirn_cancel(rig.bed->context, &rig.directory.op);
    step(&rig, ENGINE_INOTIFY_OPEN, FD);
    step(&rig, ENGINE_INOTIFY_ADD, 1);
    assert_int_equal(rig.calls, 0);
    assert_ends(&rig, -ECANCELED);

    script_set_deaf(rig.bed->kernel, false);
    start_reading(&rig, state);
    script_complete(rig.bed->kernel, &rig.directory.priv.step, -EIO);
    turn(&rig); /* the kernel has not seen the close */
    stop(&rig);
    assert_ends(&rig, -EIO);
}

static void no_descriptor_ends_it_at_once(void **state)
{
    struct rig rig;

    start(&rig, state, PIRN_ENTRY_ALL);
    step(&rig, ENGINE_INOTIFY_OPEN, -EMFILE);
    assert_int_equal(rig.ends, 1);
    assert_int_equal(rig.result, -EMFILE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(each_record_is_told_by_name),
          T(what_is_not_asked_for_is_not_asked_of_the_kernel),
          T(an_overflow_says_that_something_was_missed),
          T(a_directory_that_is_gone_ends_the_watch),
          T(cancelled_from_its_own_call_tells_no_more),
          T(cancelled_in_each_step), T(no_descriptor_ends_it_at_once))
