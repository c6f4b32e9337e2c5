/* SPDX-License-Identifier: MIT */
/*
 * ready.c - epoll, and who waits for which descriptor
 *
 * A descriptor's entry is found by its number. While errands wait there, epoll
 * has the number with what they wait for: an event takes the interest back, all
 * that wait for it are tried, and what still waits is asked for anew. With
 * nobody waiting epoll says nothing, however ready the descriptor is.
 *
 * The kernel knows a file, we know a number. The caller may close a descriptor
 * that no operation has, and get the number again for another file, without our
 * hearing of it: then epoll has forgotten the number. So each new wait is told
 * to epoll, and what the entry remembers is only which of ADD and MOD to try
 * first.
 *
 * A multishot poll watches: it has a duplicate of the descriptor, so a place in
 * epoll of its own, edge-triggered, and the file for as long as it lasts.
 *
 * An event may be stale (a cancelled wait, a number that lives again): to try
 * an operation in vain is harmless.
 */
#include "runtime/engine/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/time_types.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pirn/invariant.h"
#include "runtime/engine/attempt.h"
#include "runtime/engine/engine.h"
#include "runtime/list.h"

enum { EVENTS_MAX = 128 }; /* 1.5 KiB of stack */

/* Who an event is for: a descriptor's number, an errand's address, or this. */
#define DOORBELL UINT64_MAX

struct descriptor {
    struct pirn_link waiting; /* zeroed: never used */
    bool known;               /* epoll had this number, */
    bool shared;              /* with EPOLLEXCLUSIVE: then it has it now */
};

int pirn__ready_init(struct ready *ready, int doorbell, struct spares *spares,
                     struct pirn_link *done)
{
    struct epoll_event event = {
        /* Edges: each ring is an event, and the counter need not be read. */
        .events = EPOLLIN | EPOLLET,
        .data.u64 = DOORBELL,
    };
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0) {
        return -errno;
    }
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, doorbell, &event) < 0) {
        int r = -errno;

        close(epoll);
        return r;
    }
    *ready = (struct ready){
        .epoll = epoll,
        .done = done,
        .spares = spares,
        .descriptors = {sizeof(struct descriptor), NULL, 0},
    };
    list_init(&ready->due);
    return 0;
}

void pirn__ready_deinit(struct ready *ready)
{
    close(ready->epoll);
    pirn__pages_deinit(&ready->descriptors);
}

/* Polls take nothing away: they stand in nobody's way, and nobody in theirs. */
static bool takes(const struct errand *errand)
{
    return errand->loan->opcode != ENGINE_POLL;
}

/* Whether somebody waits to take what @errand would. */
static bool is_behind(const struct descriptor *descriptor,
                      const struct errand *errand)
{
    const struct pirn_link *head = &descriptor->waiting;
    uint32_t events = pirn__attempt_events(errand->loan);

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        if ((errand_of(link)->events & events) && takes(errand_of(link)) &&
            takes(errand)) {
            return true;
        }
    }
    return false;
}

/* What the errands of @descriptor wait for. */
static uint32_t events_of(const struct descriptor *descriptor)
{
    const struct pirn_link *head = &descriptor->waiting;
    uint32_t events = 0;

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        events |= errand_of(link)->events;
    }
    return events;
}

/* Where only accepts wait, other contexts may do so too, and for a connection
 * one of them shall wake. */
static bool are_accepts(const struct descriptor *descriptor)
{
    const struct pirn_link *head = &descriptor->waiting;

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        if (errand_of(link)->loan->opcode != ENGINE_ACCEPT) {
            return false;
        }
    }
    return true;
}

static void forget(struct ready *ready, struct descriptor *descriptor, int fd)
{
    (void)epoll_ctl(ready->epoll, EPOLL_CTL_DEL, fd, NULL); /* if it has it */
    descriptor->known = false;
    descriptor->shared = false;
}

/* EPOLLEXCLUSIVE goes neither with EPOLLONESHOT nor with EPOLL_CTL_MOD. Added
 * anew each time, the contexts take turns. */
static int arm(struct ready *ready, struct descriptor *descriptor, int fd)
{
    bool shared = are_accepts(descriptor);
    struct epoll_event event = {
        .events =
            events_of(descriptor) | (shared ? EPOLLEXCLUSIVE : EPOLLONESHOT),
        .data.u64 = (uint64_t)fd,
    };
    int r;

    if (descriptor->known && (shared || descriptor->shared)) {
        forget(ready, descriptor, fd);
    }
    r = epoll_ctl(ready->epoll,
                  descriptor->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
                  &event);
    if (r < 0 && (errno == ENOENT || errno == EEXIST)) {
        forget(ready, descriptor, fd);
        r = epoll_ctl(ready->epoll, EPOLL_CTL_ADD, fd, &event);
    }
    if (r < 0) {
        return -errno;
    }
    descriptor->known = true;
    descriptor->shared = shared;
    return 0;
}

