/* SPDX-License-Identifier: MIT */
/*
 * checked.c - see bench/checked.h
 *
 * A check that is under way when its time is over is cancelled, and what it
 * has looked at counts. What it finds does not: of a spool that is written into
 * it looks at some things twice, and that is part of what it costs.
 */
#include "bench/checked.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/place.h"
#include "bench/report.h"
#include "bench/stock.h"

enum {
    CHECKED_ITEMS = 100000, /* at most */
    FILL_ROUNDS = 8,        /* filling lasts as long as so many, at most */
    LOOK_NS = 10000000,     /* between two looks whether it is over */
    GRACE_NS = 100000000,
};

/* ---- who checks ---- */

/* step() looks at the op itself. */
static void stepped(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* One op of a check to its end, or cancelled. */
static int32_t step(struct pirn_context *context, struct pirn_check *check,
                    struct crowd_board *board)
{
    int32_t r = 0;

    pirn_start(context, &check->op, stepped);
    while (r >= 0 && !pirn_op_is_idle(&check->op)) {
        r = pirn_context_turn(context, LOOK_NS);
        if (atomic_load(&board->stop) && !pirn_op_is_idle(&check->op)) {
            pirn_cancel(context, &check->op);
        }
    }
    return r < 0 ? r : pirn_op_result(&check->op);
}

static int32_t check_once(struct pirn_context *context,
                          struct pirn_spool *spool, struct crowd_board *board,
                          struct crowd_member *me)
{
    const struct pirn_check_config config = {.grace_ns = GRACE_NS};
    struct pirn_check check = {0};

    pirn_prep_check(&check, spool, &config);
    int32_t r = step(context, &check, board);
    if (r < 0) {
        return r == -ECANCELED ? 0 : r;
    }
    do {
        pirn_prep_check_next(&check);
        r = step(context, &check, board);
    } while (r == 1);
    me->count += check.items;
    me->last_ns = round_now_ns();
    pirn_prep_check_end(&check);
    int32_t ended = pirn_wait(context, &check.op);
    return r < 0 && r != -ECANCELED ? r : ended;
}

/* A crowd_fn; @arg is the path. */
static int check_all(struct crowd_board *board, struct crowd_member *me,
                     void *arg)
{
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct round round = {0};
    int r = pirn_context_create(NULL, &context);

    r = r < 0 ? r : stock_open(context, arg, &spool);
    if (r < 0) {
        return r;
    }
    crowd_await(board);
    round_begin(&round);
    while (r >= 0 && !atomic_load(&board->stop)) {
        r = check_once(context, spool, board, me);
    }
    round_end(&round);
    me->cpu_ns = round.cpu_ns;
    (void)pirn_spool_close(spool);
    return r < 0 ? r : 0;
}

static int check_alone(char *path, uint64_t round_ns, uint32_t at,
                       struct checked_layout *layout)
{
    struct crowd_member sum;
    struct crowd crowd;
    int r = crowd_gather(&crowd, 1, check_all, path);

    if (r < 0) {
        return r;
    }
    crowd_go(&crowd, 0, UINT64_MAX);
    uint64_t began_ns = crowd.began_ns;
    crowd_wait(&crowd, began_ns + round_ns);
    r = crowd_dismiss(&crowd, &sum);
    if (r < 0 || sum.count == 0) {
        return r < 0 ? r : -ETIME;
    }
    layout->per_second[at] =
        (double)sum.count * 1e9 / (double)(sum.last_ns - began_ns);
    layout->cpu_ns[at] = (double)sum.cpu_ns / (double)sum.count;
    return 0;
}

/* ---- who writes ---- */

/* Items per second, for a round. */
static int write_for(char *path, uint64_t round_ns, double *ret_rate)
{
    struct inflow *inflow = inflow_create(COMMIT_DEPTH);

    if (inflow == NULL) {
        return -ENOMEM;
    }
    int r = stock_open(inflow->context, path, &inflow->spool);
    if (r == 0) {
        uint64_t began_ns = round_now_ns();
        inflow->limit = UINT64_MAX;
        inflow->end_ns = began_ns + round_ns;
        r = inflow_run(inflow);
        *ret_rate =
            (double)inflow->done * 1e9 / (double)(round_now_ns() - began_ns);
    }
    inflow_destroy(inflow);
    return r;
}

static int write_beside(char *path, uint64_t round_ns, double *ret_rate)
{
    struct crowd crowd;
    int r = crowd_gather(&crowd, 1, check_all, path);

    if (r < 0) {
        return r;
    }
    crowd_go(&crowd, 0, UINT64_MAX);
    r = write_for(path, round_ns, ret_rate);
    int checked = crowd_dismiss(&crowd, NULL);
    return r < 0 ? r : checked;
}

/* ---- rounds ---- */

static int one_round(char *path, uint64_t round_ns, uint32_t at,
                     struct checked_layout *layout)
{
    double alone = 0;
    double beside = 0;
    int r = check_alone(path, round_ns, at, layout);

    if (r == 0 && at % 2 == 0) {
        r = write_for(path, round_ns, &alone);
    }
    r = r < 0 ? r : write_beside(path, round_ns, &beside);
    if (r == 0 && at % 2 != 0) {
        r = write_for(path, round_ns, &alone);
    }
    layout->writing[at] = alone > 0 ? beside / alone : 0;
    return r;
}

static int run_layout(const struct options *options, enum pirn_layout which,
                      uint32_t rounds, struct checked_layout *layout)
{
    uint64_t items = options->items ? options->items : CHECKED_ITEMS;
    bool is_file = which == PIRN_LAYOUT_FILE;
    char path[PLACE_PATH];
    int r =
        place_path(path, options->dir, is_file ? "fsck-file" : "fsck-log", 0);

    layout->name = is_file ? "file" : "log";
    r = r < 0 ? r : stock_make(path, which);
    r = r < 0 ? r
              : stock_fill(path, items, FILL_ROUNDS * options->round_ns,
                           &layout->items);
    for (uint32_t i = 0; i < rounds && r == 0; i++) {
        r = one_round(path, options->round_ns, i, layout);
    }
    stock_remove(path);
    return r;
}

void checked_run(const struct options *options, struct checked *checked)
{
    int r;

    *checked = (struct checked){.rounds = options->rounds};
    r = run_layout(options, PIRN_LAYOUT_LOG, checked->rounds,
                   &checked->layouts[0]);
    if (r == 0) {
        r = run_layout(options, PIRN_LAYOUT_FILE, checked->rounds,
                       &checked->layouts[1]);
    }
    checked->error = r;
}

void checked_print(FILE *file, const struct checked *checked)
{
    if (checked->error < 0) {
        fprintf(file, "no ratio fsck: %s\n", strerror(-checked->error));
        return;
    }
    for (int i = 0; i < 2; i++) {
        const struct checked_layout *layout = &checked->layouts[i];
        struct spread rate =
            harness_spread(layout->per_second, checked->rounds);
        struct spread ratio = harness_spread(layout->writing, checked->rounds);

        fprintf(file,
                "ratio fsck_writer_%s %.3f  (%.3f to %.3f, %u rounds, beside "
                "a check / alone, rate: more is better)\n",
                layout->name, ratio.median, ratio.min, ratio.max,
                checked->rounds);
        fprintf(file,
                "fsck %s %.0f  (%.0f to %.0f items a second, %.3f us CPU "
                "each; %llu items before the first round)\n",
                layout->name, rate.median, rate.min, rate.max,
                harness_median(layout->cpu_ns, checked->rounds) / 1000,
                (unsigned long long)layout->items);
    }
}

void checked_json(FILE *file, const struct machine *machine,
                  const struct checked *checked)
{
    for (int i = 0; i < 2 && checked->error == 0; i++) {
        const struct checked_layout *layout = &checked->layouts[i];

        fprintf(file,
                "{\"name\":\"fsck_writer_%s\",\"value\":%.4f,\"rounds\":%u,"
                "\"per_second\":%.1f,\"cpu_ns\":%.1f,\"items\":%llu,"
                "\"machine\":",
                layout->name, harness_median(layout->writing, checked->rounds),
                checked->rounds,
                harness_median(layout->per_second, checked->rounds),
                harness_median(layout->cpu_ns, checked->rounds),
                (unsigned long long)layout->items);
        report_json_machine(file, machine);
        fputs("}\n", file);
    }
}
