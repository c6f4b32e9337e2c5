/* SPDX-License-Identifier: MIT */
/*
 * fsck.c - what is wrong in a spool, mended if asked, once or again and again
 *
 *   open -> round: check, next ... next, end -> [--every: sleep -> round ...]
 *
 * Findings go to standard output as they come, and after each round the counts.
 * As a service it says when a round begins, too; SIGTERM and SIGINT end it: in
 * a round, where that can be gone on with.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/check.h>
#include <pirn/timer.h>

#include "cli/findings.h"
#include "cli/layout.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/told.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum {
    KEY_REPAIR = 0x200,
    KEY_DEEP,
    KEY_EVERY,
    KEY_GRACE,
    KEY_MAX_AGE,
    KEY_MAX_CLAIM_AGE,
    KEY_MAX_DRAFT_AGE,
    LIMITS_MAX = 128,
};

static const uint64_t look_up_ns = 100000000;

struct fsck {
    struct options options;
    struct tool tool;
    struct pirn_check_config config;
    struct pirn_check_limit limits[LIMITS_MAX];
    char names[LIMITS_MAX][PIRN_QUEUE_TEXT];
    uint64_t every_ns; /* 0: once */
    struct findings findings;

    struct pirn_check check;
    struct pirn_op pause;
    struct progress progress;
    bool is_checking; /* its op is on loan */
    int32_t result;   /* what it ended with */
    struct told told;
};

/* ---- options ---- */

static uint64_t parse_period(struct argp_state *state, const char *what,
                             const char *text)
{
    uint64_t time_ns = quantity_ns(state, what, text);

    if (time_ns == 0) {
        argp_error(state, "%s %s: a time above 0 is needed", what, text);
    }
    return time_ns;
}

/* [QUEUE:]TIME */
static void add_limit(struct fsck *fsck, const char *text,
                      struct argp_state *state)
{
    const char *colon = strchr(text, ':');
    uint32_t count = fsck->config.limit_count;

    if (colon == NULL) {
        fsck->config.item_ns = quantity_ns(state, "--max-age", text);
        return;
    }
    if (count == LIMITS_MAX) {
        argp_error(state, "--max-age: at most %d queues can be named",
                   LIMITS_MAX);
    }
    int len =
        colon - text < PIRN_QUEUE_TEXT ? (int)(colon - text) : PIRN_QUEUE_TEXT;
    (void)snprintf(fsck->names[count], sizeof(fsck->names[count]), "%.*s", len,
                   text);
    options_check_queue(state, "--max-age", fsck->names[count]);
    fsck->limits[count] = (struct pirn_check_limit){
        .queue = fsck->names[count],
        .age_ns = quantity_ns(state, "--max-age", colon + 1),
    };
    fsck->config.limit_count++;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct fsck *fsck = state->input;
    struct pirn_check_config *config = &fsck->config;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &fsck->options);
        break;
    case KEY_REPAIR:
        config->repair = true;
        break;
    case 'n':
        fsck->findings.dry_run = true;
        break;
    case KEY_DEEP:
        config->deep = true;
        break;
    case KEY_EVERY:
        fsck->every_ns = parse_period(state, "--every", arg);
        break;
    case KEY_GRACE:
        config->grace_ns = quantity_ns(state, "--grace", arg);
        config->grace_ns += config->grace_ns == 0; /* 0 is the usual one */
        break;
    case KEY_MAX_AGE:
        add_limit(fsck, arg, state);
        break;
    case KEY_MAX_CLAIM_AGE:
        config->claim_ns = quantity_ns(state, "--max-claim-age", arg);
        break;
    case KEY_MAX_DRAFT_AGE:
        config->draft_ns = quantity_ns(state, "--max-draft-age", arg);
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: no argument is needed", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp_option argp_options[] = {
    {"repair", KEY_REPAIR, NULL, 0,
     "Mend what is found; what is set aside goes to the queue `quarantine', "
     "and nothing is thrown away",
     0},
    {"dry-run", 'n', NULL, 0, "Change nothing, say what would be done", 0},
    {"deep", KEY_DEEP, NULL, 0,
     "Read bodies and compare their digests, not their sizes alone", 0},
    {"every", KEY_EVERY, "TIME", 0,
     "Check again and again, until SIGTERM or SIGINT", 0},
    {"max-age", KEY_MAX_AGE, "[QUEUE:]TIME", 0,
     "Items that are older are too old: of that queue, or of all that are not "
     "named but `quarantine'; 0 is no limit",
     0},
    {"max-claim-age", KEY_MAX_CLAIM_AGE, "TIME", 0,
     "What is claimed for longer is too old", 0},
    {"max-draft-age", KEY_MAX_DRAFT_AGE, "TIME", 0,
     "What is in the making for longer is too old (file layout)", 0},
    {"grace", KEY_GRACE, "TIME", 0,
     "For so long it has to look wrong (10s; 0 where nobody else uses it)", 0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .children = children,
    .doc = "Look for what is wrong in a spool that others may be using: items "
           "and claims that are too old, bodies without an item, items without "
           "their body, damaged ones, ones that are there twice or in the "
           "wrong place, files that are nobody's, claims of the dead, and "
           "segments of a log that a restart could not read, or did not. TIME "
           "is 500ms, 15s, 10m, 2h, 30d or 1h30m."
           "\vExits 0 if nothing was found, 1 if something was, mended or not. "
           "With --every: 0 when it was told to stop.",
};

/* ---- a round ---- */

static void went_on(struct pirn_op *op, int32_t result)
{
    struct fsck *fsck = pirn_container_of(op, struct fsck, check.op);

    fsck->result = result;
    fsck->is_checking = false;
}

