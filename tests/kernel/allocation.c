/* SPDX-License-Identifier: MIT */
/*
 * allocation.c - see kernel/allocation.h
 *
 * What a life was doing when the program ends is said by a handler of SIGABRT
 * and SIGSEGV: an invariant that is broken aborts.
 */
#include "test.h"

#include "tests/kernel/allocation.h"
#include "tests/kernel/descriptors.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALL_OF = 24, STRIDE = 61, NEVER_ENDS = 100000 };

static atomic_uint_fast64_t asked;
static atomic_uint_fast64_t refused;
static atomic_int_fast64_t left;
static _Atomic uint64_t refuse_at; /* 0: none */
static _Atomic enum allocation_mode how;

static char doing[128];

/* --- the seam --- */

/* Whether this one is refused. */
static bool is_refused(void)
{
    uint64_t at = atomic_load(&refuse_at);
    uint64_t number;

    if (at == 0) {
        return false;
    }
    number = atomic_fetch_add(&asked, 1) + 1;
    if (number == at ||
        (number > at && atomic_load(&how) == ALLOCATION_FROM_THERE)) {
        atomic_fetch_add(&refused, 1);
        errno = ENOMEM;
        return true;
    }
    return false;
}

static void *counted(void *memory)
{
    atomic_fetch_add(&left, memory != NULL ? 1 : 0);
    return memory;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd,
                  off_t offset);
void *__real_mmap64(void *at, size_t bytes, int protection, int flags, int fd,
                    off_t offset);
int __real_munmap(void *at, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main)(void *), void *user);
void *__real_XXH3_createState(void);
int __real_XXH3_freeState(void *state);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
                  off_t offset);
void *__wrap_mmap64(void *at, size_t bytes, int protection, int flags, int fd,
                    off_t offset);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main)(void *), void *user);
void *__wrap_XXH3_createState(void);
int __wrap_XXH3_freeState(void *state);

void *__wrap_malloc(size_t bytes)
{
    return is_refused() ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_refused() ? NULL : counted(__real_calloc(count, bytes));
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    if (is_refused()) {
        return NULL;
    }
    return memory == NULL ? counted(__real_malloc(bytes))
                          : __real_realloc(memory, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return is_refused() ? NULL
                        : counted(__real_aligned_alloc(alignment, bytes));
}

void __wrap_free(void *memory)
{
    atomic_fetch_sub(&left, memory != NULL ? 1 : 0);
    __real_free(memory);
}

static void *counted_map(void *memory)
{
    atomic_fetch_add(&left, memory != MAP_FAILED ? 1 : 0);
    return memory;
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
                  off_t offset)
{
    return is_refused() ? MAP_FAILED
                        : counted_map(__real_mmap(at, bytes, protection, flags,
                                                  fd, offset));
}

/* Its name where files may be large. */
void *__wrap_mmap64(void *at, size_t bytes, int protection, int flags, int fd,
                    off_t offset)
{
    return is_refused() ? MAP_FAILED
                        : counted_map(__real_mmap64(at, bytes, protection,
                                                    flags, fd, offset));
}

int __wrap_munmap(void *at, size_t bytes)
{
    atomic_fetch_sub(&left, 1);
    return __real_munmap(at, bytes);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main)(void *), void *user)
{
    return is_refused() ? EAGAIN
                        : __real_pthread_create(thread, attributes, main, user);
}

void *__wrap_XXH3_createState(void)
{
    return is_refused() ? NULL : counted(__real_XXH3_createState());
}

int __wrap_XXH3_freeState(void *state)
{
    atomic_fetch_sub(&left, state != NULL ? 1 : 0);
    return __real_XXH3_freeState(state);
}

void allocation_refuse(enum allocation_mode mode, uint64_t nth)
{
    assert_true(nth > 0);
    atomic_store(&asked, 0);
    atomic_store(&refused, 0);
    atomic_store(&how, mode);
    atomic_store(&refuse_at, nth);
}

uint64_t allocation_allow(void)
{
    atomic_store(&refuse_at, 0);
    return atomic_load(&refused);
}

int64_t allocation_left(void)
{
    return atomic_load(&left);
}

/* --- lives --- */

static void say_what(int signal_number)
{
    ssize_t said = write(STDERR_FILENO, doing, strlen(doing));

    (void)said;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static bool is_long(void)
{
    const char *wanted = getenv("PIRN_LONG");

    return wanted != NULL && strcmp(wanted, "1") == 0;
}

/* Return: whether it was refused something. */
static bool live_once(const struct allocation_life *life,
                      enum allocation_mode mode, uint64_t nth)
{
    int64_t left_before = allocation_left();
    int fds_before = count_descriptors();
    uint64_t count;
    int r;

    snprintf(doing, sizeof(doing), "%s: without allocation %u%s\n", life->name,
             (unsigned)nth, mode == ALLOCATION_ONCE ? "" : " and all later");
    allocation_refuse(mode, nth);
    r = life->live(life->user);
    count = allocation_allow();
    if (r != 0 && (count == 0 || (r != -ENOMEM && r != -EAGAIN))) {
        fail_msg("%s%d: %s, %u were refused", doing, r, strerror(-r),
                 (unsigned)count);
    }
    if (allocation_left() != left_before || count_descriptors() != fds_before) {
        fail_msg("%s%d allocations and %d descriptors are left", doing,
                 (int)(allocation_left() - left_before),
                 count_descriptors() - fds_before);
    }
    if (life->check != NULL) {
        life->check(life->user);
    }
    return count > 0;
}

void allocation_each(const struct allocation_life *life)
{
    static const enum allocation_mode modes[] = {ALLOCATION_ONCE,
                                                 ALLOCATION_FROM_THERE};

    signal(SIGABRT, say_what);
    signal(SIGSEGV, say_what);
    for (int i = 0; i < ALLOCATION_MODES; i++) {
        uint64_t nth = 1;
        unsigned lives = 1;

        while (live_once(life, modes[i], nth)) {
            nth += nth < ALL_OF || is_long() ? 1 : STRIDE;
            lives++;
            assert_true(nth < NEVER_ENDS);
        }
        print_message("%s: %u lives, %s\n", life->name, lives,
                      modes[i] == ALLOCATION_ONCE ? "one allocation refused"
                                                  : "and all behind it");
    }
}
