/* SPDX-License-Identifier: MIT */
/*
 * script.h - a kernel that does what the test says
 *
 * An engine (runtime/engine/engine.h) in which nothing happens by itself: the
 * test decides what completes, when and with what; time passes when the test
 * lets it, or when the context sleeps until a deadline. A context that would
 * sleep for ever stops the program.
 *
 *   pirn_start --> queued -- turn --> submission queue --> the kernel has it
 *                                     (room, refusals)     script_complete()
 */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/pirn.h"

struct script;

/* Zeroed means: the defaults. */
struct script_config {
    bool links; /* runs may be queued linked */
    /* A worker carries out runs of finite operations, and each by itself, by
     * this function, within the wait; NULL: the test ends all. */
    int32_t (*worker)(const struct pirn_loan *loan);
    uint32_t room;         /* of the submission queue; 0: 64 */
    uint32_t cq_entries;   /* also how many deliveries may be parked */
    uint32_t turn_budget;  /* as in struct pirn_context_config; */
    uint32_t buffer_count; /* likewise */
    uint32_t buffer_bytes;
};

/* Where the scripted clock starts. */
#define SCRIPT_START_NS UINT64_C(1000000000)

/* A context on a kernel of its own; the kernel ends with the context. */
struct pirn_context *script_context_create(const struct script_config *config,
                                           struct script **ret_script);

/* The kernel ends @op, which it has, with @result. */
void script_complete(struct script *script, struct pirn_op *op, int32_t result);

/* One delivery of @shot, which the kernel has. */
void script_deliver(struct script *script, struct pirn_multishot *shot,
                    int32_t result, enum pirn_more more);

/* The same, with @len bytes in the buffer that was given first. */
void script_deliver_bytes(struct script *script, struct pirn_multishot *shot,
                          const void *bytes, uint32_t len, enum pirn_more more);

/* The last of @shot: no bytes, but a buffer was taken for them. */
void script_deliver_spoilt(struct script *script, struct pirn_multishot *shot,
                           int32_t result);

/* How many buffers the kernel may take. */
uint32_t script_buffer_count(const struct script *script);

/* Whether the kernel has begun it. */
bool script_has(const struct script *script, const struct pirn_op *op);
bool script_has_shot(const struct script *script,
                     const struct pirn_multishot *shot);

/* What the kernel has, the oldest first; NULL beyond. */
struct pirn_op *script_nth(const struct script *script, uint32_t n);

/* The next @count waits take nothing from the submission queue. */
void script_refuse(struct script *script, uint32_t count);

/* The submission queue has @room entries from now on. */
void script_set_room(struct script *script, uint32_t room);

/* Cancellations find their op, and change nothing. */
void script_set_deaf(struct script *script, bool deaf);

/* From now on each wait fails with @error; the kernel ends nothing. */
void script_fail(struct script *script, int error);

/* In the next wait that may sleep, once: what other threads do meanwhile. */
void script_while_asleep(struct script *script, void (*act)(void *argument),
                         void *argument);

/* @ns pass. */
void script_pass(struct script *script, uint64_t ns);

/* Counters. */
uint32_t script_inflight_count(const struct script *script);
uint32_t script_wait_count(const struct script *script);
uint32_t script_sleep_count(const struct script *script); /* until a time */
uint32_t script_wake_count(const struct script *script);
uint32_t script_cancel_count(const struct script *script); /* seen at all */
uint32_t script_cancel_miss_count(const struct script *script);
uint32_t script_linked_count(const struct script *script); /* with a link */
uint32_t script_job_count(const struct script *script);    /* the worker's */

/* The timeout of the last wait, as the context asked for it. */
uint64_t script_timeout_ns(const struct script *script);

#endif /* TESTS_SIM_SCRIPT_H */
