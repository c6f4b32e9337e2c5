/* SPDX-License-Identifier: MIT */
/*
 * spool/file/whole_sync.h - one syncfs for all who ask, where nobody else's
 * files are
 *
 * Of a spool that is the root of an ext4 one call writes out all files of all
 * items in the making, and their names. Elsewhere it would write out what
 * others have dirty.
 */
#ifndef SPOOL_FILE_WHOLE_SYNC_H
#define SPOOL_FILE_WHOLE_SYNC_H

#include <stdbool.h>

#include <pirn/op.h>

#include "spool/waiters.h"

struct pirn_spool;
struct pirn__whole_sync;

/** pirn__whole_sync_open() - into @spool->whole: NULL where the spool shares
 * its file system, or nobody can tell. Blocks. */
void pirn__whole_sync_open(struct pirn_spool *spool);

/** pirn__whole_sync_close() - nobody waits. Blocks. */
void pirn__whole_sync_close(struct pirn_spool *spool);

/** pirn__whole_sync_is_worth() - so many items are being published that one
 * call for all is less than a sync of each file. The first time it starts a
 * thread, and waits until that is there. */
bool pirn__whole_sync_is_worth(struct pirn_spool *spool);

/* One wait for it. */
struct pirn__whole_wait {
    struct pirn__waiter waiter; /* start &it->waiter.op */
    struct pirn__whole_sync *whole;
};

/**
 * pirn__prep_whole_sync() - make durable all that was written and named before
 *
 * Result: 0; or the error of the call that should have covered us, which
 * everybody gets who waits or asks later.
 */
void pirn__prep_whole_sync(struct pirn__whole_wait *wait,
                           struct pirn__whole_sync *whole);

#endif /* SPOOL_FILE_WHOLE_SYNC_H */
