/* SPDX-License-Identifier: MIT */
/* spawn.c - see spawn.h */
#include "cli/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FD_STDIN = 0, FD_STDERR = 2 };

int spawn_file(void)
{
    int fd = memfd_create("pirn-body", MFD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int spawn_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0;
}

uint32_t spawn_waiting(int fd)
{
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

void spawn_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- the environment ---- */

static const char *const told[] = {
    "PIRN_ID=", "PIRN_SENDER=", "PIRN_RECIPIENTS=", "PIRN_QUEUE=",
    "PIRN_ATTEMPTS="};

enum { TOLD_COUNT = sizeof(told) / sizeof(told[0]) };

static bool has_control(const char *text)
{
    while (*text != '\0') {
        unsigned char byte = (unsigned char)*text++;
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

bool spawn_can_tell(const struct pirn_item *item)
{
    const char *name;
    const char *value;
    uint32_t at = 0;

    while (pirn_fields_next(&item->fields, &at, &name, &value)) {
        bool is_told = strcmp(name, "from") == 0 || strcmp(name, "to") == 0;
        if (is_told && has_control(value)) {
            return false;
        }
    }
    return true;
}

/* Each as a string of its own, one behind the other, in the order of @told. */
static void print_told(FILE *out, const struct pirn_item *item)
{
    const char *from = pirn_fields_get(&item->fields, "from");
    const char *separator = "";
    const char *name;
    const char *value;
    char id[PIRN_ID_TEXT];
    uint32_t at = 0;

    pirn_id_format(&item->id, id);
    fprintf(out, "%s%s%c", told[0], id, '\0');
    fprintf(out, "%s%s%c", told[1], from != NULL ? from : "", '\0');
    fputs(told[2], out);
    while (pirn_fields_next(&item->fields, &at, &name, &value)) {
        if (strcmp(name, "to") == 0) {
            fprintf(out, "%s%s", separator, value);
            separator = "\n";
        }
    }
    putc('\0', out);
    fprintf(out, "%s%s%c", told[3], item->queue, '\0');
    fprintf(out, "%s%" PRIu32 "%c", told[4], item->attempts, '\0');
}

static bool is_told(const char *variable)
{
    for (int i = 0; i < TOLD_COUNT; i++) {
        if (strncmp(variable, told[i], strlen(told[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Ours, without those that are told, and @strings; the caller frees it. */
static char **environment(char *strings)
{
    size_t count = 0;

    while (environ[count] != NULL) {
        count++;
    }
    char **all = calloc(count + TOLD_COUNT + 1, sizeof(*all));
    if (all == NULL) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_told(environ[i])) {
            all[at++] = environ[i];
        }
    }
    for (int i = 0; i < TOLD_COUNT; i++) {
        all[at++] = strings;
        strings += strlen(strings) + 1;
    }
    return all;
}

/* ---- the command ---- */

static int begin(char *const *argv, char **env, int input_fd, int errors_fd,
                 pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t set;
    int r = posix_spawnattr_init(&how);

    if (r != 0) {
        return -r;
    }
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&how, &set);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&how, &set);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP |
                                       POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETSIGMASK);
    r = posix_spawn_file_actions_init(&files);
    if (r == 0) {
        r = posix_spawn_file_actions_adddup2(&files, input_fd, FD_STDIN);
        r = r != 0 ? r
                   : posix_spawn_file_actions_adddup2(&files, errors_fd,
                                                      FD_STDERR);
        r = r != 0 ? r
                   : posix_spawnp(ret_pid, argv[0], &files, &how, argv, env);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&how);
    return -r;
}

int spawn_command(char *const *argv, const struct pirn_item *item, int input_fd,
                  int errors_fd, pid_t *ret_pid)
{
    char *strings = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&strings, &len);

    if (out == NULL) {
        return -ENOMEM;
    }
    print_told(out, item);
    int r = fclose(out) == 0 ? 0 : -ENOMEM;
    char **env = r == 0 ? environment(strings) : NULL;
    r = env == NULL ? -ENOMEM : begin(argv, env, input_fd, errors_fd, ret_pid);
    free(env);
    free(strings);
    return r;
}
