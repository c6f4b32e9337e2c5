/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - fork, a board in shared memory, wait
 *
 * The board is the only thing they share with us. A member writes what is its
 * own and the two counters; we read the rest of it after its end. Nobody waits
 * for ever: who gathers and who dismisses gives up after a while.
 */
#include "bench/crowd.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/process.h"

static const uint64_t PATIENCE_NS = 30000000000u;

/* What a process needs to know of itself. */
struct seat {
    struct crowd_board *board;
    struct crowd_member *member;
    crowd_fn *fn;
    void *arg;
};

void crowd_await(struct crowd_board *board)
{
    atomic_fetch_add(&board->ready, 1);
    while (!atomic_load(&board->go) && !atomic_load(&board->stop)) {
        poll(NULL, 0, 1);
    }
}

bool crowd_is_over(const struct crowd_board *board)
{
    return atomic_load(&board->stop) ||
           atomic_load(&board->taken) >= board->total;
}

static void sit(void *arg)
{
    struct seat *seat = arg;

    seat->member->error = seat->fn(seat->board, seat->member, seat->arg);
    _exit(seat->member->error < 0 ? 1 : 0);
}

/* The first of their errors so far. */
static int crowd_error(const struct crowd *crowd)
{
    int error = 0;

    for (unsigned i = 0; i < crowd->size && error == 0; i++) {
        error = crowd->board->members[i].error;
    }
    return error;
}

/* All have said that they are ready, or one that it never will be. */
static int await_all(const struct crowd *crowd)
{
    uint64_t end_ns = round_now_ns() + PATIENCE_NS;
    int r = 0;

    while (r == 0 && atomic_load(&crowd->board->ready) < crowd->size) {
        poll(NULL, 0, 1);
        r = round_now_ns() > end_ns ? -ETIMEDOUT : crowd_error(crowd);
    }
    return r;
}

int crowd_gather(struct crowd *crowd, unsigned size, crowd_fn *fn, void *arg)
{
    int r = 0;

    *crowd = (struct crowd){0};
    crowd->board = mmap(NULL, sizeof(*crowd->board), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (crowd->board == MAP_FAILED) {
        return -errno;
    }
    crowd->board->total = UINT64_MAX;
    while (crowd->size < size && r >= 0) {
        struct seat seat = {
            .board = crowd->board,
            .member = &crowd->board->members[crowd->size],
            .fn = fn,
            .arg = arg,
        };

        r = crowd->pids[crowd->size] = process_fork(sit, &seat);
        crowd->size += r < 0 ? 0 : 1;
    }
    r = r < 0 ? r : await_all(crowd);
    if (r < 0) {
        (void)crowd_dismiss(crowd, NULL);
    }
    return r;
}

void crowd_go(struct crowd *crowd, uint64_t there, uint64_t total)
{
    crowd->board->total = total;
    atomic_store(&crowd->board->there, there);
    crowd->began_ns = round_now_ns();
    atomic_store(&crowd->board->go, true);
}

void crowd_wait(struct crowd *crowd, uint64_t end_ns)
{
    struct crowd_board *board = crowd->board;

    while (atomic_load(&board->taken) < board->total &&
           round_now_ns() < end_ns && crowd_error(crowd) == 0) {
        poll(NULL, 0, 1);
    }
    atomic_store(&board->stop, true);
}

static void add(struct crowd_member *sum, const struct crowd_member *member)
{
    sum->count += member->count;
    sum->lost += member->lost;
    sum->cpu_ns += member->cpu_ns;
    sum->kib[0] += member->kib[0];
    sum->kib[1] += member->kib[1];
    sum->last_ns =
        member->last_ns > sum->last_ns ? member->last_ns : sum->last_ns;
    sum->error = sum->error < 0 ? sum->error : member->error;
}

int crowd_dismiss(struct crowd *crowd, struct crowd_member *ret_sum)
{
    struct crowd_member sum = {.last_ns = crowd->began_ns};

    atomic_store(&crowd->board->stop, true);
    for (unsigned i = 0; i < crowd->size; i++) {
        int status = process_wait(crowd->pids[i], PATIENCE_NS);

        add(&sum, &crowd->board->members[i]);
        if (status != 0 && sum.error == 0) {
            sum.error = status < 0 ? status : -ECHILD;
        }
    }
    munmap(crowd->board, sizeof(*crowd->board));
    *crowd = (struct crowd){0};
    if (ret_sum != NULL) {
        *ret_sum = sum;
    }
    return sum.error;
}

void crowd_tell(const struct crowd_member *sum, struct round *round)
{
    round->count = sum->count;
    round->lost += sum->lost;
    round->cpu_ns += sum->cpu_ns;
    if (sum->last_ns > round->began_ns) {
        round->wall_ns = sum->last_ns - round->began_ns;
    }
}

int crowd_round(struct round *round, unsigned size, crowd_fn *fn, void *arg)
{
    struct crowd_member sum;
    struct crowd crowd;
    int r = crowd_gather(&crowd, size, fn, arg);

    if (r < 0) {
        return r;
    }
    round_begin(round);
    crowd_go(&crowd, round->queued, round->queued);
    crowd_wait(&crowd, round->began_ns + round->length_ns);
    r = crowd_dismiss(&crowd, &sum);
    round_end(round);
    crowd_tell(&sum, round);
    return r;
}
