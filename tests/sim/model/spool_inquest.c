/* SPDX-License-Identifier: MIT */
/* spool_inquest.c - see spool_inquest.h */
#include "tests/sim/model/spool_inquest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_checker.h"
#include "tests/sim/model/spool_remains.h"
#include "tests/sim/model/spool_worker.h"

/* What becomes ready moves, and is met by the next check. */
enum { BODY_MAX = 128 * 1024, TRIES = 3, ASIDE_MAX = 256 };

/* What is set aside, and as what. */
#define ASIDE "quarantine"

struct inquest {
    struct spool_checking checking;
    bool is_aside[CHECK_ITEMS]; /* quarantine has it, or a copy of it */
    uint32_t count;             /* of what quarantine has */
    struct pirn_id aside[ASIDE_MAX];
    uint8_t body[BODY_MAX];
};

static int32_t wait_for(struct inquest *inquest, struct pirn_op *op,
                        const char *what)
{
    int32_t r = pirn_wait(inquest->checking.context, op);

    if (r < 0) {
        world_fail(inquest->checking.check->world, "%s, in the calm: %d", what,
                   r);
    }
    return r;
}

static void list_aside(struct inquest *inquest)
{
    struct pirn_listing listing = {0};
    int32_t r;

    inquest->count = 0;
    pirn_prep_listing(&listing, inquest->checking.spool, ASIDE);
    if (wait_for(inquest, &listing.op, "a listing") < 0) {
        return;
    }
    do {
        pirn_prep_listing_next(&listing);
        r = wait_for(inquest, &listing.op, "a page");
        for (int32_t i = 0; i < r; i++) {
            pirn_assert(inquest->count < ASIDE_MAX);
            inquest->aside[inquest->count++] = listing.items[i].id;
        }
    } while (r > 0);
    pirn_prep_listing_end(&listing);
    (void)wait_for(inquest, &listing.op, "a listing's end");
}

static bool is_told(const struct inquest *inquest, const struct pirn_id *id)
{
    const struct spool_checking *checking = &inquest->checking;

    for (uint32_t i = 0; i < checking->count; i++) {
        const struct pirn_finding *finding = &checking->found[i];
        if (finding->has_id && memcmp(&finding->id, id, sizeof(*id)) == 0) {
            return true;
        }
    }
    return false;
}

/* 0, or an errno. */
static int32_t read_body(struct inquest *inquest, struct pirn_view *view,
                         uint32_t *ret_len)
{
    uint32_t at = 0;
    int32_t r;

    do {
        pirn_prep_view_read(view, inquest->body + at, BODY_MAX - at, at);
        r = pirn_wait(inquest->checking.context, &view->op);
        at += r > 0 ? (uint32_t)r : 0;
    } while (r > 0 && at < BODY_MAX);
    *ret_len = at;
    return r;
}

static void end_view(struct inquest *inquest, struct pirn_view *view)
{
    pirn_prep_view_end(view);
    (void)wait_for(inquest, &view->op, "a view's end");
}

/* Whether all of its body, and no other's, can be read. */
static bool reads(struct inquest *inquest, struct pirn_view *view,
                  uint32_t number)
{
    const struct check_spool *check = inquest->checking.check;
    uint32_t len;
    int32_t r = read_body(inquest, view, &len);

    if (r == 0 && check_spool_whose(check, inquest->body, (int32_t)len) !=
                      check->items[number].body) {
        world_fail(check->world, "the body of item %u is another's, or torn",
                   number);
    }
    return r == 0;
}

/* Whose copy it is. */
static uint32_t copy_of(struct inquest *inquest, const struct pirn_id *id)
{
    const struct check_spool *check = inquest->checking.check;
    struct pirn_view view = {0};
    uint32_t number = UINT32_MAX;
    uint32_t len;

    pirn_prep_look(&view, inquest->checking.spool, id);
    if (pirn_wait(inquest->checking.context, &view.op) < 0) {
        return UINT32_MAX; /* metadata that are damaged are set aside, too */
    }
    if (read_body(inquest, &view, &len) == 0) {
        number = check_hurt_copy(check, &view.item, inquest->body, len);
    }
    end_view(inquest, &view);
    return number;
}

