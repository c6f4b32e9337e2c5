/* SPDX-License-Identifier: MIT */
/*
 * report.c - a table, the ratio lines, a line of JSON
 *
 * Figures that a script reads are written with a dot: nobody calls setlocale().
 */
#include "bench/report.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const double S = 1e9; /* in nanoseconds */

static void print_place(FILE *file, const struct machine *machine)
{
    if (machine->fs[0] == '\0') {
        return;
    }
    fprintf(file, "files on %s (%s%s), %s\n", machine->fs, machine->device,
            machine->loop && machine->direct ? ", direct I/O" : "",
            machine->mount);
    if (!machine->loop || !machine->direct) {
        fprintf(file, "NOTE: not a fresh file system on a loop device with "
                      "direct I/O: durable figures say little\n");
    }
}

/* Microseconds in ten columns, or a dash. */
static void print_us(FILE *file, double ns)
{
    if (ns > 0) {
        fprintf(file, " %9.*f", ns < 10000 ? 3 : 0, ns / 1000);
    } else {
        fprintf(file, " %9s", "-");
    }
}

/* Of the disk, for each operation; or a dash where no files are. */
static void print_flushes(FILE *file, const struct result *result,
                          const struct side_result *figures)
{
    if (result->question->needs_dir && figures->count > 0) {
        fprintf(file, " %9.4f",
                (double)figures->flushes / (double)figures->count);
    } else {
        fprintf(file, " %9s", "-");
    }
}

static void print_side(FILE *file, const struct result *result, uint32_t index)
{
    const struct side *side = result->sides[index].side;
    const struct side_result *figures = &result->sides[index];
    double ns = harness_median(figures->ns, result->rounds);

    fprintf(file, "%-19s %-16s %12.0f", index ? "" : result->question->name,
            side->name, S / ns);
    print_us(file, ns);
    print_us(file, harness_median(figures->cpu_ns, result->rounds));
    print_us(file, (double)histogram_quantile(&figures->latency, 0.5));
    print_us(file, (double)histogram_quantile(&figures->latency, 0.99));
    print_flushes(file, result, figures);
    if (side->promise != NULL) {
        fprintf(file, "  %s", side->promise);
    } else if (side->version != NULL) {
        fprintf(file, "  version %s", side->version());
    }
    fputs("\n", file);
}

void report_table(FILE *file, const struct machine *machine,
                  const struct result *results, uint32_t count)
{
    fprintf(file, "\n%s, %ld cores, Linux %s, engine %s\n", machine->cpu,
            machine->cores, machine->kernel, machine->engine);
    print_place(file, machine);
    fprintf(file, "\n%-19s %-16s %12s %9s %9s %9s %9s %9s  %s\n", "question",
            "side", "per second", "us each", "us CPU", "p50 us", "p99 us",
            "flushes", "safe when it answers, or its version");
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; !results[i].error && j < results[i].side_count;
             j++) {
            print_side(file, &results[i], j);
        }
    }
    fputs("\n", file);
}

static const char *words_of(enum ratio_of of)
{
    switch (of) {
    case RATIO_OF_TIME:
        return "time: less is better";
    case RATIO_OF_RATE:
        return "rate: more is better";
    case RATIO_OF_CPU_RATE:
        return "per CPU second: more is better";
    case RATIO_OF_P50:
        return "p50: less is better";
    }
    return "?";
}

/* Of those who claim: what was there, and how often they were late. */
static void print_claims(FILE *file, const struct result *result)
{
    for (uint32_t i = 0; i < result->side_count; i++) {
        const struct side_result *figures = &result->sides[i];

        if (figures->queued > 0 || figures->lost > 0) {
            fprintf(file,
                    "claims %s.%s %" PRIu64 "  (%" PRIu64 " lost; %" PRIu64
                    " queued at most in a round)\n",
                    result->question->name, figures->side->name, figures->count,
                    figures->lost, figures->queued);
        }
    }
}

static void print_ratio(FILE *file, const struct result *result,
                        const char *suffix, uint32_t other)
{
    const struct question *question = result->question;
    struct spread spread = harness_ratio(result, other);

    fprintf(file,
            "ratio %s%s %.3f  (%.3f to %.3f, %" PRIu32 " rounds, %s / %s, "
            "%s; CPU %.2f)\n",
            question->name, suffix, spread.median, spread.min, spread.max,
            result->rounds, result->sides[0].side->name,
            result->sides[other].side->name, words_of(question->of),
            harness_cpu(result, other));
}

