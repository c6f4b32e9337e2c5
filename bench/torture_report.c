/* SPDX-License-Identifier: MIT */
/*
 * torture_report.c - what a person reads, and a line for a program
 *
 * The last line is the verdict. It begins with what counts, and where that is
 * not 0 with the word for it.
 */
#include <inttypes.h>

#include "bench/torture.h"

struct grouped {
    char text[24];
};

/* 12345 as 12,345. */
static struct grouped grouped(uint32_t value)
{
    struct grouped to;
    char digits[16];
    int len = snprintf(digits, sizeof(digits), "%" PRIu32, value);
    int at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            to.text[at++] = ',';
        }
        to.text[at++] = digits[i];
    }
    to.text[at] = '\0';
    return to;
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static const char *layout_name(const struct torture_options *options)
{
    return options->layout == PIRN_LAYOUT_LOG ? "log" : "file";
}

bool torture_is_held(const struct torture_result *result)
{
    const struct torture_ledger *ledger = &result->ledger;

    return ledger->lost == 0 && ledger->torn == 0 && ledger->doubled == 0 &&
           ledger->faults == 0 && result->stuck == 0 && ledger->acked > 0;
}

static void print_head(FILE *file, const struct torture_options *options,
                       const struct torture_result *result)
{
    fprintf(file, "%s layout, %u writers, %u takers, %.1f s, seed %ju",
            layout_name(options), options->writers, options->takers,
            seconds(result->ran_ns), (uintmax_t)options->seed);
    if (options->cuts > 0) {
        fprintf(file, ", on %s of its own", options->type);
    }
    fputs("\n", file);
}

static void print_row(FILE *file, const char *what, uint32_t count,
                      const char *more)
{
    fprintf(file, "  %-13s %10s  %s\n", what, grouped(count).text, more);
}

static void print_recovery(FILE *file, const struct torture_result *result)
{
    const struct torture_ledger *ledger = &result->ledger;
    char more[160];

    snprintf(more, sizeof(more),
             "items of killed processes were had again after %.2f s "
             "(median), %.2f s (most)",
             seconds(histogram_quantile(&ledger->late, 0.5)),
             seconds(ledger->late_ns));
    print_row(file, "recovered", ledger->orphans, more);
    snprintf(more, sizeof(more), "was the longest open of the spool, in s");
    fprintf(file, "  %-13s %10.2f  %s\n", "opened", seconds(ledger->open_ns),
            more);
}

static void print_cuts(FILE *file, const struct torture_result *result)
{
    const struct torture_ledger *ledger = &result->ledger;
    char more[160];

    snprintf(more, sizeof(more),
             "of the power; mounted and open again after %.2f s (most)",
             seconds(result->cut_ns));
    print_row(file, "cuts", result->cuts, more);
    snprintf(more, sizeof(more),
             "lazy removals undone by cuts, the oldest %.2f s old "
             "(promised: 1 s at most)",
             seconds(ledger->returned_ns));
    print_row(file, "came back", ledger->returned, more);
}

static void print_verdict(FILE *file, const struct torture_result *result)
{
    const struct torture_ledger *ledger = &result->ledger;
    uint64_t most_ns =
        ledger->late_ns > result->cut_ns ? ledger->late_ns : result->cut_ns;

    fprintf(file, ledger->lost > 0 ? "torture: lost %s" : "torture: %s lost",
            grouped(ledger->lost).text);
    fprintf(file, " of %s acknowledged", grouped(ledger->acked).text);
    fprintf(file, ledger->torn > 0 ? ", torn %s" : ", %s torn",
            grouped(ledger->torn).text);
    fprintf(file, ledger->doubled > 0 ? ", doubled %s" : ", %s doubled",
            grouped(ledger->doubled).text);
    if (result->stuck > 0) {
        fprintf(file, ", stuck %s (of killed processes, not to be had)",
                grouped(result->stuck).text);
    }
    if (ledger->faults > 0) {
        fprintf(file, ", failed %s (calls, or processes)",
                grouped(ledger->faults).text);
    }
    if (most_ns > 0) {
        fprintf(file, "; recovered in %.2f s at most\n", seconds(most_ns));
    } else {
        fputs("; there was nothing to recover\n", file);
    }
}

