/* SPDX-License-Identifier: MIT */
/*
 * spool/log/tombs_file.h - the file that the tombstones are copied to
 */
#ifndef SPOOL_LOG_TOMBS_FILE_H
#define SPOOL_LOG_TOMBS_FILE_H

#include <pirn/base.h>

struct pirn__log;

/** pirn__tombs_file_open() - 0 or an errno. Blocks. */
PIRN_MUST_CHECK int pirn__tombs_file_open(struct pirn__log *log);

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
