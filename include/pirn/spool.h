/* SPDX-License-Identifier: MIT */
/*
 * pirn/spool.h - a directory of durable items, shared by many processes
 *
 * Every call that may touch the disk is an operation on the context that opened
 * the spool: prepared here, started with pirn_start() on &it->op, or waited for
 * with pirn_wait(). Opening and closing block.
 *
 *   enqueue, or begin - append ... - commit            the item is durable
 *                                     claim            one owner has it
 *                        remove, or give back          gone, or ready again
 *
 * Each of the structs below is placed by the caller, zeroed once, and does one
 * thing at a time. Its fields under priv are not part of the API. A spool call
 * ends when it ends: a cancel is heard and changes nothing.
 *
 * What cannot be read (damaged metadata) or has no body is never thrown away:
 * it is set aside into the queue `quarantine`.
 */
#ifndef PIRN_SPOOL_H
#define PIRN_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/context.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_spool;
struct pirn__layout;

struct pirn_spool_config {
    const char *path; /* the spool's directory */
    bool create;      /* make it, if there is none, with its first queues:
                         `incoming` and `quarantine` */
};

/**
 * pirn_spool_open() - open, or make, a spool
 * @context:   carries everything out; outlives the spool
 * @config:    borrowed for the call
 * @ret_spool: the spool
 *
 * Takes a slot among the spool's owners for as long as it is open, and gives
 * back what dead owners had claimed. A forked child must not use it. What a
 * killed process had half made of a spool is continued if @config says create;
 * a lost+found is no other thing. Waits for who is opening it as the first one
 * after all others have died. Keeps at most 66 descriptors, and 65 more per
 * queue.
 *
 * Return:
 *   0
 *   -ENOENT    there is no such directory (and none was to be made)
 *   -ENOTEMPTY the directory holds other things: not made into a spool
 *   -EMEDIUMTYPE not a spool, or its superblock is damaged
 *   -EPROTO    a newer format than this program knows
 *   -EROFS, -EACCES, -ENOSPC, ... from the file system
 *   -EUSERS    no owner's slot is free
 * Durable: a spool that was made is durable when this returns.
 * Context: the context's thread; not from fn. Blocks.
 */
PIRN_API PIRN_MUST_CHECK int pirn_spool_open(
    struct pirn_context *context, const struct pirn_spool_config *config,
    struct pirn_spool **ret_spool);

/**
 * pirn_spool_close() - give the owner's slot back
 * @spool: may be NULL; nothing of it is on loan, and its drafts, views and
 *         listings are ended. What it still has claimed is ready again for
 *         others; such a claim may not be used any more, nor need it be there.
 *
 * Return:  NULL
 * Context: as pirn_spool_open(). Blocks.
 */
PIRN_API struct pirn_spool *pirn_spool_close(struct pirn_spool *spool);

/**
 * pirn_spool_create_queue() - make a queue; 0 too if it is there
 *
 * Return:  0; -EINVAL the name is not allowed; -EEXIST a directory of that name
 *          is there and is no queue; or an errno
 * Durable: when it returns.
 * Context: as pirn_spool_open().
 */
PIRN_API PIRN_MUST_CHECK int pirn_spool_create_queue(struct pirn_spool *spool,
                                                     const char *queue);

/**
 * pirn_spool_queue() - the name of queue @index, or NULL at the end
 *
 * Those that are known: one that another process makes is met when it is first
 * named here, and by a listing or a status.
 */
PIRN_API const char *pirn_spool_queue(const struct pirn_spool *spool,
                                      uint32_t index);

/* A body up to this long is kept in memory until the commit. */
#define PIRN_DRAFT_MEMORY (64u * 1024)

/* An item in the making. */
struct pirn_draft {
    struct pirn_op op;
    struct pirn_id id; /* after an enqueue or a commit that ended with 0 */
    struct {
        struct pirn_draft_work *work;
        const struct pirn__layout *layout;
        struct pirn_spool *spool;
        const char *queue;
        const void *bytes;
        uint64_t len;
        const struct pirn_fields *fields;
    } priv;
};

/**
 * pirn_prep_enqueue() - one whole item, durable when the op ends
 * @queue:  must be there; loaned until the op ends
 * @body:   @len bytes, loaned until the op ends; may be NULL if @len is 0
 * @fields: loaned until the op ends; may be NULL
 *
 * Result: 0, and @draft->id names the item; else it is not in the spool:
 *   -ENOENT no such queue; -ENOMEM; -ENOSPC, -EDQUOT no room;
 *   -EIO and others: a write or a sync failed, which is final for this item;
 *   -E2BIG more fields than PIRN_FIELDS_MAX; -EINVAL not pairs of fields
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
 * pirn_prep_begin() - an item whose body streams in
 *
 * @queue: as pirn_prep_enqueue()
 *
 * Result: 0, and the draft is open until a commit or an abort; -ENOENT no such
 * queue; -ENOMEM; or an errno. Touches the disk when the body outgrows
 * PIRN_DRAFT_MEMORY, or at the commit.
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

/* An item that is ours alone until we end it. */
struct pirn_claim {
    struct pirn_op op;
    struct pirn_item item; /* after a claim that had one, until it is ended */
    struct {
        struct pirn_claim_work *work;
        const struct pirn__layout *layout;
        struct pirn_spool *spool;
        const char *queue;
        struct pirn_id id;
        void *buf;
        uint32_t len;
        uint64_t offset;
    } priv;
};

