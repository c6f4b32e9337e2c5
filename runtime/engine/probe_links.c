/* SPDX-License-Identifier: MIT */
/*
 * probe_links.c - how this kernel treats a link behind a failure
 *
 * Each operation is made to fail, or to move less than asked, in front of a
 * NOP that is linked to it. A cut link ends the NOP with -ECANCELED; where the
 * NOP runs, the next step of a chain would have run as well.
 *
 * It has to fail inside the operation: a descriptor that is not open is noticed
 * before, and then every link is cut. So each gets one of the right kind, or
 * the wrong end of a pipe; a path leads through a file ("/dev/null/a"), so it
 * can never be there nor be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pirn/probe.h"

enum {
    RING_ENTRIES = 8,
    HEAD = 1,           /* user data: what fails */
    TAIL = 2,           /* and the NOP behind it */
    MUCH = 1 << 20,     /* bytes: more than any of the small places takes */
    NOT_OPEN = 1 << 30, /* over every limit of descriptors */
    NARROW_BYTES = 4096,
};

/* What an operation is tried on: the first descriptor of a fresh pair. */
enum place {
    AT_CWD,        /* none: paths */
    AT_NOTHING,    /* a number that is not open */
    NO_DOMAIN,     /* what is no family of addresses */
    READ_END,      /* of an empty pipe */
    WRITE_END,     /* of a pipe with room for a page */
    THREE_IN,      /* the read end of a pipe with three bytes in it */
    ALONE,         /* a socket, not connected */
    PEERLESS,      /* a socket whose peer is gone */
    NARROW,        /* a socket with a small buffer */
    THREE_CAME,    /* a socket with three bytes to receive */
    THREE_AND_END, /* and then the end */
};

/* Written as the fields of a submission are called. */
struct attempt {
    const char *name;
    uint8_t opcode;
    uint8_t on; /* enum place */
    bool less;  /* it succeeds, and moves less than len */
    const void *addr;
    const void *addr2; /* instead of off */
    uint32_t len;
    uint32_t flags;
};

/* As an address: MUCH bytes of memory. */
static const char scratch[1];

static const char nowhere[] = "/dev/null/a";
static const struct open_how how = {.flags = O_RDONLY};
static const struct sockaddr_un address = {AF_UNIX, "/dev/null/a"};
static const struct iovec iov = {(void *)nowhere, sizeof(nowhere)};
static const struct msghdr message = {.msg_iov = (struct iovec *)&iov,
                                      .msg_iovlen = 1};

#define CWD ((uint32_t)AT_FDCWD)
#define QUIET MSG_NOSIGNAL

