/* SPDX-License-Identifier: MIT */
/*
 * spool/log/rescue.h - put right what a dead owner left
 */
#ifndef SPOOL_LOG_RESCUE_H
#define SPOOL_LOG_RESCUE_H

#include "spool/log/log.h"
#include "spool/log/reading.h"

/* One at a time per spool: its sweep's. Start &it->op. */
struct pirn__rescue {
    struct pirn_op op;
    struct pirn__log *log;
    uint16_t dead;
    struct pirn__heritage heritage;
    struct pirn__grip grip;
    struct pirn__slot fields;
    bool pending; /* the record that was being written is read first */
    struct pirn__reading reading;
    bool with_items;
    int32_t result;
    uint64_t returned; /* items that he had, and that are ready again */
};

/**
 * pirn__prep_rescue() - of an owner whose lock we have
 *
 * @with_items: his moves are settled; else his items stay his, as they are
 *
 * May be repeated, and killed anywhere. Result: 0, or the first error; what it
 * concerns is ours then, until we close.
 */
void pirn__prep_rescue(struct pirn__rescue *rescue, struct pirn__log *log,
                       uint16_t dead, bool with_items);

/** pirn__log_is_committed() - whether the record at a place was, in its
 * segment's present turn */
bool pirn__log_is_committed(const struct pirn__log *log, uint64_t packed);

/** pirn__log_bury_slot() - what an item that is being removed has, again */
void pirn__log_bury_slot(struct pirn__log *log, const struct pirn__slot *slot);

/**
 * pirn__log_return() - CLAIMED by us, and somebody else's before: given back
 * with one more attempt
 *
 * Return: 0; -ESTALE we were fenced out; or an errno: it is ours still
 */
PIRN_MUST_CHECK int pirn__log_return(struct pirn__log *log,
                                     struct pirn__grip *grip);

#endif /* SPOOL_LOG_RESCUE_H */
