/* SPDX-License-Identifier: MIT */
/*
 * commit.c - an item is published whole and durable, or not at all
 *
 *   make      open .tmp/O/ID, open .data/XY/ID (both O_EXCL)
 *             shared: open .tmp/O/ID, open SOURCE, link SOURCE .data/XY/ID
 *   put       write some of the body
 *   publish   write the metadata durably, and the body, or if it was put
 *             fdatasync it; fsync .data/XY: at once; all three have said 0
 *             rename .tmp/O/ID -> QUEUE/XY/ID, or where else it belongs
 *             fsync QUEUE/XY: the item is safe. Of a bucket .tmp/O: a rename is
 *             atomic, and what makes it durable there makes it so here
 *             no bucket any more: its time has come; make, rename, fsync once
 *             more, to where the item belongs by now
 *
 * No step runs after one that failed but the ones that clean up. Nothing is
 * retried on a file whose write or sync failed.
 *
 * The body's O_EXCL is what makes an id unique among all owners; the name in
 * .tmp comes first, so that a body always has a name that recovery finds. A
 * shard of bodies that is missing, or is no directory, is passed over.
 */
#include "spool/file/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "runtime/plant.h"
#include "spool/file/meta_file.h"
#include "spool/opens.h"

enum {
    TRIES_MAX = 8,
    STEP_BODY = 1, /* of the making */
    STEP_LINK = 2, /* of that of a shared one, instead */
};

#define CREATE (O_WRONLY | O_CREAT | O_EXCL)

static void make_files(struct pirn__commit *commit);
static void start_site(struct pirn__commit *commit);

static struct pirn__commit *commit_of_chain(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__commit, chain.op);
}

static void start_chain(struct pirn__commit *commit, uint32_t count,
                        pirn_op_fn *fn)
{
    pirn_assert(count <= sizeof(commit->steps) / sizeof(commit->steps[0]));
    pirn_chain_start(commit->spool->context, &commit->chain, commit->steps,
                     count, fn);
}

/* Of a name in a shard: the shard is missing, or is no directory. */
static bool is_of_shard(int32_t result)
{
    return result == -ENOENT || result == -ENOTDIR || result == -ELOOP;
}

/* ---- make ---- */

/* Others who failed there have left it, perhaps. */
static void pass_shard(struct pirn__commit *commit)
{
    struct pirn_spool *spool = commit->spool;

    pirn_assert(commit->passed < PIRN__SHARDS);
    commit->passed++;
    if (pirn__id_shard(&commit->item.id) == spool->writer_shard) {
        pirn__spool_leave_shard(spool);
    }
}

/* Its shard takes nothing in. Where a source is gone the next try says so. */
static bool misplaces(const struct pirn__commit *commit, int32_t result)
{
    uint32_t step = commit->is_shared ? STEP_LINK : STEP_BODY;

    return is_of_shard(result) && pirn_chain_failed(&commit->chain) == step;
}

static void unmade(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, unlink_name);

    pirn_assert(result <= 0); /* recovery would find it */
    if (commit->result == -EEXIST && commit->tries < TRIES_MAX) {
        commit->tries++;
        make_files(commit);
        return;
    }
    if (commit->is_misplaced && commit->passed < PIRN__SHARDS) {
        pass_shard(commit);
        make_files(commit);
        return;
    }
    pirn_task_finish(commit->spool->context, &commit->make, commit->result);
}

static void closed_unmade(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, close_meta);

    pirn_assert(result <= 0);
    commit->meta_fd = -1;
    pirn_prep_unlink(&commit->unlink_name, commit->spool->root_fd,
                     commit->draft_name.text, 0);
    pirn_start(commit->spool->context, &commit->unlink_name, unmade);
}

static void unmake(struct pirn__commit *commit)
{
    pirn_prep_close(&commit->close_meta, commit->meta_fd);
    pirn_start(commit->spool->context, &commit->close_meta, closed_unmade);
}

static void closed_source(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, close_body);

    pirn_assert(result <= 0);
    commit->body_fd = -1;
    unmake(commit);
}