static const struct attempt attempts[] = {
    {"OPENAT", 18, .on = AT_CWD, .addr = nowhere, .flags = O_RDONLY},
    {"OPENAT (O_CREAT)", 18, .on = AT_CWD, .addr = nowhere, .len = 0600,
     .flags = O_CREAT | O_WRONLY},
    {"OPENAT2", 28, .on = AT_CWD, .addr = nowhere, .addr2 = &how,
     .len = sizeof(how)},
    {"CLOSE", 19, .on = AT_NOTHING},
    {"READ", 22, .on = WRITE_END, .addr = scratch, .len = 1},
    {"READ (short)", 22, .on = THREE_IN, .less = true, .addr = scratch,
     .len = 64},
    {"WRITE", 23, .on = READ_END, .addr = scratch, .len = 1},
    {"WRITE (short)", 23, .on = WRITE_END, .less = true, .addr = scratch,
     .len = MUCH},
    {"READV", 1, .on = WRITE_END, .addr = &iov, .len = 1},
    {"WRITEV", 2, .on = READ_END, .addr = &iov, .len = 1},
    {"FSYNC", 3, .on = READ_END},
    {"FSETXATTR", 41, .on = READ_END, .addr = nowhere, .addr2 = scratch,
     .len = 1},
    {"FALLOCATE", 17, .on = READ_END, .addr = (void *)1},
    {"FTRUNCATE", 55, .on = READ_END},
    {"RENAMEAT", 35, .on = AT_CWD, .addr = nowhere, .addr2 = nowhere,
     .len = CWD},
    {"UNLINKAT", 36, .on = AT_CWD, .addr = nowhere},
    {"MKDIRAT", 37, .on = AT_CWD, .addr = nowhere, .len = 0700},
    {"LINKAT", 39, .on = AT_CWD, .addr = nowhere, .addr2 = nowhere, .len = CWD},
    {"SYMLINKAT", 38, .on = AT_CWD, .addr = nowhere, .addr2 = nowhere},
    {"STATX", 21, .on = AT_CWD, .addr = nowhere, .addr2 = scratch,
     .len = STATX_BASIC_STATS},
    {"SOCKET", 45, .on = NO_DOMAIN},
    {"BIND", 56, .on = ALONE, .addr = &address,
     .addr2 = (void *)sizeof(address)},
    {"LISTEN", 57, .on = ALONE, .len = 1},
    {"ACCEPT", 13, .on = ALONE},
    {"CONNECT", 16, .on = ALONE, .addr = &address,
     .addr2 = (void *)sizeof(address)},
    {"SEND", 26, .on = PEERLESS, .addr = scratch, .len = 1, .flags = QUIET},
    {"SEND (short)", 26, .on = NARROW, .less = true, .addr = scratch,
     .len = MUCH, .flags = QUIET | MSG_DONTWAIT},
    {"SEND (short, MSG_WAITALL)", 26, .on = NARROW, .less = true,
     .addr = scratch, .len = MUCH, .flags = QUIET | MSG_DONTWAIT | MSG_WAITALL},
    {"SENDMSG", 9, .on = PEERLESS, .addr = &message, .len = 1, .flags = QUIET},
    {"RECV", 27, .on = ALONE, .addr = scratch, .len = 64},
    {"RECV (short)", 27, .on = THREE_CAME, .less = true, .addr = scratch,
     .len = 64},
    {"RECV (short, MSG_WAITALL)", 27, .on = THREE_AND_END, .less = true,
     .addr = scratch, .len = 64, .flags = MSG_WAITALL},
    {"SHUTDOWN", 34, .on = READ_END, .len = SHUT_WR},
    {"SPLICE", 30, .on = WRITE_END, .addr = (void *)-1, .addr2 = (void *)-1,
     .len = 64},
};

static int three_in(int fd)
{
    return write(fd, "abc", 3) == 3 ? 0 : -EIO;
}

