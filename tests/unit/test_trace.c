/* SPDX-License-Identifier: MIT */
/* test_trace.c - what a context does is told in order, or not at all */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/serial_rig.h"

enum { THINGS_MAX = 8 };

/* What is told, in words; a thing is known by its place in the list. */
struct scribe {
    struct pirn_trace trace;
    const void *things[THINGS_MAX];
    char text[512];
    uint64_t last_ns;
};

static void write_down(const struct pirn_trace *trace, const char *word,
                       const struct pirn_trace_note *note)
{
    struct scribe *scribe =
        (struct scribe *)pirn_container_of(trace, const struct scribe, trace);
    size_t len = strlen(scribe->text);
    int i = 0;

    while (i < THINGS_MAX - 1 && scribe->things[i] != note->address) {
        i++;
    }
    scribe->last_ns = note->now_ns;
    snprintf(scribe->text + len, sizeof(scribe->text) - len, "%s %s%d:%d\n",
             word, note->name, i, note->result);
}

static void started(const struct pirn_trace *trace,
                    const struct pirn_trace_note *note)
{
    write_down(trace, "start", note);
}

static void cancelled(const struct pirn_trace *trace,
                      const struct pirn_trace_note *note)
{
    write_down(trace, "cancel", note);
}

static void delivered(const struct pirn_trace *trace,
                      const struct pirn_trace_note *note)
{
    write_down(trace, "deliver", note);
}

static void ended(const struct pirn_trace *trace,
                  const struct pirn_trace_note *note)
{
    write_down(trace, "end", note);
}

static void on_serial(const struct pirn_trace *trace,
                      const struct pirn_trace_note *note,
                      const struct pirn_serial *serial,
                      enum pirn_serial_event event)
{
    static const char *const words[] = {
        [PIRN_SERIAL_WAITS] = "waits",     [PIRN_SERIAL_BEGINS] = "begins",
        [PIRN_SERIAL_ENDS] = "ends",       [PIRN_SERIAL_DROPPED] = "dropped",
        [PIRN_SERIAL_REFUSED] = "refused",
    };

    (void)serial;
    write_down(trace, words[event], note);
}

static void at_gate(const struct pirn_trace *trace,
                    const struct pirn_trace_note *note,
                    const struct pirn_gate *gate, enum pirn_gate_event event)
{
    static const char *const words[] = {
        [PIRN_GATE_WAITS] = "waits",
        [PIRN_GATE_HELD] = "held",
        [PIRN_GATE_LEFT] = "left",
    };

    (void)gate;
    write_down(trace, words[event], note);
}

static void scribe_begin(struct scribe *scribe, struct bed *bed)
{
    *scribe = (struct scribe){.trace = {.start = started,
                                        .cancel = cancelled,
                                        .deliver = delivered,
                                        .end = ended,
                                        .serial = on_serial,
                                        .gate = at_gate}};
    pirn_context_set_trace(bed->context, &scribe->trace);
}

/* Things not named have the last number. */
static void scribe_knows(struct scribe *scribe, const struct note *notes,
                         int count)
{
    for (int i = 0; i < count; i++) {
        scribe->things[i] = &notes[i].op;
    }
}

static void an_op_starts_and_ends_with_its_name_result_and_time(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct note note = {0};
    char byte;

    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, &note, 1);
    pirn_prep_read(&note.op, 3, &byte, 1, 0);
    note_start(bed->context, &note);
    assert_string_equal(scribe.text, "start READ0:0\n");
    assert_int_equal(scribe.last_ns, SCRIPT_START_NS);
    turn(bed);
    script_pass(bed->kernel, 5);
    script_complete(bed->kernel, &note.op, -EIO);
    turn(bed);
    assert_int_equal(note.calls, 1);
    assert_string_equal(scribe.text, "start READ0:0\nend READ0:-5\n");
    assert_int_equal(scribe.last_ns, SCRIPT_START_NS + 5);
}

/* Once while it was on loan, and not where there is nothing to cancel. */
static void a_cancel_is_told_of_what_is_on_loan(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct note note = {0};

    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, &note, 1);
    pirn_prep_nop(&note.op);
    note_start(bed->context, &note);
    pirn_cancel(bed->context, &note.op);
    turn(bed);
    pirn_cancel(bed->context, &note.op);
    assert_string_equal(scribe.text,
                        "start NOP0:0\ncancel NOP0:0\nend NOP0:-125\n");
}

static void steps_are_told_inside_their_chain(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct note notes[2] = {0};
    struct pirn_op *steps[] = {&notes[0].op, &notes[1].op};
    struct pirn_chain chain = {0};

    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, notes, 2);
    scribe.things[2] = &chain.op;
    pirn_prep_write(&notes[0].op, 3, "1234", 4, 0);
    pirn_prep_fsync(&notes[1].op, 3, PIRN_SYNC_ALL);
    pirn_prep_chain(&chain, steps, 2);
    pirn_start(bed->context, &chain.op, note_fn);
    turn(bed);
    script_complete(bed->kernel, &notes[0].op, 4);
    turn(bed);
    turn(bed);
    script_complete(bed->kernel, &notes[1].op, -EIO);
    turn(bed);
    turn(bed);
    assert_string_equal(scribe.text, "start chain2:0\n"
                                     "start WRITE0:0\nend WRITE0:4\n"
                                     "start FSYNC1:0\nend FSYNC1:-5\n"
                                     "end chain2:-5\n");
}

