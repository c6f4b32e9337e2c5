/* SPDX-License-Identifier: MIT */
/*
 * test_log.h - a spool whose first queue is a small log
 *
 * The index is in a directory beside the spool's. A power cut is the spool's
 * directory, copied while it is open and idle, opened with no index: whatever
 * was acknowledged before has to be in the copy, and nothing that only memory
 * knew.
 */
#ifndef TESTS_KERNEL_TEST_LOG_H
#define TESTS_KERNEL_TEST_LOG_H

#include "kernel/test_spool.h"

enum { LOG_SLOTS = 4096, LOG_SEGMENTS = 16, LOG_SEGMENT_BYTES = 1024 * 1024 };

/* A bed and where its index is. */
struct log_bed {
    struct bed bed;
    char index_dir[160];
};

/* A bed, and a spool that is not made yet; made, too. */
int log_setup_closed(void **state);
int log_setup(void **state);

/* Not made yet, in memory, and as small as it may be. */
int log_setup_in_memory(void **state);

/* Fails the test that left an index behind which nobody keeps. */
int log_teardown(void **state);

/* Of a second spool; the first one counts descriptors. */
void log_destroy(struct bed *bed);

/* ---- verbs ---- */

int32_t log_enqueue(struct bed *bed, struct pirn_draft *draft,
                    const char *queue, const void *body, uint64_t len,
                    const struct pirn_fields *fields);

/* An item whose body is a text. */
struct pirn_id log_put(struct bed *bed, const char *text);

int32_t log_claim_id(struct bed *bed, struct pirn_claim *claim,
                     const struct pirn_id *id);
int32_t log_read(struct bed *bed, struct pirn_claim *claim, void *buf,
                 uint32_t len, uint64_t offset);
int32_t log_update(struct bed *bed, struct pirn_claim *claim,
                   const struct pirn_change *change);
int32_t log_give_back_as(struct bed *bed, struct pirn_claim *claim,
                         const struct pirn_change *change);
int32_t log_remove_durable(struct bed *bed, struct pirn_claim *claim);
bool log_same_id(const struct pirn_id *a, const struct pirn_id *b);

/* ---- what is expected ---- */

#define LOG_TEXT_MAX 256

/* The claimed item's body is this text. */
void log_expect_body(struct bed *bed, struct pirn_claim *claim,
                     const char *text);

/* The next item of a queue has this body; it is removed. */
void log_expect_next(struct bed *bed, const char *queue, const char *text);

void log_expect_none(struct bed *bed, const char *queue);

/* The item is nowhere to be had nor seen. */
void log_expect_gone(struct bed *bed, const struct pirn_id *id);

/* ---- on the disk ---- */

/* What the disk has now takes the spool's place; all else is forgotten. */
void log_power_cut(struct bed *bed);
void log_power_cut_and_open(struct bed *bed);

void log_reopen(struct bed *bed);

/* The index's file; its name is the spool's to choose. */
const char *log_index_path(const struct bed *bed);

/* As a machine that was shut down: the index goes with its shared memory. */
void log_shut_down(struct bed *bed);

/* One byte of a file of the spool is another one. */
void log_flip(const char *path, off_t at);

/** log_overwrite() - @len bytes of a file from @at on; log_peek() - its first
 * ones, as far as there are any */
void log_overwrite(const char *path, const void *bytes, size_t len, off_t at);
void log_peek(const char *path, void *bytes, size_t len);

/** log_count_aside() - segments, or copies of them, that are damaged */
int log_count_aside(const struct bed *bed);

/** log_expect_works() - of an empty log: what is put is in nobody's place, and
 * the next loss of the index finds it */
void log_expect_works(struct bed *bed);

/** log_forget_bounds() - no segment's bound says anything, as after a power cut
 * behind which no round was; with the spool closed */
void log_forget_bounds(const struct bed *bed);

/* Where these bytes first stand in a file; fails where they do not. */
off_t log_find(const char *path, const void *bytes, size_t len);

const char *log_segment(const struct bed *bed, unsigned number);

/* Where the body of an item is, or would be, that has a file of its own. */
const char *log_body_path(const struct bed *bed, const struct pirn_id *id);

#define LOG_TEST(name) \
    cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

#endif /* TESTS_KERNEL_TEST_LOG_H */
