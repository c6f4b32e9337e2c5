/* SPDX-License-Identifier: MIT */
/*
 * spool/admit.h - drafts that ask whether there is room for them
 */
#ifndef SPOOL_ADMIT_H
#define SPOOL_ADMIT_H

#include <pirn/draft.h>
#include <pirn/file.h>

#include "spool/admission.h"
#include "spool/file/removals.h"

struct pirn_status;

/* Of an open spool. Zeroed memory is one in which nothing was asked. */
struct pirn__admit {
    struct pirn__admission admission;
    bool log_is_full;   /* the last item of the log found no segment */
    bool is_looking;    /* or makes room for that */
    bool has_made_room; /* for those who wait */
    struct pirn_op look;
    struct pirn__removals_wait removals;
    struct pirn_room room;
    struct pirn_draft *first; /* waits for the look */
    struct pirn_draft *last;
};

/* 0, and the draft is let in; or -ENOSPC. */
typedef void pirn__admitted_fn(struct pirn_draft *draft, int32_t result);

/**
 * pirn__admit() - a new item
 * @bytes:     that its body is known to have
 * @is_coming: the body is not there yet, and would come in vain
 * @fn:        called now, or when somebody has looked
 *
 * draft->priv has the spool and the layout. Until pirn__admit_end() the draft
 * has what is promised to it.
 */
void pirn__admit(struct pirn_draft *draft, uint64_t bytes, bool is_coming,
                 pirn__admitted_fn *fn);

/** pirn__admit_more() - of a body that streams in; 0 or -ENOSPC */
PIRN_MUST_CHECK int pirn__admit_more(struct pirn_draft *draft, uint64_t bytes);

/** pirn__admit_end() - the draft has ended, with this result */
void pirn__admit_end(struct pirn_draft *draft, int32_t result);

/** pirn__admit_has_room() - for so many bytes of no item in particular */
bool pirn__admit_has_room(const struct pirn__admit *admit, uint64_t bytes);

/** pirn__admit_expect() - so many will be used, for no item */
void pirn__admit_expect(struct pirn__admit *admit, uint64_t bytes);

/** pirn__admit_expected() - of those so many are used now, or will not be */
void pirn__admit_expected(struct pirn__admit *admit, uint64_t bytes,
                          bool is_spent);

/** pirn__admit_tell() - what is left, by a look of the caller's; @room: NULL,
 * nobody has said */
void pirn__admit_tell(const struct pirn_spool *spool,
                      const struct pirn_room *room, struct pirn_status *status);

#endif /* SPOOL_ADMIT_H */
