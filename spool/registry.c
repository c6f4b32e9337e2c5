/* SPDX-License-Identifier: MIT */
/*
 * registry.c - callers' names: who has one, and freeing one
 *
 *   .registry/NAME/            there: NAME is taken, or about to be free
 *   .registry/NAME/ID          the item that has it, if there is such an item
 *   .registry/NAME/=O-OPENED   O has reserved it
 *   .registry/.own/O/NAME      O's note of what he has reserved
 *   .registry/.own/O/NAME=/    a directory with his mark, about to be NAME
 *
 * A directory is renamed over another one only if that is empty: so NAME=
 * becomes NAME for one of all who try, and not while anything stands in NAME.
 * Nothing else is taken away there but single entries by their own full names,
 * which are never used twice, and the directory itself, if it is empty: so
 * whoever acts on what he saw a while ago harms nobody.
 *
 * An id stands there, durable, before its item is committed. What says that the
 * item is gone for good is the body's name, or the word of its slot, or of the
 * slot that its alias names: one of them is there from before the commit until
 * the removal is durable.
 */
#include "spool/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/opens.h"

static void look_at_next(struct pirn__clearing *clearing);
static void clear_next(struct pirn__unreserve *unreserve);

/* ---- freeing one ---- */

static void end(struct pirn__clearing *clearing, int32_t result)
{
    pirn__ids_deinit(&clearing->found.ids);
    pirn_task_finish(clearing->spool->context, &clearing->op,
                     result < 0 ? result : 0);
}

static struct pirn__clearing *clearing_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__clearing, step);
}

static void removed_dir(struct pirn_op *op, int32_t result)
{
    bool is_fine = result == -ENOTEMPTY || result == -EEXIST ||
                   result == -ENOENT; /* somebody's by now, or nobody's */

    end(clearing_of(op), is_fine ? 0 : result);
}

static void remove_dir(struct pirn__clearing *clearing)
{
    pirn__name_called(&clearing->path, clearing->text);
    pirn_prep_unlink(&clearing->step, clearing->spool->root_fd,
                     clearing->path.text, AT_REMOVEDIR);
    pirn_start(clearing->spool->context, &clearing->step, removed_dir);
}

static void unlinked(struct pirn_op *op, int32_t result)
{
    struct pirn__clearing *clearing = clearing_of(op);

    if (result < 0 && result != -ENOENT) {
        end(clearing, result);
        return;
    }
    look_at_next(clearing);
}

static void unlink_entry(struct pirn__clearing *clearing, const char *entry)
{
    pirn__name_called_in(&clearing->path, clearing->text, entry);
    pirn_prep_unlink(&clearing->step, clearing->spool->root_fd,
                     clearing->path.text, 0);
    pirn_start(clearing->spool->context, &clearing->step, unlinked);
}

/* Of the log: until its slot is free, which is when its removal is durable. */
static bool log_has(const struct pirn_spool *spool, const struct pirn_id *id)
{
    struct pirn__log_id parts;

    if (spool->log == NULL || !pirn__log_knows(spool->log, id)) {
        return false;
    }
    pirn__log_id_unpack(id, &parts);
    struct pirn__word word = pirn__word_unpack(
        pirn__atom_load(&spool->log->index.catalogue.slots[parts.slot].word));
    return word.state != PIRN__FREE && word.incarnation == parts.incarnation;
}

static void keep(struct pirn__clearing *clearing)
{
    clearing->is_had = true;
    clearing->id = clearing->found.ids.ids[clearing->at - 1];
    look_at_next(clearing);
}

static void have_alias(struct pirn_op *op, int32_t result);

static void saw_body(struct pirn_op *op, int32_t result)
{
    struct pirn__clearing *clearing = clearing_of(op);
    char id[PIRN_ID_TEXT];

    if (result == 0) {
        keep(clearing);
        return;
    }
    if (result != -ENOENT) {
        end(clearing, result);
        return;
    }
    if (clearing->spool->log != NULL && !clearing->is_again) {
        pirn__prep_alias_read(&clearing->alias, clearing->spool->log,
                              &clearing->found.ids.ids[clearing->at - 1]);
        pirn_start(clearing->spool->context, &clearing->alias.op, have_alias);
        return;
    }
    pirn_id_format(&clearing->found.ids.ids[clearing->at - 1], id);
    unlink_entry(clearing, id);
}

