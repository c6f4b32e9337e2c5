/* SPDX-License-Identifier: MIT */
/* spool_viewer.c - see spool_viewer.h */
#include "tests/sim/model/spool_viewer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"

static void begin(struct spool_viewer *viewer)
{
    struct check_spool *check = viewer->check;

    viewer->began_ns = check->world->now_ns;
    viewer->take = check_spool_take(check, viewer->process);
    for (uint32_t i = 0; i < CHECK_ITEMS; i++) {
        viewer->was_removed[i] = check_spool_is_gone(check, &check->items[i]);
        viewer->change[i] = check->items[i].change;
        viewer->met[i] = 0;
    }
}

static void end(struct spool_viewer *viewer)
{
    check_spool_took(viewer->check, viewer->process);
    viewer->done(viewer);
}

/* Whether nobody can have moved it. */
static bool must_be_met(const struct spool_viewer *viewer, uint32_t number)
{
    return check_spool_is_quiet(viewer->check, viewer->take) &&
           check_spool_must_meet(viewer->check, &viewer->check->items[number],
                                 viewer->began_ns);
}

static void check_seen(struct spool_viewer *viewer, uint32_t number)
{
    if (viewer->was_removed[number]) {
        world_fail(viewer->check->world, "item %u was removed, and is seen",
                   number);
    }
}

/* --- one --- */

static void view_ended(struct pirn_op *op, int32_t result)
{
    struct spool_viewer *viewer =
        pirn_container_of(op, struct spool_viewer, view.op);

    pirn_assert(result == 0);
    free(viewer->body);
    viewer->body = NULL;
    end(viewer);
}

static void end_view(struct spool_viewer *viewer)
{
    pirn_prep_view_end(&viewer->view);
    pirn_start(viewer->context, &viewer->view.op, view_ended);
}

static void read_on(struct spool_viewer *viewer);

/* Its body has not been found, before the first read of it. */
static bool may_be_away(const struct spool_viewer *viewer)
{
    const struct check_spool *check = viewer->check;
    uint32_t seen = check_change_number(&viewer->view.item);

    return !check_spool_must_be_there(&check->items[viewer->number]) ||
           (check->crosses && viewer->at == 0 &&
            check_change_may_cross(check, viewer->number, seen));
}

static void did_read(struct pirn_op *op, int32_t result)
{
    struct spool_viewer *viewer =
        pirn_container_of(op, struct spool_viewer, view.op);
    struct check_spool *check = viewer->check;
    const struct check_item *item = &check->items[viewer->number];

    if (result > 0) {
        viewer->at += (uint32_t)result;
        read_on(viewer);
        return;
    }
    if (result == 0 && check_spool_whose(check, viewer->body,
                                         (int32_t)viewer->at) != item->body) {
        world_fail(check->world, "the body of item %u is another's, or torn",
                   viewer->number);
    }
    if (!check_hurt_is_bad_body(check_hurt_how(check, viewer->number)) &&
        (result == -EBADMSG || (result == -ENOENT && !may_be_away(viewer)))) {
        world_fail(check->world, "the body of item %u is not to be read: %d",
                   viewer->number, result);
    }
    end_view(viewer);
}

static void read_on(struct spool_viewer *viewer)
{
    pirn_prep_view_read(&viewer->view, viewer->body + viewer->at,
                        viewer->size - viewer->at, viewer->at);
    pirn_start(viewer->context, &viewer->view.op, did_read);
}

/* What is held or delayed no claim of a queue has to find. */
static void check_rests(struct spool_viewer *viewer)
{
    struct check_item *item = &viewer->check->items[viewer->number];
    enum pirn_item_state state = viewer->view.item.state;

    item->found =
        item->found || state == PIRN_ITEM_HELD || state == PIRN_ITEM_DELAYED;
}

