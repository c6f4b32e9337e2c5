/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program pirn: its verbs, and which is meant
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pirn/standard.h>

#include "cli/verb.h"

struct verb {
    const char *name;
    const char *does;
    verb_fn *run;
};

static const struct verb verbs[] = {
    {"serve", "take mail by SMTP into a spool", verb_serve},
    {"create", "make a spool, or a queue in it", verb_create},
    {"put", "store items from files, standard input or a Maildir", verb_put},
    {"take", "run a command on items, or deliver them", verb_take},
    {"ls", "list items", verb_ls},
    {"show", "print all that is known of an item", verb_show},
    {"cat", "print an item's body as it came", verb_cat},
    {"mv", "move items to another queue", verb_mv},
    {"hold", "keep items from being taken", verb_hold},
    {"release", "make held or delayed items ready", verb_release},
    {"rm", "remove items", verb_rm},
    {"export", "copy items to a Maildir", verb_export},
    {"fsck", "find what is wrong in a spool, and mend it", verb_fsck},
    {"events", "print what is done in a spool, as it is done", verb_events},
    {"status", "count items, owners and leftovers", verb_status},
    {"probe", "print what this kernel gives, and the engine", verb_probe},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]), NAME_MAX_LEN = 32 };

/* Read by argp, by this name. */
const char *argp_program_version = "pirn " PIRN_VERSION;

struct parsed {
    const struct verb *verb;
    int at; /* of the verb in argv */
};

static const struct verb *verb_named(const char *name)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct parsed *parsed = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        parsed->verb = verb_named(arg);
        if (parsed->verb == NULL) {
            argp_error(state, "%s: there is no such verb", arg);
        }
        parsed->at = state->next - 1;
        state->next = state->argc; /* the rest is the verb's */
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a verb is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The verbs stand in front of the options: asked for when help is printed. */
static char *help_filter(int key, const char *text, void *input)
{
    char *listed = NULL;
    size_t len = 0;
    FILE *out;

    (void)input;
    if (key != ARGP_KEY_HELP_PRE_DOC) {
        return (char *)text;
    }
    out = open_memstream(&listed, &len);
    if (out == NULL) {
        return (char *)text;
    }
    fprintf(out, "%s\n", text);
    for (int i = 0; i < VERB_COUNT; i++) {
        fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].does);
    }
    fclose(out);
    return listed;
}

static const struct argp argp = {
    .parser = parse,
    .args_doc = "VERB [ARGUMENT...]",
    .doc =
        "A durable spool of items, and a mail server that fills it.\n"
        "\vOptions stand behind the verb, as in `pirn ls --spool DIR'; each "
        "verb has a --help of its own. The spool is --spool DIR, else "
        "$PIRN_SPOOL, else " PIRN_SPOOL_DIR ". $PIRN_ENGINE (auto, uring, "
        "plain) and $PIRN_FILES (auto, ring, pool) say who carries out what a "
        "verb does; `pirn probe' says who would.\n\n"
        "Exit codes: 0 done, 1 nothing matched, or fsck found something, 64 "
        "usage, 65 not a spool or a newer format, 66 no such spool or item, 69 "
        "io_uring refused, 70 a bug, 74 I/O error, 75 try later (full, busy), "
        "77 permission, 78 configuration.",
    .help_filter = help_filter,
};

/* What was printed has to arrive: a full disk is noticed here at the latest. */
static enum code flushed(enum code code)
{
    errno = 0;
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code != CODE_DONE) {
        return code;
    }
    return failure_say(THING_OUTPUT, "standard output",
                       errno != 0 ? -errno : -EIO);
}

int main(int argc, char **argv)
{
    struct parsed parsed = {0};
    char name[NAME_MAX_LEN];

    int r = pirn_standard_fill();
    if (r < 0) {
        return failure_say(THING_FILE, "/dev/null", r);
    }
    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &parsed) != 0) {
        return CODE_USAGE;
    }
    snprintf(name, sizeof(name), "pirn %s", parsed.verb->name);
    argv[parsed.at] = name;
    return flushed(parsed.verb->run(argc - parsed.at, argv + parsed.at));
}
