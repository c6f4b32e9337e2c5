/* SPDX-License-Identifier: MIT */
/*
 * spool/file/commit.h - the two files of an item in the making: S0 to S4
 *
 * Four ops that a draft runs one after the other, as steps of a chain:
 *
 *   make -> put ... put -> publish          undo (only after a failure)
 *   make -> publish, with the whole body
 */
#ifndef SPOOL_FILE_COMMIT_H
#define SPOOL_FILE_COMMIT_H

#include <pirn/chain.h>

#include "spool/file/site.h"
#include "spool/spool.h"

/* More of the body into its file. Start, or chain, &it->op. */
struct pirn__put {
    struct pirn_op op;
    struct pirn__commit *commit;
    const char *bytes;
    uint64_t len;
    struct pirn_op write;
};

/* One file's: what is not in it yet is written with its sync, in one operation;
 * where all is in it, it is synced. */
struct pirn__flush_file {
    struct pirn_op op;
    struct pirn__flush *flush;
    int fd;
    const char *bytes; /* @len bytes, to @offset */
    uint64_t len;
    uint64_t offset;
};

/* Syncs that run at once and end together. */
struct pirn__flush {
    struct pirn_op op;
    struct pirn_context *context;
    struct pirn__flush_file body;
    struct pirn__flush_file meta;
    struct pirn__sync_wait dir;
    uint32_t left;
    int32_t result; /* the first error */
};

/* Placed by a draft; zeroed once. */
struct pirn__commit {
    struct pirn_spool *spool;
    struct pirn__queue *queue;
    struct pirn_item item; /* as it will be published */

    bool made;      /* both files are there */
    bool is_shared; /* the body is another name of what stands at @source */
    struct pirn__name source;
    int meta_fd;
    int body_fd;
    uint64_t written;  /* bytes of the body in its file */
    const char *whole; /* @whole_len bytes: all of it, if none is written yet */
    uint64_t whole_len;
    uint32_t tries;
    uint32_t passed;   /* shards that took nothing in */
    bool is_misplaced; /* the last one was such a shard */
    bool is_late; /* the bucket it was to go to is gone: its time has come */
    uint32_t rename_at; /* which step of the publication publishes */
    int32_t result;
    char *text; /* the metadata */
    uint32_t text_len;
    struct pirn__name draft_name;
    struct pirn__name body_name;
    struct pirn__name ready_name;
    struct pirn__site_make site; /* where it goes */

    struct pirn_op make;
    struct pirn_op publish;
    struct pirn_op undo;

    struct pirn_op open_meta; /* and everything that is done to the files */
    struct pirn_op open_body;
    struct pirn_op link_body;
    struct pirn__flush flush;
    struct pirn_op close_meta;
    struct pirn_op close_body;
    struct pirn_op close_site;
    struct pirn_op rename;
    struct pirn__sync_wait sync;
    struct pirn_op unlink_body;
    struct pirn_op unlink_name;
    struct pirn_op *steps[8];
    struct pirn_chain chain;
};

/**
 * pirn__prep_make() - take an id and create both files under it
 *
 * Result: 0, @commit->item.id is set; or an errno, and nothing was made:
 * -ESTALE there is nothing at @commit->source; -ENOTDIR no shard takes a body
 * in.
 */
void pirn__prep_make(struct pirn__commit *commit);

/** pirn__prep_put() - write @len bytes; result 0 or an errno */
void pirn__prep_put(struct pirn__put *put, struct pirn__commit *commit,
                    const char *bytes, uint64_t len);

/**
 * pirn__prep_publish() - make it durable, then visible, then that durable
 *
 * The item's size, digest, fields and place (state: PIRN_ITEM_HELD or
 * PIRN_ITEM_READY) are set before the op begins, and so is @commit->whole,
 * loaned until it ends, where nothing was put. Result: 0,
 * the item is safe; or an errno: if it was visible it has been taken back, and
 * what is left is the slot's recovery's.
 */
void pirn__prep_publish(struct pirn__commit *commit);

/** pirn__prep_undo() - close and unlink what was made; result 0 */
void pirn__prep_undo(struct pirn__commit *commit);

#endif /* SPOOL_FILE_COMMIT_H */
