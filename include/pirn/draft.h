/* SPDX-License-Identifier: MIT */
/*
 * pirn/draft.h - items in the making
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 */
#ifndef PIRN_DRAFT_H
#define PIRN_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_claim;
struct pirn_name;
struct pirn_spool;
struct pirn__copying;
struct pirn__layout;

/* A body up to this long is kept in memory until the commit. */
#define PIRN_DRAFT_MEMORY (64u * 1024)

/* An item in the making. */
struct pirn_draft {
    struct pirn_op op;
    struct pirn_id id; /* after an enqueue or a commit that ended with 0 */

    /* Set before an enqueue or a commit. */
    uint64_t due_ns; /* not before; CLOCK_REALTIME; 0: at once */
    int8_t priority; /* -8 .. 7, the higher the earlier */
    bool held;       /* until it is released */

    uint64_t expected_bytes; /* set before a begin: how long the body will be,
                                so that it is refused at once if there is no
                                room for it; 0: not known */

    /* NULL, or one that is reserved: the item has it; of a share, too */
    struct pirn_name *name;
    struct {
        struct pirn_draft_work *work;
        const struct pirn__layout *layout;
        struct pirn_spool *spool;
        const char *queue;
        const void *bytes;
        uint64_t len;
        const struct pirn_fields *fields;
        struct pirn_claim *of;
        uint32_t event; /* enum pirn_event_kind, when the item is there */
        struct pirn__copying *copying;

        /* Room. */
        struct pirn_draft *behind;
        void (*admitted)(struct pirn_draft *draft, int32_t result);
        uint64_t expected_bytes;
        uint64_t appended_bytes;
        uint64_t promised_bytes;
        uint64_t promised_inodes;
        bool is_coming;
    } priv;
};

/**
 * pirn_prep_enqueue() - one whole item, durable when the op ends
 * @queue:  must be there; loaned until the op ends
 * @body:   @len bytes, loaned until the op ends; may be NULL if @len is 0
 * @fields: loaned until the op ends; may be NULL
 *
 * Result: 0, and @draft->id names the item; else it is not in the spool:
 *   -ENOENT no such queue; -ENOMEM; -ENOSPC, -EDQUOT no room, or none but
 *   what is kept for removals (struct pirn_spool_config: keep_bytes);
 *   -EIO and others: a write or a sync failed, which is final for this item;
 *   -ENOTDIR the directories where it would go are missing, or none, file
 *   layout: another item may go elsewhere;
 *   -E2BIG more fields than PIRN_FIELDS_MAX; -EINVAL not pairs of fields;
 *   -EFBIG more than PIRN_IO_MAX bytes at once, log layout: begin, and append
 *   them in parts that are not as long
 * Only where the last sync failed, when the item was visible already, may a
 * taker have been faster than the taking back: he has an item which was not
 * acknowledged.
 *
 * Durable: body, metadata and their names, on ext4, xfs and btrfs with default
 *          options on a disk that honours flushes.
 */
PIRN_API void pirn_prep_enqueue(struct pirn_draft *draft,
                                struct pirn_spool *spool, const char *queue,
                                const void *body, uint64_t len,
                                const struct pirn_fields *fields);

/**
 * pirn_prep_share() - another item on the body of one that we have
 * @of:     has an item; loaned until the op ends, and has it then still
 * @queue:  of either layout, whatever that of @of's is; as pirn_prep_enqueue()
 * @fields: of the new item; as there
 *
 * The new item has an id, a queue, a due time, a priority and fields of its
 * own, and is claimed, changed and removed by itself. The body goes when the
 * last of its items does. It is one more name of its file; but a body that
 * stands in a record of the log, which is 64 KiB at most, is copied.
 *
 * Result: as pirn_prep_enqueue(); -ESTALE we do not have @of's item any more,
 * and its body is gone; -EMLINK the file system gives the body no more names
 * (ext4: 65,000); -EBADMSG a body to be copied is not what was stored
 *
 * Durable: as pirn_prep_enqueue().
 */
PIRN_API void pirn_prep_share(struct pirn_draft *draft, struct pirn_claim *of,
                              const char *queue,
                              const struct pirn_fields *fields);

/**
 * pirn_prep_admit() - whether a new item would be let in now
 * @queue: as pirn_prep_enqueue()
 * @bytes: that its body has; 0: not known
 *
 * For who would have to wait for a body in vain. Promises nothing: the item may
 * be refused a moment later.
 *
 * Result: 0; -ENOSPC; -ENOENT no such queue
 */
PIRN_API void pirn_prep_admit(struct pirn_draft *draft,
                              struct pirn_spool *spool, const char *queue,
                              uint64_t bytes);

/**
 * pirn_prep_begin() - an item whose body streams in
 * @queue: as pirn_prep_enqueue()
 *
 * Result: 0, and the draft is open until a commit or an abort; -ENOENT no such
 * queue; -ENOMEM; -ENOSPC as pirn_prep_enqueue(); or an errno. Touches the disk
 * when the body outgrows PIRN_DRAFT_MEMORY, or at the commit.
 */
PIRN_API void pirn_prep_begin(struct pirn_draft *draft,
                              struct pirn_spool *spool, const char *queue);

/**
 * pirn_prep_append() - more of the body
 * @bytes: @len bytes; loaned until the op ends
 *
 * Result: 0; after an error (as pirn_prep_enqueue()) only an abort is allowed.
 */
PIRN_API void pirn_prep_append(struct pirn_draft *draft, const void *bytes,
                               uint32_t len);

/**
 * pirn_prep_commit() - make the item durable and visible
 * @fields: loaned until the op ends; may be NULL
 *
 * Result, Durable: as pirn_prep_enqueue(). The draft has ended either way.
 */
PIRN_API void pirn_prep_commit(struct pirn_draft *draft,
                               const struct pirn_fields *fields);

/** pirn_prep_abort() - leave nothing of a draft behind; result 0, also if the
 * draft is not open */
PIRN_API void pirn_prep_abort(struct pirn_draft *draft);

/** pirn_draft_is_open() - begun, neither committed nor aborted */
PIRN_API bool pirn_draft_is_open(const struct pirn_draft *draft);

PIRN_END_DECLS

#endif /* PIRN_DRAFT_H */
