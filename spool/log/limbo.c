/* SPDX-License-Identifier: MIT */
/* limbo.c - see spool/log/limbo.h */
#include "spool/log/limbo.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"

static struct pirn__limbo_item *item_at(struct pirn__limbo *limbo, uint32_t at)
{
    pirn_assert(limbo->cap > 0);
    return &limbo->items[(limbo->head + at) & (limbo->cap - 1)];
}

static bool grow(struct pirn__limbo *limbo)
{
    uint32_t cap = limbo->cap == 0 ? 256 : limbo->cap * 2;
    struct pirn__limbo_item *items = malloc(cap * sizeof(*items));

    if (items == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < limbo->count; i++) {
        items[i] = *item_at(limbo, i);
    }
    free(limbo->items);
    limbo->items = items;
    limbo->cap = cap;
    limbo->head = 0;
    return true;
}

void pirn__limbo_put(struct pirn__log *log, const struct pirn__grip *grip,
                     const struct pirn_id *id)
{
    struct pirn__limbo *limbo = &log->limbo;

    pirn_assert(pirn__word_unpack(grip->word).state == PIRN__REMOVING);
    if (limbo->count == limbo->cap && !grow(limbo)) {
        return;
    }
    struct pirn__limbo_item *item = item_at(limbo, limbo->count++);
    *item = (struct pirn__limbo_item){
        .grip = *grip,
        .round = pirn__atom_load(&log->index.head->rounds_begun) + 1,
        .has_file = id != NULL,
    };
    if (id != NULL) {
        item->id = *id;
    }
    pirn__keeper_touch(log);
}

uint64_t pirn__limbo_round(const struct pirn__log *log)
{
    const struct pirn__limbo *limbo = &log->limbo;

    if (limbo->count == 0) {
        return 0;
    }
    uint32_t last = limbo->head + limbo->count - 1;
    return limbo->items[last & (limbo->cap - 1)].round;
}

/* False: no block for the entry; the next drain tries again. */
static bool free_first(struct pirn__log *log)
{
    struct pirn__limbo *limbo = &log->limbo;
    struct pirn__limbo_item *item = item_at(limbo, 0);
    struct pirn__slot *slot = &log->index.catalogue.slots[item->grip.slot];

    /* So that whoever fills it next and is killed has no places. */
    pirn__atom_put(&slot->part, 0);
    pirn__atom_put(&slot->body, 0);
    pirn__atom_put(&slot->route, 0);
    int r = pirn__slot_free(&log->index.catalogue, &log->actor, &item->grip);
    if (r == -ENOSPC) {
        return false;
    }
    limbo->head = (limbo->head + 1) & (limbo->cap - 1);
    limbo->count--;
    return true;
}

static void unlinked(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, limbo.unlink);

    (void)result; /* a body without an item is found by who opens alone */
    log->limbo.is_unlinking = false;
    item_at(&log->limbo, 0)->has_file = false;
    pirn__limbo_drain(log);
    pirn__keeper_has_rested(log);
}

void pirn__limbo_drain(struct pirn__log *log)
{
    struct pirn__limbo *limbo = &log->limbo;
    uint64_t done = pirn__atom_load(&log->index.head->rounds_done);

    while (!limbo->is_unlinking && limbo->count > 0 &&
           (item_at(limbo, 0)->round <= done ||
            pirn__planted("log-freed-early"))) {
        struct pirn__limbo_item *item = item_at(limbo, 0);
        if (item->has_file) {
            limbo->is_unlinking = true;
            pirn__name_log_body(&limbo->path, &item->id);
            pirn_prep_unlink(&limbo->unlink, log->spool->root_fd,
                             limbo->path.text, 0);
            pirn_start(log->context, &limbo->unlink, unlinked);
            return;
        }
        if (!free_first(log)) {
            return;
        }
    }
}
