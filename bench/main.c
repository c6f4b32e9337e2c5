/* SPDX-License-Identifier: MIT */
/*
 * main.c - the questions, and the command line of pirn-bench
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bench/calls.h"
#include "bench/checked.h"
#include "bench/listed.h"
#include "bench/machine.h"
#include "bench/memory.h"
#include "bench/process.h"
#include "bench/questions.h"
#include "bench/queued.h"
#include "bench/report.h"
#include "bench/sustained.h"
#include "bench/torture.h"

enum {
    KEY_DIR = 256,
    KEY_JSON,
    KEY_ROUNDS,
    KEY_SECONDS,
    KEY_SERVER,
    KEY_PEERS,
    KEY_COMMIT,
    KEY_ITEMS,
    KEY_LONG,
    KEY_QUICK,
    KEY_ALONE,
};

struct command {
    struct options options;
    const char *json;
    const char *commit;
    bool asked[QUESTIONS];
    bool any;
};

static void ask(struct command *command, const char *verb,
                struct argp_state *state)
{
    bool found = false;

    for (unsigned i = 0; i < QUESTIONS; i++) {
        const char *group = questions[i].group;

        if (strcmp(verb, questions[i].verb) == 0 ||
            (group != NULL && strcmp(verb, group) == 0)) {
            command->asked[i] = command->any = found = true;
        }
    }
    if (!found) {
        argp_error(state, "no question is called %s", verb);
    }
}

static void check(const struct command *command, struct argp_state *state)
{
    for (unsigned i = 0; i < QUESTIONS; i++) {
        if (command->asked[i] && questions[i].needs_dir &&
            command->options.dir == NULL) {
            argp_error(state, "%s needs --dir", questions[i].verb);
        }
    }
}

static double number(const char *text, double min, double max,
                     struct argp_state *state)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        argp_error(state, "%s is not a number from %g to %g", text, min, max);
    }
    return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct command *command = state->input;
    struct options *options = &command->options;

    switch (key) {
    case KEY_DIR:
        options->dir = arg;
        return 0;
    case KEY_JSON:
        command->json = arg;
        return 0;
    case KEY_ROUNDS:
        options->rounds = (uint32_t)number(arg, 1, 99, state);
        return 0;
    case KEY_SECONDS:
        options->round_ns = (uint64_t)(1e9 * number(arg, 0.01, 60, state));
        return 0;
    case KEY_SERVER:
        options->server = arg;
        return 0;
    case KEY_PEERS:
        options->peers = arg;
        return 0;
    case KEY_COMMIT:
        command->commit = arg;
        return 0;
    case KEY_ITEMS:
        options->items = (uint64_t)number(arg, 1000, 1e8, state);
        return 0;
    case KEY_LONG:
        options->long_ns = (uint64_t)(1e9 * number(arg, 0.01, 600, state));
        return 0;
    case KEY_ALONE:
        options->alone = true;
        return 0;
    case KEY_QUICK:
        options->rounds = 2;
        options->round_ns = 300000000;
        options->long_ns = 3000000000;
        return 0;
    case ARGP_KEY_ARG:
        ask(command, arg, state);
        return 0;
    case ARGP_KEY_SUCCESS:
        check(command, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"dir", KEY_DIR, "DIR", 0,
     "where durable work is done, and left: a fresh file system", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "rounds per question (7)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "length of a side's round (0.7)", 0},
    {"items", KEY_ITEMS, "N", 0,
     "that are queued, or sustained, at most (1,000,000; 2,000,000)", 0},
    {"long", KEY_LONG, "S", 0, "and for how long at most (30)", 0},
    {"quick", KEY_QUICK, NULL, 0,
     "as --rounds 2 --seconds 0.3 --long 3: whether it works at all", 0},
    {"alone", KEY_ALONE, NULL, 0,
     "our side only, and no ratio: what a profiler looks at", 0},
    {"json", KEY_JSON, "FILE", 0, "append a line per question to FILE", 0},
    {"server", KEY_SERVER, "FILE", 0, "the program pirn", 0},
    {"peers", KEY_PEERS, "DIR", 0, "has smtp-source and smtp-sink", 0},
    {"commit", KEY_COMMIT, "TEXT", 0, "of the source, for the record", 0},
    {0},
};

static char *help_filter(int key, const char *text, void *input)
{
    char *help = NULL;
    size_t len;
    FILE *file;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC ||
        (file = open_memstream(&help, &len)) == NULL) {
        return (char *)text;
    }
    fprintf(file, "Questions (all, if none is named):\n");
    for (unsigned i = 0; i < QUESTIONS; i++) {
        fprintf(file, "  %-14s %-16s %s\n", questions[i].verb,
                questions[i].name, questions[i].what);
    }
    fprintf(file, "  %-14s %-16s all of nop .. memory\n", "runtime", "");
    fprintf(file, "  %-14s %-16s all from log_enqueue on\n", "spool", "");
    fprintf(file, "Not what it costs, but what it keeps: "
                  "pirn-bench torture --help\n");
    fclose(file);
    return help;
}

static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .args_doc = "[QUESTION]...",
    .doc = "Measure pirn beside its speed of light, interleaved, in one run."
           "\v ",
    .help_filter = help_filter,
};

static bool is_asked(const struct command *command, unsigned index)
{
    if (command->any) {
        return command->asked[index];
    }
    return command->options.dir != NULL || !questions[index].needs_dir;
}

/* What came of all that was asked. */
struct run {
    struct machine machine;
    struct result results[QUESTIONS];
    uint32_t count;
    struct calls calls;
    bool counted;
    struct memory memory;
    bool weighed;
    struct sustained sustained;
    bool was_sustained;
    struct queued queued;
    bool was_queued;
    struct checked checked;
    bool was_checked;
    struct listed listed;
    bool was_listed;
};

