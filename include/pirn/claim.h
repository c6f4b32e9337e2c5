/* SPDX-License-Identifier: MIT */
/*
 * pirn/claim.h - items that are ours alone until we end it
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 */
#ifndef PIRN_CLAIM_H
#define PIRN_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_draft;
struct pirn_spool;
struct pirn__layout;
struct pirn__move;

/* What is to be different. */
enum pirn_change_what {
    PIRN_CHANGE_QUEUE = 1,
    PIRN_CHANGE_DUE = 2,
    PIRN_CHANGE_PRIORITY = 4,
    PIRN_CHANGE_HELD = 8,
    PIRN_CHANGE_FIELDS = 16,
    PIRN_CHANGE_UNTRIED = 32, /* given back, it has had no attempt more */
};

struct pirn_change {
    uint32_t what; /* enum pirn_change_what, or'ed */
    const char *queue;
    uint64_t due_ns;
    int8_t priority;
    bool held;
    const struct pirn_fields *fields; /* all; NULL: none; but a name stays */
};

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
        const struct pirn_change *change;
        uint32_t event; /* enum pirn_event_kind, when the verb ends well */
        struct pirn_change moving; /* of pirn_prep_move() */
        struct pirn__move *move;   /* to the other layout */
        struct pirn_draft *sharing;
        struct pirn__named *named; /* being removed */
        bool durable;
        bool seizes; /* also from who has it */
        uint64_t timeout_ns;
        uint64_t until_ns; /* 0: it does not wait */
    } priv;
};

/**
 * pirn_prep_claim() - have one ready item of a queue
 * @queue: loaned until the op ends
 *
 * Result: 1, and @claim->item is ours; 0 no item is ready; -ENOENT no such
 * queue; -EAGAIN others were faster a thousand times; or an errno (-ENOSPC too:
 * a directory may have to grow). Each item is had by exactly one claim.
 *
 * Looks for dead owners at most every 250 ms, and gives back what they had.
 * Order, log layout: higher priority first; then what was given back; then in
 * the order of commits, or in which they became due; when its index is made
 * anew, what was copied out of a segment with few items left counts as
 * committed by its copy. File layout: higher priority first, of which another
 * open's are met within 250 ms; among the ready items of a shard the oldest
 * first; no order between shards. What is due is ready a second later at most,
 * or a 64th of its delay.
 */
PIRN_API void pirn_prep_claim(struct pirn_claim *claim,
                              struct pirn_spool *spool, const char *queue);

/**
 * pirn_prep_claim_wait() - have one ready item, and wait until there is one
 * @queue:      loaned until the op ends
 * @timeout_ns: from the start; UINT64_MAX: for ever; 0: as pirn_prep_claim()
 *
 * Result: as pirn_prep_claim(), 0 when the time is over; -ECANCELED it was
 * asked to end, and has no item: of the spool's calls this one hears a cancel.
 * A cancel that comes when it had one gives the item.
 *
 * Log layout: an item that becomes ready, also by its time, wakes one of those
 * who wait for its queue, in whatever process, and no other. Where the one who
 * was chosen dies or is stopped before he looks, another has it within 1 s. An
 * owner's death is seen within about 1 s. File layout: an item of this open is
 * told at once; what another open has made ready is met by looking again every
 * 250 ms, which lists the queue's directories.
 *
 * Any number may wait on one context. When none does, nothing is on loan.
 */
PIRN_API void pirn_prep_claim_wait(struct pirn_claim *claim,
                                   struct pirn_spool *spool, const char *queue,
                                   uint64_t timeout_ns);

/**
 * pirn_prep_claim_id() - have one certain item, whichever queue it is in
 *
 * Result: 1; 0 somebody else has it; -ENOENT no such item; -EBADMSG its
 * metadata are damaged, and it is set aside (pirn/spool.h); or an errno.
 */
PIRN_API void pirn_prep_claim_id(struct pirn_claim *claim,
                                 struct pirn_spool *spool,
                                 const struct pirn_id *id);

