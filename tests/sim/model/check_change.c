/* SPDX-License-Identifier: MIT */
/* check_change.c - see check_change.h */
#include "tests/sim/model/check_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/check_spool.h"

/* What is due is ready with the wheel's tick. */
#define DUE_SLACK_NS UINT64_C(1000000000)

static struct check_change *change_at(struct check_spool *check,
                                      uint32_t change)
{
    pirn_assert(change > 0 && change <= check->changes.count);
    return &check->changes.changes[change - 1];
}

const struct check_place *check_change_place(const struct check_spool *check,
                                             uint32_t number, uint32_t change)
{
    return change == 0 ? &check->items[number].put_as
                       : &check->changes.changes[change - 1].place;
}

bool check_change_has_room(const struct check_spool *check)
{
    return check->changes.count < CHECK_CHANGES;
}

uint32_t check_change_begin(struct check_spool *check, uint32_t process,
                            uint32_t number, uint32_t last,
                            const struct pirn_change *change)
{
    struct check_changes *changes = &check->changes;
    struct check_place place = *check_change_place(check, number, last);

    pirn_assert(changes->count < CHECK_CHANGES);
    if (change->what & PIRN_CHANGE_QUEUE) {
        place.is_other = strcmp(change->queue, CHECK_QUEUE_OTHER) == 0;
    }
    if (change->what & PIRN_CHANGE_DUE) {
        place.due_ns = change->due_ns;
    }
    if (change->what & PIRN_CHANGE_PRIORITY) {
        place.priority = change->priority;
    }
    if (change->what & PIRN_CHANGE_HELD) {
        place.held = change->held;
    }
    changes->changes[changes->count++] =
        (struct check_change){.item = number,
                              .process = process,
                              .boots = check->world->boots,
                              .place = place};
    return changes->count;
}

static void raise_floor(struct check_spool *check, uint32_t number,
                        uint32_t change)
{
    struct check_item *item = &check->items[number];

    item->change = change > item->change ? change : item->change;
}

void check_change_ended(struct check_spool *check, uint32_t change,
                        int32_t result)
{
    struct check_change *at = change_at(check, change);

    world_note(check->world,
               result == 0 ? "changed: " : "not changed: ", (int32_t)change);
    at->process = 0;
    at->told = result == 0 ? CHECK_TOLD : CHECK_REFUSED;
    at->boots = check->world->boots;
    if (result == 0) {
        raise_floor(check, at->item, change);
    }
}

void check_change_unsure(struct check_spool *check, uint32_t change)
{
    world_note(check->world, "perhaps changed: ", (int32_t)change);
    change_at(check, change)->process = 0;
}

uint32_t check_change_number(const struct pirn_item *item)
{
    const char *text = pirn_fields_get(&item->fields, "n");

    return text == NULL ? 0 : (uint32_t)strtoul(text, NULL, 10);
}

/* Whether it may be set aside, who claims asks. */
static bool is_in_queue(const struct pirn_item *item,
                        const struct check_place *place)
{
    return strcmp(item->queue, "quarantine") == 0 ||
           (strcmp(item->queue, CHECK_QUEUE_OTHER) == 0) == place->is_other;
}

static bool is_as(const struct pirn_item *item, const struct check_place *place)
{
    return is_in_queue(item, place) && item->priority == place->priority &&
           item->due_ns == place->due_ns;
}

bool check_change_was_put_as(const struct check_spool *check, uint32_t number,
                             const struct pirn_item *item)
{
    return is_as(item, check_change_place(check, number, 0));
}

/* A higher number has a higher version. One may have several: who empties a
 * segment writes an item again as its next version, and a power cut may forget
 * that; the lowest that was seen counts. */
