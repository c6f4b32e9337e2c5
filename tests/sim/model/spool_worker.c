/* SPDX-License-Identifier: MIT */
/* spool_worker.c - see spool_worker.h */
#include "tests/sim/model/spool_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/spool_desk.h"

enum {
    PIECE_MAX = 1024, /* that is read at once, or half of what is left */
    LOOKS = 6,        /* one action in so many */
    QUEUE_IS_EMPTY_NS = 100000000,
};

/* Where what could not be read is set aside. */
#define ASIDE "quarantine"

void spool_desk_finish(struct desk *desk)
{
    free(desk->body);
    desk->body = NULL;
    spool_desk_next(desk);
}

/* --- take --- */

static void removed(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, claim.op);

    check_spool_removed(desk->office->check, desk_process(desk), desk->mark,
                        desk->number, desk->is_durable, result);
    check_spool_took(desk->office->check, desk_process(desk));
    spool_desk_finish(desk);
}

/* A give-back that failed leaves it with us until the spool is closed. */
static void given_back(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, claim.op);

    if (desk->number != UINT32_MAX) {
        check_spool_given_back(desk->office->check, desk_process(desk),
                               desk->mark, desk->number, result);
    }
    check_spool_took(desk->office->check, desk_process(desk));
    spool_desk_finish(desk);
}

/* Its body could not be read: nobody says whose it is but its id. */
static void end_unread(struct desk *desk)
{
    struct office *office = desk->office;

    desk->number = check_spool_known(office->check, &desk->claim.item.id);
    if (desk->number != UINT32_MAX) {
        check_spool_giving_back(office->check, desk_process(desk), desk->mark,
                                desk->number);
    }
    pirn_prep_give_back(&desk->claim);
    pirn_start(office->context, &desk->claim.op, given_back);
}

static void give_back(struct desk *desk)
{
    check_spool_giving_back(desk->office->check, desk_process(desk), desk->mark,
                            desk->number);
    pirn_prep_give_back(&desk->claim);
    pirn_start(desk->office->context, &desk->claim.op, given_back);
}

static void remove_it(struct desk *desk, bool is_durable)
{
    desk->is_durable = is_durable;
    check_spool_removing(desk->office->check, desk->number);
    if (is_durable) {
        pirn_prep_remove_durable(&desk->claim);
    } else {
        pirn_prep_remove(&desk->claim);
    }
    pirn_start(desk->office->context, &desk->claim.op, removed);
}

/* --- change --- */

/* Of files: refused, and perhaps done; the item says which, where it can. Of a
 * move to the other layout that stopped half way recovery knows. */
static void change_ended(struct desk *desk, int32_t result)
{
    struct check_spool *check = desk->office->check;
    bool is_half = desk->office->worker->crosses && result == -ESTALE;
    bool is_unsure =
        is_half || (result < 0 && !check->is_log &&
                    (result == -EIO || check_change_number(&desk->claim.item) ==
                                           desk->change.number));

    if (is_unsure) {
        check_change_unsure(check, desk->change.number);
    } else {
        check_change_ended(check, desk->change.number, result);
    }
}

static void updated(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, claim.op);
    struct check_spool *check = desk->office->check;

    change_ended(desk, result);
    if (result == -ESTALE) { /* the claim has ended */
        check_spool_giving_back(check, desk_process(desk), desk->mark,
                                desk->number);
        given_back(op, result);
        return;
    }
    if (result == 0) {
        check_change_seen(check, desk->number, &desk->claim.item,
                          desk->change.number);
        if (desk->claim.item.version <= desk->version) {
            world_fail(check->world, "version %u of item %u was begun before",
                       desk->claim.item.version, desk->number);
        }
        desk->version = desk->claim.item.version;
    } else {
        desk->version++; /* it is spent */
    }
    spool_desk_end_claim(desk);
}

static void given_back_as(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, claim.op);
    struct check_spool *check = desk->office->check;

    change_ended(desk, result);
    if (result == 0 || result == -ESTALE) {
        /* A move that stopped half way is nobody's until we close. */
        bool is_half = desk->office->worker->crosses && result == -ESTALE;
        given_back(op, is_half ? -EIO : result);
        return;
    }
    if (check->items[desk->number].holder != 0) {
        world_fail(check->world, "item %u was had by two", desk->number);
    }
    check->items[desk->number].holder = desk_process(desk);
    check->items[desk->number].mark = desk->mark;
    give_back(desk);
}

