/* SPDX-License-Identifier: MIT */
/*
 * ledger.c - what was told, by item
 *
 * What ended well at position p is owed by every state at p or later. What
 * began at p may have left its mark only in states later than p. A call that
 * failed, or never ended, may or may not show.
 *
 * The versions of an item: who empties a segment raises them without a change,
 * so an item is in the state of the newest change that is not newer than it.
 */
#include "crash/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES = 24 };

static const uint64_t never = UINT64_MAX;

struct change {
    uint64_t begun;
    uint64_t acked; /* or never */
    uint64_t turn;
    uint32_t version;
    uint32_t queue;
    uint32_t held;
};

struct ledger_item {
    uint64_t number; /* 0: a gap */
    struct pirn_id id;
    bool has_id;
    bool found;
    uint64_t removing;     /* begun, at the earliest */
    uint64_t removed;      /* acknowledged, and durable by the promise */
    uint32_t change_count; /* the first is the put */
    struct change changes[CHANGES];
};

static uint32_t hash(uint64_t number, uint32_t cap)
{
    return (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (cap - 1);
}

static struct ledger_item *item_of(const struct ledger *ledger, uint64_t number)
{
    uint32_t at = hash(number, ledger->cap);

    while (ledger->items[at].number != 0 &&
           ledger->items[at].number != number) {
        at = (at + 1) & (ledger->cap - 1);
    }
    return &ledger->items[at];
}

static struct change *change_of(struct ledger_item *item,
                                const struct told *told)
{
    for (uint32_t i = 0; i < item->change_count; i++) {
        struct change *change = &item->changes[i];
        if (change->version == told->version && change->turn == told->turn &&
            change->acked == never) {
            return change;
        }
    }
    if (item->change_count == CHANGES) {
        return NULL;
    }
    struct change *change = &item->changes[item->change_count++];
    *change = (struct change){.begun = told->position,
                              .acked = never,
                              .turn = told->turn,
                              .version = told->version,
                              .queue = told->queue,
                              .held = told->held};
    return change;
}

static int note_change(struct ledger_item *item, const struct told *told)
{
    struct change *change = change_of(item, told);

    if (change == NULL) {
        return -E2BIG;
    }
    if (told->when == TOLD_ENDS && told->result == 0) {
        change->acked = told->position;
        item->id = told->id;
        item->has_id = true;
    }
    return 0;
}

static void note_removal(struct ledger_item *item, const struct told *told)
{
    if (told->position < item->removing) {
        item->removing = told->position;
    }
    if (told->when == TOLD_ENDS && told->result == 0 &&
        told->verb == TOLD_REMOVE_DURABLE && told->position < item->removed) {
        item->removed = told->position;
    }
}

static int note(struct ledger *ledger, const struct told *told)
{
    bool good = told->when == TOLD_ENDS && told->result == 0;

    if (good) {
        ledger->ends[ledger->end_count++] = told->position;
    }
    ledger->refused += told->when == TOLD_ENDS && told->result < 0 ? 1 : 0;
    if (told->position > ledger->last) {
        ledger->last = told->position;
    }
    if (told->verb == TOLD_MAKE) {
        uint64_t *at = good ? &ledger->made : &ledger->first;
        *at = told->position < *at ? told->position : *at;
        return 0;
    }
    struct ledger_item *item = item_of(ledger, told->number);
    if (item->number == 0) {
        item->number = told->number;
        item->removing = never;
        item->removed = never;
        ledger->count++;
    }
    if (told->verb == TOLD_PUT || told->verb == TOLD_CHANGE) {
        return note_change(item, told);
    }
    note_removal(item, told);
    return 0;
}

static struct told *load(const char *path, uint32_t *ret_count)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    uint32_t count = (uint32_t)((size_t)ftell(file) / sizeof(struct told));
    rewind(file);
    struct told *all = calloc(count + 1, sizeof(*all));
    *ret_count = (uint32_t)fread(all, sizeof(*all), count, file);
    fclose(file);
    return all;
}

