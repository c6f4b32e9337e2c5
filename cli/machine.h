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

#endif /* CLI_MACHINE_H */
