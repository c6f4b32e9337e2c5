/* SPDX-License-Identifier: MIT */
/* rearm.h - multishots that the engine has ended, and that go on */
#ifndef RUNTIME_REARM_H
#define RUNTIME_REARM_H

#include <stdbool.h>

#include "runtime/engine/engine.h"

/*
 * The engine has ended a multishot, with @event; nobody has cancelled it.
 *
 * Return: whether it goes on: it is queued once more, or will be as soon as
 *         there are buffers. An event that delivers nothing is then not told.
 */
bool pirn__rearm(struct pirn_context *context, struct engine_event event);

/* Whether @event has something to deliver: bytes, or a descriptor. */
bool pirn__rearm_delivers(struct engine_event event);

/* Whether @event is an end for a reason of the kernel's own, which says nothing
 * of the descriptor. */
bool pirn__rearm_is_passing(struct engine_event event);

/* Let the engine have what buffers it shall have. */
void pirn__rearm_offer(struct pirn_context *context);

/* Before a submission: go on with those who waited for buffers, as many as
 * there are; and whether that has something to do. */
void pirn__rearm_feed(struct pirn_context *context);
bool pirn__rearm_is_due(const struct pirn_context *context);

#endif /* RUNTIME_REARM_H */
