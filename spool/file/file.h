/* SPDX-License-Identifier: MIT */
/*
 * spool/file/file.h - what the file layout does for the verbs
 *
 * Each finishes the op of what it is given (spool/layout.h).
 */
#ifndef SPOOL_FILE_FILE_H
#define SPOOL_FILE_FILE_H

#include "spool/spool.h"

void pirn__file_enqueue(struct pirn_draft *draft, struct pirn__queue *queue);
void pirn__file_share(struct pirn_draft *draft, struct pirn__queue *queue);
void pirn__file_begin(struct pirn_draft *draft, struct pirn__queue *queue);
void pirn__file_append(struct pirn_draft *draft);
void pirn__file_commit(struct pirn_draft *draft);
void pirn__file_abort(struct pirn_draft *draft);

void pirn__file_claim(struct pirn_claim *claim, struct pirn__queue *queue);
void pirn__file_claim_cancel(struct pirn_claim *claim);
void pirn__file_claim_id(struct pirn_claim *claim);
void pirn__file_claim_read(struct pirn_claim *claim);
bool pirn__file_claim_body(const struct pirn_claim *claim,
                           struct pirn__name *ret_name);
bool pirn__file_has_alias(const struct pirn_claim *claim);
void pirn__file_remove(struct pirn_claim *claim);
void pirn__file_update(struct pirn_claim *claim);
void pirn__file_give_back(struct pirn_claim *claim);

void pirn__file_look(struct pirn_view *view);
void pirn__file_view_read(struct pirn_view *view);
void pirn__file_view_end(struct pirn_view *view);

void pirn__file_listing(struct pirn_listing *listing);
void pirn__file_listing_next(struct pirn_listing *listing);
/** pirn__file_listing_end() - its memory; finishes nothing */
void pirn__file_listing_end(struct pirn_listing *listing);

/** pirn__file_status() - add what is there to what was counted */
void pirn__file_status(struct pirn_status *status);

#endif /* SPOOL_FILE_FILE_H */