static void look_for_body(struct pirn__clearing *clearing)
{
    struct pirn_spool *spool = clearing->spool;

    pirn__name_body(&clearing->path,
                    &clearing->found.ids.ids[clearing->at - 1]);
    pirn_prep_stat(&clearing->step, spool->root_fd, clearing->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &clearing->statx);
    pirn_start(spool->context, &clearing->step, saw_body);
}

/* One that is moved has its body's name before its alias goes, and the other
 * way round: so the body is looked for once more, until nothing has come to the
 * log or left it meanwhile. */
static void have_alias(struct pirn_op *op, int32_t result)
{
    struct pirn__clearing *clearing =
        pirn_container_of(op, struct pirn__clearing, alias.op);

    if (result < 0) {
        end(clearing, result);
        return;
    }
    struct pirn_id leads_to = {0};
    if (result == 1) {
        leads_to = clearing->alias.in_log;
    }
    if (result == 1 && log_has(clearing->spool, &leads_to)) {
        keep(clearing);
        return;
    }
    clearing->is_again =
        clearing->aliases > 0 &&
        memcmp(&leads_to, &clearing->led_to, sizeof(leads_to)) == 0;
    clearing->led_to = leads_to;
    clearing->aliases++;
    look_for_body(clearing);
}

static void look_at_next(struct pirn__clearing *clearing)
{
    struct pirn_spool *spool = clearing->spool;
    const struct pirn__ids *ids = &clearing->found.ids;

    if (clearing->at == ids->count) {
        remove_dir(clearing);
        return;
    }
    const struct pirn_id *id = &ids->ids[clearing->at++];
    if (log_has(spool, id)) {
        keep(clearing);
        return;
    }
    clearing->aliases = 0;
    clearing->is_again = false;
    look_for_body(clearing);
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn__clearing *clearing =
        pirn_container_of(op, struct pirn__clearing, found.scan.op);
    struct pirn__name_scan *found = &clearing->found;
    size_t len = strlen(clearing->mark);

    if (result < 0) {
        end(clearing, result == -ENOENT ? 0 : result);
        return;
    }
    if (len > 0 && strncmp(found->mark, clearing->mark, len) == 0) {
        char mark[PIRN__MARK_TEXT];
        memcpy(mark, found->mark, sizeof(mark));
        found->mark[0] = '\0';
        unlink_entry(clearing, mark);
        return;
    }
    look_at_next(clearing);
}

static int32_t take_entry(struct pirn__scan *scan,
                          const struct pirn_entry *entry)
{
    struct pirn__name_scan *found =
        pirn_container_of(scan, struct pirn__name_scan, scan);
    struct pirn_id id;

    if (pirn_id_parse(entry->name, &id) == 0) {
        return pirn__ids_push(&found->ids, &id);
    }
    if (entry->name[0] == '=' && strlen(entry->name) < sizeof(found->mark)) {
        (void)snprintf(found->mark, sizeof(found->mark), "%s", entry->name);
    }
    return 0;
}

static void clearing_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__clearing *clearing =
        pirn_container_of(op, struct pirn__clearing, op);

    pirn_assert(context == clearing->spool->context);
    clearing->at = 0;
    clearing->is_had = false;
    clearing->found.mark[0] = '\0';
    pirn__ids_deinit(&clearing->found.ids);
    pirn__name_called(&clearing->found.scan.path, clearing->text);
    pirn__prep_scan(&clearing->found.scan, clearing->spool->root_fd,
                    take_entry);
    pirn_start(context, &clearing->found.scan.op, listed);
}

void pirn__prep_clearing(struct pirn__clearing *clearing,
                         struct pirn_spool *spool)
{
    static const struct pirn_task_verbs verbs = {.begin = clearing_begin};

    pirn_assert(pirn_name_is_valid(clearing->text));
    clearing->spool = spool;
    pirn_prep_task(&clearing->op, &verbs);
}

/* ---- all that an owner had reserved ---- */

