/* SPDX-License-Identifier: MIT */
/*
 * make.c - what others may see is complete
 *
 * A queue is made under .making and renamed into its place when all of it is
 * durable; the superblock likewise, when all the rest is. Any number of
 * processes may make the same thing at once: every step is one that another may
 * have done already, and the last one is an atomic rename.
 */
#include "spool/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/log/bytes.h"
#include "spool/log/log_text.h"
#include "spool/log/tombs_file.h"
#include "spool/opens.h"
#include "spool/scan.h"
#include "spool/superblock.h"
#include "spool/text_file.h"

static int32_t wait_for(struct pirn_spool *spool, struct pirn_op *op)
{
    return pirn_wait(spool->context, op);
}

static int make_dir(struct pirn_spool *spool, const char *path)
{
    struct pirn_op op = {0};

    pirn_assert(spool->root_fd >= 0);
    pirn_prep_mkdir(&op, spool->root_fd, path, PIRN__DIR_MODE);
    int r = wait_for(spool, &op);
    return r == -EEXIST ? 0 : r;
}

static int sync_dir(struct pirn_spool *spool, const char *path)
{
    return pirn__sync_dir(spool->context, spool->root_fd, path);
}

static int rename_new(struct pirn_spool *spool, const char *from,
                      const char *to)
{
    struct pirn_op op = {0};

    pirn_prep_rename(&op, spool->root_fd, from, spool->root_fd, to,
                     RENAME_NOREPLACE);
    return wait_for(spool, &op);
}

static bool exists(struct pirn_spool *spool, const char *path)
{
    struct pirn_op op = {0};

    pirn__prep_open(&op, spool->root_fd, path, O_PATH);
    int fd = wait_for(spool, &op);
    if (fd < 0) {
        return false;
    }
    pirn_prep_close(&op, fd);
    (void)wait_for(spool, &op);
    return true;
}

/* A directory, 64 in it, and all that durable but for its own name. */
static int make_shards(struct pirn_spool *spool, const char *parent)
{
    struct pirn__name name;
    int r = make_dir(spool, parent);

    for (uint32_t shard = 0; r == 0 && shard < PIRN__SHARDS; shard++) {
        pirn__name_shard_dir(&name, parent, shard);
        r = make_dir(spool, name.text);
    }
    return r == 0 ? sync_dir(spool, parent) : r;
}

int pirn__make_queue(struct pirn_spool *spool, const char *queue)
{
    struct pirn__name making;
    struct pirn__name checkout;
    struct pirn__name there;

    pirn_assert(pirn_queue_name_is_valid(queue));
    pirn__name_checkout(&there, queue);
    if (exists(spool, there.text)) {
        return sync_dir(spool, "."); /* whoever renamed it may not have */
    }
    pirn__name_making(&making, queue);
    pirn__name_checkout(&checkout, making.text);
    int r = make_dir(spool, making.text);
    r = r == 0 ? make_dir(spool, checkout.text) : r;
    r = r == 0 ? make_shards(spool, making.text) : r;
    r = r == 0 ? rename_new(spool, making.text, queue) : r;
    if (r < 0 && !exists(spool, there.text)) {
        return r; /* else somebody else was faster with the same */
    }
    return sync_dir(spool, ".");
}

