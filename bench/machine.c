/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the record, from /proc and /sys
 */
#include "bench/machine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <pirn/pirn.h>

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

/* The first line of a file without its newline; false: there is none. */
static bool read_line(const char *path, char text[MACHINE_TEXT])
{
    FILE *file = fopen(path, "re");
    bool read;

    if (file == NULL) {
        return false;
    }
    read = fgets(text, MACHINE_TEXT, file) != NULL;
    fclose(file);
    if (read) {
        text[strcspn(text, "\n")] = '\0';
    }
    return read;
}

static void read_cpu(char text[MACHINE_TEXT])
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[MACHINE_TEXT];

    strcpy(text, "?");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(text, MACHINE_TEXT, "%s", colon + 2);
            text[strcspn(text, "\n")] = '\0';
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void append(char text[MACHINE_TEXT], const char *more, size_t len)
{
    size_t used = strlen(text);

    snprintf(text + used, MACHINE_TEXT - used, "%s%.*s", used ? " " : "",
             (int)len, more);
}

/* "name:Mitigation" or "name:Vulnerable" for each that affects us. */
static void read_mitigations(char text[MACHINE_TEXT])
{
    DIR *dir = opendir(VULNERABILITIES);
    struct dirent *entry;
    char path[MACHINE_TEXT];
    char line[MACHINE_TEXT];

    text[0] = '\0';
    if (read_line("/proc/cmdline", line) && strstr(line, "mitigations=")) {
        const char *word = strstr(line, "mitigations=");

        append(text, word, strcspn(word, " "));
    }
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), VULNERABILITIES "/%s", entry->d_name);
        if (entry->d_name[0] == '.' || !read_line(path, line) ||
            strncmp(line, "Not affected", 12) == 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s:%.*s", entry->d_name,
                 (int)strcspn(line, ":; "), line);
        append(text, path, strlen(path));
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

static void read_engine(struct machine *machine)
{
    struct pirn_context *context;
    int r = pirn_context_create(NULL, &context);

    if (r < 0) {
        strcpy(machine->engine, "?");
        snprintf(machine->reason, MACHINE_TEXT, "%s", pirn_context_refusal(r));
        return;
    }
    snprintf(machine->engine, MACHINE_TEXT, "%s", pirn_context_engine(context));
    snprintf(machine->reason, MACHINE_TEXT, "%s", pirn_context_reason(context));
    context = pirn_context_destroy(context);
}

/*
 * A line of mountinfo: id, parent, MAJOR:MINOR, root, mount point, options,
 * optional fields, "-", type, source, options of the file system.
 */
static bool read_mount_line(const char *line, dev_t device,
                            struct machine *machine)
{
    unsigned major_number;
    unsigned minor_number;
    char options[256];
    char super[256];
    const char *rest = strstr(line, " - ");

    if (rest == NULL ||
        sscanf(line, "%*d %*d %u:%u %*s %*s %255s", &major_number,
               &minor_number, options) != 3 ||
        makedev(major_number, minor_number) != device ||
        sscanf(rest, " - %63s %255s %255s", machine->fs, machine->device,
               super) != 3) {
        return false;
    }
    snprintf(machine->mount, MACHINE_TEXT, "%s,%s", options, super);
    return true;
}

static void read_file_system(struct machine *machine, const char *dir)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2048];
    char path[MACHINE_TEXT];
    struct stat status;

    if (file == NULL) {
        return;
    }
    if (stat(dir, &status) == 0) {
        while (fgets(line, sizeof(line), file) != NULL &&
               !read_mount_line(line, status.st_dev, machine)) {
        }
    }
    fclose(file);
    if (strncmp(machine->device, "/dev/loop", 9) == 0) {
        machine->loop = true;
        snprintf(path, sizeof(path), "/sys/block/%.64s/loop/dio",
                 machine->device + 5);
        machine->direct = read_line(path, line) && line[0] == '1';
    }
}

void machine_read(struct machine *machine, const char *dir, const char *commit)
{
    struct utsname name;

    *machine = (struct machine){.cores = sysconf(_SC_NPROCESSORS_ONLN)};
    read_cpu(machine->cpu);
    uname(&name);
    snprintf(machine->kernel, MACHINE_TEXT, "%s %s", name.release,
             name.machine);
    read_mitigations(machine->mitigations);
    read_engine(machine);
    snprintf(machine->compiler, MACHINE_TEXT, "%s, %s", __VERSION__,
#ifdef __OPTIMIZE__
             "optimised"
#else
             "not optimised"
#endif
    );
    snprintf(machine->commit, MACHINE_TEXT, "%s", commit ? commit : "");
    if (dir != NULL) {
        read_file_system(machine, dir);
    }
}
