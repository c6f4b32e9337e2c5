/* SPDX-License-Identifier: MIT */
/*
 * owner.h - owners by name: SLOT, or SLOT-OPENED, which is one open for good;
 * and who of them has an item
 */
#ifndef CLI_OWNER_H
#define CLI_OWNER_H

#include <stdbool.h>

#include <pirn/spool.h>

#include "cli/tool.h"

/* "0003-18a3f0c2d4e5b6a7" and NUL. */
#define OWNER_TEXT 24

/** owner_print() - SLOT-OPENED */
void owner_print(const struct pirn_spool_owner *owner, char text[OWNER_TEXT]);

/** owner_fence() - fence out who @text says, and say how many items he had */
enum code owner_fence(struct tool *tool, const char *text, bool json);

/** owner_say_claimed() - who has an item that cannot be had; CODE_TRY_LATER */
enum code owner_say_claimed(struct tool *tool, const struct pirn_id *id);

#endif /* CLI_OWNER_H */
