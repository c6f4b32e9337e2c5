/* SPDX-License-Identifier: MIT */
/*
 * test_log_lane.c - lanes between processes that are killed and stopped
 *
 *   PIRN_SEED=N ...   whom, and when; a seed is not the same life twice
 *
 * Eight workers put and take in shared memory. Another process kills one,
 * recovers what it had in its hand while the others go on, and starts a new one
 * in its place; or stops one for a while, and repeats its hand.
 */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spool/log/atom.h"
#include "spool/log/lane.h"

enum {
    WORKERS = 8,
    LANES = 4,
    BLOCKS = 64,
    CELLS = 7,
    BLOCK_WORDS = PIRN__BLOCK_HEAD_WORDS + CELLS,
    ENTRIES = 1 << 20,
    BACKLOG = 150,
    ROUNDS = 200, /* or as many as a second and a half has */
};

struct shared {
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t words[LANES * PIRN__LANE_WORDS];
    uint64_t blocks[BLOCKS * BLOCK_WORDS];
    struct pirn__hand hands[WORKERS + 1]; /* the last is the killer's */
    uint64_t drawn;                       /* entries so far */
    uint64_t done;
    uint64_t wrong;
    uint8_t put[ENTRIES]; /* whether pirn__lane_put() returned 0 */
    uint8_t taken[ENTRIES];
};

static struct pirn__lanes lanes_of(struct shared *shared)
{
    return (struct pirn__lanes){
        .head = shared->head,
        .lanes = shared->words,
        .blocks = shared->blocks,
        .lane_count = LANES,
        .block_count = BLOCKS,
        .block_words = BLOCK_WORDS,
    };
}

