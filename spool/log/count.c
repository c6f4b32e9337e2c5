/* SPDX-License-Identifier: MIT */
/* count.c - see spool/log/count.h */
#include "spool/log/count.h"

#include <pirn/invariant.h>

#include "spool/log/atom.h"
#include "spool/log/queues.h"
#include "spool/log/slot.h"

/* What a slot's item is to others; false: there is none, or none to be seen. */
static bool see(const struct pirn__log *log, uint32_t slot,
                struct pirn__slot *ret_fields, struct pirn__word *ret_word)
{
    if (pirn__slot_read(&log->index.catalogue, slot, ret_fields) < 0) {
        return false;
    }
    *ret_word = pirn__word_unpack(ret_fields->word);
    return ret_word->state != PIRN__FREE;
}

static void list_one(const struct pirn__log *log, uint32_t slot,
                     struct pirn__word word, const struct pirn__slot *fields,
                     struct pirn_listed *ret_listed)
{
    struct pirn__route route = pirn__route_unpack(fields->route);
    struct pirn__log_id id = pirn__log_id_of(slot, word, fields->born);

    *ret_listed = (struct pirn_listed){
        .state = pirn__log_item_state(word.state),
        .owner = word.owner,
    };
    pirn__log_id_pack(&id, &ret_listed->id);
    pirn__log_queue_name(log, route.queue, ret_listed->queue);
}

uint32_t pirn__log_list(const struct pirn__log *log, int queue, uint32_t *at,
                        struct pirn_listed *page, uint32_t max)
{
    uint32_t used = pirn__catalogue_used(&log->index.catalogue);
    uint32_t count = 0;

    pirn_assert(log->rebuild == NULL);
    for (; *at < used && count < max; (*at)++) {
        struct pirn__slot fields;
        struct pirn__word word;
        if (see(log, *at, &fields, &word) && word.state != PIRN__FILLING &&
            word.state != PIRN__REMOVING &&
            (queue < 0 ||
             pirn__route_unpack(fields.route).queue == (uint32_t)queue)) {
            list_one(log, *at, word, &fields, &page[count++]);
        }
    }
    return count;
}

bool pirn__log_has_items(const struct pirn__log *log)
{
    const struct pirn__catalogue *catalogue = &log->index.catalogue;
    uint32_t used = pirn__catalogue_used(catalogue);
    bool found = false;

    for (uint32_t slot = 0; slot < used && !found; slot++) {
        struct pirn__word word =
            pirn__word_unpack(pirn__atom_load(&catalogue->slots[slot].word));
        found = word.state >= PIRN__READY && word.state < PIRN__REMOVING;
    }
    return found;
}

void pirn__log_count(const struct pirn__log *log, struct pirn_status *status)
{
    uint32_t used = pirn__catalogue_used(&log->index.catalogue);

    pirn_assert(log->rebuild == NULL);
    for (uint32_t slot = 0; slot < used; slot++) {
        struct pirn__slot fields;
        struct pirn__word word;
        if (!see(log, slot, &fields, &word)) {
            continue;
        }
        switch (word.state) {
        case PIRN__FREE:
        case PIRN__REMOVING: /* gone, for everybody */
        case PIRN__STATE_COUNT:
            break;
        case PIRN__FILLING:
            status->drafts++;
            break;
        case PIRN__READY:
            status->ready++;
            break;
        case PIRN__DELAYED:
            status->delayed++;
            break;
        case PIRN__HELD:
            status->held++;
            break;
        case PIRN__CLAIMED:
        case PIRN__UPDATING:
            status->claimed++;
            break;
        }
        if (word.state != PIRN__FILLING && word.state != PIRN__REMOVING) {
            status->body_bytes += pirn__sizes_unpack(fields.sizes).body_bytes;
        }
    }
}
