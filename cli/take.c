/* SPDX-License-Identifier: MIT */
/*
 * take.c - run a command on items, or deliver them to a Maildir
 *
 *   as long as runs are free, none was told to stop, and the queue is not dry:
 *     a run on the next item; --follow looks again when it was dry
 *   then those that run end
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/timer.h>

#include "cli/layout.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/told.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum { KEY_MAX = 0x200, KEY_PARALLEL, KEY_FOLLOW, KEY_ATTEMPTS, KEY_MAILDIR };
enum { PARALLEL_MAX = 1024, ATTEMPTS_USUAL = 5, ATTEMPTS_MAX = 60000 };

static const uint64_t look_again_ns = 250000000;

struct take {
    struct options options;
    struct tool tool;
    struct runs runs;
    struct maildir maildir;
    const char *maildir_path; /* NULL: a command is run */
    struct pirn_op pause;     /* until the queue is looked at again */
    uint64_t max;
    uint32_t parallel;
    bool follow;
    struct told told;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct take *take = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &take->options);
        return 0;
    case KEY_MAX:
        take->max = options_number(state, "--max", arg, 1, UINT64_MAX);
        return 0;
    case KEY_PARALLEL:
        take->parallel =
            (uint32_t)options_number(state, "--parallel", arg, 1, PARALLEL_MAX);
        return 0;
    case KEY_FOLLOW:
        take->follow = true;
        return 0;
    case KEY_ATTEMPTS:
        take->runs.attempts =
            (uint32_t)options_number(state, "--attempts", arg, 1, ATTEMPTS_MAX);
        return 0;
    case ARGP_KEY_ARGS:
        take->runs.argv = state->argv + state->next;
        return 0;
    case KEY_MAILDIR:
        take->maildir_path = arg;
        return 0;
    case ARGP_KEY_END:
        if (take->runs.argv == NULL && take->maildir_path == NULL) {
            argp_error(state, "a command is needed, after --; or --maildir");
        } else if (take->runs.argv != NULL && take->maildir_path != NULL) {
            argp_error(state, "--maildir: an item is delivered, or a command "
                              "is run; leave one of them out");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"max", KEY_MAX, "N", 0, "Take no more than N items", 0},
    {"parallel", KEY_PARALLEL, "N", 0, "Run up to N commands at once (1)", 0},
    {"follow", KEY_FOLLOW, NULL, 0,
     "Wait for more items, until SIGTERM or SIGINT", 0},
    {"attempts", KEY_ATTEMPTS, "N", 0,
     "After the Nth command that failed the item goes to the queue `dead' (5)",
     0},
    {"maildir", KEY_MAILDIR, "DIR", 0,
     "Instead of a command: deliver each item to this Maildir, as it came, and "
     "remove it once that is durable",
     0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .args_doc = "-- COMMAND [ARGUMENT...]\n--maildir DIR",
    .children = children,
    .doc =
        "Claim the items of a queue (`incoming'), and run COMMAND on each: the "
        "body on its standard input, and in its environment PIRN_ID, "
        "PIRN_SENDER, PIRN_RECIPIENTS (one a line), PIRN_QUEUE, PIRN_ATTEMPTS "
        "(before this one). If it exits 0 the item is removed; 75, and it is "
        "given back, with a delay that grows; else the same until its attempts "
        "are used up, and then it is moved to the queue `dead', with the last "
        "line that COMMAND wrote to standard error in the field `reason'. What "
        "is damaged, or has a control byte in its sender or a recipient, is "
        "moved there at once."
        "\vSIGTERM and SIGINT begin nothing more, and let what runs end. Exits "
        "1 if there was no item. A `dead' that is made has the layout of the "
        "queue.",
};

static void paused(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct take, pause)->runs.is_dry = false;
}

static bool may_begin(const struct take *take)
{
    return !take->told.to_stop && take->runs.failed == CODE_DONE &&
           !take->runs.is_dry && take->runs.handed < take->max &&
           take->runs.busy < take->parallel;
}

static bool waits_for_more(const struct take *take)
{
    return take->follow && !take->told.to_stop &&
           take->runs.failed == CODE_DONE && take->runs.handed < take->max;
}

