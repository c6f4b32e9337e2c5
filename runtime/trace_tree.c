/* SPDX-License-Identifier: MIT */
/*
 * trace_tree.c - see pirn/trace_tree.h
 *
 * What is told says which op's function is called next, and not when that
 * returns. Between two functions nobody starts anything, so what is started in
 * a turn was started by the function that was told of last in this turn; and
 * what is started outside of one, by the program. (The number of a turn is
 * another as soon as all of its functions have returned.)
 *
 * Ops on loan are in a table by address, with linear probing; what is removed
 * leaves no gap before what was to be found behind it.
 */
#include "pirn/trace_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/context.h"

enum { PROGRAM = 0, ADDRESS_SHIFT = 4 };

static struct pirn_trace_tree *tree_of(const struct pirn_trace *trace)
{
    return (struct pirn_trace_tree *)pirn_container_of(
        trace, const struct pirn_trace_tree, trace);
}

/* --- lines --- */

/* Below @above; or, if one of that name is above already, that one. */
static uint32_t line_below(struct pirn_trace_tree *tree, uint32_t above,
                           const char *name)
{
    struct pirn_trace_line *lines = tree->priv.lines;
    uint32_t count = tree->priv.line_count;

    for (uint32_t at = above; at != PROGRAM; at = lines[at].above) {
        if (strcmp(lines[at].name, name) == 0) {
            return at;
        }
    }
    for (uint32_t i = PROGRAM + 1; i < count; i++) {
        if (lines[i].above == above && strcmp(lines[i].name, name) == 0) {
            return i;
        }
    }
    if (count == tree->priv.line_max) {
        return PROGRAM;
    }
    lines[count] = (struct pirn_trace_line){
        .name = name, .above = above, .depth = lines[above].depth + 1};
    return tree->priv.line_count++;
}

static uint32_t line_that_calls(const struct pirn_trace_tree *tree)
{
    uint32_t turn = pirn__context_turn_number(tree->priv.context);

    return tree->priv.turn == turn ? tree->priv.calling : PROGRAM;
}

static void calls(struct pirn_trace_tree *tree, uint32_t line)
{
    tree->priv.calling = line;
    tree->priv.turn = pirn__context_turn_number(tree->priv.context);
}

/* --- ops on loan --- */

static uint32_t home_of(const struct pirn_trace_tree *tree, const void *address)
{
    return (uint32_t)(((uintptr_t)address >> ADDRESS_SHIFT) %
                      tree->priv.flight_max);
}

/* Its place, or the free one where it would be; there is always a free one. */
static uint32_t place_of(const struct pirn_trace_tree *tree,
                         const void *address)
{
    uint32_t at = home_of(tree, address);

    while (tree->priv.flights[at].priv.address != NULL &&
           tree->priv.flights[at].priv.address != address) {
        at = (at + 1) % tree->priv.flight_max;
    }
    return at;
}

static void remove_at(struct pirn_trace_tree *tree, uint32_t gap)
{
    struct pirn_trace_flight *flights = tree->priv.flights;
    uint32_t max = tree->priv.flight_max;

    flights[gap].priv.address = NULL;
    tree->priv.flight_count--;
    for (uint32_t at = (gap + 1) % max; flights[at].priv.address != NULL;
         at = (at + 1) % max) {
        uint32_t home = home_of(tree, flights[at].priv.address);

        if ((at + max - home) % max >= (at + max - gap) % max) {
            flights[gap] = flights[at];
            flights[at].priv.address = NULL;
            gap = at;
        }
    }
}

/* --- what is told --- */

static void started(const struct pirn_trace *trace,
                    const struct pirn_trace_note *note)
{
    struct pirn_trace_tree *tree = tree_of(trace);
    uint32_t at = place_of(tree, note->address);
    uint32_t line = line_below(tree, line_that_calls(tree), note->name);

    if (line == PROGRAM ||
        tree->priv.flight_count + 1 >= tree->priv.flight_max) {
        tree->priv.lost++;
        return;
    }
    tree->priv.lines[line].started++;
    tree->priv.flight_count++;
    tree->priv.flights[at].priv.address = note->address;
    tree->priv.flights[at].priv.since_ns = note->now_ns;
    tree->priv.flights[at].priv.line = line;
}

