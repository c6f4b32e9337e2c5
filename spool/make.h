/* SPDX-License-Identifier: MIT */
/*
 * spool/make.h - making a spool, and queues in it. All of it blocks.
 */
#ifndef SPOOL_MAKE_H
#define SPOOL_MAKE_H

#include "spool/spool.h"

/**
 * pirn__make_spool() - everything, and last of all the superblock
 * @spool:  root_fd is open
 * @config: sizes of the log
 *
 * What a killed process has half made is continued.
 *
 * Return:  0; -ENOTEMPTY other things are there; or an errno
 * Durable: all but the superblock's name and the spool's own; see
 *          pirn__make_durable().
 */
PIRN_MUST_CHECK int pirn__make_spool(struct pirn_spool *spool,
                                     const struct pirn_spool_config *config);

/** pirn__make_durable() - the names in the spool's directory, and its own */
PIRN_MUST_CHECK int pirn__make_durable(struct pirn_spool *spool);

/** pirn__make_queue() - 0 too if it is there. Durable when it returns. */
PIRN_MUST_CHECK int pirn__make_queue(struct pirn_spool *spool,
                                     const char *queue);

/** pirn__make_is_ours() - whether an entry of the spool's directory is one of
 * the fixed names; a lost+found is, queues are not */
bool pirn__make_is_ours(const char *name);

#endif /* SPOOL_MAKE_H */
