/* SPDX-License-Identifier: MIT */
/*
 * pirn/path.h - operations on names: directories and their entries
 *
 * Paths are loaned until the op ends; one that is relative is so to the
 * directory in front of it, AT_FDCWD for the process's own. Where no result is
 * named it is 0, or a negative errno of the system call that bears the name.
 * All but listing go to a kernel worker (about 10 us); their number is bounded
 * by the context's worker_max. None is durable before the directory is synced
 * (pirn_prep_fsync() on it).
 *
 * AT_* are those of <fcntl.h>; RENAME_* of <stdio.h>, STATX_* and struct statx
 * of <sys/stat.h> need _GNU_SOURCE.
 */
#ifndef PIRN_PATH_H
#define PIRN_PATH_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct statx;

/**
 * pirn_prep_rename() - give a file another name, atomically
 * @flags: as renameat2(2): 0 replaces what bears the name, RENAME_NOREPLACE
 *         says -EEXIST
 *
 * Kernel: 5.11 (IORING_OP_RENAMEAT). A failure does not cut a link (6.0 on).
 */
PIRN_API void pirn_prep_rename(struct pirn_op *op, int old_dir_fd,
                               const char *old_path, int new_dir_fd,
                               const char *new_path, uint32_t flags);

/**
 * pirn_prep_unlink() - remove a name
 * @flags: 0, or AT_REMOVEDIR for an empty directory
 *
 * Kernel: 5.11 (IORING_OP_UNLINKAT).
 */
PIRN_API void pirn_prep_unlink(struct pirn_op *op, int dir_fd, const char *path,
                               int flags);

/**
 * pirn_prep_mkdir() - make a directory
 *
 * Kernel: 5.15 (IORING_OP_MKDIRAT).
 */
PIRN_API void pirn_prep_mkdir(struct pirn_op *op, int dir_fd, const char *path,
                              uint32_t mode);

/**
 * pirn_prep_fifo() - make a FIFO
 * @mode: before the umask
 *
 * For processes that wake each other: each opens it with O_RDWR, which waits
 * for nobody, and has an end of its own that keeps reads from ending. A
 * pirn_prep_read() at PIRN_OFFSET_CURRENT waits then until somebody writes, by
 * polling, without a worker, on any engine. O_NONBLOCK changes nothing for
 * operations; a write(2) of a process's own does not wait with it when the FIFO
 * is full. What was written is one of its readers', and lost when nobody has it
 * open.
 *
 * Result: 0, or any errno of mkfifoat(3).
 *
 * Kernel: mkfifoat(3), in place; io_uring has no such operation. Waiting so was
 *         seen on 6.18.
 */
PIRN_API void pirn_prep_fifo(struct pirn_op *op, int dir_fd, const char *path,
                             uint32_t mode);

/**
 * pirn_prep_link() - give a file one more name
 * @flags: as linkat(2)
 *
 * Kernel: 5.15 (IORING_OP_LINKAT).
 */
PIRN_API void pirn_prep_link(struct pirn_op *op, int old_dir_fd,
                             const char *old_path, int new_dir_fd,
                             const char *new_path, int flags);

/**
 * pirn_prep_symlink() - make a symbolic link at @path that says @target
 *
 * Kernel: 5.15 (IORING_OP_SYMLINKAT).
 */
PIRN_API void pirn_prep_symlink(struct pirn_op *op, const char *target,
                                int dir_fd, const char *path);

/**
 * pirn_prep_stat() - what the file system knows of a name or a descriptor
 * @path:  "" with AT_EMPTY_PATH in @flags means @dir_fd itself
 * @flags: as statx(2)
 * @mask:  STATX_BASIC_STATS and the like
 * @statx: filled; loaned until the op ends
 *
 * Kernel: 5.6 (IORING_OP_STATX).
 */
PIRN_API void pirn_prep_stat(struct pirn_op *op, int dir_fd, const char *path,
                             int flags, uint32_t mask, struct statx *statx);

/**
 * pirn_prep_list() - read the next entries of a directory
 * @fd:  a directory, opened with O_RDONLY | O_DIRECTORY
 * @buf: @len bytes; filled with struct linux_dirent64 records
 * @len: bytes, 512 or more; 32 KiB is usual
 *
 * Result: the bytes filled; 0 at the end. Walk them with pirn_entry_next().
 *
 * Kernel: getdents64(2), in place: io_uring has no such operation, so a cold
 *         directory holds the context up.
 */
PIRN_API void pirn_prep_list(struct pirn_op *op, int fd, void *buf,
                             uint32_t len);

/* One entry; @name borrows the buffer that was listed into. */
struct pirn_entry {
    const char *name;
    uint8_t type; /* DT_REG, DT_DIR ..., DT_UNKNOWN where it was not told */
};

/**
 * pirn_entry_next() - walk what pirn_prep_list() filled
 * @buf, @len: the buffer and the op's result
 * @at:        in and out; 0 at the start
 * @ret_entry: written while there is one; "." and ".." are passed over
 *
 * Return: whether there was one more
 */
PIRN_API bool pirn_entry_next(const void *buf, uint32_t len, uint32_t *at,
                              struct pirn_entry *ret_entry);

PIRN_END_DECLS

#endif /* PIRN_PATH_H */
