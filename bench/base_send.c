/* SPDX-License-Identifier: MIT */
/*
 * base_send.c - sends on one TCP connection over loopback, copied and not
 *
 * One send is under way at a time, as on a stream; a thread receives. Without
 * the copy a buffer is the kernel's until it says so, so there are several, and
 * they are registered: the best that there is. CPU is that of both ends: what
 * one of them is spared, loopback may do at the other.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bare.h"
#include "bench/loopback.h"
#include "bench/process.h"
#include "bench/sides.h"

enum { BUFS = 8, ALIGNMENT = 4096, RECEIVE_BYTES = 262144 };

struct sends {
    struct io_uring ring;
    pthread_t receiver;
    int fds[2]; /* sender's, receiver's */
    uint32_t bytes;
    bool is_copied;
    uint8_t *bufs;
    bool lent[BUFS];
    uint32_t next;
};

/* --- the connection --- */

static int connect_pair(int fds[2])
{
    struct sockaddr_in address;
    int listener = loopback_listen(&address);
    int one = 1;
    int r = 0;

    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || fds[0] < 0 ||
        connect(fds[0], (struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0) {
        r = -errno;
    }
    fds[1] = r < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    return fds[1] < 0 ? -EIO : 0;
}

static void *receive_all(void *arg)
{
    struct sends *sends = arg;
    uint8_t *buf = malloc(RECEIVE_BYTES);

    process_pin(1);
    while (buf != NULL && recv(sends->fds[1], buf, RECEIVE_BYTES, 0) > 0) {
    }
    free(buf);
    return NULL;
}

/* --- a side --- */

static void sends_close(void *state)
{
    struct sends *sends = state;

    shutdown(sends->fds[0], SHUT_RDWR);
    pthread_join(sends->receiver, NULL);
    io_uring_queue_exit(&sends->ring);
    close(sends->fds[0]);
    close(sends->fds[1]);
    free(sends->bufs);
    free(sends);
}

static int begin(struct sends *sends)
{
    struct iovec all = {sends->bufs, (size_t)sends->bytes * BUFS};
    int r = connect_pair(sends->fds);

    if (r == 0) {
        r = bare_ring(&sends->ring);
    }
    if (r < 0) {
        return r;
    }
    if (!sends->is_copied) {
        r = io_uring_register_buffers(&sends->ring, &all, 1);
    }
    if (r == 0) {
        r = -pthread_create(&sends->receiver, NULL, receive_all, sends);
    }
    if (r < 0) {
        io_uring_queue_exit(&sends->ring);
    }
    return r;
}

static int sends_open(const struct options *options, bool is_copied,
                      void **ret_state)
{
    struct sends *sends = calloc(1, sizeof(*sends));
    uint32_t bytes = options->question->bytes;
    int r;

    if (sends == NULL) {
        return -ENOMEM;
    }
    sends->bytes = bytes;
    sends->is_copied = is_copied;
    sends->bufs = aligned_alloc(ALIGNMENT, (size_t)bytes * BUFS);
    if (sends->bufs == NULL) {
        free(sends);
        return -ENOMEM;
    }
    memset(sends->bufs, 'x', (size_t)bytes * BUFS);
    r = begin(sends);
    if (r < 0) {
        close(sends->fds[0]);
        close(sends->fds[1]);
        free(sends->bufs);
        free(sends);
        return r;
    }
    *ret_state = sends;
    return 0;
}

static int copied_open(const struct options *options, void **ret_state)
{
    return sends_open(options, true, ret_state);
}

static int zero_copy_open(const struct options *options, void **ret_state)
{
    return sends_open(options, false, ret_state);
}

/* --- a round --- */

static void start(struct sends *sends)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&sends->ring);
    uint8_t *buf = sends->bufs + (size_t)sends->next * sends->bytes;

    io_uring_prep_send(sqe, sends->fds[0], buf, sends->bytes,
                       MSG_NOSIGNAL | MSG_WAITALL);
    if (!sends->is_copied) {
        sqe->opcode = IORING_OP_SEND_ZC;
        sqe->ioprio = IORING_RECVSEND_FIXED_BUF;
    }
    sqe->user_data = sends->next;
    sends->lent[sends->next] = true;
    sends->next = (sends->next + 1) % BUFS;
}

/* A send without a copy completes twice: sent, and let go of. */
static int take(struct sends *sends, bool *under_way)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
    int r = io_uring_submit_and_wait(&sends->ring, 1);

    io_uring_for_each_cqe (&sends->ring, head, cqe) {
        if (!(cqe->flags & IORING_CQE_F_NOTIF)) {
            *under_way = false;
            r = cqe->res == (int32_t)sends->bytes ? r : -EIO;
        }
        if (!(cqe->flags & IORING_CQE_F_MORE)) {
            sends->lent[cqe->user_data] = false;
        }
        count++;
    }
    io_uring_cq_advance(&sends->ring, count);
    return r < 0 ? r : 0;
}

static bool any_lent(const struct sends *sends)
{
    bool any = false;

    for (uint32_t i = 0; i < BUFS; i++) {
        any = any || sends->lent[i];
    }
    return any;
}

static int sends_round(void *state, struct round *round)
{
    struct sends *sends = state;
    bool under_way = false;
    int r = 0;

    process_pin(0);
    round_begin(round);
    while (r == 0 && !round_is_over(round, round_now_ns())) {
        if (!under_way && !sends->lent[sends->next]) {
            start(sends);
            under_way = true;
            round->count++;
        }
        r = take(sends, &under_way);
    }
    while (r == 0 && (under_way || any_lent(sends))) {
        r = take(sends, &under_way);
    }
    round_end(round);
    process_unpin();
    return r;
}

const struct side base_send = {
    .name = "send",
    .open = copied_open,
    .round = sends_round,
    .close = sends_close,
};

const struct side base_send_zc = {
    .name = "send_zc",
    .open = zero_copy_open,
    .round = sends_round,
    .close = sends_close,
};