static void made(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit = commit_of_chain(op);
    bool is_gone = commit->is_shared && result == -ENOENT;
    bool is_misplaced = misplaces(commit, result);

    pirn_assert(result <= 0);
    commit->is_misplaced = is_misplaced;
    commit->result = is_misplaced ? -ENOTDIR : is_gone ? -ESTALE : result;
    if (result == 0) {
        commit->meta_fd = pirn_op_result(&commit->open_meta);
        commit->body_fd = pirn_op_result(&commit->open_body);
        commit->made = true;
        pirn_task_finish(commit->spool->context, &commit->make, 0);
        return;
    }
    if (pirn_chain_failed(&commit->chain) == 0) {
        unmade(&commit->unlink_name, 0); /* the name is not ours to unlink */
        return;
    }
    commit->meta_fd = pirn_op_result(&commit->open_meta);
    if (pirn_chain_failed(&commit->chain) == STEP_LINK) {
        commit->body_fd = pirn_op_result(&commit->open_body);
        pirn_prep_close(&commit->close_body, commit->body_fd);
        pirn_start(commit->spool->context, &commit->close_body, closed_source);
        return;
    }
    unmake(commit);
}

static void make_files(struct pirn__commit *commit)
{
    struct pirn_spool *spool = commit->spool;
    struct pirn_id *id = &commit->item.id;

    pirn_assert(commit->tries <= TRIES_MAX);
    pirn_assert(commit->queue != NULL);
    pirn__spool_new_id(spool, id);
    pirn__name_draft(&commit->draft_name, spool->slot, id);
    pirn__name_body(&commit->body_name, id);
    pirn__prep_open(&commit->open_meta, spool->root_fd, commit->draft_name.text,
                    CREATE);
    commit->steps[0] = &commit->open_meta;
    commit->steps[1] = &commit->open_body;
    commit->steps[STEP_LINK] = &commit->link_body;
    if (commit->is_shared) {
        pirn__prep_open(&commit->open_body, spool->root_fd, commit->source.text,
                        O_RDONLY);
        pirn_prep_link(&commit->link_body, spool->root_fd, commit->source.text,
                       spool->root_fd, commit->body_name.text, 0);
    } else {
        pirn__prep_open(&commit->open_body, spool->root_fd,
                        commit->body_name.text, CREATE);
    }
    start_chain(commit, commit->is_shared ? 3 : 2, made);
}

static void make_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, make);

    pirn_assert(context == commit->spool->context);
    pirn_assert(!commit->made);
    commit->tries = 1;
    commit->passed = 0;
    commit->meta_fd = -1;
    commit->body_fd = -1;
    make_files(commit);
}

static const struct pirn_task_verbs make_verbs = {.begin = make_begin};

void pirn__prep_make(struct pirn__commit *commit)
{
    pirn_prep_task(&commit->make, &make_verbs);
}

/* ---- put ---- */

static void wrote(struct pirn_op *op, int32_t result);

static void put_more(struct pirn__put *put)
{
    struct pirn__commit *commit = put->commit;
    uint32_t len = put->len < PIRN_IO_MAX ? (uint32_t)put->len : PIRN_IO_MAX;

    pirn_assert(commit->made && commit->body_fd >= 0);
    if (len == 0) {
        pirn_task_finish(commit->spool->context, &put->op, 0);
        return;
    }
    pirn_prep_write(&put->write, commit->body_fd, put->bytes, len,
                    commit->written);
    pirn_start(commit->spool->context, &put->write, wrote);
}

static void wrote(struct pirn_op *op, int32_t result)
{
    struct pirn__put *put = pirn_container_of(op, struct pirn__put, write);

    if (result <= 0) {
        pirn_task_finish(put->commit->spool->context, &put->op,
                         result < 0 ? result : -EIO);
        return;
    }
    pirn_assert((uint64_t)result <= put->len);
    put->bytes += result;
    put->len -= (uint64_t)result;
    put->commit->written += (uint64_t)result;
    put_more(put);
}

static void put_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__put *put = pirn_container_of(op, struct pirn__put, op);

    pirn_assert(context == put->commit->spool->context);
    pirn_assert(put->commit->made);
    put_more(put);
}

static const struct pirn_task_verbs put_verbs = {.begin = put_begin};

