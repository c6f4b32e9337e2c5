/* SPDX-License-Identifier: MIT */
/* spool_doctor.c - see spool_doctor.h */
#include "tests/sim/model/spool_doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "pirn/invariant.h"
#include "spool/spool.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_checker.h"
#include "tests/sim/model/spool_hurt.h"
#include "tests/sim/model/spool_worker.h"

enum { HURT_MAX = 5, IDS_MAX = 256, BODY_MAX = 128 * 1024, TRIES = 4 };

/* What is set aside from the log, and as what. */
#define ASIDE "quarantine"

struct patient {
    struct pirn_id id;
    struct pirn_id log_id; /* of the log: which it has there */
    enum hurt how;
};

struct doctor {
    struct world *world;
    struct spool_worker *worker;
    struct spool_checking checking;
    struct hurting hurting;
    struct patient patients[IDS_MAX];
    uint32_t count;
    struct pirn_id aside[IDS_MAX]; /* what quarantine has */
    uint32_t aside_count;
    uint32_t hurt_count;
    enum pirn_fault expected[HURT_MAX];
    uint32_t strays; /* that mending makes */
    uint32_t busy;   /* that were not mended */
    uint32_t left;   /* aliases of items whose records say no id any more */
    uint8_t body[BODY_MAX];
};

static int32_t wait_for(struct doctor *doctor, struct pirn_op *op,
                        const char *what)
{
    int32_t r = pirn_wait(doctor->checking.context, op);

    if (r < 0) {
        world_fail(doctor->world, "%s, in the calm: %d", what, r);
    }
    return r;
}

/* ---- lists ---- */

static void list_one(struct doctor *doctor, const struct pirn_listed *listed)
{
    if (strcmp(listed->queue, ASIDE) == 0) {
        pirn_assert(doctor->aside_count < IDS_MAX);
        doctor->aside[doctor->aside_count++] = listed->id;
    } else {
        pirn_assert(doctor->count < IDS_MAX);
        doctor->patients[doctor->count++].id = listed->id;
    }
}

/* What is set aside; or what is not, too. */
static void list(struct doctor *doctor, const char *queue)
{
    struct pirn_listing listing = {0};
    int32_t r;

    doctor->aside_count = 0;
    pirn_prep_listing(&listing, doctor->checking.spool, queue);
    if (wait_for(doctor, &listing.op, "a listing") < 0) {
        return;
    }
    do {
        pirn_prep_listing_next(&listing);
        r = wait_for(doctor, &listing.op, "a page");
        for (int32_t i = 0; i < r; i++) {
            list_one(doctor, &listing.items[i]);
        }
    } while (r > 0);
    pirn_prep_listing_end(&listing);
    (void)wait_for(doctor, &listing.op, "a listing's end");
}

/* ---- damage ---- */

static void note_hurt(struct doctor *doctor, enum hurt how)
{
    const struct hurt_promise *promise = hurt_promise(how);

    world_note(doctor->world, "hurt: ", (int32_t)how);
    doctor->expected[doctor->hurt_count++] = promise->fault;
    doctor->strays += promise->strays;
}

static void hurt_some(struct doctor *doctor)
{
    struct rng *rng = &doctor->worker->rng;

    for (uint32_t i = 0; i < doctor->count && doctor->hurt_count < HURT_MAX - 1;
         i++) {
        struct patient *patient = &doctor->patients[i];

        if (rng_below(rng, 3) == 0) {
            patient->how =
                hurt_item(&doctor->hurting, &patient->id, &patient->log_id);
        }
        if (patient->how != HURT_NONE) {
            note_hurt(doctor, patient->how);
        }
        if (patient->how == HURT_RECORD &&
            memcmp(&patient->id, &patient->log_id, sizeof(patient->id)) != 0) {
            doctor->left++;
        }
    }
    enum hurt rest = hurt_rest(&doctor->hurting);
    if (rest != HURT_NONE) {
        note_hurt(doctor, rest);
    }
}

/* ---- checks ---- */

static void check_count(struct doctor *doctor, uint32_t expected,
                        const char *when)
{
    const struct spool_checking *checking = &doctor->checking;

    if (checking->result < 0 || checking->count != expected) {
        world_fail(doctor->world, "%u faults for %u, %s: %d, first %s at %s",
                   checking->count, expected, when, checking->result,
                   checking->count > 0
                       ? pirn_fault_name(checking->found[0].fault)
                       : "none",
                   checking->count > 0 ? checking->found[0].path : "");
    }
}