static void delivered(const struct pirn_trace *trace,
                      const struct pirn_trace_note *note)
{
    struct pirn_trace_tree *tree = tree_of(trace);
    const struct pirn_trace_flight *flight =
        &tree->priv.flights[place_of(tree, note->address)];

    if (flight->priv.address != NULL) {
        tree->priv.lines[flight->priv.line].delivered++;
    }
    calls(tree, flight->priv.address != NULL ? flight->priv.line : PROGRAM);
}

/* A message, and what was started before the tree, has an end and no more. */
static void ended(const struct pirn_trace *trace,
                  const struct pirn_trace_note *note)
{
    struct pirn_trace_tree *tree = tree_of(trace);
    uint32_t at = place_of(tree, note->address);
    const struct pirn_trace_flight *flight = &tree->priv.flights[at];
    struct pirn_trace_line *line;
    uint64_t took_ns = 0;
    uint32_t index;

    if (flight->priv.address == NULL) {
        index = line_below(tree, PROGRAM, note->name);
    } else {
        index = flight->priv.line;
        took_ns = note->now_ns - flight->priv.since_ns;
        remove_at(tree, at);
    }
    line = &tree->priv.lines[index];
    line->ended++;
    line->total_ns += took_ns;
    line->most_ns = took_ns > line->most_ns ? took_ns : line->most_ns;
    calls(tree, index);
}

void pirn_trace_tree_begin(struct pirn_trace_tree *tree,
                           struct pirn_context *context,
                           struct pirn_trace_line *lines, uint32_t line_max,
                           struct pirn_trace_flight *flights,
                           uint32_t flight_max)
{
    pirn_assert(line_max >= 2 && flight_max >= 2);

    memset(flights, 0, sizeof(*flights) * flight_max);
    lines[PROGRAM] = (struct pirn_trace_line){.name = "program"};
    *tree = (struct pirn_trace_tree){
        .trace = {.start = started, .deliver = delivered, .end = ended},
        .priv = {.context = context,
                 .lines = lines,
                 .line_count = 1,
                 .line_max = line_max,
                 .flights = flights,
                 .flight_max = flight_max},
    };
    pirn_context_set_trace(context, &tree->trace);
}

void pirn_trace_tree_end(struct pirn_trace_tree *tree)
{
    pirn_context_set_trace(tree->priv.context, NULL);
}

uint64_t pirn_trace_tree_lost(const struct pirn_trace_tree *tree)
{
    return tree->priv.lost;
}

/* --- as text --- */

struct text {
    char *at;
    size_t room;
    size_t len; /* of all, what was cut included */
};

static void put_line(struct text *text, const struct pirn_trace_line *line)
{
    int n =
        snprintf(text->at, text->room,
                 "%*s%s: %" PRIu64 " started, %" PRIu64 " ended, %" PRIu64
                 " delivered, %" PRIu64 " ns, at most %" PRIu64 " ns\n",
                 2 * ((int)line->depth - 1), "", line->name, line->started,
                 line->ended, line->delivered, line->total_ns, line->most_ns);

    if (n > 0) {
        size_t moved = (size_t)n;

        text->len += moved;
        if (text->room > 0) {
            moved = moved < text->room ? moved : text->room - 1;
            text->at += moved;
            text->room -= moved;
        }
    }
}

/* The first line below @above behind @behind; or PROGRAM. */
static uint32_t next_below(const struct pirn_trace_tree *tree, uint32_t above,
                           uint32_t behind)
{
    for (uint32_t i = behind + 1; i < tree->priv.line_count; i++) {
        if (tree->priv.lines[i].above == above) {
            return i;
        }
    }
    return PROGRAM;
}

/* A loop: down to the first below, on to the next beside, up. */
size_t pirn_trace_tree_print(const struct pirn_trace_tree *tree, char *text,
                             size_t len)
{
    struct text out = {text, len, 0};
    uint32_t above = PROGRAM;
    uint32_t at = next_below(tree, PROGRAM, PROGRAM);

    if (len > 0) {
        text[0] = 0;
    }
    while (at != PROGRAM || above != PROGRAM) {
        if (at != PROGRAM) {
            put_line(&out, &tree->priv.lines[at]);
            above = at;
            at = next_below(tree, at, PROGRAM);
        } else {
            uint32_t done = above;

            above = tree->priv.lines[done].above;
            at = next_below(tree, above, done);
        }
    }
    return out.len;
}
