/* SPDX-License-Identifier: MIT */
/* spool_change.h - a change of an item, by dice, that can be told by its number
 */
#ifndef TESTS_SIM_MODEL_SPOOL_CHANGE_H
#define TESTS_SIM_MODEL_SPOOL_CHANGE_H

#include <pirn/spool.h>

#include "tests/sim/model/check_spool.h"

struct spool_change {
    struct pirn_change change;
    struct pirn_fields fields;
    char bytes[CHECK_FIELD];
    uint32_t number;
};

/* Anything; where @has_other, into the second queue, too. */
void spool_change_draw(struct spool_change *change, struct world *world,
                       struct rng *rng, bool has_other);

/* Nothing but its number, and that it is held. */
void spool_change_set(struct spool_change *change, bool held);

/* What @letter of a script says of its place: m into the second queue, l for
 * later. */
void spool_change_place(struct spool_change *change, struct world *world,
                        char letter);

/* @process is about to change item @number so, which it has as @item says. */
void spool_change_begin(struct spool_change *change, struct check_spool *check,
                        uint32_t process, uint32_t number,
                        const struct pirn_item *item);

#endif /* TESTS_SIM_MODEL_SPOOL_CHANGE_H */
