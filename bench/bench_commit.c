/* SPDX-License-Identifier: MIT */
/*
 * bench_commit.c - items enqueued in a spool, 64 at a time on one context
 *
 * In a fresh directory in each round; or in the root of a file system, where
 * the spool is made by whoever works there first, and emptied after each round.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "bench/outflow.h"
#include "bench/place.h"
#include "bench/sides.h"
#include "bench/stock.h"

struct commits {
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct round *round;
    const struct options *options;
    bool owns; /* its file system */
    uint64_t begun;
    uint32_t in_flight;
    int error;
    char body[COMMIT_BYTES];
    struct commit {
        struct pirn_draft draft;
        struct commits *commits;
        uint64_t began_ns;
    } commits[COMMIT_DEPTH];
};

static int commit_open(const struct options *options, void **ret_state)
{
    struct commits *commits = calloc(1, sizeof(*commits));
    int r;

    if (commits == NULL) {
        return -ENOMEM;
    }
    r = pirn_context_create(NULL, &commits->context);
    if (r < 0) {
        free(commits);
        return r;
    }
    commits->options = options;
    memset(commits->body, 'x', sizeof(commits->body));
    for (unsigned i = 0; i < COMMIT_DEPTH; i++) {
        commits->commits[i].commits = commits;
    }
    *ret_state = commits;
    return 0;
}

/* Of a file system that is mounted there, and of no other. */
static bool is_root(const char *dir)
{
    struct statx statx_of;

    return statx(AT_FDCWD, dir, 0, STATX_TYPE, &statx_of) == 0 &&
           (statx_of.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int own_open(const struct options *options, void **ret_state)
{
    int r = is_root(options->dir) ? stock_make(options->dir, PIRN_LAYOUT_FILE)
                                  : -EOPNOTSUPP;

    r = r == -ENOTEMPTY ? -EOPNOTSUPP : r;
    r = r < 0 ? r : commit_open(options, ret_state);
    if (r == 0) {
        ((struct commits *)*ret_state)->owns = true;
    }
    return r;
}

static void commit_start(struct commit *commit, uint64_t now_ns);

static void commit_done(struct pirn_op *op, int32_t result)
{
    struct commit *commit = pirn_container_of(op, struct commit, draft.op);
    struct commits *commits = commit->commits;
    uint64_t now_ns = round_now_ns();

    commits->in_flight--;
    if (result < 0) {
        commits->error = result;
        return;
    }
    commits->round->count++;
    histogram_add(&commits->round->latency, now_ns - commit->began_ns);
    commit_start(commit, now_ns);
}

static void commit_start(struct commit *commit, uint64_t now_ns)
{
    struct commits *commits = commit->commits;
    struct round *round = commits->round;

    if (round_is_over(round, now_ns) || commits->begun >= round->count_max ||
        commits->error < 0) {
        return;
    }
    commits->begun++;
    commits->in_flight++;
    commit->began_ns = now_ns;
    pirn_prep_enqueue(&commit->draft, commits->spool, "incoming", commits->body,
                      COMMIT_BYTES, NULL);
    pirn_start(commits->context, &commit->draft.op, commit_done);
}

static int spool_make(struct commits *commits, uint32_t index)
{
    char path[PLACE_PATH];
    struct pirn_spool_config config = {.path = path, .create = true};
    int fd;
    int r = place_path_of(path, commits->options, "pirn", index);

    if (commits->owns) {
        config.path = commits->options->dir;
    }
    if (r == 0) {
        r = pirn_spool_open(commits->context, &config, &commits->spool);
    }
    if (r < 0) {
        return r;
    }
    fd = open(config.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = fd < 0 ? -errno : place_settle(fd);
    if (fd >= 0) {
        close(fd);
    }
    return r;
}

static int commit_round(void *state, struct round *round)
{
    struct commits *commits = state;
    int r = spool_make(commits, round->index);

    commits->round = round;
    commits->begun = 0;
    commits->error = 0;
    if (r == 0) {
        round_begin(round);
        for (unsigned i = 0; i < COMMIT_DEPTH; i++) {
            commit_start(&commits->commits[i], round->began_ns);
        }
        while (commits->in_flight > 0 && r >= 0) {
            r = pirn_context_turn(commits->context, PIRN_FOREVER);
        }
        round_end(round);
    }
    commits->spool = pirn_spool_close(commits->spool);
    r = r < 0 ? r : commits->error;
    return r == 0 && commits->owns ? stock_empty(commits->options->dir) : r;
}

static void commit_close(void *state)
{
    struct commits *commits = state;

    commits->context = pirn_context_destroy(commits->context);
    free(commits);
}

const struct side bench_commit = {
    .name = "pirn",
    .promise = "the item, whole (P1, P2)",
    .open = commit_open,
    .round = commit_round,
    .close = commit_close,
};

const struct side bench_commit_own = {
    .name = "pirn",
    .promise = "the item, whole (P1, P2)",
    .open = own_open,
    .round = commit_round,
    .close = commit_close,
};
