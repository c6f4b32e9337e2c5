/* SPDX-License-Identifier: MIT */
/*
 * spool/file/meta_file.h - metadata where they stand
 */
#ifndef SPOOL_FILE_META_FILE_H
#define SPOOL_FILE_META_FILE_H

#include <sys/stat.h>

#include <pirn/chain.h>

#include "spool/spool.h"

/* Start &it->op. */
struct pirn__meta_read {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__name path; /* set before */
    struct pirn_id id;      /* whose they must be */
    struct pirn_item item;  /* as read; the fields borrow @memory */
    char *memory;           /* malloc'd on success, the caller's to free */
    uint32_t cap;
    uint32_t tries; /* that did not decode */
    int32_t result; /* that may say it is no file */
    bool waits;     /* it is one */
    struct statx statx;
    struct pirn_op open;
    struct pirn_op read;
    struct pirn_op stat;
    struct pirn_op close;
    struct pirn_op *steps[4];
    struct pirn_chain chain;
};

/**
 * pirn__prep_meta_read() - read an item's metadata
 *
 * Result: 0; -ENOENT there are none here; -EBADMSG damaged, of another item,
 * unreadable (EIO), or no file; -EPROTO of a newer format; -EAGAIN each of many
 * reads fell short; -ELOOP a directory above is a link; or an errno.
 */
void pirn__prep_meta_read(struct pirn__meta_read *read,
                          struct pirn_spool *spool, const struct pirn_id *id);

/**
 * pirn__meta_text() - encode into memory of the right size
 * @ret_len: bytes
 *
 * Return: malloc'd, or NULL
 */
char *pirn__meta_text(const struct pirn_item *item, uint32_t *ret_len);

#endif /* SPOOL_FILE_META_FILE_H */
