/* SPDX-License-Identifier: MIT */
/*
 * mailbox.h - messages from other threads, and whether to wake
 *
 * A stack that anybody pushes to and the owner takes whole, reversed, so that
 * each sender's messages keep their order. It is linked by link.next alone.
 *
 * The sleeper says that it will sleep, then looks once more; the sender pushes,
 * then asks whether somebody sleeps. Both orders are sequentially consistent,
 * so at least one of the two sees the other: no wake-up is lost, and of many
 * senders one wakes.
 */
#ifndef RUNTIME_MAILBOX_H
#define RUNTIME_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "pirn/op.h"
#include "runtime/plant.h"

struct mailbox {
    _Atomic(struct pirn_link *) top;
    atomic_bool asleep;
};

/* Return: whether the sender must wake the owner. */
static inline bool mailbox_push(struct mailbox *mailbox, struct pirn_link *link)
{
    struct pirn_link *top =
        atomic_load_explicit(&mailbox->top, memory_order_relaxed);

    do {
        link->next = top;
    } while (!atomic_compare_exchange_weak(&mailbox->top, &top, link));
    return !pirn__planted("wake-up-lost") && atomic_load(&mailbox->asleep) &&
           atomic_exchange(&mailbox->asleep, false);
}

static inline bool mailbox_is_empty(struct mailbox *mailbox)
{
    return atomic_load(&mailbox->top) == NULL;
}

/* All that came, the oldest first, linked by next; NULL if nothing. */
static inline struct pirn_link *mailbox_take(struct mailbox *mailbox,
                                             uint64_t *count)
{
    struct pirn_link *oldest = NULL;
    struct pirn_link *link;

    if (atomic_load_explicit(&mailbox->top, memory_order_relaxed) == NULL) {
        return NULL;
    }
    link = atomic_exchange_explicit(&mailbox->top, NULL, memory_order_acquire);
    while (link != NULL) {
        struct pirn_link *next = link->next;

        link->next = oldest;
        oldest = link;
        link = next;
        ++*count;
    }
    return oldest;
}

/* Return: whether the owner may sleep now. */
static inline bool mailbox_lie_down(struct mailbox *mailbox)
{
    atomic_store(&mailbox->asleep, true);
    return mailbox_is_empty(mailbox);
}

static inline void mailbox_get_up(struct mailbox *mailbox)
{
    atomic_store_explicit(&mailbox->asleep, false, memory_order_relaxed);
}

#endif /* RUNTIME_MAILBOX_H */
