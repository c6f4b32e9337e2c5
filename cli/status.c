/* SPDX-License-Identifier: MIT */
/*
 * status.c - how much is where: queues, owners, leftovers
 *
 * Two walks that others do not wait for: the counts of a busy spool are of
 * about the same time, not of one instant.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>

#include <pirn/draft.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/tool.h"
#include "cli/verb.h"

struct status {
    struct options options;
    struct tool tool;
    struct json json;
    struct pirn_status all;
};

struct count {
    uint64_t ready;
    uint64_t claimed;
    uint64_t delayed;
    uint64_t held;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct status *status = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &status->options);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: no argument is needed", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .parser = parse,
    .children = children,
    .doc = "Count the items of each queue, or of one, and what else is in the "
           "spool: bytes, owners (this command is one), items in the making, "
           "leftovers.",
};

static void count_one(struct count *count, enum pirn_item_state state)
{
    switch (state) {
    case PIRN_ITEM_READY:
        count->ready++;
        break;
    case PIRN_ITEM_CLAIMED:
        count->claimed++;
        break;
    case PIRN_ITEM_DELAYED:
        count->delayed++;
        break;
    case PIRN_ITEM_HELD:
        count->held++;
        break;
    }
}

static enum code count_queue(struct status *status, const char *queue,
                             struct count *ret_count)
{
    struct pirn_listing listing = {0};
    struct count count = {0};
    int32_t r;

    pirn_prep_listing(&listing, status->tool.spool, queue);
    r = pirn_wait(status->tool.context, &listing.op);
    while (r >= 0) {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(status->tool.context, &listing.op);
        if (r <= 0) {
            break;
        }
        for (int32_t i = 0; i < r; i++) {
            count_one(&count, listing.items[i].state);
        }
    }
    pirn_prep_listing_end(&listing);
    (void)pirn_wait(status->tool.context, &listing.op);
    if (r < 0) {
        return tool_say(&status->tool, THING_QUEUE, queue, r);
    }
    *ret_count = count;
    return CODE_DONE;
}

static void print_queue(struct status *status, const char *queue,
                        const struct count *count)
{
    if (!status->options.json) {
        printf("queue %s: %" PRIu64 " ready, %" PRIu64 " claimed, %" PRIu64
               " delayed, %" PRIu64 " held\n",
               queue, count->ready, count->claimed, count->delayed,
               count->held);
        return;
    }
    json_key(&status->json, queue);
    json_open(&status->json, '{');
    json_key(&status->json, "ready");
    json_number(&status->json, count->ready);
    json_key(&status->json, "claimed");
    json_number(&status->json, count->claimed);
    json_key(&status->json, "delayed");
    json_number(&status->json, count->delayed);
    json_key(&status->json, "held");
    json_number(&status->json, count->held);
    json_close(&status->json, '}');
}

static enum code print_queues(struct status *status)
{
    const char *only = status->options.queue;
    enum code code = CODE_DONE;
    struct count count;

    if (only != NULL) {
        code = count_queue(status, only, &count);
        if (code == CODE_DONE) {
            print_queue(status, only, &count);
        }
        return code;
    }
    for (uint32_t i = 0; code == CODE_DONE; i++) {
        const char *queue = pirn_spool_queue(status->tool.spool, i);

        if (queue == NULL) {
            break;
        }
        code = count_queue(status, queue, &count);
        if (code == CODE_DONE) {
            print_queue(status, queue, &count);
        }
    }
    return code;
}

static void print_all(struct status *status)
{
    const struct pirn_status *all = &status->all;
    const struct {
        const char *key;
        const char *says;
        uint64_t value;
    } rows[] = {
        {"ready", "items ready", all->ready},
        {"claimed", "items claimed", all->claimed},
        {"delayed", "items delayed", all->delayed},
        {"held", "items held", all->held},
        {"quarantined", "items set aside", all->quarantined},
        {"drafts", "being made or removed", all->drafts},
        {"leftovers", "leftovers of no item", all->leftovers},
        {"body_bytes", "bytes of bodies", all->body_bytes},
        {"owners", "owners, this one too", all->owners},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (status->options.json) {
            json_key(&status->json, rows[i].key);
            json_number(&status->json, rows[i].value);
        } else {
            printf("%12" PRIu64 "  %s\n", rows[i].value, rows[i].says);
        }
    }
}

/* Whether new items are let in, and how much of them. */
static void print_room(struct status *status)
{
    const struct pirn_status *all = &status->all;

    if (status->options.json) {
        json_key(&status->json, "refusing");
        json_bool(&status->json, all->is_refusing);
        json_key(&status->json, "log_refusing");
        json_bool(&status->json, all->log_is_refusing);
        if (all->room_bytes != UINT64_MAX) {
            json_key(&status->json, "room_bytes");
            json_number(&status->json, all->room_bytes);
        }
        if (all->room_inodes != UINT64_MAX) {
            json_key(&status->json, "room_inodes");
            json_number(&status->json, all->room_inodes);
        }
        return;
    }
    if (all->room_bytes != UINT64_MAX) {
        printf("%12" PRIu64 "  bytes of room for new items\n", all->room_bytes);
    }
    if (all->is_refusing) {
        printf("new items %sare refused: what is left of the file system is "
               "kept for changes and removals\n",
               all->log_is_refusing ? "" : "that need files of their own ");
    }
    if (all->is_refusing && !all->log_is_refusing) {
        printf("those of the log of up to %u bytes are let in while its "
               "segments have room\n",
               PIRN_DRAFT_MEMORY);
    }
}

