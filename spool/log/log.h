/* SPDX-License-Identifier: MIT */
/*
 * spool/log/log.h - the log, as one open spool has it
 */
#ifndef SPOOL_LOG_LOG_H
#define SPOOL_LOG_LOG_H

#include "spool/log/alias.h"
#include "spool/log/backing.h"
#include "spool/log/compact.h"
#include "spool/log/index.h"
#include "spool/log/keeper.h"
#include "spool/log/limbo.h"
#include "spool/log/log_text.h"
#include "spool/log/pool.h"
#include "spool/log/segments.h"
#include "spool/log/writer.h"
#include "spool/spool.h"

struct pirn__bell;
struct pirn__rebuild;

struct pirn__log {
    struct pirn_spool *spool;
    struct pirn_context *context;
    int dir_fd;   /* .log */
    int tombs_fd; /* .log/tombstones */
    int index_fd;
    int seg_fd; /* .log/seg */
    void *memory;
    struct pirn__log_text text;
    struct pirn__index_text place;
    struct pirn__index index;
    struct pirn__actor actor;
    struct pirn__trail trail;
    uint32_t trail_counts[PIRN__TRAIL_SPANS];
    struct pirn__segment_files files;
    struct pirn__writer writer;
    struct pirn__limbo limbo;
    struct pirn__keeper keeper;
    struct pirn__compact compact;
    struct pirn__backing backing;
    struct pirn__bell *bell;
    struct pirn__sync bodies[PIRN__SHARDS]; /* .log/data/XY */
    struct pirn__alias_room aliases;
    struct pirn_claim_work *claims;  /* which nobody has ended yet */
    struct pirn_claim_work *hopeful; /* which wait for more to be known */
    struct pirn_claim_work *last_hopeful;
    struct pirn__rebuild *rebuild; /* what is not known yet; NULL: whole */
    int32_t rebuild_failed;        /* then it never will be; else 0 */
    bool was_left; /* the index before this one, by who was killed making it */
    bool reads_wait;       /* nobody can say what of a segment is in memory */
    uint64_t expired_tick; /* of the wheel: nothing more is due in it */
    struct pirn__wheel_look wheel_look;
    uint64_t turn_now_ns; /* of the turn in which it was read last, ... */
    uint64_t turn_real_ns;
    struct pirn__pool draft_works;
    struct pirn__pool claim_works;
    struct pirn__pool buffers;    /* of PIRN__LOG_BUFFER bytes */
    struct pirn_view_work *looks; /* which wait for an entry */
};

/* Of a pool: an item of 4 KiB with its metadata. */
#define PIRN__LOG_BUFFER 8192u

/** pirn__log_open() - the index of this boot, made anew by who is alone and
 * finds none. 0, and *ret_log is NULL where a spool has no log; -EXDEV: others
 * use an index that is not ours to see; -EMEDIUMTYPE a part of it is not there,
 * or damaged; -EPROTO, ... Blocks. */
PIRN_MUST_CHECK int pirn__log_open(struct pirn_spool *spool, bool alone,
                                   const char *index_dir,
                                   struct pirn__log **ret_log);

/** pirn__log_close() - what we have claimed is ready again. Blocks. */
void pirn__log_close(struct pirn__log *log);

/** pirn__log_rescue_own() - give back what our slot's last owner had, if moves
 * of his are settled; blocks */
void pirn__log_rescue_own(struct pirn__log *log);

/** pirn__log_read_at() - as much as is there, up to @len; or an errno. Blocks.
 */
PIRN_MUST_CHECK int64_t pirn__log_read_at(struct pirn__log *log, int fd,
                                          uint8_t *buf, uint32_t len,
                                          uint64_t offset);

/** pirn__log_write_at() - all of it: 0; or an errno. Blocks. */
PIRN_MUST_CHECK int pirn__log_write_at(struct pirn__log *log, int fd,
                                       const uint8_t *from, uint32_t len,
                                       uint64_t offset);

/** pirn__log_draft_bytes() - what a draft needs while it is open */
size_t pirn__log_draft_bytes(void);

/** pirn__log_make_queue() - give a name a number; 0 also if it has one; -ENOSPC
 * there are no more. Durable, blocks. */
PIRN_MUST_CHECK int pirn__log_make_queue(struct pirn__log *log,
                                         const char *name);

/** pirn__log_knows() - whether an item with that id may be here */
bool pirn__log_knows(const struct pirn__log *log, const struct pirn_id *id);

/** pirn__log_bury() - the record at a place is dead */
void pirn__log_bury(struct pirn__log *log, struct pirn__place place,
                    uint32_t generation);

/** pirn__log_turn_ns() - the real time, for who is called from a turn: read
 * once for all items that end in it */
uint64_t pirn__log_turn_ns(struct pirn__log *log);

/** pirn__log_expire() - what is due is ready; the real time at which it was */
uint64_t pirn__log_expire(struct pirn__log *log);

/** pirn__log_wake() - an item of a queue is ready: one who sleeps may have it
 */
void pirn__log_wake(struct pirn__log *log, uint32_t queue);

/** pirn__log_let_go() - an item was released: to all (@ready), or for later;
 * then somebody has to sleep no longer than until then */
void pirn__log_let_go(struct pirn__log *log, uint32_t queue, bool ready,
                      uint64_t due_ns);

/** pirn__log_item_state() - as users know it */
enum pirn_item_state pirn__log_item_state(enum pirn__state state);

/** pirn__log_priority() - 0 .. 15 from a user's; 8 is normal */
#define PIRN__PRIORITY_NORMAL 8
uint8_t pirn__log_priority(int8_t priority);

/** pirn__log_attempts() - as many as a slot can say */
static inline uint16_t pirn__log_attempts(uint32_t attempts)
{
    return attempts < UINT16_MAX ? (uint16_t)attempts : UINT16_MAX;
}

/** pirn__log_born(), pirn__log_id_of() - the part of an id that is in no word,
 * and the whole again */
uint64_t pirn__log_born(const struct pirn__log_id *id);
struct pirn__log_id pirn__log_id_of(uint32_t slot, struct pirn__word word,
                                    uint64_t born);

#endif /* SPOOL_LOG_LOG_H */
