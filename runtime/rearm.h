/* SPDX-License-Identifier: MIT */
/* rearm.h - multishots that the engine has ended, and that go on */
#ifndef RUNTIME_REARM_H
#define RUNTIME_REARM_H

#include <stdbool.h>

#include "runtime/engine/engine.h"

/*
 * The engine has ended a multishot, with @event; nobody has cancelled it.
 *
 * Return: whether it goes on: it has been started once more, or will be as soon
 *         as there are buffers. An event without bytes, or without a
 *         descriptor, is then no delivery.
 */
bool pirn__rearm(struct pirn_context *context, struct engine_event event);

/* Whether @event has something to deliver. */
bool pirn__rearm_delivers(struct engine_event event);

/* Let the engine have what buffers it shall have, and go on with those who
 * waited for them. */
void pirn__rearm_offer(struct pirn_context *context);

#endif /* RUNTIME_REARM_H */
