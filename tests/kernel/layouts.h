/* SPDX-License-Identifier: MIT */
/*
 * layouts.h - a spool with a queue of each layout, for what goes between them
 */
#ifndef TESTS_KERNEL_LAYOUTS_H
#define TESTS_KERNEL_LAYOUTS_H

#include "kernel/faulty_bed.h"

#include <ftw.h>
#include <signal.h>
#include <sys/wait.h>

enum { LONGEST = 1024 * 1024, MEMORY_MAX = 64 * 1024 };

struct way {
    const char *from;
    const char *to;
};

static const struct way ways[] = {{"files", "records"}, {"records", "files"}};
static const uint32_t lengths[] = {0,      1, 4096, MEMORY_MAX, MEMORY_MAX + 1,
                                   LONGEST};

static const char *body_of(uint32_t len)
{
    static char body[LONGEST];

    for (uint32_t i = 0; i < len; i++) {
        body[i] = (char)(i * 7 + i / 251);
    }
    return body;
}

static inline void make_queues(struct bed *bed)
{
    int r = pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE);

    assert_int_equal(r, 0);
    r = pirn_spool_create_queue_as(bed->spool, "records", PIRN_LAYOUT_LOG);
    assert_int_equal(r, 0);
}

static inline struct pirn_id put_in(struct bed *bed, const char *queue,
                                    uint32_t len)
{
    struct pirn_draft draft = {0};

    assert_int_equal(log_enqueue(bed, &draft, queue, body_of(len), len, NULL),
                     0);
    return draft.id;
}

static inline int32_t move_to(struct bed *bed, struct pirn_claim *claim,
                              const char *queue)
{
    pirn_prep_move(claim, queue);
    return pirn_wait(bed->context, &claim->op);
}

static inline void expect_body(struct bed *bed, struct pirn_claim *claim,
                               uint32_t len)
{
    char *bytes = malloc(LONGEST + 1);
    uint32_t done = 0;
    int32_t r;

    do {
        r = log_read(bed, claim, bytes + done, LONGEST + 1 - done, done);
        assert_true(r >= 0);
        done += (uint32_t)r;
    } while (r > 0);
    assert_int_equal(done, len);
    assert_memory_equal(bytes, body_of(len), len);
    free(bytes);
}

static uint32_t files_found;
static nlink_t links_found; /* of the last one */

static inline int find_file(const char *path, const struct stat *stat, int type,
                            struct FTW *at)
{
    (void)path;
    (void)at;
    files_found += type == FTW_F;
    links_found = type == FTW_F ? stat->st_nlink : links_found;
    return 0;
}

/* How many files there are in the directories of items, bodies and aliases. */
static inline uint32_t count_files(const struct bed *bed)
{
    static const char *const dirs[] = {".data", ".log/data", ".log/ids",
                                       ".tmp",  "files",     "quarantine"};

    files_found = 0;
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        nftw(bed_at(bed, dirs[i]), find_file, 16, FTW_PHYS);
    }
    return files_found;
}

static inline void expect_empty(struct bed *bed)
{
    /* Whose removal is durable has a body yet: its name goes behind that. */
    assert_int_equal(pirn_context_drain(bed->context), 0);
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready + status.claimed + status.held, 0);
    assert_int_equal(status.delayed + status.drafts + status.leftovers, 0);
    assert_int_equal(status.body_bytes, 0);
    assert_int_equal(count_files(bed), 0);
}

/* The one item that there is, wherever it is. */
static inline void expect_one(struct bed *bed, const struct pirn_id *id,
                              uint32_t len)
{
    struct pirn_claim claim = {0};
    struct pirn_claim other = {0};
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready, 1);
    assert_int_equal(status.claimed + status.held, 0);
    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_true(log_same_id(&claim.item.id, id));
    for (int i = 0; i < 2; i++) {
        pirn_prep_claim(&other, bed->spool, ways[i].from);
        assert_int_equal(pirn_wait(bed->context, &other.op), 0);
    }
    expect_body(bed, &claim, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_expect_gone(bed, id);
}

static int32_t ended;

static inline void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    ended = result;
}

/* 0: so many turns were not enough; 1: it has ended; else it failed. */
static inline int turn_until_ended(const struct bed *bed, struct pirn_op *op,
                                   int turns)
{
    ended = 1;
    pirn_start(bed->context, op, note);
    for (int i = 0; i < turns && ended == 1; i++) {
        if (pirn_context_turn(bed->context, UINT64_MAX) < 0) {
            return 2;
        }
    }
    return ended == 1 ? 0 : ended == 0 ? 1 : 3;
}

/* What a process does that is killed so many turns after it has begun. */
typedef int live_fn(struct bed *bed, const void *what, int turns);

static inline int live_in_a_child(const struct bed *bed, live_fn *live,
                                  const void *what, int turns)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct bed mine = *bed;
        _exit(pirn_context_create(NULL, &mine.context) < 0 ||
                      bed_open(&mine, false) < 0
                  ? 2
                  : live(&mine, what, turns));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline int move_and_die(struct bed *bed, const void *what, int turns)
{
    const struct way *way = what;
    struct pirn_claim claim = {0};

    pirn_prep_claim(&claim, bed->spool, way->from);
    if (pirn_wait(bed->context, &claim.op) != 1) {
        return 2;
    }
    pirn_prep_move(&claim, way->to);
    return turn_until_ended(bed, &claim.op, turns);
}

static inline int move_in_a_child(const struct bed *bed, const struct way *way,
                                  int turns)
{
    return live_in_a_child(bed, move_and_die, way, turns);
}

/* When nobody else has it open: the kernel may let a dead one's lock go after
 * it has told of his death. */
static inline struct pirn_status wait_for_recovery(struct bed *bed)
{
    struct pirn_status status = bed_status(bed);

    for (int i = 0; i < 2000 && status.owners > 1; i++) {
        status = bed_status(bed);
    }
    assert_int_equal(status.owners, 1);
    return status;
}

static inline bool is_long(void)
{
    return getenv("PIRN_LONG") != NULL;
}

static inline bool remove_if_there(struct bed *bed, const struct pirn_id *id,
                                   uint32_t len)
{
    struct pirn_claim claim = {0};

    if (log_claim_id(bed, &claim, id) != 1) {
        return false;
    }
    expect_body(bed, &claim, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    return true;
}

static inline void expect_none(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready + status.held + status.delayed, 0);
    log_expect_gone(bed, id);
    log_expect_none(bed, "files");
    log_expect_none(bed, "records");
}

static inline void start_move(struct bed *bed, struct pirn_claim *claim,
                              const char *queue)
{
    ended = 1;
    pirn_prep_move(claim, queue);
    pirn_start(bed->context, &claim->op, note);
}

#define MOVE_TEST(name) LOG_FAULTY_TEST(name)

#endif /* TESTS_KERNEL_LAYOUTS_H */
