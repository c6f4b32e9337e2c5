/* SPDX-License-Identifier: MIT */
/*
 * probe.c - which of the kernel's features are there; see pirn/probe.h
 *
 * Nothing is concluded from a version: distributions take features back and
 * sandboxes take them away. Operations are asked for by IORING_REGISTER_PROBE,
 * set-up flags by a ring that is made with each, features by the bits that the
 * kernel sets, registrations by registering.
 *
 * Numbers, not names: the library's header may be older than the kernel.
 */
#include "pirn/probe.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "runtime/engine/table.h"

enum { RING_ENTRIES = 8 };

/* Where a feature's number counts. */
enum asked {
    ASKED_SETUP,     /* in io_uring_params.flags, with what it needs */
    ASKED_BIT,       /* in io_uring_params.features */
    ASKED_WORKERS,   /* IORING_REGISTER_IOWQ_MAX_WORKERS */
    ASKED_RING_FILE, /* IORING_REGISTER_RING_FDS */
};

struct row {
    const char *name;
    const char *since;
    const char *without;
    enum asked asked;
    unsigned bits;
};

#define UNUSED "nothing changes: pirn does not use it yet"
#define GOES_ON "pirn goes on without"

static const struct row rows[] = {
    {"CQSIZE", "5.5", "no ring is made", ASKED_SETUP, 1 << 3},
    {"CLAMP", "5.6", "no ring is made", ASKED_SETUP, 1 << 4},
    {"SUBMIT_ALL", "5.18", GOES_ON ": a bad entry holds its batch up",
     ASKED_SETUP, 1 << 7},
    {"COOP_TASKRUN", "5.19", GOES_ON ": more interrupts of the thread",
     ASKED_SETUP, 1 << 8},
    {"SINGLE_ISSUER", "6.0", GOES_ON ": a little more locking", ASKED_SETUP,
     1 << 12},
    {"DEFER_TASKRUN", "6.1", GOES_ON ": completions interrupt the thread",
     ASKED_SETUP, 1 << 12 | 1 << 13},
    {"NO_SQARRAY", "6.6", UNUSED, ASKED_SETUP, 1 << 16},
    {"IOWQ_MAX_WORKERS", "5.15", GOES_ON ": the kernel's own bound counts",
     ASKED_WORKERS, 0},
    {"RING_FDS", "5.18", GOES_ON ": a look-up more per system call",
     ASKED_RING_FILE, 0},
    {"SINGLE_MMAP", "5.4", GOES_ON ": two mappings per ring", ASKED_BIT,
     1 << 0},
    {"NODROP", "5.5", "completions over the queue's size are lost", ASKED_BIT,
     1 << 1},
    {"SUBMIT_STABLE", "5.5", "what an entry points to is not copied at once",
     ASKED_BIT, 1 << 2},
    {"RW_CUR_POS", "5.6", "PIRN_OFFSET_CURRENT fails", ASKED_BIT, 1 << 3},
    {"CUR_PERSONALITY", "5.6", UNUSED, ASKED_BIT, 1 << 4},
    {"FAST_POLL", "5.7", "a worker thread waits for each socket", ASKED_BIT,
     1 << 5},
    {"POLL_32BITS", "5.9", UNUSED, ASKED_BIT, 1 << 6},
    {"SQPOLL_NONFIXED", "5.11", UNUSED, ASKED_BIT, 1 << 7},
    {"EXT_ARG", "5.11", "no ring is made: no wait could end in time", ASKED_BIT,
     1 << 8},
    {"NATIVE_WORKERS", "5.12", GOES_ON ": workers are not the process's own",
     ASKED_BIT, 1 << 9},
    {"RSRC_TAGS", "5.13", UNUSED, ASKED_BIT, 1 << 10},
    {"CQE_SKIP", "5.17", UNUSED, ASKED_BIT, 1 << 11},
    {"LINKED_FILE", "5.17", UNUSED, ASKED_BIT, 1 << 12},
    {"REG_REG_RING", "6.3", UNUSED, ASKED_BIT, 1 << 13},
    {"RECVSEND_BUNDLE", "6.10", UNUSED, ASKED_BIT, 1 << 14},
    {"MIN_TIMEOUT", "6.12", UNUSED, ASKED_BIT, 1 << 15},
};

static const char *const kinds[] = {
    [ASKED_SETUP] = "setup flag",
    [ASKED_BIT] = "feature",
    [ASKED_WORKERS] = "registration",
    [ASKED_RING_FILE] = "registration",
};

static bool has_setup(unsigned flags)
{
    struct io_uring_params params = {
        .flags = flags,
        .cq_entries = 4 * RING_ENTRIES,
    };
    struct io_uring ring;

    if (io_uring_queue_init_params(RING_ENTRIES, &ring, &params) < 0) {
        return false;
    }
    io_uring_queue_exit(&ring);
    return true;
}

static bool has(struct io_uring *ring, const struct row *row)
{
    unsigned asking[2] = {0, 0}; /* 0: only tell */

    switch (row->asked) {
    case ASKED_SETUP:
        return has_setup(row->bits);
    case ASKED_BIT:
        return (ring->features & row->bits) != 0;
    case ASKED_WORKERS:
        return io_uring_register_iowq_max_workers(ring, asking) == 0;
    case ASKED_RING_FILE:
        return io_uring_register_ring_fd(ring) == 1;
    }
    return false;
}

/* The rows that are found, of which the first @max are kept. */
struct found {
    struct pirn_probe_feature *features;
    int max;
    int count;
};

static void keep(struct found *found, const struct pirn_probe_feature *feature)
{
    if (found->count < found->max) {
        found->features[found->count] = *feature;
    }
    found->count++;
}

/* What uring.c does with an operation that the ring does not have. */
static const char *without_operation(const struct engine_row *row)
{
    return row->wait == ENGINE_READY ? "it fails with EOPNOTSUPP"
                                     : "the system call, in the context's "
                                       "thread";
}

static void find_operations(struct found *found,
                            const struct io_uring_probe *probe)
{
    for (int i = 0; i < ENGINE_OPCODE_COUNT; i++) {
        const struct engine_row *row = &pirn__engine_rows[i];

        if (row->name == NULL || row->uring < 0) {
            continue;
        }
        keep(found, &(struct pirn_probe_feature){
                        .name = row->name,
                        .kind = "operation",
                        .since = row->since,
                        .without = without_operation(row),
                        .present = io_uring_opcode_supported(probe, row->uring),
                    });
    }
}

int pirn_probe_features(struct pirn_probe_feature *features, uint32_t max)
{
    struct found found = {features, max > INT32_MAX ? INT32_MAX : (int)max, 0};
    struct io_uring_probe *probe;
    struct io_uring ring;
    int r = io_uring_queue_init(RING_ENTRIES, &ring, 0);

    if (r < 0) {
        return r;
    }
    probe = io_uring_get_probe_ring(&ring);
    if (probe == NULL) {
        io_uring_queue_exit(&ring);
        return -ENOMEM;
    }
    find_operations(&found, probe);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        keep(&found, &(struct pirn_probe_feature){
                         .name = rows[i].name,
                         .kind = kinds[rows[i].asked],
                         .since = rows[i].since,
                         .without = rows[i].without,
                         .present = has(&ring, &rows[i]),
                     });
    }
    io_uring_free_probe(probe);
    io_uring_queue_exit(&ring);
    return found.count;
}