static uint64_t now_ns(const struct fsck *fsck)
{
    return pirn_context_now_ns(fsck->tool.context);
}

/* The check's op, shown while it lasts. 0, or the ring's error. */
static int wait_for_check(struct fsck *fsck)
{
    int r = 0;

    fsck->is_checking = true;
    pirn_start(fsck->tool.context, &fsck->check.op, went_on);
    if (fsck->told.to_stop) {
        pirn_cancel(fsck->tool.context, &fsck->check.op);
    }
    while (r >= 0 && fsck->is_checking) {
        r = pirn_context_turn(fsck->tool.context, look_up_ns);
        progress_tell(&fsck->progress, fsck->check.items, now_ns(fsck));
    }
    return r < 0 ? r : 0;
}

static int go_through(struct fsck *fsck)
{
    int r = 0;

    do {
        pirn_prep_check_next(&fsck->check);
        r = wait_for_check(fsck);
        if (r == 0 && fsck->result == 1) {
            progress_end(&fsck->progress);
            findings_add(&fsck->findings, &fsck->check.finding);
            progress_begin(&fsck->progress, "checking", 0, now_ns(fsck));
        }
    } while (r == 0 && fsck->result == 1);
    return r;
}

/* 0, whatever the check said (@ret_result); or the ring's error. */
static int run_round(struct fsck *fsck, int32_t *ret_result)
{
    findings_begin(&fsck->findings);
    progress_begin(&fsck->progress, "checking", 0, now_ns(fsck));
    pirn_prep_check(&fsck->check, fsck->tool.spool, &fsck->config);
    int r = wait_for_check(fsck);
    if (r == 0 && fsck->result == 0) {
        r = go_through(fsck);
    }
    *ret_result = fsck->result;
    progress_end(&fsck->progress);
    if (r < 0) {
        return r;
    }
    pirn_prep_check_end(&fsck->check);
    r = wait_for_check(fsck);
    findings_end(&fsck->findings, fsck->check.items, *ret_result,
                 pirn_context_realtime_ns(fsck->tool.context));
    return r;
}

/* ---- again and again ---- */

static void paused(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void told_to_stop(struct told *told)
{
    struct fsck *fsck = pirn_container_of(told, struct fsck, told);

    pirn_cancel(fsck->tool.context, &fsck->pause);
    if (fsck->is_checking) {
        pirn_cancel(fsck->tool.context, &fsck->check.op);
    }
}

static int sleep_until_next(struct fsck *fsck)
{
    int r = 0;

    if (fsck->told.to_stop) {
        return 0;
    }
    pirn_prep_timer(&fsck->pause, fsck->every_ns);
    pirn_start(fsck->tool.context, &fsck->pause, paused);
    while (r >= 0 && !pirn_op_is_idle(&fsck->pause)) {
        r = pirn_context_turn(fsck->tool.context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

/* What a round could not look at, the next one may: it goes on. */
static int serve(struct fsck *fsck)
{
    int r = 0;

    while (r == 0 && !fsck->told.to_stop) {
        int32_t result;
        findings_announce(&fsck->findings,
                          pirn_context_realtime_ns(fsck->tool.context));
        r = run_round(fsck, &result);
        if (r == 0 && result < 0 && !fsck->told.to_stop) {
            (void)tool_say(&fsck->tool, THING_SPOOL, fsck->tool.path, result);
        }
        r = r == 0 ? sleep_until_next(fsck) : r;
    }
    return r == 0 ? told_end(&fsck->told) : r;
}

/* Of both the first that is not 0 is what there is to say. */
static int check_once(struct fsck *fsck)
{
    int32_t result = 0;
    int r = run_round(fsck, &result);

    return r < 0 ? r : result;
}

/* A limit of a queue that is not there would never be met. */
static enum code check_limits(struct fsck *fsck)
{
    struct layouts layouts = {0};
    enum code code = CODE_DONE;

    for (uint32_t i = 0; code == CODE_DONE && i < fsck->config.limit_count;
         i++) {
        int r = layouts_find(&layouts, &fsck->tool, fsck->names[i]);
        if (r == -ENOENT) {
            code = tool_say(&fsck->tool, THING_QUEUE, fsck->names[i], r);
        }
    }
    return code;
}

static enum code run(struct fsck *fsck)
{
    fsck->config.limits = fsck->limits;
    fsck->config.repair = fsck->config.repair && !fsck->findings.dry_run;
    fsck->findings.is_json = fsck->options.json;
    fsck->findings.is_service = fsck->every_ns > 0;
    if (fsck->every_ns > 0) {
        told_block(&fsck->told);
    }
    enum code code = tool_open(&fsck->tool, &fsck->options, false);
    code = code == CODE_DONE ? check_limits(fsck) : code;
    if (code != CODE_DONE) {
        return code;
    }
    if (fsck->every_ns > 0) {
        told_listen(&fsck->told, &fsck->tool, told_to_stop);
    }
    int r = fsck->every_ns > 0 ? serve(fsck) : check_once(fsck);
    if (r < 0) {
        return tool_say(&fsck->tool, THING_SPOOL, fsck->tool.path, r);
    }
    return fsck->findings.found > 0 && fsck->every_ns == 0 ? CODE_NO
                                                           : CODE_DONE;
}

enum code verb_fsck(int argc, char **argv)
{
    struct fsck *fsck = calloc(1, sizeof(*fsck));

    if (fsck == NULL) {
        return failure_say(THING_ANY, argv[0], -ENOMEM);
    }
    fsck->findings.json = (struct json){stdout, false};
    argp_parse(&argp, argc, argv, 0, NULL, fsck);
    options_settle(&fsck->options);
    enum code code = run(fsck);
    tool_close(&fsck->tool);
    free(fsck);
    return code;
}
