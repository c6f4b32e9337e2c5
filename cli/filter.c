/* SPDX-License-Identifier: MIT */
/* filter.c - see filter.h */
#include "cli/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

enum {
    KEY_STATE = 0x300,
    KEY_OLDER,
    KEY_NEWER,
    KEY_LARGER,
    KEY_SMALLER,
    KEY_PRIORITY,
    PRIORITY_MIN = -8,
    PRIORITY_MAX = 7,
    DECIMAL = 10,
};

static const char *const states[] = {
    [PIRN_ITEM_READY] = "ready",
    [PIRN_ITEM_CLAIMED] = "claimed",
    [PIRN_ITEM_DELAYED] = "delayed",
    [PIRN_ITEM_HELD] = "held",
};

enum { STATE_COUNT = sizeof(states) / sizeof(states[0]) };

/* ---- what is said ---- */

static uint32_t state_named(const char *name, size_t len)
{
    for (uint32_t i = 0; i < STATE_COUNT; i++) {
        if (strlen(states[i]) == len && strncmp(states[i], name, len) == 0) {
            return UINT32_C(1) << i;
        }
    }
    return 0;
}

static void add_states(struct filter *filter, const char *names,
                       struct argp_state *state)
{
    const char *at = names;

    for (;;) {
        size_t len = strcspn(at, ",");
        uint32_t bit = state_named(at, len);

        if (bit == 0) {
            argp_error(state,
                       "--state %s: a state is ready, claimed, delayed or "
                       "held, or several with commas between",
                       names);
            return;
        }
        filter->states |= bit;
        if (at[len] == '\0') {
            return;
        }
        at += len + 1;
    }
}

static void add_field(struct filter *filter, const char *text,
                      struct argp_state *state)
{
    size_t len = strcspn(text, "=~");
    struct filter_field *field = &filter->fields[filter->field_count];

    if (filter->field_count == FILTER_FIELDS_MAX) {
        argp_error(state, "--field %s: no more than %d of them", text,
                   FILTER_FIELDS_MAX);
    } else if (text[len] == '\0' || len == 0 || len >= sizeof(field->name)) {
        argp_error(state,
                   "--field %s: name=value is needed, or name~part of a value",
                   text);
    } else {
        snprintf(field->name, sizeof(field->name), "%.*s", (int)len, text);
        field->is_part = text[len] == '~';
        field->value = text + len + 1;
        filter->field_count++;
    }
}

static bool parse_priority(const char **at, int8_t *ret)
{
    char *end = NULL;
    long value = strtol(*at, &end, DECIMAL);

    if (end == *at || value < PRIORITY_MIN || value > PRIORITY_MAX) {
        return false;
    }
    *at = end;
    *ret = (int8_t)value;
    return true;
}

static void set_priority(struct filter *filter, const char *text,
                         struct argp_state *state)
{
    const char *at = text;
    bool good = parse_priority(&at, &filter->priority_min);

    filter->has_priority = true;
    filter->priority_max = filter->priority_min;
    if (good && strncmp(at, "..", 2) == 0) {
        at += 2;
        good = parse_priority(&at, &filter->priority_max);
    }
    if (!good || *at != '\0' || filter->priority_min > filter->priority_max) {
        argp_error(state,
                   "--priority %s: a number from %d to %d is needed, or a "
                   "range, as 1..7",
                   text, PRIORITY_MIN, PRIORITY_MAX);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct filter *filter = state->input;

    switch (key) {
    case KEY_STATE:
        add_states(filter, arg, state);
        return 0;
    case KEY_OLDER:
        filter->older = quantity_moment(state, "--older", arg);
        filter->has_older = true;
        return 0;
    case KEY_NEWER:
        filter->newer = quantity_moment(state, "--newer", arg);
        filter->has_newer = true;
        return 0;
    case KEY_LARGER:
        filter->larger = quantity_bytes(state, "--larger", arg);
        filter->has_larger = true;
        return 0;
    case KEY_SMALLER:
        filter->smaller = quantity_bytes(state, "--smaller", arg);
        filter->has_smaller = true;
        return 0;
    case KEY_PRIORITY:
        set_priority(filter, arg, state);
        return 0;
    case 'f':
        add_field(filter, arg, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Which items, all that is said must hold:", 1},
    {"state", KEY_STATE, "STATE", 0,
     "ready, claimed, delayed or held; several with commas between", 0},
    {"older", KEY_OLDER, "TIME", 0,
     "Stored longer ago than 30s, 15m, 12h, 3d or 2w, or before a date, as "
     "2026-03-01 or 2026-03-01T12:34:56Z",
     0},
    {"newer", KEY_NEWER, "TIME", 0, "Stored since then: TIME as for --older",
     0},
    {"larger", KEY_LARGER, "SIZE", 0,
     "With a body of more than 4096, 16K, 2.5M ... bytes", 0},
    {"smaller", KEY_SMALLER, "SIZE", 0, "With a body of less", 0},
    {"field", 'f', "name=value", 0,
     "With such a field; name~part: a field whose value contains this; may be "
     "given again",
     0},
    {"priority", KEY_PRIORITY, "N", 0,
     "With this priority, -8 to 7, or one of a range, as 1..7", 0},
    {0},
};

const struct argp filter_argp = {.options = options, .parser = parse};

bool filter_is_said(const struct filter *filter)
{
    return filter->states != 0 || filter->has_older || filter->has_newer ||
           filter->has_larger || filter->has_smaller || filter->has_priority ||
           filter->field_count > 0;
}

/* ---- what it means ---- */

void filter_begin(struct filter *filter, uint64_t now_ns)
{
    filter->before_ns = quantity_moment_ns(&filter->older, now_ns);
    filter->after_ns = quantity_moment_ns(&filter->newer, now_ns);
}

static bool is_state(const struct filter *filter, enum pirn_item_state state)
{
    return filter->states == 0 ||
           (filter->states & (UINT32_C(1) << state)) != 0;
}

static bool is_queue(const struct filter *filter, const char *queue)
{
    return filter->queue == NULL || strcmp(filter->queue, queue) == 0;
}

/* Any of the values that the name has. */
static bool has_field(const struct pirn_fields *fields,
                      const struct filter_field *wanted)
{
    const char *name;
    const char *value;
    uint32_t at = 0;

    pirn_assert(wanted->value != NULL);
    while (pirn_fields_next(fields, &at, &name, &value)) {
        if (strcmp(name, wanted->name) == 0 &&
            (wanted->is_part ? strstr(value, wanted->value) != NULL
                             : strcmp(value, wanted->value) == 0)) {
            return true;
        }
    }
    return false;
}

bool filter_may_match(const struct filter *filter,
                      const struct pirn_listed *listed)
{
    return is_state(filter, listed->state) && is_queue(filter, listed->queue);
}

bool filter_matches_ours(const struct filter *filter,
                         const struct pirn_item *item)
{
    bool all =
        is_queue(filter, item->queue) &&
        (!filter->has_older || item->created_ns < filter->before_ns) &&
        (!filter->has_newer || item->created_ns >= filter->after_ns) &&
        (!filter->has_larger || item->size_bytes > filter->larger) &&
        (!filter->has_smaller || item->size_bytes < filter->smaller) &&
        (!filter->has_priority || (item->priority >= filter->priority_min &&
                                   item->priority <= filter->priority_max));

    for (uint32_t i = 0; all && i < filter->field_count; i++) {
        all = has_field(&item->fields, &filter->fields[i]);
    }
    return all;
}

bool filter_matches(const struct filter *filter, const struct pirn_item *item)
{
    return is_state(filter, item->state) && filter_matches_ours(filter, item);
}