static bool takes_off(struct pirn_finding *found, uint32_t count,
                      enum pirn_fault fault)
{
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].fault == fault) {
            found[i].fault = PIRN_FAULTS;
            return true;
        }
    }
    return false;
}

static void look(struct doctor *doctor, bool repair, uint32_t expected,
                 const char *when)
{
    doctor->checking.config.repair = repair;
    spool_checking_run(&doctor->checking);
    check_count(doctor, expected, when);
}

/* How many are left: what empties a segment of the log may have had an item
 * just then. */
static uint32_t count_busy(struct doctor *doctor, bool repair)
{
    const struct spool_checking *checking = &doctor->checking;
    uint32_t busy = 0;

    for (uint32_t i = 0; i < checking->count; i++) {
        const struct pirn_finding *finding = &checking->found[i];
        bool is_busy = repair && finding->error == -EBUSY &&
                       doctor->checking.spool->log != NULL;

        busy += is_busy;
        if (!is_busy && (finding->mended != repair || finding->error < 0)) {
            world_fail(doctor->world, "%s at %s is not mended: %d",
                       pirn_fault_name(finding->fault), finding->path,
                       finding->error);
        }
    }
    return busy;
}

/* What was done is found, and nothing else; and then it is mended. */
static void check_hurt(struct doctor *doctor, bool repair)
{
    struct spool_checking *checking = &doctor->checking;

    look(doctor, repair, doctor->hurt_count, repair ? "mended" : "damaged");
    doctor->busy = count_busy(doctor, repair);
    for (uint32_t i = 0; i < doctor->hurt_count; i++) {
        if (!takes_off(checking->found, checking->count, doctor->expected[i])) {
            world_fail(doctor->world, "%s is not found",
                       pirn_fault_name(doctor->expected[i]));
        }
    }
}

/* ---- what became of it ---- */

/* Whose body it is; UINT32_MAX: no item's. */
static uint32_t read_body(struct doctor *doctor, struct pirn_view *view)
{
    uint32_t at = 0;
    int32_t r;

    do {
        pirn_prep_view_read(view, doctor->body + at, BODY_MAX - at, at);
        r = pirn_wait(doctor->checking.context, &view->op);
        at += r > 0 ? (uint32_t)r : 0;
    } while (r > 0 && at < BODY_MAX);
    return r == 0 ? check_spool_whose(doctor->checking.check, doctor->body,
                                      (int32_t)at)
                  : UINT32_MAX;
}

static void expect_whole(struct doctor *doctor, struct pirn_view *view,
                         const struct pirn_id *id)
{
    const struct check_spool *check = doctor->checking.check;
    uint32_t number = check_spool_known(check, id);

    if (number != UINT32_MAX &&
        read_body(doctor, view) != check->items[number].body) {
        world_fail(doctor->world, "the body of item %u is not what it was",
                   number);
    }
}

/* The item of quarantine that says that it was @id; false: there is none. */
static bool is_copy(const struct pirn_view *view, const struct pirn_id *id,
                    enum hurt how)
{
    const char *was = pirn_fields_get(&view->item.fields, "was");
    const char *what = pirn_fields_get(&view->item.fields, "quarantined");
    const char *name = pirn_fault_name(hurt_promise(how)->fault);
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    return was != NULL && strcmp(was, text) == 0 && what != NULL &&
           strcmp(what, name) == 0;
}

static bool look_at_copy(struct doctor *doctor, const struct pirn_id *copy,
                         const struct patient *patient)
{
    struct pirn_view view = {0};
    bool is_it;

    pirn_prep_look(&view, doctor->checking.spool, copy);
    if (pirn_wait(doctor->checking.context, &view.op) < 0) {
        return false; /* metadata that are damaged are set aside, too */
    }
    is_it = is_copy(&view, &patient->id, patient->how) ||
            is_copy(&view, &patient->log_id, patient->how);
    if (is_it && hurt_promise(patient->how)->is_whole) {
        expect_whole(doctor, &view, &patient->id);
    }
    pirn_prep_view_end(&view);
    (void)wait_for(doctor, &view.op, "a view's end");
    return is_it;
}

