/* SPDX-License-Identifier: MIT */
/*
 * alias.c - see spool/log/alias.h
 *
 *   make     mkdir .log/ids, open, write, fdatasync; then .log and .log/ids are
 *            synced
 *   read     whether it is a file, open, read; what is none leads to nothing
 *
 * Who makes one has the item alone, so what stands there under its name leads
 * to nothing any more. It may be torn until it is synced: no record speaks of
 * it by then, and who reads it finds no id, or one that leads nowhere.
 */
#include "spool/log/alias.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/opens.h"

enum { STEP_OPEN = 1, TEXT_LEN = PIRN_ID_TEXT - 1 };

static void room_init_one(struct pirn__log *log, struct pirn__sync *sync,
                          const char *path)
{
    strcpy(sync->path.text, path);
    pirn__sync_init(sync, log->context, log->spool->root_fd);
}

void pirn__alias_room_init(struct pirn__log *log)
{
    room_init_one(log, &log->aliases.ids, PIRN__NAME_LOG_IDS);
    room_init_one(log, &log->aliases.above, PIRN__NAME_LOG);
}

void pirn__alias_room_deinit(struct pirn__log *log)
{
    pirn__sync_deinit(&log->aliases.ids);
    pirn__sync_deinit(&log->aliases.above);
}

/* ---- make ---- */

static struct pirn__alias *alias_of_chain(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__alias, chain.op);
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__alias *alias = alias_of_chain(op);

    pirn_assert(result <= 0);
    alias->log->aliases.is_durable |= result == 0;
    pirn_task_finish(alias->log->context, &alias->op, result);
}

static void wrote(struct pirn_op *op, int32_t result)
{
    struct pirn__alias *alias = alias_of_chain(op);
    struct pirn__alias_room *room = &alias->log->aliases;
    uint32_t count = 0;

    if (result < 0) {
        pirn_task_finish(alias->log->context, &alias->op, result);
        return;
    }
    pirn__prep_sync(&alias->sync, &room->ids);
    alias->steps[count++] = &alias->sync.waiter.op;
    if (!room->is_durable) {
        pirn__prep_sync(&alias->sync_above, &room->above);
        alias->steps[count++] = &alias->sync_above.waiter.op;
    }
    pirn_chain_start(alias->log->context, &alias->chain, alias->steps, count,
                     synced);
}

static void write_it(struct pirn__alias *alias)
{
    int root = alias->log->spool->root_fd;

    pirn__prep_open(&alias->open, root, alias->path.text,
                    O_WRONLY | O_CREAT | O_TRUNC);
    pirn_prep_write(&alias->io, PIRN_FD_OF(0), alias->text, TEXT_LEN, 0);
    pirn_prep_fsync(&alias->fsync, PIRN_FD_OF(0), PIRN_SYNC_DATA);
    pirn_prep_close(&alias->close, PIRN_FD_OF(0));
    pirn_step_when(&alias->close, PIRN_STEP_ALWAYS);
    alias->steps[0] = &alias->open;
    alias->steps[1] = &alias->io;
    alias->steps[2] = &alias->fsync;
    alias->steps[3] = &alias->close;
    pirn_chain_start(alias->log->context, &alias->chain, alias->steps, 4,
                     wrote);
}

static void made_dir(struct pirn_op *op, int32_t result)
{
    struct pirn__alias *alias =
        pirn_container_of(op, struct pirn__alias, mkdir);

    if (result < 0 && result != -EEXIST) {
        pirn_task_finish(alias->log->context, &alias->op, result);
        return;
    }
    write_it(alias);
}

static void make_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__alias *alias = pirn_container_of(op, struct pirn__alias, op);

    pirn_assert(context == alias->log->context);
    if (alias->log->aliases.is_durable) {
        write_it(alias);
        return;
    }
    pirn_prep_mkdir(&alias->mkdir, alias->log->spool->root_fd,
                    PIRN__NAME_LOG_IDS, PIRN__DIR_MODE);
    pirn_start(context, &alias->mkdir, made_dir);
}

void pirn__prep_alias_make(struct pirn__alias *alias, struct pirn__log *log,
                           const struct pirn_id *id,
                           const struct pirn_id *in_log)
{
    static const struct pirn_task_verbs verbs = {.begin = make_begin};

    alias->log = log;
    alias->id = *id;
    alias->in_log = *in_log;
    pirn__name_alias(&alias->path, id);
    pirn_id_format(in_log, alias->text);
    pirn_prep_task(&alias->op, &verbs);
}

