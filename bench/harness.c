/* SPDX-License-Identifier: MIT */
/*
 * harness.c - rounds, and what is made of their figures
 */
#include "bench/harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/disk.h"

enum { PLAYS = 8 };

/* On a machine that has much else to do a short round may pass before its
 * threads have run at all: then it is played again, each time twice as long. */
static int play(const struct side *side, void *state, struct round *round)
{
    struct round fresh = *round;
    int r = side->round(state, round);

    for (int i = 1; i < PLAYS && r == 0 && round->count == 0; i++) {
        fresh.length_ns *= 2;
        *round = fresh;
        r = side->round(state, round);
    }
    return r;
}

static void note(struct side_result *result, const struct round *round)
{
    double count = (double)round->count;
    uint32_t at = round->index - 1;

    result->p50_ns[at] = (double)histogram_quantile(&round->latency, 0.5);
    result->ns[at] = (double)round->wall_ns / count;
    result->cpu_ns[at] = (double)round->cpu_ns / count;
    histogram_merge(&result->latency, &round->latency);
    result->count += round->count;
    result->flushes += round->flushes;
    result->lost += round->lost;
    if (round->queued > result->queued) {
        result->queued = round->queued;
    }
}

static int one_round(const struct question *question,
                     const struct options *options, void *state,
                     const struct disk *disk, uint32_t index,
                     struct side_result *ret_result)
{
    const struct side *side = ret_result->side;
    static struct round round; /* 15 KiB; one at a time */
    int r;

    round = (struct round){
        .index = index,
        .length_ns =
            options->round_ns / (question->finer ? question->finer : 1),
        .count_max = question->count_max ? question->count_max : UINT64_MAX,
        .disk = disk,
    };
    r = play(side, state, &round);
    if (r < 0) {
        fprintf(stderr, "pirn-bench: %s: %s: %s\n", question->name, side->name,
                strerror(-r));
        return r;
    }
    if (round.count == 0) {
        fprintf(stderr, "pirn-bench: %s: %s: nothing was done in a round\n",
                question->name, side->name);
        return -ETIME;
    }
    if (index > 0) {
        note(ret_result, &round);
    }
    return 0;
}

static int all_rounds(const struct options *options, void **states,
                      const struct disk *disk, struct result *result)
{
    const struct question *question = result->question;
    uint32_t count = result->side_count;
    int r = 0;

    for (uint32_t index = 0; index <= result->rounds && r == 0; index++) {
        if (isatty(STDERR_FILENO)) {
            fprintf(stderr, "\r%s: round %u of %u ", question->name, index,
                    result->rounds);
        }
        for (uint32_t i = 0; i < count && r == 0; i++) {
            uint32_t side = index % 2 == 0 ? i : count - 1 - i;

            r = one_round(question, options, states[side], disk, index,
                          &result->sides[side]);
        }
    }
    if (isatty(STDERR_FILENO)) {
        fputs("\n", stderr);
    }
    return r;
}

/* Those of the others that cannot be asked here are left out. */
static int open_sides(const struct options *options, void **states,
                      struct result *result)
{
    for (unsigned i = 0; i < SIDES_MAX; i++) {
        const struct side *side = result->question->sides[i];
        int r;

        if (side == NULL || (options->alone && i > 0)) {
            break;
        }
        r = side->open(options, &states[result->side_count]);
        if (r < 0) {
            fprintf(stderr, "pirn-bench: %s: %s: %s\n", result->question->name,
                    side->name,
                    r == -EOPNOTSUPP ? "not here, left out" : strerror(-r));
        } else {
            result->sides[result->side_count++].side = side;
        }
        if (r < 0 && (r != -EOPNOTSUPP || i == 0)) {
            return r;
        }
    }
    return result->side_count > 1 || options->alone ? 0 : -EOPNOTSUPP;
}

void harness_run(const struct question *question, const struct options *asked,
                 struct result *result)
{
    struct options copy = *asked;
    const struct options *options = &copy;
    void *states[SIDES_MAX] = {NULL};
    struct disk disk;
    uint32_t opened;
    int r;

    copy.question = question;
    *result = (struct result){
        .question = question,
        .rounds = options->rounds * (question->finer ? question->finer : 1),
    };
    if (result->rounds > ROUNDS_MAX) {
        result->rounds = ROUNDS_MAX;
    }
    r = open_sides(options, states, result);
    opened = result->side_count;
    if (r == 0) {
        disk_open(&disk, question->needs_dir ? options->dir : "/proc");
        r = all_rounds(options, states, &disk, result);
        disk_close(&disk);
    }
    while (opened > 0) {
        opened--;
        result->sides[opened].side->close(states[opened]);
    }
    result->error = r;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double harness_median(const double *values, uint32_t count)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

/* What a question is about, by round. */
static const double *figures(const struct result *result, uint32_t side)
{
    switch (result->question->of) {
    case RATIO_OF_TIME:
    case RATIO_OF_RATE:
        return result->sides[side].ns;
    case RATIO_OF_CPU_RATE:
        return result->sides[side].cpu_ns;
    case RATIO_OF_P50:
        return result->sides[side].p50_ns;
    }
    return NULL;
}

static bool less_is_better(const struct question *question)
{
    return question->of == RATIO_OF_TIME || question->of == RATIO_OF_P50;
}

uint32_t harness_best(const struct result *result)
{
    uint32_t best = 1;

    for (uint32_t i = 2; i < result->side_count; i++) {
        if (harness_median(figures(result, i), result->rounds) <
            harness_median(figures(result, best), result->rounds)) {
            best = i;
        }
    }
    return best;
}

struct spread harness_spread(const double *values, uint32_t count)
{
    struct spread spread = {.min = 1e300};

    for (uint32_t i = 0; i < count; i++) {
        spread.min = values[i] < spread.min ? values[i] : spread.min;
        spread.max = values[i] > spread.max ? values[i] : spread.max;
    }
    spread.median = harness_median(values, count);
    return spread;
}

struct spread harness_ratio(const struct result *result, uint32_t other)
{
    const double *ours = figures(result, 0);
    const double *theirs = figures(result, other);
    bool less = less_is_better(result->question);
    double ratios[ROUNDS_MAX];

    for (uint32_t i = 0; i < result->rounds; i++) {
        double time = ours[i] / theirs[i];

        ratios[i] = less ? time : 1 / time;
    }
    return harness_spread(ratios, result->rounds);
}

double harness_cpu(const struct result *result, uint32_t other)
{
    double ratios[ROUNDS_MAX];

    for (uint32_t i = 0; i < result->rounds; i++) {
        double theirs = result->sides[other].cpu_ns[i];

        /* Of a short round it may be less than the clock can tell. */
        ratios[i] = theirs > 0 ? result->sides[0].cpu_ns[i] / theirs : 0;
    }
    return harness_median(ratios, result->rounds);
}