static void print_again(FILE *file, const struct torture_options *options)
{
    fprintf(file,
            "the same choices again: pirn-bench torture --seed %ju --layout %s "
            "--writers %u --takers %u",
            (uintmax_t)options->seed, layout_name(options), options->writers,
            options->takers);
    if (options->length_ns > 0) {
        fprintf(file, " --seconds %ju",
                (uintmax_t)(options->length_ns / 1000000000));
    }
    if (options->kills > 0) {
        fprintf(file, " --kills %u", options->kills);
    }
    if (options->cuts > 0) {
        fprintf(file, " --power --cuts %u --fs %s", options->cuts,
                options->type);
    }
    fprintf(file, "%s --keep --dir %s\n", options->spoil ? " --spoil" : "",
            options->dir);
}

void torture_print(FILE *file, const struct torture_options *options,
                   const struct torture_result *result)
{
    const struct torture_ledger *ledger = &result->ledger;

    print_head(file, options, result);
    print_row(file, "killed", result->kills, "processes, each replaced");
    print_row(file, "stopped", result->stops, "for up to 2.5 s");
    if (options->cuts > 0) {
        print_cuts(file, result);
    }
    print_row(file, "acknowledged", ledger->acked, "items");
    print_row(file, "refused", ledger->refused, "for want of room");
    print_row(file, "removed", result->removed, "by takers");
    print_row(file, "unsettled", ledger->unsettled,
              "whose taker was killed while he removed them");
    print_row(file, "left", result->left,
              "listed and read whole when stock was taken last");
    print_recovery(file, result);
    if (ledger->acked == 0) {
        fputs("nothing was acknowledged: nothing is shown by this\n", file);
    }
    if (!torture_is_held(result)) {
        print_again(file, options);
    }
    print_verdict(file, result);
}

void torture_json(FILE *file, const struct torture_options *options,
                  const struct torture_result *result)
{
    const struct torture_ledger *ledger = &result->ledger;

    fprintf(file,
            "{\"name\":\"torture\",\"held\":%s,\"layout\":\"%s\","
            "\"writers\":%u,\"takers\":%u,\"seed\":%ju,\"seconds\":%.3f,"
            "\"fs\":\"%s\",",
            torture_is_held(result) ? "true" : "false", layout_name(options),
            options->writers, options->takers, (uintmax_t)options->seed,
            seconds(result->ran_ns), options->cuts > 0 ? options->type : "");
    fprintf(file,
            "\"kills\":%u,\"stops\":%u,\"cuts\":%u,\"acknowledged\":%u,"
            "\"refused\":%u,\"removed\":%u,\"left\":%u,\"lost\":%u,"
            "\"torn\":%u,\"doubled\":%u,\"stuck\":%u,\"failed\":%u,",
            result->kills, result->stops, result->cuts, ledger->acked,
            ledger->refused, result->removed, result->left, ledger->lost,
            ledger->torn, ledger->doubled, result->stuck, ledger->faults);
    fprintf(file,
            "\"recovered\":%u,\"recovered_median_s\":%.3f,"
            "\"recovered_most_s\":%.3f,\"cut_to_open_s\":%.3f,"
            "\"open_most_s\":%.3f,\"came_back\":%u,"
            "\"came_back_oldest_s\":%.3f}\n",
            ledger->orphans, seconds(histogram_quantile(&ledger->late, 0.5)),
            seconds(ledger->late_ns), seconds(result->cut_ns),
            seconds(ledger->open_ns), ledger->returned,
            seconds(ledger->returned_ns));
}
