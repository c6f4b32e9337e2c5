/* SPDX-License-Identifier: MIT */
/* engine.c - which engine, and who refused it */
#include "runtime/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The value of kernel.io_uring_disabled (Linux 6.6), or 0. */
static int sysctl_disabled(void)
{
    char digit = '0';
    int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (read(fd, &digit, 1) != 1) {
            digit = '0';
        }
        close(fd);
    }
    return digit - '0';
}

const char *pirn_context_refusal(int error)
{
    if (error == -ENOSYS && prctl(PR_GET_SECCOMP) > 0) {
        return "this kernel has no io_uring, or one that is too old, or this "
               "process's seccomp filter hides it; Linux 6.1 or newer is "
               "needed, and io_uring_setup, io_uring_enter and "
               "io_uring_register allowed in its profile";
    }
    if (error == -ENOSYS) {
        return "this kernel has no io_uring, or one that is too old, or a "
               "sandbox hides it; Linux 6.1 or newer is needed";
    }
    if (error == -EPERM && sysctl_disabled() == 2) {
        return "io_uring is refused by the sysctl kernel.io_uring_disabled=2; "
               "set it to 0";
    }
    if (error == -EPERM && sysctl_disabled() == 1) {
        return "io_uring is refused by the sysctl kernel.io_uring_disabled=1; "
               "set it to 0, or join the group of kernel.io_uring_group";
    }
    if (error == -EPERM && prctl(PR_GET_SECCOMP) > 0) {
        return "io_uring is refused by this process's seccomp filter, as "
               "container engines set one up; allow io_uring_setup, "
               "io_uring_enter and io_uring_register in its profile";
    }
    if (error == -EPERM || error == -EACCES) {
        return "io_uring is refused by a security module of this kernel";
    }
    if (error == -ENOMEM) {
        return "no memory for a ring, or more than this user may lock; raise "
               "the limit of locked memory (ulimit -l)";
    }
    if (error == -EMFILE || error == -ENFILE) {
        return "no descriptor is left for a ring; raise the limit of open "
               "files (ulimit -n)";
    }
    if (error == -EINVAL) {
        return "no such engine, or the context's configuration is out of "
               "range; PIRN_ENGINE may be auto, uring or plain, PIRN_FILES "
               "auto, ring or pool";
    }
    return strerror(-error);
}

/* Whether @error says that this place has no rings, or none for us. -EINVAL: a
 * kernel that knows less than the first step of the set-up (before 5.6). */
static bool is_refusal(int error)
{
    return error == -ENOSYS || error == -EPERM || error == -EACCES ||
           error == -ENOMEM || error == -EINVAL;
}

static int auto_create(const struct engine_config *config,
                       struct engine **ret_engine)
{
    int refused = pirn__engine_uring.create(config, ret_engine);
    int r;

    if (refused == 0 || !is_refusal(refused)) {
        return refused;
    }
    r = pirn__engine_plain.create(config, ret_engine);
    if (r == 0) {
        snprintf((*ret_engine)->reason, sizeof((*ret_engine)->reason),
                 "plain, because %s",
                 pirn_context_refusal(refused == -EINVAL ? -ENOSYS : refused));
    }
    return r;
}

/* Only ever asked to create: what it creates is of another class. */
static const struct engine_class engine_auto = {
    .name = "auto",
    .create = auto_create,
};

static const struct engine_class *const choices[] = {
    [PIRN_ENGINE_AUTO] = &engine_auto,
    [PIRN_ENGINE_URING] = &pirn__engine_uring,
    [PIRN_ENGINE_PLAIN] = &pirn__engine_plain,
};

enum { CHOICES = sizeof(choices) / sizeof(choices[0]) };

/* Which of @names the environment variable @variable has, or @which if it is
 * not set; -EINVAL: none. */
static int choose(const char *variable, const char *const *names, int count,
                  unsigned which)
{
    const char *name = getenv(variable);

    if (which >= (unsigned)count) {
        return -EINVAL;
    }
    for (int i = 0; name != NULL && i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return i;
        }
    }
    return name == NULL ? (int)which : -EINVAL;
}

int pirn__engine_choose(enum pirn_engine which,
                        const struct engine_class **ret_class)
{
    static const char *const names[CHOICES] = {"auto", "uring", "plain"};
    int choice = choose("PIRN_ENGINE", names, CHOICES, which);

    if (choice < 0) {
        return choice;
    }
    *ret_class = choices[choice];
    return 0;
}

int pirn__files_choose(enum pirn_files which, enum pirn_files *ret_files)
{
    static const char *const names[] = {"auto", "ring", "pool"};
    int choice = choose("PIRN_FILES", names, 3, which);

    if (choice < 0) {
        return choice;
    }
    *ret_files = (enum pirn_files)choice;
    return 0;
}