/* In the order of pirn/serial.h, and each between its start and its end. */
static void a_serial_tells_who_waits_and_whose_turn_it_is(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){.waiting_max = 1});
    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, queue.notes, MANY);
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    push_nop(&queue, 2);
    turn(bed);
    assert_string_equal(scribe.text,
                        "begins NOP0:0\nstart NOP0:0\n" /* at once */
                        "start NOP1:0\nwaits NOP1:0\n"  /* there is room */
                        "start NOP2:0\nrefused NOP2:0\nend NOP2:-54\n");
    scribe.text[0] = 0;
    push_nop_as(&queue, 3, PIRN_SERIAL_FRONT);
    pirn_cancel(bed->context, &queue.notes[3].op);
    turn(bed);
    assert_string_equal(scribe.text, "start NOP3:0\nwaits NOP3:0\n"
                                     "cancel NOP3:0\ndropped NOP3:0\n"
                                     "end NOP3:-125\n");
    scribe.text[0] = 0;
    end(bed, &queue, 0, 7);
    end(bed, &queue, 1, 8);
    assert_string_equal(scribe.text, "end NOP0:7\nends NOP0:0\n"
                                     "begins NOP1:0\n"
                                     "end NOP1:8\nends NOP1:0\n");
    pirn_serial_deinit(&queue.serial);
}

static void a_gate_tells_who_holds_it_who_waits_and_the_outcome(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct pirn_gate gate;
    struct note notes[2] = {0};

    pirn_gate_init(&gate, bed->context);
    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, notes, 2);
    for (int i = 0; i < 2; i++) {
        pirn_prep_gate_enter(&notes[i].op, &gate, NULL);
        note_start(bed->context, &notes[i]);
    }
    turn(bed);
    pirn_gate_leave(&gate, &notes[0].op, -EACCES);
    turn(bed);
    pirn_gate_deinit(&gate);
    assert_string_equal(scribe.text, "start gate0:0\nheld gate0:0\n"
                                     "start gate1:0\nwaits gate1:0\n"
                                     "end gate0:0\n"
                                     "left gate0:-13\nend gate1:1\n");
}

static void deliveries_are_told_and_the_last_is_an_end(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct shot_note note = {0};

    scribe_begin(&scribe, bed);
    scribe.things[0] = &note.shot;
    pirn_prep_multishot_accept(&note.shot, 3);
    pirn_multishot_start(bed->context, &note.shot, shot_note_fn);
    turn(bed);
    script_deliver(bed->kernel, &note.shot, 8, PIRN_MORE);
    script_deliver(bed->kernel, &note.shot, -EIO, PIRN_LAST);
    turn(bed);
    assert_string_equal(scribe.text, "start ACCEPT0:0\n"
                                     "deliver ACCEPT0:8\n"
                                     "end ACCEPT0:-5\n");
}

static void of_a_message_the_arrival_is_told(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct note note = {0};

    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, &note, 1);
    pirn_post(bed->context, &note.op, note_fn);
    assert_string_equal(scribe.text, "");
    turn(bed);
    assert_string_equal(scribe.text, "end post0:0\n");
}

static void nothing_is_told_once_it_is_off(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct note note = {0};

    scribe_begin(&scribe, bed);
    pirn_context_set_trace(bed->context, NULL);
    pirn_prep_immediate(&note.op);
    note_start(bed->context, &note);
    turn(bed);
    assert_int_equal(note.calls, 1);
    assert_string_equal(scribe.text, "");
}

/* A table may have one function and no other. */
static void what_has_no_function_is_not_told(void **state)
{
    struct bed *bed = *state;
    struct scribe scribe;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    scribe_begin(&scribe, bed);
    scribe_knows(&scribe, queue.notes, MANY);
    scribe.trace = (struct pirn_trace){.end = ended};
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_cancel(bed->context, &queue.notes[1].op);
    turn(bed);
    end(bed, &queue, 0, 0);
    assert_string_equal(scribe.text, "end NOP1:-125\nend NOP0:0\n");
    pirn_serial_deinit(&queue.serial);
}

static void begin_nothing(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    (void)op;
}

static void a_task_is_called_what_its_verbs_say(void **state)
{
    static const struct pirn_task_verbs bake = {.begin = begin_nothing,
                                                .name = "bake"};
    struct pirn_op op = {0};

    (void)state;
    pirn_prep_task(&op, NULL);
    assert_string_equal(pirn_op_name(&op), "task");
    pirn_prep_task(&op, &bake);
    assert_string_equal(pirn_op_name(&op), "bake");
    pirn_prep_timer(&op, 1);
    assert_string_equal(pirn_op_name(&op), "timer");
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(an_op_starts_and_ends_with_its_name_result_and_time),
          T(a_cancel_is_told_of_what_is_on_loan),
          T(steps_are_told_inside_their_chain),
          T(a_serial_tells_who_waits_and_whose_turn_it_is),
          T(a_gate_tells_who_holds_it_who_waits_and_the_outcome),
          T(deliveries_are_told_and_the_last_is_an_end),
          T(of_a_message_the_arrival_is_told),
          T(nothing_is_told_once_it_is_off),
          T(what_has_no_function_is_not_told),
          T(a_task_is_called_what_its_verbs_say))
