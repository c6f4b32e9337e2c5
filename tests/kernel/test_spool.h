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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>

#include "kernel/descriptors.h"

/* A time that no test lives to see. */
#define BED_FAR_NS UINT64_C(0x7000000000000000)

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

int bed_open(struct bed *bed, bool create);
void bed_close(struct bed *bed);

/* Another context that has the spool open, as another process has. */
void bed_join(const struct bed *bed, struct bed *ret_other);
void bed_leave(struct bed *other);

/* At one in how many of the places where somebody can be killed, or something
 * fail, it is tried: one in @usual; at each with PIRN_LONG=1; at one in
 * PIRN_SPARSE times as many, where a machine is emulated. */
int bed_step(int usual);

/* An empty directory and a context; no spool yet. */
int bed_setup_empty(void **state);

/* A spool in it, too; one of files alone, without a log beside them. */
int bed_setup(void **state);
int bed_setup_alone(void **state);

/* A bed for that, no spool yet, in memory: no disk has to sync many lives. */
int bed_setup_in_memory(void **state);

/* A directory and all that is in it. */
void bed_rmtree(const char *path);

/* Fails the test that left a loan or a descriptor behind. */
int bed_teardown(void **state);

/* ---- through the spool ---- */

struct pirn_id bed_put(struct bed *bed, const void *body, uint64_t len);

struct bed_draft {
    struct pirn_draft draft;
    int32_t result;
};

void bed_note(struct pirn_op *op, int32_t result);

/* A text, of `incoming'. */
struct pirn_id bed_put_as(struct bed *bed, const char *text, int8_t priority,
                          uint64_t due_ns, bool held);

/* @count items of one byte at once, so that they share their syncs. */
void bed_put_many(struct bed *bed, unsigned count);

int32_t bed_claim(struct bed *bed, struct pirn_claim *claim);
int32_t bed_remove(struct bed *bed, struct pirn_claim *claim);
int32_t bed_remove_durably(struct bed *bed, struct pirn_claim *claim);
int32_t bed_give_back(struct bed *bed, struct pirn_claim *claim);
int32_t bed_look(struct bed *bed, struct pirn_view *view,
                 const struct pirn_id *id);
void bed_view_end(struct bed *bed, struct pirn_view *view);
struct pirn_status bed_status(struct bed *bed);

/* When nobody but @owners has it open: the kernel may let a dead one's lock go
 * after it has told of his death. */
struct pirn_status bed_status_of(struct bed *bed, uint32_t owners);

/* ---- on the disk ---- */

/* The path of SPOOL/RELATIVE, until the next call. */
const char *bed_at(const struct bed *bed, const char *relative);

/* Entries of a directory of the spool, but for names that begin with a dot; 0
 * too if there is none. */
int bed_entries(const struct bed *bed, const char *relative);

enum bed_place {
    BED_BODY,
    BED_READY,
    BED_CLAIMED,
    BED_TMP,
    BED_NEXT,
    BED_ASIDE
};

/* Where an item's file of that kind is, or would be; the path of the last two
 * calls. */
const char *bed_path(const struct bed *bed, enum bed_place place,
                     const struct pirn_id *id);
bool bed_has(const struct bed *bed, enum bed_place place,
             const struct pirn_id *id);
void bed_move(const struct bed *bed, const struct pirn_id *id,
              enum bed_place from, enum bed_place to);

/* A file has these bytes and no others. */
void bed_write(const char *path, const void *bytes, size_t len);

/* A file, or a directory and all that is in it, is there once more. */
void bed_copy(const char *from, const char *to);

/* Whether this kernel lets a context be made at all. */
bool bed_is_refused(void);

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
