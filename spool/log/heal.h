/* SPDX-License-Identifier: MIT */
/*
 * spool/log/heal.h - fronts that are not what was written
 *
 * The front of a batch has one sum, and leads to all that is behind it; so has
 * a segment's header. Where it is known that one has to be there, it is made
 * again: the front of a batch from its parts, each of which has its head and a
 * salted sum of its own; a header by trying each bit the other way, until its
 * sum is right. Pure.
 */
#ifndef SPOOL_LOG_HEAL_H
#define SPOOL_LOG_HEAL_H

#include "spool/log/batch.h"

/**
 * pirn__segment_head_heal() - of a header with one wrong bit
 * @buf: PIRN__BATCH_UNIT bytes; put right, on 0
 *
 * Return: 0, as pirn__segment_head_decode(); -EBADMSG: more is wrong with it
 */
PIRN_MUST_CHECK int pirn__segment_head_heal(
    uint8_t *buf, struct pirn__segment_head *ret_head);

/**
 * pirn__batch_cursor_heal() - of a batch with a wrong front, and whole parts
 * @bytes: what stands at the cursor: @len bytes, the whole batch among them
 * @front: PIRN__BATCH_ROOM bytes: the front as it was, on 1; but its time is
 *         that of the batch before, if there is one
 *
 * Return: 1, as pirn__batch_cursor_next(); 0: its parts are not whole
 */
PIRN_MUST_CHECK int pirn__batch_cursor_heal(struct pirn__batch_cursor *cursor,
                                            const uint8_t *bytes, size_t len,
                                            uint8_t *front,
                                            struct pirn__batch_head *ret_head);

#endif /* SPOOL_LOG_HEAL_H */
