/* SPDX-License-Identifier: MIT */
/*
 * spool/check/room.h - the directories of a spool, and which names are theirs
 */
#ifndef SPOOL_CHECK_ROOM_H
#define SPOOL_CHECK_ROOM_H

#include <pirn/path.h>

#include "spool/names.h"

/* Kinds of rooms, in the order in which a walk enters them. */
enum pirn__room_kind {
    PIRN__ROOM_TOP = 0,
    PIRN__ROOM_MAKING,     /* .making */
    PIRN__ROOM_TMP,        /* .tmp */
    PIRN__ROOM_DATA,       /* .data */
    PIRN__ROOM_LOG,        /* .log, and the next five in it */
    PIRN__ROOM_SEGMENTS,   /* seg */
    PIRN__ROOM_NUMBERS,    /* queues */
    PIRN__ROOM_BELLS,      /* bells */
    PIRN__ROOM_ALIASES,    /* ids */
    PIRN__ROOM_LOG_DATA,   /* data */
    PIRN__ROOM_QUEUE,      /* QUEUE */
    PIRN__ROOM_CHECKOUT,   /* QUEUE/.checkout */
    PIRN__ROOM_DUE,        /* QUEUE/.due */
    PIRN__ROOM_DRAFTS,     /* .tmp/SLOT */
    PIRN__ROOM_SIFTED,     /* a shard, for what does not belong there */
    PIRN__ROOM_CLAIMS,     /* QUEUE/.checkout/SLOT */
    PIRN__ROOM_SHELF,      /* QUEUE/.priority+N, QUEUE/.held */
    PIRN__ROOM_BUCKET,     /* QUEUE/.due/SECONDS */
    PIRN__ROOM_SHARD,      /* .data/XY, then QUEUE/XY of each queue */
    PIRN__ROOM_LOG_BODIES, /* .log/data/XY */
    PIRN__ROOM_KINDS,
};

struct pirn__room {
    enum pirn__room_kind kind;
    const char *queue; /* of a shard: NULL says .data */
    uint16_t queue_at; /* which of the spool's that is */
    uint32_t slot;
    uint32_t shard;
    uint32_t shelf;
    struct pirn__bucket bucket;
};

/** pirn__room_path() - relative to the spool */
void pirn__room_path(const struct pirn__room *room,
                     struct pirn__name *ret_path);

/* What a name is in a room. */
enum pirn__entry_kind {
    PIRN__ENTRY_OURS = 0,
    PIRN__ENTRY_SLOT,      /* a directory of an owner */
    PIRN__ENTRY_SHELF,     /* of a queue: where it may have items, too */
    PIRN__ENTRY_BUCKET,    /* a directory of delayed items */
    PIRN__ENTRY_ITEM,      /* ID */
    PIRN__ENTRY_NEXT,      /* ID.new */
    PIRN__ENTRY_MOVING,    /* ID.in or ID.out */
    PIRN__ENTRY_MISPLACED, /* ID of another shard */
    PIRN__ENTRY_DAMAGED,   /* a segment, or a copy, that could not be read */
    PIRN__ENTRY_HALF,      /* made under this name, then renamed */
    PIRN__ENTRY_STRAY,
};

/* What it names, where it names something. */
struct pirn__named_by {
    struct pirn_id id;
    uint32_t slot;
    struct pirn__bucket bucket;
};

/**
 * pirn__room_judge() - what an entry of a room is
 *
 * Of the top room: names of queues are strays here; who calls knows which
 * queues there are.
 */
enum pirn__entry_kind pirn__room_judge(const struct pirn__room *room,
                                       const struct pirn_entry *entry,
                                       struct pirn__named_by *ret_named);

/** pirn__room_is_copy() - of the names of segments: NNNNNN.damaged.* */
bool pirn__room_is_copy(const char *name);

#endif /* SPOOL_CHECK_ROOM_H */
