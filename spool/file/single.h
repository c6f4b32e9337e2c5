/* SPDX-License-Identifier: MIT */
/*
 * spool/file/single.h - one name per item, after a power cut
 */
#ifndef SPOOL_FILE_SINGLE_H
#define SPOOL_FILE_SINGLE_H

#include "spool/spool.h"

/**
 * pirn__make_single() - of each item that has several names leave one
 *
 * Nobody else may have the spool open: an item that moves has two names for
 * whoever looks long enough. Queues have been met. May be repeated, and cut
 * short anywhere. Blocks.
 *
 * Return: 0, every item has one name, and durably no other; or an errno
 */
PIRN_MUST_CHECK int pirn__make_single(struct pirn_spool *spool);

#endif /* SPOOL_FILE_SINGLE_H */