static void check_copied(struct doctor *doctor, const struct patient *patient)
{
    uint32_t copies = 0;

    for (uint32_t i = 0; i < doctor->aside_count; i++) {
        copies += look_at_copy(doctor, &doctor->aside[i], patient);
    }
    if (copies != 1) {
        world_fail(doctor->world, "%u items of quarantine are of one item",
                   copies);
    }
}

static enum hurt_end end_of(const struct patient *patient)
{
    return patient->how == HURT_NONE ? HURT_STAYS
                                     : hurt_promise(patient->how)->end;
}

static bool is_right(enum hurt_end end, int32_t result, bool is_aside)
{
    switch (end) {
    case HURT_STAYS:
        return result == 0 && !is_aside;
    case HURT_ASIDE: /* a body alone can be looked at */
        return result == 0 ? is_aside : result == -EBADMSG;
    case HURT_COPIED:
        break;
    }
    return result == -ENOENT;
}

static void check_patient(struct doctor *doctor, const struct patient *patient)
{
    enum hurt_end end = end_of(patient);
    struct pirn_view view = {0};

    pirn_prep_look(&view, doctor->checking.spool, &patient->id);
    int32_t r = pirn_wait(doctor->checking.context, &view.op);
    bool is_aside = r == 0 && strcmp(view.item.queue, ASIDE) == 0;
    if (!is_right(end, r, is_aside)) {
        world_fail(doctor->world, "an item that was hurt so (%d): %d, %saside",
                   (int)patient->how, r, is_aside ? "" : "not ");
    }
    if (r == 0 && end == HURT_STAYS) {
        expect_whole(doctor, &view, &patient->id);
    }
    if (r == 0) {
        pirn_prep_view_end(&view);
        (void)wait_for(doctor, &view.op, "a view's end");
    }
    if (end == HURT_COPIED) {
        check_copied(doctor, patient);
    }
}

/* Nothing is thrown away: so many more stand there. */
static void check_strays(struct doctor *doctor, uint32_t before)
{
    uint32_t now = hurt_count_strays(&doctor->hurting);

    if (now != before + doctor->strays) {
        world_fail(doctor->world, "%u strays, and %u before: not %u more", now,
                   before, doctor->strays);
    }
}

/* ---- */

static void treat(struct doctor *doctor)
{
    uint32_t strays = hurt_count_strays(&doctor->hurting);

    check_hurt(doctor, true);
    for (uint32_t i = 0; i < TRIES && doctor->busy > 0; i++) {
        look(doctor, true, doctor->busy, "mended again");
        doctor->busy = count_busy(doctor, true);
    }
    check_strays(doctor, strays);
    if (doctor->left > 0) {
        look(doctor, true, doctor->left, "after items with an alias");
    }
    look(doctor, false, 0, "after what was damaged was mended");
    list(doctor, ASIDE);
    for (uint32_t i = 0; i < doctor->count; i++) {
        check_patient(doctor, &doctor->patients[i]);
    }
}

static void work(struct doctor *doctor)
{
    doctor->checking.is_sound = doctor->worker->check->is_sound;
    doctor->checking.config.repair = true;
    spool_checking_run(&doctor->checking);
    look(doctor, false, 0, "after all was mended");
    doctor->checking.is_sound = false;
    list(doctor, NULL);
    hurt_some(doctor);
    check_hurt(doctor, false);
    check_hurt(doctor, false);
    treat(doctor);
}

static void begin(struct doctor *doctor, struct spool_worker *worker)
{
    doctor->world = worker->check->world;
    doctor->worker = worker;
    doctor->checking.check = worker->check;
    doctor->checking.config.grace_ns = 1;
    doctor->checking.config.deep = rng_coin(&worker->rng);
    doctor->checking.context = process_context(doctor->world);
}

void spool_doctor_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct doctor *doctor = calloc(1, sizeof(*doctor));

    begin(doctor, worker);
    if (spool_worker_open(worker, doctor->checking.context,
                          &doctor->checking.spool)) {
        doctor->hurting = (struct hurting){
            .world = doctor->world,
            .rng = &worker->rng,
            .context = doctor->checking.context,
            .spool = doctor->checking.spool,
            .has_other = worker->has_other && !worker->crosses,
            .deep = doctor->checking.config.deep,
            .is_lone = true,
        };
        work(doctor);
        pirn_spool_close(doctor->checking.spool);
    }
    pirn_context_destroy(doctor->checking.context);
    free(doctor);
}