static int make_pipe(enum place place, int fds[2])
{
    int both[2];
    bool written = place == WRITE_END;

    if (pipe2(both, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -errno;
    }
    fds[0] = both[written ? 1 : 0];
    fds[1] = both[written ? 0 : 1];
    if (written) {
        (void)fcntl(fds[0], F_SETPIPE_SZ, 1); /* the kernel makes it a page */
    }
    return place == THREE_IN ? three_in(fds[1]) : 0;
}

static int make_pair(enum place place, int fds[2])
{
    const int small = NARROW_BYTES;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        return -errno;
    }
    if (place == PEERLESS) {
        close(fds[1]);
        fds[1] = -1;
        return 0;
    }
    if (place == NARROW) {
        (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        return 0;
    }
    if (three_in(fds[1]) < 0) {
        return -EIO;
    }
    return place == THREE_AND_END && shutdown(fds[1], SHUT_WR) < 0 ? -errno : 0;
}

static int make_place(enum place place, int fds[2])
{
    fds[0] = fds[1] = -1;
    switch (place) {
    case AT_CWD:
    case AT_NOTHING:
    case NO_DOMAIN:
        return 0;
    case READ_END:
    case WRITE_END:
    case THREE_IN:
        return make_pipe(place, fds);
    case ALONE:
        fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fds[0] < 0 ? -errno : 0;
    case PEERLESS:
    case NARROW:
    case THREE_CAME:
    case THREE_AND_END:
        return make_pair(place, fds);
    }
    return -EINVAL;
}

static void leave_place(const int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static int named_fd(enum place place, const int fds[2])
{
    switch (place) {
    case AT_CWD:
        return AT_FDCWD;
    case AT_NOTHING:
    case NO_DOMAIN:
        return NOT_OPEN;
    default:
        return fds[0];
    }
}

static const void *real(const void *addr, const void *memory)
{
    return addr == scratch ? memory : addr;
}

static void submit(struct io_uring *ring, const struct attempt *attempt,
                   const int fds[2], const void *memory)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

    io_uring_prep_rw(attempt->opcode, sqe, named_fd(attempt->on, fds),
                     real(attempt->addr, memory), attempt->len,
                     (uintptr_t)real(attempt->addr2, memory));
    sqe->rw_flags = (int)attempt->flags;
    if (attempt->opcode == IORING_OP_SPLICE) {
        sqe->splice_fd_in = fds[1]; /* empty, and not blocking */
    }
    sqe->flags = IOSQE_IO_LINK;
    sqe->user_data = HEAD;
    sqe = io_uring_get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe->user_data = TAIL;
    io_uring_submit(ring);
}

/* The results of both; -ETIME if one does not come. */
static int collect(struct io_uring *ring, int *ret_head, int *ret_tail)
{
    for (int i = 0; i < 2; i++) {
        struct __kernel_timespec limit = {.tv_sec = 5};
        struct io_uring_cqe *cqe;
        int r = io_uring_wait_cqe_timeout(ring, &cqe, &limit);

        if (r < 0) {
            return r;
        }
        *(cqe->user_data == HEAD ? ret_head : ret_tail) = cqe->res;
        io_uring_cqe_seen(ring, cqe);
    }
    return 0;
}

/* 1: cut, 0: not cut, -ENOTSUP: it did not fail as it should; or an errno. */
static int try_one(struct io_uring *ring, const struct attempt *attempt,
                   const void *memory)
{
    int fds[2];
    int head = 0;
    int tail = 0;
    int r = make_place(attempt->on, fds);

    if (r == 0) {
        submit(ring, attempt, fds, memory);
        r = collect(ring, &head, &tail);
    }
    leave_place(fds);
    if (r < 0) {
        return r;
    }
    if (attempt->less ? head < 0 || head >= (int)attempt->len : head >= 0) {
        return -ENOTSUP;
    }
    return tail == -ECANCELED;
}

static int try_all(struct io_uring *ring, const struct io_uring_probe *probe,
                   const void *memory, struct pirn_probe_link *links,
                   uint32_t max)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        int r = -ENOTSUP;

        if (io_uring_opcode_supported(probe, attempts[i].opcode)) {
            r = try_one(ring, &attempts[i], memory);
        }
        if (r == -ENOTSUP) {
            continue;
        }
        if (r < 0) {
            return r;
        }
        if (count < max) {
            links[count] = (struct pirn_probe_link){attempts[i].name, r == 1};
        }
        count++;
    }
    return (int)count;
}

int pirn_probe_links(struct pirn_probe_link *links, uint32_t max)
{
    struct io_uring ring;
    struct io_uring_probe *probe;
    void *memory;
    int r = io_uring_queue_init(RING_ENTRIES, &ring, 0);

    if (r < 0) {
        return r;
    }
    probe = io_uring_get_probe_ring(&ring);
    memory = calloc(1, MUCH);
    r = -ENOMEM;
    if (probe != NULL && memory != NULL) {
        r = try_all(&ring, probe, memory, links, max);
    }
    io_uring_free_probe(probe);
    io_uring_queue_exit(&ring);
    free(memory); /* after the ring: nothing writes into it any more */
    return r;
}
