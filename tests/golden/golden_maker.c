/* SPDX-License-Identifier: MIT */
/*
 * golden_maker.c - golden_maker SPOOL log|file: one item of each kind, and die
 *
 * In `incoming' one is plain, one has fields, one an empty body, one a body
 * that the log keeps in a file, one the highest and one the lowest priority,
 * one is held, one is due in 2100, one has been due for long when anybody reads
 * it, one was changed and given back. In `second' is one that was moved, and
 * one that shares the body of another. One was removed. The process is killed
 * while it has two of them: one as it was, and one with new metadata.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/context.h>
#include <pirn/spool.h>

enum {
    PLAIN,
    FIELDS,
    EMPTY,
    LARGE,
    HIGH,
    LOW,
    HELD,
    LATER,
    DUE,
    GIVEN_BACK,
    MOVED,
    SHARED,
    REMOVED,
    HAD,
    HAD_CHANGED,
    KINDS
};

enum { LARGE_BYTES = 70000, SOON_NS = 1000000 };

/* 2100-01-01. */
#define FAR_NS UINT64_C(4102444800000000000)

struct maker {
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct pirn_id ids[KINDS];
    struct pirn_claim claims[KINDS];
    char bytes[256];
    struct pirn_fields fields;
};

static void must(int32_t result, int32_t wanted, const char *what)
{
    if (result != wanted) {
        fprintf(stderr, "golden_maker: %s: %d\n", what, result);
        exit(2);
    }
}

static void wait_for(struct maker *maker, struct pirn_op *op, int32_t wanted)
{
    must(pirn_wait(maker->context, op), wanted, "an operation");
}

/* Zeros between two words, which is little when it is written down. */
static uint32_t body_of(uint32_t kind, char *body)
{
    static const char end[] = "the end of it\n";

    if (kind == LARGE) {
        memset(body, 0, LARGE_BYTES);
        memcpy(body, "large\n", 6);
        memcpy(body + LARGE_BYTES - sizeof(end) + 1, end, sizeof(end) - 1);
        return LARGE_BYTES;
    }
    return kind == EMPTY ? 0 : (uint32_t)sprintf(body, "item %u\n", kind);
}

static void put(struct maker *maker, uint32_t kind)
{
    static char body[LARGE_BYTES];
    struct pirn_draft draft = {
        .priority = kind == HIGH  ? 7
                    : kind == LOW ? -8
                                  : 0,
        .held = kind == HELD,
        .due_ns = kind == LATER ? FAR_NS : 0,
    };

    if (kind == DUE) {
        draft.due_ns = pirn_context_realtime_ns(maker->context) + SOON_NS;
    }
    pirn_prep_enqueue(&draft, maker->spool, "incoming", body,
                      body_of(kind, body),
                      kind == FIELDS ? &maker->fields : NULL);
    wait_for(maker, &draft.op, 0);
    maker->ids[kind] = draft.id;
}

static struct pirn_claim *have(struct maker *maker, uint32_t kind)
{
    struct pirn_claim *claim = &maker->claims[kind];

    pirn_prep_claim_id(claim, maker->spool, &maker->ids[kind]);
    wait_for(maker, &claim->op, 1);
    return claim;
}

static void change_some(struct maker *maker)
{
    const struct pirn_change fields = {.what = PIRN_CHANGE_FIELDS,
                                       .fields = &maker->fields};
    const struct pirn_change move = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "second"};
    struct pirn_claim *claim = have(maker, GIVEN_BACK);

    pirn_prep_give_back_as(claim, &fields);
    wait_for(maker, &claim->op, 0);
    claim = have(maker, MOVED);
    pirn_prep_give_back_as(claim, &move);
    wait_for(maker, &claim->op, 0);
    claim = have(maker, REMOVED);
    pirn_prep_remove_durable(claim);
    wait_for(maker, &claim->op, 0);
    have(maker, HAD);
    claim = have(maker, HAD_CHANGED);
    pirn_prep_update(claim, &fields);
    wait_for(maker, &claim->op, 0);
}

/* Another item on the large body; else in the place of the small one. */
static void share(struct maker *maker)
{
    struct pirn_claim *of = have(maker, LARGE);
    struct pirn_draft draft = {0};

    pirn_prep_share(&draft, of, "second", &maker->fields);
    wait_for(maker, &draft.op, 0);
    maker->ids[SHARED] = draft.id;
    pirn_prep_give_back(of);
    wait_for(maker, &of->op, 0);
}

static void live(struct maker *maker, enum pirn_layout layout)
{
    maker->fields = (struct pirn_fields){.bytes = maker->bytes,
                                         .cap = sizeof(maker->bytes)};
    must(pirn_fields_add(&maker->fields, "from", "a@example.org"), 0, "field");
    must(pirn_fields_add(&maker->fields, "to", "b@example.org"), 0, "field");
    must(pirn_fields_add(&maker->fields, "to", "100 %\r\n\x7f"), 0, "field");
    must(pirn_fields_add(&maker->fields, "none", ""), 0, "field");
    must(pirn_spool_create_queue_as(maker->spool, "second", layout), 0,
         "queue");
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        if (kind != SHARED) {
            put(maker, kind);
        }
    }
    share(maker);
    change_some(maker);
}

int main(int argc, char **argv)
{
    static struct maker maker;

    if (argc != 3) {
        return 64;
    }
    bool is_log = strcmp(argv[2], "log") == 0;
    const struct pirn_spool_config config = {
        .path = argv[1],
        .create = true,
        .layout = is_log ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE,
        .without_log = !is_log,
        .log_slots = 256,
        .log_segments = 8,
        .log_segment_bytes = 144 * 1024,
    };
    if (pirn_context_create(NULL, &maker.context) < 0) {
        return 77;
    }
    must(pirn_spool_open(maker.context, &config, &maker.spool), 0, "open");
    live(&maker, config.layout);
    return raise(SIGKILL);
}
