/* SPDX-License-Identifier: MIT */
/*
 * reserve.c - have a name that no item has, and nobody else
 *
 *   note -> NAME= with our mark -> rename to NAME --> 0
 *     ^                              |
 *     |                              +-> something is there -> clear it
 *     |                                    -> free: rename once more
 *     +-- the next name <- both taken away <- taken
 *
 * A mark of somebody else is believed if he lives: the dead are recovered
 * first, and then the time in the mark is compared with that of the slot's
 * owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/fields.h"
#include "spool/opens.h"
#include "spool/owner.h"
#include "spool/registry.h"

/* So many renames that met what was free a moment ago. */
enum { RENAMES_MAX = 64 };

/* What is made before the rename, by number; each file is closed behind it. */
enum { NOTE = 0, MARK = 3, STEPS = 5 };

struct pirn_name_work {
    struct pirn_name *name;
    struct pirn_spool *spool;
    uint32_t attempt;
    uint32_t renames;
    bool is_reserved;
    bool has_swept;
    int32_t result;
    char mark[PIRN__MARK_TEXT];
    struct pirn__sweep_wait sweep;
    struct pirn__clearing clearing;
    struct pirn_fields fields; /* of the last draft, and its name */
    uint8_t bytes[PIRN__OWNER_ENTRY_BYTES];
    struct pirn_op step;
    struct pirn_op ops[STEPS];
    struct pirn_op *steps[STEPS];
    struct pirn_chain chain;
    struct pirn__name note;
    struct pirn__name fresh; /* NAME= */
    struct pirn__name inner; /* our mark in it */
    struct pirn__name called;
    struct pirn__name own;
};

static void try_name(struct pirn_name_work *work);
static void rename_it(struct pirn_name_work *work);
static void clear(struct pirn_name_work *work, const char *mark);

static struct pirn_name_work *work_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn_name_work, step);
}

static struct pirn_name_work *work_of_chain(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_name_work, chain.op);
}

/* The reservation's end, or that of one that never was. */
static void end(struct pirn_name_work *work, int32_t result)
{
    struct pirn_name *name = work->name;
    struct pirn_spool *spool = work->spool;

    pirn_assert(name->priv.work == work && spool->open_count > 0);
    name->priv.work = NULL;
    spool->open_count--;
    free(work->fields.bytes);
    free(work);
    pirn_task_finish(spool->context, &name->op, result);
}

static void taken_away(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work = work_of_chain(op);

    (void)result; /* what is left is the recovery's of our slot */
    if (work->result == -EEXIST && work->attempt < work->name->priv.tries) {
        try_name(work);
        return;
    }
    end(work, work->result);
}

/* Nothing of this attempt stays. */
static void take_away(struct pirn_name_work *work, int32_t result)
{
    int root = work->spool->root_fd;

    work->result = result;
    pirn_prep_unlink(&work->ops[0], root, work->inner.text, 0);
    pirn_prep_unlink(&work->ops[1], root, work->fresh.text, AT_REMOVEDIR);
    pirn_prep_unlink(&work->ops[2], root, work->note.text, 0);
    for (int i = 0; i < 3; i++) {
        pirn_step_when(&work->ops[i], PIRN_STEP_ALWAYS);
        work->steps[i] = &work->ops[i];
    }
    pirn_chain_start(work->spool->context, &work->chain, work->steps, 3,
                     taken_away);
}

/* ---- what is there ---- */

static void have_entry(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work = work_of(op);
    uint32_t slot = (uint32_t)strtoul(work->clearing.found.mark + 1, NULL, 10);
    struct pirn__owner_entry entry = {0};
    char mark[PIRN__MARK_TEXT];

    if (result == PIRN__OWNER_ENTRY_BYTES &&
        pirn__owner_entry_decode(work->bytes, slot, &entry) < 0) {
        entry.opened_ns = 0;
    }
    pirn__name_mark(mark, slot % PIRN__SLOTS, entry.opened_ns);
    if (result >= 0 && strcmp(mark, work->clearing.found.mark) == 0) {
        take_away(work, -EEXIST);
        return;
    }
    if (result < 0) {
        take_away(work, result);
        return;
    }
    memcpy(mark, work->clearing.found.mark, sizeof(mark));
    clear(work, mark);
}

static void swept(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    clear(pirn_container_of(op, struct pirn_name_work, sweep.waiter.op), "");
}

