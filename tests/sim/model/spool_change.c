/* SPDX-License-Identifier: MIT */
/* spool_change.c - see spool_change.h */
#include "tests/sim/model/spool_change.h"

#include <stdio.h>

#include "pirn/invariant.h"

enum { DELAY_MAX_NS = 400000000 };

void spool_change_set(struct spool_change *change, bool held)
{
    *change = (struct spool_change){
        .change = {.what = PIRN_CHANGE_FIELDS | (held ? PIRN_CHANGE_HELD : 0),
                   .queue = CHECK_QUEUE,
                   .held = held},
        .fields = {.cap = CHECK_FIELD},
    };
}

void spool_change_place(struct spool_change *change, struct world *world,
                        char letter)
{
    if (letter == 'm') {
        change->change.what |= PIRN_CHANGE_QUEUE;
        change->change.queue = CHECK_QUEUE_OTHER;
    } else if (letter == 'l') {
        change->change.what |= PIRN_CHANGE_DUE;
        change->change.due_ns = world_wall_ns(world) + DELAY_MAX_NS;
    }
}

void spool_change_draw(struct spool_change *change, struct world *world,
                       struct rng *rng, bool has_other)
{
    static const uint32_t kinds[] = {PIRN_CHANGE_DUE, PIRN_CHANGE_PRIORITY,
                                     PIRN_CHANGE_HELD, PIRN_CHANGE_UNTRIED};
    struct pirn_change *what = &change->change;

    spool_change_set(change, false);
    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        what->what |= rng_below(rng, 3) == 0 ? kinds[i] : 0;
    }
    what->held = rng_coin(rng);
    what->priority = (int8_t)((int)rng_below(rng, 16) - 8);
    what->due_ns =
        rng_coin(rng) ? 0 : world_wall_ns(world) + rng_below(rng, DELAY_MAX_NS);
    if (has_other && rng_below(rng, 3) == 0) {
        what->what |= PIRN_CHANGE_QUEUE;
        what->queue = rng_coin(rng) ? CHECK_QUEUE : CHECK_QUEUE_OTHER;
    }
}

void spool_change_begin(struct spool_change *change, struct check_spool *check,
                        uint32_t process, uint32_t number,
                        const struct pirn_item *item)
{
    char text[CHECK_FIELD];
    int r;

    change->number = check_change_begin(
        check, process, number, check_change_number(item), &change->change);
    (void)snprintf(text, sizeof(text), "%u", change->number);
    change->fields.bytes = change->bytes;
    r = pirn_fields_add(&change->fields, "n", text);
    pirn_assert(r == 0);
    change->change.fields = &change->fields;
}
