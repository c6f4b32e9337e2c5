/* SPDX-License-Identifier: MIT */
/*
 * bench/loop.h - a file as a disk, mounted where nobody else sees it
 *
 * The mounts are those of a namespace that ends with the process, and the
 * device goes when nobody has it open: whoever is killed leaves nothing.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdint.h>

struct loop {
    int fd;
    char path[32];
};

/** loop_private() - mounts from here on are this process's; 0 or an errno */
int loop_private(void);

/** loop_attach() - a loop device on a file; 0 or a negative errno */
int loop_attach(struct loop *loop, int file);

/** loop_forget() - what the kernel keeps in memory of the device's bytes */
void loop_forget(const struct loop *loop);

/** loop_mount() - 0 or a negative errno */
int loop_mount(const struct loop *loop, const char *point, const char *type,
               const char *options);

/** loop_unmount() - 0 or a negative errno; who was killed lets go a little
 * later, which is waited for: what is mounted must not be written under */
int loop_unmount(const char *point);

#endif /* BENCH_LOOP_H */