/* Whether who has reserved it may have it still. */
static void look_at_mark(struct pirn_name_work *work)
{
    uint32_t slot = (uint32_t)strtoul(work->clearing.found.mark + 1, NULL, 10);

    if (!work->has_swept) {
        work->has_swept = true;
        pirn__prep_sweep(&work->sweep, work->spool);
        pirn_start(work->spool->context, &work->sweep.waiter.op, swept);
        return;
    }
    if (slot >= PIRN__SLOTS || !pirn__owner_lives(work->spool, slot)) {
        char mark[PIRN__MARK_TEXT];
        memcpy(mark, work->clearing.found.mark, sizeof(mark));
        clear(work, mark);
        return;
    }
    pirn_prep_read(&work->step, work->spool->owners_fd, work->bytes,
                   sizeof(work->bytes), pirn__owner_entry_at(slot));
    pirn_start(work->spool->context, &work->step, have_entry);
}

static void cleared(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work =
        pirn_container_of(op, struct pirn_name_work, clearing.op);
    const struct pirn__clearing *clearing = &work->clearing;

    if (result < 0) {
        take_away(work, result);
        return;
    }
    if (clearing->is_had) {
        work->name->id = clearing->id;
        take_away(work, -EEXIST);
        return;
    }
    if (clearing->found.mark[0] != '\0') {
        look_at_mark(work);
        return;
    }
    rename_it(work);
}

static void clear(struct pirn_name_work *work, const char *mark)
{
    memcpy(work->clearing.text, work->name->text, PIRN_NAME_TEXT);
    (void)snprintf(work->clearing.mark, sizeof(work->clearing.mark), "%s",
                   mark);
    pirn__prep_clearing(&work->clearing, work->spool);
    pirn_start(work->spool->context, &work->clearing.op, cleared);
}

/* ---- a name ---- */

static void renamed(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work = work_of(op);

    if (result == 0) {
        work->is_reserved = true;
        pirn_task_finish(work->spool->context, &work->name->op, 0);
        return;
    }
    if (result != -EEXIST && result != -ENOTEMPTY) {
        take_away(work, result);
        return;
    }
    clear(work, "");
}

static void rename_it(struct pirn_name_work *work)
{
    int root = work->spool->root_fd;

    if (work->renames++ == RENAMES_MAX) {
        take_away(work, -EEXIST);
        return;
    }
    pirn_prep_rename(&work->step, root, work->fresh.text, root,
                     work->called.text, 0);
    pirn_start(work->spool->context, &work->step, renamed);
}

static void made(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work = work_of_chain(op);

    if (result == 0) {
        rename_it(work);
        return;
    }
    bool is_ours = pirn_chain_failed(&work->chain) == NOTE;
    if (is_ours && result == -EEXIST) { /* reserved by this very open */
        work->result = -EEXIST;
        taken_away(&work->chain.op, 0);
        return;
    }
    take_away(work, result == -ENOENT && is_ours ? -EOPNOTSUPP : result);
}

/* A directory of our own is there or not: both are well. */
static void made_own(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work = work_of(op);
    int root = work->spool->root_fd;

    if (result < 0 && result != -EEXIST) {
        work->result = result == -ENOENT ? -EOPNOTSUPP : result;
        end(work, work->result);
        return;
    }
    pirn__prep_open(&work->ops[NOTE], root, work->note.text,
                    O_WRONLY | O_CREAT | O_EXCL);
    pirn_prep_close(&work->ops[1], PIRN_FD_OF(NOTE));
    pirn_step_when(&work->ops[1], PIRN_STEP_ALWAYS);
    pirn_prep_mkdir(&work->ops[2], root, work->fresh.text, PIRN__DIR_MODE);
    pirn__prep_open(&work->ops[MARK], root, work->inner.text,
                    O_WRONLY | O_CREAT);
    pirn_prep_close(&work->ops[4], PIRN_FD_OF(MARK));
    pirn_step_when(&work->ops[4], PIRN_STEP_ALWAYS);
    for (int i = 0; i < STEPS; i++) {
        work->steps[i] = &work->ops[i];
    }
    pirn_chain_start(work->spool->context, &work->chain, work->steps, STEPS,
                     made);
}