/* ---- read ---- */

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__alias *alias = alias_of_chain(op);
    int32_t r = result == -ENOENT ? 0 : result;

    if (result == 0 && pirn_op_result(&alias->io) == TEXT_LEN) {
        alias->text[TEXT_LEN] = '\0';
        r = pirn_id_parse(alias->text, &alias->in_log) == 0 ? 1 : 0;
    }
    pirn_task_finish(alias->log->context, &alias->op, r);
}

static void have_kind(struct pirn_op *op, int32_t result)
{
    struct pirn__alias *alias = pirn_container_of(op, struct pirn__alias, stat);
    struct pirn_context *context = alias->log->context;

    if (pirn__is_none(result) ||
        (result == 0 && !pirn__is_file(&alias->statx))) {
        pirn_task_finish(context, &alias->op, 0);
        return;
    }
    if (result < 0) {
        pirn_task_finish(context, &alias->op, result);
        return;
    }
    pirn__prep_open_waiting(&alias->open, alias->log->spool->root_fd,
                            alias->path.text, O_RDONLY);
    pirn_prep_read(&alias->io, PIRN_FD_OF(0), alias->text, TEXT_LEN, 0);
    pirn_prep_close(&alias->close, PIRN_FD_OF(0));
    pirn_step_when(&alias->close, PIRN_STEP_ALWAYS);
    alias->steps[0] = &alias->open;
    alias->steps[1] = &alias->io;
    alias->steps[2] = &alias->close;
    pirn_chain_start(context, &alias->chain, alias->steps, 3, have_read);
}

static void read_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__alias *alias = pirn_container_of(op, struct pirn__alias, op);

    pirn_assert(context == alias->log->context);
    pirn__prep_ask_kind(&alias->stat, alias->log->spool->root_fd,
                        alias->path.text, &alias->statx);
    pirn_start(context, &alias->stat, have_kind);
}

void pirn__prep_alias_read(struct pirn__alias *alias, struct pirn__log *log,
                           const struct pirn_id *id)
{
    static const struct pirn_task_verbs verbs = {.begin = read_begin};

    alias->log = log;
    alias->id = *id;
    pirn__name_alias(&alias->path, id);
    pirn_prep_task(&alias->op, &verbs);
}

void pirn__prep_alias_remove(struct pirn_op *op, struct pirn__log *log,
                             struct pirn__name *path, const struct pirn_id *id)
{
    pirn__name_alias(path, id);
    pirn_prep_unlink(op, log->spool->root_fd, path->text, 0);
}

/* ---- the field ---- */

void pirn__alias_put(char *bytes, const struct pirn_id *id)
{
    memcpy(bytes, PIRN__ALIAS_FIELD, sizeof(PIRN__ALIAS_FIELD));
    pirn_id_format(id, bytes + sizeof(PIRN__ALIAS_FIELD));
}

int pirn__alias_get(const char *bytes, uint32_t len, struct pirn_id *ret_id)
{
    if (len < PIRN__ALIAS_FIELD_BYTES ||
        memcmp(bytes, PIRN__ALIAS_FIELD, sizeof(PIRN__ALIAS_FIELD)) != 0 ||
        bytes[PIRN__ALIAS_FIELD_BYTES - 1] != '\0') {
        return -EBADMSG;
    }
    return pirn_id_parse(bytes + sizeof(PIRN__ALIAS_FIELD), ret_id) < 0
               ? -EBADMSG
               : 0;
}

static const struct pirn__slot *slot_of(const struct pirn__log *log,
                                        const struct pirn_id *id)
{
    struct pirn__log_id parts;

    pirn__log_id_unpack(id, &parts);
    return &log->index.catalogue.slots[parts.slot];
}

bool pirn__log_is_alias(const struct pirn__log *log, const struct pirn_id *id)
{
    return pirn__log_knows(log, id) &&
           (pirn__route_unpack(pirn__atom_load(&slot_of(log, id)->route))
                .flags &
            PIRN__RECORD_ALIAS) != 0;
}

enum pirn__state pirn__log_state_of(const struct pirn__log *log,
                                    const struct pirn_id *id)
{
    struct pirn__log_id parts;

    if (!pirn__log_knows(log, id)) {
        return PIRN__FREE;
    }
    pirn__log_id_unpack(id, &parts);
    struct pirn__word word = pirn__word_unpack(
        pirn__atom_load(&log->index.catalogue.slots[parts.slot].word));
    return word.incarnation == parts.incarnation ? word.state : PIRN__FREE;
}