static void check_looked(struct spool_viewer *viewer, int32_t result)
{
    struct check_spool *check = viewer->check;
    const struct check_item *item = &check->items[viewer->number];
    enum check_hurt how = check_hurt_how(check, viewer->number);

    if (result == 0 && check_spool_is_adopted(&viewer->view.item)) {
        check_spool_adopted(check, &viewer->view.item);
    } else if (result == 0) {
        check_seen(viewer, viewer->number);
        if (memcmp(&viewer->view.item.id, &item->id, sizeof(item->id)) != 0 ||
            viewer->view.item.size_bytes != item->len) {
            world_fail(check->world, "who looked for item %u has seen another",
                       viewer->number);
        } else {
            check_change_seen(check, viewer->number, &viewer->view.item,
                              viewer->change[viewer->number]);
            check_rests(viewer);
        }
    }
    if (result == -ENOENT && !check_hurt_may_be_gone(check, viewer->number) &&
        must_be_met(viewer, viewer->number)) {
        world_fail(check->world, "item %u is there, and is not seen",
                   viewer->number);
    }
    if (result == -EBADMSG && !check_spool_unreadable(check, &item->id) &&
        !check_hurt_is_bad_meta(how)) {
        world_fail(check->world, "item %u is damaged, and could be read",
                   viewer->number);
    }
}

static void looked(struct pirn_op *op, int32_t result)
{
    struct spool_viewer *viewer =
        pirn_container_of(op, struct spool_viewer, view.op);

    check_looked(viewer, result);
    if (result < 0) {
        end(viewer);
        return;
    }
    if (check_spool_is_adopted(&viewer->view.item)) {
        end_view(viewer);
        return;
    }
    viewer->size = (uint32_t)viewer->view.item.size_bytes + 1;
    viewer->at = 0;
    viewer->body = malloc(viewer->size);
    if (viewer->body == NULL) {
        end_view(viewer);
        return;
    }
    read_on(viewer);
}

void spool_viewer_look(struct spool_viewer *viewer, uint32_t number)
{
    begin(viewer);
    viewer->number = number;
    world_note(viewer->check->world, "looks for: ", (int32_t)number);
    pirn_prep_look(&viewer->view, viewer->spool,
                   &viewer->check->items[number].id);
    pirn_start(viewer->context, &viewer->view.op, looked);
}

/* --- all --- */

static void list_ended(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    end(pirn_container_of(op, struct spool_viewer, listing.op));
}

static void end_listing(struct spool_viewer *viewer)
{
    pirn_prep_listing_end(&viewer->listing);
    pirn_start(viewer->context, &viewer->listing.op, list_ended);
}

static void check_met(struct spool_viewer *viewer)
{
    for (uint32_t i = 0; i < viewer->check->count; i++) {
        bool may_miss =
            check_hurt_may_be_gone(viewer->check, i) && viewer->met[i] == 0;

        if (viewer->met[i] != 1 && !may_miss && must_be_met(viewer, i)) {
            world_fail(viewer->check->world,
                       "item %u is there once, and is listed %u times", i,
                       viewer->met[i]);
        }
    }
}

static void next_page(struct pirn_op *op, int32_t result)
{
    struct spool_viewer *viewer =
        pirn_container_of(op, struct spool_viewer, listing.op);

    for (int32_t i = 0; i < result; i++) {
        const struct pirn_listed *listed = &viewer->listing.items[i];
        uint32_t number = check_spool_known(viewer->check, &listed->id);

        bool is_aside = viewer->check->is_checked &&
                        strcmp(listed->queue, "quarantine") == 0;

        if (is_aside && !check_spool_unreadable(viewer->check, &listed->id) &&
            !check_hurt_may_be_aside(viewer->check, &listed->id)) {
            continue; /* a body alone may have its item's id there */
        }
        if (number != UINT32_MAX) { /* else its maker is not told yet */
            viewer->met[number]++;
        }
        if (number != UINT32_MAX && !is_aside) {
            check_seen(viewer, number);
        }
    }
    if (result <= 0) {
        if (result == 0) {
            check_met(viewer);
        }
        end_listing(viewer);
        return;
    }
    pirn_prep_listing_next(&viewer->listing);
    pirn_start(viewer->context, op, next_page);
}

static void list_begun(struct pirn_op *op, int32_t result)
{
    struct spool_viewer *viewer =
        pirn_container_of(op, struct spool_viewer, listing.op);

    if (result < 0) {
        end(viewer);
        return;
    }
    pirn_prep_listing_next(&viewer->listing);
    pirn_start(viewer->context, op, next_page);
}

void spool_viewer_list(struct spool_viewer *viewer)
{
    begin(viewer);
    world_note(viewer->check->world, "lists", 0);
    pirn_prep_listing(&viewer->listing, viewer->spool, NULL);
    pirn_start(viewer->context, &viewer->listing.op, list_begun);
}
