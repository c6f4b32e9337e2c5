/* SPDX-License-Identifier: MIT */
/*
 * base_drain.c - a spool of files emptied by 4 processes, by plain system calls
 *
 *   list a shard -> rename into .checkout/O -> read both files
 *   -> rename into .tmp/O: counted -> of 256: fsyncs, then unlinks
 *
 * The protocol of spool/file/README.md in the fewest calls that it can be done
 * with: no metadata are decoded, no digest is made, nobody is recovered, and
 * who waits for a disk waits. So it is what the layout costs on this file
 * system, whoever makes the calls.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/stock.h"

enum {
    PROCESSES = 4,
    SHARDS = 64,
    ID_CHARS = 26,
    MISSES_MAX = 4,
    KEPT_MAX = 256,
    NAME_BYTES = 96,
};

static const char CHECKOUT[] = "incoming/.checkout"; /* of STOCK_QUEUE */
static const char TMP[] = ".tmp";

struct names {
    char (*ids)[ID_CHARS + 1];
    size_t count;
    size_t cap;
    size_t next;
};

/* One process. */
struct drainer {
    int root;
    unsigned slot;
    unsigned shard; /* listed next */
    unsigned misses;
    struct names names; /* of the shard that was listed */
    char kept[KEPT_MAX][ID_CHARS + 1];
    size_t kept_count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "DIR/XY/ID" */
static void in_shard(char name[NAME_BYTES], const char *dir, const char *id)
{
    snprintf(name, NAME_BYTES, "%s/%s/%s", dir, id + ID_CHARS - 2, id);
}

static void in_slot(char name[NAME_BYTES], const char *dir, unsigned slot,
                    const char *id)
{
    snprintf(name, NAME_BYTES, "%s/%04u/%s", dir, slot, id);
}

static int names_add(struct names *names, const char *name)
{
    if (names->count == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 1024;
        void *ids = realloc(names->ids, cap * sizeof(*names->ids));

        if (ids == NULL) {
            return -ENOMEM;
        }
        names->ids = ids;
        names->cap = cap;
    }
    memcpy(names->ids[names->count++], name, ID_CHARS + 1);
    return 0;
}

static int list_next(struct drainer *drainer)
{
    static const char chars[] = "0123456789abcdefghijklmnopqrstuv";
    struct names *names = &drainer->names;
    unsigned shard = drainer->shard++ % SHARDS;
    char name[NAME_BYTES];
    struct dirent *entry;
    int r = 0;

    snprintf(name, sizeof(name), "%s/%c%c", STOCK_QUEUE, chars[shard / 32],
             chars[shard % 32]);
    names->count = names->next = drainer->misses = 0;
    int fd = openat(drainer->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        return -errno;
    }
    while (r == 0 && (entry = readdir(dir)) != NULL) {
        r = strlen(entry->d_name) == ID_CHARS ? names_add(names, entry->d_name)
                                              : 0;
    }
    closedir(dir);
    if (names->count > 0) {
        qsort(names->ids, names->count, sizeof(*names->ids), compare);
    }
    return r;
}

static int read_file(int root, const char *name)
{
    char bytes[COMMIT_BYTES + 1];
    int fd = openat(root, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

    if (fd >= 0) {
        close(fd);
    }
    return got > 0 && got <= COMMIT_BYTES ? 0 : -EIO;
}

/* ---- a round ---- */

static int sync_dir(int root, const char *name)
{
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

    if (fd >= 0) {
        close(fd);
    }
    return r;
}

/* The shards that they left, each once, and where they were claimed. */
static int sync_all(const struct drainer *drainer)
{
    bool is_synced[256][256] = {{false}};
    char name[NAME_BYTES];

    in_slot(name, CHECKOUT, drainer->slot, "");
    int r = sync_dir(drainer->root, name);
    for (size_t i = 0; r == 0 && i < drainer->kept_count; i++) {
        const char *shard = drainer->kept[i] + ID_CHARS - 2;
        bool *is = &is_synced[(uint8_t)shard[0]][(uint8_t)shard[1]];

        if (!*is) {
            snprintf(name, sizeof(name), "%s/%s", STOCK_QUEUE, shard);
            r = sync_dir(drainer->root, name);
            *is = true;
        }
    }
    return r;
}

static int end_round(struct drainer *drainer)
{
    int r = sync_all(drainer);

    for (size_t i = 0; r == 0 && i < drainer->kept_count; i++) {
        char body[NAME_BYTES];
        char draft[NAME_BYTES];

        in_shard(body, ".data", drainer->kept[i]);
        in_slot(draft, TMP, drainer->slot, drainer->kept[i]);
        if (unlinkat(drainer->root, body, 0) < 0 ||
            unlinkat(drainer->root, draft, 0) < 0) {
            r = -errno;
        }
    }
    drainer->kept_count = 0;
    return r;
}

/* ---- an item ---- */

/* 1; 0 somebody else has it; or an errno. */
static int claim(struct drainer *drainer, const char *id, const char *claimed)
{
    char ready[NAME_BYTES];

    in_shard(ready, STOCK_QUEUE, id);
    if (renameat(drainer->root, ready, drainer->root, claimed) == 0) {
        drainer->misses = 0;
        return 1;
    }
    if (errno != ENOENT) {
        return -errno;
    }
    if (++drainer->misses == MISSES_MAX) {
        drainer->names.next = drainer->names.count; /* somebody is at it */
    }
    return 0;
}

static int use(struct drainer *drainer, const char *id, const char *claimed)
{
    char name[NAME_BYTES];

    in_shard(name, ".data", id);
    int r = read_file(drainer->root, claimed);
    r = r < 0 ? r : read_file(drainer->root, name);
    in_slot(name, TMP, drainer->slot, id);
    if (r == 0 && renameat(drainer->root, claimed, drainer->root, name) < 0) {
        r = -errno;
    }
    memcpy(drainer->kept[drainer->kept_count++], id, ID_CHARS + 1);
    if (r == 0 && drainer->kept_count == KEPT_MAX) {
        r = end_round(drainer);
    }
    return r;
}

static int take_next(struct drainer *drainer, struct crowd_board *board,
                     struct crowd_member *me)
{
    const char *id = drainer->names.ids[drainer->names.next++];
    char claimed[NAME_BYTES];

    in_slot(claimed, CHECKOUT, drainer->slot, id);
    int r = claim(drainer, id, claimed);
    if (r == 0) {
        me->lost++;
    }
    if (r == 1) {
        atomic_fetch_add(&board->taken, 1);
        r = use(drainer, id, claimed);
        me->count++;
        me->last_ns = round_now_ns();
    }
    return r;
}

/* Somebody else may have made them. */
static int make_own_dirs(const struct drainer *drainer)
{
    const char *parents[] = {CHECKOUT, TMP};

    for (unsigned i = 0; i < 2; i++) {
        char name[NAME_BYTES];

        in_slot(name, parents[i], drainer->slot, "");
        if (mkdirat(drainer->root, name, 0700) < 0 && errno != EEXIST) {
            return -errno;
        }
    }
    return 0;
}

static int drain(struct crowd_board *board, struct crowd_member *me, void *arg)
{
    static struct drainer drainer;
    static struct round round;

    drainer.root = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    drainer.slot = (unsigned)(me - board->members);
    drainer.shard = drainer.slot * SHARDS / PROCESSES;
    int r = drainer.root < 0 ? -errno : make_own_dirs(&drainer);
    crowd_await(board);
    round_begin(&round);
    while (r >= 0 && !crowd_is_over(board)) {
        r = drainer.names.next < drainer.names.count
                ? take_next(&drainer, board, me)
                : list_next(&drainer);
    }
    round_end(&round);
    me->cpu_ns = round.cpu_ns;
    free(drainer.names.ids);
    return r;
}

/* ---- the side ---- */

static int base_open(const struct options *options, void **ret_state)
{
    *ret_state = (void *)(uintptr_t)options;
    return 0;
}

static int base_round(void *state, struct round *round)
{
    const struct options *options = state;
    char path[PLACE_PATH];
    int r = place_path_of(path, options, "calls", round->index);

    if (r == 0) {
        r = stock_make(path, PIRN_LAYOUT_FILE);
    }
    if (r == 0) {
        r = stock_fill(path, DRAIN_ITEMS, 2 * round->length_ns, &round->queued);
    }
    if (r == 0) {
        r = crowd_round(round, PROCESSES, drain, path);
    }
    stock_remove(path);
    return r;
}

static void base_close(void *state)
{
    (void)state;
}

const struct side base_drain = {
    .name = "calls",
    .promise = "as pirn4: the same protocol, the calls alone",
    .open = base_open,
    .round = base_round,
    .close = base_close,
};
