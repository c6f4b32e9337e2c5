/* SPDX-License-Identifier: MIT */
/*
 * events.c - what is done in a spool, a line each, as it is done
 *
 *   open -> listen -> "listening" -> next -> lines -> next ... -> end
 *
 * The first line says that from there on nothing is missed unsaid. SIGTERM and
 * SIGINT end it, and so does an output that takes no more, or whose reader has
 * gone.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pirn/event.h>
#include <pirn/watch.h>

#include "cli/layout.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/told.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum { KEY_KIND = 0x200, KEY_COUNT };

struct listener {
    struct options options;
    struct tool tool;
    struct pirn_events_config config;
    uint64_t count; /* of lines; 0: until it is told to stop */
    uint64_t printed;
    struct json json;

    struct pirn_events events;
    bool waits; /* the op is on loan */
    int32_t result;
    struct told told;
    struct pirn_watch reader; /* of standard output: whether it is there */
    bool is_left;             /* it is not */
    int output;               /* why it takes no more; 0 */
};

/* ---- options ---- */

static uint32_t parse_kind(struct argp_state *state, const char *text)
{
    for (uint32_t kind = 0; kind < PIRN_EVENT_KINDS; kind++) {
        const char *name = pirn_event_kind_name((enum pirn_event_kind)kind);
        if (strcmp(text, name) == 0) {
            return 1u << kind;
        }
    }
    argp_error(state,
               "--kind %s: this is no kind of event; they are enqueued, "
               "shared, claimed, moved, held, released, updated, given-back, "
               "removed, dead, fenced and lost",
               text);
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct listener *listener = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &listener->options);
        return 0;
    case KEY_KIND:
        listener->config.kinds |= parse_kind(state, arg);
        return 0;
    case KEY_COUNT:
        listener->count = options_number(state, "--count", arg, 1, UINT64_MAX);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: no argument is needed", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"kind", KEY_KIND, "KIND", 0,
     "Events of this kind alone: enqueued, shared, claimed, moved, held, "
     "released, updated, given-back, removed, dead, fenced; may be said again. "
     "What was lost is told with any",
     0},
    {"count", KEY_COUNT, "N", 0, "End after so many events", 0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = argp_options,
    .parser = parse,
    .children = children,
    .doc = "Print what is done in a spool as it is done, by whatever process, "
           "until SIGTERM or SIGINT. The first line says `listening': what is "
           "done from then on is printed, or counted in a line `lost', if this "
           "is too slow. With --queue: what comes from there or goes there, "
           "and what is of no one item."
           "\vEvents are not kept: what was done before is not told. `moved' "
           "says from where and to where; `dead' and `fenced' say how many "
           "items of an owner are ready again.",
};

/* ---- lines ---- */

static bool has_item(const struct pirn_spool_event *event)
{
    return event->queue[0] != '\0';
}

static void print_json(struct json *json, const struct pirn_spool_event *event,
                       const char *time)
{
    char id[PIRN_ID_TEXT];
    char due[PRINT_TIME_TEXT];

    json_open(json, '{');
    json_key(json, "event");
    json_text(json, pirn_event_kind_name(event->kind));
    json_key(json, "time");
    json_text(json, time);
    json_key(json, "serial");
    json_number(json, event->serial);
    if (event->kind != PIRN_EVENT_LOST) {
        json_key(json, "owner");
        json_number(json, event->owner);
    }
    if (has_item(event)) {
        pirn_id_format(&event->id, id);
        json_key(json, "id");
        json_text(json, id);
        json_key(json, "queue");
        json_text(json, event->queue);
        json_key(json, "attempts");
        json_number(json, event->attempts);
        json_key(json, "held");
        json_bool(json, event->held);
    } else {
        json_key(json, "count");
        json_number(json, event->count);
    }
    if (event->to[0] != '\0') {
        json_key(json, "to");
        json_text(json, event->to);
    }
    if (event->due_ns != 0) {
        print_time(event->due_ns, due);
        json_key(json, "due");
        json_text(json, due);
    }
    json_close(json, '}');
    json_end(json);
}

static void print_line(const struct pirn_spool_event *event, const char *time)
{
    char id[PIRN_ID_TEXT];
    char due[PRINT_TIME_TEXT];

    printf("%s %s", time, pirn_event_kind_name(event->kind));
    if (has_item(event)) {
        pirn_id_format(&event->id, id);
        printf(" %s ", id);
        print_safe(stdout, event->queue);
    } else {
        printf(" %" PRIu64, event->count);
    }
    if (event->to[0] != '\0') {
        printf(" -> ");
        print_safe(stdout, event->to);
    }
    if (event->kind != PIRN_EVENT_LOST) {
        printf(" owner %" PRIu32, event->owner);
    }
    if (event->attempts > 0) {
        printf(" attempts %" PRIu32, event->attempts);
    }
    if (event->due_ns != 0) {
        print_time(event->due_ns, due);
        printf(" due %s", due);
    }
    printf("%s\n", event->held ? " held" : "");
}

/* Who reads gets each line when it is there. */
static void flush(struct listener *listener)
{
    if (fflush(stdout) != 0) {
        listener->output = -errno;
        listener->told.to_stop = true;
    }
}