static void unreserved(struct pirn__unreserve *unreserve, int32_t result)
{
    free(unreserve->texts);
    unreserve->texts = NULL;
    pirn_task_finish(unreserve->spool->context, &unreserve->op, result);
}

static void forgotten(struct pirn_op *op, int32_t result)
{
    struct pirn__unreserve *unreserve =
        pirn_container_of(op, struct pirn__unreserve, chain.op);

    (void)result; /* the next one of this slot meets it again */
    clear_next(unreserve);
}

/* What he was about to rename, then his note. */
static void listed_fresh(struct pirn_op *op, int32_t result)
{
    struct pirn__unreserve *unreserve =
        pirn_container_of(op, struct pirn__unreserve, fresh.scan.op);
    struct pirn_spool *spool = unreserve->spool;
    const char *text = unreserve->clearing.text;
    uint32_t count = 0;

    if (result == 0) {
        pirn__name_new_in(&unreserve->inner, unreserve->slot, text,
                          unreserve->fresh.mark);
        pirn_prep_unlink(&unreserve->ops[count++], spool->root_fd,
                         unreserve->inner.text, 0);
        pirn_prep_unlink(&unreserve->ops[count++], spool->root_fd,
                         unreserve->fresh.scan.path.text, AT_REMOVEDIR);
    }
    pirn__name_note(&unreserve->note, unreserve->slot, text);
    pirn_prep_unlink(&unreserve->ops[count++], spool->root_fd,
                     unreserve->note.text, 0);
    for (uint32_t i = 0; i < count; i++) {
        pirn_step_when(&unreserve->ops[i], PIRN_STEP_ALWAYS);
        unreserve->steps[i] = &unreserve->ops[i];
    }
    pirn__ids_deinit(&unreserve->fresh.ids);
    pirn_chain_start(spool->context, &unreserve->chain, unreserve->steps, count,
                     forgotten);
}

static void cleared(struct pirn_op *op, int32_t result)
{
    struct pirn__unreserve *unreserve =
        pirn_container_of(op, struct pirn__unreserve, clearing.op);

    if (result < 0) {
        clear_next(unreserve); /* its note stays */
        return;
    }
    unreserve->fresh.mark[0] = '\0';
    pirn__name_new(&unreserve->fresh.scan.path, unreserve->slot,
                   unreserve->clearing.text);
    pirn__prep_scan(&unreserve->fresh.scan, unreserve->spool->root_fd,
                    take_entry);
    pirn_start(unreserve->spool->context, &unreserve->fresh.scan.op,
               listed_fresh);
}

static void clear_next(struct pirn__unreserve *unreserve)
{
    struct pirn__clearing *clearing = &unreserve->clearing;

    if (unreserve->at == unreserve->count) {
        unreserved(unreserve, 0);
        return;
    }
    memcpy(clearing->text, unreserve->texts[unreserve->at++],
           sizeof(clearing->text));
    (void)snprintf(clearing->mark, sizeof(clearing->mark), "=%04u-",
                   unreserve->slot);
    pirn__prep_clearing(clearing, unreserve->spool);
    pirn_start(unreserve->spool->context, &clearing->op, cleared);
}

static void listed_own(struct pirn_op *op, int32_t result)
{
    struct pirn__unreserve *unreserve =
        pirn_container_of(op, struct pirn__unreserve, scan.op);

    if (result < 0) {
        unreserved(unreserve, result == -ENOENT ? 0 : result);
        return;
    }
    clear_next(unreserve);
}

/* What is not a name is a directory on its way, which its next user takes. */
static int32_t take_note(struct pirn__scan *scan,
                         const struct pirn_entry *entry)
{
    struct pirn__unreserve *unreserve =
        pirn_container_of(scan, struct pirn__unreserve, scan);

    if (!pirn_name_is_valid(entry->name)) {
        return 0;
    }
    if (unreserve->count == unreserve->cap) {
        uint32_t cap = unreserve->cap == 0 ? 16 : unreserve->cap * 2;
        void *more = realloc(unreserve->texts, cap * sizeof(*unreserve->texts));
        if (more == NULL) {
            return -ENOMEM;
        }
        unreserve->texts = more;
        unreserve->cap = cap;
    }
    (void)snprintf(unreserve->texts[unreserve->count++], PIRN_NAME_TEXT, "%s",
                   entry->name);
    return 0;
}