/* One-shot interest ends by itself. */
static void disarm(struct ready *ready, struct descriptor *descriptor, int fd)
{
    if (descriptor->shared) {
        forget(ready, descriptor, fd);
    }
}

static struct descriptor *descriptor_at(const struct ready *ready, int fd)
{
    struct descriptor *descriptor =
        pirn__pages_at(&ready->descriptors, (uint32_t)fd);

    return descriptor != NULL && list_is_linked(&descriptor->waiting)
               ? descriptor
               : NULL;
}

/* @fd is open, so its number is one that the process really has. */
static struct descriptor *descriptor_reach(struct ready *ready, int fd)
{
    pirn_assert(fd >= 0);
    struct descriptor *descriptor =
        pirn__pages_reach(&ready->descriptors, (uint32_t)fd);

    if (descriptor != NULL && !list_is_linked(&descriptor->waiting)) {
        list_init(&descriptor->waiting);
    }
    return descriptor;
}

/* @errand is on no list. */
static void ended(struct ready *ready, struct errand *errand, int32_t result)
{
    if (result == ATTEMPT_DUE) {
        errand->place = ERRAND_NONE;
        list_push_tail(&ready->due, &errand->link);
    } else {
        pirn__errand_end(errand, result, ready->done);
    }
}

/* With the other descriptor open epoll would keep a closed one. */
static void end_watch(struct ready *ready, struct errand *errand)
{
    (void)epoll_ctl(ready->epoll, EPOLL_CTL_DEL, errand->fd, NULL);
    close(errand->fd);
}

void pirn__ready_end(struct ready *ready, struct errand *errand, int32_t result)
{
    struct descriptor *descriptor = descriptor_at(ready, errand->fd);

    pirn_check(errand->place == ERRAND_WAITING ||
               errand->place == ERRAND_WATCHING);

    list_unlink(&errand->link);
    if (errand->place == ERRAND_WATCHING) {
        end_watch(ready, errand);
    } else if (list_is_empty(&descriptor->waiting)) {
        disarm(ready, descriptor, errand->fd);
    }
    ended(ready, errand, result);
}

static void wait_on(struct ready *ready, struct errand *errand)
{
    struct descriptor *descriptor = descriptor_reach(ready, errand->fd);
    int r;

    if (descriptor == NULL) {
        pirn__errand_end(errand, -ENOMEM, ready->done);
        return;
    }
    errand->place = ERRAND_WAITING;
    list_push_tail(&descriptor->waiting, &errand->link);
    r = arm(ready, descriptor, errand->fd);
    if (r < 0) {
        pirn__ready_end(ready, errand, r);
    }
}

/* As pirn__attempt(), with a buffer where the errand has none of its own. */
static bool attempt(struct ready *ready, struct errand *errand,
                    int32_t *ret_result)
{
    if (!(errand->loan->flags & LOAN_SELECT)) {
        return pirn__attempt(errand, ret_result);
    }
    if (!pirn__spares_lend(ready->spares, errand->loan)) {
        *ret_result = -ENOBUFS;
        return true;
    }
    if (!pirn__attempt(errand, ret_result)) {
        return false;
    }
    if (*ret_result > 0) {
        errand->buffer = pirn__spares_take(ready->spares);
    }
    return true;
}

void pirn__ready_begin(struct ready *ready, struct errand *errand)
{
    const struct descriptor *descriptor =
        descriptor_at(ready, errand->loan->fd);
    int32_t result;

    errand->place = ERRAND_NONE;
    errand->fd = errand->loan->fd;
    errand->events = pirn__attempt_events(errand->loan);
    if ((descriptor == NULL || !is_behind(descriptor, errand)) &&
        attempt(ready, errand, &result)) {
        ended(ready, errand, result);
        return;
    }
    wait_on(ready, errand);
}

