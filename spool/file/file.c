/* SPDX-License-Identifier: MIT */
/* file.c - see spool/file/file.h */
#include "spool/file/file.h"

#include "spool/layout.h"
#include "spool/move.h"

static const struct pirn__move_steps move_steps = {
    .is_held = pirn__file_is_held,
    .leave = pirn__file_leave,
    .stay = pirn__file_stay,
    .depart = pirn__file_depart,
    .end = pirn__file_claim_end,
    .arrive = pirn__file_arrive,
    .show = pirn__file_show,
    .abandon = pirn__file_abandon,
};

const struct pirn__layout pirn__layout_file = {
    .enqueue = pirn__file_enqueue,
    .share = pirn__file_share,
    .begin = pirn__file_begin,
    .append = pirn__file_append,
    .commit = pirn__file_commit,
    .abort = pirn__file_abort,
    .claim = pirn__file_claim,
    .claim_cancel = pirn__file_claim_cancel,
    .claim_id = pirn__file_claim_id,
    .claim_read = pirn__file_claim_read,
    .claim_body = pirn__file_claim_body,
    .has_alias = pirn__file_has_alias,
    .remove = pirn__file_remove,
    .update = pirn__file_update,
    .give_back = pirn__file_give_back,
    .look = pirn__file_look,
    .view_read = pirn__file_view_read,
    .view_end = pirn__file_view_end,
    .move = &move_steps,
};