static void unreserve_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__unreserve *unreserve =
        pirn_container_of(op, struct pirn__unreserve, op);

    pirn_assert(unreserve->texts == NULL);
    unreserve->count = 0;
    unreserve->cap = 0;
    unreserve->at = 0;
    pirn__name_own_dir(&unreserve->scan.path, unreserve->slot);
    pirn__prep_scan(&unreserve->scan, unreserve->spool->root_fd, take_note);
    pirn_start(context, &unreserve->scan.op, listed_own);
}

void pirn__prep_unreserve(struct pirn__unreserve *unreserve,
                          struct pirn_spool *spool, uint32_t slot)
{
    static const struct pirn_task_verbs verbs = {.begin = unreserve_begin};

    pirn_assert(slot < PIRN__SLOTS);
    unreserve->spool = spool;
    unreserve->slot = slot;
    pirn_prep_task(&unreserve->op, &verbs);
}

/* ---- an item that is about to have one ---- */

static void bind_confirmed(struct pirn_op *op, int32_t result)
{
    struct pirn__bind *bind = pirn_container_of(op, struct pirn__bind, confirm);

    pirn_task_finish(bind->spool->context, &bind->op, pirn_confirmed(result));
}

static void bound(struct pirn_op *op, int32_t result)
{
    struct pirn__bind *bind =
        pirn_container_of(op, struct pirn__bind, chain.op);
    struct pirn_spool *spool = bind->spool;

    if (result < 0) {
        pirn_task_finish(spool->context, &bind->op, result);
        return;
    }
    pirn_prep_confirm(&bind->confirm, spool->root_fd);
    pirn_start(spool->context, &bind->confirm, bind_confirmed);
}

/* Open, close: NAME/ID. Open, sync, close: NAME, then .registry. */
static void bind_begin(struct pirn_context *context, struct pirn_op *op)
{
    enum { FILE = 0, DIR = 2, ALL = 5 };
    struct pirn__bind *bind = pirn_container_of(op, struct pirn__bind, op);
    int root = bind->spool->root_fd;
    char id[PIRN_ID_TEXT];

    pirn_id_format(bind->id, id);
    pirn__name_called_in(&bind->entry, bind->text, id);
    pirn__name_called(&bind->dir, bind->text);
    pirn__prep_open(&bind->open[0], root, bind->entry.text,
                    O_WRONLY | O_CREAT | O_EXCL);
    pirn_prep_close(&bind->close[0], PIRN_FD_OF(FILE));
    pirn__prep_open(&bind->open[1], root, bind->dir.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_prep_fsync(&bind->fsync[0], PIRN_FD_OF(DIR), PIRN_SYNC_ALL);
    pirn_prep_close(&bind->close[1], PIRN_FD_OF(DIR));
    pirn__prep_open(&bind->open[2], root, PIRN__NAME_REGISTRY,
                    O_RDONLY | O_DIRECTORY);
    pirn_prep_fsync(&bind->fsync[1], PIRN_FD_OF(ALL), PIRN_SYNC_ALL);
    pirn_prep_close(&bind->close[2], PIRN_FD_OF(ALL));
    struct pirn_op *const steps[] = {
        &bind->open[0],  &bind->close[0], &bind->open[1],  &bind->fsync[0],
        &bind->close[1], &bind->open[2],  &bind->fsync[1], &bind->close[2],
    };
    memcpy(bind->steps, steps, sizeof(steps));
    for (int i = 0; i < 3; i++) {
        pirn_step_when(&bind->close[i], PIRN_STEP_ALWAYS);
    }
    pirn_chain_start(context, &bind->chain, bind->steps, 8, bound);
}

void pirn__prep_bind(struct pirn__bind *bind, struct pirn_spool *spool,
                     const char *text, const struct pirn_id *id)
{
    static const struct pirn_task_verbs verbs = {.begin = bind_begin};

    pirn_assert(pirn_name_is_valid(text));
    bind->spool = spool;
    bind->text = text;
    bind->id = id;
    pirn_prep_task(&bind->op, &verbs);
}
