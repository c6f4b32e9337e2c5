/* SPDX-License-Identifier: MIT */
/*
 * spool/check/check.h - one check, as the files of this folder share it
 *
 *   walk ----> doubt ----+
 *     |                  +--> found --> mend --> handed over
 *     +------> look -----+
 *
 * One thing at a time, but for looks. Whoever has found something pushes it and
 * says where to go on when it has been handed over.
 */
#ifndef SPOOL_CHECK_CHECK_H
#define SPOOL_CHECK_CHECK_H

#include <sys/stat.h>

#include <pirn/check.h>
#include <pirn/view.h>

#include "spool/check/mend.h"
#include "spool/check/pace.h"
#include "spool/check/room.h"
#include "spool/file/find.h"
#include "spool/file/meta_file.h"
#include "spool/log/alias.h"
#include "spool/owner.h"
#include "spool/queue.h"
#include "spool/scan.h"

enum {
    PIRN__CHECK_LOOKS = 16,  /* items at once */
    PIRN__CHECK_FOUND = 64,  /* that wait to be handed over */
    PIRN__CHECK_PLACES = 16, /* of one item, that are looked at */
};

typedef void pirn__check_fn(struct pirn_check_work *work);

/* An entry that looks wrong by its name alone. */
struct pirn__odd {
    enum pirn_fault fault;
    bool has_id;
    struct pirn_id id;
    uint64_t need_ns; /* for so long it has to have stood there */
    bool waits;       /* until it has */
    char name[256];
};

/* Where an item's metadata stand. */
enum pirn__spot_kind {
    PIRN__SPOT_SHARD = 0,
    PIRN__SPOT_SHELF,  /* @at: which */
    PIRN__SPOT_BUCKET, /* which of work->buckets */
    PIRN__SPOT_CLAIM,  /* whose: a slot */
};

struct pirn__spot {
    struct pirn_id id; /* first: sorted as ids are */
    uint16_t queue;    /* of the spool's */
    uint16_t kind;     /* enum pirn__spot_kind */
    uint32_t at;
};

/* A bucket that a walk has met. */
struct pirn__bucket_at {
    struct pirn__bucket bucket;
    uint16_t queue;
};

struct pirn__spots {
    struct pirn__spot *spots; /* @count of @cap, malloc'd */
    uint32_t count;
    uint32_t cap;
};

/* The second look, at one suspect. */
struct pirn__doubt {
    const struct pirn__odd *odd; /* or an id: */
    struct pirn_id id;
    bool waited;
    bool swept;
    uint64_t age_ns;
    uint64_t word;        /* of an item of the log */
    pirn__check_fn *look; /* begin anew */
    pirn__check_fn *go_on;
    struct pirn_op timer;
    struct pirn_op step;
    struct statx statx;
    struct pirn__find find;
    struct pirn__alias alias;
    struct pirn__sweep_wait sweep;
    struct pirn__refresh refresh;
    struct pirn__name name;
    char path[PIRN_FINDING_PATH];

    struct pirn__spot places[PIRN__CHECK_PLACES]; /* of an item that has two */
    uint32_t place_count;
    uint64_t youngest_ns; /* of them */
    uint32_t name_at;
    bool is_of_log;        /* the log has it, too */
    struct pirn_id led_to; /* by an alias, before */
};

/* One item that is looked at. */
struct pirn__look {
    struct pirn_check_work *work;
    struct pirn__spot spot;
    struct pirn_view view;
    struct pirn_op step;
    struct statx statx;
    struct pirn__name path;
    enum pirn_fault fault;
    bool is_of_log;              /* was found there */
    struct pirn__meta_read meta; /* where the spot says */
    uint64_t size_bytes;         /* of its body, as they say */
    uint64_t offset;             /* of its body: read so far */
    char *buf;                   /* malloc'd, where bodies are read */
    char byte;
};

struct pirn_check_work {
    struct pirn_check *check;
    struct pirn_spool *spool;
    const struct pirn_check_config *config;
    uint64_t grace_ns;
    int32_t error; /* the first of what could not be looked at */
    uint64_t unseen;
    struct pirn__pace pace;
    struct pirn_op pace_step; /* a glance at who else works */
    struct statx pace_statx;
    struct pirn__name pace_path;
    uint64_t left_ns; /* when it last had no next to go on with */

    struct pirn_finding found[PIRN__CHECK_FOUND];
    uint32_t found_count;
    uint32_t found_at;
    pirn__check_fn *go_on;
    struct pirn__mend mend;

    /* The walk. */
    struct pirn__sweep_wait sweep;
    struct pirn__refresh refresh;
    struct pirn__scan scan;
    struct pirn__room room;
    enum pirn__room_kind kind;
    uint32_t room_at; /* next one of its kind */
    uint32_t queue_count;
    uint64_t homes[PIRN__SLOTS / 64]; /* slots that have a .tmp/SLOT */
    uint64_t slots[PIRN__SLOTS / 64]; /* or a .checkout/SLOT */
    struct pirn__odd *odds;
    uint32_t odd_count;
    uint32_t odd_cap;
    uint32_t odd_at;
    struct pirn__ids misplaced;
    struct pirn__ids moving;         /* between the layouts */
    struct pirn__ids aliases;        /* of items that came to the log; sorted */
    struct pirn__ids stale;          /* of these: once seen leading nowhere */
    struct pirn__bucket_at *buckets; /* @bucket_count of @bucket_cap */
    uint32_t bucket_count;
    uint32_t bucket_cap;
    uint64_t buckets_ns;      /* when the last of them was met */
    struct pirn__spots loose; /* claims, and what stands in no shard */
    struct pirn__ids bodies;  /* of a shard */
    struct pirn__spots names; /* of a shard */
    uint32_t at;              /* of those, and of what comes behind */
    struct pirn__doubt doubt;

