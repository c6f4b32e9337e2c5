/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - see exhaust.h
 *
 * States are counted once: of the subsets most leave the same disk, because a
 * journal allows prefixes only, and a disk is known by its hash.
 */
#include "tests/sim/model/exhaust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/exhaust_run.h"

/* Behind what is refused there are so many times fewer samples, and so many
 * times fewer units of which every subset is tried: there are hundreds of
 * refusals for each event. */
enum {
    STATES_MAX = 1u << 16,
    UNITS_MAX = 4096,
    REFUSED_LESS = 32,
    REFUSED_LESS_UNITS = 3
};

/* --- places by name --- */

static bool parse_number(const char **text, uint32_t *ret_number)
{
    char *end;
    unsigned long number = strtoul(*text, &end, 10);

    if (end == *text || number > UINT32_MAX) {
        return false;
    }
    *text = end;
    *ret_number = (uint32_t)number;
    return true;
}

static bool parse_colon(const char **text)
{
    return *(*text)++ == ':';
}

bool exhaust_parse_cut(const char *text, struct exhaust_place *ret_place)
{
    struct exhaust_place place = {.is_set = true, .has_subset = true};

    if (!parse_number(&text, &place.at) || !parse_colon(&text) ||
        !parse_number(&text, &place.subset) || *text != '\0') {
        return false;
    }
    *ret_place = place;
    return true;
}

bool exhaust_parse_refusal(const char *text, struct exhaust_place *ret_place)
{
    struct exhaust_place place = {.is_set = true};

    if (!parse_number(&text, &place.at)) {
        return false;
    }
    place.for_ever = *text == '+';
    text += place.for_ever;
    if (!parse_colon(&text) || !parse_number(&text, &place.row)) {
        return false;
    }
    place.has_subset = *text == ':';
    text += place.has_subset;
    if (place.has_subset && !parse_number(&text, &place.subset)) {
        return false;
    }
    if (place.has_subset && *text == '@') {
        text++;
        if (!parse_number(&text, &place.event)) {
            return false;
        }
    }
    if (*text != '\0') {
        return false;
    }
    *ret_place = place;
    return true;
}

static void name_place(const struct exhaust_place *place, char *text,
                       size_t size)
{
    char subset[32] = "";

    if (place->row == 0) {
        snprintf(text, size, "PIRN_CUT=%u:%u", place->at, place->subset);
        return;
    }
    if (place->event > 0) {
        snprintf(subset, sizeof(subset), ":%u@%u", place->subset, place->event);
    } else if (place->has_subset) {
        snprintf(subset, sizeof(subset), ":%u", place->subset);
    }
    snprintf(text, size, "PIRN_REFUSE=%u%s:%u%s", place->at,
             place->for_ever ? "+" : "", place->row, subset);
}

/* Whether only others are asked for. */
static bool is_other(const struct exhaust *exhaust,
                     const struct exhaust_place *place)
{
    const struct exhaust_place *only = &exhaust->only;

    return only->is_set &&
           (only->at != place->at || only->row != place->row ||
            only->for_ever != place->for_ever ||
            (only->has_subset && place->has_subset &&
             (only->subset != place->subset || only->event != place->event)));
}

static void note_violation(struct exhaust *exhaust,
                           const struct workload *workload,
                           const struct run *run,
                           const struct exhaust_place *place)
{
    if (!run->world->failed) {
        return;
    }
    if (exhaust->violations++ == 0) {
        name_place(place, exhaust->place, sizeof(exhaust->place));
        snprintf(exhaust->reason, sizeof(exhaust->reason), "%s, %s: %s",
                 workload->name, exhaust->place, run->world->reason);
    }
    if (exhaust->only.is_set) {
        trace_print(&run->world->trace, stderr);
    }
}

/* --- power --- */

/* Whether it is new in this event. */
static bool state_is_new(uint64_t *states, uint32_t *count, uint64_t hash)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (states[i] == hash) {
            return false;
        }
    }
    pirn_assert(*count < STATES_MAX);
    states[(*count)++] = hash;
    return true;
}

static void draw(bool *survives, uint32_t units, uint32_t which, bool is_all,
                 struct rng *rng)
{
    for (uint32_t i = 0; i < units; i++) {
        survives[i] = is_all ? i < 32 && (which >> i & 1) : rng_coin(rng);
    }
}

static void look(struct exhaust *exhaust, const struct workload *workload,
                 const struct event *left, const struct exhaust_place *place)
{
    struct run run;

    run_look(&run, exhaust, workload, left);
    exhaust->states++;
    note_violation(exhaust, workload, &run, place);
    world_destroy(run.world);
}

