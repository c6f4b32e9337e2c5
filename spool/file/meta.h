/* SPDX-License-Identifier: MIT */
/*
 * spool/file/meta.h - an item's metadata as a file
 *
 *   pirn-item 1
 *   id 01f5k3q0c0000a1b2c3d4e5f0g
 *   version 1
 *   created 2025-01-02T03:04:05.123456789Z
 *   size 5
 *   digest 9555e8555c62dcfd
 *   attempts 0
 *   queue later
 *   due 2025-01-02T04:04:05.000000000Z
 *   priority -3
 *   held
 *   field from a@example.org
 *   field to b@example.org
 *   end 0c9f3a6b52e1d478
 *
 * In a field's value control bytes and % are written %XX. Pure.
 *
 * The four lines from "queue" on say where the item belongs: each is there only
 * where it says something. Metadata with none of them are of format 1, and read
 * by programs that know no other; with one, of format 2.
 */
#ifndef SPOOL_FILE_META_H
#define SPOOL_FILE_META_H

#include <stddef.h>

#include <pirn/item.h>

/* The longest metadata: every byte of the fields as an escape, and the rest. */
#define PIRN__META_MAX (3u * PIRN_FIELDS_MAX + 512u)

/* The last of the years that are written, to the second: later is not told. */
#define PIRN__META_DUE_MAX (18429292800ull * 1000000000ull - 1)

/** pirn__meta_size() - how long an item's metadata are as text, in bytes */
size_t pirn__meta_size(const struct pirn_item *item);

/**
 * pirn__meta_encode() - write them
 * @buf: @cap bytes, pirn__meta_size() at least
 *
 * The fields have passed pirn__fields_check(). Of the state only PIRN_ITEM_HELD
 * is in the text; the queue is, where it is not "". What else there is to say
 * of queue, state and owner, the file's place says.
 *
 * Return: pirn__meta_size()
 */
size_t pirn__meta_encode(const struct pirn_item *item, char *buf, size_t cap);

/**
 * pirn__meta_decode() - read them
 * @text:     @len bytes
 * @fields:   @len bytes, for the fields; what it holds on failure is undefined
 * @ret_item: written on success; @ret_item->fields borrows @fields; queue: ""
 *            or that of its line; state: PIRN_ITEM_HELD, or PIRN_ITEM_READY;
 *            owner: 0
 *
 * Return: 0; -EBADMSG torn or damaged; -EPROTO of a newer format
 */
PIRN_MUST_CHECK int pirn__meta_decode(const char *text, size_t len,
                                      char *fields, struct pirn_item *ret_item);

#endif /* SPOOL_FILE_META_H */
