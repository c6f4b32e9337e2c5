/* SPDX-License-Identifier: MIT */
/*
 * spool/check/strays.h - a room for what is no item and is not thrown away
 *
 * quarantine/.strays/UNIQUE.NAME, where UNIQUE is an id that nothing has and
 * NAME what it was called, as much of it as a name may have.
 */
#ifndef SPOOL_CHECK_STRAYS_H
#define SPOOL_CHECK_STRAYS_H

#include <pirn/chain.h>

#include "spool/dir_sync.h"
#include "spool/spool.h"

#define PIRN__STRAYS_NAME ".strays"
#define PIRN__STRAYS_DIR PIRN__NAME_QUARANTINE "/" PIRN__STRAYS_NAME

/* Start &it->op. */
struct pirn__to_strays {
    struct pirn_op op;
    struct pirn_spool *spool;
    const char *from;
    struct pirn_op step;
    struct pirn__dir_sync sync;
    char to[sizeof(PIRN__STRAYS_DIR) + 256];
};

/**
 * pirn__prep_to_strays() - move a file or a directory there, durably
 * @from: in the spool; loaned
 *
 * Result: 0; -ENOENT it is gone; -EXDEV, -EBUSY it is another file system's; or
 * an errno
 */
void pirn__prep_to_strays(struct pirn__to_strays *move,
                          struct pirn_spool *spool, const char *from);

/* Start &it->op. */
struct pirn__stray_bytes {
    struct pirn_op op;
    struct pirn_spool *spool;
    const void *bytes;
    uint32_t len;
    struct pirn_op step;
    struct pirn_op open;
    struct pirn_op write;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op *steps[4];
    struct pirn_chain chain;
    struct pirn__dir_sync sync;
    char to[sizeof(PIRN__STRAYS_DIR) + 256];
};

/**
 * pirn__prep_stray_bytes() - a new file there, durably
 * @name:  what it is called behind its unique part; copied
 * @bytes: @len of them, loaned
 *
 * Result: 0 or an errno
 */
void pirn__prep_stray_bytes(struct pirn__stray_bytes *stray,
                            struct pirn_spool *spool, const char *name,
                            const void *bytes, uint32_t len);

#endif /* SPOOL_CHECK_STRAYS_H */
