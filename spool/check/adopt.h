/* SPDX-License-Identifier: MIT */
/*
 * spool/check/adopt.h - a body without an item becomes an item of quarantine
 */
#ifndef SPOOL_CHECK_ADOPT_H
#define SPOOL_CHECK_ADOPT_H

#include <sys/stat.h>
#include <xxhash.h>

#include <pirn/chain.h>
#include <pirn/check.h>

#include "spool/spool.h"

/* Start &it->op. */
struct pirn__adopt {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn_item item; /* as it will be written */
    struct pirn__queue *quarantine;
    char fields[160];
    int fd;
    int32_t result;
    XXH3_state_t *hash;
    char *buf;
    char *text;
    struct pirn_op step;
    struct statx statx;
    struct pirn__name from; /* "": the body is in its place */
    struct pirn__name body;
    struct pirn__name next;
    struct pirn__name ready;
    struct pirn_op open;
    struct pirn_op write;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op rename;
    struct pirn__sync_wait body_sync;
    struct pirn__sync_wait sync;
    struct pirn_op *steps[7];
    struct pirn_chain chain;
};

/**
 * pirn__prep_adopt() - the body of @id, which is in .data, or in .log/data
 *
 * One of .log/data gets an id of the file layout; the field `was' says which it
 * had. Result: 0; -ENOENT it is gone; -EBADMSG it is no file; -EEXIST there is
 * one of that id in quarantine; or an errno: the body is where it was, or in
 * .data.
 */
void pirn__prep_adopt(struct pirn__adopt *adopt, struct pirn_spool *spool,
                      const struct pirn_id *id, bool is_of_log);

#endif /* SPOOL_CHECK_ADOPT_H */
