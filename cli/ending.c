/* SPDX-License-Identifier: MIT */
/*
 * ending.c - see ending.h
 *
 *   [look ->] claim -> remove, or give back changed [-> give back as it was]
 *
 * The look is before a change, and where a filter chooses: a claim that has to
 * be given back would count as an attempt. Between the two somebody may have
 * moved or changed the item: a filter is asked again when it is ours.
 *
 * Of those that nobody named, those are passed over that are so already: what
 * was changed goes elsewhere among the files, where the walk meets it again.
 */
#include "cli/ending.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#include "cli/json.h"
#include "cli/owner.h"

/* The item is not meant. */
enum { PASSED = 1 };

/* How one is given back that is none of ours, in the log. */
static const struct pirn_change untried = {.what = PIRN_CHANGE_UNTRIED};

void endings_init(struct endings *endings, struct tool *tool,
                  const struct pirn_change *change, const struct filter *filter,
                  bool tolerant)
{
    *endings = (struct endings){
        .tool = tool,
        .change = change,
        .filter = filter,
        .tolerant = tolerant,
    };
    for (int i = 0; i < ENDING_MAX; i++) {
        endings->ending[i].all = endings;
        endings->ending[i].next = endings->free;
        endings->free = &endings->ending[i];
    }
}

/* Who has one that cannot be had is asked for, which takes turns: not where an
 * op has just ended. */
static void missed(struct endings *endings, const struct pirn_id *id, int error)
{
    bool gone = error == -ENOENT;
    bool claimed = error == -EBUSY || error == -ESTALE;
    enum code code = CODE_DONE;

    endings->missing += gone;
    endings->claimed += claimed;
    if (!endings->tolerant || !(gone || claimed)) {
        code = error == -EBUSY ? owner_say_claimed(endings->tool, id)
                               : tool_say_item(endings->tool, id, error);
    }
    if (!gone && !claimed && endings->failed == CODE_DONE) {
        endings->failed = code;
    }
}

static void finished(struct ending *ending, int result)
{
    struct endings *all = ending->all;

    all->pending--;
    all->done += result == 0;
    if (result == -EBUSY) {
        ending->next = all->busy;
        all->busy = ending;
        return;
    }
    if (result < 0) {
        missed(all, &ending->id, result);
    }
    ending->next = all->free;
    all->free = ending;
}

static void tell_busy(struct endings *endings)
{
    while (endings->busy != NULL) {
        struct ending *ending = endings->busy;

        endings->busy = ending->next;
        missed(endings, &ending->id, -EBUSY);
        ending->next = endings->free;
        endings->free = ending;
    }
}

static void given_back(struct pirn_op *op, int32_t result)
{
    struct ending *ending = pirn_container_of(op, struct ending, claim.op);

    (void)result; /* where it fails, closing the spool gives the item back */
    finished(ending, ending->result);
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct ending *ending = pirn_container_of(op, struct ending, claim.op);
    bool has_it = result < 0 && result != -ESTALE;

    if (has_it && ending->all->change != NULL) {
        ending->result = result;
        pirn_prep_give_back(&ending->claim);
        pirn_start(ending->all->tool->context, op, given_back);
        return;
    }
    finished(ending, result);
}

static void passed(struct pirn_op *op, int32_t result)
{
    struct ending *ending = pirn_container_of(op, struct ending, claim.op);

    ending->result = PASSED;
    if (result < 0 && result != -ESTALE) { /* files know no such change */
        pirn_prep_give_back(&ending->claim);
        pirn_start(ending->all->tool->context, op, given_back);
        return;
    }
    finished(ending, PASSED);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct ending *ending = pirn_container_of(op, struct ending, claim.op);
    const struct pirn_change *change = ending->all->change;

    if (result <= 0) {
        finished(ending, result == 0 ? -EBUSY : result);
        return;
    }
    if (ending->all->filter != NULL &&
        !filter_matches_ours(ending->all->filter, &ending->claim.item)) {
        pirn_prep_give_back_as(&ending->claim, &untried);
        pirn_start(ending->all->tool->context, op, passed);
        return;
    }
    if (change != NULL) {
        pirn_prep_give_back_as(&ending->claim, change);
    } else {
        pirn_prep_remove_durable(&ending->claim);
    }
    pirn_start(ending->all->tool->context, op, ended);
}

