/* SPDX-License-Identifier: MIT */
/*
 * spool_maker.c - spool_maker SPOOL COUNT log|file close|kill
 *
 * A spool with a past, whose queues have that layout. So many items are put,
 * and one in ten each is removed, changed, moved, held, delayed, given back, or
 * changed and removed; every 40th has a body that the log, too, keeps in a
 * file. Of files one item in twenty is shared, and of these each second one
 * removed. Then the spool is closed, or its only owner is killed while items
 * are on their way and others are his.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/context.h>
#include <pirn/spool.h>

enum { BODY_MAX = 80000, BODY_FILE = 70000, UNDERWAY = 8 };

/* 2100-01-01, which is not due. */
#define LATER UINT64_C(4102444800000000000)

struct maker {
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t count;
    struct pirn_id *ids;
    uint8_t body[BODY_MAX];
};

static void must(int32_t result, int32_t wanted, const char *what)
{
    if (result != wanted) {
        fprintf(stderr, "spool_maker: %s: %d\n", what, result);
        exit(result == -ENOENT ? 1 : 2);
    }
}

static uint32_t fill_body(struct maker *maker, uint32_t i)
{
    uint32_t bytes = i % 40 == 7 ? BODY_FILE + i : i * 131 % 9000;

    for (uint32_t at = 0; at < bytes; at++) {
        maker->body[at] = (uint8_t)(i * 7 + at * 13 + (at >> 8));
    }
    return bytes;
}

static void put(struct maker *maker, uint32_t i)
{
    char bytes[64];
    struct pirn_fields fields = {.bytes = bytes, .cap = sizeof(bytes)};
    struct pirn_draft draft = {
        .priority = (int8_t)(i % 16 - 8),
        .held = i % 23 == 0,
        .due_ns = i % 19 == 0 ? LATER : 0,
    };

    must(pirn_fields_add(&fields, "to", "b@example.org"), 0, "fields");
    pirn_prep_enqueue(&draft, maker->spool, i % 3 ? "incoming" : "second",
                      maker->body, fill_body(maker, i), i % 2 ? &fields : NULL);
    must(pirn_wait(maker->context, &draft.op), 0, "enqueue");
    maker->ids[i] = draft.id;
}

static struct pirn_change change_of(uint32_t way,
                                    const struct pirn_fields *fields)
{
    struct pirn_change change = {.fields = fields};

    switch (way) {
    case 2:
        change.what = PIRN_CHANGE_QUEUE;
        change.queue = "second";
        break;
    case 3:
        change.what = PIRN_CHANGE_HELD;
        change.held = true;
        break;
    case 4:
        change.what = PIRN_CHANGE_DUE | PIRN_CHANGE_PRIORITY;
        change.due_ns = LATER;
        change.priority = 3;
        break;
    default:
        change.what = PIRN_CHANGE_FIELDS;
        break;
    }
    return change;
}

static void change(struct maker *maker, uint32_t i)
{
    char bytes[64];
    struct pirn_fields fields = {.bytes = bytes, .cap = sizeof(bytes)};
    struct pirn_change change = change_of(i % 10, &fields);
    struct pirn_claim claim = {0};

    if (i % 10 > 6) {
        return;
    }
    must(pirn_fields_add(&fields, "seen", "yes"), 0, "fields");
    pirn_prep_claim_id(&claim, maker->spool, &maker->ids[i]);
    must(pirn_wait(maker->context, &claim.op), 1, "claim");
    if (i % 10 == 1 || i % 10 == 6) {
        pirn_prep_update(&claim, &change);
        must(pirn_wait(maker->context, &claim.op), 0, "update");
    }
    if (i % 10 == 0 || i % 10 == 6) {
        pirn_prep_remove(&claim);
    } else if (i % 10 == 5) {
        pirn_prep_give_back(&claim);
    } else {
        pirn_prep_give_back_as(&claim, &change);
    }
    must(pirn_wait(maker->context, &claim.op), 0, "end");
}

/* Another item on each body; every second time the first item goes. */
static void share(struct maker *maker, uint32_t i)
{
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    if (i % 20 != 18) {
        return;
    }
    pirn_prep_claim_id(&claim, maker->spool, &maker->ids[i]);
    must(pirn_wait(maker->context, &claim.op), 1, "claim");
    pirn_prep_share(&draft, &claim, "second", NULL);
    must(pirn_wait(maker->context, &draft.op), 0, "share");
    if (i % 40 == 18) {
        pirn_prep_remove(&claim);
    } else {
        pirn_prep_give_back(&claim);
    }
    must(pirn_wait(maker->context, &claim.op), 0, "end");
}

/* One more, removed: with it all tombstones before it are on the disk. */
static void settle(struct maker *maker)
{
    struct pirn_claim claim = {0};

    put(maker, 1);
    pirn_prep_claim_id(&claim, maker->spool, &maker->ids[1]);
    must(pirn_wait(maker->context, &claim.op), 1, "claim");
    pirn_prep_remove_durable(&claim);
    must(pirn_wait(maker->context, &claim.op), 0, "remove");
}

static void nothing(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* Killed with items on their way. */
static void die(struct maker *maker)
{
    static struct pirn_draft drafts[UNDERWAY];
    static struct pirn_claim claims[UNDERWAY];

    for (uint32_t i = 0; i < UNDERWAY; i++) {
        pirn_prep_claim(&claims[i], maker->spool, "incoming");
        must(pirn_wait(maker->context, &claims[i].op), 1, "claim");
    }
    for (uint32_t i = 0; i < UNDERWAY; i++) {
        pirn_prep_enqueue(&drafts[i], maker->spool, "second", maker->body,
                          fill_body(maker, i), NULL);
        pirn_start(maker->context, &drafts[i].op, nothing);
    }
    must(pirn_context_turn(maker->context, 0) < 0, 0, "turn");
    (void)raise(SIGKILL);
}

/* Its past. */
static void live(struct maker *maker, enum pirn_layout layout)
{
    must(pirn_spool_create_queue_as(maker->spool, "second", layout), 0,
         "queue");
    for (uint32_t i = 0; i < maker->count; i++) {
        put(maker, i);
    }
    for (uint32_t i = 0; i < maker->count; i++) {
        change(maker, i);
    }
    for (uint32_t i = 0; layout == PIRN_LAYOUT_FILE && i < maker->count; i++) {
        share(maker, i);
    }
    settle(maker);
}

int main(int argc, char **argv)
{
    static struct maker maker;

    if (argc != 5) {
        return 64;
    }
    bool is_log = strcmp(argv[3], "log") == 0;
    const struct pirn_spool_config config = {
        .path = argv[1],
        .create = true,
        .layout = is_log ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE,
        .without_log = !is_log,
        .log_slots = 4096,
        .log_segments = 16,
        .log_segment_bytes = 1024 * 1024,
    };
    maker.count = (uint32_t)strtoul(argv[2], NULL, 10);
    maker.ids = calloc(maker.count + 2, sizeof(*maker.ids));
    if (maker.ids == NULL || pirn_context_create(NULL, &maker.context) < 0) {
        return 77;
    }
    must(pirn_spool_open(maker.context, &config, &maker.spool), 0, "open");
    live(&maker, config.layout);
    if (strcmp(argv[4], "kill") == 0) {
        die(&maker);
    }
    pirn_spool_close(maker.spool);
    pirn_context_destroy(maker.context);
    free(maker.ids);
    return 0;
}
