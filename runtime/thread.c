/* SPDX-License-Identifier: MIT */
/* thread.c - see runtime/thread.h */
#include "runtime/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

_Thread_local uint64_t pirn__thread;
uint32_t pirn__forks;

static atomic_uint_fast64_t last; /* number that was given; a child goes on */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int error;

static void be_the_child(void)
{
    pirn__thread = 0;
    pirn__forks++;
}

static void watch_forks(void)
{
    error = -pthread_atfork(NULL, NULL, be_the_child);
}

int pirn__thread_number(void)
{
    pthread_once(&once, watch_forks);
    if (error < 0) {
        return error;
    }
    if (pirn__thread == 0) {
        pirn__thread = atomic_fetch_add(&last, 1) + 1;
    }
    return 0;
}
