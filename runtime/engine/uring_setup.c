/* SPDX-License-Identifier: MIT */
/*
 * uring_setup.c - a ring is made, with all that the kernel gives, and ended
 *
 * One ring per context: SINGLE_ISSUER and DEFER_TASKRUN (completions are made
 * only while the context waits, in its own thread), SUBMIT_ALL (one bad entry
 * does not hold the batch up), a completion queue of several times the
 * submission queue. A flag that the kernel refuses is dropped, newest first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pirn/invariant.h"
#include "runtime/engine/numbers.h"
#include "runtime/engine/table.h"
#include "runtime/engine/uring.h"
#include "runtime/list.h"

enum { PROBE_OPS = 256 }; /* more than there are numbers */

/* What is asked for, and given up one by one, the last first. */
static const struct {
    unsigned flags;
    const char *without;
} ladder[] = {
    {SETUP_CLAMP | SETUP_CQSIZE, NULL},
    {SETUP_SUBMIT_ALL, "no SUBMIT_ALL (5.18)"},
    {SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG, "no COOP_TASKRUN (5.19)"},
    {SETUP_SINGLE_ISSUER, "no SINGLE_ISSUER (6.0)"},
    {SETUP_DEFER_TASKRUN, "no DEFER_TASKRUN (6.1)"},
};

enum { LADDER = sizeof(ladder) / sizeof(ladder[0]) };

static int ring_init(struct uring *uring, const struct engine_config *config)
{
    struct io_uring_params params;
    unsigned steps = LADDER;
    int r;

    do {
        params = (struct io_uring_params){.cq_entries = config->cq_entries};
        for (unsigned i = 0; i < steps; i++) {
            params.flags |= ladder[i].flags;
        }
        r = io_uring_queue_init_params(config->sq_entries, &uring->ring,
                                       &params);
    } while (r == -EINVAL && --steps > 0);
    if (r < 0) {
        return r;
    }
    if (!(params.features & FEATURE_EXT_ARG)) {
        io_uring_queue_exit(&uring->ring);
        return -ENOSYS;
    }
    uring->tells_work = (params.flags & SETUP_TASKRUN_FLAG) != 0;
    snprintf(uring->engine.reason, sizeof(uring->engine.reason), "%s%s",
             "io_uring is there",
             steps == LADDER ? " with all that pirn asks of its set-up" : "");
    for (unsigned i = steps; i < LADDER; i++) {
        size_t len = strlen(uring->engine.reason);
        snprintf(uring->engine.reason + len, sizeof(uring->engine.reason) - len,
                 ", %s", ladder[i].without);
    }
    return 0;
}

static int find_supported(struct uring *uring)
{
    struct io_uring_probe *probe =
        calloc(1, sizeof(*probe) + PROBE_OPS * sizeof(probe->ops[0]));
    int r = -ENOMEM;

    if (probe != NULL) {
        r = io_uring_register_probe(&uring->ring, probe, PROBE_OPS);
    }
    for (int i = 0; r >= 0 && i < ENGINE_OPCODE_COUNT; i++) {
        int16_t number = pirn__engine_rows[i].uring;
        uring->supported[i] =
            number >= 0 && io_uring_opcode_supported(probe, number);
    }
    free(probe);
    uring->supported[ENGINE_RAW] = true; /* the kernel judges by itself */
    uring->reads_many = uring->supported[ENGINE_READ_MULTISHOT];
    uring->supported[ENGINE_READ_MULTISHOT] = true; /* or one by one */
    return r < 0 ? r : 0;
}

/* Before this call a worker might be made for each blocked operation. */
static void bound_workers(struct uring *uring, uint32_t worker_max)
{
    unsigned both[2] = {worker_max, worker_max};

    /* 5.15; where it is missing the kernel's own bound stays. */
    (void)io_uring_register_iowq_max_workers(&uring->ring, both);
}

/* Buffers that the kernel takes by itself when bytes come: 5.19. */
static int share_buffers(struct uring *uring,
                         const struct engine_config *config)
{
    struct io_uring_buf_reg reg = {
        .ring_entries = config->buffer_count,
        .bgid = URING_BUFFER_GROUP,
    };
    size_t len = config->buffer_count * sizeof(struct io_uring_buf);
    void *ring = mmap(NULL, len, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r;

    if (ring == MAP_FAILED) {
        return -ENOMEM;
    }
    reg.ring_addr = (uintptr_t)ring;
    r = io_uring_register_buf_ring(&uring->ring, &reg, 0);
    if (r < 0) {
        munmap(ring, len);
        return r == -EINVAL ? -ENOSYS : r;
    }
    uring->buffers = ring;
    uring->buffers_base = config->buffers;
    uring->buffer_count = config->buffer_count;
    uring->buffer_bytes = config->buffer_bytes;
    io_uring_buf_ring_init(uring->buffers);
    return 0;
}

static int make_pool(struct uring *uring, const struct engine_config *config)
{
    const struct pool_config pool = {config->worker_max, POOL_IDLE_NS,
                                     pirn__uring_wake, uring};

    uring->engine.files = config->files;
    uring->jobs.runs_alone = config->files == PIRN_FILES_AUTO;
    return config->files == PIRN_FILES_RING
               ? 0
               : pirn__jobs_init(&uring->jobs, &pool, config->sq_entries);
}

int pirn__uring_create(const struct engine_config *config,
                       struct engine **ret_engine)
{
    struct uring *uring = calloc(1, sizeof(*uring));
    int r = -ENOMEM;

    if (uring == NULL) {
        return -ENOMEM;
    }
    uring->engine.class = &pirn__engine_uring;
    list_init(&uring->done);
    uring->hows = calloc(config->sq_entries, sizeof(*uring->hows));
    if (uring->hows == NULL) {
        goto fail;
    }
    uring->notice = -1;
    uring->doorbell = eventfd(0, EFD_CLOEXEC);
    if (uring->doorbell < 0) {
        r = -errno;
        goto fail_hows;
    }
    r = ring_init(uring, config);
    if (r < 0) {
        goto fail_doorbell;
    }
    r = find_supported(uring);
    if (r < 0) {
        goto fail_ring;
    }
    r = share_buffers(uring, config);
    if (r < 0) {
        goto fail_ring;
    }
    r = make_pool(uring, config);
    if (r < 0) {
        goto fail_buffers;
    }
    bound_workers(uring, config->worker_max);
    /* Both spare a little work; nothing is lost where they are refused. */
    (void)io_uring_ring_dontfork(&uring->ring);
    (void)io_uring_register_ring_fd(&uring->ring);
    pirn__enter_init(&uring->enter, &uring->ring, uring->ring.features,
                     config->min_wait_ns);

    *ret_engine = &uring->engine;
    return 0;

fail_buffers:
    munmap(uring->buffers, uring->buffer_count * sizeof(struct io_uring_buf));
fail_ring:
    io_uring_queue_exit(&uring->ring);
fail_doorbell:
    close(uring->doorbell);
fail_hows:
    free(uring->hows);
fail:
    free(uring);
    return r;
}

void pirn__uring_destroy(struct engine *engine)
{
    struct uring *uring = uring_of(engine);

    pirn_assert(list_is_empty(&uring->done));
    pirn__jobs_deinit(&uring->jobs);
    io_uring_queue_exit(&uring->ring);
    munmap(uring->buffers, uring->buffer_count * sizeof(struct io_uring_buf));
    close(uring->doorbell);
    if (uring->notice >= 0) {
        close(uring->notice);
    }
    free(uring->hows);
    free(uring);
}
