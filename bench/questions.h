/* SPDX-License-Identifier: MIT */
/*
 * bench/questions.h - what can be asked
 *
 * Six of them have no sides and are asked in another way: bench/memory.h,
 * bench/calls.h, bench/sustained.h, bench/queued.h, bench/checked.h,
 * bench/listed.h.
 */
#ifndef BENCH_QUESTIONS_H
#define BENCH_QUESTIONS_H

#include "bench/harness.h"

/* By index. */
enum question_index {
    NOP,
    READ,
    TIMERS,
    WATCH,
    WATCH_EDGE,
    POST,
    POST4,
    POST_LATENCY,
    SERIAL,
    SERIAL_FAST,
    SERIAL_LONE,
    SERIAL1000,
    GATE,
    REQUEST,
    ECHO64,
    ECHO1000,
    ECHO_PIPELINED,
    ECHO_GATHERED,
    ENGINE_ECHO,
    ENGINE_COPY,
    FIXED_FILES,
    FIXED_BUFFERS,
    ZERO_COPY16K,
    ZERO_COPY64K,
    ZERO_COPY1M,
    MEMORY,
    FILE_ENQUEUE_OWN,
    CHAIN,
    FILES_COMMIT1,
    FILES_COMMIT64,
    FILES_SMTP,
    COMMIT,
    SMTP,
    CALLS,
    LOG_ENQUEUE,
    IN_AND_OUT,
    LOG_VS_FILES,
    LONE_WRITER,
    DRAIN,
    DRAIN_VS_MULTISPOOL,
    FILE_ENQUEUE,
    FILE_DRAIN,
    FILE_DRAIN_CALLS,
    RESTART,
    RESTART_COLD,
    RESTART_COUNTED,
    SUSTAINED,
    QUEUED,
    FSCK,
    LS,
    QUESTIONS,
};

extern const struct question questions[QUESTIONS];

#endif /* BENCH_QUESTIONS_H */
