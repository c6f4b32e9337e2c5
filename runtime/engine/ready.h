/* SPDX-License-Identifier: MIT */
/*
 * ready.h - operations that wait until their descriptor is ready
 *
 * Tried at once; what would wait, waits on its descriptor's list, and is tried
 * again when epoll says so. Those of one direction keep their order. Who wants
 * to be told of every change watches.
 */
#ifndef RUNTIME_ENGINE_READY_H
#define RUNTIME_ENGINE_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/errand.h"
#include "runtime/engine/pages.h"
#include "runtime/engine/spares.h"

struct ready {
    int epoll;
    bool coarse;              /* the kernel waits for milliseconds only */
    struct pirn_link *done;   /* where errands end; the engine's */
    struct spares *spares;    /* likewise */
    struct pirn_link due;     /* those that are the pool's now */
    struct pages descriptors; /* by number */
};

/* @doorbell, an eventfd, ends a wait whenever it is written to. */
int pirn__ready_init(struct ready *ready, int doorbell, struct spares *spares,
                     struct pirn_link *done);
void pirn__ready_deinit(struct ready *ready);

/* @errand, on no list, is WAITING, WATCHING, DONE or due afterwards. */
void pirn__ready_begin(struct ready *ready, struct errand *errand);

/* @errand, of a multishot poll, is WATCHING or DONE afterwards. What epoll
 * tells makes it DONE; who reaps it makes it WATCHING again. */
void pirn__ready_watch(struct ready *ready, struct errand *errand);

/* End an errand that is WAITING or WATCHING. */
void pirn__ready_end(struct ready *ready, struct errand *errand,
                     int32_t result);

/* Forget all of @errands; nothing is waited for any more. */
void pirn__ready_stop(struct ready *ready, const struct errands *errands);

/*
 * Wait for a descriptor, the doorbell or the time, and try what it was waited
 * for. 0 does not wait. Never early but for the first two and signals.
 *
 * Return: 0, or an error that will not go away.
 */
int pirn__ready_wait(struct ready *ready, uint64_t timeout_ns);

#endif /* RUNTIME_ENGINE_READY_H */
