/* SPDX-License-Identifier: MIT */
/*
 * torture.c - the command line of pirn-bench torture
 */
#include "bench/torture.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "bench/round.h"

enum {
    KEY_DIR = 256,
    KEY_LAYOUT,
    KEY_SECONDS,
    KEY_KILLS,
    KEY_WRITERS,
    KEY_TAKERS,
    KEY_SEED,
    KEY_POWER,
    KEY_CUTS,
    KEY_FS,
    KEY_JSON,
    KEY_KEEP,
    KEY_SPOIL,
    CUTS = 3,
};

struct command {
    struct torture_options options;
    const char *json;
    bool has_disk; /* --cuts or --fs */
    bool is_power;
    uint32_t cuts;
};

static uint64_t number(const char *text, uint64_t min, uint64_t max,
                       struct argp_state *state)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
        value < min || value > max) {
        argp_error(state, "%s is not a whole number from %ju to %ju", text,
                   (uintmax_t)min, (uintmax_t)max);
    }
    return value;
}

static void set_layout(struct torture_options *options, const char *text,
                       struct argp_state *state)
{
    if (strcmp(text, "log") != 0 && strcmp(text, "file") != 0) {
        argp_error(state, "%s is no layout: log or file", text);
    }
    options->layout =
        strcmp(text, "log") == 0 ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE;
}

static void set_type(struct torture_options *options, const char *text,
                     struct argp_state *state)
{
    if (strcmp(text, "ext4") != 0 && strcmp(text, "xfs") != 0) {
        argp_error(state,
                   "%s is no file system that can be shut down: ext4 "
                   "or xfs",
                   text);
    }
    options->type = text;
}

static error_t settle(struct command *command, struct argp_state *state)
{
    struct torture_options *options = &command->options;

    if (command->has_disk && !command->is_power) {
        argp_error(state, "--fs and --cuts go with --power");
    }
    options->cuts = command->is_power ? command->cuts : 0;
    if (options->length_ns == 0 && options->kills == 0) {
        options->length_ns = 30000000000;
    }
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct command *command = state->input;
    struct torture_options *options = &command->options;

    switch (key) {
    case KEY_DIR:
        options->dir = arg;
        return 0;
    case KEY_LAYOUT:
        set_layout(options, arg, state);
        return 0;
    case KEY_SECONDS:
        options->length_ns = number(arg, 1, 86400, state) * 1000000000;
        return 0;
    case KEY_KILLS:
        options->kills = (uint32_t)number(arg, 1, 60000, state);
        return 0;
    case KEY_WRITERS:
        options->writers = (uint32_t)number(arg, 1, TORTURE_CREW_MAX, state);
        return 0;
    case KEY_TAKERS:
        options->takers = (uint32_t)number(arg, 1, TORTURE_CREW_MAX, state);
        return 0;
    case KEY_SEED:
        options->seed = number(arg, 0, UINT64_MAX, state);
        return 0;
    case KEY_POWER:
        command->is_power = true;
        return 0;
    case KEY_CUTS:
        command->has_disk = true;
        command->cuts = (uint32_t)number(arg, 1, 1000, state);
        return 0;
    case KEY_FS:
        command->has_disk = true;
        set_type(options, arg, state);
        return 0;
    case KEY_JSON:
        command->json = arg;
        return 0;
    case KEY_KEEP:
        options->keep = true;
        return 0;
    case KEY_SPOIL:
        options->spoil = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: nothing is expected here but options", arg);
        return 0;
    case ARGP_KEY_SUCCESS:
        return settle(command, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"dir", KEY_DIR, "DIR", 0,
     "where a fresh directory is made and taken away again (.)", 0},
    {"layout", KEY_LAYOUT, "NAME", 0, "of the queue: log or file (log)", 0},
    {"seconds", KEY_SECONDS, "N", 0, "how long (30, unless --kills)", 0},
    {"kills", KEY_KILLS, "N", 0, "how many processes are killed", 0},
    {"writers", KEY_WRITERS, "N", 0, "processes that store items (4)", 0},
    {"takers", KEY_TAKERS, "N", 0, "processes that take them (4)", 0},
    {"seed", KEY_SEED, "N", 0, "of who is killed, and when (random)", 0},
    {"power", KEY_POWER, NULL, 0,
     "cut the power, too: of a file system of its own, in an image on a loop "
     "device; needs root",
     0},
    {"cuts", KEY_CUTS, "N", 0, "how often (3)", 0},
    {"fs", KEY_FS, "NAME", 0, "of which kind: ext4 or xfs (ext4)", 0},
    {"json", KEY_JSON, "FILE", 0, "append a line of JSON to FILE", 0},
    {"keep", KEY_KEEP, NULL, 0, "leave the directory, to be looked at", 0},
    {"spoil", KEY_SPOIL, NULL, 0,
     "remove an item unseen before stock is taken: the verdict has to be "
     "`lost 1', or this program sees nothing",
     0},
    {0},
};

static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .doc =
        "Kill and stop processes that work on a spool, and see what is left."
        "\vEverything happens in a fresh directory below DIR, and no file "
        "system is shut down but one that was made here.\n\n"
        "Exit: 0 all that was acknowledged was kept; 1 it was not, or a call "
        "failed; 64 usage; 75 it is not possible here; 128 and the signal "
        "that ended it.",
};

static int write_json(const char *path, const struct torture_options *options,
                      const struct torture_result *result)
{
    FILE *file = fopen(path, "ae");

    if (file == NULL) {
        return -errno;
    }
    torture_json(file, options, result);
    int r = ferror(file) ? -EIO : 0;
    return fclose(file) != 0 && r == 0 ? -errno : r;
}

static int tell_why_not(const struct torture_result *result)
{
    if (result->error < 0) {
        fprintf(stderr, "pirn-bench: torture: %s: %s\n",
                strerror(-result->error), result->why);
    } else {
        fprintf(stderr, "pirn-bench: torture: %s\n", result->why);
    }
    return EX_TEMPFAIL;
}

static int conclude(const struct command *command,
                    const struct torture_result *result)
{
    if (command->options.keep && result->root[0] != '\0') {
        fprintf(stderr, "pirn-bench: torture: kept %s\n", result->root);
    }
    if (result->signal != 0) {
        fprintf(stderr, "pirn-bench: torture: ended by %s: nothing is judged\n",
                strsignal(result->signal));
        return 128 + result->signal;
    }
    if (result->why != NULL) {
        return tell_why_not(result);
    }
    torture_print(stdout, &command->options, result);
    int r = command->json == NULL
                ? 0
                : write_json(command->json, &command->options, result);
    if (r < 0) {
        fprintf(stderr, "pirn-bench: torture: %s: %s\n", command->json,
                strerror(-r));
        return EX_IOERR;
    }
    return torture_is_held(result) ? 0 : 1;
}

int torture_main(int argc, char **argv)
{
    static char name[] = "pirn-bench torture";
    struct command command = {
        .options = {.dir = ".",
                    .layout = PIRN_LAYOUT_LOG,
                    .writers = 4,
                    .takers = 4,
                    .type = "ext4"},
        .cuts = CUTS,
    };
    struct torture_result result;

    if (getrandom(&command.options.seed, sizeof(command.options.seed), 0) < 0) {
        command.options.seed = round_now_ns();
    }
    command.options.seed >>= 32; /* short enough to be typed */
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &command);
    torture_run(&command.options, &result);
    int code = conclude(&command, &result);
    torture_ledger_deinit(&result.ledger);
    return code;
}