/* The power fails at @event, with every subset. */
static void cut(struct exhaust *exhaust, const struct workload *workload,
                const struct event *event, struct exhaust_place place)
{
    static uint64_t choices[STATES_MAX];
    static uint64_t states[STATES_MAX];
    static bool survives[UNITS_MAX];
    uint32_t units = disk_unit_count(event->disk);
    bool is_refused = place.row > 0;
    bool is_all =
        units <= exhaust->units / (is_refused ? REFUSED_LESS_UNITS : 1);
    uint32_t samples = exhaust->samples / (is_refused ? REFUSED_LESS : 1);
    uint32_t subsets = is_all ? 1u << units : samples;
    struct rng rng = rng_of(exhaust->seed, place.at);
    struct event left = *event;
    uint32_t choice_count = 0;
    uint32_t count = 0;

    pirn_assert(units <= UNITS_MAX);
    place.has_subset = true;
    for (place.subset = 0; place.subset < subsets; place.subset++) {
        uint64_t torn;

        draw(survives, units, place.subset, is_all, &rng);
        torn = is_all ? place.subset : rng_next(&rng);
        if (is_other(exhaust, &place) ||
            !state_is_new(choices, &choice_count,
                          disk_cut_number(event->disk, survives, torn))) {
            continue;
        }
        left.disk = disk_clone(event->disk);
        disk_cut(left.disk, survives, torn);
        if (state_is_new(states, &count, disk_hash(left.disk))) {
            look(exhaust, workload, &left, &place);
        } else {
            disk_destroy(left.disk);
        }
    }
}

void exhaust_cuts(struct exhaust *exhaust, const struct workload *workload)
{
    struct promises promises;
    struct disk *disk = run_before(exhaust, workload, &promises);
    struct exhaust_place place = {.at = 0};
    struct run run;

    run_begin(&run, exhaust, workload, disk, &promises);
    run_work(&run, true);
    note_violation(exhaust, workload, &run, &place);
    world_destroy(run.world);
    exhaust->events += run.event_count;
    for (place.at = 0; place.at < run.event_count; place.at++) {
        cut(exhaust, workload, &run.events[place.at], place);
        disk_destroy(run.events[place.at].disk);
    }
    free(run.events);
}

/* --- errors --- */

/* On the way from the refusal to the end. */
static void cut_on_the_way(struct exhaust *exhaust,
                           const struct workload *workload,
                           const struct run *run, struct exhaust_place place)
{
    for (uint32_t i = 0; i < run->event_count; i++) {
        place.event = i + 1;
        if (!run->has_failed) {
            cut(exhaust, workload, &run->events[i], place);
        }
        disk_destroy(run->events[i].disk);
    }
}

static void refuse(struct exhaust *exhaust, const struct workload *workload,
                   const struct disk *disk, const struct promises *promises,
                   const struct exhaust_place *place)
{
    bool is_deep =
        (exhaust->is_deep || exhaust->only.event > 0) && !place->for_ever;
    struct event left;
    struct run run;

    if (is_other(exhaust, place)) {
        return;
    }
    run_begin(&run, exhaust, workload, disk_clone(disk), promises);
    run.world->faults.row = place->row;
    run.world->faults.from = place->at;
    run.world->faults.to = place->for_ever ? UINT32_MAX : place->at;
    run.since = place->at + 1;
    run_work(&run, is_deep);
    exhaust->errors++;
    note_violation(exhaust, workload, &run, place);
    run.has_failed = run.world->failed;
    run_end(&run, &left);
    cut_on_the_way(exhaust, workload, &run, *place);
    if (!run.has_failed) {
        cut(exhaust, workload, &left, *place);
    }
    disk_destroy(left.disk);
    free(run.events);
}

/* The operations of a run in which none is refused; how many. */
static uint32_t list_operations(const struct exhaust *exhaust,
                                const struct workload *workload,
                                const struct disk *disk,
                                const struct promises *promises, uint8_t *list)
{
    struct run run;
    uint32_t count;

    run_begin(&run, exhaust, workload, disk_clone(disk), promises);
    run.world->faults.list = list;
    run_work(&run, false);
    count = run.world->faults.seen;
    pirn_assert(count <= FAULT_LIST && !run.world->failed);
    world_destroy(run.world);
    return count;
}

void exhaust_errors(struct exhaust *exhaust, const struct workload *workload)
{
    static uint8_t list[FAULT_LIST];
    struct promises promises;
    struct disk *disk = run_before(exhaust, workload, &promises);
    uint32_t count = list_operations(exhaust, workload, disk, &promises, list);
    uint32_t every = exhaust->only.is_set ? 1 : exhaust->every;

    pirn_assert(every > 0);
    for (uint32_t at = 0; at < count; at += every) {
        struct exhaust_place place = {.at = at};

        while ((place.row = fault_row(place.row, list[at])) > 0) {
            place.for_ever = false;
            refuse(exhaust, workload, disk, &promises, &place);
            place.for_ever = true;
            refuse(exhaust, workload, disk, &promises, &place);
        }
    }
    disk_destroy(disk);
}