static void check_version(struct check_spool *check, uint32_t number,
                          uint32_t change, uint32_t version)
{
    uint32_t lower = 1;

    for (uint32_t i = 1; i < change; i++) {
        const struct check_change *at = change_at(check, i);

        lower = at->item == number && at->version > lower ? at->version : lower;
    }
    if (version < 1 || (change > 0 && version <= lower)) {
        world_fail(check->world, "change %u of item %u has version %u", change,
                   number, version);
    }
    if (change > 0) {
        struct check_change *at = change_at(check, change);

        at->version =
            at->version == 0 || version < at->version ? version : at->version;
    }
}

void check_change_seen(struct check_spool *check, uint32_t number,
                       const struct pirn_item *item, uint32_t floor)
{
    uint32_t change = check_change_number(item);

    if (change > check->changes.count ||
        (change > 0 && change_at(check, change)->item != number)) {
        world_fail(check->world, "item %u has change %u, which is not its own",
                   number, change);
        return;
    }
    if (change < floor) {
        world_fail(check->world, "item %u had change %u, and has %u again",
                   number, floor, change);
    }
    if (change > 0 && change_at(check, change)->told == CHECK_REFUSED &&
        change_at(check, change)->boots == check->world->boots) {
        world_fail(check->world, "item %u has change %u, which was refused",
                   number, change);
    }
    if (!is_as(item, check_change_place(check, number, change))) {
        world_fail(check->world, "item %u is not as change %u has made it",
                   number, change);
    }
    check_version(check, number, change, item->version);
}

uint32_t check_change_last(const struct check_spool *check, uint32_t number)
{
    const struct check_item *item = &check->items[number];
    bool is_since = item->had_boots == check->world->boots;

    return is_since && item->had > item->change ? item->had : item->change;
}

void check_change_had(struct check_spool *check, uint32_t number,
                      const struct pirn_item *item)
{
    struct check_item *known = &check->items[number];

    check_change_seen(check, number, item, check_change_last(check, number));
    known->had = check_change_number(item);
    known->had_boots = check->world->boots;
    known->had_of = check->changes.count;
}

/* Who claims it has it as it is: of what was begun before, what he does not
 * meet has not happened, and does not any more. */
static bool is_over(const struct check_item *item, uint32_t change)
{
    return change <= item->had_of && change > item->had;
}

bool check_change_may_cross(const struct check_spool *check, uint32_t number,
                            uint32_t seen)
{
    bool was_other = check_change_place(check, number, seen)->is_other;

    for (uint32_t i = seen + 1; i <= check->changes.count; i++) {
        const struct check_change *at = &check->changes.changes[i - 1];
        if (at->item == number && at->place.is_other != was_other &&
            at->told != CHECK_REFUSED && at->boots == check->world->boots &&
            !is_over(&check->items[number], i)) {
            return true;
        }
    }
    return false;
}

/* What was set aside is not told here: no claim there has to find an item. */
static bool is_ready(const struct check_place *place, const char *queue,
                     uint64_t wall_ns)
{
    return !place->held && strcmp(queue, "quarantine") != 0 &&
           (place->due_ns == 0 || place->due_ns + DUE_SLACK_NS < wall_ns) &&
           (strcmp(queue, CHECK_QUEUE_OTHER) == 0) == place->is_other;
}

/* Which of all that it may be now. */
static bool is_possible(const struct check_spool *check, uint32_t number,
                        uint32_t change)
{
    const struct check_change *at = &check->changes.changes[change - 1];

    return at->item == number && change > check->items[number].change &&
           (at->told != CHECK_REFUSED || at->boots != check->world->boots);
}

bool check_change_is_ready(const struct check_spool *check, uint32_t number,
                           const char *queue, uint64_t wall_ns)
{
    bool ready =
        is_ready(check_change_place(check, number, check->items[number].change),
                 queue, wall_ns);

    for (uint32_t i = 1; i <= check->changes.count; i++) {
        if (is_possible(check, number, i)) {
            ready = ready && is_ready(check_change_place(check, number, i),
                                      queue, wall_ns);
        }
    }
    return ready;
}
