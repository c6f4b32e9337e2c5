/* SPDX-License-Identifier: MIT */
/*
 * stream_rig.h - a stream on the scripted kernel, and what it received
 *
 * What its receive function does is a plan of the test's: how many bytes it
 * takes, and whether it pauses, resumes or closes the stream from inside.
 */
#ifndef TESTS_SIM_STREAM_RIG_H
#define TESTS_SIM_STREAM_RIG_H

#include <errno.h>
#include <string.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { RIG_FD = 7, RIG_BUF = 16, RIG_SENDS = 40 };

struct stream_rig {
    struct bed *bed;
    struct pirn_stream stream;
    uint8_t buf[RIG_BUF];

    /* The plan. */
    uint32_t take; /* at most that many bytes per call; 0: all */
    bool take_none;
    bool count_only; /* what is taken is not kept in `got` */
    bool pause_inside;
    bool resume_inside;
    bool close_inside;
    enum pirn_stream_end close_how;

    /* What came. */
    char got[256];
    uint32_t got_len;
    int calls;
    int32_t ends; /* calls with no bytes */
    int32_t end_result;

    struct note close;
    struct note sends[RIG_SENDS];
};

static inline void rig_close(struct stream_rig *rig, enum pirn_stream_end how)
{
    pirn_prep_stream_close(&rig->close.op, &rig->stream, how);
    note_start(rig->bed->context, &rig->close);
}

static inline uint32_t rig_receive(struct pirn_stream *stream,
                                   const uint8_t *bytes, int32_t result)
{
    struct stream_rig *rig =
        pirn_container_of(stream, struct stream_rig, stream);
    uint32_t took = result > 0 ? (uint32_t)result : 0;

    rig->calls++;
    if (result <= 0) {
        rig->ends++;
        rig->end_result = result;
    }
    if (rig->take > 0 && took > rig->take) {
        took = rig->take;
    }
    if (rig->take_none) {
        took = 0;
    }
    if (took > 0 && !rig->count_only) {
        memcpy(rig->got + rig->got_len, bytes, took);
        rig->got_len += took;
    }
    if (rig->pause_inside) {
        pirn_stream_pause(stream);
    }
    if (rig->resume_inside) {
        pirn_stream_resume(stream);
    }
    if (rig->close_inside) {
        rig->close_inside = false;
        rig_close(rig, rig->close_how);
    }
    return took;
}

static inline void rig_init(struct stream_rig *rig, void **state)
{
    memset(rig, 0, sizeof(*rig));
    rig->bed = *state;
    pirn_stream_init(&rig->stream, rig->bed->context, RIG_FD, rig->buf, RIG_BUF,
                     rig_receive);
}

/* Without a buffer of its own. */
static inline void rig_init_shared(struct stream_rig *rig, void **state)
{
    memset(rig, 0, sizeof(*rig));
    rig->bed = *state;
    pirn_stream_init(&rig->stream, rig->bed->context, RIG_FD, NULL, 0,
                     rig_receive);
}

/* @count turns; how many functions they called. */
static inline int rig_turns(struct stream_rig *rig, int count)
{
    int called = 0;

    while (count-- > 0) {
        called += pirn_context_turn(rig->bed->context, 0);
    }
    return called;
}

static inline void rig_send(struct stream_rig *rig, uint32_t index,
                            const void *bytes, uint32_t len)
{
    pirn_prep_stream_send(&rig->sends[index].op, &rig->stream, bytes, len);
    note_start(rig->bed->context, &rig->sends[index]);
}

/* The kernel's side: what the stream has in flight. */
static inline struct pirn_op *rig_recv_op(struct stream_rig *rig)
{
    return &rig->stream.priv.recv;
}

static inline struct pirn_op *rig_send_op(struct stream_rig *rig)
{
    return &rig->stream.priv.send;
}

static inline bool rig_has_recv(struct stream_rig *rig)
{
    return script_has(rig->bed->kernel, rig_recv_op(rig));
}

static inline bool rig_has_send(struct stream_rig *rig)
{
    return script_has(rig->bed->kernel, rig_send_op(rig));
}

/* @text comes from the peer. */
static inline void rig_deliver(struct stream_rig *rig, const char *text)
{
    memcpy(rig->buf, text, strlen(text));
    script_complete(rig->bed->kernel, rig_recv_op(rig), (int32_t)strlen(text));
}

/* The same, of a stream without a buffer of its own. */
static inline void rig_deliver_shared(struct stream_rig *rig, const char *text,
                                      enum pirn_more more)
{
    script_deliver_bytes(rig->bed->kernel, &rig->stream.priv.shot, text,
                         (uint32_t)strlen(text), more);
}

#endif /* TESTS_SIM_STREAM_RIG_H */
