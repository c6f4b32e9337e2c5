/* SPDX-License-Identifier: MIT */
/*
 * tombs_file.c - see spool/log/tombs_file.h
 *
 * From format 1 to format 2, by who is alone and makes a new index:
 *
 *   tombs -> words -> tombstones, whole and synced under another name first
 *     -> .log/log says 2, likewise: from here on tombstones is the truth
 *     -> tombs is unlinked
 *
 * Killed in between, the next one alone begins anew, or has the last step left.
 */
#include "spool/log/tombs_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/log/atom.h"
#include "spool/log/bytes.h"
#include "spool/log/copy.h"
#include "spool/log/log.h"
#include "spool/log/tomb_format_1.h"
#include "spool/opens.h"
#include "spool/text_file.h"

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

static int open_file(struct pirn__log *log, const char *path, int flags)
{
    return pirn__open_file(log->context, log->dir_fd, path, flags);
}

static void close_file(struct pirn__log *log, int fd)
{
    struct pirn_op op = {0};

    pirn_prep_close(&op, fd);
    (void)wait_for(log, &op);
}

int pirn__tombs_file_open(struct pirn__log *log)
{
    const char *path =
        log->text.format == 1 ? PIRN__TOMBS_FILE_FORMAT_1 : PIRN__TOMBS_FILE;
    int fd = open_file(log, path, O_RDWR);

    log->tombs_fd = fd < 0 ? -1 : fd;
    return fd < 0 ? fd : 0;
}

static int write_page(struct pirn__log *log, int fd, uint32_t page)
{
    const uint32_t bytes = PIRN__TOMB_PAGE_WORDS * 8;

    return pirn__log_write_at(
        log, fd, (const uint8_t *)pirn__tombs_page(&log->index.tombs, page),
        bytes, (uint64_t)page * bytes);
}

static int write_all(struct pirn__log *log, int fd)
{
    const struct pirn__tombs *tombs = &log->index.tombs;
    uint32_t pages = pirn__tombs_pages(tombs);
    struct pirn_op op = {0};
    int r = 0;

    for (uint32_t page = 0; r == 0 && page < pages; page++) {
        r = write_page(log, fd, page);
    }
    if (r == 0) {
        pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
        r = wait_for(log, &op);
    }
    if (r == 0) {
        pirn_prep_rename(&op, log->dir_fd, PIRN__TOMBS_FILE ".new", log->dir_fd,
                         PIRN__TOMBS_FILE, 0);
        r = wait_for(log, &op);
    }
    return r < 0 ? r : pirn__sync_dir(log->context, log->dir_fd, ".");
}

/* Alone: nobody sets a tombstone meanwhile, nor has the old file open. */
static void all_are_synced(struct pirn__log *log)
{
    const struct pirn__tombs *tombs = &log->index.tombs;
    struct pirn__index_head *head = log->index.head;

    for (uint32_t page = 0; page < pirn__tombs_pages(tombs); page++) {
        pirn__tomb_mark_synced(tombs, page,
                               pirn__atom_load(&tombs->versions[page]));
    }
    pirn__atom_store(&head->rounds_done, pirn__atom_load(&head->rounds_begun));
    pirn__atom_store(&head->rounds_failed, 0);
}

void pirn__tombs_file_put_bound(struct pirn__log *log, uint32_t segment)
{
    const struct pirn__tombs *tombs = &log->index.tombs;
    int r =
        write_page(log, log->tombs_fd, pirn__tomb_bound_page(tombs, segment));

    (void)r; /* then a restart knows less of what has to be there */
}

int pirn__tombs_file_renew(struct pirn__log *log)
{
    int fd =
        open_file(log, PIRN__TOMBS_FILE ".new", O_RDWR | O_CREAT | O_TRUNC);

    if (fd < 0) {
        return fd;
    }
    int r = write_all(log, fd);
    if (r < 0) {
        close_file(log, fd);
        return r;
    }
    close_file(log, log->tombs_fd);
    log->tombs_fd = fd;
    all_are_synced(log);
    return 0;
}

/* ---- reading ---- */

/* @len bytes from @at on; what a short file does not have is zeros. */
static int read_zeroed(struct pirn__log *log, uint8_t *bytes, uint32_t len,
                       uint64_t at)
{
    memset(bytes, 0, len);
    int64_t r = pirn__log_read_at(log, log->tombs_fd, bytes, len, at);

    return r < 0 ? (int)r : 0;
}

