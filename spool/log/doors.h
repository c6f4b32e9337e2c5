/* SPDX-License-Identifier: MIT */
/*
 * spool/log/doors.h - what the log does for the verbs
 *
 * Each finishes the op of what it is given (spool/layout.h).
 */
#ifndef SPOOL_LOG_DOORS_H
#define SPOOL_LOG_DOORS_H

#include "spool/spool.h"

void pirn__log_enqueue(struct pirn_draft *draft, struct pirn__queue *queue);
void pirn__log_share(struct pirn_draft *draft, struct pirn__queue *queue);
void pirn__log_begin(struct pirn_draft *draft, struct pirn__queue *queue);
void pirn__log_append(struct pirn_draft *draft);
void pirn__log_commit(struct pirn_draft *draft);
void pirn__log_abort(struct pirn_draft *draft);

void pirn__log_claim(struct pirn_claim *claim, struct pirn__queue *queue);
/** pirn__log_claim_cancel() - the claim has work: it ends early if it waits */
void pirn__log_claim_cancel(struct pirn_claim *claim);
void pirn__log_claim_id(struct pirn_claim *claim);
void pirn__log_claim_read(struct pirn_claim *claim);
bool pirn__log_claim_body(const struct pirn_claim *claim,
                          struct pirn__name *ret_name);
bool pirn__log_has_alias(const struct pirn_claim *claim);
void pirn__log_remove(struct pirn_claim *claim);
void pirn__log_update(struct pirn_claim *claim);
void pirn__log_give_back(struct pirn_claim *claim);

void pirn__log_look(struct pirn_view *view);
void pirn__log_view_read(struct pirn_view *view);
void pirn__log_view_end(struct pirn_view *view);

#endif /* SPOOL_LOG_DOORS_H */
