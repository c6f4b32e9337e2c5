/* SPDX-License-Identifier: MIT */
/*
 * base_links.c - the same as linked submissions on bare liburing
 *
 * What a chain could cost if the kernel stepped it. Not what one may do: since
 * Linux 6.0 a failed fsync does not cut a link, so this publishes a file that
 * was never synced. Here a failure only ends the round.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/sides.h"

enum { STEPS = 6 };

struct links {
    struct io_uring ring;
    struct place_pair place;
    struct round *round;
    const char *dir;
    uint64_t begun;
    uint32_t in_flight;
    char body[COMMIT_BYTES];
    struct run {
        char name[24];
        uint64_t began_ns;
    } runs[COMMIT_DEPTH];
};

static int links_open(const struct options *options, void **ret_state)
{
    struct links *links = calloc(1, sizeof(*links));
    unsigned workers[2] = {COMMIT_DEPTH, COMMIT_DEPTH};
    int r;

    if (links == NULL) {
        return -ENOMEM;
    }
    r = io_uring_queue_init(
        STEPS * COMMIT_DEPTH, &links->ring,
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
            IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (r < 0) {
        free(links);
        return r;
    }
    r = io_uring_register_files_sparse(&links->ring, COMMIT_DEPTH);
    if (r < 0) {
        io_uring_queue_exit(&links->ring);
        free(links);
        return r;
    }
    (void)io_uring_register_iowq_max_workers(&links->ring, workers);
    (void)io_uring_register_ring_fd(&links->ring);
    links->dir = options->dir;
    memset(links->body, 'x', sizeof(links->body));
    *ret_state = links;
    return 0;
}

/* Each step's user data: the run, and whether it is the last step. */
static void mark(struct io_uring_sqe *sqe, unsigned slot, unsigned flags)
{
    sqe->flags |= (__u8)flags;
    sqe->user_data = slot << 1 | !(flags & IOSQE_IO_LINK);
}

static void begin(struct links *links, unsigned slot, uint64_t now_ns)
{
    struct round *round = links->round;
    struct run *run = &links->runs[slot];
    struct place_pair place = links->place;
    struct io_uring_sqe *sqes[STEPS];

    if (round_is_over(round, now_ns) || links->begun >= round->count_max) {
        return;
    }
    snprintf(run->name, sizeof(run->name), "%llu",
             (unsigned long long)links->begun++);
    run->began_ns = now_ns;
    links->in_flight++;

    for (unsigned i = 0; i < STEPS; i++) {
        sqes[i] = io_uring_get_sqe(&links->ring);
    }
    io_uring_prep_openat_direct(sqes[0], place.tmp, run->name,
                                O_CREAT | O_EXCL | O_WRONLY, 0600, slot);
    mark(sqes[0], slot, IOSQE_IO_LINK);
    io_uring_prep_write(sqes[1], (int)slot, links->body, COMMIT_BYTES, 0);
    mark(sqes[1], slot, IOSQE_IO_LINK | IOSQE_FIXED_FILE);
    io_uring_prep_fsync(sqes[2], (int)slot, 0);
    mark(sqes[2], slot, IOSQE_IO_LINK | IOSQE_FIXED_FILE);
    io_uring_prep_close_direct(sqes[3], slot);
    mark(sqes[3], slot, IOSQE_IO_LINK);
    io_uring_prep_renameat(sqes[4], place.tmp, run->name, place.out, run->name,
                           0);
    mark(sqes[4], slot, IOSQE_IO_LINK);
    io_uring_prep_fsync(sqes[5], place.out, 0);
    mark(sqes[5], slot, 0);
}

/* One turn: what was begun is submitted, what ended begins anew. */
static int turn(struct links *links)
{
    struct io_uring_cqe *cqe;
    unsigned ended[COMMIT_DEPTH];
    unsigned ended_count = 0;
    unsigned count = 0;
    unsigned head;
    uint64_t now_ns;
    int r = io_uring_submit_and_wait(&links->ring, 1);

    if (r < 0) {
        return r;
    }
    r = 0;
    io_uring_for_each_cqe (&links->ring, head, cqe) {
        count++;
        r = r < 0 || cqe->res >= 0 ? r : cqe->res;
        if (cqe->user_data & 1) {
            ended[ended_count++] = (unsigned)(cqe->user_data >> 1);
        }
    }
    io_uring_cq_advance(&links->ring, count);
    now_ns = round_now_ns();
    for (unsigned i = 0; i < ended_count; i++) {
        links->in_flight--;
        links->round->count++;
        histogram_add(&links->round->latency,
                      now_ns - links->runs[ended[i]].began_ns);
        begin(links, ended[i], now_ns);
    }
    return r;
}

static int links_round(void *state, struct round *round)
{
    struct links *links = state;
    int r =
        place_make_pair(&links->place, links->dir, "chain-links", round->index);

    if (r < 0) {
        return r;
    }
    links->round = round;
    links->begun = 0;
    round_begin(round);
    for (unsigned i = 0; i < COMMIT_DEPTH; i++) {
        begin(links, i, round->began_ns);
    }
    while (links->in_flight > 0 && r == 0) {
        r = turn(links);
    }
    round_end(round);
    place_close_pair(&links->place);
    return r;
}

static void links_close(void *state)
{
    struct links *links = state;

    io_uring_queue_exit(&links->ring);
    free(links);
}

const struct side base_links = {
    .name = "links",
    .promise = "one file; unsafe if a sync fails",
    .open = links_open,
    .round = links_round,
    .close = links_close,
};