static enum code ring_failed(struct endings *endings, int error)
{
    endings->failed =
        tool_say(endings->tool, THING_SPOOL, endings->tool->path, error);
    return endings->failed;
}

/* Whether a change of its queue, or else of its state, would change nothing. */
static bool is_so(const struct pirn_change *change,
                  const struct pirn_item *item)
{
    if (change->what & PIRN_CHANGE_QUEUE) {
        return strcmp(change->queue, item->queue) == 0;
    }
    return item->state == (change->held ? PIRN_ITEM_HELD : PIRN_ITEM_READY);
}

static bool is_meant(const struct endings *endings,
                     const struct pirn_item *item)
{
    if (endings->filter != NULL && !filter_matches(endings->filter, item)) {
        return false;
    }
    return !endings->tolerant || endings->change == NULL ||
           !is_so(endings->change, item);
}

/* 0: it may be claimed, and what is to be done can be; PASSED; or an errno. */
static int look(struct endings *endings, const struct pirn_id *id)
{
    struct tool *tool = endings->tool;
    struct pirn_view view = {0};

    pirn_prep_look(&view, tool->spool, id);
    int r = pirn_wait(tool->context, &view.op);
    if (r < 0) {
        return r;
    }
    bool claimed = view.item.state == PIRN_ITEM_CLAIMED;
    bool meant = is_meant(endings, &view.item);
    pirn_prep_view_end(&view);
    (void)pirn_wait(tool->context, &view.op);
    if (!meant) {
        return PASSED;
    }
    return claimed && !endings->seizes ? -EBUSY : 0;
}

static void claim(struct endings *endings, const struct pirn_id *id)
{
    struct ending *ending = endings->free;

    pirn_assert(ending != NULL);
    endings->free = ending->next;
    endings->pending++;
    ending->id = *id;
    if (endings->seizes) {
        pirn_prep_seize(&ending->claim, endings->tool->spool, id);
    } else {
        pirn_prep_claim_id(&ending->claim, endings->tool->spool, id);
    }
    pirn_start(endings->tool->context, &ending->claim.op, claimed);
}

enum code endings_add(struct endings *endings, const struct pirn_id *id)
{
    int r = tool_turn_until(endings->tool, &endings->pending, ENDING_MAX);

    if (r < 0) {
        return ring_failed(endings, r);
    }
    tell_busy(endings);
    if (endings->failed != CODE_DONE) {
        return endings->failed;
    }
    r = endings->change != NULL || endings->filter != NULL ? look(endings, id)
                                                           : 0;
    if (r < 0) {
        missed(endings, id, r);
    } else if (r != PASSED) {
        claim(endings, id);
    }
    return endings->failed;
}

enum code endings_look(struct endings *endings, const struct pirn_id *id)
{
    int r = look(endings, id);

    endings->done += r == 0;
    if (r < 0) {
        missed(endings, id, r);
    }
    return endings->failed;
}

enum code endings_finish(struct endings *endings)
{
    int r = tool_turn_until(endings->tool, &endings->pending, 1);

    if (r < 0) {
        return ring_failed(endings, r);
    }
    tell_busy(endings);
    if (endings->failed != CODE_DONE) {
        return endings->failed;
    }
    if (endings->claimed > 0) {
        return CODE_TRY_LATER;
    }
    return endings->missing > 0 ? CODE_NOT_THERE : CODE_DONE;
}

void endings_report(const struct endings *endings, const char *done,
                    const char *would, bool as_json)
{
    struct json json = {stdout, false};

    if (!as_json) {
        printf("%s%" PRIu64 " %s", would != NULL ? "would be: " : "",
               endings->done, done);
        if (endings->claimed > 0) {
            printf(", %" PRIu64 " claimed by somebody", endings->claimed);
        }
        putchar('\n');
        return;
    }
    json_open(&json, '{');
    json_key(&json, would != NULL ? would : done);
    json_number(&json, endings->done);
    json_key(&json, "claimed");
    json_number(&json, endings->claimed);
    json_key(&json, "missing");
    json_number(&json, endings->missing);
    json_close(&json, '}');
    json_end(&json);
}
