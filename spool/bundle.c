/* SPDX-License-Identifier: MIT */
/*
 * bundle.c - who waits, and flights of those who waited together
 *
 *   pushed -> waiting -> flight -> its function
 *
 * The first one who waits lets the turn end before it starts: so all that come
 * in one turn are together. A flight is one chain of steps that are to run in
 * any case: none is told of another's end, and the chain's own result says
 * nothing. Whose function is called may be gone when it returns, and may push
 * again; so a flight's list is its own, and its place is free when all have
 * been told.
 *
 * Where the policy leaves each operation to a worker of the kernel's, steps in
 * a row would only wait for each other: there each is a flight.
 */
#include "spool/bundle.h"

#include <string.h>

#include <pirn/context.h>
#include <pirn/invariant.h>
#include <pirn/timer.h>

void pirn__bundle_init(struct pirn__bundle *bundle,
                       struct pirn_context *context)
{
    bool is_alone = strcmp(pirn_context_files(context), "ring") == 0;

    bundle->context = context;
    bundle->size = is_alone ? 1 : PIRN__BUNDLE_MAX;
    bundle->flight_count = is_alone ? PIRN__BUNDLE_LONE : PIRN__BUNDLE_FLIGHTS;
    for (uint32_t i = 0; i < bundle->flight_count; i++) {
        bundle->flights[i].bundle = bundle;
    }
}

static bool is_under_way(const struct pirn__bundle *bundle)
{
    bool is = !pirn_op_is_idle(&bundle->turn);

    for (uint32_t i = 0; i < bundle->flight_count; i++) {
        is = is || bundle->flights[i].count > 0;
    }
    return is;
}

void pirn__bundle_deinit(struct pirn__bundle *bundle)
{
    pirn_assert(bundle->head == NULL);
    pirn_assert(!is_under_way(bundle));
}

static struct pirn__bundle_entry *pop(struct pirn__bundle *bundle)
{
    struct pirn__bundle_entry *entry = bundle->head;

    if (entry != NULL) {
        bundle->head = entry->next;
    }
    return entry;
}

static void await_turn(struct pirn__bundle *bundle);

static void landed(struct pirn_op *op, int32_t result)
{
    struct pirn__bundle_flight *flight =
        pirn_container_of(op, struct pirn__bundle_flight, chain.op);

    (void)result; /* each has its own */
    pirn_assert(flight->count > 0);
    for (uint32_t i = 0; i < flight->count; i++) {
        struct pirn__bundle_entry *entry = flight->entries[i];
        entry->fn(&entry->op, pirn_op_result(&entry->op));
    }
    flight->count = 0;
    await_turn(flight->bundle);
}

/* As many as wait, and as one flight has room for. */
static void fly(struct pirn__bundle_flight *flight)
{
    struct pirn__bundle *bundle = flight->bundle;

    pirn_assert(flight->count == 0 && bundle->head != NULL);
    while (flight->count < bundle->size && bundle->head != NULL) {
        struct pirn__bundle_entry *entry = pop(bundle);
        pirn_step_when(&entry->op, PIRN_STEP_ALWAYS);
        flight->steps[flight->count] = &entry->op;
        flight->entries[flight->count++] = entry;
    }
    pirn_chain_start(bundle->context, &flight->chain, flight->steps,
                     flight->count, landed);
}

static void turned(struct pirn_op *op, int32_t result)
{
    struct pirn__bundle *bundle =
        pirn_container_of(op, struct pirn__bundle, turn);

    (void)result; /* the operations fail likewise */
    for (uint32_t i = 0; i < bundle->flight_count && bundle->head != NULL;
         i++) {
        if (bundle->flights[i].count == 0) {
            fly(&bundle->flights[i]);
        }
    }
}

static void await_turn(struct pirn__bundle *bundle)
{
    if (bundle->head != NULL && pirn_op_is_idle(&bundle->turn)) {
        pirn_prep_immediate(&bundle->turn);
        pirn_start(bundle->context, &bundle->turn, turned);
    }
}

void pirn__bundle_push(struct pirn__bundle *bundle,
                       struct pirn__bundle_entry *entry, pirn_op_fn *fn)
{
    pirn_assert(pirn_op_is_idle(&entry->op));
    entry->fn = fn;
    entry->next = NULL;
    if (bundle->head == NULL) {
        bundle->head = entry;
    } else {
        bundle->tail->next = entry;
    }
    bundle->tail = entry;
    await_turn(bundle);
}
