/* SPDX-License-Identifier: MIT */
/*
 * spool/log/tombs_file.h - the file that the tombstones are copied to
 */
#ifndef SPOOL_LOG_TOMBS_FILE_H
#define SPOOL_LOG_TOMBS_FILE_H

#include <pirn/base.h>

struct pirn__log;

#define PIRN__TOMBS_FILE "tombstones"
#define PIRN__TOMBS_FILE_FORMAT_1 "tombs"

/** pirn__tombs_file_open() - of the log's format. 0 or an errno. Blocks. */
PIRN_MUST_CHECK int pirn__tombs_file_open(struct pirn__log *log);

/**
 * pirn__tombs_file_load() - what is on the disk, into a new index: by who is
 * alone
 *
 * One wrong bit of a word is put right. Where more is wrong a word says
 * nothing, and a copy of the file is kept, if there is room for it. A log of
 * format 1 is one of format 2 then.
 *
 * Return: 0; -ENOMEM, -ENOSPC, -EIO, ...: as it was. Blocks.
 */
PIRN_MUST_CHECK int pirn__tombs_file_load(struct pirn__log *log);

/** pirn__tombs_file_put_bound() - a segment's bound to the file, without a
 * sync: by who closes, and nobody waits for it. Blocks. */
void pirn__tombs_file_put_bound(struct pirn__log *log, uint32_t segment);

/**
 * pirn__tombs_file_renew() - after a failed write or sync: by who is alone
 *
 * A file whose sync has failed may never say so again. So a new one is written
 * whole, from the shared memory, and takes its place; rounds go on with it.
 *
 * Return:  0; or an errno: as it was
 * Durable: when it returns.
 */
PIRN_MUST_CHECK int pirn__tombs_file_renew(struct pirn__log *log);

#endif /* SPOOL_LOG_TOMBS_FILE_H */
