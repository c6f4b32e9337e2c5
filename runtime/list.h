/* SPDX-License-Identifier: MIT */
/*
 * list.h - intrusive circular doubly linked list
 *
 * A head and a link are the same type. An unlinked link is zeroed, so zeroed
 * memory holds valid unlinked links. All operations are O(1).
 */
#ifndef RUNTIME_LIST_H
#define RUNTIME_LIST_H

#include <stdbool.h>

#include "pirn/base.h"
#include "pirn/invariant.h"

static inline void list_init(struct pirn_link *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_is_empty(const struct pirn_link *head)
{
    return head->next == head;
}

static inline bool list_is_linked(const struct pirn_link *link)
{
    return link->next != NULL;
}

static inline void list_push_tail(struct pirn_link *head,
                                  struct pirn_link *link)
{
    pirn_check(!list_is_linked(link));

    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

/* Unlinking an unlinked link does nothing. */
static inline void list_unlink(struct pirn_link *link)
{
    if (!list_is_linked(link)) {
        return;
    }
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
    link->prev = NULL;
}

static inline struct pirn_link *list_pop_head(struct pirn_link *head)
{
    struct pirn_link *link = head->next;

    if (link == head) {
        return NULL;
    }
    list_unlink(link);
    return link;
}

/* Move all of @from to the front of @to, in their order; @from is empty. */
static inline void list_splice_head(struct pirn_link *to,
                                    struct pirn_link *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->next->prev = to;
    from->prev->next = to->next;
    to->next->prev = from->prev;
    to->next = from->next;
    list_init(from);
}

/* Move all of @from to the end of @to, in their order; @from is empty. */
static inline void list_splice_tail(struct pirn_link *to,
                                    struct pirn_link *from)
{
    list_splice_head(to->prev, from);
}

/* Move what is on @from in front of @until, which is on it or is it, to the end
 * of @to, in their order. */
static inline void list_splice_tail_until(struct pirn_link *to,
                                          struct pirn_link *from,
                                          struct pirn_link *until)
{
    struct pirn_link *first = from->next;
    struct pirn_link *last = until->prev;

    if (first == until) {
        return;
    }
    from->next = until;
    until->prev = from;
    first->prev = to->prev;
    last->next = to;
    to->prev->next = first;
    to->prev = last;
}

/* @to, which need not be initialised, becomes all of @from. */
static inline void list_take(struct pirn_link *to, struct pirn_link *from)
{
    list_init(to);
    list_splice_head(to, from);
}

#endif /* RUNTIME_LIST_H */