void pirn__prep_put(struct pirn__put *put, struct pirn__commit *commit,
                    const char *bytes, uint64_t len)
{
    pirn_assert(bytes != NULL || len == 0);
    put->commit = commit;
    put->bytes = bytes;
    put->len = len;
    pirn_prep_task(&put->op, &put_verbs);
}

/* ---- the three syncs ---- */

static void flush_file(struct pirn__flush_file *file);

static void flushed_one(struct pirn__flush *flush, int32_t result)
{
    pirn_assert(flush->left > 0);
    pirn_assert(result <= 0);
    if (result < 0 && flush->result == 0 && !pirn__planted("flush-ignored")) {
        flush->result = result;
    }
    if (--flush->left == 0) {
        pirn_task_finish(flush->context, &flush->op, flush->result);
    }
}

static void flushed_file(struct pirn_op *op, int32_t result)
{
    struct pirn__flush_file *file =
        pirn_container_of(op, struct pirn__flush_file, op);

    pirn_assert(result <= 0 || (uint64_t)result <= file->len);
    if (pirn__planted("flush-retried") && result == -EIO) {
        file->len = 0; /* what was written is there, and is synced once more */
        pirn_prep_fsync(op, file->fd, PIRN_SYNC_DATA);
        pirn_start(file->flush->context, op, flushed_file);
        return;
    }
    if (result == 0 && file->len > 0) {
        result = -EIO; /* nothing goes in any more */
    }
    if (result > 0 && (uint64_t)result < file->len) {
        file->bytes += result;
        file->offset += (uint64_t)result;
        file->len -= (uint64_t)result;
        flush_file(file);
        return;
    }
    flushed_one(file->flush, result < 0 ? result : 0);
}

/* What a write falls short of is written by the next one: what the first one
 * says it has made durable is. */
static void flush_file(struct pirn__flush_file *file)
{
    uint32_t len = file->len < PIRN_IO_MAX ? (uint32_t)file->len : PIRN_IO_MAX;

    pirn_assert(file->fd >= 0);
    if (len > 0) {
        pirn_prep_write_durable(&file->op, file->fd, file->bytes, len,
                                file->offset);
    } else {
        pirn_prep_fsync(&file->op, file->fd, PIRN_SYNC_DATA);
    }
    pirn_start(file->flush->context, &file->op, flushed_file);
}

static void flushed_dir(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    flushed_one(pirn_container_of(op, struct pirn__flush, dir.waiter.op),
                result);
}

static void flush_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__flush *flush = pirn_container_of(op, struct pirn__flush, op);

    pirn_assert(pirn_op_is_idle(&flush->body.op));
    pirn_assert(pirn_op_is_idle(&flush->meta.op));
    flush->context = context;
    flush->left = 3;
    flush->result = 0;
    flush_file(&flush->body);
    flush_file(&flush->meta);
    pirn_start(context, &flush->dir.waiter.op, flushed_dir);
}

static const struct pirn_task_verbs flush_verbs = {.begin = flush_begin};

static void prep_flush(struct pirn__commit *commit)
{
    struct pirn__flush *flush = &commit->flush;
    uint32_t shard = pirn__id_shard(&commit->item.id);

    pirn_assert(shard < PIRN__SHARDS);
    pirn_assert(commit->body_fd >= 0 && commit->meta_fd >= 0);
    flush->body = (struct pirn__flush_file){
        .flush = flush,
        .fd = commit->body_fd,
        .bytes = commit->whole,
        .len = commit->whole_len,
    };
    flush->meta = (struct pirn__flush_file){
        .flush = flush,
        .fd = commit->meta_fd,
        .bytes = commit->text,
        .len = commit->text_len,
    };
    pirn__prep_sync(&flush->dir, &commit->spool->bodies[shard]);
    pirn_prep_task(&flush->op, &flush_verbs);
}

/* ---- publish ---- */

static void publish_ended(struct pirn__commit *commit, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(result < 0 || !commit->made);
    free(commit->text);
    commit->text = NULL;
    pirn_task_finish(commit->spool->context, &commit->publish, result);
}

