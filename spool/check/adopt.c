/* SPDX-License-Identifier: MIT */
/*
 * adopt.c - read the body, write its metadata, rename these into quarantine
 *
 *   [.log/data/XY/OLD -> .data/XY/ID] -> open, read to its end, sync, close
 *     -> .tmp/SLOT/ID.new written and synced -> quarantine/XY/ID -> synced
 *
 * Under the name ID.new, not ID: what recovers us unlinks the body of an ID,
 * and of an ID.new the name alone. Two who adopt the same body at once meet in
 * the rename, which one of them wins.
 */
#include "spool/check/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/file/meta_file.h"
#include "spool/opens.h"
#include "spool/queue.h"

enum { BUF_BYTES = 64 * 1024 };

static struct pirn__adopt *adopt_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__adopt, step);
}

static void finish(struct pirn__adopt *adopt, int32_t result)
{
    pirn_assert(adopt->fd < 0);
    (void)XXH3_freeState(adopt->hash);
    free(adopt->buf);
    free(adopt->text);
    pirn_task_finish(adopt->spool->context, &adopt->op, result);
}

/* ---- the metadata ---- */

static void removed_next(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt = adopt_of(op);

    (void)result; /* what is left there is our slot's recovery's */
    finish(adopt, adopt->result);
}

static void published(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt =
        pirn_container_of(op, struct pirn__adopt, chain.op);
    struct pirn_spool *spool = adopt->spool;

    if (result >= 0) {
        finish(adopt, 0);
        return;
    }
    adopt->result = result;
    pirn_prep_unlink(&adopt->step, spool->root_fd, adopt->next.text, 0);
    pirn_start(spool->context, &adopt->step, removed_next);
}

static void add_field(struct pirn__adopt *adopt, const char *name,
                      const char *value)
{
    int r = pirn_fields_add(&adopt->item.fields, name, value);

    pirn_assert(r == 0); /* the names are ours, and there is room */
}

static void publish(struct pirn__adopt *adopt)
{
    struct pirn_spool *spool = adopt->spool;
    uint32_t shard = pirn__id_shard(&adopt->item.id);
    uint32_t len = 0;
    int root = spool->root_fd;

    adopt->item.digest = XXH3_64bits_digest(adopt->hash);
    adopt->text = pirn__meta_text(&adopt->item, &len);
    if (adopt->text == NULL) {
        finish(adopt, -ENOMEM);
        return;
    }
    pirn__prep_open(&adopt->open, root, adopt->next.text,
                    O_WRONLY | O_CREAT | O_EXCL);
    pirn_prep_write(&adopt->write, PIRN_FD_OF(0), adopt->text, len, 0);
    pirn_prep_fsync(&adopt->fsync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&adopt->close, PIRN_FD_OF(0));
    pirn_step_when(&adopt->close, PIRN_STEP_ALWAYS);
    pirn__prep_sync(&adopt->body_sync, &spool->bodies[shard]);
    pirn_prep_rename(&adopt->rename, root, adopt->next.text, root,
                     adopt->ready.text, RENAME_NOREPLACE);
    pirn__prep_sync(&adopt->sync, &adopt->quarantine->ready[shard]);
    struct pirn_op *const steps[] = {
        &adopt->open,
        &adopt->write,
        &adopt->fsync,
        &adopt->close,
        &adopt->body_sync.waiter.op,
        &adopt->rename,
        &adopt->sync.waiter.op,
    };
    memcpy(adopt->steps, steps, sizeof(steps));
    pirn_chain_start(spool->context, &adopt->chain, adopt->steps, 7, published);
}

/* ---- the body ---- */

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt = adopt_of(op);

    (void)result; /* nothing was written */
    adopt->fd = -1;
    if (adopt->result < 0) {
        finish(adopt, adopt->result);
        return;
    }
    publish(adopt);
}

static void close_body(struct pirn__adopt *adopt, int32_t result)
{
    adopt->result = result;
    pirn_prep_close(&adopt->step, adopt->fd);
    pirn_start(adopt->spool->context, &adopt->step, closed);
}

