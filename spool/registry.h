/* SPDX-License-Identifier: MIT */
/*
 * spool/registry.h - callers' names: who has one, and freeing one
 */
#ifndef SPOOL_REGISTRY_H
#define SPOOL_REGISTRY_H

#include <sys/stat.h>

#include <pirn/chain.h>

#include "spool/log/alias.h"
#include "spool/scan.h"
#include "spool/spool.h"

/* What stands in a name's directory. */
struct pirn__name_scan {
    struct pirn__scan scan;
    struct pirn__ids ids;
    char mark[PIRN__MARK_TEXT]; /* one of those there; "": none */
};

/*
 * Take from a name what nobody needs: a mark, the ids of items that are gone,
 * and then the name, if nothing is left. Zeroed once; start &it->op.
 */
struct pirn__clearing {
    struct pirn_op op;
    struct pirn_spool *spool;
    char text[PIRN_NAME_TEXT];
    char mark[PIRN__MARK_TEXT]; /* how one to be taken away begins; "": none */
    struct pirn__name_scan found;
    uint32_t at;
    bool is_had; /* when it has ended: @id is an item, and has the name */
    struct pirn_id id;
    struct pirn__alias alias; /* of one that came to the log */
    uint32_t aliases;         /* how often that was read */
    bool is_again;            /* the last two times alike */
    struct pirn_id led_to;    /* by the last time; zeros: nowhere */
    struct pirn_op step;
    struct statx statx;
    struct pirn__name path;
};

/**
 * pirn__prep_clearing() - of the name @clearing->text
 *
 * Result: 0, the name is free, or @clearing->is_had, or @clearing->found.mark
 * says who has reserved it; or an errno.
 */
void pirn__prep_clearing(struct pirn__clearing *clearing,
                         struct pirn_spool *spool);

/* All that an owner had reserved. */
struct pirn__unreserve {
    struct pirn_op op;
    struct pirn_spool *spool;
    uint32_t slot;
    struct pirn__scan scan;
    char (*texts)[PIRN_NAME_TEXT]; /* @count of @cap, malloc'd */
    uint32_t count;
    uint32_t cap;
    uint32_t at;
    struct pirn__clearing clearing;
    struct pirn__name_scan fresh; /* of NAME= */
    struct pirn__name note;
    struct pirn__name inner;
    struct pirn_op ops[3];
    struct pirn_op *steps[3];
    struct pirn_chain chain;
};

/** pirn__prep_unreserve() - of a slot whose lock we hold, when its items have
 * been recovered; may be repeated. Result 0 or an errno */
void pirn__prep_unreserve(struct pirn__unreserve *unreserve,
                          struct pirn_spool *spool, uint32_t slot);

/** pirn__name_fields() - those of an item that is put under @name; borrow it.
 * Whoever stores them checks them: @fields if these are wrong, without memory
 * pirn__fields_lost */
const struct pirn_fields *pirn__name_fields(struct pirn_name *name,
                                            const struct pirn_fields *fields);

/* The id of an item in the making into the directory of its name: durable. */
struct pirn__bind {
    struct pirn_op op; /* start, or chain it */
    struct pirn_spool *spool;
    const char *text;
    const struct pirn_id *id;
    struct pirn__name entry;
    struct pirn__name dir;
    struct pirn_op open[3];
    struct pirn_op close[3];
    struct pirn_op fsync[2];
    struct pirn_op confirm;
    struct pirn_op *steps[8];
    struct pirn_chain chain;
};

/** pirn__prep_bind() - @text is reserved by us; @id is read when it begins */
void pirn__prep_bind(struct pirn__bind *bind, struct pirn_spool *spool,
                     const char *text, const struct pirn_id *id);

#endif /* SPOOL_REGISTRY_H */
