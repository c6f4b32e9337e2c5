/* SPDX-License-Identifier: MIT */
/*
 * pirn/view.h - looking without having: items, lists, counts
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 */
#ifndef PIRN_VIEW_H
#define PIRN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_spool;
struct pirn__layout;

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
 * @buf, @len, @offset: as pirn_prep_claim_read()
 *
 * Result: bytes read, 0 at its end; -ENOENT it was removed before the first
 * read, or went to a queue of the other layout: look again; -EBADMSG as
 * pirn_prep_claim_read(), and where the item is there and its body is not.
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
        struct pirn_listed *page; /* of the log */
        uint32_t slot_at;
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
    uint64_t delayed;
    uint64_t held;
    uint64_t quarantined;
    uint64_t drafts;      /* items in the making, or being removed */
    uint64_t leftovers;   /* bodies and metadata that belong to no item */
    uint64_t body_bytes;  /* of all items; a shared body counts for each */
    uint32_t owners;      /* processes and contexts that have it open */
    bool is_refusing;     /* new items that need files of their own, as those of
                            the log do with more than PIRN_DRAFT_MEMORY bytes:
                            there is too little room */
    bool log_is_refusing; /* and all others: no segment may have room, or there
                             is no log */
    uint64_t room_bytes;  /* for new items, before they are refused; UINT64_MAX:
                            nobody can say */
    uint64_t room_inodes;
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

#endif /* PIRN_VIEW_H */
