/* SPDX-License-Identifier: MIT */
/*
 * spool/log/rebuild.h - a new index, filled from what is on the disk
 */
#ifndef SPOOL_LOG_REBUILD_H
#define SPOOL_LOG_REBUILD_H

#include "spool/log/log.h"

/** pirn__log_rebuild() - all that lives, and the states of all segments; by who
 * is alone, in an index that is zeroed. 0; -ENOMEM; or an errno. Blocks. */
PIRN_MUST_CHECK int pirn__log_rebuild(struct pirn__log *log);

#endif /* SPOOL_LOG_REBUILD_H */
