/* SPDX-License-Identifier: MIT */
/*
 * attach.c - see spool/log/attach.h
 *
 *   new: file -> pages -> mapped, laid out -> .log/index names boot, nonce and
 *        epoch, durably -> filled -> ready
 *
 * The text names the index before it is filled, and the index says itself when
 * it is: who is killed in between leaves one that is not ready, and the next
 * one alone makes another. A file's name is the spool's and its directory's, so
 * that none is left behind, and a copy of the spool never meets the index of
 * the one that it was copied from; the nonce tells two of that name apart, in
 * two places that are both called /dev/shm.
 */
#include "spool/log/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/backing.h"
#include "spool/text_file.h"

#define DEFAULT_DIR "/dev/shm"

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

static void close_index(struct pirn__log *log)
{
    struct pirn_op op = {0};

    if (log->memory != NULL) {
        pirn_unmap_shared(log->context, log->memory, log->index.bytes);
        log->memory = NULL;
    }
    if (log->index_fd >= 0) {
        pirn_prep_close(&op, log->index_fd);
        (void)wait_for(log, &op);
        log->index_fd = -1;
    }
}

/* Its place need not be in the spool. */
static int open_path(struct pirn__log *log, int flags)
{
    struct pirn_op op = {0};

    pirn_assert(log->index_fd < 0);
    pirn_prep_open(&op, log->dir_fd, log->place.path, flags | O_NOFOLLOW,
                   PIRN__FILE_MODE);
    int fd = wait_for(log, &op);
    log->index_fd = fd < 0 ? -1 : fd;
    return fd < 0 ? fd : 0;
}

static int map(struct pirn__log *log)
{
    struct pirn__index sizes;

    pirn__index_lay_out(&log->text.size, NULL, &sizes);
    int r =
        pirn_map_shared(log->context, log->index_fd, sizes.bytes, &log->memory);
    if (r == 0) {
        pirn__index_lay_out(&log->text.size, log->memory, &log->index);
    }
    return r;
}

/* Of another version it may have another size; a file that is too short has
 * pages that are none. */
static int check_file(struct pirn__log *log)
{
    struct pirn__index sizes;
    struct pirn__index_head head;
    struct statx statx = {0};
    struct pirn_op op = {0};

    pirn_prep_read(&op, log->index_fd, &head, sizeof(head), 0);
    int r = wait_for(log, &op);
    if (r < 0) {
        return r;
    }
    if ((uint32_t)r == sizeof(head) && head.version != 0 &&
        !pirn__index_is_ours(head.version)) {
        return -EPROTO;
    }
    pirn__index_lay_out(&log->text.size, NULL, &sizes);
    pirn_prep_stat(&op, log->dir_fd, log->place.path, 0, STATX_SIZE, &statx);
    r = wait_for(log, &op);
    return r < 0 ? r : statx.stx_size == sizes.bytes ? 0 : -EBADMSG;
}

/* Of one whose maker was killed, or found no room, nothing may be backed: to
 * touch it on a full file system would be a SIGBUS. */
static int back_fixed(struct pirn__log *log)
{
    struct pirn__index sizes;
    struct pirn_op op = {0};

    if (pirn__planted("log-index-sparse")) {
        return 0;
    }
    pirn__index_lay_out(&log->text.size, NULL, &sizes);
    pirn_prep_fallocate(&op, log->index_fd, 0, 0, sizes.fixed_bytes);
    return wait_for(log, &op);
}

#define NAME_CAP 96

/* What an index of this very directory is called: a copy of the spool has the
 * spool's number, and is another spool. */
static int set_name(struct pirn__log *log, char name[NAME_CAP])
{
    const uint8_t *spool = log->text.spool;
    uint64_t number[2] = {0};
    struct statx statx = {0};
    struct pirn_op op = {0};

    pirn_prep_stat(&op, log->dir_fd, "", AT_EMPTY_PATH, STATX_INO, &statx);
    int r = wait_for(log, &op);
    for (int i = 0; i < 16; i++) {
        number[i / 8] = number[i / 8] << 8 | spool[i];
    }
    (void)snprintf(name, NAME_CAP, "pirn-%016jx%016jx-%x.%x.%jx",
                   (uintmax_t)number[0], (uintmax_t)number[1],
                   statx.stx_dev_major, statx.stx_dev_minor,
                   (uintmax_t)statx.stx_ino);
    return r;
}

static int set_path(struct pirn__log *log, const char *dir)
{
    char name[NAME_CAP];
    int r = set_name(log, name);

    if (r < 0) {
        return r;
    }
    int len = snprintf(log->place.path, sizeof(log->place.path), "%s/%s",
                       dir == NULL ? DEFAULT_DIR : dir, name);
    return (size_t)len < sizeof(log->place.path) ? 0 : -ENAMETOOLONG;
}

/* -ESTALE: the text came here with a copy. */
static int check_name(struct pirn__log *log)
{
    char name[NAME_CAP];
    const char *slash = strrchr(log->place.path, '/');
    int r = set_name(log, name);

    if (r < 0) {
        return r;
    }
    return slash != NULL && strcmp(slash + 1, name) == 0 ? 0 : -ESTALE;
}

