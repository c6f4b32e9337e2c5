/* SPDX-License-Identifier: MIT */
/* machine.h - what the kernel tells of the machine, for defaults */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <stdint.h>

#include "cli/tool.h"

/* A host's name and NUL. */
#define MACHINE_NAME_TEXT 65

/** machine_cpus() - how many processors this process may use; 1 at least */
uint32_t machine_cpus(struct tool *tool);

/** machine_name() - the host's name, or "localhost" */
void machine_name(struct tool *tool, char name[MACHINE_NAME_TEXT]);

/**
 * machine_count_list() - how many numbers a list such as "0-3,8" has
 * Return: 0 if it is no list
 */
uint32_t machine_count_list(const char *list);

#endif /* CLI_MACHINE_H */
