/* SPDX-License-Identifier: MIT */
/*
 * enter.c - see engine/enter.h
 *
 * The kernel's minimal wait is for a number of completions: it ends when so
 * many are there, or at its time when there is any; behind it the first one
 * ends the wait.
 */
#include "runtime/engine/enter.h"

#include <errno.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pirn/context.h"
#include "runtime/engine/numbers.h"

enum { BATCH = PIRN_MIN_WAIT_BATCH, NS_PER_US = 1000 };

/* The library maps entries one to one at set-up; so it stays. */
static void map_entries(struct io_uring_sq *sq)
{
    for (unsigned i = 0; sq->array != NULL && i < sq->ring_entries; i++) {
        sq->array[i] = i;
    }
}

static uint32_t microseconds(uint64_t ns)
{
    uint64_t us = ns / NS_PER_US + (ns % NS_PER_US != 0);

    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void pirn__enter_init(struct enter *enter, struct io_uring *ring,
                      uint32_t features, uint64_t min_wait_ns)
{
    *enter = (struct enter){.ring = ring, .flags = ENTER_GETEVENTS};
    map_entries(&ring->sq);
    if (ring->enter_ring_fd != ring->ring_fd) {
        enter->flags |= ENTER_REGISTERED_RING;
    }
    if (features & FEATURE_NO_IOWAIT) { /* to wait for peers is to be idle */
        enter->flags |= ENTER_NO_IOWAIT;
    }
    if (features & FEATURE_MIN_TIMEOUT) {
        enter->min_wait_us = microseconds(min_wait_ns);
    }
}

/* What is queued is the kernel's to see. Return: how much that is. */
static unsigned publish(struct io_uring_sq *sq)
{
    sq->sqe_head = sq->sqe_tail;
    io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
    return sq->sqe_tail - IO_URING_READ_ONCE(*sq->khead);
}

static int call(const struct enter *enter, unsigned count, unsigned flags,
                const struct getevents_arg *arg)
{
    unsigned queued = publish(&enter->ring->sq);
    long r =
        syscall(SYS_io_uring_enter, enter->ring->enter_ring_fd, queued, count,
                enter->flags | flags, arg, arg != NULL ? sizeof(*arg) : 0);

    return r < 0 ? -errno : (int)r;
}

int pirn__enter(const struct enter *enter)
{
    return call(enter, 0, 0, NULL);
}

int pirn__enter_and_wait(const struct enter *enter, uint64_t timeout_ns)
{
    struct __kernel_timespec timeout = {
        .tv_sec = (int64_t)(timeout_ns / 1000000000u),
        .tv_nsec = (long long)(timeout_ns % 1000000000u),
    };
    struct getevents_arg arg = {.min_wait_us = enter->min_wait_us};

    if (timeout_ns != PIRN_FOREVER) {
        arg.timeout = (uintptr_t)&timeout;
    }
    /* A deadline is not missed for a batch. */
    if (timeout_ns / NS_PER_US < arg.min_wait_us) {
        arg.min_wait_us = (uint32_t)(timeout_ns / NS_PER_US);
    }
    return call(enter, arg.min_wait_us > 0 ? BATCH : 1, ENTER_EXT_ARG, &arg);
}
