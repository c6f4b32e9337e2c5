/* SPDX-License-Identifier: MIT */
/*
 * queued.c - see bench/queued.h
 */
#include "bench/queued.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/process.h"
#include "bench/report.h"
#include "bench/stock.h"

enum { PROCESSES = 2 };

static const uint64_t PATIENCE_NS = 10000000000u;

/* Of a process, in KiB, as smaps_rollup has them. */
struct resident {
    uint64_t private; /* anonymous */
    uint64_t mapped;  /* files and shared memory: its share of them */
};

static int resident_read(struct resident *ret_resident)
{
    static const char *const names[] = {"Anonymous", "Pss_File", "Pss_Shmem"};
    uint64_t kib[3];
    int r = process_figures(getpid(), "smaps_rollup", names, 3, kib);

    if (r < 0) {
        return r;
    }
    *ret_resident =
        (struct resident){.private = kib[0], .mapped = kib[1] + kib[2]};
    return 0;
}

static uint64_t grown(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

/* Open it, look at all of it, and wait until both have. */
static int look(struct pirn_context *context, const char *path,
                struct crowd_board *board, struct pirn_spool **ret_spool)
{
    struct pirn_status status = {0};
    int r = stock_open(context, path, ret_spool);

    if (r == 0) {
        pirn_prep_status(&status, *ret_spool);
        r = pirn_wait(context, &status.op);
    }
    if (r == 0) {
        crowd_await(board);
    }
    return r;
}

/* A crowd_fn; @arg is the path. Nobody closes it before both are weighed. */
static int weigh(struct crowd_board *board, struct crowd_member *me, void *arg)
{
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct resident before;
    struct resident after;
    int r = resident_read(&before);

    r = r < 0 ? r : pirn_context_create(NULL, &context);
    r = r < 0 ? r : look(context, arg, board, &spool);
    r = r < 0 ? r : resident_read(&after);
    if (r == 0) {
        me->kib[0] = grown(before.mapped, after.mapped);
        me->kib[1] = grown(before.private, after.private);
        atomic_fetch_add(&board->taken, 1);
        while (!atomic_load(&board->stop)) {
            poll(NULL, 0, 1);
        }
    }
    return r;
}

static int measure(char *path, struct queued *queued)
{
    struct crowd_member sum;
    struct crowd crowd;
    int r = crowd_gather(&crowd, PROCESSES, weigh, path);

    if (r < 0) {
        return r;
    }
    crowd_go(&crowd, 0, PROCESSES);
    crowd_wait(&crowd, crowd.began_ns + PATIENCE_NS);
    r = crowd_dismiss(&crowd, &sum);
    queued->shared_bytes = sum.kib[0] * 1024;
    queued->private_bytes = sum.kib[1] * 1024 / PROCESSES;
    return r;
}

void queued_run(const struct options *options, struct queued *queued)
{
    uint64_t items = options->items ? options->items : QUEUED_ITEMS;
    char path[PLACE_PATH];
    int r = place_path(path, options->dir, "queued", 0);

    *queued = (struct queued){0};
    if (r == 0) {
        r = stock_fill(path, items, options->long_ns, &queued->items);
    }
    if (r == 0) {
        r = measure(path, queued);
    }
    stock_remove(path);
    queued->error = r;
}

void queued_print(FILE *file, const struct queued *queued)
{
    if (queued->error < 0) {
        fprintf(file, "no memory queued: %s\n", strerror(-queued->error));
        return;
    }
    fprintf(file,
            "memory queued_shared %llu  (bytes mapped, counted once, with "
            "%llu items queued)\n"
            "memory queued_private %llu  (bytes of each process)\n",
            (unsigned long long)queued->shared_bytes,
            (unsigned long long)queued->items,
            (unsigned long long)queued->private_bytes);
}

void queued_json(FILE *file, const struct machine *machine,
                 const struct queued *queued)
{
    if (queued->error < 0) {
        return;
    }
    fprintf(file,
            "{\"name\":\"queued\",\"items\":%llu,\"shared\":%llu,"
            "\"private\":%llu,\"machine\":",
            (unsigned long long)queued->items,
            (unsigned long long)queued->shared_bytes,
            (unsigned long long)queued->private_bytes);
    report_json_machine(file, machine);
    fputs("}\n", file);
}
