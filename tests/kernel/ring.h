/* SPDX-License-Identifier: MIT */
/*
 * ring.h - a context on the running kernel, and a directory to work in
 *
 * The directory is made in the current one and removed at the end; a descriptor
 * that a test leaves behind fails it.
 */
#ifndef TESTS_KERNEL_RING_H
#define TESTS_KERNEL_RING_H

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pirn/pirn.h"
#include "runtime/context.h"
#include "tests/kernel/descriptors.h"
#include "tests/sim/note.h"

struct ring {
    struct pirn_context *context;
    char path[32];
    int dir_fd;
    int fd_count;        /* before, and after */
    int fd_count_within; /* with those of the ring and the directory */
};

/* uring, unless PIRN_ENGINE says otherwise. */
const struct engine_class *ring_chosen(void);

bool ring_is_plain(void);

/* Whether PIRN_FILES says so. */
bool ring_has_pool(void);

/* @links: as it is; else each step of a chain by itself. */
const struct engine_class *ring_class(bool links);

int ring_create_on(void **state, bool links);

int ring_setup(void **state);
int ring_setup_stepped(void **state);
int ring_teardown(void **state);

/* Whether @name is in the test's directory. */
bool ring_has(const struct ring *ring, const char *name);

/* A file of @text, made without pirn. */
void ring_put(const struct ring *ring, const char *name, const char *text);

/* Whether there is no such context here; says why. */
bool ring_is_refused_at(const struct engine_class *class);

/* Exit code 77 with a reason where io_uring is refused. */
bool ring_is_refused(void);

/* The same for tests of the ring itself, which another engine has not. */
bool ring_skip_all(void);

#define RING_TEST(name) \
    cmocka_unit_test_setup_teardown(name, ring_setup, ring_teardown)

#define RING_TEST_MAIN(...)                                                   \
    int main(void)                                                            \
    {                                                                         \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                      \
        cmocka_set_test_filter(getenv("PIRN_TEST"));                          \
        return ring_is_refused() ? TEST_SKIP                                  \
                                 : cmocka_run_group_tests(tests, NULL, NULL); \
    }

#define RING_ONLY_MAIN(...)                                                 \
    int main(void)                                                          \
    {                                                                       \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                    \
        cmocka_set_test_filter(getenv("PIRN_TEST"));                        \
        return ring_skip_all() ? TEST_SKIP                                  \
                               : cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif /* TESTS_KERNEL_RING_H */