static void taken_back(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, rename);

    /* 0: it is a draft again, with its body. The body may not be unlinked:
     * QUEUE/XY, which must forget the name first, is what could not be synced.
     * -ENOENT: somebody has claimed it. Either way it is no more ours. */
    pirn_assert(result <= 0);
    commit->made = false;
    publish_ended(commit, commit->result);
}

static void unlinked_unpublished(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, unlink_body);

    pirn_assert(result <= 0);
    publish_ended(commit, commit->result);
}

static void unnamed(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, unlink_name);

    pirn_assert(result <= 0);
    commit->made = false;
    if (result < 0 && !pirn__planted("body-unlinked")) {
        publish_ended(commit, commit->result); /* it may be visible: leave it */
        return;
    }
    pirn_prep_unlink(&commit->unlink_body, commit->spool->root_fd,
                     commit->body_name.text, 0);
    pirn_start(commit->spool->context, &commit->unlink_body,
               unlinked_unpublished);
}

static void take_back(struct pirn__commit *commit)
{
    struct pirn_spool *spool = commit->spool;

    pirn__site_path(&commit->site.site, &commit->item.id, &commit->ready_name);
    pirn_prep_rename(&commit->rename, spool->root_fd, commit->ready_name.text,
                     spool->root_fd, commit->draft_name.text, RENAME_NOREPLACE);
    pirn_start(spool->context, &commit->rename, taken_back);
}

/* A rename may fail and have happened. If the draft's name is there to be
 * unlinked it did not, and only then the body goes. */
static void unname(struct pirn__commit *commit)
{
    struct pirn_spool *spool = commit->spool;

    if (is_of_shard(commit->result)) { /* there was no directory to go to */
        commit->result =
            commit->site.site.kind == PIRN__SITE_SHARD ? -ENOTDIR : -EAGAIN;
    }
    pirn_prep_unlink(&commit->unlink_name, spool->root_fd,
                     commit->draft_name.text, 0);
    pirn_start(spool->context, &commit->unlink_name, unnamed);
}

/* Without a directory to go to, its bucket's time has come meanwhile, and it
 * was the first to be put there. A directory that is gone takes nothing in. */
static bool goes_late(struct pirn__commit *commit, uint32_t failed)
{
    if (commit->result != -ENOENT || failed != commit->rename_at ||
        commit->site.site.kind != PIRN__SITE_BUCKET || commit->is_late) {
        return false;
    }
    commit->is_late = true;
    start_site(commit);
    return true;
}

static void published(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit = commit_of_chain(op);
    struct pirn_spool *spool = commit->spool;

    pirn_assert(result <= 0);
    commit->meta_fd = -1;
    commit->body_fd = -1;
    commit->site.fd = -1;
    commit->result = result;
    if (result == 0) {
        commit->made = false;
        pirn__site_filled(spool, &commit->site.site);
        publish_ended(commit, 0);
        return;
    }
    uint32_t failed = pirn_chain_failed(&commit->chain);
    if (goes_late(commit, failed)) {
        return;
    }
    pirn__spool_leave_shard(spool);
    if (failed < commit->rename_at) {
        publish_ended(commit, result); /* undo does the rest */
    } else if (failed == commit->rename_at) {
        unname(commit);
    } else {
        take_back(commit);
    }
}

/* What makes its new name durable. */
static struct pirn__sync *sync_of(struct pirn__commit *commit)
{
    return commit->site.fd >= 0
               ? &commit->spool->drafts
               : pirn__site_sync(&commit->site.site, &commit->item.id);
}

/* Both files and the body's name durable, and closed. */
static uint32_t add_flush(struct pirn__commit *commit)
{
    prep_flush(commit);
    pirn_prep_close(&commit->close_meta, commit->meta_fd);
    pirn_step_when(&commit->close_meta, PIRN_STEP_ALWAYS);
    pirn_prep_close(&commit->close_body, commit->body_fd);
    pirn_step_when(&commit->close_body, PIRN_STEP_ALWAYS);
    commit->steps[0] = &commit->flush.op;
    commit->steps[1] = &commit->close_meta;
    commit->steps[2] = &commit->close_body;
    return 3;
}

