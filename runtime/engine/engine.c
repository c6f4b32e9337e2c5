/* SPDX-License-Identifier: MIT */
/* engine.c - which engine, and who refused it */
#include "runtime/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
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
        return "this kernel has no io_uring, or this process's seccomp filter "
               "hides it; Linux 6.1 or newer is needed, and io_uring_setup, "
               "io_uring_enter and io_uring_register allowed in its profile";
    }
    if (error == -ENOSYS) {
        return "this kernel has no io_uring, or a sandbox hides it; Linux 6.1 "
               "or newer is needed";
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
    if (error == -EPERM) {
        return "io_uring is refused by a security module of this kernel";
    }
    if (error == -ENOMEM) {
        return "no memory for a ring; before Linux 5.12 raise the limit of "
               "locked memory (ulimit -l)";
    }
    if (error == -EMFILE || error == -ENFILE) {
        return "no descriptor is left for a ring; raise the limit of open "
               "files (ulimit -n)";
    }
    if (error == -EINVAL) {
        return "no such engine, or the context's configuration is out of "
               "range; PIRN_ENGINE may be auto or uring";
    }
    return strerror(-error);
}

int pirn__engine_choose(enum pirn_engine which,
                        const struct engine_class **ret_class)
{
    const char *name = getenv("PIRN_ENGINE");

    if (name != NULL && strcmp(name, "auto") != 0 &&
        strcmp(name, "uring") != 0) {
        return -EINVAL;
    }
    switch (which) {
    case PIRN_ENGINE_AUTO:
    case PIRN_ENGINE_URING:
        *ret_class = &pirn__engine_uring;
        return 0;
    }
    return -EINVAL;
}
