/* SPDX-License-Identifier: MIT */
/* check.c - see check.h; all of it through the public headers */
#include "crash/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/context.h>
#include <pirn/spool.h>

enum {
    CLAIMS_MAX = 2048,
    /* Of a log that is made here: as small as that of work.c. */
    SLOTS = 1024,
    SEGMENTS = 12,
    SEGMENT_BYTES = 144 * 1024,
};

struct check {
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct ledger *ledger;
    uint64_t position;
    uint32_t complaints;
    uint32_t husks;
    uint32_t ready[TOLD_QUEUES];
    uint8_t body[TOLD_BODY_MAX + 1];
};

static void complain(struct check *check, const char *what,
                     const struct pirn_id *id, uint64_t number, int32_t result)
{
    char text[PIRN_ID_TEXT] = "";

    check->complaints++;
    if (id != NULL) {
        pirn_id_format(id, text);
    }
    printf("  item %" PRIx64 " %s: %s", number, text, what);
    if (result != 0) {
        printf(": %s", strerror(-result));
    }
    printf("\n");
}

static void call_failed(struct check *check, const char *what, int32_t result)
{
    check->complaints++;
    printf("  %s: %s\n", what, result < 0 ? strerror(-result) : "no item");
}

/* ---- opening ---- */

static int open_spool(struct check *check, const char *path,
                      const char *index_dir)
{
    const struct pirn_spool_config config = {
        .path = path,
        .create = check->position < check->ledger->made,
        .layout = PIRN_LAYOUT_LOG,
        .log_slots = SLOTS,
        .log_segments = SEGMENTS,
        .log_segment_bytes = SEGMENT_BYTES,
        .index_dir = index_dir,
    };
    int r = pirn_context_create(NULL, &check->context);

    if (r == 0) {
        r = pirn_spool_open(check->context, &config, &check->spool);
    }
    for (uint32_t i = 0; i < TOLD_QUEUES && r == 0 && config.create; i++) {
        r = pirn_spool_create_queue_as(check->spool, told_queues[i],
                                       i == TOLD_PAPER ? PIRN_LAYOUT_FILE
                                                       : PIRN_LAYOUT_LOG);
    }
    return r;
}

/* ---- what there is ---- */

static int32_t read_body(struct check *check, struct pirn_view *view)
{
    uint64_t have = 0;
    int32_t r = 1;

    while (r > 0) {
        pirn_prep_view_read(view, check->body + have,
                            (uint32_t)(sizeof(check->body) - have), have);
        r = pirn_wait(check->context, &view->op);
        have += r > 0 ? (uint64_t)r : 0;
    }
    return r < 0 ? r : (int32_t)have;
}

static uint32_t queue_of(const char *name)
{
    uint32_t queue = 0;

    while (queue < TOLD_QUEUES && strcmp(told_queues[queue], name) != 0) {
        queue++;
    }
    return queue;
}

/* What is left of a removal, set aside? Then it is counted. */
static bool is_husk(struct check *check, const struct pirn_item *item,
                    int32_t result)
{
    if (result != -ENOENT || queue_of(item->queue) != TOLD_QUEUES ||
        !ledger_leaves(check->ledger, check->position, &item->id)) {
        return false;
    }
    check->husks++;
    return true;
}

/* Whether it is an item. */
static bool check_view(struct check *check, struct pirn_view *view)
{
    const struct pirn_item *item = &view->item;
    const char *turn = pirn_fields_get(&item->fields, TOLD_FIELD);
    int32_t r = read_body(check, view);

    if (is_husk(check, item, r)) {
        return false;
    }
    if (r < 0) {
        complain(check, "its body cannot be read", &item->id, 0, r);
        return true;
    }
    struct ledger_found found = {
        .number = told_number(check->body, (uint64_t)r),
        .item = item,
        .turn = turn != NULL ? strtoull(turn, NULL, 10) : 0,
    };
    const char *wrong =
        found.number == 0 ? "its body is none that was put"
                          : ledger_find(check->ledger, check->position, &found);
    if (wrong != NULL && queue_of(item->queue) == TOLD_PAPER &&
        ledger_leaves(check->ledger, check->position, &item->id)) {
        check->husks++;
    } else if (wrong != NULL) {
        complain(check, wrong, &item->id, found.number, 0);
    }
    return true;
}

static void check_listed(struct check *check, const struct pirn_listed *listed)
{
    struct pirn_view view = {0};

    pirn_prep_look(&view, check->spool, &listed->id);
    int32_t r = pirn_wait(check->context, &view.op);
    if (r < 0) {
        complain(check, "is listed, and cannot be looked at", &listed->id, 0,
                 r);
        return;
    }
    bool is_item = check_view(check, &view);
    pirn_prep_view_end(&view);
    (void)pirn_wait(check->context, &view.op);
    uint32_t queue = queue_of(listed->queue);
    if (!is_item) {
        return;
    }
    if (queue == TOLD_QUEUES) {
        complain(check, "is set aside", &listed->id, 0, 0);
    } else {
        check->ready[queue] += listed->state == PIRN_ITEM_READY ? 1 : 0;
    }
}

