/* SPDX-License-Identifier: MIT */
/*
 * spool/check/segment_look.h - a segment's header, as a restart would find it
 */
#ifndef SPOOL_CHECK_SEGMENT_LOOK_H
#define SPOOL_CHECK_SEGMENT_LOOK_H

#include <sys/stat.h>

#include <pirn/chain.h>

#include "spool/log/batch.h"

struct pirn__log;

/**
 * pirn__segment_known() - the header that a segment has to have, by the index
 *
 * False: there need not be one. Nothing of this turn was committed, or nothing
 * of it is needed any more.
 */
bool pirn__segment_known(const struct pirn__log *log, uint32_t segment,
                         struct pirn__segment_head *ret_known);

/** pirn__segment_path() - relative to the spool; @path: PIRN__SEGMENT_PATH */
#define PIRN__SEGMENT_PATH 32
void pirn__segment_path(uint32_t segment, char *path);

/* Start &it->op. */
struct pirn__segment_look {
    struct pirn_op op;
    struct pirn__log *log;
    uint32_t segment;
    struct pirn__segment_head known; /* on 1 */
    uint8_t *buf;                    /* the caller's, of @want bytes */
    uint32_t want;
    uint32_t len;  /* of it that could be read */
    int32_t error; /* why there is none; 0: it was read, or the disk failed */
    struct statx statx;
    struct pirn_op step;
    struct pirn_op open;
    struct pirn_op read;
    struct pirn_op close;
    struct pirn_chain chain;
    struct pirn_op *steps[3];
    char path[PIRN__SEGMENT_PATH];
};

/**
 * pirn__prep_segment_look() - read its beginning
 * @buf: @want bytes, PIRN__BATCH_UNIT or more; loaned
 *
 * Result: 0 it is what the index says, or need not be; 1 it is not; or an
 * errno: it could not be looked at.
 */
void pirn__prep_segment_look(struct pirn__segment_look *look,
                             struct pirn__log *log, uint32_t segment,
                             uint8_t *buf, uint32_t want);

#endif /* SPOOL_CHECK_SEGMENT_LOOK_H */