/* Return: how many words of a page say nothing. */
static uint32_t take_page(const struct pirn__tombs *tombs, uint32_t page,
                          const uint8_t *bytes)
{
    uint64_t *to = pirn__tombs_page(tombs, page);
    uint32_t damaged = 0;

    for (uint32_t i = 0; i < PIRN__TOMB_PAGE_WORDS; i++) {
        to[i] = pirn__get64(bytes + (size_t)i * 8);
    }
    for (uint32_t i = 0; i < PIRN__TOMB_PAGE_WORDS;
         i += PIRN__TOMB_SECTOR_WORDS) {
        damaged += pirn__tombs_mend(tombs, page, to + i);
    }
    return damaged;
}

/* Many pages at a time: each read is a turn. Return: how many words say
 * nothing, or an errno. */
static int64_t load_words(struct pirn__log *log)
{
    enum { AT_ONCE = 128, PAGE = PIRN__TOMB_PAGE_WORDS * 8 };
    const struct pirn__tombs *tombs = &log->index.tombs;
    uint32_t pages = pirn__tombs_pages(tombs);
    uint8_t *bytes = malloc(AT_ONCE * PAGE);
    int r = bytes == NULL ? -ENOMEM : 0;
    int64_t damaged = 0;

    for (uint32_t page = 0; page < pages && r == 0; page += AT_ONCE) {
        uint32_t count = pages - page < AT_ONCE ? pages - page : AT_ONCE;
        r = read_zeroed(log, bytes, count * PAGE, (uint64_t)page * PAGE);
        for (uint32_t i = 0; i < count && r == 0; i++) {
            damaged += take_page(tombs, page + i, bytes + (size_t)i * PAGE);
        }
    }
    free(bytes);
    return r < 0 ? r : damaged;
}

/* ---- format 1 ---- */

static void blank_words(const struct pirn__tombs *tombs)
{
    for (uint32_t page = 0; page < pirn__tombs_pages(tombs); page++) {
        uint64_t *words = pirn__tombs_page(tombs, page);
        for (uint32_t i = 0; i < PIRN__TOMB_PAGE_WORDS; i++) {
            words[i] = pirn__tomb_word(0, 0);
        }
    }
}

static int load_format_1(struct pirn__log *log)
{
    uint32_t segments = log->text.size.segments;
    uint64_t cuts_at = (uint64_t)segments * PIRN__TOMB_FORMAT_1_BYTES;
    uint8_t words[PIRN__TOMB_FORMAT_1_BYTES];
    uint8_t cut[8];
    int r = 0;

    blank_words(&log->index.tombs);
    for (uint32_t i = 0; i < segments && r == 0; i++) {
        r = read_zeroed(log, words, sizeof(words), (uint64_t)i * sizeof(words));
        r = r < 0 ? r : read_zeroed(log, cut, sizeof(cut), cuts_at + i * 8ull);
        if (r == 0) {
            pirn__tombs_take_format_1(&log->index.tombs, i, words, cut);
        }
    }
    return r;
}

static int rewrite_text(struct pirn__log *log)
{
    char text[PIRN__LOG_TEXT_MAX];
    uint32_t len = (uint32_t)pirn__log_text_encode(&log->text, text);
    struct pirn_op op = {0};
    int r = pirn__text_file_rewrite(log->context, log->dir_fd, "log.new", text,
                                    len);

    if (r < 0) {
        return r;
    }
    pirn_prep_rename(&op, log->dir_fd, "log.new", log->dir_fd, "log", 0);
    r = wait_for(log, &op);
    return r < 0 ? r : pirn__sync_dir(log->context, log->dir_fd, ".");
}

static int to_newest_format(struct pirn__log *log)
{
    int r = load_format_1(log);

    r = r < 0 ? r : pirn__tombs_file_renew(log);
    r = r < 0 ? r : rewrite_text(log);
    log->text.format = r < 0 ? log->text.format : PIRN__LOG_FORMAT;
    return r;
}

/* What a conversion that was stopped has left. */
static void drop_format_1(struct pirn__log *log)
{
    struct pirn_op op = {0};

    pirn_prep_unlink(&op, log->dir_fd, PIRN__TOMBS_FILE_FORMAT_1, 0);
    (void)wait_for(log, &op);
}

/* Without room: what they held dead comes back all the same. */
static void keep_copy(struct pirn__log *log)
{
    char path[48];

    (void)snprintf(path, sizeof(path), PIRN__TOMBS_FILE ".damaged.%ju",
                   (uintmax_t)log->place.epoch);
    int r = pirn__copy_aside(log, log->tombs_fd, path);
    (void)r;
}

int pirn__tombs_file_load(struct pirn__log *log)
{
    if (log->text.format == 1) {
        int r = to_newest_format(log);
        if (r < 0) {
            return r;
        }
    } else {
        int64_t damaged = load_words(log);
        if (damaged < 0) {
            return (int)damaged;
        }
        if (damaged > 0) {
            keep_copy(log);
        }
    }
    drop_format_1(log);
    return 0;
}
