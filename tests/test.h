/* SPDX-License-Identifier: MIT */
/*
 * test.h - what every test file includes, first
 *
 * cmocka's assertions leave by longjmp. Never assert inside an op's function
 * (the context would be left in the middle of a turn) nor in a forked child
 * (two runners would go on). Note what happened, return, assert then.
 *
 * A test file that cannot run here says why on one line and leaves main() with
 * TEST_SKIP; cmocka's own skip() is reported as a failure by TAP readers.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEST_SKIP 77

/* A sanitizer maps memory when it likes, and ends where there is none. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEMORY_MAY_END = 0 };
#elif defined(__clang__)
enum {
    MEMORY_MAY_END =
        !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
};
#else
enum { MEMORY_MAY_END = 1 };
#endif

/* The file's table of tests, and its main(). PIRN_TEST: one of them alone, by
 * its name; cmocka takes NULL for all. */
#define TEST_MAIN(...)                                    \
    int main(void)                                        \
    {                                                     \
        const struct CMUnitTest tests[] = {__VA_ARGS__};  \
        cmocka_set_test_filter(getenv("PIRN_TEST"));      \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif /* TESTS_TEST_H */