static void change(struct desk *desk, bool goes_on)
{
    struct office *office = desk->office;

    if (desk->letter == 0) {
        bool moves = office->has_other && !(goes_on && office->worker->crosses);
        spool_change_draw(&desk->change, office->check->world, desk_rng(desk),
                          moves);
    } else {
        spool_change_set(&desk->change, desk->letter == 'h');
        spool_change_place(&desk->change, office->check->world, desk->letter);
    }
    spool_change_begin(&desk->change, office->check, desk_process(desk),
                       desk->number, &desk->claim.item);
    if (goes_on) {
        pirn_prep_update(&desk->claim, &desk->change.change);
        pirn_start(office->context, &desk->claim.op, updated);
        return;
    }
    check_spool_giving_back(office->check, desk_process(desk), desk->mark,
                            desk->number);
    pirn_prep_give_back_as(&desk->claim, &desk->change.change);
    pirn_start(office->context, &desk->claim.op, given_back_as);
}

/* What is next for an item that it has: by its letter or dice. */
static char next_of(struct desk *desk)
{
    static const char all[] = "ttddgghhuu";
    bool has_room = check_change_has_room(desk->office->check);
    char letter = desk->letter;

    if (letter == 0) {
        letter = all[rng_below(desk_rng(desk), has_room ? 10 : 6)];
    } else if (letter == 'u' || letter == 's') {
        desk->letter = letter == 'u' ? 'g' : 't'; /* updated once */
        letter = 'u';
    }
    return letter;
}

static void end_as(struct desk *desk, char letter)
{
    switch (letter) {
    case 't':
        remove_it(desk, false);
        break;
    case 'd':
        remove_it(desk, true);
        break;
    case 'h':
    case 'l':
    case 'm':
        change(desk, false);
        break;
    case 'u':
        change(desk, true);
        break;
    default:
        give_back(desk);
        break;
    }
}

void spool_desk_end_claim(struct desk *desk)
{
    if (spool_desk_shares(desk)) {
        spool_desk_share(desk);
        return;
    }
    end_as(desk, next_of(desk));
}

/* A body that had no item, or a copy of what was damaged: who takes stock keeps
 * it, as all else. */
static void end_adopted(struct desk *desk)
{
    if (desk->office->worker->takes_all) {
        spool_desk_finish(desk);
        return;
    }
    pirn_prep_give_back(&desk->claim);
    pirn_start(desk->office->context, &desk->claim.op, given_back);
}

/* Whether somebody else may have its item by now. */
static bool is_lost(struct desk *desk)
{
    return check_fence_may_lose(desk->office->check, desk_process(desk),
                                desk->mark);
}

static void read_on(struct desk *desk);

static void read_done(struct desk *desk)
{
    struct office *office = desk->office;

    if (is_lost(desk)) { /* what it has read says nothing */
        end_unread(desk);
        return;
    }
    if (check_spool_is_adopted(&desk->claim.item)) {
        desk->number = UINT32_MAX;
        check_spool_adopted(office->check, &desk->claim.item);
        end_adopted(desk);
        return;
    }
    if (check_hurt_copy(office->check, &desk->claim.item, desk->body,
                        desk->at) != UINT32_MAX) {
        desk->number = UINT32_MAX;
        end_adopted(desk);
        return;
    }
    desk->version = desk->claim.item.version;
    desk->number =
        check_spool_claimed(office->check, desk_process(desk), desk->mark,
                            &desk->claim.item, desk->body, (int32_t)desk->at);
    if (desk->asked != UINT32_MAX && desk->asked != desk->number) {
        world_fail(office->check->world, "who asked for item %u has another",
                   desk->asked);
    }
    if (office->worker->takes_all && office->worker->is_log &&
        !office->worker->crosses && desk->asked == UINT32_MAX &&
        desk->number != UINT32_MAX && strcmp(desk->queue, ASIDE) != 0) {
        check_spool_in_turn(office->check, desk->number, desk->version);
    }
    if (office->worker->takes_all) {
        spool_desk_finish(desk);
    } else if (desk->number == UINT32_MAX) {
        end_unread(desk); /* the life has failed */
    } else {
        spool_desk_end_claim(desk);
    }
}

/* Somebody has damaged its body: its owner does with it what he likes, but it
 * has none that others could share. */
static void have_hurt(struct desk *desk, uint32_t number)
{
    struct check_spool *check = desk->office->check;

    if (desk->asked != UINT32_MAX && desk->asked != number) {
        world_fail(check->world, "who asked for item %u has another",
                   desk->asked);
    }
    desk->number = number;
    desk->version = desk->claim.item.version;
    check_hurt_had(check, desk_process(desk), desk->mark, number);
    if (desk->office->worker->takes_all) {
        spool_desk_finish(desk);
        return;
    }
    check_change_had(check, number, &desk->claim.item);
    end_as(desk, next_of(desk));
}

/* One that is set aside: a sync of it may have failed before it was adopted,
 * and said 0 then. Who takes stock keeps it, or he had it again and again. */