void report_ratios(FILE *file, const struct result *results, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct result *result = &results[i];

        if (result->error) {
            fprintf(file, "no ratio %s: %s\n", result->question->name,
                    strerror(-result->error));
            continue;
        }
        if (result->side_count < 2) { /* asked alone */
            print_claims(file, result);
            continue;
        }
        print_ratio(file, result, "", harness_best(result));
        for (uint32_t j = 1; result->side_count > 2 && j < result->side_count;
             j++) {
            char suffix[64];

            snprintf(suffix, sizeof(suffix), ".%s",
                     result->sides[j].side->name);
            print_ratio(file, result, suffix, j);
        }
        print_claims(file, result);
    }
}

void report_json_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ') {
            fprintf(file, "\\u%04x", (unsigned)*text);
            continue;
        }
        if (*text == '"' || *text == '\\') {
            fputc('\\', file);
        }
        fputc(*text, file);
    }
    fputc('"', file);
}

static void json_member(FILE *file, const char *name, const char *text)
{
    fprintf(file, "\"%s\":", name);
    report_json_text(file, text);
    fputc(',', file);
}

void report_json_machine(FILE *file, const struct machine *machine)
{
    char now[32];
    time_t seconds = time(NULL);
    struct tm utc;

    strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    fputc('{', file);
    json_member(file, "time", now);
    json_member(file, "cpu", machine->cpu);
    json_member(file, "kernel", machine->kernel);
    json_member(file, "mitigations", machine->mitigations);
    json_member(file, "engine", machine->engine);
    json_member(file, "engine_reason", machine->reason);
    json_member(file, "compiler", machine->compiler);
    json_member(file, "commit", machine->commit);
    json_member(file, "fs", machine->fs);
    json_member(file, "device", machine->device);
    json_member(file, "mount", machine->mount);
    fprintf(file, "\"loop\":%s,\"direct\":%s,\"cores\":%ld}",
            machine->loop ? "true" : "false",
            machine->direct ? "true" : "false", machine->cores);
}

static void json_values(FILE *file, const char *name, const double *values,
                        uint32_t count)
{
    fprintf(file, "\"%s\":[", name);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(file, "%s%.1f", i ? "," : "", values[i]);
    }
    fputs("],", file);
}

static void json_side(FILE *file, const struct result *result, uint32_t index)
{
    const struct side *side = result->sides[index].side;
    const struct side_result *figures = &result->sides[index];
    double ns = harness_median(figures->ns, result->rounds);

    fputc('{', file);
    json_member(file, "side", side->name);
    json_member(file, "promise", side->promise ? side->promise : "");
    json_member(file, "version", side->version ? side->version() : "");
    if (index > 0) {
        struct spread spread = harness_ratio(result, index);

        fprintf(file, "\"ratio\":%.4f,\"min\":%.4f,\"max\":%.4f,\"cpu\":%.4f,",
                spread.median, spread.min, spread.max,
                harness_cpu(result, index));
    }
    json_values(file, "ns", figures->ns, result->rounds);
    json_values(file, "cpu_ns", figures->cpu_ns, result->rounds);
    fprintf(file,
            "\"count\":%" PRIu64 ",\"flushes\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"queued\":%" PRIu64 ",",
            figures->count, figures->flushes, figures->lost, figures->queued);
    fprintf(file,
            "\"per_second\":%.1f,\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64
            "}",
            S / ns, histogram_quantile(&figures->latency, 0.5),
            histogram_quantile(&figures->latency, 0.99));
}

void report_json(FILE *file, const struct machine *machine,
                 const struct result *result)
{
    const struct question *question = result->question;
    uint32_t best;
    struct spread spread;

    if (result->error) {
        return;
    }
    best = harness_best(result);
    spread = harness_ratio(result, best);
    fputc('{', file);
    json_member(file, "name", question->name);
    json_member(file, "what", question->what);
    json_member(file, "of", words_of(question->of));
    json_member(file, "against", result->sides[best].side->name);
    fprintf(file,
            "\"value\":%.4f,\"min\":%.4f,\"max\":%.4f,\"rounds\":%" PRIu32
            ",\"sides\":[",
            spread.median, spread.min, spread.max, result->rounds);
    for (uint32_t i = 0; i < result->side_count; i++) {
        fputs(i ? "," : "", file);
        json_side(file, result, i);
    }
    fputs("],\"machine\":", file);
    report_json_machine(file, machine);
    fputs("}\n", file);
}
