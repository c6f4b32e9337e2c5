/* SPDX-License-Identifier: MIT */
/*
 * filter.h - which items are meant, by what is known of them
 *
 * The options are those of every verb that lists or changes items; all that
 * are said must hold.
 */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <pirn/item.h>
#include <pirn/view.h>

#include "cli/quantity.h"

#define FILTER_FIELDS_MAX 32

struct filter_field {
    char name[64];     /* of a field; "" never is */
    const char *value; /* borrowed */
    bool is_part;      /* it is enough if the value contains it */
};

/* Zeroed: any item. */
struct filter {
    const char *queue; /* NULL: any */
    uint32_t states;   /* 1 << enum pirn_item_state, or'ed; 0: any */
    struct quantity_moment older;
    struct quantity_moment newer;
    bool has_older;
    bool has_newer;
    bool has_larger;
    bool has_smaller;
    bool has_priority;
    int8_t priority_min;
    int8_t priority_max;
    uint64_t larger;
    uint64_t smaller;
    uint64_t before_ns; /* what the two times are now */
    uint64_t after_ns;
    uint32_t field_count;
    struct filter_field fields[FILTER_FIELDS_MAX];
};

extern const struct argp filter_argp; /* input: a struct filter */

/** filter_is_said() - whether anything but a queue narrows it */
bool filter_is_said(const struct filter *filter);

/** filter_begin() - ages are before @now_ns, CLOCK_REALTIME, from here on */
void filter_begin(struct filter *filter, uint64_t now_ns);

/** filter_may_match() - false: the item need not be looked at */
bool filter_may_match(const struct filter *filter,
                      const struct pirn_listed *listed);

/** filter_matches() - whether the item is meant */
bool filter_matches(const struct filter *filter, const struct pirn_item *item);

/** filter_matches_ours() - likewise of one that we have claimed: any state */
bool filter_matches_ours(const struct filter *filter,
                         const struct pirn_item *item);

#endif /* CLI_FILTER_H */