/**
 * pirn_prep_claim() - have one ready item of a queue
 *
 * @queue: loaned until the op ends
 *
 * Result: 1, and @claim->item is ours; 0 no item is ready; -ENOENT no such
 * queue; -EAGAIN others were faster a thousand times; or an errno (-ENOSPC too:
 * a directory may have to grow). Each item is had by exactly one claim.
 *
 * Looks for dead owners at most every 250 ms, and gives back what they had.
 * Among the ready items of a shard the oldest first; no order between shards.
 */
PIRN_API void pirn_prep_claim(struct pirn_claim *claim,
                              struct pirn_spool *spool, const char *queue);

/**
 * pirn_prep_claim_id() - have one certain item, whichever queue it is in
 *
 * Result: 1; 0 somebody else has it; -ENOENT no such item; -EBADMSG its
 * metadata are damaged, and it is in `quarantine`; or an errno.
 */
PIRN_API void pirn_prep_claim_id(struct pirn_claim *claim,
                                 struct pirn_spool *spool,
                                 const struct pirn_id *id);

/**
 * pirn_prep_claim_read() - read of the claimed item's body
 *
 * Result: bytes read, 0 at its end; -EBADMSG the body is not what was stored:
 * it is gone, its size is another, or, told with the last bytes of a body that
 * was read in order from its beginning, its digest is.
 */
PIRN_API void pirn_prep_claim_read(struct pirn_claim *claim, void *buf,
                                   uint32_t len, uint64_t offset);

/**
 * pirn_prep_remove() - the item is done with; ends the claim
 *
 * Result: 0; -ESTALE we do not have it any more; or an errno: then it is not
 * known whether the item comes back after a power loss.
 *
 * Durable: when the op ends with 0.
 */
PIRN_API void pirn_prep_remove(struct pirn_claim *claim);

/**
 * pirn_prep_give_back() - ready again for others; ends the claim
 *
 * Result: 0; -ESTALE; or an errno: then it stays with us until the spool is
 * closed. The item's attempts are raised by one; not where the disk has no room
 * for that, or the queue's directory cannot be synced.
 *
 * Durable: no; after a power loss the item is ready in any case.
 */
PIRN_API void pirn_prep_give_back(struct pirn_claim *claim);

/* An item that is looked at without being claimed. */
struct pirn_view {
    struct pirn_op op;
    struct pirn_item item; /* after a look that found one, until its end */
    struct {
        struct pirn_view_work *work;
        const struct pirn__layout *layout;
        struct pirn_spool *spool;
        struct pirn_id id;
        void *buf;
        uint32_t len;
        uint64_t offset;
    } priv;
};

/**
 * pirn_prep_look() - read an item's metadata, claimed by somebody or not
 *
 * Result: 0, and the view is open until its end; -ENOENT no such item, or not
 * yet, or not any more; -EBADMSG its metadata are damaged; -EPROTO they are of
 * a newer format.
 */
PIRN_API void pirn_prep_look(struct pirn_view *view, struct pirn_spool *spool,
                             const struct pirn_id *id);

/**
 * pirn_prep_view_read() - read of its body
 *
 * Result: bytes read, 0 at its end; -ENOENT it was removed before the first
 * read; -EBADMSG as pirn_prep_claim_read().
 */
PIRN_API void pirn_prep_view_read(struct pirn_view *view, void *buf,
                                  uint32_t len, uint64_t offset);

/** pirn_prep_view_end() - done looking; result 0, also if nothing was found */
PIRN_API void pirn_prep_view_end(struct pirn_view *view);

/* Where one item of a listing stands. */
struct pirn_listed {
    struct pirn_id id;
    enum pirn_item_state state;
    uint32_t owner;
    char queue[PIRN_QUEUE_TEXT];
};

/* A walk over the spool, a page at a time. */
struct pirn_listing {
    struct pirn_op op;
    struct pirn_listed *items; /* the page; borrowed until the next */
    struct {
        struct pirn_listing_work *work;
        struct pirn_spool *spool;
        const char *queue;
    } priv;
};

/**
 * pirn_prep_listing() - begin a walk
 * @queue: loaned until the op ends; or NULL for all queues
 *
 * What stays where it is from beginning to end is met once; what comes or goes
 * meanwhile is met or missed; what moves may also be met twice. Within a
 * directory the oldest first.
 *
 * Result: 0; -ENOENT no such queue; or an errno.
 */
PIRN_API void pirn_prep_listing(struct pirn_listing *listing,
                                struct pirn_spool *spool, const char *queue);

/** pirn_prep_listing_next() - the next page; result: how many, 0 at the end, or
 * an errno */
PIRN_API void pirn_prep_listing_next(struct pirn_listing *listing);

/** pirn_prep_listing_end() - done walking; result 0 */
PIRN_API void pirn_prep_listing_end(struct pirn_listing *listing);

/* What a walk over everything finds. */
struct pirn_status {
    struct pirn_op op;
    uint64_t ready; /* those set aside in `quarantine` are not counted here */
    uint64_t claimed;
    uint64_t quarantined;
    uint64_t drafts;     /* items in the making, or being removed */
    uint64_t leftovers;  /* bodies and metadata that belong to no item */
    uint64_t body_bytes; /* of all bodies */
    uint32_t owners;     /* processes and contexts that have it open */
    struct {
        struct pirn_status_work *work;
        struct pirn_spool *spool;
    } priv;
};

/**
 * pirn_prep_status() - count
 *
 * Recovers dead owners first. The counts are those of a spool that lives on:
 * what moves meanwhile may be missed, and is not taken for a leftover.
 *
 * Result: 0 or an errno.
 */
PIRN_API void pirn_prep_status(struct pirn_status *status,
                               struct pirn_spool *spool);

PIRN_END_DECLS

#endif /* PIRN_SPOOL_H */
