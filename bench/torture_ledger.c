/* SPDX-License-Identifier: MIT */
/*
 * torture_ledger.c - see torture_ledger.h
 *
 * One pipe carries what all tell, each in one piece, and an item passes from
 * one to the next only after the first has told that it may. So the order of
 * what is read is one that happened, for each item.
 *
 * After a power cut, a removal that was acknowledged as durable stays; a lazy
 * one is promised to be durable within a second. A machine under torture is
 * given ten, and how long it took is told.
 */
#include "bench/torture_ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <pirn/invariant.h>

#include "bench/torture_body.h"

enum { INDEX = 2 * TORTURE_ITEMS };

static const uint64_t lazy_ns = 10 * UINT64_C(1000000000);

struct torture_entry {
    uint64_t number;
    struct pirn_id id;
    uint64_t removed_ns; /* 0: it was not */
    uint32_t owner;      /* child, of who has it; 0: nobody */
    bool has_id;
    bool acked;
    bool durable;     /* its removal */
    bool may_be_gone; /* its owner began to remove it */
    bool found;       /* by who takes stock */
    bool judged;      /* wrong, and counted as that */
};

/* No child has a copy of it: it may be large. */
static void *map_zeros(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(at, bytes, MADV_DONTFORK);
    return at;
}

int torture_ledger_init(struct torture_ledger *ledger)
{
    *ledger = (struct torture_ledger){
        .entries = map_zeros(TORTURE_ITEMS * sizeof(*ledger->entries)),
        .index = map_zeros(INDEX * sizeof(*ledger->index)),
        .killed_ns = map_zeros(TORTURE_CHILDREN * sizeof(*ledger->killed_ns)),
    };
    if (ledger->entries == NULL || ledger->index == NULL ||
        ledger->killed_ns == NULL) {
        torture_ledger_deinit(ledger);
        return -ENOMEM;
    }
    return 0;
}

void torture_ledger_deinit(struct torture_ledger *ledger)
{
    if (ledger->entries != NULL) {
        munmap(ledger->entries, TORTURE_ITEMS * sizeof(*ledger->entries));
    }
    if (ledger->index != NULL) {
        munmap(ledger->index, INDEX * sizeof(*ledger->index));
    }
    if (ledger->killed_ns != NULL) {
        munmap(ledger->killed_ns, TORTURE_CHILDREN * sizeof(uint64_t));
    }
    *ledger = (struct torture_ledger){0};
}

/* On a line of its own, whatever bar stands on the terminal. */
static void say(struct torture_ledger *ledger, const struct pirn_id *id,
                const char *what)
{
    char text[PIRN_ID_TEXT];

    if (ledger->said++ < TORTURE_SAID) {
        pirn_id_format(id, text);
        fprintf(stderr, "pirn-bench: torture: item %s %s\n", text, what);
    }
}

/* Its own, or a new one. */
static struct torture_entry *entry_of(struct torture_ledger *ledger,
                                      uint64_t number)
{
    uint64_t state = number;
    uint32_t at = (uint32_t)torture_random(&state) % INDEX;

    pirn_assert(number != 0 && ledger->items < TORTURE_ITEMS);
    while (ledger->index[at] != 0 &&
           ledger->entries[ledger->index[at] - 1].number != number) {
        at = (at + 1) % INDEX;
    }
    if (ledger->index[at] == 0) {
        ledger->entries[ledger->items].number = number;
        ledger->index[at] = ++ledger->items;
    }
    return &ledger->entries[ledger->index[at] - 1];
}

static void judge(struct torture_ledger *ledger, struct torture_entry *entry,
                  uint32_t *count, const char *what)
{
    if (!entry->judged) {
        entry->judged = true;
        ++*count;
        say(ledger, &entry->id, what);
    }
}

static bool is_torn(const struct torture_ledger *ledger,
                    const struct pirn_id *id)
{
    for (uint32_t i = 0; i < ledger->torn_count; i++) {
        if (memcmp(&ledger->torn_ids[i], id, sizeof(*id)) == 0) {
            return true;
        }
    }
    return false;
}

/* A number is stored once: two ids with its body are one item, twice. */
static void note_id(struct torture_ledger *ledger, struct torture_entry *entry,
                    const struct pirn_id *id)
{
    if (!entry->has_id) {
        entry->id = *id;
        entry->has_id = true;
        entry->judged = is_torn(ledger, id);
    } else if (memcmp(&entry->id, id, sizeof(*id)) != 0) {
        judge(ledger, entry, &ledger->doubled, "is there under another id");
    }
}

/* It was removed, and is met: allowed only to what a power cut undid. */
static void note_return(struct torture_ledger *ledger,
                        struct torture_entry *entry)
{
    uint64_t before_ns = ledger->cut_ns > entry->removed_ns
                             ? ledger->cut_ns - entry->removed_ns
                             : 0;

    if (ledger->cut_ns == 0 || entry->durable || before_ns > lazy_ns) {
        judge(ledger, entry, &ledger->doubled, "was removed, and is back");
    }
    ledger->returned++;
    ledger->returned_ns =
        before_ns > ledger->returned_ns ? before_ns : ledger->returned_ns;
    entry->removed_ns = 0;
}

/* Somebody else had it, and did not end it. */
static void inherit(struct torture_ledger *ledger, struct torture_entry *entry,
                    const struct torture_told *told)
{
    uint64_t killed_ns = ledger->killed_ns[entry->owner];

    if (killed_ns == 0 || killed_ns > told->at_ns) {
        judge(ledger, entry, &ledger->doubled, "is had by two at once");
        return;
    }
    uint64_t late_ns = told->at_ns - killed_ns;
    ledger->orphans++;
    ledger->late_ns = late_ns > ledger->late_ns ? late_ns : ledger->late_ns;
    histogram_add(&ledger->late, late_ns);
}