static void start_publishing(struct pirn__commit *commit)
{
    uint32_t count = commit->is_late ? 0 : add_flush(commit);

    commit->rename_at = count;
    pirn__site_prep_rename(&commit->site, &commit->rename, &commit->draft_name,
                           &commit->item.id, &commit->ready_name);
    commit->steps[count++] = &commit->rename;
    if (!pirn__planted("directory-not-synced")) {
        pirn__prep_sync(&commit->sync, sync_of(commit));
        commit->steps[count++] = &commit->sync.waiter.op;
    }
    if (commit->site.fd >= 0) {
        pirn__site_prep_close(&commit->site, &commit->close_site);
        pirn_step_when(&commit->close_site, PIRN_STEP_ALWAYS);
        commit->steps[count++] = &commit->close_site;
    }
    start_chain(commit, count, published);
}

static void made_site(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, site.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        publish_ended(commit, result); /* undo does the rest */
        return;
    }
    start_publishing(commit);
}

static void start_site(struct pirn__commit *commit)
{
    struct pirn_spool *spool = commit->spool;
    uint64_t now_ns = pirn_context_realtime_ns(spool->context);
    struct pirn__site site =
        pirn__site_of(commit->queue, &commit->item, now_ns);

    pirn_assert(commit->made && commit->text != NULL);
    pirn__prep_site_make(&commit->site, spool, &site);
    if (site.kind == PIRN__SITE_SHARD) {
        commit->site.fd = -1; /* it is there */
        start_publishing(commit);
        return;
    }
    pirn_start(spool->context, &commit->site.op, made_site);
}

static void publish_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, publish);

    pirn_assert(context == commit->spool->context);
    pirn_assert(commit->made && commit->text == NULL);
    pirn_assert(commit->written + commit->whole_len == commit->item.size_bytes);
    pirn_assert(commit->written == 0 || commit->whole_len == 0);
    commit->is_late = false;
    commit->text = pirn__meta_text(&commit->item, &commit->text_len);
    if (commit->text == NULL) {
        publish_ended(commit, -ENOMEM);
        return;
    }
    start_site(commit);
}

static const struct pirn_task_verbs publish_verbs = {.begin = publish_begin};

void pirn__prep_publish(struct pirn__commit *commit)
{
    pirn_prep_task(&commit->publish, &publish_verbs);
}

/* ---- undo ---- */

static void undone(struct pirn_op *op, int32_t result)
{
    struct pirn__commit *commit = commit_of_chain(op);

    pirn_assert(result <=
                0); /* what is left has a name in .tmp, which recovery finds */
    commit->made = false;
    commit->meta_fd = -1;
    commit->body_fd = -1;
    pirn_task_finish(commit->spool->context, &commit->undo, 0);
}

static void undo_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__commit *commit =
        pirn_container_of(op, struct pirn__commit, undo);
    int root = commit->spool->root_fd;
    uint32_t count = 0;

    pirn_assert(context == commit->spool->context);
    pirn_assert(commit->text == NULL);
    if (!commit->made) {
        pirn_task_finish(context, op, 0);
        return;
    }
    if (commit->meta_fd >= 0) {
        pirn_prep_close(&commit->close_meta, commit->meta_fd);
        pirn_step_when(&commit->close_meta, PIRN_STEP_ALWAYS);
        commit->steps[count++] = &commit->close_meta;
    }
    if (commit->body_fd >= 0) {
        pirn_prep_close(&commit->close_body, commit->body_fd);
        pirn_step_when(&commit->close_body, PIRN_STEP_ALWAYS);
        commit->steps[count++] = &commit->close_body;
    }
    pirn_prep_unlink(&commit->unlink_body, root, commit->body_name.text, 0);
    pirn_prep_unlink(&commit->unlink_name, root, commit->draft_name.text, 0);
    commit->steps[count++] = &commit->unlink_body;
    commit->steps[count++] = &commit->unlink_name;
    start_chain(commit, count, undone);
}

static const struct pirn_task_verbs undo_verbs = {.begin = undo_begin};

void pirn__prep_undo(struct pirn__commit *commit)
{
    pirn_prep_task(&commit->undo, &undo_verbs);
}
