/* SPDX-License-Identifier: MIT */
/*
 * test_plain_refused.c - a place that refuses io_uring, or a newer call
 *
 * Each case is a child behind a seccomp filter that answers one system call
 * with an error. A child says with its exit code at which step it went wrong;
 * 0 is well.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pirn/pirn.h"

enum { NO_FILTER = TEST_SKIP };

/* From now on system call @number of this process is @error. */
static int refuse(int number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int in_child(int (*steps)(int), int number, int error)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        _exit(refuse(number, error) == 0 ? steps(error) : NO_FILTER);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static int create(enum pirn_engine engine, struct pirn_context **ret_context)
{
    struct pirn_context_config config = {.engine = engine};

    return pirn_context_create(&config, ret_context);
}

/* Automatically: plain, which says why, and works. By name: refused. */
static int fall_back(int error)
{
    struct pirn_context *context;
    const char *reason;
    struct statx statx;
    struct pirn_op op = {0};

    unsetenv("PIRN_ENGINE");
    if (create(PIRN_ENGINE_URING, &context) != -error) {
        return 1;
    }
    if (create(PIRN_ENGINE_AUTO, &context) != 0) {
        return 2;
    }
    reason = pirn_context_reason(context);
    printf("  %s\n", reason);
    fflush(stdout);
    if (strcmp(pirn_context_engine(context), "plain") != 0) {
        return 3;
    }
    if (strncmp(reason, "plain, because ", 15) != 0 ||
        strcmp(reason + 15, pirn_context_refusal(-error)) != 0) {
        return 4; /* also if it was cut off */
    }
    pirn_prep_stat(&op, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &statx);
    if (pirn_wait(context, &op) != 0) {
        return 5;
    }
    pirn_context_destroy(context);
    return 0;
}

static void where_rings_are_refused_plain_is_chosen_and_says_why(void **state)
{
    static const int errors[] = {EPERM, ENOSYS, ENOMEM, EACCES};

    (void)state;
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        assert_int_equal(in_child(fall_back, SYS_io_uring_setup, errors[i]), 0);
    }
}

static int stay(int error)
{
    struct pirn_context *context;

    unsetenv("PIRN_ENGINE");
    return create(PIRN_ENGINE_AUTO, &context) == -error ? 0 : 1;
}

/* Who has no descriptor left has none for epoll either. */
static void no_descriptor_left_is_no_refusal(void **state)
{
    (void)state;
    assert_int_equal(in_child(stay, SYS_io_uring_setup, EMFILE), 0);
}

static int name_wins(int error)
{
    struct pirn_context *context;

    setenv("PIRN_ENGINE", "plain", 1);
    if (create(PIRN_ENGINE_URING, &context) != 0 ||
        strcmp(pirn_context_engine(context), "plain") != 0) {
        return 1;
    }
    pirn_context_destroy(context);
    setenv("PIRN_ENGINE", "uring", 1);
    if (create(PIRN_ENGINE_PLAIN, &context) != -error) {
        return 2;
    }
    setenv("PIRN_ENGINE", "auto", 1);
    if (create(PIRN_ENGINE_URING, &context) != 0 ||
        strcmp(pirn_context_engine(context), "plain") != 0) {
        return 3;
    }
    pirn_context_destroy(context);
    return 0;
}

static void the_environment_wins_over_the_configuration(void **state)
{
    (void)state;
    assert_int_equal(in_child(name_wins, SYS_io_uring_setup, EPERM), 0);
}

/* A sleep that is rounded down ends before the timer is due, and another turn
 * is needed: one sleep, one timer. */
static int sleep_once_per_timer(int error)
{
    struct pirn_context *context;
    struct pirn_op op = {0};
    int calls;

    (void)error;
    setenv("PIRN_ENGINE", "plain", 1);
    if (create(PIRN_ENGINE_AUTO, &context) != 0) {
        return 1;
    }
    for (int i = 0; i < 20; i++) {
        pirn_prep_timer(&op, 3300000);
        pirn_start(context, &op, ended);
        calls = pirn_context_turn(context, PIRN_FOREVER);
        if (calls != 1 || pirn_op_result(&op) != 0) {
            return 2;
        }
    }
    pirn_context_destroy(context);
    return 0;
}

static void a_kernel_without_epoll_pwait2_is_never_early(void **state)
{
    (void)state;
    assert_int_equal(in_child(sleep_once_per_timer, SYS_epoll_pwait2, ENOSYS),
                     0);
}

static int nothing(int error)
{
    (void)error;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_rings_are_refused_plain_is_chosen_and_says_why),
        cmocka_unit_test(no_descriptor_left_is_no_refusal),
        cmocka_unit_test(the_environment_wins_over_the_configuration),
        cmocka_unit_test(a_kernel_without_epoll_pwait2_is_never_early),
    };

    if (in_child(nothing, SYS_epoll_pwait2, ENOSYS) == NO_FILTER) {
        printf("SKIP: no seccomp filter can be set up here\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
