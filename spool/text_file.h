/* SPDX-License-Identifier: MIT */
/*
 * spool/text_file.h - the spool's own text files, whole
 *
 * At most PIRN__TEXT_FILE_MAX bytes. All of these block.
 */
#ifndef SPOOL_TEXT_FILE_H
#define SPOOL_TEXT_FILE_H

#include <pirn/base.h>
#include <pirn/context.h>

#define PIRN__TEXT_FILE_MAX 4096u

/** pirn__text_file_read() - @buf: PIRN__TEXT_FILE_MAX bytes; the bytes read, or
 * an errno */
PIRN_MUST_CHECK int pirn__text_file_read(struct pirn_context *context,
                                         int dir_fd, const char *path,
                                         char *buf);

/** pirn__text_file_write() - a new file, durable but for its name; -EEXIST */
PIRN_MUST_CHECK int pirn__text_file_write(struct pirn_context *context,
                                          int dir_fd, const char *path,
                                          const char *text, uint32_t len);

/** pirn__text_file_rewrite() - likewise, over what is there, in its blocks; who
 * is cut short leaves a file that is neither */
PIRN_MUST_CHECK int pirn__text_file_rewrite(struct pirn_context *context,
                                            int dir_fd, const char *path,
                                            const char *text, uint32_t len);

/** pirn__sync_dir() - its entries are durable when this returns 0 */
PIRN_MUST_CHECK int pirn__sync_dir(struct pirn_context *context, int dir_fd,
                                   const char *path);

/** pirn__sync_above() - those of the directory that @dir_fd stands in */
PIRN_MUST_CHECK int pirn__sync_above(struct pirn_context *context, int dir_fd);

#endif /* SPOOL_TEXT_FILE_H */
