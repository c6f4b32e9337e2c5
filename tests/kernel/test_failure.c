/* SPDX-License-Identifier: MIT */
/*
 * test_failure.c - a real ring that fails: the kernel lets go of what it has
 *
 * The failure is planted between the context and the ring: from a certain call
 * on, waiting fails. In a child a seccomp filter makes the call itself fail.
 */
#include "tests/kernel/ring.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool is_broken;
static struct engine_class breakable;

static int breakable_create(const struct engine_config *config,
                            struct engine **ret_engine)
{
    int r = pirn__engine_uring.create(config, ret_engine);

    if (r == 0) {
        (*ret_engine)->class = &breakable;
    }
    return r;
}

static int breakable_wait(struct engine *engine, uint64_t timeout_ns)
{
    return is_broken ? -ENXIO : pirn__engine_uring.wait(engine, timeout_ns);
}

static struct pirn_context *breakable_context(void)
{
    const struct pirn_context_config config = {.files = PIRN_FILES_RING};
    struct pirn_context *context;

    is_broken = false;
    breakable = pirn__engine_uring;
    breakable.create = breakable_create;
    breakable.wait = breakable_wait;
    assert_int_equal(pirn__context_create_on(&breakable, &config, &context), 0);
    return context;
}

static void kernel_lets_go_before_the_op_ends(void **state)
{
    struct pirn_context *context = breakable_context();
    struct note note = {0};
    char byte = 'a';
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pirn_prep_read(&note.op, fds[0], &byte, 1, PIRN_OFFSET_CURRENT);
    note_start(context, &note);
    assert_int_equal(pirn_context_turn(context, 0), 0);
    is_broken = true;
    assert_int_equal(pirn_context_turn(context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, -ENXIO);
    assert_int_equal(write(fds[1], "b", 1), 1); /* nobody reads it */
    assert_int_equal(pirn_context_turn(context, 0), -ENXIO);
    pirn_context_destroy(context);
    assert_int_equal(byte, 'a');
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    close(fds[1]);
}

/* A worker (O_CREAT needs one) that waits in open(2) for somebody to write is
 * interrupted, so that nobody reads from the pipe any more. */
static void worker_lets_go_as_well(void **state)
{
    struct ring *ring = *state;
    struct pirn_context *context;
    struct note note = {0};

    if (ring_has_pool()) {
        return; /* it opens a FIFO without waiting */
    }
    context = breakable_context();
    assert_int_equal(mkfifoat(ring->dir_fd, "fifo", 0600), 0);
    pirn_prep_open(&note.op, ring->dir_fd, "fifo", O_RDONLY | O_CREAT, 0600);
    note_start(context, &note);
    for (int i = 0; i < 5; i++) { /* time enough for it to begin */
        assert_int_equal(pirn_context_turn(context, 5000000), 0);
    }
    is_broken = true;
    assert_int_equal(pirn_context_turn(context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, -ENXIO);
    assert_int_equal(openat(ring->dir_fd, "fifo", O_WRONLY | O_NONBLOCK), -1);
    assert_int_equal(errno, ENXIO);
    pirn_context_destroy(context);
}

/* What was carried out in place, and what never left the queue. */
static void everything_loaned_ends(void **state)
{
    struct pirn_context *context = breakable_context();
    static struct note notes[600];
    struct note lock = {0};

    (void)state;
    memset(notes, 0, sizeof(notes));
    pirn_prep_lock(&lock.op, -1, 0, 1, PIRN_LOCK_SHARED);
    note_start(context, &lock);
    for (int i = 0; i < 600; i++) { /* more than the queue has room for */
        pirn_prep_nop(&notes[i].op);
        note_start(context, &notes[i]);
    }
    is_broken = true;
    assert_int_equal(pirn_context_drain(context), 0);
    assert_int_equal(lock.result, -ENXIO);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(notes[i].calls, 1);
        assert_int_equal(notes[i].result, -ENXIO);
    }
    pirn_context_destroy(context);
}

/* From now on io_uring_enter(2) fails, in all threads. */
static long forbid_enter(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENXIO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static void nothing(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* Nothing may be asserted in here. 0: as promised. */
static int end_a_group_that_failed(void)
{
    const struct pirn_group_config config = {.count = 2};
    struct pirn_op posts[2] = {0};
    struct pirn_group *group;

    if (pirn_group_create(&config, &group) < 0 || forbid_enter() != 0) {
        return 1;
    }
    for (uint32_t i = 0; i < 2; i++) {
        pirn_post(pirn_group_context(group, i), &posts[i], nothing);
    }
    while (pirn_group_error(group) == 0) {
        sched_yield();
    }
    if (pirn_group_error(group) != -ENXIO) {
        return 2;
    }
    return pirn_group_destroy(group) == NULL ? 0 : 3;
}

static void group_whose_rings_fail_says_so_and_can_be_ended(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        _exit(end_a_group_that_failed());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

RING_ONLY_MAIN(
    cmocka_unit_test(group_whose_rings_fail_says_so_and_can_be_ended),
    RING_TEST(kernel_lets_go_before_the_op_ends),
    RING_TEST(worker_lets_go_as_well), RING_TEST(everything_loaned_ends))
