/* SPDX-License-Identifier: MIT */
/* machine.c - see machine.h */
#include "cli/machine.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_BYTES = 8192 };

/* How many numbers a list such as "0-3,8" has; 0 if it is no list. */
static uint32_t count_list(const char *list)
{
    unsigned long count = 0;
    char *end;

    do {
        unsigned long first = strtoul(list, &end, 10);
        unsigned long last = first;

        if (end == list) {
            return 0;
        }
        if (*end == '-') {
            last = strtoul(end + 1, &end, 10);
        }
        if (last < first || last - first > UINT16_MAX) {
            return 0;
        }
        count += last - first + 1;
        list = end + 1;
    } while (*end == ',');
    return count > UINT16_MAX ? UINT16_MAX : (uint32_t)count;
}

uint32_t machine_cpus(struct tool *tool)
{
    static const char key[] = "Cpus_allowed_list:";
    char text[STATUS_BYTES];
    const char *at;
    uint32_t count = 0;

    if (tool_read_text(tool, "/proc/self/status", text, sizeof(text)) == 0) {
        at = strstr(text, key);
        count = at != NULL ? count_list(at + strlen(key)) : 0;
    }
    return count > 0 ? count : 1;
}

void machine_name(struct tool *tool, char name[MACHINE_NAME_TEXT])
{
    if (tool_read_text(tool, "/proc/sys/kernel/hostname", name,
                       MACHINE_NAME_TEXT) < 0 ||
        name[0] == '\0' || strcmp(name, "(none)") == 0) {
        memcpy(name, "localhost", sizeof("localhost"));
    }
}