static void try_name(struct pirn_name_work *work)
{
    struct pirn_name *name = work->name;
    struct pirn_spool *spool = work->spool;
    int r = name->priv.fn == NULL
                ? 0
                : name->priv.fn(name->priv.argument, work->attempt, name->text);

    work->attempt++;
    work->renames = 0;
    work->has_swept = false;
    memset(&name->id, 0, sizeof(name->id));
    r = r == 0 && !pirn_name_is_valid(name->text) ? -EINVAL : r;
    if (r < 0) {
        end(work, r);
        return;
    }
    pirn__name_note(&work->note, spool->slot, name->text);
    pirn__name_new(&work->fresh, spool->slot, name->text);
    pirn__name_new_in(&work->inner, spool->slot, name->text, work->mark);
    pirn__name_called(&work->called, name->text);
    pirn__name_own_dir(&work->own, spool->slot);
    pirn_prep_mkdir(&work->step, spool->root_fd, work->own.text,
                    PIRN__DIR_MODE);
    pirn_start(spool->context, &work->step, made_own);
}

static void reserve_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_name *name = pirn_container_of(op, struct pirn_name, op);

    if (pirn__settle_holds(name->priv.spool, op, reserve_begin)) {
        return;
    }
    struct pirn_name_work *work = calloc(1, sizeof(*work));
    pirn_assert_rule(name->priv.work == NULL, "one reservation at a time");
    if (work == NULL) {
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    work->name = name;
    work->spool = name->priv.spool;
    pirn__name_mark(work->mark, work->spool->slot,
                    work->spool->lease.entry.opened_ns);
    name->priv.work = work;
    work->spool->open_count++;
    try_name(work);
}

void pirn_prep_reserve(struct pirn_name *name, struct pirn_spool *spool,
                       pirn_name_fn *fn, void *argument, uint32_t tries)
{
    static const struct pirn_task_verbs verbs = {.begin = reserve_begin};

    pirn_assert(spool != NULL);
    name->priv.spool = spool;
    name->priv.fn = fn;
    name->priv.argument = argument;
    name->priv.tries = fn == NULL ? 1 : tries;
    pirn_prep_task(&name->op, &verbs);
}

/* ---- its end ---- */

static void forgotten(struct pirn_op *op, int32_t result)
{
    end(work_of(op), result);
}

static void released(struct pirn_op *op, int32_t result)
{
    struct pirn_name_work *work =
        pirn_container_of(op, struct pirn_name_work, clearing.op);

    if (result < 0) {
        end(work, result);
        return;
    }
    pirn_prep_unlink(&work->step, work->spool->root_fd, work->note.text, 0);
    pirn_start(work->spool->context, &work->step, forgotten);
}

static void release_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_name *name = pirn_container_of(op, struct pirn_name, op);
    struct pirn_name_work *work = name->priv.work;

    if (work == NULL) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn_assert(work->is_reserved && context == work->spool->context);
    memcpy(work->clearing.text, name->text, PIRN_NAME_TEXT);
    memcpy(work->clearing.mark, work->mark, PIRN__MARK_TEXT);
    pirn__prep_clearing(&work->clearing, work->spool);
    pirn_start(context, &work->clearing.op, released);
}

void pirn_prep_release_name(struct pirn_name *name)
{
    static const struct pirn_task_verbs verbs = {.begin = release_begin};

    pirn_prep_task(&name->op, &verbs);
}

/* ---- an item that is put under it ---- */

const struct pirn_fields *pirn__name_fields(struct pirn_name *name,
                                            const struct pirn_fields *fields)
{
    struct pirn_name_work *work = name->priv.work;
    uint32_t len = fields == NULL ? 0 : fields->len;
    uint32_t cap =
        len + (uint32_t)sizeof(PIRN__NAME_FIELD) + (uint32_t)PIRN_NAME_TEXT;

    pirn_assert_rule(work != NULL && work->is_reserved, "the name is reserved");
    if (pirn__fields_check(fields) < 0) {
        return fields; /* who stores them says so */
    }
    free(work->fields.bytes);
    work->fields = (struct pirn_fields){.bytes = malloc(cap), .cap = cap};
    if (work->fields.bytes == NULL) {
        return &pirn__fields_lost;
    }
    int r = pirn_fields_add(&work->fields, PIRN__NAME_FIELD, name->text);
    pirn_assert(r == 0); /* there is room */
    if (len > 0) {
        memcpy(work->fields.bytes + work->fields.len, fields->bytes, len);
    }
    work->fields.len += len;
    return &work->fields;
}