    struct pirn__look looks[PIRN__CHECK_LOOKS];
    uint32_t look_count; /* so many at most */
    uint32_t looking;
    struct pirn_listed *page; /* of the log's items */
    uint32_t page_count;
    uint32_t slot_at;
};

/* ---- check.c ---- */

/** pirn__check_find() - one more finding, zeroed but for these */
struct pirn_finding *pirn__check_find(struct pirn_check_work *work,
                                      enum pirn_fault fault,
                                      const struct pirn_id *id,
                                      const char *queue, const char *path);

/** pirn__check_hand_over() - what was found, if anything; then @go_on */
void pirn__check_hand_over(struct pirn_check_work *work, pirn__check_fn *go_on);

/** pirn__check_rest() - hand over, and go on; later, where somebody else works
 * here: he has nine tenths of what there is (pace.h) */
void pirn__check_rest(struct pirn_check_work *work, pirn__check_fn *go_on);

/**
 * pirn__check_wait() - for the grace time or what is left of it; then @fn, with
 * -ECANCELED when the check was asked to end, before this or meanwhile
 */
void pirn__check_wait(struct pirn_check_work *work, uint64_t wait_ns,
                      pirn_op_fn *fn);

/** pirn__check_finish() - of the walk: 0, or what it could not go on with */
void pirn__check_finish(struct pirn_check_work *work, int32_t result);

/** pirn__check_note() - something could not be looked at */
void pirn__check_note(struct pirn_check_work *work, int32_t error);

/** pirn__check_limit() - how old an item of a queue may be; 0: as it likes */
uint64_t pirn__check_limit(const struct pirn_check_work *work,
                           const char *queue);

/** pirn__check_item_age() - by its id; 0: it is of the future */
uint64_t pirn__check_item_age(const struct pirn_check_work *work,
                              const struct pirn_id *id);

/* ---- walk.c, shard.c, log_walk.c, alias_walk.c ---- */

void pirn__check_aliases(struct pirn_check_work *work);

void pirn__check_walk(struct pirn_check_work *work);
void pirn__check_next_room(struct pirn_check_work *work);
void pirn__check_shard(struct pirn_check_work *work);

/** pirn__check_is_misplaced() - whether it was met in another's directory: then
 * it is looked at when it has been put right */
bool pirn__check_is_misplaced(const struct pirn_check_work *work,
                              const struct pirn_id *id);

void pirn__check_log_bodies(struct pirn_check_work *work);
void pirn__check_log(struct pirn_check_work *work);
bool pirn__check_log_has(const struct pirn_spool *spool,
                         const struct pirn_id *id);

/** pirn__check_log_has_file() - its body stands in none of the segments */
bool pirn__check_log_has_file(const struct pirn_spool *spool,
                              const struct pirn_id *id);

/** pirn__check_log_sum() - another number when the log was written to, or
 * something in it removed */
uint64_t pirn__check_log_sum(const struct pirn__log *log);

/** pirn__check_log_lead() - who recovers the owner that its word names finds
 * it, also where that word was written over */
void pirn__check_log_lead(const struct pirn_spool *spool,
                          const struct pirn_id *id);

/** pirn__check_log_is_stale() - whether a dead owner has it, by its word */
bool pirn__check_log_is_stale(const struct pirn_spool *spool,
                              const struct pirn_id *id, uint64_t *ret_word);

/* ---- spot.c ---- */

/** pirn__spots_push() - one more. Return: 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__spots_push(struct pirn__spots *spots,
                                     const struct pirn__spot *spot);

/** pirn__buckets_push() - one more. Return: 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__buckets_push(struct pirn_check_work *work,
                                       uint16_t queue,
                                       const struct pirn__bucket *bucket);

/** pirn__bucket_is_long_due() - for so long that somebody should have looked */
bool pirn__bucket_is_long_due(const struct pirn_check_work *work,
                              const struct pirn__bucket *bucket);

/** pirn__spot_path() - where it stands */
void pirn__spot_path(const struct pirn_check_work *work,
                     const struct pirn__spot *spot,
                     struct pirn__name *ret_path);

/**
 * pirn__spot_suits() - whether an item may stand there, by its metadata
 * @item: as they were read there
 *
 * A claim suits all.
 */
bool pirn__spot_suits(const struct pirn_check_work *work,
                      const struct pirn__spot *spot,
                      const struct pirn_item *item);

/* ---- doubt.c: each finds, or does not, and goes on ---- */

void pirn__doubt_odd(struct pirn_check_work *work, const struct pirn__odd *odd,
                     pirn__check_fn *go_on);
void pirn__doubt_body(struct pirn_check_work *work, const struct pirn_id *id,
                      pirn__check_fn *go_on);
void pirn__doubt_twice(struct pirn_check_work *work, const struct pirn_id *id,
                       pirn__check_fn *go_on);

/** pirn__doubt_aliased() - of a name of the files, whose id is an alias, too */
void pirn__doubt_aliased(struct pirn_check_work *work,
                         const struct pirn__spot *spot, pirn__check_fn *go_on);

/* ---- look.c ---- */

/**
 * pirn__look_start() - look at one item; there is room: work->looking is below
 * work->look_count
 * @is_of_log: it stands at no spot
 *
 * The last one that ends goes on to @work->go_on, with what was found.
 */
void pirn__look_start(struct pirn_check_work *work,
                      const struct pirn__spot *spot, bool is_of_log);

#endif /* SPOOL_CHECK_CHECK_H */
