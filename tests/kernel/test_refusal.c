/* SPDX-License-Identifier: MIT */
/*
 * test_refusal.c - io_uring refused, and who refused it
 *
 * A child gets a seccomp filter, as container engines set one up, and reports
 * what it was told by its exit code.
 */
#include "tests/kernel/ring.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { TOLD = 0, NO_FILTER = 2, NO_ERROR = 3, NO_SENTENCE = 4 };

/* From now on @number fails with @error. */
static int forbid(uint32_t number, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    setenv("PIRN_ENGINE", "uring", 1); /* else plain takes its place */
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
               : -1;
}

static int told(int error, const char *word)
{
    struct pirn_context *context = NULL;

    if (pirn_context_create(NULL, &context) != -error || context != NULL) {
        return NO_ERROR;
    }
    return strstr(pirn_context_refusal(-error), word) ? TOLD : NO_SENTENCE;
}

static int in_child(uint32_t number, int error)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        _exit(forbid(number, error) < 0 ? NO_FILTER : told(error, "seccomp"));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void filter_that_says_eperm_is_named(void **state)
{
    (void)state;
    assert_int_equal(in_child(SYS_io_uring_setup, EPERM), TOLD);
}

static void filter_that_says_enosys_is_named(void **state)
{
    (void)state;
    assert_int_equal(in_child(SYS_io_uring_setup, ENOSYS), TOLD);
}

static void filter_of_registration_alone_is_named(void **state)
{
    (void)state;
    assert_int_equal(in_child(SYS_io_uring_register, EPERM), TOLD);
}

static void group_is_refused_as_well(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        const struct pirn_group_config config = {.count = 2};
        struct pirn_group *group = NULL;

        if (forbid(SYS_io_uring_setup, EPERM) < 0) {
            _exit(NO_FILTER);
        }
        _exit(pirn_group_create(&config, &group) == -EPERM ? TOLD : NO_ERROR);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void no_descriptor_left_is_named(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        const struct rlimit none = {3, 3};

        setrlimit(RLIMIT_NOFILE, &none);
        _exit(told(EMFILE, "ulimit -n"));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void every_error_has_a_sentence(void **state)
{
    static const int errors[] = {EPERM, ENOSYS, ENOMEM, EMFILE, EINVAL, EFAULT};

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        assert_non_null(pirn_context_refusal(-errors[i]));
        assert_true(strlen(pirn_context_refusal(-errors[i])) > 0);
    }
}

#define T(name) cmocka_unit_test(name)

RING_ONLY_MAIN(T(filter_that_says_eperm_is_named),
               T(filter_that_says_enosys_is_named),
               T(filter_of_registration_alone_is_named),
               T(group_is_refused_as_well), T(no_descriptor_left_is_named),
               T(every_error_has_a_sentence))