static void found_bad(struct desk *desk)
{
    struct office *office = desk->office;
    uint32_t number = check_spool_known(office->check, &desk->claim.item.id);

    if (check_hurt_is_bad_body(check_hurt_how(office->check, number))) {
        have_hurt(desk, number);
        return;
    }
    if (!check_spool_is_aside(office->check, &desk->claim.item)) {
        world_fail(office->check->world, "a body is not what its metadata say");
    } else if (office->worker->takes_all) {
        spool_desk_finish(desk);
        return;
    }
    end_unread(desk);
}

static void did_read(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, claim.op);

    if (result > 0) {
        desk->at += (uint32_t)result;
        read_on(desk);
    } else if (result == 0) {
        read_done(desk);
    } else if (result == -EBADMSG && !is_lost(desk)) {
        found_bad(desk);
    } else {
        end_unread(desk);
    }
}

static void read_on(struct desk *desk)
{
    uint32_t len = desk->len - desk->at;

    pirn_prep_claim_read(&desk->claim, desk->body + desk->at,
                         len < PIECE_MAX ? len : len / 2, desk->at);
    pirn_start(desk->office->context, &desk->claim.op, did_read);
}

static void looked_again(struct pirn_op *op, int32_t result)
{
    (void)result;
    spool_desk_next(pirn_container_of(op, struct desk, timer));
}

/* Who takes all goes from one to the other. */
static void next_queue(struct office *office)
{
    if (strcmp(office->queue, ASIDE) == 0) {
        office->left = 0;
    } else if (strcmp(office->queue, CHECK_QUEUE) == 0 && office->has_other) {
        office->queue = CHECK_QUEUE_OTHER;
    } else {
        office->queue = ASIDE;
    }
}

static void found_nothing(struct desk *desk, int32_t result)
{
    struct office *office = desk->office;

    check_spool_took(office->check, desk_process(desk));
    if (desk->asked != UINT32_MAX) {
        check_spool_not_had(office->check, desk->take, desk->began_ns,
                            desk->asked, result);
        spool_desk_next(desk);
        return;
    }
    if (result == 0) {
        check_spool_nothing(office->check, desk->take, desk->began_ns,
                            desk->queue);
    }
    if (office->worker->takes_all) {
        next_queue(office);
    }
    pirn_prep_timer(&desk->timer, QUEUE_IS_EMPTY_NS);
    pirn_start(office->context, &desk->timer, looked_again);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct desk *desk = pirn_container_of(op, struct desk, claim.op);

    if (result <= 0) {
        if (result < 0 && desk->office->worker->takes_all &&
            desk->asked == UINT32_MAX) {
            world_fail(desk->office->check->world, "a claim fails: %d", result);
        }
        found_nothing(desk, result);
        return;
    }
    if (desk_has_memory(desk, (uint32_t)desk->claim.item.size_bytes + 1)) {
        read_on(desk);
    } else {
        end_unread(desk);
    }
}

static void begin_take(struct desk *desk)
{
    struct office *office = desk->office;

    desk->began_ns = office->check->world->now_ns;
    desk->mark = check_fence_mark(office->check, desk_process(desk));
    desk->take = check_spool_take(office->check, desk_process(desk));
    if (office->has_other && !office->worker->takes_all) {
        office->queue =
            rng_below(desk_rng(desk), 4) == 0 ? CHECK_QUEUE_OTHER : CHECK_QUEUE;
    }
    desk->queue = office->queue;
    if (desk->asked == UINT32_MAX) {
        pirn_prep_claim(&desk->claim, office->spool, desk->queue);
    } else {
        pirn_prep_claim_id(&desk->claim, office->spool,
                           &office->check->items[desk->asked].id);
    }
    pirn_start(office->context, &desk->claim.op, claimed);
}

/* --- look --- */

static void viewed(struct spool_viewer *viewer)
{
    spool_desk_next(pirn_container_of(viewer, struct desk, viewer));
}

static void set_viewer(struct desk *desk)
{
    struct office *office = desk->office;

    desk->viewer.check = office->check;
    desk->viewer.context = office->context;
    desk->viewer.spool = office->spool;
    desk->viewer.process = desk_process(desk);
    desk->viewer.done = viewed;
}

/* An item that is known by its id, or UINT32_MAX. */
static uint32_t any_known(struct desk *desk)
{
    const struct check_spool *check = desk->office->check;
    uint32_t number =
        check->count > 0 ? rng_below(desk_rng(desk), check->count) : UINT32_MAX;

    return number != UINT32_MAX && check->items[number].has_id ? number
                                                               : UINT32_MAX;
}