static void check_listing(struct check *check)
{
    struct pirn_listing listing = {0};

    pirn_prep_listing(&listing, check->spool, NULL);
    int32_t r = pirn_wait(check->context, &listing.op);
    for (r = r < 0 ? r : 1; r > 0;) {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(check->context, &listing.op);
        for (int32_t i = 0; i < r; i++) {
            check_listed(check, &listing.items[i]);
        }
    }
    if (r < 0) {
        call_failed(check, "listing", r);
    }
    pirn_prep_listing_end(&listing);
    (void)pirn_wait(check->context, &listing.op);
}

static void check_missing(struct check *check)
{
    struct pirn_id id;
    uint64_t number;

    for (uint32_t at = 0;
         (number = ledger_missing(check->ledger, check->position, &at, &id)) !=
         0;
         at++) {
        complain(check, "was acknowledged, and is lost", &id, number, 0);
    }
}

/* ---- using it ---- */

static int32_t claim(struct check *check, struct pirn_claim *claim,
                     const char *queue)
{
    *claim = (struct pirn_claim){0};
    pirn_prep_claim(claim, check->spool, queue);
    return pirn_wait(check->context, &claim->op);
}

/* All that is ready can be had, and then no more. Each look for a file walks
 * through all directories, so of files two have to do, mostly. */
static uint32_t claims_most(const struct check *check, uint32_t queue)
{
    uint32_t ready = check->ready[queue];

    if (queue != TOLD_PAPER) {
        return CLAIMS_MAX;
    }
    return check->position % 8 == 0 || ready < 2 ? ready : 2;
}

static void check_claims(struct check *check, uint32_t queue)
{
    struct pirn_claim *claims = calloc(CLAIMS_MAX, sizeof(*claims));
    uint32_t most = claims_most(check, queue);
    uint32_t count = 0;
    int32_t r = 1;

    while (r == 1 && count < most) {
        r = claim(check, &claims[count], told_queues[queue]);
        count += r == 1 ? 1 : 0;
    }
    if (r < 0) {
        call_failed(check, "claim", r);
    } else if (count < most && count != check->ready[queue]) {
        check->complaints++;
        printf("  %u items of %s are listed as ready, %u can be had\n",
               check->ready[queue], told_queues[queue], count);
    }
    for (uint32_t i = 0; i < count; i++) {
        pirn_prep_give_back(&claims[i]);
        r = pirn_wait(check->context, &claims[i].op);
        if (r < 0) {
            call_failed(check, "give back", r);
        }
    }
    free(claims);
}

/* One comes in, is had by its id, and goes. */
static void check_use(struct check *check, const char *queue)
{
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    pirn_prep_enqueue(&draft, check->spool, queue, "after", 5, NULL);
    int32_t r = pirn_wait(check->context, &draft.op);
    if (r < 0) {
        call_failed(check, "enqueue", r);
        return;
    }
    pirn_prep_claim_id(&claim, check->spool, &draft.id);
    r = pirn_wait(check->context, &claim.op);
    if (r != 1) {
        call_failed(check, "claim of what was put", r);
        return;
    }
    pirn_prep_claim_read(&claim, check->body, sizeof(check->body), 0);
    r = pirn_wait(check->context, &claim.op);
    if (r != 5 || memcmp(check->body, "after", 5) != 0) {
        call_failed(check, "read of what was put", r);
    }
    pirn_prep_remove_durable(&claim);
    r = pirn_wait(check->context, &claim.op);
    if (r < 0) {
        call_failed(check, "removal", r);
    }
}

uint32_t check_spool(const char *path, const char *index_dir,
                     struct ledger *ledger, uint64_t position,
                     uint32_t *ret_husks)
{
    struct check *check = calloc(1, sizeof(*check));

    *check = (struct check){.ledger = ledger, .position = position};
    ledger_fresh(ledger);
    int r = open_spool(check, path, index_dir);
    if (r < 0) {
        call_failed(check, "open", r);
    } else {
        check_listing(check);
        check_missing(check);
        for (uint32_t i = 0; i < TOLD_QUEUES; i++) {
            check_claims(check, i);
        }
        check_use(check, told_queues[0]);
        check_use(check, told_queues[TOLD_PAPER]);
    }
    pirn_spool_close(check->spool);
    if (check->context != NULL) {
        pirn_context_destroy(check->context);
    }
    uint32_t complaints = check->complaints;
    *ret_husks = check->husks;
    free(check);
    return complaints;
}
