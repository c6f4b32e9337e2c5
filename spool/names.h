/* SPDX-License-Identifier: MIT */
/*
 * spool/names.h - where each thing of the state table stands
 *
 * Paths are relative to the spool's directory. Everything in them is made here:
 * no byte of a client or of a caller becomes part of a path but the name of a
 * queue that passed pirn_queue_name_is_valid(). Pure.
 */
#ifndef SPOOL_NAMES_H
#define SPOOL_NAMES_H

#include <stdint.h>

#include <pirn/item.h>
#include <pirn/name.h>

#define PIRN__SHARDS 64u

/* Slots of owners: 0 .. 1023, written with four digits. */
#define PIRN__SLOTS 1024u

#define PIRN__NAME_SUPERBLOCK "pirn-spool"
#define PIRN__NAME_OWNERS ".owners"
#define PIRN__NAME_DATA ".data"
#define PIRN__NAME_TMP ".tmp"
#define PIRN__NAME_DUE ".due"
#define PIRN__NAME_MAKING ".making"
#define PIRN__NAME_LOG ".log"
#define PIRN__NAME_LOG_DATA ".log/data"
#define PIRN__NAME_LOG_IDS ".log/ids"
#define PIRN__NAME_REGISTRY ".registry"
#define PIRN__NAME_RESERVED ".registry/.own"
#define PIRN__NAME_INCOMING "incoming"
#define PIRN__NAME_QUARANTINE "quarantine"

/* What a queue has besides its shards: a directory each, made when it is first
 * needed, for the items of one priority (0 .. 15: -8 .. 7; for those of 0 there
 * are the shards), and one for those which are held. */
#define PIRN__SHELVES 17u
#define PIRN__SHELF_NORMAL 8u
#define PIRN__SHELF_HELD 16u

/* Delayed items that become ready at one time, with one priority. */
struct pirn__bucket {
    uint64_t due_s; /* CLOCK_REALTIME, seconds */
    int8_t priority;
};

/* The longest is QUEUE/.due/SECONDS+P/ID. */
struct pirn__name {
    char text[120];
};

/* Directories. */
void pirn__name_shard_dir(struct pirn__name *name, const char *parent,
                          uint32_t shard);
void pirn__name_tmp_dir(struct pirn__name *name, uint32_t slot);
void pirn__name_checkout(struct pirn__name *name, const char *queue);
void pirn__name_checkout_dir(struct pirn__name *name, const char *queue,
                             uint32_t slot);
void pirn__name_queue_dir(struct pirn__name *name, const char *queue);
void pirn__name_shelf_dir(struct pirn__name *name, const char *queue,
                          uint32_t shelf);
void pirn__name_due_dir(struct pirn__name *name, const char *queue);
void pirn__name_bucket_dir(struct pirn__name *name, const char *queue,
                           const struct pirn__bucket *bucket);
void pirn__name_making(struct pirn__name *name, const char *queue);

/* Files. */
void pirn__name_log_body(struct pirn__name *name, const struct pirn_id *id);
void pirn__name_body(struct pirn__name *name, const struct pirn_id *id);
void pirn__name_draft(struct pirn__name *name, uint32_t slot,
                      const struct pirn_id *id);
void pirn__name_next(struct pirn__name *name, uint32_t slot,
                     const struct pirn_id *id);
void pirn__name_ready(struct pirn__name *name, const char *queue,
                      const struct pirn_id *id);
void pirn__name_claimed(struct pirn__name *name, const char *queue,
                        uint32_t slot, const struct pirn_id *id);

/** pirn__name_alias() - which id of the log's an item from files has there */
void pirn__name_alias(struct pirn__name *name, const struct pirn_id *id);

/* Metadata in the midst of a move (spool/move.h): ID.in of a copy that nobody
 * sees yet, ID.out of an item that nobody else can have any more. */
enum pirn__moving_name {
    PIRN__MOVING_IN,
    PIRN__MOVING_OUT,
};
void pirn__name_moving(struct pirn__name *name, const char *queue,
                       uint32_t slot, const struct pirn_id *id,
                       enum pirn__moving_name which);

/* Of callers' names (registry.c). A mark is "=SLOT-OPENED". */
#define PIRN__MARK_TEXT 23
void pirn__name_mark(char mark[PIRN__MARK_TEXT], uint32_t slot,
                     uint64_t opened_ns);
void pirn__name_called(struct pirn__name *name, const char *text);
void pirn__name_called_in(struct pirn__name *name, const char *text,
                          const char *entry);
void pirn__name_own_dir(struct pirn__name *name, uint32_t slot);
void pirn__name_note(struct pirn__name *name, uint32_t slot, const char *text);
void pirn__name_new(struct pirn__name *name, uint32_t slot, const char *text);
void pirn__name_new_in(struct pirn__name *name, uint32_t slot, const char *text,
                       const char *entry);

/** pirn__name_in() - of an item in a directory that holds items */
void pirn__name_in(struct pirn__name *name, const struct pirn__name *dir,
                   const struct pirn_id *id);

/** pirn__name_parse_shelf() - from an entry of a queue's directory */
bool pirn__name_parse_shelf(const char *text, uint32_t *ret_shelf);

/** pirn__name_parse_bucket() - from an entry of QUEUE/.due */
bool pirn__name_parse_bucket(const char *text, struct pirn__bucket *ret_bucket);

/** pirn__name_parse_slot() - from four digits; false: not a slot's name */
bool pirn__name_parse_slot(const char *text, uint32_t *ret_slot);

/** pirn__name_parse_next() - from ID.new; false: not such a name */
bool pirn__name_parse_next(const char *text, struct pirn_id *ret_id);

/** pirn__name_parse_moving() - from ID.in or ID.out; false: no such name */
bool pirn__name_parse_moving(const char *text, struct pirn_id *ret_id,
                             enum pirn__moving_name *ret_which);

#endif /* SPOOL_NAMES_H */