static void print_owner_json(struct json *json,
                             const struct pirn_spool_owner *owner)
{
    char text[PRINT_TIME_TEXT];

    owner_print(owner, text);
    json_open(json, '{');
    json_key(json, "owner");
    json_text(json, text);
    json_key(json, "pid");
    json_number(json, owner->pid);
    print_time(owner->opened_ns, text);
    json_key(json, "since");
    json_text(json, text);
    json_key(json, "claims");
    json_number(json, owner->claims);
    json_key(json, "is_self");
    json_bool(json, owner->is_self);
    if (owner->lease_until_ns > 0) {
        print_time(owner->lease_until_ns, text);
        json_key(json, "lease_until");
        json_text(json, text);
    }
    json_close(json, '}');
}

static void print_owner(const struct pirn_spool_owner *owner)
{
    char name[OWNER_TEXT];
    char since[PRINT_TIME_TEXT];

    owner_print(owner, name);
    print_time(owner->opened_ns, since);
    printf("owner %s: process %" PRIu32 ", since %s, %" PRIu64 " claimed%s\n",
           name, owner->pid, since, owner->claims,
           owner->is_self ? ", this one" : "");
}

/* Whom one may have to fence out. */
static void print_owners(struct status *status,
                         const struct pirn_owners *owners)
{
    if (status->options.json) {
        json_key(&status->json, "owner_list");
        json_open(&status->json, '[');
    }
    for (uint32_t i = 0; i < owners->count; i++) {
        if (status->options.json) {
            print_owner_json(&status->json, &owners->owners[i]);
        } else {
            print_owner(&owners->owners[i]);
        }
    }
    if (status->options.json) {
        json_close(&status->json, ']');
    }
}

static enum code print(struct status *status, const struct pirn_owners *owners)
{
    enum code code;

    if (!status->options.json) {
        print_all(status);
        print_room(status);
        print_owners(status, owners);
        return print_queues(status);
    }
    json_open(&status->json, '{');
    json_key(&status->json, "spool");
    json_text(&status->json, status->tool.path);
    print_all(status);
    print_room(status);
    print_owners(status, owners);
    json_key(&status->json, "queues");
    json_open(&status->json, '{');
    code = print_queues(status);
    json_close(&status->json, '}');
    json_close(&status->json, '}');
    json_end(&status->json);
    return code;
}

/* The line is begun when all that can fail but the queues has been done. */
static enum code run(struct status *status)
{
    enum code code = tool_open(&status->tool, &status->options, false);
    struct pirn_owners owners = {0};
    int32_t r;

    if (code != CODE_DONE) {
        return code;
    }
    pirn_prep_status(&status->all, status->tool.spool);
    r = pirn_wait(status->tool.context, &status->all.op);
    if (r == 0) {
        pirn_prep_owners(&owners, status->tool.spool);
        r = pirn_wait(status->tool.context, &owners.op);
    }
    if (r < 0) {
        return tool_say(&status->tool, THING_SPOOL, status->tool.path, r);
    }
    code = print(status, &owners);
    pirn_owners_end(&owners);
    return code;
}

enum code verb_status(int argc, char **argv)
{
    struct status status = {.json = {stdout, false}};
    enum code code;

    argp_parse(&argp, argc, argv, 0, NULL, &status);
    options_settle(&status.options);
    code = run(&status);
    tool_close(&status.tool);
    return code;
}
