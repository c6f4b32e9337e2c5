/* SPDX-License-Identifier: MIT */
/*
 * event.c - what has ended well, as an event in the ring of the index
 *
 *   verb ends -> does anybody listen? -> the ring (event_ring.c)
 *
 * The word of who listens has a bit for each, and each an entry that says whose
 * bit it is: the bit is set last and cleared first, so who recovers a dead
 * owner finds his bits by his entries.
 */
#include "spool/event.h"

#include <string.h>

#include <pirn/invariant.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"

static const uint64_t nobody = 0;

void pirn__event_open(struct pirn_spool *spool)
{
    spool->heard =
        spool->log == NULL ? &nobody : &spool->log->index.head->listening;
}

void pirn__event_forget(struct pirn__log *log, uint16_t owner)
{
    struct pirn__index_head *head = log->index.head;

    for (uint32_t i = 0; i < PIRN__INDEX_LISTENERS; i++) {
        if (pirn__atom_load(&head->listeners[i]) != owner + 1u) {
            continue;
        }
        (void)pirn__atom_clear(&head->listening, UINT64_C(1) << i);
        pirn__atom_store(&head->listeners[i], 0);
    }
}

/* ---- tell ---- */

static void name(char to[PIRN_QUEUE_TEXT], const char *queue)
{
    size_t len = strnlen(queue, PIRN_QUEUE_TEXT - 1);

    memcpy(to, queue, len);
    to[len] = '\0';
}

static void tell(const struct pirn_spool *spool, struct pirn_spool_event *event)
{
    pirn_assert(spool->log != NULL && event->kind != PIRN_EVENT_LOST);
    event->time_ns = pirn_context_realtime_ns(spool->context);
    pirn__event_ring_tell(&spool->log->index.events, event);
}

void pirn__event_tell_draft(const struct pirn_draft *draft, const char *queue)
{
    struct pirn_spool_event event = {
        .kind = (enum pirn_event_kind)draft->priv.event,
        .owner = draft->priv.spool->slot,
        .id = draft->id,
        .due_ns = draft->due_ns,
        .held = draft->held,
    };

    name(event.queue, queue);
    tell(draft->priv.spool, &event);
}

/* What the verb's change makes of its event. */
static void change(struct pirn_spool_event *event,
                   const struct pirn_change *change)
{
    bool ends = event->kind == PIRN_EVENT_GIVEN_BACK;

    if (change->what & PIRN_CHANGE_HELD) {
        event->held = change->held;
        event->kind = change->held ? PIRN_EVENT_HELD : PIRN_EVENT_RELEASED;
    }
    if (change->what & PIRN_CHANGE_QUEUE &&
        strcmp(change->queue, event->queue) != 0) {
        event->kind = PIRN_EVENT_MOVED;
        name(event->to, change->queue);
    }
    if (change->what & PIRN_CHANGE_DUE) {
        event->due_ns = change->due_ns;
    }
    event->attempts += ends && !(change->what & PIRN_CHANGE_UNTRIED);
}

void pirn__event_tell_claim(const struct pirn_claim *claim, int32_t result)
{
    const struct pirn_item *item = &claim->item;
    struct pirn_spool_event event = {
        .kind = (enum pirn_event_kind)claim->priv.event,
        .owner = claim->priv.spool->slot,
        .id = item->id,
        .attempts = item->attempts,
        .due_ns = item->due_ns,
    };
    bool is_change =
        event.kind == PIRN_EVENT_UPDATED || event.kind == PIRN_EVENT_GIVEN_BACK;

    if (result != (event.kind == PIRN_EVENT_CLAIMED ? 1 : 0)) {
        return;
    }
    name(event.queue, item->queue);
    if (is_change && claim->priv.change != NULL) {
        change(&event, claim->priv.change);
    } else if (event.kind == PIRN_EVENT_GIVEN_BACK) {
        event.attempts++;
    }
    tell(claim->priv.spool, &event);
}

void pirn__event_tell_owner(const struct pirn_spool *spool,
                            enum pirn_event_kind kind, uint32_t slot,
                            uint64_t count)
{
    struct pirn_spool_event event = {
        .kind = kind, .owner = slot, .count = count};

    tell(spool, &event);
}

const char *pirn_event_kind_name(enum pirn_event_kind kind)
{
    static const char *const names[PIRN_EVENT_KINDS] = {
        [PIRN_EVENT_LOST] = "lost",
        [PIRN_EVENT_ENQUEUED] = "enqueued",
        [PIRN_EVENT_SHARED] = "shared",
        [PIRN_EVENT_CLAIMED] = "claimed",
        [PIRN_EVENT_MOVED] = "moved",
        [PIRN_EVENT_HELD] = "held",
        [PIRN_EVENT_RELEASED] = "released",
        [PIRN_EVENT_UPDATED] = "updated",
        [PIRN_EVENT_GIVEN_BACK] = "given-back",
        [PIRN_EVENT_REMOVED] = "removed",
        [PIRN_EVENT_DEAD] = "dead",
        [PIRN_EVENT_FENCED] = "fenced",
    };

    pirn_assert(kind < PIRN_EVENT_KINDS);
    return names[kind];
}
