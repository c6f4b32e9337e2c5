/* SPDX-License-Identifier: MIT */
/*
 * spool/lease.h - our entry among the owners, and how long we are believed
 */
#ifndef SPOOL_LEASE_H
#define SPOOL_LEASE_H

#include <pirn/context.h>

#include "spool/owner_entry.h"

struct pirn_renewal;
struct pirn_spool;

/* Zeroed memory has no lease. */
struct pirn__lease {
    struct pirn__owner_entry entry; /* as it was written last */
    uint8_t bytes[PIRN__OWNER_ENTRY_BYTES];
    struct pirn_op write;
    bool is_owed; /* what others read there is another's */
    bool is_writing;
    bool is_asked;                /* for, since the write began */
    struct pirn_renewal *flying;  /* which the write ends */
    struct pirn_renewal *waiting; /* which the next one does */
};

/** pirn__lease_open() - write our entry. Blocks. 0, also where there is no room
 * for it: it is written with a later item then; or an errno */
PIRN_MUST_CHECK int pirn__lease_open(struct pirn_spool *spool,
                                     uint64_t lease_ns);

/** pirn__lease_touch() - we have an item: from now on it runs anew. Writes a
 * few times per lease at most, and waits for nothing. */
void pirn__lease_touch(struct pirn_spool *spool);

/** pirn__lease_close() - nothing of it is on loan. Blocks. */
void pirn__lease_close(struct pirn_spool *spool);

#endif /* SPOOL_LEASE_H */
