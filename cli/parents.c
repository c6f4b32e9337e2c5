/* SPDX-License-Identifier: MIT */
/*
 * parents.c - see parents.h
 *
 * A directory is safe when the one that holds its name has been synced.
 */
#include "cli/parents.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/path.h>

enum { MODE = 0777 }; /* less the umask */

static int sync_dir(struct pirn_context *context, const char *path)
{
    struct pirn_op op = {0};
    int r;
    int fd;

    pirn_prep_open(&op, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    fd = pirn_wait(context, &op);
    if (fd < 0) {
        return fd;
    }
    pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
    r = pirn_wait(context, &op);
    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
    return r;
}

/* @path's name is to be safe in the directory above it. */
static int make_one(struct pirn_context *context, char *path)
{
    struct pirn_op op = {0};
    char *slash = strrchr(path, '/');
    int r;

    pirn_prep_mkdir(&op, AT_FDCWD, path, MODE);
    r = pirn_wait(context, &op);
    if (r == -EEXIST) {
        return 0;
    }
    if (r < 0) {
        return r;
    }
    if (slash == NULL) {
        return sync_dir(context, ".");
    }
    *slash = '\0';
    r = sync_dir(context, *path == '\0' ? "/" : path);
    *slash = '/';
    return r;
}

int parents_make(struct pirn_context *context, const char *path)
{
    char above[PATH_MAX];
    int r = 0;

    if (snprintf(above, sizeof(above), "%s", path) >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    for (char *at = above + 1; r == 0 && *above != '\0'; at++) {
        at = strchr(at, '/');
        if (at == NULL || at[strspn(at, "/")] == '\0') {
            break;
        }
        *at = '\0';
        r = make_one(context, above);
        *at = '/';
    }
    return r;
}