static void note_had(struct torture_ledger *ledger, struct torture_entry *entry,
                     const struct torture_told *told)
{
    if (entry->removed_ns != 0) {
        note_return(ledger, entry);
    }
    if (entry->owner != 0) {
        inherit(ledger, entry, told);
    }
    entry->owner = told->child;
    entry->may_be_gone = false;
}

static void note_found(struct torture_ledger *ledger,
                       struct torture_entry *entry)
{
    if (entry->removed_ns != 0) {
        note_return(ledger, entry);
    }
    if (entry->found) {
        judge(ledger, entry, &ledger->doubled, "is there twice");
    }
    entry->found = true;
    ledger->found++;
}

/* Who stored it may not have told of it yet. */
static void note_torn(struct torture_ledger *ledger, const struct pirn_id *id)
{
    for (uint32_t i = 0; i < ledger->items; i++) {
        struct torture_entry *entry = &ledger->entries[i];
        if (entry->has_id && memcmp(&entry->id, id, sizeof(*id)) == 0) {
            judge(ledger, entry, &ledger->torn, "is not what was stored");
            return;
        }
    }
    if (is_torn(ledger, id)) {
        return;
    }
    if (ledger->torn_count < TORTURE_TORN_MAX) {
        ledger->torn_ids[ledger->torn_count++] = *id;
    }
    ledger->torn++;
    say(ledger, id, "is not what anybody stored");
}

static void note_fault(struct torture_ledger *ledger,
                       const struct torture_told *told)
{
    ledger->faults++;
    if (ledger->said++ < TORTURE_SAID) {
        fprintf(stderr, "pirn-bench: torture: process %u: %s: %s\n",
                told->child, told->doing, strerror(-told->result));
    }
}

static void note_item(struct torture_ledger *ledger,
                      const struct torture_told *told)
{
    struct torture_entry *entry = entry_of(ledger, told->number);

    note_id(ledger, entry, &told->id);
    switch (told->what) {
    case TORTURE_ACKED:
        entry->acked = true;
        ledger->acked++;
        break;
    case TORTURE_HAD:
        note_had(ledger, entry, told);
        break;
    case TORTURE_FOUND:
        note_found(ledger, entry);
        break;
    case TORTURE_ENDING:
    case TORTURE_REMOVING:
        entry->owner = 0;
        entry->may_be_gone = told->what == TORTURE_REMOVING;
        break;
    case TORTURE_REMOVED:
        entry->removed_ns = told->at_ns;
        entry->durable = told->durable;
        ledger->removed++;
        break;
    default:
        pirn_assert_rule(false, "nobody tells this of an item");
    }
}

/* Without power every call may fail, and no read says anything. */
static bool is_powerless(const struct torture_ledger *ledger,
                         const struct torture_told *told)
{
    return (told->what == TORTURE_FAULT || told->what == TORTURE_TORN) &&
           told->child < ledger->cut_child && told->at_ns >= ledger->cut_ns;
}

void torture_ledger_note(struct torture_ledger *ledger,
                         const struct torture_told *told)
{
    pirn_assert(told->child < TORTURE_CHILDREN);
    if (is_powerless(ledger, told)) {
        return;
    }
    switch (told->what) {
    case TORTURE_OPENED:
        ledger->opened_ns = told->at_ns;
        ledger->open_ns =
            told->number > ledger->open_ns ? told->number : ledger->open_ns;
        break;
    case TORTURE_FULL:
        ledger->refused++;
        break;
    case TORTURE_TORN:
        note_torn(ledger, &told->id);
        break;
    case TORTURE_FAULT:
        note_fault(ledger, told);
        break;
    default:
        note_item(ledger, told);
    }
}

uint32_t torture_ledger_orphans(const struct torture_ledger *ledger)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ledger->items; i++) {
        uint32_t owner = ledger->entries[i].owner;
        count += owner != 0 && ledger->killed_ns[owner] != 0 ? 1 : 0;
    }
    return count;
}

void torture_ledger_end_life(struct torture_ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->items; i++) {
        ledger->entries[i].owner = 0;
        ledger->entries[i].found = false;
    }
    ledger->found = 0;
}

static bool is_owed(const struct torture_entry *entry)
{
    return entry->acked && entry->removed_ns == 0 && !entry->may_be_gone;
}

void torture_ledger_stock(struct torture_ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->items; i++) {
        struct torture_entry *entry = &ledger->entries[i];
        if (is_owed(entry) && !entry->found) {
            judge(ledger, entry, &ledger->lost,
                  "was acknowledged, and is not there");
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pirn_id));
}

static void check_ids(struct torture_ledger *ledger)
{
    struct pirn_id *ids = calloc(ledger->items + 1, sizeof(*ids));
    uint32_t count = 0;

    pirn_assert_rule(ids != NULL, "there is memory for the ids");
    for (uint32_t i = 0; i < ledger->items; i++) {
        if (ledger->entries[i].has_id) {
            ids[count++] = ledger->entries[i].id;
        }
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (uint32_t i = 1; i < count; i++) {
        if (compare_ids(&ids[i - 1], &ids[i]) == 0) {
            ledger->doubled++;
            say(ledger, &ids[i], "is the name of two");
        }
    }
    free(ids);
}

void torture_ledger_close(struct torture_ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->items; i++) {
        struct torture_entry *entry = &ledger->entries[i];
        if (is_owed(entry)) {
            judge(ledger, entry, &ledger->lost,
                  "was acknowledged, and cannot be had");
        }
        ledger->unsettled +=
            entry->acked && entry->removed_ns == 0 && entry->may_be_gone ? 1
                                                                         : 0;
    }
    check_ids(ledger);
}
