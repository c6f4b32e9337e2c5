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

static int one_round(const struct question *question,
                     const struct options *options, void *state,
                     const struct side *side, uint32_t index,
                     struct side_result *ret_result)
{
    static struct round round; /* 15 KiB; one at a time */
    int r;

    round = (struct round){
        .index = index,
        .length_ns =
            options->round_ns / (question->finer ? question->finer : 1),
        .count_max = question->count_max ? question->count_max : UINT64_MAX,
    };
    r = side->round(state, &round);
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
        double count = (double)round.count;

        ret_result->ns[index - 1] = (double)round.wall_ns / count;
        ret_result->cpu_ns[index - 1] = (double)round.cpu_ns / count;
        histogram_merge(&ret_result->latency, &round.latency);
    }
    return 0;
}

static int all_rounds(const struct options *options, void **states,
                      struct result *result)
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

            r = one_round(question, options, states[side],
                          question->sides[side], index, &result->sides[side]);
        }
    }
    if (isatty(STDERR_FILENO)) {
        fputs("\n", stderr);
    }
    return r;
}

void harness_run(const struct question *question, const struct options *options,
                 struct result *result)
{
    void *states[SIDES_MAX] = {NULL};
    uint32_t opened = 0;
    int r = 0;

    *result = (struct result){
        .question = question,
        .rounds = options->rounds * (question->finer ? question->finer : 1),
    };
    if (result->rounds > ROUNDS_MAX) {
        result->rounds = ROUNDS_MAX;
    }
    while (result->side_count < SIDES_MAX &&
           question->sides[result->side_count] != NULL) {
        result->side_count++;
    }
    while (opened < result->side_count && r == 0) {
        r = question->sides[opened]->open(options, &states[opened]);
        if (r == 0) {
            opened++;
        } else {
            fprintf(stderr, "pirn-bench: %s: %s: %s\n", question->name,
                    question->sides[opened]->name, strerror(-r));
        }
    }
    if (r == 0) {
        r = all_rounds(options, states, result);
    }
    while (opened > 0) {
        opened--;
        question->sides[opened]->close(states[opened]);
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

uint32_t harness_best(const struct result *result)
{
    uint32_t best = 1;

    for (uint32_t i = 2; i < result->side_count; i++) {
        if (harness_median(result->sides[i].ns, result->rounds) <
            harness_median(result->sides[best].ns, result->rounds)) {
            best = i;
        }
    }
    return best;
}

struct spread harness_ratio(const struct result *result, uint32_t other)
{
    const double *ours = result->sides[0].ns;
    const double *theirs = result->sides[other].ns;
    double ratios[ROUNDS_MAX];
    struct spread spread = {.min = 1e300};

    for (uint32_t i = 0; i < result->rounds; i++) {
        double time = ours[i] / theirs[i];
        double ratio = result->question->of == RATIO_OF_TIME ? time : 1 / time;

        ratios[i] = ratio;
        spread.min = ratio < spread.min ? ratio : spread.min;
        spread.max = ratio > spread.max ? ratio : spread.max;
    }
    spread.median = harness_median(ratios, result->rounds);
    return spread;
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