static uint32_t any(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

static void note_taken(struct shared *shared, struct pirn__entry entry)
{
    if (entry.slot >= ENTRIES || entry.incarnation != (uint16_t)entry.slot) {
        pirn__atom_store(&shared->wrong, 1);
        return;
    }
    __atomic_store_n(&shared->taken[entry.slot], 1, __ATOMIC_SEQ_CST);
    pirn__atom_add(&shared->done, 1);
}

static void take_one(struct shared *shared, const struct pirn__lanes *lanes,
                     uint32_t lane, struct pirn__hand *hand)
{
    struct pirn__entry entry;

    if (pirn__lane_take(lanes, lane, hand, &entry)) {
        note_taken(shared, entry);
        pirn__hand_clear(hand);
    }
}

static void put_one(struct shared *shared, const struct pirn__lanes *lanes,
                    uint32_t lane, struct pirn__hand *hand)
{
    uint64_t slot = pirn__atom_add(&shared->drawn, 1);

    if (slot >= ENTRIES) {
        return;
    }
    struct pirn__entry entry = {(uint32_t)slot, (uint16_t)slot};
    if (pirn__lane_put(lanes, lane, entry, hand) == 0) {
        __atomic_store_n(&shared->put[slot], 1, __ATOMIC_SEQ_CST);
    }
}

/* Until it is killed, or its parent is. */
static _Noreturn void work(struct shared *shared, uint32_t self, uint64_t seed)
{
    struct pirn__lanes lanes = lanes_of(shared);
    struct pirn__hand *hand = &shared->hands[self];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(30);
    for (;;) {
        uint32_t lane = any(&seed, LANES);
        uint64_t done = pirn__atom_load(&shared->done);
        uint64_t drawn = pirn__atom_load(&shared->drawn);
        if (any(&seed, 2) == 0 && drawn < ENTRIES && drawn < done + BACKLOG) {
            put_one(shared, &lanes, lane, hand);
        } else {
            take_one(shared, &lanes, lane, hand);
        }
    }
}

static pid_t worker_start(struct shared *shared, uint32_t self, uint64_t seed)
{
    pid_t pid = fork();

    if (pid == 0) {
        work(shared, self, seed);
    }
    return pid;
}

static void worker_kill(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void worker_stop(struct shared *shared, pid_t pid, uint32_t self,
                        struct timespec pause)
{
    struct pirn__lanes lanes = lanes_of(shared);

    (void)kill(pid, SIGSTOP);
    (void)waitpid(pid, NULL, WUNTRACED);
    if (pirn__hand_repeat(&lanes, &shared->hands[self],
                          &shared->hands[WORKERS]) != 0) {
        pirn__atom_store(&shared->wrong, 2);
    }
    (void)nanosleep(&pause, NULL);
    (void)kill(pid, SIGCONT);
}

static void hand_recover(struct shared *shared, uint32_t self)
{
    struct pirn__lanes lanes = lanes_of(shared);

    if (pirn__hand_recover(&lanes, &shared->hands[self],
                           &shared->hands[WORKERS]) != 0) {
        pirn__atom_store(&shared->wrong, 3);
    }
}

static uint32_t fill(struct shared *shared, uint32_t lane)
{
    struct pirn__lanes lanes = lanes_of(shared);
    struct pirn__hand *hand = &shared->hands[WORKERS];
    uint32_t count = 0;

    while (pirn__lane_put(&lanes, lane, (struct pirn__entry){0, 0}, hand) ==
           0) {
        count++;
    }
    return count;
}

static void drain(struct shared *shared)
{
    struct pirn__lanes lanes = lanes_of(shared);

    for (uint32_t lane = 0; lane < LANES; lane++) {
        while (!pirn__lane_is_empty(&lanes, lane)) {
            take_one(shared, &lanes, lane, &shared->hands[WORKERS]);
        }
    }
}

/* An empty lane keeps one block, with as many cells left as it happens. So each
 * is filled to the end of a block and emptied again: none has a cell left, and
 * what one lane takes then is all of the pool's. */
static uint32_t cells_of_pool(struct shared *shared)
{
    for (uint32_t lane = 0; lane < LANES; lane++) {
        (void)fill(shared, lane);
    }
    drain(shared);
    return fill(shared, 0);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t seed_choose(void)
{
    const char *given = getenv("PIRN_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                  : (uint64_t)time(NULL) ^ (uint64_t)getpid();

    printf("# PIRN_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static void killed_and_stopped_processes_lose_no_entry_and_no_block(
    void **unused)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t seed = seed_choose();
    pid_t pids[WORKERS];
    uint32_t lost = 0;
    uint32_t put = 0;

    (void)unused;
    assert_true(shared != MAP_FAILED);
    struct pirn__lanes lanes = lanes_of(shared);
    pirn__lanes_init(&lanes);
    for (uint32_t i = 0; i < WORKERS; i++) {
        pids[i] = worker_start(shared, i, seed + i);
        assert_true(pids[i] > 0);
    }
    uint64_t until = now_ms() + 1500;
    for (uint32_t round = 0; round < ROUNDS && now_ms() < until; round++) {
        struct timespec pause = {0, any(&seed, 5000000)};
        uint32_t whom = any(&seed, WORKERS);
        (void)nanosleep(&pause, NULL);
        if (any(&seed, 3) == 0) {
            worker_stop(shared, pids[whom], whom, pause);
            continue;
        }
        worker_kill(pids[whom]);
        hand_recover(shared, whom);
        pids[whom] = worker_start(shared, whom, seed);
        assert_true(pids[whom] > 0);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        worker_kill(pids[i]);
        hand_recover(shared, i);
    }
    drain(shared);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        put += shared->put[i];
        lost += shared->put[i] > shared->taken[i];
    }
    printf("# %u put, %u lost\n", put, lost);
    assert_int_equal(shared->wrong, 0);
    assert_int_equal(lost, 0);
    assert_true(put > 0);
    assert_int_equal(cells_of_pool(shared), (BLOCKS - LANES) * CELLS);
    assert_int_equal(munmap(shared, sizeof(*shared)), 0);
}

TEST_MAIN(
    cmocka_unit_test(killed_and_stopped_processes_lose_no_entry_and_no_block))
