/* SPDX-License-Identifier: MIT */
/*
 * heap.c - a pairing heap whose roots are melded late
 *
 * Trees in which no child is due before its parent; the children of a node are
 * a doubly linked list whose first prev is the parent, so that any node can be
 * cut out. The roots are the children of a node that is never due. Only when
 * the bound is reached are they melded into one tree, whose root then is the
 * earliest. Why late: most timers are timeouts, and are removed long before;
 * melded at once, each would become a child of the earliest, and whenever that
 * one goes all of them would have to be paired (measured: 32,000 pending, one
 * start and cancel in 30 waited 0.25 ms for it).
 *
 * Why not an array: it would have to grow, and starting cannot fail. Why not a
 * wheel: this one is exact to the nanosecond and needs no ticking.
 *
 * Melding pairs the trees from left to right and then melds the pairs from
 * right to left; this order gives the amortised O(log n) (Fredman, Sedgewick,
 * Sleator, Tarjan 1986).
 */
#include "runtime/heap.h"

#include "pirn/invariant.h"

static struct pirn_loan *of(struct pirn_link *link)
{
    return link ? pirn_container_of(link, struct pirn_loan, link) : NULL;
}

static struct pirn_loan *child(const struct pirn_loan *node)
{
    return (struct pirn_loan *)(uintptr_t)node->addr;
}

static void set_child(struct pirn_loan *node, struct pirn_loan *first)
{
    node->addr = (uintptr_t)first;
}

static bool is_before(const struct pirn_loan *a, const struct pirn_loan *b)
{
    if (a->offset != b->offset) {
        return a->offset < b->offset;
    }
    return (int32_t)(a->arg - b->arg) < 0; /* the counter may wrap */
}

/* Both are roots. */
static struct pirn_loan *meld(struct pirn_loan *a, struct pirn_loan *b)
{
    struct pirn_loan *first;

    if (is_before(b, a)) {
        struct pirn_loan *swap = a;
        a = b;
        b = swap;
    }
    first = child(a);
    b->link.next = first ? &first->link : NULL;
    b->link.prev = &a->link;
    if (first) {
        first->link.prev = &b->link;
    }
    set_child(a, b);
    return a;
}

/* One root of a list of siblings, or NULL. */
static struct pirn_loan *meld_siblings(struct pirn_loan *node)
{
    struct pirn_loan *pairs = NULL; /* linked by next, the last pair first */
    struct pirn_loan *root = NULL;

    while (node != NULL) {
        struct pirn_loan *second = of(node->link.next);
        struct pirn_loan *rest = second ? of(second->link.next) : NULL;

        node->link = (struct pirn_link){0};
        if (second != NULL) {
            second->link = (struct pirn_link){0};
            node = meld(node, second);
        }
        node->link.next = pairs ? &pairs->link : NULL;
        pairs = node;
        node = rest;
    }
    while (pairs != NULL) {
        struct pirn_loan *next = of(pairs->link.next);

        pairs->link = (struct pirn_link){0};
        root = root ? meld(root, pairs) : pairs;
        pairs = next;
    }
    return root;
}

static void add_root(struct heap *heap, struct pirn_loan *node)
{
    struct pirn_loan *first = child(&heap->forest);

    node->link.next = first ? &first->link : NULL;
    node->link.prev = &heap->forest.link;
    if (first != NULL) {
        first->link.prev = &node->link;
    }
    set_child(&heap->forest, node);
}

void pirn__heap_insert(struct heap *heap, struct pirn_loan *timer)
{
    pirn_check(timer->link.next == NULL && timer->link.prev == NULL);

    set_child(timer, NULL);
    timer->arg = heap->inserted++;
    if (heap->count == 0 || timer->offset < heap->bound_ns) {
        heap->bound_ns = timer->offset;
    }
    add_root(heap, timer);
    heap->count++;
}

struct pirn_loan *pirn__heap_due(struct heap *heap, uint64_t now_ns)
{
    struct pirn_loan *first;

    if (now_ns < heap_bound_ns(heap) || heap->count == 0) {
        return NULL;
    }
    first = meld_siblings(child(&heap->forest));
    pirn_assert(first != NULL);
    set_child(&heap->forest, NULL);
    add_root(heap, first);
    heap->bound_ns = first->offset;
    return first->offset <= now_ns ? first : NULL;
}

/* Take a node out of its list of siblings. */
static void cut(struct pirn_loan *node)
{
    struct pirn_loan *before = of(node->link.prev);
    struct pirn_loan *after = of(node->link.next);

    pirn_assert(before != NULL);
    if (child(before) == node) {
        set_child(before, after);
    } else {
        before->link.next = node->link.next;
    }
    if (after != NULL) {
        after->link.prev = &before->link;
    }
}

void pirn__heap_remove(struct heap *heap, struct pirn_loan *timer)
{
    struct pirn_loan *orphans = meld_siblings(child(timer));

    pirn_assert(heap->count > 0);
    cut(timer);
    if (orphans != NULL) {
        add_root(heap, orphans);
    }
    timer->link = (struct pirn_link){0};
    set_child(timer, NULL);
    heap->count--;
}
