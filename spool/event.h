/* SPDX-License-Identifier: MIT */
/*
 * spool/event.h - where a verb has ended well, who listens is told
 *
 * A line at the place where it is known that it did.
 */
#ifndef SPOOL_EVENT_H
#define SPOOL_EVENT_H

#include <pirn/event.h>

#include "spool/spool.h"

struct pirn__log;

/** pirn__event_open() - the spool's log is there, or it has none */
void pirn__event_open(struct pirn_spool *spool);

/** pirn__event_forget() - a dead owner listens no more */
void pirn__event_forget(struct pirn__log *log, uint16_t owner);

/* What the lines below do when somebody listens. */
void pirn__event_tell_draft(const struct pirn_draft *draft, const char *queue);
void pirn__event_tell_claim(const struct pirn_claim *claim, int32_t result);
void pirn__event_tell_owner(const struct pirn_spool *spool,
                            enum pirn_event_kind kind, uint32_t slot,
                            uint64_t count);

/* One load, in whatever order: who begins to listen hears what is told after
 * he began, and what ends at that very time is neither. */
static inline bool pirn__event_is_heard(const struct pirn_spool *spool)
{
    return __atomic_load_n(spool->heard, __ATOMIC_RELAXED) != 0;
}

/** pirn__event_draft() - its item is there, and @draft->id names it */
static inline void pirn__event_draft(const struct pirn_draft *draft,
                                     const char *queue)
{
    if (pirn__event_is_heard(draft->priv.spool)) {
        pirn__event_tell_draft(draft, queue);
    }
}

/** pirn__event_claim() - a verb of a claim ends with @result; @claim->item is
 * as it was before it, but of a claim itself as it is */
static inline void pirn__event_claim(const struct pirn_claim *claim,
                                     int32_t result)
{
    if (pirn__event_is_heard(claim->priv.spool)) {
        pirn__event_tell_claim(claim, result);
    }
}

/** pirn__event_owner() - of an owner's items so many are ready; 0: no event */
static inline void pirn__event_owner(const struct pirn_spool *spool,
                                     enum pirn_event_kind kind, uint32_t slot,
                                     uint64_t count)
{
    if (count > 0 && pirn__event_is_heard(spool)) {
        pirn__event_tell_owner(spool, kind, slot, count);
    }
}

#endif /* SPOOL_EVENT_H */
