/* SPDX-License-Identifier: MIT */
/* spool_clearer.c - see spool_clearer.h */
#include "tests/sim/model/spool_clearer.h"

#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "spool/log/log.h"
#include "spool/spool.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_worker.h"

enum { ROUNDS = 4, LISTS_MAX = 8, IDS_MAX = 512 };

struct clearer {
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct pirn_id ids[IDS_MAX];
    uint32_t count;
};

/* What must succeed where nothing fails. */
static int32_t wait_for(struct clearer *clearer, struct pirn_op *op,
                        const char *what)
{
    int32_t r = pirn_wait(clearer->context, op);

    if (r < 0) {
        world_fail(clearer->check->world, "%s, in the calm: %d", what, r);
    }
    return r;
}

static void list(struct clearer *clearer)
{
    struct pirn_listing listing = {0};
    int32_t r;

    clearer->count = 0;
    pirn_prep_listing(&listing, clearer->spool, NULL);
    if (wait_for(clearer, &listing.op, "a listing") < 0) {
        return;
    }
    do {
        pirn_prep_listing_next(&listing);
        r = wait_for(clearer, &listing.op, "a page");
        for (int32_t i = 0; i < r && clearer->count < IDS_MAX; i++) {
            clearer->ids[clearer->count++] = listing.items[i].id;
        }
    } while (r > 0);
    pirn_prep_listing_end(&listing);
    (void)wait_for(clearer, &listing.op, "a listing's end");
}

static void remove_one(struct clearer *clearer, const struct pirn_id *id,
                       bool is_durable)
{
    struct pirn_claim claim = {0};

    pirn_prep_claim_id(&claim, clearer->spool, id);
    if (wait_for(clearer, &claim.op, "a claim") != 1) {
        return; /* somebody's, who is recovered later */
    }
    if (is_durable) {
        pirn_prep_remove_durable(&claim);
    } else {
        pirn_prep_remove(&claim);
    }
    (void)wait_for(clearer, &claim.op, "a removal");
}

static void remove_all(struct clearer *clearer)
{
    for (uint32_t i = 0; i < LISTS_MAX; i++) {
        list(clearer);
        for (uint32_t j = 0; j < clearer->count; j++) {
            remove_one(clearer, &clearer->ids[j], j % 2 == 0);
        }
        if (clearer->count == 0) {
            return;
        }
    }
    world_fail(clearer->check->world, "%u items do not go", clearer->count);
}

/* A retired segment is free with the round after next. */
static void make_rounds(struct clearer *clearer)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct pirn_draft draft = {0};

        pirn_prep_enqueue(&draft, clearer->spool, CHECK_QUEUE, "round", 5,
                          NULL);
        if (wait_for(clearer, &draft.op, "an enqueue") == 0) {
            remove_one(clearer, &draft.id, true);
        }
    }
}

static void check_slots(struct clearer *clearer)
{
    const struct pirn__catalogue *catalogue =
        &clearer->spool->log->index.catalogue;
    uint32_t used = pirn__catalogue_used(catalogue);

    for (uint32_t i = 0; i < used; i++) {
        struct pirn__word word = pirn__word_unpack(catalogue->slots[i].word);

        if (word.state != PIRN__FREE) {
            world_fail(clearer->check->world,
                       "slot %u is in state %d, and there is no item", i,
                       (int)word.state);
        }
    }
}

/* The one that is written just now is ours; others were left open. */
static void check_segments(struct clearer *clearer)
{
    const struct pirn__log *log = clearer->spool->log;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        struct pirn__segment_word word =
            pirn__segment_unpack(log->index.segments[i].word);
        enum pirn__segment_state state = word.state;

        if (state == PIRN__SEGMENT_MAKING &&
            word.owner == clearer->spool->slot) {
            continue; /* one ahead of need, in the background */
        }

        if (state != PIRN__SEGMENT_UNMADE && state != PIRN__SEGMENT_FREE &&
            state != PIRN__SEGMENT_ACTIVE && state != PIRN__SEGMENT_OPEN) {
            world_fail(clearer->check->world,
                       "segment %u is in state %d, and there is no item", i,
                       (int)state);
        }
    }
}

static bool open_spool(struct clearer *clearer)
{
    const struct pirn_spool_config config = {.path = WORKER_SPOOL,
                                             .index_dir = "."};
    int r = pirn_spool_open(clearer->context, &config, &clearer->spool);

    if (r < 0) {
        world_fail(clearer->check->world, "cannot open, in the calm: %d", r);
    }
    return r == 0;
}

void spool_clearer_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct clearer clearer = {.check = worker->check};

    clearer.context = process_context(worker->check->world);
    if (open_spool(&clearer)) {
        remove_all(&clearer);
        make_rounds(&clearer);
        check_slots(&clearer);
        check_segments(&clearer);
        pirn_spool_close(clearer.spool);
    }
    pirn_context_destroy(clearer.context);
}
