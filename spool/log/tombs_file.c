/* SPDX-License-Identifier: MIT */
/* tombs_file.c - see spool/log/tombs_file.h */
#include "spool/log/tombs_file.h"

#include <errno.h>
#include <fcntl.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/text_file.h"

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

static int open_file(struct pirn__log *log, const char *path, int flags)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, log->dir_fd, path, flags, PIRN__FILE_MODE);
    return wait_for(log, &op);
}

static void close_file(struct pirn__log *log, int fd)
{
    struct pirn_op op = {0};

    pirn_prep_close(&op, fd);
    (void)wait_for(log, &op);
}

int pirn__tombs_file_open(struct pirn__log *log)
{
    int fd = open_file(log, "tombs", O_RDWR);

    log->tombs_fd = fd < 0 ? -1 : fd;
    return fd < 0 ? fd : 0;
}

static int write_page(struct pirn__log *log, int fd, uint32_t page)
{
    const uint8_t *from =
        (const uint8_t *)pirn__tombs_page(&log->index.tombs, page);
    const uint32_t bytes = PIRN__TOMB_PAGE_WORDS * 8;
    struct pirn_op op = {0};

    for (uint32_t done = 0; done < bytes;) {
        pirn_prep_write(&op, fd, from + done, bytes - done,
                        (uint64_t)page * bytes + done);
        int r = wait_for(log, &op);
        if (r <= 0) {
            return r < 0 ? r : -EIO;
        }
        done += (uint32_t)r;
    }
    return 0;
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
        pirn_prep_rename(&op, log->dir_fd, "tombs.new", log->dir_fd, "tombs",
                         0);
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

int pirn__tombs_file_renew(struct pirn__log *log)
{
    int fd = open_file(log, "tombs.new", O_RDWR | O_CREAT | O_TRUNC);

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