static void note_aside(struct inquest *inquest)
{
    const struct check_spool *check = inquest->checking.check;

    memset(inquest->is_aside, 0, sizeof(inquest->is_aside));
    for (uint32_t i = 0; i < inquest->count; i++) {
        const struct pirn_id *id = &inquest->aside[i];
        uint32_t number = check_spool_known(check, id);

        number = number == UINT32_MAX ? copy_of(inquest, id) : number;
        if (number != UINT32_MAX) {
            inquest->is_aside[number] = true;
        }
    }
}

/* Who looks for it finds it whole, where it belongs. */
static bool is_whole(struct inquest *inquest, uint32_t number)
{
    const struct check_spool *check = inquest->checking.check;
    struct pirn_view view = {0};

    pirn_prep_look(&view, inquest->checking.spool, &check->items[number].id);
    if (pirn_wait(inquest->checking.context, &view.op) < 0) {
        return false;
    }
    bool whole =
        reads(inquest, &view, number) && strcmp(view.item.queue, ASIDE) != 0;
    end_view(inquest, &view);
    return whole;
}

/* A body alone is told when it has stood there for the grace time, by a clock
 * that may have gone back since it came. */
static bool may_be_untold(const struct check_spool *check, uint32_t number)
{
    return check_hurt_how(check, number) == CHECK_HURT_NAME &&
           check->world->faults.happened[FAULT_CLOCK] > 0;
}

static void check_items(struct inquest *inquest, const char *when)
{
    struct check_spool *check = inquest->checking.check;

    list_aside(inquest);
    note_aside(inquest);
    for (uint32_t i = 0; i < check->count; i++) {
        if (check_hurt_how(check, i) != CHECK_UNHURT &&
            check_spool_must_be_there(&check->items[i]) &&
            !may_be_untold(check, i) && !inquest->is_aside[i] &&
            !is_told(inquest, &check->items[i].id) && !is_whole(inquest, i)) {
            world_fail(check->world,
                       "item %u, damaged so: %d, is not whole, not set aside "
                       "and not told, %s",
                       i, (int)check_hurt_how(check, i), when);
        }
    }
}

static void look(struct inquest *inquest, bool repair)
{
    struct spool_checking *checking = &inquest->checking;

    checking->config.repair = repair;
    spool_checking_run(checking);
    if (checking->result < 0) {
        world_fail(checking->check->world, "a check, in the calm: %d",
                   checking->result);
    }
}

static void hold(struct inquest *inquest)
{
    struct spool_checking *checking = &inquest->checking;

    look(inquest, false);
    check_items(inquest, "before it is mended");
    for (uint32_t i = 0; i < TRIES && (i == 0 || checking->count > 0); i++) {
        look(inquest, true);
        look(inquest, false);
    }
    if (checking->count > 0) {
        world_fail(checking->check->world, "mended, and found: %s at %s",
                   pirn_fault_name(checking->found[0].fault),
                   checking->found[0].path);
    }
    check_items(inquest, "when all was mended");
    spool_remains_check(checking->check);
}

void spool_inquest_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct inquest *inquest = calloc(1, sizeof(*inquest));
    struct spool_checking *checking = &inquest->checking;

    checking->check = worker->check;
    checking->is_sound = worker->check->is_sound;
    checking->config.grace_ns = 1;
    checking->config.deep = true;
    checking->context = process_context(worker->check->world);
    if (spool_worker_open(worker, checking->context, &checking->spool)) {
        hold(inquest);
        pirn_spool_close(checking->spool);
    }
    pirn_context_destroy(checking->context);
    free(inquest);
}
