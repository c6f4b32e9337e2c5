/* SPDX-License-Identifier: MIT */
/*
 * layouts.h - a spool with a queue of each layout, for what goes between them
 *
 * `files' and `records'. Its disk fails when the test says so.
 */
#ifndef TESTS_KERNEL_LAYOUTS_H
#define TESTS_KERNEL_LAYOUTS_H

#include "kernel/faulty_bed.h"
#include "kernel/midst.h"

enum { LONGEST = 1024 * 1024, MEMORY_MAX = 64 * 1024 };

struct way {
    const char *from;
    const char *to;
};

static const struct way ways[] = {{"files", "records"}, {"records", "files"}};
static const uint32_t lengths[] = {0,      1, 4096, MEMORY_MAX, MEMORY_MAX + 1,
                                   LONGEST};

/* PIRN_LONG=1 */
bool is_long(void);

void make_queues(struct bed *bed);

/* What a body of that length says; until the next call. */
const char *body_of(uint32_t len);

struct pirn_id put_in(struct bed *bed, const char *queue, uint32_t len);

int32_t move_to(struct bed *bed, struct pirn_claim *claim, const char *queue);

/* It ends with note(); `ended' is 1 until then. */
void start_move(struct bed *bed, struct pirn_claim *claim, const char *queue);

/* A child moves one, and is killed so many turns after it began to. */
int move_in_a_child(const struct bed *bed, const struct way *way, int turns);

bool remove_if_there(struct bed *bed, const struct pirn_id *id, uint32_t len);

/* ---- what is expected ---- */

/* How many files there are in and below a directory; how many names the last
 * one of them has. */
uint32_t count_files(const struct bed *bed, const char *relative);
nlink_t count_links(const struct bed *bed, const char *relative);

void expect_body(struct bed *bed, struct pirn_claim *claim, uint32_t len);

/* The one item that there is, wherever it is; it is removed. */
void expect_one(struct bed *bed, const struct pirn_id *id, uint32_t len);

/* It is nowhere, and no other one is ready. */
void expect_none(struct bed *bed, const struct pirn_id *id);

/* No item, nor anything of one on the disk. */
void expect_empty(struct bed *bed);

#define MOVE_TEST(name) LOG_FAULTY_TEST(name)

#endif /* TESTS_KERNEL_LAYOUTS_H */