int ledger_read(struct ledger *ledger, const char *path)
{
    uint32_t count = 0;
    struct told *all = load(path, &count);
    int r = 0;

    if (all == NULL) {
        return -errno;
    }
    *ledger = (struct ledger){.made = never, .first = never, .cap = 64};
    while (ledger->cap < 2 * count + 2) {
        ledger->cap *= 2;
    }
    ledger->items = calloc(ledger->cap, sizeof(*ledger->items));
    ledger->ends = calloc(count + 1, sizeof(*ledger->ends));
    for (uint32_t i = 0; i < count && r == 0; i++) {
        r = note(ledger, &all[i]);
    }
    free(all);
    return r;
}

void ledger_free(struct ledger *ledger)
{
    free(ledger->items);
    free(ledger->ends);
}

void ledger_fresh(struct ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->cap; i++) {
        ledger->items[i].found = false;
    }
}

static enum ledger_owed owed(const struct ledger_item *item, uint64_t position)
{
    if (item->number == 0 || item->change_count == 0 ||
        item->changes[0].begun >= position || item->removed <= position) {
        return LEDGER_NEVER;
    }
    return item->changes[0].acked <= position && item->removing >= position
               ? LEDGER_MUST
               : LEDGER_MAY;
}

enum ledger_owed ledger_owed(const struct ledger *ledger, uint64_t position,
                             uint64_t number)
{
    return owed(item_of(ledger, number), position);
}

bool ledger_leaves(const struct ledger *ledger, uint64_t position,
                   const struct pirn_id *id)
{
    for (uint32_t i = 0; i < ledger->cap; i++) {
        const struct ledger_item *item = &ledger->items[i];
        if (item->number != 0 && item->removing < position &&
            memcmp(&item->id, id, sizeof(*id)) == 0) {
            return true;
        }
    }
    return false;
}

static bool says(const struct change *change, const struct ledger_found *found)
{
    return change->turn == found->turn &&
           strcmp(found->item->queue, told_queues[change->queue]) == 0 &&
           (change->held != 0) == (found->item->state == PIRN_ITEM_HELD);
}

/* The newest version below @below that was begun; 0: none. */
static uint32_t next_below(const struct ledger_item *item, uint64_t position,
                           uint32_t below)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < item->change_count; i++) {
        const struct change *change = &item->changes[i];
        if (change->version < below && change->begun < position &&
            change->version > next) {
            next = change->version;
        }
    }
    return next;
}

/* Down from the newest that is not newer than the item: what failed, or had
 * not ended, is passed over. What a power cut undid may have its number again
 * by another change. */
static bool is_one_of(const struct ledger_item *item, uint64_t position,
                      const struct ledger_found *found)
{
    uint32_t version = next_below(item, position, found->item->version + 1);
    bool acked = false;

    while (version != 0 && !acked) {
        for (uint32_t i = 0; i < item->change_count; i++) {
            const struct change *change = &item->changes[i];
            if (change->version == version && change->begun < position) {
                if (says(change, found)) {
                    return true;
                }
                acked = acked || change->acked <= position;
            }
        }
        version = next_below(item, position, version);
    }
    return false;
}

static bool is_older(const struct ledger_item *item, uint64_t position,
                     uint32_t version)
{
    for (uint32_t i = 0; i < item->change_count; i++) {
        if (item->changes[i].acked <= position &&
            item->changes[i].version > version) {
            return true;
        }
    }
    return false;
}

const char *ledger_find(struct ledger *ledger, uint64_t position,
                        const struct ledger_found *found)
{
    struct ledger_item *item = item_of(ledger, found->number);

    if (owed(item, position) == LEDGER_NEVER) {
        return item->number != 0 && item->removed <= position
                   ? "was removed for good, and is back"
                   : "was never put";
    }
    if (item->found) {
        return "is there twice";
    }
    item->found = true;
    if (item->changes[0].acked <= position &&
        memcmp(&item->id, &found->item->id, sizeof(item->id)) != 0) {
        return "has another id than the one that was told";
    }
    if (is_older(item, position, found->item->version)) {
        return "is in an older version than one that was acknowledged";
    }
    return is_one_of(item, position, found) ? NULL
                                            : "has what no version of it had";
}

uint64_t ledger_missing(const struct ledger *ledger, uint64_t position,
                        uint32_t *at, struct pirn_id *ret_id)
{
    for (; *at < ledger->cap; ++*at) {
        const struct ledger_item *item = &ledger->items[*at];
        if (owed(item, position) == LEDGER_MUST && !item->found) {
            *ret_id = item->id;
            return item->number;
        }
    }
    return 0;
}
