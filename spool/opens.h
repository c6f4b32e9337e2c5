/* SPDX-License-Identifier: MIT */
/*
 * spool/opens.h - opening what stands below a spool's root
 *
 * What stands there may be anybody's: a link, a FIFO, a socket, a device. None
 * of it is followed, and none of it is waited for.
 */
#ifndef SPOOL_OPENS_H
#define SPOOL_OPENS_H

#include <sys/stat.h>

#include <pirn/op.h>

struct pirn_context;

/**
 * pirn__prep_open() - open, or make, a file or a directory of the spool's
 * @dir_fd: the spool's root, or a directory below it
 * @path:   beneath it; loaned until the op ends
 * @flags:  as open(2)
 *
 * Result: the descriptor; -ELOOP a component is a link; or an errno.
 */
void pirn__prep_open(struct pirn_op *op, int dir_fd, const char *path,
                     int flags);

/** pirn__prep_open_waiting() - likewise, what was seen to be a file */
void pirn__prep_open_waiting(struct pirn_op *op, int dir_fd, const char *path,
                             int flags);

/** pirn__open_file() - and wait; -EBADMSG: what stands there is no file */
int pirn__open_file(struct pirn_context *context, int dir_fd, const char *path,
                    int flags);

/** pirn__is_file() - whether STATX_TYPE says so */
bool pirn__is_file(const struct statx *statx);

/** pirn__is_none() - whether an errno says that there is no such name, or no
 * directory of the spool's where it would be: a file or a link stands there */
bool pirn__is_none(int32_t result);

/* ---- what is no file ---- */

/** pirn__may_be_foreign() - whether an open's or a read's error may say that
 * what stands there is no file; then pirn__prep_ask_kind() */
bool pirn__may_be_foreign(int32_t result);

/** pirn__prep_ask_kind() - of @path itself, into @statx */
void pirn__prep_ask_kind(struct pirn_op *op, int dir_fd, const char *path,
                         struct statx *statx);

/**
 * pirn__foreign() - what the error says, now that its kind was asked
 * @asked:  the question's result
 * @result: the error
 *
 * Return: -EBADMSG: it is no file; else @result, of which -EAGAIN says that it
 *         has to be opened with pirn__prep_open_waiting().
 */
int32_t pirn__foreign(const struct statx *statx, int32_t asked, int32_t result);

#endif /* SPOOL_OPENS_H */
