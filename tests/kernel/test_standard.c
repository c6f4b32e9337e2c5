/* SPDX-License-Identifier: MIT */
/*
 * test_standard.c - a process that was started without standard streams
 *
 * Forked children, who say by their exit code what was not so.
 */
#include <errno.h>
#include <fcntl.h>
#include <pirn/standard.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/test_spool.h"

static int code_of(pid_t child)
{
    int status = 0;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* 0, or what was wrong. */
static int fill(const char *closed)
{
    char byte;

    for (; *closed != '\0'; closed++) {
        close(*closed - '0');
    }
    if (pirn_standard_are_open()) {
        return 1;
    }
    if (pirn_standard_fill() != 0 || !pirn_standard_are_open()) {
        return 2;
    }
    int fd = open("/dev/null", O_RDONLY);
    if (fd <= STDERR_FILENO) {
        return 3;
    }
    return read(STDIN_FILENO, &byte, 1) < 0 && errno == EBADF ? 0 : 4;
}

static void what_is_closed_is_taken(void **state)
{
    static const char *const closed[] = {"0", "01", "02", "012"};

    (void)state;
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(fill(closed[i]));
        }
        assert_int_equal(code_of(child), 0);
    }
}

static int open_without(struct bed *bed, int fd)
{
    const struct pirn_spool_config config = {.path = bed->path,
                                             .index_dir = bed->index_dir};
    struct pirn_context *context = NULL;
    struct pirn_spool *spool = NULL;

    if (pirn_context_create(NULL, &context) != 0) {
        return 1;
    }
    close(fd);
    return pirn_spool_open(context, &config, &spool) == -EBADF ? 0 : 2;
}

static void a_spool_is_not_opened_where_its_files_would_be_printed_to(
    void **state)
{
    for (int fd = 0; fd < 3; fd++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(open_without(*state, fd));
        }
        assert_int_equal(code_of(child), 0);
    }
}

BED_MAIN(cmocka_unit_test(what_is_closed_is_taken),
         cmocka_unit_test_setup_teardown(
             a_spool_is_not_opened_where_its_files_would_be_printed_to,
             bed_setup, bed_teardown))
