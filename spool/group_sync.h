/* SPDX-License-Identifier: MIT */
/*
 * spool/group_sync.h - one fsync of a directory for all who ask
 *
 * One is in flight; whoever asks while it flies is served by the next one,
 * together with all the others who do. There is no timer: a lone writer waits
 * for no more than the next turn, and the fsync in flight is what gathers a
 * batch.
 */
#ifndef SPOOL_GROUP_SYNC_H
#define SPOOL_GROUP_SYNC_H

#include <pirn/base.h>
#include <pirn/op.h>

#include "spool/names.h"
#include "spool/waiters.h"

/* One directory of the spool. */
struct pirn__sync {
    struct pirn_context *context;
    struct pirn_op op;
    struct pirn__waiters flight;
    struct pirn__waiters waiting;
    struct pirn__name path;
    int root_fd;
    int fd; /* opened by the first who asks; -1 until then */
    bool flying;
    int32_t error; /* of the first fsync that failed: final */
};

/* One wait for it. */
struct pirn__sync_wait {
    struct pirn__waiter waiter; /* start &it->waiter.op */
    struct pirn__sync *sync;
};

/** pirn__sync_init() - @sync->path has been set */
void pirn__sync_init(struct pirn__sync *sync, struct pirn_context *context,
                     int root_fd);

/** pirn__sync_deinit() - close the directory. Blocks. */
void pirn__sync_deinit(struct pirn__sync *sync);

/**
 * pirn__prep_sync() - make the directory's entries durable as they are now
 *
 * Result: 0; or the error of the fsync that should have covered us. After a
 * failed fsync everybody who waits or asks later gets its error: the kernel may
 * have dropped the block that holds their entry, too, and say 0 the next time.
 */
void pirn__prep_sync(struct pirn__sync_wait *wait, struct pirn__sync *sync);

/** pirn__was_not_asked() - a result of pirn_prep_confirm() that says nothing of
 * the directory: something kept it from being carried out */
bool pirn__was_not_asked(int32_t result);

#endif /* SPOOL_GROUP_SYNC_H */
