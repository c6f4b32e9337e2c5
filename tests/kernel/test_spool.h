/* SPDX-License-Identifier: MIT */
/*
 * test_spool.h - a spool in a directory of its own, and what stands in it
 *
 * What the spool does is done through its public header; what a crash leaves is
 * made, and what the table promises is looked at, with plain system calls.
 */
#ifndef TESTS_KERNEL_TEST_SPOOL_H
#define TESTS_KERNEL_TEST_SPOOL_H

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>

struct bed {
    struct pirn_context *context;
    struct pirn_spool *spool;
    char path[128];
    int fd_count;

    /* Of the spool that is made. */
    enum pirn_layout layout;
    bool without_log;
    uint32_t log_slots;
    uint32_t log_segments;
    uint64_t log_segment_bytes;
    const char *index_dir; /* NULL: the usual one */
    bool early;
};

static inline int bed_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static inline int bed_open(struct bed *bed, bool create)
{
    const struct pirn_spool_config config = {
        .path = bed->path,
        .create = create,
        .layout = bed->layout,
        .without_log = bed->without_log,
        .log_slots = bed->log_slots,
        .log_segments = bed->log_segments,
        .log_segment_bytes = bed->log_segment_bytes,
        .index_dir = bed->index_dir,
        .early = bed->early,
    };

    return pirn_spool_open(bed->context, &config, &bed->spool);
}

static inline void bed_close(struct bed *bed)
{
    bed->spool = pirn_spool_close(bed->spool);
}

/* At one in how many of the places where somebody can be killed, or something
 * fail, it is tried: one in @usual; at each with PIRN_LONG=1; at one in
 * PIRN_SPARSE times as many, where a machine is emulated. */
static inline int bed_step(int usual)
{
    const char *sparse = getenv("PIRN_SPARSE");

    if (getenv("PIRN_LONG") != NULL) {
        return 1;
    }
    return sparse != NULL ? usual * atoi(sparse) : usual;
}

/* An empty directory and a context; no spool yet. */
static inline int bed_setup_empty(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    const char *tmp = getenv("TMPDIR");

    snprintf(bed->path, sizeof(bed->path), "%s/pirn-spool-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(bed->path) == NULL ||
        pirn_context_create(NULL, &bed->context) < 0) {
        return -1;
    }
    bed->fd_count = bed_count_fds();
    *state = bed;
    return 0;
}

static inline int bed_setup(void **state)
{
    return bed_setup_empty(state) == 0 ? bed_open(*state, true) : -1;
}

static inline int bed_remove_one(const char *path, const struct stat *stat,
                                 int type, struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

/* Fails the test that left a loan or a descriptor behind. */
static inline int bed_teardown(void **state)
{
    struct bed *bed = *state;

    bed_close(bed);
    int leaked = bed_count_fds() - bed->fd_count;
    if (pirn_context_loaned(bed->context) > 0) {
        return -1;
    }
    pirn_context_destroy(bed->context);
    nftw(bed->path, bed_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(bed);
    if (leaked != 0) {
        fprintf(stderr, "%d descriptors leaked\n", leaked);
    }
    return leaked == 0 ? 0 : -1;
}

/* ---- through the spool ---- */

static inline struct pirn_id bed_put(struct bed *bed, const void *body,
                                     uint64_t len)
{
    struct pirn_draft draft = {0};

    pirn_prep_enqueue(&draft, bed->spool, "incoming", body, len, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    return draft.id;
}

struct bed_draft {
    struct pirn_draft draft;
    int32_t result;
};

static inline void bed_note(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct bed_draft, draft.op)->result = result;
}

/* @count items of one byte at once, so that they share their syncs. */
static inline void bed_put_many(struct bed *bed, unsigned count)
{
    struct bed_draft *drafts = calloc(count, sizeof(*drafts));

    for (unsigned i = 0; i < count; i++) {
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", "x", 1,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(drafts[i].result, 0);
    }
    free(drafts);
}

static inline int32_t bed_claim(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_claim(claim, bed->spool, "incoming");
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t bed_remove(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_remove(claim);
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t bed_remove_durably(struct bed *bed,
                                         struct pirn_claim *claim)
{
    pirn_prep_remove_durable(claim);
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t bed_give_back(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_give_back(claim);
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t bed_look(struct bed *bed, struct pirn_view *view,
                               const struct pirn_id *id)
{
    pirn_prep_look(view, bed->spool, id);
    return pirn_wait(bed->context, &view->op);
}

static inline void bed_view_end(struct bed *bed, struct pirn_view *view)
{
    pirn_prep_view_end(view);
    assert_int_equal(pirn_wait(bed->context, &view->op), 0);
}

static inline struct pirn_status bed_status(struct bed *bed)
{
    struct pirn_status status = {0};

    pirn_prep_status(&status, bed->spool);
    assert_int_equal(pirn_wait(bed->context, &status.op), 0);
    return status;
}

/* ---- on the disk ---- */

/* The path of SPOOL/FORMAT, where %s is the id's text and %.2s its shard. */
static inline const char *bed_at(const struct bed *bed, const char *relative)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", bed->path, relative);
    return path;
}

enum bed_place {
    BED_BODY,
    BED_READY,
    BED_CLAIMED,
    BED_TMP,
    BED_NEXT,
    BED_ASIDE
};

static inline const char *bed_path(const struct bed *bed, enum bed_place place,
                                   const struct pirn_id *id)
{
    static char paths[2][512];
    static unsigned at;
    char *path = paths[at++ % 2];
    char text[PIRN_ID_TEXT];
    const char *xy = text + PIRN_ID_TEXT - 3;

    pirn_id_format(id, text);
    switch (place) {
    case BED_BODY:
        snprintf(path, 512, "%s/.data/%s/%s", bed->path, xy, text);
        break;
    case BED_READY:
        snprintf(path, 512, "%s/incoming/%s/%s", bed->path, xy, text);
        break;
    case BED_CLAIMED:
        snprintf(path, 512, "%s/incoming/.checkout/0000/%s", bed->path, text);
        break;
    case BED_TMP:
        snprintf(path, 512, "%s/.tmp/0000/%s", bed->path, text);
        break;
    case BED_NEXT:
        snprintf(path, 512, "%s/.tmp/0000/%s.new", bed->path, text);
        break;
    case BED_ASIDE:
        snprintf(path, 512, "%s/quarantine/%s/%s", bed->path, xy, text);
        break;
    }
    return path;
}

static inline bool bed_has(const struct bed *bed, enum bed_place place,
                           const struct pirn_id *id)
{
    return access(bed_path(bed, place, id), F_OK) == 0;
}

static inline void bed_move(const struct bed *bed, const struct pirn_id *id,
                            enum bed_place from, enum bed_place to)
{
    assert_int_equal(rename(bed_path(bed, from, id), bed_path(bed, to, id)), 0);
}

static inline void bed_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* Whether this kernel lets a context be made at all. */
static inline bool bed_is_refused(void)
{
    struct pirn_context *context;
    int r = pirn_context_create(NULL, &context);

    if (r == 0) {
        pirn_context_destroy(context);
    } else {
        fprintf(stderr, "skipped: %s\n", pirn_context_refusal(r));
    }
    return r < 0;
}

#define BED_MAIN(...)                                     \
    int main(void)                                        \
    {                                                     \
        const struct CMUnitTest tests[] = {__VA_ARGS__};  \
        if (bed_is_refused()) {                           \
            return TEST_SKIP;                             \
        }                                                 \
        cmocka_set_test_filter(getenv("PIRN_TEST"));      \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif /* TESTS_KERNEL_TEST_SPOOL_H */
