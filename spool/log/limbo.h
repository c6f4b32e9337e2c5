/* SPDX-License-Identifier: MIT */
/*
 * spool/log/limbo.h - slots that are free once their tombstones are durable
 *
 * An item that was removed, or never came to be, keeps its slot until a round
 * of syncs that began later has ended; a body's file is unlinked then.
 */
#ifndef SPOOL_LOG_LIMBO_H
#define SPOOL_LOG_LIMBO_H

#include <pirn/context.h>

#include "spool/log/catalogue.h"
#include "spool/names.h"

struct pirn__log;

struct pirn__limbo_item {
    struct pirn__grip grip; /* REMOVING */
    uint64_t round;
    struct pirn_id id; /* of a body that is a file */
    bool has_file;
};

/* A ring. Zeroed memory is an empty one. */
struct pirn__limbo {
    struct pirn__limbo_item *items;
    uint32_t cap; /* a power of two, or 0 */
    uint32_t head;
    uint32_t count;
    bool is_unlinking;
    struct pirn_op unlink;
    struct pirn__name path;
};

/**
 * pirn__limbo_put() - tombstones and cuts were set: free it when they last
 * @id: of a body that is a file; or NULL
 *
 * Where there is no memory for it, it waits for this owner's end.
 */
void pirn__limbo_put(struct pirn__log *log, const struct pirn__grip *grip,
                     const struct pirn_id *id);

/** pirn__limbo_drain() - free what a round has made durable */
void pirn__limbo_drain(struct pirn__log *log);

/** pirn__limbo_round() - the round that its last one waits for; 0: none */
uint64_t pirn__limbo_round(const struct pirn__log *log);

#endif /* SPOOL_LOG_LIMBO_H */