/* Try what waits for @fired, and ask again for what still waits. */
static void try_waiting(struct ready *ready, int fd, uint32_t fired)
{
    struct descriptor *descriptor = descriptor_at(ready, fd);
    struct pirn_link waiting;
    struct pirn_link *link;
    uint32_t tried = 0; /* in vain: who takes and comes later waits behind */
    int r;

    if (descriptor == NULL) {
        return;
    }
    disarm(ready, descriptor, fd);
    list_take(&waiting, &descriptor->waiting);
    while ((link = list_pop_head(&waiting)) != NULL) {
        struct errand *errand = errand_of(link);
        uint32_t mine = takes(errand) ? fired & ~tried : fired;
        int32_t result;

        if (!(errand->events & mine)) {
            list_push_tail(&descriptor->waiting, link);
        } else if (attempt(ready, errand, &result)) {
            ended(ready, errand, result);
        } else if (errand->fd != fd) { /* now a splice's other side */
            wait_on(ready, errand);
        } else {
            list_push_tail(&descriptor->waiting, link);
            tried |= takes(errand) ? errand->events : 0;
        }
    }
    r = list_is_empty(&descriptor->waiting) ? 0 : arm(ready, descriptor, fd);
    while (r < 0 && (link = list_pop_head(&descriptor->waiting)) != NULL) {
        ended(ready, errand_of(link), r);
    }
}

void pirn__ready_watch(struct ready *ready, struct errand *errand)
{
    struct epoll_event event = {
        .events = errand->loan->op_flags | EPOLLET,
        .data.u64 = (uintptr_t)errand,
    };
    int r;

    errand->fd = fcntl(errand->loan->fd, F_DUPFD_CLOEXEC, 0);
    if (errand->fd < 0) {
        pirn__errand_end(errand, -errno, ready->done);
        return;
    }
    errand->place = ERRAND_WATCHING;
    r = epoll_ctl(ready->epoll, EPOLL_CTL_ADD, errand->fd, &event);
    if (r < 0) {
        pirn__ready_end(ready, errand, -errno);
    }
}

/* A watch with something to deliver. */
static bool is_told(const struct errand *errand)
{
    return errand->place == ERRAND_DONE && errand->result >= 0 &&
           errand->loan->opcode == ENGINE_POLL &&
           (errand->loan->flags & LOAN_MULTISHOT);
}

/* Who waits has nothing of its own; who watches has a descriptor. */
void pirn__ready_stop(struct ready *ready, const struct errands *errands)
{
    for (uint32_t i = 0; i < errands->count; i++) {
        const struct errand *errand = pirn__pages_at(&errands->pages, i);

        if (errand->place == ERRAND_WATCHING || is_told(errand)) {
            close(errand->fd);
        }
    }
    list_init(&ready->due);
}

/* What it has not yet been asked about comes in one. */
static void watched(struct ready *ready, struct errand *errand, uint32_t fired)
{
    if (errand->place == ERRAND_DONE) {
        errand->result |= (int32_t)fired;
    } else {
        pirn__errand_end(errand, (int32_t)fired, ready->done);
    }
}

/* Rounded up: to be early is to be wrong, to be late is to be late. */
static int milliseconds(uint64_t timeout_ns)
{
    uint64_t ms = timeout_ns / 1000000u + (timeout_ns % 1000000u != 0);

    if (timeout_ns == PIRN_FOREVER) {
        return -1;
    }
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_for_events(struct ready *ready, struct epoll_event *events,
                           uint64_t timeout_ns)
{
    struct __kernel_timespec timeout = {
        .tv_sec = (int64_t)(timeout_ns / 1000000000u),
        .tv_nsec = (long long)(timeout_ns % 1000000000u),
    };
    int n = -1;

    if (timeout_ns > 0 && timeout_ns != PIRN_FOREVER && !ready->coarse) {
        n = (int)syscall(SYS_epoll_pwait2, ready->epoll, events, EVENTS_MAX,
                         &timeout, NULL, 0);
        /* Before Linux 5.11; or a filter that is older than the call. */
        ready->coarse = n < 0 && (errno == ENOSYS || errno == EPERM);
        if (!ready->coarse) {
            return n;
        }
    }
    return epoll_wait(ready->epoll, events, EVENTS_MAX,
                      milliseconds(timeout_ns));
}

static void heard(struct ready *ready, uint64_t who, uint32_t fired)
{
    if (who == DOORBELL) {
        return;
    }
    if (who > INT_MAX) {
        watched(ready, (struct errand *)(uintptr_t)who, fired);
        return;
    }
    if (fired & (EPOLLERR | EPOLLHUP)) {
        fired |= EPOLLIN | EPOLLOUT;
    }
    try_waiting(ready, (int)who, fired);
}

int pirn__ready_wait(struct ready *ready, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int n = wait_for_events(ready, events, timeout_ns);

    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    for (int i = 0; i < n; i++) {
        heard(ready, events[i].data.u64, events[i].events);
    }
    return 0;
}