static void synced(struct pirn_op *op, int32_t result)
{
    close_body(adopt_of(op), result < 0 ? result : 0);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt = adopt_of(op);
    struct pirn_context *context = adopt->spool->context;

    if (result < 0) {
        close_body(adopt, result);
        return;
    }
    if (result == 0) {
        pirn_prep_fsync(&adopt->step, adopt->fd, PIRN_SYNC_ALL);
        pirn_start(context, &adopt->step, synced);
        return;
    }
    (void)XXH3_64bits_update(adopt->hash, adopt->buf, (size_t)result);
    adopt->item.size_bytes += (uint64_t)result;
    pirn_prep_read(&adopt->step, adopt->fd, adopt->buf, BUF_BYTES,
                   adopt->item.size_bytes);
    pirn_start(context, &adopt->step, have_read);
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt = adopt_of(op);

    if (result < 0) {
        finish(adopt, result);
        return;
    }
    adopt->fd = result;
    pirn_prep_read(&adopt->step, adopt->fd, adopt->buf, BUF_BYTES, 0);
    pirn_start(adopt->spool->context, &adopt->step, have_read);
}

static void asked(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt = adopt_of(op);
    struct pirn_spool *spool = adopt->spool;

    if (result < 0 || !pirn__is_file(&adopt->statx)) {
        finish(adopt, result < 0 ? result : -EBADMSG);
        return;
    }
    pirn__prep_open_waiting(&adopt->step, spool->root_fd, adopt->body.text,
                            O_RDONLY);
    pirn_start(spool->context, &adopt->step, opened);
}

static void open_body(struct pirn__adopt *adopt)
{
    struct pirn_spool *spool = adopt->spool;

    pirn__prep_ask_kind(&adopt->step, spool->root_fd, adopt->body.text,
                        &adopt->statx);
    pirn_start(spool->context, &adopt->step, asked);
}

static void moved(struct pirn_op *op, int32_t result)
{
    struct pirn__adopt *adopt = adopt_of(op);

    if (result < 0) {
        finish(adopt, result);
        return;
    }
    open_body(adopt);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__adopt *adopt = pirn_container_of(op, struct pirn__adopt, op);
    struct pirn_spool *spool = adopt->spool;

    adopt->fd = -1;
    adopt->text = NULL;
    adopt->hash = XXH3_createState();
    adopt->buf = malloc(BUF_BYTES);
    adopt->quarantine = pirn__queue_find(spool, PIRN__NAME_QUARANTINE);
    if (adopt->hash == NULL || adopt->buf == NULL ||
        adopt->quarantine == NULL) {
        finish(adopt, adopt->quarantine == NULL ? -ENOTDIR : -ENOMEM);
        return;
    }
    (void)XXH3_64bits_reset(adopt->hash);
    if (adopt->from.text[0] == '\0') {
        open_body(adopt);
        return;
    }
    pirn_prep_rename(&adopt->step, spool->root_fd, adopt->from.text,
                     spool->root_fd, adopt->body.text, RENAME_NOREPLACE);
    pirn_start(context, &adopt->step, moved);
}

void pirn__prep_adopt(struct pirn__adopt *adopt, struct pirn_spool *spool,
                      const struct pirn_id *id, bool is_of_log)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};
    char was[PIRN_ID_TEXT];

    adopt->spool = spool;
    adopt->item = (struct pirn_item){
        .id = *id,
        .version = 1,
        .created_ns = pirn_context_realtime_ns(spool->context),
        .fields = {.bytes = adopt->fields, .cap = sizeof(adopt->fields)},
    };
    adopt->from.text[0] = '\0';
    add_field(adopt, "quarantined", pirn_fault_name(PIRN_FAULT_ORPHANED));
    if (is_of_log) {
        pirn__name_log_body(&adopt->from, id);
        pirn_id_format(id, was);
        add_field(adopt, "was", was);
        pirn__spool_new_id(spool, &adopt->item.id);
    }
    pirn__name_body(&adopt->body, &adopt->item.id);
    pirn__name_next(&adopt->next, spool->slot, &adopt->item.id);
    pirn__name_ready(&adopt->ready, PIRN__NAME_QUARANTINE, &adopt->item.id);
    pirn_prep_task(&adopt->op, &verbs);
}
