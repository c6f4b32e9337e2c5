/* SPDX-License-Identifier: MIT */
/*
 * gather.h - room for the pieces of a send
 *
 * A stream has room for a few pieces; one that has more to say borrows a frame
 * of its context's, from the send's start to its end. Where no frame is free
 * the pieces leave in more than one send: nothing fails.
 */
#ifndef RUNTIME_GATHER_H
#define RUNTIME_GATHER_H

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "pirn/stream.h"

enum { GATHER_FRAMES = 256 };

struct gather_frame {
    union {
        struct gather_frame *next; /* while it is free */
        struct iovec iov[PIRN_STREAM_GATHER];
    };
};

struct gather {
    struct gather_frame *frames;
    struct gather_frame *free;
    uint32_t used; /* of the frames: those beyond were never touched */
};

static inline int gather_init(struct gather *gather)
{
    *gather = (struct gather){
        .frames = malloc(GATHER_FRAMES * sizeof(*gather->frames)),
    };
    return gather->frames == NULL ? -ENOMEM : 0;
}

static inline void gather_deinit(struct gather *gather)
{
    free(gather->frames);
}

/* NULL: none is free. */
static inline struct iovec *gather_take(struct gather *gather)
{
    struct gather_frame *frame = gather->free;

    if (frame != NULL) {
        gather->free = frame->next;
        return frame->iov;
    }
    return gather->used < GATHER_FRAMES ? gather->frames[gather->used++].iov
                                        : NULL;
}

static inline void gather_put(struct gather *gather, struct iovec *iov)
{
    struct gather_frame *frame = (struct gather_frame *)(void *)iov;

    frame->next = gather->free;
    gather->free = frame;
}

#endif /* RUNTIME_GATHER_H */
