/* SPDX-License-Identifier: MIT */
/* path.c - see pirn/path.h */
#include "pirn/path.h"

#include <dirent.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/context.h"

enum { LIST_BUF_MIN = 512 };

static struct pirn_loan *prep_path(struct pirn_op *op, uint8_t opcode,
                                   int dir_fd, const char *path)
{
    struct pirn_loan *loan = pirn__prep(op, opcode);

    pirn_assert(path != NULL);
    loan->fd = dir_fd;
    loan->addr = (uintptr_t)path;
    return loan;
}

void pirn_prep_rename(struct pirn_op *op, int old_dir_fd, const char *old_path,
                      int new_dir_fd, const char *new_path, uint32_t flags)
{
    struct pirn_loan *loan = prep_path(op, ENGINE_RENAME, old_dir_fd, old_path);

    pirn_assert(new_path != NULL);
    loan->len = (uint32_t)new_dir_fd;
    loan->offset = (uintptr_t)new_path;
    loan->op_flags = flags;
}

void pirn_prep_unlink(struct pirn_op *op, int dir_fd, const char *path,
                      int flags)
{
    prep_path(op, ENGINE_UNLINK, dir_fd, path)->op_flags = (uint32_t)flags;
}

void pirn_prep_mkdir(struct pirn_op *op, int dir_fd, const char *path,
                     uint32_t mode)
{
    prep_path(op, ENGINE_MKDIR, dir_fd, path)->len = mode;
}

void pirn_prep_fifo(struct pirn_op *op, int dir_fd, const char *path,
                    uint32_t mode)
{
    prep_path(op, ENGINE_FIFO, dir_fd, path)->len = mode;
}

void pirn_prep_link(struct pirn_op *op, int old_dir_fd, const char *old_path,
                    int new_dir_fd, const char *new_path, int flags)
{
    struct pirn_loan *loan = prep_path(op, ENGINE_LINK, old_dir_fd, old_path);

    pirn_assert(new_path != NULL);
    loan->len = (uint32_t)new_dir_fd;
    loan->offset = (uintptr_t)new_path;
    loan->op_flags = (uint32_t)flags;
}

void pirn_prep_symlink(struct pirn_op *op, const char *target, int dir_fd,
                       const char *path)
{
    struct pirn_loan *loan = prep_path(op, ENGINE_SYMLINK, dir_fd, target);

    pirn_assert(path != NULL);
    loan->offset = (uintptr_t)path;
}

void pirn_prep_stat(struct pirn_op *op, int dir_fd, const char *path, int flags,
                    uint32_t mask, struct statx *statx)
{
    struct pirn_loan *loan = prep_path(op, ENGINE_STAT, dir_fd, path);

    pirn_assert(statx != NULL);
    loan->op_flags = (uint32_t)flags;
    loan->len = mask;
    loan->offset = (uintptr_t)statx;
}

void pirn_prep_list(struct pirn_op *op, int fd, void *buf, uint32_t len)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_LIST);

    pirn_assert(buf != NULL);
    pirn_assert(len >= LIST_BUF_MIN);
    loan->fd = fd;
    loan->addr = (uintptr_t)buf;
    loan->len = len;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The kernel's record: inode 8, offset 8, length 2, type 1, name and NUL. */
bool pirn_entry_next(const void *buf, uint32_t len, uint32_t *at,
                     struct pirn_entry *ret_entry)
{
    while (*at < len) {
        const struct dirent64 *entry = (const void *)((const char *)buf + *at);

        pirn_assert(entry->d_reclen > 0 && entry->d_reclen <= len - *at);
        *at += entry->d_reclen;
        if (!is_dot(entry->d_name)) {
            *ret_entry = (struct pirn_entry){entry->d_name, entry->d_type};
            return true;
        }
    }
    return false;
}
