/* SPDX-License-Identifier: MIT */
/*
 * pirn/context_facts.h - what a context knows: the time, the process, itself
 *
 * A part of pirn/context.h.
 */
#ifndef PIRN_CONTEXT_FACTS_H
#define PIRN_CONTEXT_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/**
 * pirn_context_now_ns() - the monotonic clock, read at most once per turn
 */
PIRN_API uint64_t pirn_context_now_ns(const struct pirn_context *context);

/**
 * pirn_context_realtime_ns() - CLOCK_REALTIME, nanoseconds since 1970
 *
 * Read at each call. For what is shown or stored, never for timers.
 */
PIRN_API uint64_t pirn_context_realtime_ns(const struct pirn_context *context);

/**
 * pirn_context_random() - bytes nobody can guess
 * @bytes: @len bytes, filled
 */
PIRN_API void pirn_context_random(struct pirn_context *context, void *bytes,
                                  size_t len);

/* Who this process is, for others to read; it decides nothing. */
struct pirn_identity {
    uint32_t pid;
    uint64_t start_ticks; /* since boot, as /proc/PID/stat tells it */
    uint8_t boot_id[16];
};

/** pirn_context_identity() - the process that runs this context */
PIRN_API void pirn_context_identity(struct pirn_context *context,
                                    struct pirn_identity *ret_identity);

/** pirn_context_engine() - the name of the engine that carries it out */
PIRN_API const char *pirn_context_engine(const struct pirn_context *context);

/** pirn_context_reason() - why that engine, and what the kernel refused it */
PIRN_API const char *pirn_context_reason(const struct pirn_context *context);

/** pirn_context_files() - who works on files: "both", "ring" or "pool" */
PIRN_API const char *pirn_context_files(const struct pirn_context *context);

/** pirn_context_loaned() - how many ops and multishots are on loan */
PIRN_API uint64_t pirn_context_loaned(const struct pirn_context *context);

/* What a context has done since it was created. */
struct pirn_context_stats {
    uint64_t turns;     /* each is one system call */
    uint64_t functions; /* that were called */
    uint64_t submitted; /* operations that were handed to the engine */
    uint64_t loaned;    /* on loan now */
    uint64_t timers;    /* of these, timers and deadlines */
};

/** pirn_context_stats() - read the counters; the context's thread */
PIRN_API void pirn_context_stats(const struct pirn_context *context,
                                 struct pirn_context_stats *ret_stats);

PIRN_END_DECLS

#endif /* PIRN_CONTEXT_FACTS_H */