/* Look at one, list all, or have one by its id. */
static void begin_look(struct desk *desk)
{
    uint32_t dice = rng_below(desk_rng(desk), 3);
    uint32_t number = any_known(desk);

    set_viewer(desk);
    if (dice == 0 || number == UINT32_MAX) {
        spool_viewer_list(&desk->viewer);
    } else if (dice == 1) {
        spool_viewer_look(&desk->viewer, number);
    } else {
        desk->asked = number;
        begin_take(desk);
    }
}

/* List, look, have by their ids; and then take what is left. */
static void take_stock(struct desk *desk)
{
    struct office *office = desk->office;
    const struct check_spool *check = office->check;

    desk->claim = (struct pirn_claim){0}; /* kept until the spool closes */
    set_viewer(desk);
    if (!office->has_listed) {
        office->has_listed = true;
        spool_viewer_list(&desk->viewer);
        return;
    }
    while (office->look_at < check->count) {
        uint32_t number = office->look_at++;

        if (!check->items[number].has_id) {
            continue;
        }
        if (rng_coin(desk_rng(desk))) {
            spool_viewer_look(&desk->viewer, number);
        } else {
            desk->asked = number;
            begin_take(desk);
        }
        return;
    }
    begin_take(desk);
}

void spool_desk_next(struct desk *desk)
{
    struct office *office = desk->office;

    desk->asked = UINT32_MAX;
    if (office->left == 0) {
        return;
    }
    if (office->worker->takes_all) {
        take_stock(desk);
        return;
    }
    office->left--;
    if (office->worker->script != NULL) {
        desk->letter = *office->worker->script++;
        if (strchr("eax", desk->letter) != NULL) {
            spool_desk_put(desk);
        } else {
            begin_take(desk);
        }
        return;
    }
    if (spool_desk_rich(desk)) {
        return;
    }
    if (rng_below(desk_rng(desk), LOOKS) == 0) {
        begin_look(desk);
        return;
    }
    if (office->check->count < CHECK_ITEMS && rng_coin(desk_rng(desk))) {
        spool_desk_put(desk);
    } else {
        begin_take(desk);
    }
}

/* --- the process --- */

bool spool_worker_open(const struct spool_worker *worker,
                       struct pirn_context *context,
                       struct pirn_spool **ret_spool)
{
    struct world *world = worker->check->world;
    const struct pirn_spool_config config = {
        .path = WORKER_SPOOL,
        .create = true,
        .layout = worker->is_log ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE,
        .without_log = worker->without_log,
        .log_slots = 64,
        .log_segments = worker->is_small ? 4 : 8,
        .log_segment_bytes = 144 * 1024,
        .index_dir = worker->check->is_checked ? "/" : ".",
        .early = worker->early,
    };
    int r;

    while ((r = pirn_spool_open(context, &config, ret_spool)) < 0) {
        world_note(world, "cannot open: ", r);
        if (r == -EMEDIUMTYPE) {
            world_fail(world, "a spool is taken for none");
        }
        if (worker->process->lost_ring) {
            return false;
        }
        process_rest(context, QUEUE_IS_EMPTY_NS);
    }
    return true;
}

/* Where it can be made; who takes all must have it. */
static void make_other(struct office *office)
{
    const struct spool_worker *worker = office->worker;
    enum pirn_layout layout =
        worker->is_log != worker->crosses ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE;
    int r =
        pirn_spool_create_queue_as(office->spool, CHECK_QUEUE_OTHER, layout);

    office->has_other = r == 0;
    if (r < 0 && office->worker->takes_all) {
        world_fail(office->check->world, "no queue, in the calm: %d", r);
    }
}

static void work(struct office *office)
{
    struct spool_worker *worker = office->worker;
    int r;

    if (worker->has_other) {
        make_other(office);
    }
    if (worker->takes_all) {
        check_spool_take_stock(worker->check);
    }
    for (uint32_t i = 0; i < worker->desks; i++) {
        office->desks[i].office = office;
        spool_desk_next(&office->desks[i]);
    }
    r = pirn_context_drain(office->context);
    if (r < 0 && !worker->process->lost_ring) {
        world_fail(office->check->world, "a context has failed: %d", r);
    }
    if (worker->takes_all) {
        check_spool_complete(worker->check);
    }
}

void spool_worker_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct office *office = calloc(1, sizeof(*office));

    office->worker = worker;
    office->check = worker->check;
    office->queue = CHECK_QUEUE;
    office->left = worker->takes_all ? 1 : worker->actions;
    office->context = process_context(worker->check->world);
    if (spool_worker_open(worker, office->context, &office->spool)) {
        work(office);
        pirn_spool_close(office->spool);
        check_spool_closed(worker->check, worker->process->number);
    }
    check_spool_died(worker->check, worker->process->number);
    pirn_context_destroy(office->context);
    free(office);
}
