/* SPDX-License-Identifier: MIT */
/*
 * sustained.c - see bench/sustained.h
 *
 * What has been taken is looked at every SAMPLE_NS.
 */
#include "bench/sustained.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/disk.h"
#include "bench/outflow.h"
#include "bench/place.h"
#include "bench/report.h"
#include "bench/samples.h"
#include "bench/stock.h"

enum {
    TAKERS = 16,
    BACKLOG = 32768,
    PREPARED = 4 * BACKLOG, /* items there is room for before the clock runs */
    SAMPLE_NS = 10000000,
    PAUSE_NS = 1000000,
};

/* Until all have been taken, or the time is over. */
static int pump(struct inflow *inflow, struct crowd *crowd, uint64_t items,
                uint64_t end_ns, struct samples *samples)
{
    uint64_t now_ns = round_now_ns();
    uint64_t next_ns = now_ns;
    uint64_t taken = 0;
    int r = 0;

    inflow->end_ns = end_ns;
    crowd_go(crowd, 0, items);
    while (r >= 0 && inflow->error == 0 && taken < items && now_ns < end_ns) {
        taken = atomic_load(&crowd->board->taken);
        now_ns = round_now_ns();
        if (now_ns >= next_ns || taken >= items) {
            samples_add(samples, now_ns, taken);
            next_ns = now_ns + SAMPLE_NS;
        }
        inflow->limit = taken + BACKLOG < items ? taken + BACKLOG : items;
        inflow_start(inflow);
        r = pirn_context_turn(inflow->context, PAUSE_NS);
        atomic_store(&crowd->board->there, inflow->done);
    }
    return r < 0 ? r : inflow->error;
}

static int measure(const struct options *options, struct inflow *inflow,
                   struct crowd *crowd, struct samples *samples,
                   struct sustained *sustained)
{
    static struct round round;
    uint64_t items = options->items ? options->items : SUSTAINED_ITEMS;
    struct crowd_member sum;
    struct disk disk;
    int r;
    int taken;

    disk_open(&disk, options->dir);
    round = (struct round){.disk = &disk};
    round_begin(&round);
    r = pump(inflow, crowd, items, round.began_ns + options->long_ns, samples);
    taken = crowd_dismiss(crowd, &sum);
    round_end(&round);
    disk_close(&disk);
    r = r < 0 ? r : inflow_finish(inflow);
    r = r < 0 ? r : taken;
    if (r == 0 && (samples->count < 2 || sum.count < TENTHS)) {
        r = -ETIME;
    }
    if (r == 0) {
        samples_rates(samples, TENTHS, sustained->per_second);
        sustained->items = samples_items(samples);
        sustained->seconds = samples_seconds(samples);
        sustained->lost = sum.lost;
        sustained->flushes = (double)round.flushes / (double)sum.count;
        sustained->cpu_ns =
            (double)(round.cpu_ns + sum.cpu_ns) / (double)sum.count;
    }
    return r;
}

static int run(const struct options *options, struct inflow *inflow,
               struct samples *samples, struct sustained *sustained)
{
    char path[PLACE_PATH];
    struct crowd crowd;
    int r = place_path(path, options->dir, "sustained", 0);

    if (r == 0) {
        r = stock_prepare(path, PREPARED, options->long_ns);
    }
    if (r == 0) {
        r = crowd_gather(&crowd, TAKERS, stock_take, path);
    }
    if (r == 0) {
        r = stock_open(inflow->context, path, &inflow->spool);
        if (r == 0) {
            r = measure(options, inflow, &crowd, samples, sustained);
        } else {
            (void)crowd_dismiss(&crowd, NULL);
        }
        inflow->spool = pirn_spool_close(inflow->spool);
    }
    stock_remove(path);
    return r;
}

void sustained_run(const struct options *options, struct sustained *sustained)
{
    struct inflow *inflow = inflow_create(SPOOL_DEPTH);
    struct samples *samples = calloc(1, sizeof(*samples));

    *sustained = (struct sustained){.error = -ENOMEM};
    if (inflow != NULL && samples != NULL) {
        sustained->error = run(options, inflow, samples, sustained);
    }
    free(samples);
    if (inflow != NULL) {
        inflow_destroy(inflow);
    }
}

/* Of all tenths, beside the first. */
static struct spread reach(const struct sustained *sustained)
{
    double ratios[TENTHS];

    for (unsigned i = 0; i < TENTHS; i++) {
        ratios[i] = sustained->per_second[i] / sustained->per_second[0];
    }
    return harness_spread(ratios, TENTHS);
}

void sustained_print(FILE *file, const struct sustained *sustained)
{
    struct spread spread;

    if (sustained->error < 0) {
        fprintf(file, "no ratio sustained: %s\n", strerror(-sustained->error));
        return;
    }
    spread = reach(sustained);
    fprintf(file,
            "ratio sustained %.3f  (%.3f to %.3f in %d tenths, last / first, "
            "rate: more is better; %llu items in %.1f s, %.3f us CPU and %.4f "
            "flushes each, %llu lost claims)\n",
            sustained->per_second[TENTHS - 1] / sustained->per_second[0],
            spread.min, spread.max, TENTHS,
            (unsigned long long)sustained->items, sustained->seconds,
            sustained->cpu_ns / 1000, sustained->flushes,
            (unsigned long long)sustained->lost);
}

void sustained_json(FILE *file, const struct machine *machine,
                    const struct sustained *sustained)
{
    if (sustained->error < 0) {
        return;
    }
    fprintf(file,
            "{\"name\":\"sustained\",\"value\":%.4f,\"items\":%llu,"
            "\"seconds\":%.3f,\"lost\":%llu,\"flushes\":%.5f,\"cpu_ns\":%.1f,"
            "\"per_second\":[",
            sustained->per_second[TENTHS - 1] / sustained->per_second[0],
            (unsigned long long)sustained->items, sustained->seconds,
            (unsigned long long)sustained->lost, sustained->flushes,
            sustained->cpu_ns);
    for (unsigned i = 0; i < TENTHS; i++) {
        fprintf(file, "%s%.1f", i ? "," : "", sustained->per_second[i]);
    }
    fputs("],\"machine\":", file);
    report_json_machine(file, machine);
    fputs("}\n", file);
}
