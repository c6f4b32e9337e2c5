/* SPDX-License-Identifier: MIT */
/*
 * spool/log/alias.h - ids of items that came from the other layout
 *
 *   .log/ids/ID        the text of the id which the item has in the log
 *   field `pirn.id`    of its records, before all others: ID
 *
 * Its own id names no slot of the log. So its records have one that does, and
 * all that the log does with it goes by that; its own is what is asked for and
 * told. An alias is durable before the item's first record is, and goes when
 * the item's removal is durable. What leads to no item any more means nothing,
 * and is written over.
 */
#ifndef SPOOL_LOG_ALIAS_H
#define SPOOL_LOG_ALIAS_H

#include <sys/stat.h>

#include <pirn/chain.h>
#include <pirn/item.h>

#include "spool/group_sync.h"
#include "spool/log/word.h"

struct pirn__log;

#define PIRN__ALIAS_FIELD "pirn.id"

/* What the field takes: its name, an id's text, two NULs. */
#define PIRN__ALIAS_FIELD_BYTES \
    ((uint32_t)sizeof(PIRN__ALIAS_FIELD) + PIRN_ID_TEXT)

/* Syncs of .log and of .log/ids, of one open spool. */
struct pirn__alias_room {
    struct pirn__sync ids;
    struct pirn__sync above;
    bool is_durable;
};

void pirn__alias_room_init(struct pirn__log *log);
void pirn__alias_room_deinit(struct pirn__log *log);

struct pirn__alias {
    struct pirn_op op;
    struct pirn__log *log;
    struct pirn_id id; /* the item's */
    struct pirn_id in_log;
    struct pirn__name path;
    char text[PIRN_ID_TEXT];
    struct pirn_op mkdir;
    struct pirn_op stat;
    struct statx statx;
    struct pirn_op open;
    struct pirn_op io;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn__sync_wait sync_above;
    struct pirn__sync_wait sync;
    struct pirn_op *steps[6];
    struct pirn_chain chain;
};

/** pirn__prep_alias_make() - durable when it ends with 0 */
void pirn__prep_alias_make(struct pirn__alias *alias, struct pirn__log *log,
                           const struct pirn_id *id,
                           const struct pirn_id *in_log);

/**
 * pirn__prep_alias_read() - which id it is in the log
 *
 * Result: 1, and @alias->in_log is that, of an item that may have gone; 0 there
 * is no alias; or an errno
 */
void pirn__prep_alias_read(struct pirn__alias *alias, struct pirn__log *log,
                           const struct pirn_id *id);

/** pirn__prep_alias_remove() - into @op, which borrows @path; not durable */
void pirn__prep_alias_remove(struct pirn_op *op, struct pirn__log *log,
                             struct pirn__name *path, const struct pirn_id *id);

/** pirn__alias_put() - the field, PIRN__ALIAS_FIELD_BYTES */
void pirn__alias_put(char *bytes, const struct pirn_id *id);

/** pirn__alias_get() - from a record's fields, of one that has it
 * Return: 0; or -EBADMSG */
PIRN_MUST_CHECK int pirn__alias_get(const char *bytes, uint32_t len,
                                    struct pirn_id *ret_id);

/** pirn__log_state_of() - of the item with that id of the log; PIRN__FREE:
 * there is none */
enum pirn__state pirn__log_state_of(const struct pirn__log *log,
                                    const struct pirn_id *id);

/** pirn__log_is_alias() - whether that is the log's id of an item which has
 * another one, its own */
bool pirn__log_is_alias(const struct pirn__log *log, const struct pirn_id *id);

#endif /* SPOOL_LOG_ALIAS_H */
