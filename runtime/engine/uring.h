/* SPDX-License-Identifier: MIT */
/* uring.h - what the two files of the ring share: its set-up (uring_setup.c),
 * and what goes through it (uring.c) */
#ifndef RUNTIME_ENGINE_URING_H
#define RUNTIME_ENGINE_URING_H

#include <liburing.h>
#include <stdatomic.h>

#include "runtime/engine/engine.h"
#include "runtime/engine/enter.h"
#include "runtime/engine/jobs.h"

enum { URING_BUFFER_GROUP = 0 };

struct uring {
    struct engine engine;
    struct io_uring ring;
    struct enter enter;
    struct pirn_link done; /* carried out in place, not reaped */
    struct jobs jobs;      /* under the policies `pool` and `auto` */
    uint64_t rung;         /* what the doorbell's read fills */
    int doorbell;
    atomic_int notice; /* for a host that polls; -1: there is none */
    bool doorbell_armed;
    bool tells_work; /* the kernel says when it has deferred work for us */
    bool abandoned;  /* nothing that the kernel had is reaped any more */
    bool reads_many; /* else each read of many is one of its own */
    bool supported[ENGINE_OPCODE_COUNT];
    struct open_how *hows;             /* one per submission entry */
    struct io_uring_buf_ring *buffers; /* those that the kernel may take */
    uint8_t *buffers_base;
    uint32_t buffer_count;
    uint32_t buffer_bytes;
};

static inline struct uring *uring_of(struct engine *engine)
{
    return pirn_container_of(engine, struct uring, engine);
}

int pirn__uring_create(const struct engine_config *config,
                       struct engine **ret_engine);
void pirn__uring_destroy(struct engine *engine);

/* End the current or the next wait; the pool calls it as well. */
void pirn__uring_wake(void *uring);

#endif /* RUNTIME_ENGINE_URING_H */