/* What we make, and what mkfs leaves in every file system's root. */
bool pirn__make_is_ours(const char *name)
{
    static const char *const ours[] = {
        PIRN__NAME_DATA,       PIRN__NAME_TMP,        PIRN__NAME_MAKING,
        PIRN__NAME_INCOMING,   PIRN__NAME_QUARANTINE, PIRN__NAME_OWNERS,
        PIRN__NAME_SUPERBLOCK, PIRN__NAME_LOG,        PIRN__NAME_REGISTRY,
        "lost+found",
    };

    pirn_assert(name[0] != '\0');
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strcmp(name, ours[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int32_t take_entry(struct pirn__scan *scan,
                          const struct pirn_entry *entry)
{
    pirn_assert(scan->result == 0);
    return pirn__make_is_ours(entry->name) ? 0 : -ENOTEMPTY;
}

static int refuse_foreign(struct pirn_spool *spool)
{
    struct pirn__scan scan = {.path = {"."}};

    pirn__prep_scan(&scan, spool->root_fd, take_entry);
    return wait_for(spool, &scan.op);
}

static int make_owners(struct pirn_spool *spool)
{
    struct pirn_op op = {0};

    pirn__prep_open(&op, spool->root_fd, PIRN__NAME_OWNERS, O_RDWR | O_CREAT);
    int fd = wait_for(spool, &op);
    if (fd < 0) {
        return fd;
    }
    pirn_prep_close(&op, fd);
    return wait_for(spool, &op);
}

/* ---- the log ---- */

static int make_log_text(struct pirn_spool *spool, const char *path,
                         const struct pirn_spool_config *config)
{
    struct pirn__log_text text = {
        .size =
            {
                .slots = config->log_slots ? config->log_slots : 1u << 20,
                .segments = config->log_segments ? config->log_segments : 1024,
                .segment_bytes = config->log_segment_bytes
                                     ? config->log_segment_bytes
                                     : 16u * 1024 * 1024,
            },
    };
    char buf[PIRN__LOG_TEXT_MAX];

    if (pirn__index_size_check(&text.size) < 0) {
        return -EINVAL;
    }
    pirn_context_random(spool->context, text.spool, sizeof(text.spool));
    uint32_t len = (uint32_t)pirn__log_text_encode(&text, buf);
    return pirn__text_file_write(spool->context, spool->root_fd, path, buf,
                                 len);
}

/* Words that say nothing. */
static int write_words(struct pirn_spool *spool, int fd, uint64_t bytes)
{
    enum { STEP = PIRN__TOMB_PAGE_WORDS * 8 };
    uint8_t words[STEP];
    struct pirn_op op = {0};

    for (uint32_t i = 0; i < STEP; i += 8) {
        pirn__put64(words + i, pirn__tomb_word(0, 0));
    }
    for (uint64_t at = 0; at < bytes;) {
        uint32_t begin = (uint32_t)(at % STEP);
        pirn_prep_write(&op, fd, words + begin, STEP - begin, at);
        int32_t r = wait_for(spool, &op);
        if (r < 0) {
            return r;
        }
        pirn_assert(r > 0);
        at += (uint32_t)r;
    }
    return 0;
}

/*
 * Room for all tombstones at once, so that removals need none. And written, not
 * allocated alone: ext4 has to turn what was only allocated into what is
 * written by its journal, and where that has failed meanwhile a sync may say 0.
 */
static int make_tombs(struct pirn_spool *spool, const char *path,
                      const struct pirn_spool_config *config)
{
    uint64_t segments = config->log_segments ? config->log_segments : 1024;
    uint64_t bytes = pirn__tombs_bytes((uint32_t)segments);
    struct pirn_op op = {0};

    pirn__prep_open(&op, spool->root_fd, path, O_RDWR | O_CREAT | O_EXCL);
    int fd = wait_for(spool, &op);
    if (fd < 0) {
        return fd;
    }
    int r = write_words(spool, fd, bytes);
    if (r == 0) {
        pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
        r = wait_for(spool, &op);
    }
    pirn_prep_close(&op, fd);
    (void)wait_for(spool, &op);
    return r;
}

/* The first queue's number, where it is one of the log. */
static int make_log_queue(struct pirn_spool *spool, const char *path)
{
    char buf[PIRN__LOG_TEXT_MAX];
    uint32_t len = (uint32_t)pirn__queue_text_encode(PIRN__NAME_INCOMING, buf);

    return pirn__text_file_write(spool->context, spool->root_fd, path, buf,
                                 len);
}

static int make_log_parts(struct pirn_spool *spool, const char *dir,
                          const struct pirn_spool_config *config)
{
    static const char *const dirs[] = {"seg", "queues", "bells"};
    char path[sizeof(PIRN__NAME_MAKING) + PIRN_ID_TEXT + 16];
    int r = make_dir(spool, dir);

    for (size_t i = 0; r == 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, dirs[i]);
        r = make_dir(spool, path);
    }
    (void)snprintf(path, sizeof(path), "%s/data", dir);
    r = r == 0 ? make_shards(spool, path) : r;
    (void)snprintf(path, sizeof(path), "%s/queues/0000", dir);
    if (r == 0 && config->layout == PIRN_LAYOUT_LOG) {
        r = make_log_queue(spool, path);
    }
    (void)snprintf(path, sizeof(path), "%s/queues", dir);
    r = r == 0 ? sync_dir(spool, path) : r;
    (void)snprintf(path, sizeof(path), "%s/" PIRN__TOMBS_FILE, dir);
    r = r == 0 ? make_tombs(spool, path, config) : r;
    (void)snprintf(path, sizeof(path), "%s/log", dir);
    r = r == 0 ? make_log_text(spool, path, config) : r;
    return r == 0 ? sync_dir(spool, dir) : r;
}

/* Under a name of our own, which a kill leaves behind; then renamed, by one. */
static int make_log(struct pirn_spool *spool,
                    const struct pirn_spool_config *config)
{
    char id[PIRN_ID_TEXT];
    char dir[sizeof(PIRN__NAME_MAKING) + 1 + PIRN_ID_TEXT];
    struct pirn_id unique;

    if (exists(spool, PIRN__NAME_LOG)) {
        return 0;
    }
    pirn__spool_new_id(spool, &unique);
    pirn_id_format(&unique, id);
    (void)snprintf(dir, sizeof(dir), PIRN__NAME_MAKING "/%s", id);
    int r = make_log_parts(spool, dir, config);
    r = r == 0 ? rename_new(spool, dir, PIRN__NAME_LOG) : r;
    return r == -EEXIST || r == -ENOTEMPTY ? 0 : r;
}

static int make_superblock(struct pirn_spool *spool)
{
    char text[PIRN__SUPERBLOCK_MAX];
    uint32_t len = (uint32_t)pirn__superblock_encode(text);
    char id[PIRN_ID_TEXT];
    char path[sizeof(PIRN__NAME_MAKING) + 1 + PIRN_ID_TEXT];
    struct pirn_id unique;
    struct pirn_op op = {0};

    pirn__spool_new_id(spool, &unique);
    pirn_id_format(&unique, id);
    (void)snprintf(path, sizeof(path), PIRN__NAME_MAKING "/%s", id);
    int r =
        pirn__text_file_write(spool->context, spool->root_fd, path, text, len);
    r = r == 0 ? rename_new(spool, path, PIRN__NAME_SUPERBLOCK) : r;
    if (r < 0) {
        pirn_prep_unlink(&op, spool->root_fd, path, 0);
        (void)wait_for(spool, &op);
    }
    return r == -EEXIST ? 0 : r; /* the same bytes */
}

int pirn__make_spool(struct pirn_spool *spool,
                     const struct pirn_spool_config *config)
{
    int r = refuse_foreign(spool);

    r = r == 0 ? make_owners(spool) : r;
    r = r == 0 ? make_dir(spool, PIRN__NAME_TMP) : r;
    r = r == 0 ? make_dir(spool, PIRN__NAME_MAKING) : r;
    r = r == 0 ? make_shards(spool, PIRN__NAME_DATA) : r;
    r = r == 0 ? make_dir(spool, PIRN__NAME_REGISTRY) : r;
    r = r == 0 ? make_dir(spool, PIRN__NAME_RESERVED) : r;
    r = r == 0 ? sync_dir(spool, PIRN__NAME_REGISTRY) : r;
    r = r == 0 && !config->without_log ? make_log(spool, config) : r;
    r = r == 0 ? pirn__make_queue(spool, PIRN__NAME_INCOMING) : r;
    r = r == 0 ? pirn__make_queue(spool, PIRN__NAME_QUARANTINE) : r;
    r = r == 0 ? sync_dir(spool, ".") : r;
    return r == 0 ? make_superblock(spool) : r;
}

int pirn__make_durable(struct pirn_spool *spool)
{
    int r = sync_dir(spool, ".");

    if (r == 0) {
        r = pirn__sync_above(spool->context, spool->root_fd);
        r = r == -EACCES ? 0 : r; /* not ours to read: somebody else's doing */
    }
    return r;
}