/* false: no memory, and none runs that may end. */
static bool begin_one(struct take *take)
{
    struct runs *runs = &take->runs;
    struct run *run = runs->free;

    if (run == NULL) {
        run = calloc(1, sizeof(*run));
        if (run == NULL) {
            runs->failed = failure_say(THING_ANY, "take", -ENOMEM);
            return false;
        }
        run->all = runs;
    } else {
        runs->free = run->next;
    }
    run_begin(run);
    return true;
}

static int turn(struct take *take)
{
    int r = pirn_context_turn(take->tool.context, PIRN_FOREVER);

    return r < 0 ? r : 0;
}

static int take_items(struct take *take)
{
    int r = 0;

    for (;;) {
        while (may_begin(take) && begin_one(take)) {
        }
        if (take->runs.busy == 0 && !waits_for_more(take)) {
            return 0;
        }
        if (take->runs.is_dry && waits_for_more(take) &&
            pirn_op_is_idle(&take->pause)) {
            pirn_prep_timer(&take->pause, look_again_ns);
            pirn_start(take->tool.context, &take->pause, paused);
        }
        r = turn(take);
        if (r < 0) {
            return r;
        }
    }
}

/* Nothing of ours is on loan when the spool is closed. */
static int wind_up(struct take *take)
{
    int r = 0;

    pirn_cancel(take->tool.context, &take->pause);
    while (r == 0 && (take->runs.busy > 0 || !pirn_op_is_idle(&take->pause))) {
        r = turn(take);
    }
    return r == 0 ? told_end(&take->told) : r;
}

/* Where what is dead goes; if that is not there, one of the queue's layout. A
 * full disk has no room for it, and is to be emptied all the same. */
static enum code prepare(struct take *take)
{
    const char *queue = take->runs.queue;
    struct layouts layouts = {0};
    int layout = layouts_find(&layouts, &take->tool, queue);

    if (layout < 0) {
        return tool_say(&take->tool, THING_QUEUE, queue, layout);
    }
    int r = layouts_find(&layouts, &take->tool, "dead");
    if (r == -ENOENT) {
        r = pirn_spool_create_queue_as(take->tool.spool, "dead",
                                       (enum pirn_layout)layout);
    }
    take->runs.has_dead = r >= 0;
    if (r == -ENOSPC || r == -EDQUOT) {
        (void)tool_say(&take->tool, THING_QUEUE, "dead", r);
        fprintf(stderr, "pirn: there is no queue `dead' then: what would go "
                        "there is given back\n");
        return CODE_DONE;
    }
    return r < 0 ? tool_say(&take->tool, THING_QUEUE, "dead", r) : CODE_DONE;
}

static enum code report(const struct take *take)
{
    const struct runs *runs = &take->runs;

    fprintf(stderr,
            "pirn: %" PRIu64 " removed, %" PRIu64 " given back, %" PRIu64
            " moved to `dead'\n",
            runs->removed, runs->given_back, runs->dead);
    if (runs->failed != CODE_DONE) {
        return runs->failed;
    }
    return runs->handed > 0 || take->follow || take->told.to_stop ? CODE_DONE
                                                                  : CODE_NO;
}

static enum code run(struct take *take)
{
    told_block(&take->told);
    take->tool.early = true;
    enum code code = tool_open(&take->tool, &take->options, false);
    code = code == CODE_DONE ? prepare(take) : code;
    if (code != CODE_DONE) {
        return code;
    }
    if (take->maildir_path != NULL) {
        code = maildir_open(&take->maildir, &take->tool, take->maildir_path);
        if (code != CODE_DONE) {
            return code;
        }
        take->runs.maildir = &take->maildir;
    }
    told_listen(&take->told, &take->tool, NULL);
    int r = take_items(take);
    r = r == 0 ? wind_up(take) : r;
    if (r < 0) {
        return tool_say(&take->tool, THING_SPOOL, take->tool.path, r);
    }
    return report(take);
}

enum code verb_take(int argc, char **argv)
{
    struct take take = {
        .max = UINT64_MAX,
        .parallel = 1,
        .runs.attempts = ATTEMPTS_USUAL,
    };

    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &take);
    options_settle(&take.options);
    take.runs.tool = &take.tool;
    take.runs.queue =
        take.options.queue != NULL ? take.options.queue : "incoming";
    enum code code = run(&take);
    maildir_close(&take.maildir);
    tool_close(&take.tool);
    while (take.runs.free != NULL) {
        struct run *next = take.runs.free->next;

        free(take.runs.free);
        take.runs.free = next;
    }
    return code;
}