static void print_page(struct listener *listener)
{
    char time[PRINT_TIME_TEXT];

    for (int32_t i = 0; i < listener->result && !listener->told.to_stop; i++) {
        const struct pirn_spool_event *event = &listener->events.events[i];
        print_time(event->time_ns, time);
        if (listener->options.json) {
            print_json(&listener->json, event, time);
        } else {
            print_line(event, time);
        }
        listener->told.to_stop = ++listener->printed == listener->count;
    }
    flush(listener);
}

static void announce(struct listener *listener)
{
    char time[PRINT_TIME_TEXT];

    print_time(pirn_context_realtime_ns(listener->tool.context), time);
    if (listener->options.json) {
        json_open(&listener->json, '{');
        json_key(&listener->json, "event");
        json_text(&listener->json, "listening");
        json_key(&listener->json, "time");
        json_text(&listener->json, time);
        json_close(&listener->json, '}');
        json_end(&listener->json);
    } else {
        printf("%s listening\n", time);
    }
    flush(listener);
}

/* ---- listening ---- */

static void heard(struct pirn_op *op, int32_t result)
{
    struct listener *listener =
        pirn_container_of(op, struct listener, events.op);

    listener->result = result;
    listener->waits = false;
}

static void told_to_stop(struct told *told)
{
    struct listener *listener = pirn_container_of(told, struct listener, told);

    if (listener->waits) {
        pirn_cancel(listener->tool.context, &listener->events.op);
    }
}

static void hung_up(struct pirn_watch *watch, uint32_t events)
{
    struct listener *listener =
        pirn_container_of(watch, struct listener, reader);

    (void)events; /* none but these two is asked for */
    listener->is_left = true;
    listener->told.to_stop = true;
    told_to_stop(&listener->told);
}

static void unwatched(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result; /* what cannot be watched is met by the next line */
}

/* A reader that goes would be missed by the next line, which may be far. */
static void watch_reader(struct listener *listener)
{
    pirn_prep_watch(&listener->reader, STDOUT_FILENO, 0, PIRN_WATCH_ONCE,
                    hung_up);
    pirn_start(listener->tool.context, &listener->reader.op, unwatched);
}

/* 0, or the ring's error. */
static int unwatch_reader(struct listener *listener)
{
    int r = 0;

    pirn_cancel(listener->tool.context, &listener->reader.op);
    while (r >= 0 && !pirn_op_is_idle(&listener->reader.op)) {
        r = pirn_context_turn(listener->tool.context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

/* 0, or the ring's error, or why there are no more events. */
static int wait_for_some(struct listener *listener)
{
    int r = 0;

    listener->waits = true;
    pirn_prep_events_next(&listener->events);
    pirn_start(listener->tool.context, &listener->events.op, heard);
    while (r >= 0 && listener->waits) {
        r = pirn_context_turn(listener->tool.context, PIRN_FOREVER);
    }
    if (r < 0) {
        return r;
    }
    return listener->result >= 0 || listener->result == -ECANCELED
               ? 0
               : listener->result;
}

static int serve(struct listener *listener)
{
    struct pirn_context *context = listener->tool.context;

    pirn_prep_events(&listener->events, listener->tool.spool,
                     &listener->config);
    int r = pirn_wait(context, &listener->events.op);
    if (r == 0) {
        announce(listener);
        watch_reader(listener);
    }
    while (r == 0 && !listener->told.to_stop) {
        r = wait_for_some(listener);
        if (r == 0) {
            print_page(listener);
        }
    }
    pirn_prep_events_end(&listener->events);
    int ended = pirn_wait(context, &listener->events.op);
    int stopped = told_end(&listener->told);
    int left = unwatch_reader(listener);
    stopped = stopped == 0 ? left : stopped;
    r = r == 0 ? ended : r;
    return r == 0 ? stopped : r;
}

/* That a queue is meant which is there. */
static enum code check_queue(struct listener *listener)
{
    struct layouts layouts = {0};
    const char *queue = listener->options.queue;
    int r = queue == NULL ? 0 : layouts_find(&layouts, &listener->tool, queue);

    listener->config.queue = queue;
    return r < 0 ? tool_say(&listener->tool, THING_QUEUE, queue, r) : CODE_DONE;
}

static enum code run(struct listener *listener)
{
    told_block(&listener->told);
    enum code code = tool_open(&listener->tool, &listener->options, false);
    code = code == CODE_DONE ? check_queue(listener) : code;
    if (code != CODE_DONE) {
        return code;
    }
    told_listen(&listener->told, &listener->tool, told_to_stop);
    int r = serve(listener);
    if (listener->output < 0) {
        return failure_say(THING_OUTPUT, "standard output", listener->output);
    }
    return r < 0 ? failure_say(THING_EVENTS, listener->tool.path, r)
                 : CODE_DONE;
}

/* As the next line would have: SIGPIPE ends it, unless that is ignored. */
static enum code say_left(void)
{
    errno = 0;
    return putchar('\n') == '\n' && fflush(stdout) == 0
               ? CODE_DONE
               : failure_say(THING_OUTPUT, "standard output",
                             errno != 0 ? -errno : -EIO);
}

enum code verb_events(int argc, char **argv)
{
    struct listener *listener = calloc(1, sizeof(*listener));

    if (listener == NULL) {
        return failure_say(THING_ANY, argv[0], -ENOMEM);
    }
    listener->json = (struct json){stdout, false};
    argp_parse(&argp, argc, argv, 0, NULL, listener);
    options_settle(&listener->options);
    enum code code = run(listener);
    tool_close(&listener->tool);
    code = code == CODE_DONE && listener->is_left ? say_left() : code;
    free(listener);
    return code;
}
