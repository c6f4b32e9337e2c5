/* SPDX-License-Identifier: MIT */
/*
 * leave.c - what a child reached counts, however it leaves
 *
 * gcov writes its counts in exit(). A forked child leaves by _exit(), or by a
 * SIGKILL that it sends itself, and would have run nothing. Where coverage is
 * measured the linker sends both calls here (tests/meson.build), and nowhere
 * else is this linked. Who is killed by another is still not counted.
 */
#include <signal.h>

void __gcov_dump(void);
void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));
int __real_raise(int signal);
int __wrap_raise(int signal);

void __wrap__exit(int code)
{
    __gcov_dump();
    __real__exit(code);
}

int __wrap_raise(int signal)
{
    if (signal == SIGKILL) {
        __gcov_dump();
    }
    return __real_raise(signal);
}