/* The index that the text names, if it is of this boot and place, and whole. Of
 * another version it is of no use to us; to others it may be. */
static int find(struct pirn__log *log, bool alone)
{
    char text[PIRN__TEXT_FILE_MAX];
    struct pirn_identity identity;
    int r = pirn__text_file_read(log->context, log->dir_fd, "index", text);

    r = r < 0 ? r : pirn__index_text_decode(text, (size_t)r, &log->place);
    if (r < 0) {
        return r;
    }
    pirn_context_identity(log->context, &identity);
    if (memcmp(identity.boot_id, log->place.boot, sizeof(log->place.boot)) !=
        0) {
        return -ESTALE;
    }
    r = check_name(log);
    r = r < 0 ? r : open_path(log, O_RDWR);
    r = r < 0 ? r : check_file(log);
    r = r < 0 ? r : back_fixed(log);
    r = r < 0 ? r : map(log);
    r = r < 0
            ? r
            : pirn__index_check(&log->index, &log->text.size, log->place.nonce);
    if (r < 0) {
        close_index(log);
    }
    return r == -EPROTO && alone ? -ESTALE : r;
}

static int allocate(struct pirn__log *log)
{
    struct pirn__index sizes;
    struct pirn_op op = {0};

    pirn__index_lay_out(&log->text.size, NULL, &sizes);
    pirn_prep_truncate(&op, log->index_fd, sizes.bytes);
    int r = wait_for(log, &op);
    return r == 0 ? back_fixed(log) : r;
}

static int rename_text(struct pirn__log *log, unsigned flags)
{
    struct pirn_op op = {0};

    pirn_prep_rename(&op, log->dir_fd, "index.new", log->dir_fd, "index",
                     flags);
    return wait_for(log, &op);
}

/*
 * Under another name first: the text is whole at every instant. The one before
 * it takes that name, so that its block is there for the next text: who has to
 * remove items from a full disk has to open first. Names are synced before what
 * stands under the other name is written over, or it might be what a power cut
 * finds under the first.
 */
static int write_text(struct pirn__log *log)
{
    char text[PIRN__TEXT_FILE_MAX];
    uint32_t len = (uint32_t)pirn__index_text_encode(&log->place, text);
    int r = pirn__sync_dir(log->context, log->dir_fd, ".");

    r = r < 0 ? r
              : pirn__text_file_rewrite(log->context, log->dir_fd, "index.new",
                                        text, len);
    if (r < 0) {
        return r;
    }
    r = rename_text(log, RENAME_EXCHANGE);
    bool is_first = r == -ENOENT || r == -EINVAL;
    r = is_first ? rename_text(log, 0) : r;
    r = r < 0 ? r : pirn__sync_dir(log->context, log->dir_fd, ".");
    if (r == 0 && is_first) {
        int spare = pirn__text_file_rewrite(log->context, log->dir_fd,
                                            "index.new", text, len);
        pirn_assert(spare <= 0); /* there was no room: the next one makes it */
    }
    return r;
}

static int make(struct pirn__log *log, const char *dir)
{
    struct pirn_identity identity;
    struct pirn_op op = {0};
    int r = set_path(log, dir);

    if (r < 0) {
        return r;
    }
    pirn_context_identity(log->context, &identity);
    memcpy(log->place.boot, identity.boot_id, sizeof(log->place.boot));
    pirn_context_random(log->context, &log->place.nonce,
                        sizeof(log->place.nonce));
    log->place.nonce |= 1; /* zeroed memory is no index */
    log->place.epoch++;
    pirn_prep_unlink(&op, log->dir_fd, log->place.path, 0);
    (void)wait_for(log, &op);
    r = open_path(log, O_RDWR | O_CREAT | O_EXCL);
    r = r < 0 ? r : allocate(log);
    r = r < 0 ? r : map(log);
    if (r == 0) {
        pirn__index_init(&log->index, &log->text.size, log->place.nonce,
                         log->place.epoch,
                         pirn_context_realtime_ns(log->context));
        r = write_text(log);
    }
    if (r < 0) {
        close_index(log);
    }
    return r;
}

/* There is no index, or one of another life. Any other error says nothing of
 * it: what only it knows (removals of the last second) is not given up. */
static bool is_none(int r)
{
    return r == -ENOENT || r == -ESTALE || r == -EBADMSG || r == -EAGAIN;
}

int pirn__log_attach(struct pirn__log *log, bool alone, const char *dir,
                     bool *ret_is_new)
{
    int r = find(log, alone);

    log->was_left = r == -EAGAIN;
    *ret_is_new = false;
    if (!is_none(r)) {
        return r;
    }
    if (!alone && !pirn__planted("log-index-doubled")) {
        return -EXDEV;
    }
    *ret_is_new = true;
    return make(log, dir);
}

void pirn__log_attach_end(struct pirn__log *log)
{
    pirn__atom_store(&log->index.head->ready, log->place.nonce);
}

void pirn__log_detach(struct pirn__log *log, bool remove)
{
    struct pirn_op op = {0};

    if (remove && log->index_fd >= 0) {
        pirn__atom_store(&log->index.head->ready, 0);
        pirn_prep_unlink(&op, log->dir_fd, log->place.path, 0);
        (void)wait_for(log, &op);
    }
    close_index(log);
}
