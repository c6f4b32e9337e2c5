/* SPDX-License-Identifier: MIT */
/*
 * spool/superblock.h - the file that makes a directory a spool
 *
 *   pirn-spool 1
 *   layout file
 *   shards 64
 *   end 3b2c0d9e8f7a6b51
 *
 * Pure.
 */
#ifndef SPOOL_SUPERBLOCK_H
#define SPOOL_SUPERBLOCK_H

#include <stddef.h>

#include <pirn/base.h>

/* More than a superblock of this format, or a newer one's beginning, has. */
#define PIRN__SUPERBLOCK_MAX 4096u

/**
 * pirn__superblock_encode() - write it
 * @buf: PIRN__SUPERBLOCK_MAX bytes
 *
 * Return: its length
 */
size_t pirn__superblock_encode(char *buf);

/**
 * pirn__superblock_decode() - whether this program can use the spool
 *
 * Return: 0; -EBADMSG damaged; -EPROTO a newer format or another layout
 */
PIRN_MUST_CHECK int pirn__superblock_decode(const char *text, size_t len);

#endif /* SPOOL_SUPERBLOCK_H */