/* Append all lines at once, so that a run that was cut short leaves none. */
static int write_json(const char *path, const struct run *run)
{
    FILE *file = fopen(path, "ae");
    int r;

    if (file == NULL) {
        return -errno;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->results[i].side_count > 1) {
            report_json(file, &run->machine, &run->results[i]);
        }
    }
    if (run->counted) {
        calls_json(file, &run->machine, &run->calls);
    }
    if (run->weighed) {
        memory_json(file, &run->machine, &run->memory);
    }
    if (run->was_sustained) {
        sustained_json(file, &run->machine, &run->sustained);
    }
    if (run->was_queued) {
        queued_json(file, &run->machine, &run->queued);
    }
    if (run->was_checked) {
        checked_json(file, &run->machine, &run->checked);
    }
    if (run->was_listed) {
        listed_json(file, &run->machine, &run->listed);
    }
    r = ferror(file) ? -EIO : 0;
    if (fclose(file) != 0 && r == 0) {
        r = -errno;
    }
    return r;
}

/* 0 or an errno. */
static int run_one(unsigned index, const struct options *options,
                   struct run *run)
{
    switch (index) {
    case MEMORY:
        memory_run(options, &run->memory);
        run->weighed = true;
        return run->memory.error;
    case CALLS:
        calls_run(options, &run->calls);
        run->counted = true;
        return run->calls.error;
    case SUSTAINED:
        sustained_run(options, &run->sustained);
        run->was_sustained = true;
        return run->sustained.error;
    case QUEUED:
        queued_run(options, &run->queued);
        run->was_queued = true;
        return run->queued.error;
    case FSCK:
        checked_run(options, &run->checked);
        run->was_checked = true;
        return run->checked.error;
    case LS:
        listed_run(options, &run->listed);
        run->was_listed = true;
        return run->listed.error;
    default:
        harness_run(&questions[index], options, &run->results[run->count]);
        return run->results[run->count++].error;
    }
}

/* 0, or the worst error; a question that cannot be asked here is none. */
static int run_all(const struct command *command, struct run *run)
{
    int worst = 0;

    for (unsigned i = 0; i < QUESTIONS; i++) {
        int r;

        if (!is_asked(command, i)) {
            continue;
        }
        fprintf(stderr, "%s: %s\n", questions[i].name, questions[i].what);
        r = run_one(i, &command->options, run);
        worst = r == -EOPNOTSUPP ? worst : r < 0 ? r : worst;
    }
    return worst;
}

static void print_all(const struct run *run)
{
    report_table(stdout, &run->machine, run->results, run->count);
    if (run->counted) {
        calls_print(stdout, &run->calls);
        fputs("\n", stdout);
    }
    report_ratios(stdout, run->results, run->count);
    if (run->weighed) {
        memory_print(stdout, &run->memory);
    }
    if (run->was_sustained) {
        sustained_print(stdout, &run->sustained);
    }
    if (run->was_queued) {
        queued_print(stdout, &run->queued);
    }
    if (run->was_checked) {
        checked_print(stdout, &run->checked);
    }
    if (run->was_listed) {
        listed_print(stdout, &run->listed);
    }
}

int main(int argc, char **argv)
{
    static struct command command = {
        .options = {.rounds = 7, .round_ns = 700000000, .long_ns = 30000000000},
    };
    static struct run run;
    int status;
    int r;

    argp_err_exit_status = EX_USAGE;
    if (argc > 1 && strcmp(argv[1], "torture") == 0) {
        return torture_main(argc - 1, argv + 1);
    }
    argp_parse(&argp, argc, argv, 0, NULL, &command);
    process_catch_signals();
    machine_read(&run.machine, command.options.dir, command.commit);
    status = run_all(&command, &run) < 0 ? EX_IOERR : EX_OK;
    print_all(&run);
    if (command.json != NULL) {
        r = write_json(command.json, &run);
        if (r < 0) {
            fprintf(stderr, "pirn-bench: %s: %s\n", command.json, strerror(-r));
            status = EX_IOERR;
        }
    }
    return status;
}
