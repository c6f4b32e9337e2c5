/* SPDX-License-Identifier: MIT */
/* host.c - clock, random numbers, identity, signals, memory and cached files of
 * a real machine */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "pirn/invariant.h"
#include "pirn/signal.h"
#include "runtime/engine/engine.h"

enum { START_TIME_FIELD = 22 }; /* of /proc/PID/stat, see proc(5) */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    pirn_assert(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t pirn__host_now_ns(struct engine *engine)
{
    (void)engine;
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t pirn__host_realtime_ns(struct engine *engine)
{
    (void)engine;
    return clock_ns(CLOCK_REALTIME);
}

void pirn__host_random(struct engine *engine, void *bytes, size_t len)
{
    uint8_t *at = bytes;

    (void)engine;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        pirn_assert_rule(n > 0 || errno == EINTR,
                         "getrandom(2) never fails on a kernel that booted");
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

/* The file's bytes, NUL-terminated; "" where it cannot be read. */
static void read_text(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, cap - 1);

    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

/* The second field may hold blanks and parentheses; it ends at the last ')'. */
static uint64_t start_ticks(const char *stat)
{
    const char *at = strrchr(stat, ')');
    unsigned long long ticks = 0;

    for (int field = 2; at != NULL && field < START_TIME_FIELD; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at != NULL) {
        sscanf(at, "%llu", &ticks);
    }
    return ticks;
}

/* A UUID's 32 hexadecimal digits, dashes passed over. */
static void parse_uuid(const char *text, uint8_t bytes[16])
{
    unsigned digits = 0;

    memset(bytes, 0, 16);
    for (; *text != '\0' && digits < 32; text++) {
        unsigned value;

        if (*text != '-' && sscanf(text, "%1x", &value) == 1) {
            bytes[digits / 2] |= (uint8_t)(value << (digits % 2 == 0 ? 4 : 0));
            digits++;
        }
    }
}

void pirn__host_identity(struct engine *engine,
                         struct pirn_identity *ret_identity)
{
    char text[1024];

    (void)engine;
    ret_identity->pid = (uint32_t)getpid();
    read_text("/proc/self/stat", text, sizeof(text));
    ret_identity->start_ticks = start_ticks(text);
    read_text("/proc/sys/kernel/random/boot_id", text, sizeof(text));
    parse_uuid(text, ret_identity->boot_id);
}

int pirn__host_map(struct engine *engine, int fd, uint64_t bytes,
                   void **ret_memory)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    (void)engine;
    if (memory == MAP_FAILED) {
        return -errno;
    }
    *ret_memory = memory;
    return 0;
}

void pirn__host_unmap(struct engine *engine, void *memory, uint64_t bytes)
{
    (void)engine;
    pirn_assert(munmap(memory, bytes) == 0);
}

/* A sandbox may know the call by no name at all. */
int32_t pirn__host_read_cached(struct engine *engine, int fd, void *buf,
                               uint32_t len, uint64_t offset)
{
    struct iovec piece = {buf, len};
    ssize_t n;

    (void)engine;
    do {
        n = preadv2(fd, &piece, 1, (off_t)offset, RWF_NOWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == ENOSYS || errno == EPERM ? -EOPNOTSUPP : -errno;
    }
    return (int32_t)n;
}

int pirn__host_duplicate(int fd)
{
    int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    return other < 0 ? -errno : other;
}

void pirn_signals_block(const sigset_t *set)
{
    pirn_assert(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
}
