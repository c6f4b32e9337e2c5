/* SPDX-License-Identifier: MIT */
/*
 * numbers.h - the kernel's numbers that a library's header may not have yet
 *
 * Each with the Linux version that brought it. Those of operations stand in
 * table.c.
 */
#ifndef RUNTIME_ENGINE_NUMBERS_H
#define RUNTIME_ENGINE_NUMBERS_H

#include <stdint.h>

/* io_uring_params.flags */
enum {
    SETUP_CQSIZE = 1 << 3,         /* 5.5 */
    SETUP_CLAMP = 1 << 4,          /* 5.6 */
    SETUP_SUBMIT_ALL = 1 << 7,     /* 5.18 */
    SETUP_COOP_TASKRUN = 1 << 8,   /* 5.19 */
    SETUP_TASKRUN_FLAG = 1 << 9,   /* 5.19 */
    SETUP_SINGLE_ISSUER = 1 << 12, /* 6.0 */
    SETUP_DEFER_TASKRUN = 1 << 13, /* 6.1 */
};

/* io_uring_params.features */
enum {
    FEATURE_EXT_ARG = 1 << 8,      /* 5.11 */
    FEATURE_MIN_TIMEOUT = 1 << 15, /* 6.12 */
    FEATURE_NO_IOWAIT = 1 << 17,   /* 6.15 */
};

/* io_uring_enter(2), flags */
enum {
    ENTER_GETEVENTS = 1 << 0,       /* 5.1 */
    ENTER_EXT_ARG = 1 << 3,         /* 5.11 */
    ENTER_REGISTERED_RING = 1 << 4, /* 5.18 */
    ENTER_NO_IOWAIT = 1 << 7,       /* 6.15 */
};

/* The submission queue's flags */
enum {
    SQ_CQ_OVERFLOW = 1 << 1, /* 5.8 */
    SQ_TASKRUN = 1 << 2,     /* 5.19 */
};

/* io_uring_sync_cancel_reg.flags */
enum {
    CANCEL_ALL = 1 << 0, /* 5.19 */
    CANCEL_ANY = 1 << 2, /* 5.19 */
};

/* io_uring_enter(2), what ENTER_EXT_ARG points to */
struct getevents_arg {
    uint64_t sigmask;
    uint32_t sigmask_bytes;
    uint32_t min_wait_us; /* FEATURE_MIN_TIMEOUT; before that 0 */
    uint64_t timeout;     /* of a struct __kernel_timespec */
};

#endif /* RUNTIME_ENGINE_NUMBERS_H */