/**
 * pirn_prep_seize() - likewise, also from who has it now
 *
 * Unsafe: who has it may be at work on it all the same, so its work may be done
 * twice. It is for the item of a taker who hangs; from who dies, or whose lease
 * is over, others have it without this.
 *
 * That one claim is fenced out, and so is one of our own open; his others are
 * not. His next verb on it is -ESTALE and changes nothing; one that had begun
 * came before. What he has read of the body is his, and a read may go on.
 *
 * Result: 1, and it is ours like any other; from who had it, it has one attempt
 * more. 0 it is not: he is in the midst of a verb with it, and has it no more
 * when that ends (a claim of our own open: has it still), or somebody else was
 * faster; ask again. -ENOENT no such item, or it is between the two layouts;
 * -EBADMSG as pirn_prep_claim_id(); or an errno: it is as it was, or nobody's
 * until this spool is closed.
 *
 * Durable: no; after a power loss it is ready in any case.
 */
PIRN_API void pirn_prep_seize(struct pirn_claim *claim,
                              struct pirn_spool *spool,
                              const struct pirn_id *id);

/**
 * pirn_prep_claim_read() - read of the claimed item's body
 * @buf:    @len bytes, 1 or more; loaned until the op ends
 * @offset: bytes from the body's start
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
 * Durable: within 1 s, while the context is turned, and when the spool is
 *          closed: after a power loss before that the item is there again,
 *          whole, in its last version. After a kill it is not. Where the disk
 *          fails behind the 0, nobody hears of it, and it may be there again
 *          later, too.
 */
PIRN_API void pirn_prep_remove(struct pirn_claim *claim);

/** pirn_prep_remove_durable() - likewise; durable when the op ends with 0 */
PIRN_API void pirn_prep_remove_durable(struct pirn_claim *claim);

/**
 * pirn_prep_update() - change what is known of the item; we go on having it
 * @change: loaned until the op ends
 *
 * Result: 0, and @claim->item says it; -ESTALE we do not have it any more, and
 * the claim has ended; -ENOENT no such queue; -EOPNOTSUPP that queue has the
 * other layout; -ENOSPC, -EIO and others: it is as @claim->item says. File
 * layout: that may be changed, and then nobody knows whether it is durable.
 *
 * Durable: when the op ends with 0.
 */
PIRN_API void pirn_prep_update(struct pirn_claim *claim,
                               const struct pirn_change *change);

/**
 * pirn_prep_give_back_as() - with changes; ends the claim
 *
 * Moves an item to another queue, delays it, holds or releases it. To a queue
 * of the other layout as pirn_prep_move(), with these changes.
 *
 * Result: as pirn_prep_update(), and the claim has the item still where it is
 * none of 0 and -ESTALE. It may mean that it was changed, and cannot be made
 * ready: @claim->item says what it is now.
 *
 * Durable: when the op ends with 0.
 */
PIRN_API void pirn_prep_give_back_as(struct pirn_claim *claim,
                                     const struct pirn_change *change);

/**
 * pirn_prep_move() - as it is, to another queue; ends the claim
 * @queue: of either layout; loaned until the op ends
 *
 * The item keeps its id, body, fields, attempts, priority, due time and whether
 * it is held; its version is the next one. To a queue of the other layout it is
 * copied: nobody has it until the copy is durable and the item where it was is
 * gone. A kill or a power cut on the way leaves one of the two, whole.
 *
 * Result: 0; -ESTALE we do not have it any more, and the claim has ended: it
 * was taken from us, or something failed when the copy was whole already; then
 * it is ready when this spool is closed. After any other the claim has the item
 * still, as it was: -E2BIG its fields and 35 bytes are more than
 * PIRN_FIELDS_MAX, to the log; -EEXIST a body with that id is there already, to
 * files; -EBADMSG the body is not what was stored; -ENOENT no such queue;
 * -ENOSPC and others.
 *
 * Between its two places, for as long as a sync takes, who asks for its id
 * may be told that there is no such item.
 *
 * Durable: when the op ends with 0.
 */
PIRN_API void pirn_prep_move(struct pirn_claim *claim, const char *queue);

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

PIRN_END_DECLS

#endif /* PIRN_CLAIM_H */
