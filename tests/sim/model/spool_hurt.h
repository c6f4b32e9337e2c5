/* SPDX-License-Identifier: MIT */
/*
 * spool_hurt.h - damage to a spool, and what a check owes for it
 *
 * Done to the disk, or to the words in shared memory, between two steps of
 * anybody: so it is all there at one moment, and nobody has the item just then.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_HURT_H
#define TESTS_SIM_MODEL_SPOOL_HURT_H

#include <pirn/check.h>
#include <pirn/claim.h>
#include <pirn/item.h>

#include "tests/sim/model/rng.h"

struct pirn__log;
struct pirn__slot;
struct pirn_context;
struct pirn_spool;
struct world;

enum hurt {
    HURT_NONE = 0,

    /* An item of the files. */
    HURT_BODY_GONE,
    HURT_META_GONE,
    HURT_BODY_CUT,
    HURT_META_CUT,
    HURT_TWICE,
    HURT_SHARD,  /* its metadata stand in another's */
    HURT_SITE,   /* or where those of held ones do, or of no held ones */
    HURT_STRAY,  /* something else stands beside it */
    HURT_CLAIM,  /* it is claimed by nobody whom a sweep knows */
    HURT_HIDDEN, /* likewise, in the midst of a move */

    /* An item of the log. */
    HURT_RECORD,
    HURT_SHORT_BODY, /* which stands in its segment */
    HURT_LONG_GONE,  /* a body that is a file of its own */
    HURT_LONG_CUT,
    HURT_LONG_BYTES, /* which deep checks find, and no others */
    HURT_LONG_SHARD,
    HURT_WORD,   /* it is claimed by nobody whom a sweep knows */
    HURT_NAMED,  /* the files have a name and a body of its id */
    HURT_BODIED, /* a body alone */

    /* Of no item. */
    HURT_LOG_ORPHAN,
    HURT_LOG_ALIAS, /* leads nowhere */
    HURT_LOG_STRAY,
    HURT_HALF, /* something that was half made */
    HURT_KINDS,
};

/* What becomes of it. */
enum hurt_end {
    HURT_STAYS, /* whole, and where it belongs */
    HURT_ASIDE, /* in quarantine, under its id; its body alone, maybe */
    HURT_COPIED /* a new item of quarantine, which says whose it was */
};

struct hurt_promise {
    enum pirn_fault fault;
    enum hurt_end end;
    bool is_whole;   /* a copy has the body that it had */
    uint32_t strays; /* that there are more */
};

const struct hurt_promise *hurt_promise(enum hurt how);

/* Who does it. */
struct hurting {
    struct world *world;
    struct rng *rng;
    struct pirn_context *context;
    struct pirn_spool *spool;
    bool has_other; /* a second queue, of files too */
    bool deep;      /* bodies are read to their end */
    bool is_lone;   /* nobody else works: words may be written over, and a body
                       may be elsewhere for a while */
    bool has_stray;
    bool has_nobodys; /* a claim: mending one puts all of its slot right */
    struct pirn_claim claim; /* of HURT_WORD */
};

/* An item, by dice, if it rests; what was done, and of one of the log's the id
 * that it has there. */
enum hurt hurt_item(struct hurting *hurting, const struct pirn_id *id,
                    struct pirn_id *ret_log_id);

/* What is no item's, by dice. */
enum hurt hurt_rest(struct hurting *hurting);

/* How many things are in the directory `.strays' of quarantine. */
uint32_t hurt_count_strays(const struct hurting *hurting);

/* --- for the files of this --- */

enum { HURT_PATH = 256 };

/* Where a file of the spool is, for the disk. */
void hurt_path(char path[HURT_PATH], const char *name);

/* A file that was not there, or is written over. */
void hurt_write(struct hurting *hurting, const char *name, const void *bytes,
                uint64_t len);

/* Of one that is open: to nothing. */
void hurt_cut(struct hurting *hurting, const char *path);

/* Whether it has no other name. */
bool hurt_is_single(const struct hurting *hurting, const char *path);

/* The slot that has it; NULL: the log has it not, or somebody has it. */
struct pirn__slot *hurt_find_log(const struct hurting *hurting,
                                 const struct pirn_id *id,
                                 struct pirn_id *ret_log_id);
enum hurt hurt_log_item(struct hurting *hurting, struct pirn__slot *slot,
                        const struct pirn_id *id, const struct pirn_id *log_id);

#endif /* TESTS_SIM_MODEL_SPOOL_HURT_H */
