/* SPDX-License-Identifier: MIT */
/*
 * test_rules.c - programmer's errors stop the program, and name the rule
 *
 * Each is made in a child of its own, which must abort with the rule's words.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/death.h"
#include "tests/sim/note.h"
#include "tests/sim/script.h"

static struct script *kernel;

static struct pirn_context *child_context(void)
{
    return script_context_create(&(struct script_config){0}, &kernel);
}

/* A nop that is on loan. */
static struct note *loaned_nop(struct pirn_context *context)
{
    static struct note note;

    pirn_prep_nop(&note.op);
    note_start(context, &note);
    return &note;
}

/* --- an op on loan --- */

static void start_twice(void)
{
    struct pirn_context *context = child_context();

    note_start(context, loaned_nop(context));
}

static void prepare_on_loan(void)
{
    pirn_prep_nop(&loaned_nop(child_context())->op);
}

static void mark_on_loan(void)
{
    pirn_step_when(&loaned_nop(child_context())->op, PIRN_STEP_ALWAYS);
}

static void post_on_loan(void)
{
    struct pirn_context *context = child_context();

    pirn_post(context, &loaned_nop(context)->op, note_fn);
}

static void ask_for_a_result_on_loan(void)
{
    _exit(pirn_op_result(&loaned_nop(child_context())->op));
}

static struct shot_note shots;

static struct pirn_context *with_a_shot_on_loan(void)
{
    struct pirn_context *context = child_context();

    pirn_prep_multishot_accept(&shots.shot, 3);
    pirn_multishot_start(context, &shots.shot, shot_note_fn);
    return context;
}

static void start_a_shot_twice(void)
{
    pirn_multishot_start(with_a_shot_on_loan(), &shots.shot, shot_note_fn);
}

static void prepare_a_shot_on_loan(void)
{
    (void)with_a_shot_on_loan();
    pirn_prep_multishot_accept(&shots.shot, 3);
}

static void start_signals_twice(void)
{
    static struct pirn_signals signals;
    struct pirn_context *context = child_context();
    sigset_t set;

    sigemptyset(&set);
    pirn_signals_start(context, &signals, &set, shot_note_fn);
    pirn_signals_start(context, &signals, &set, shot_note_fn);
}

/* --- an op that was not prepared for it --- */

static void start_unprepared(void)
{
    struct note note = {0};

    note_start(child_context(), &note);
}

static void start_what_was_posted(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_post(context, &note.op, note_fn);
    if (pirn_context_turn(context, 0) == 1) {
        note_start(context, &note);
    }
}

static void finish_twice(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_prep_task(&note.op, NULL);
    note_start(context, &note);
    pirn_task_finish(context, &note.op, 0);
    pirn_task_finish(context, &note.op, 0);
}

static void finish_a_nop(void)
{
    struct pirn_context *context = child_context();

    pirn_task_finish(context, &loaned_nop(context)->op, 0);
}

/* --- the context --- */

struct nested {
    struct pirn_op op;
    struct pirn_context *context;
};

static void turn_fn(struct pirn_op *op, int32_t result)
{
    (void)result;
    _exit(pirn_context_turn(pirn_container_of(op, struct nested, op)->context,
                            0));
}

static void wait_fn(struct pirn_op *op, int32_t result)
{
    struct pirn_op nop = {0};

    (void)result;
    pirn_prep_nop(&nop);
    _exit(pirn_wait(pirn_container_of(op, struct nested, op)->context, &nop));
}

static void destroy_fn(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_context_destroy(pirn_container_of(op, struct nested, op)->context);
}

static void in_a_turn(pirn_op_fn *fn)
{
    struct nested nested = {.context = child_context()};

    pirn_prep_immediate(&nested.op);
    pirn_start(nested.context, &nested.op, fn);
    _exit(pirn_context_turn(nested.context, 0));
}

static void turn_inside_a_turn(void)
{
    in_a_turn(turn_fn);
}

static void wait_inside_a_turn(void)
{
    in_a_turn(wait_fn);
}

static void destroy_inside_a_turn(void)
{
    in_a_turn(destroy_fn);
}

static void *start_elsewhere(void *context)
{
    (void)loaned_nop(context);
    return NULL;
}

static void *turn_elsewhere(void *context)
{
    _exit(pirn_context_turn(context, 0));
}

static void *destroy_elsewhere(void *context)
{
    return pirn_context_destroy(context);
}

static void in_another_thread(void *(*act)(void *))
{
    pthread_t thread;

    pthread_create(&thread, NULL, act, child_context());
    pthread_join(thread, NULL);
}

static void start_in_another_thread(void)
{
    in_another_thread(start_elsewhere);
}

static void turn_in_another_thread(void)
{
    in_another_thread(turn_elsewhere);
}

static void destroy_in_another_thread(void)
{
    in_another_thread(destroy_elsewhere);
}

static void destroy_with_what_is_queued(void)
{
    struct pirn_context *context = child_context();

    (void)loaned_nop(context);
    pirn_context_destroy(context);
}

static void destroy_with_what_the_kernel_has(void)
{
    struct pirn_context *context = child_context();

    (void)loaned_nop(context);
    (void)!pirn_context_turn(context, 0);
    pirn_context_destroy(context);
}

static void destroy_with_a_result(void)
{
    struct pirn_context *context = child_context();

    pirn_cancel(context, &loaned_nop(context)->op);
    pirn_context_destroy(context);
}

static void destroy_with_a_timer(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_prep_timer(&note.op, 1000);
    note_start(context, &note);
    pirn_context_destroy(context);
}

static void destroy_with_a_task(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_prep_task(&note.op, NULL);
    note_start(context, &note);
    pirn_context_destroy(context);
}

static void destroy_with_a_shot(void)
{
    pirn_context_destroy(with_a_shot_on_loan());
}

static void destroy_with_a_post(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_post(context, &note.op, note_fn);
    pirn_context_destroy(context);
}

/* --- chains and streams --- */

static void name_a_later_step(void)
{
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[2] = {&steps[0], &steps[1]};
    struct pirn_chain chain = {0};

    pirn_prep_close(&steps[0], PIRN_FD_OF(1));
    pirn_prep_nop(&steps[1]);
    pirn_chain_start(child_context(), &chain, order, 2, note_fn);
}

static void name_a_step_too_far(void)
{
    struct pirn_op step = {0};
    struct pirn_op *const order[1] = {&step};
    struct pirn_chain chain = {0};

    pirn_prep_close(&step, PIRN_FD_OF(300));
    pirn_chain_start(child_context(), &chain, order, 1, note_fn);
}

static void ask_which_step_failed_of_a_success(void)
{
    struct pirn_context *context = child_context();
    struct pirn_op step = {0};
    struct pirn_op *const order[1] = {&step};
    struct pirn_chain chain = {0};

    pirn_prep_immediate(&step);
    pirn_prep_chain(&chain, order, 1);
    if (pirn_wait(context, &chain.op) == 0) {
        _exit((int)pirn_chain_failed(&chain));
    }
}

static uint32_t take_too_much(struct pirn_stream *stream, const uint8_t *bytes,
                              int32_t result)
{
    (void)stream;
    (void)bytes;
    return (uint32_t)result + 1;
}

static struct pirn_context *with_a_stream(struct pirn_stream *stream)
{
    static uint8_t buf[16];
    struct pirn_context *context = child_context();

    pirn_stream_init(stream, context, 3, buf, sizeof(buf), take_too_much);
    return context;
}

static void close_a_stream_twice(void)
{
    struct pirn_stream stream;
    struct pirn_context *context = with_a_stream(&stream);
    struct note closes[2] = {0};

    for (int i = 0; i < 2; i++) {
        pirn_prep_stream_close(&closes[i].op, &stream, PIRN_STREAM_FLUSH);
        note_start(context, &closes[i]);
    }
}

static void send_on_another_context(void)
{
    struct pirn_stream stream;
    struct note note = {0};

    (void)with_a_stream(&stream);
    pirn_prep_stream_send(&note.op, &stream, "x", 1);
    note_start(child_context(), &note);
}

static void receive_too_much(void)
{
    struct pirn_stream stream;
    struct pirn_context *context = with_a_stream(&stream);

    pirn_stream_resume(&stream);
    (void)!pirn_context_turn(context, 0);
    script_complete(kernel, script_nth(kernel, 0), 5);
    _exit(pirn_context_turn(context, 0));
}

static void wait_twice_for_idleness(void)
{
    struct pirn_stream stream;
    struct pirn_context *context = with_a_stream(&stream);
    struct pirn_stream_idle idle[2] = {0};

    for (int i = 0; i < 2; i++) {
        pirn_prep_stream_idle(&idle[i], &stream, 1000);
        pirn_start(context, &idle[i].op, note_fn);
    }
}

static void drain_what_is_closed(void)
{
    struct pirn_stream stream;
    struct pirn_context *context = with_a_stream(&stream);
    struct note closed = {0};
    struct note drain = {0};

    pirn_prep_stream_close(&closed.op, &stream, PIRN_STREAM_ABORT);
    note_start(context, &closed);
    (void)!pirn_context_turn(context, 0);
    script_complete(kernel, script_nth(kernel, 0), 0);
    (void)!pirn_context_turn(context, 0);
    pirn_prep_stream_drain(&drain.op, &stream, 0);
    note_start(context, &drain);
}

static void ask_an_accept_for_bytes(void)
{
    (void)with_a_shot_on_loan();
    _exit(pirn_multishot_bytes(&shots.shot) != NULL);
}

/* --- the rules --- */

struct error {
    void (*act)(void);
    const char *rule;
};

static void assert_dies(const struct error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!dies(errors[i].act, errors[i].rule)) {
            fail_msg("nobody says that %s", errors[i].rule);
        }
    }
}

#define ASSERT_DIES(errors) \
    assert_dies(errors, sizeof(errors) / sizeof((errors)[0]))

static void what_is_on_loan_is_left_alone(void **state)
{
    static const struct error errors[] = {
        {start_twice, "an op on loan may not be started again"},
        {prepare_on_loan, "an op on loan may not be prepared"},
        {mark_on_loan, "an op on loan may not be marked"},
        {post_on_loan, "an op on loan may not be prepared"},
        {ask_for_a_result_on_loan, "an op on loan has no result yet"},
        {start_a_shot_twice, "an op on loan may not be started again"},
        {prepare_a_shot_on_loan, "a multishot on loan may not be prepared"},
        {ask_an_accept_for_bytes, "only what receives has bytes"},
        {start_signals_twice, "signals on loan may not be started again"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void an_op_is_prepared_for_what_starts_it(void **state)
{
    static const struct error errors[] = {
        {start_unprepared, "an op is prepared before it is started"},
        {start_what_was_posted, "an op is prepared for what starts it"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void a_task_is_finished_once(void **state)
{
    static const struct error errors[] = {
        {finish_twice, "a task is finished once per loan"},
        {finish_a_nop, "a task is finished once per loan"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void a_turn_does_not_begin_inside_another(void **state)
{
    static const struct error errors[] = {
        {turn_inside_a_turn, "a turn does not begin inside another"},
        {wait_inside_a_turn, "a turn does not begin inside another"},
        {destroy_inside_a_turn, "is not destroyed from inside its turn"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void a_context_belongs_to_its_thread(void **state)
{
    static const struct error errors[] = {
        {start_in_another_thread, "belongs to the thread that created it"},
        {turn_in_another_thread, "belongs to the thread that created it"},
        {destroy_in_another_thread, "belongs to the thread that created it"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void a_context_is_destroyed_when_nothing_is_loaned(void **state)
{
    static const struct error errors[] = {
        {destroy_with_what_is_queued, "destroyed when nothing is loaned"},
        {destroy_with_what_the_kernel_has, "destroyed when nothing is loaned"},
        {destroy_with_a_result, "destroyed when nothing is loaned"},
        {destroy_with_a_timer, "destroyed when nothing is loaned"},
        {destroy_with_a_task, "destroyed when nothing is loaned"},
        {destroy_with_a_shot, "destroyed when nothing is loaned"},
        {destroy_with_a_post, "destroyed when no post waits for it"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void receive_with(int flags)
{
    struct pirn_multishot shot = {0};

    pirn_prep_multishot_recv(&shot, 3, flags);
}

static void peek_again_and_again(void)
{
    receive_with(MSG_PEEK);
}

static void receive_a_length_beyond_the_buffer(void)
{
    receive_with(MSG_TRUNC);
}

static void receive_many_times_all(void)
{
    receive_with(MSG_WAITALL);
}

static void a_multishot_takes_what_comes(void **state)
{
    static const struct error errors[] = {
        {peek_again_and_again, "a multishot receives what comes"},
        {receive_a_length_beyond_the_buffer, "a multishot receives what comes"},
        {receive_many_times_all, "a multishot receives what comes"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void a_chain_knows_its_steps(void **state)
{
    static const struct error errors[] = {
        {name_a_later_step, "PIRN_FD_OF() names an earlier step"},
        {name_a_step_too_far, "PIRN_FD_OF() names an earlier step"},
        {ask_which_step_failed_of_a_success, "no step has failed of a chain"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

static void a_stream_has_one_context_and_one_end(void **state)
{
    static const struct error errors[] = {
        {close_a_stream_twice, "a stream is closed once"},
        {send_on_another_context, "are started on the stream's context"},
        {receive_too_much, "receive takes what it was given"},
        {wait_twice_for_idleness, "one at a time waits for a stream"},
        {drain_what_is_closed, "a stream that is closed is nobody's"},
    };

    (void)state;
    ASSERT_DIES(errors);
}

TEST_MAIN(cmocka_unit_test(what_is_on_loan_is_left_alone),
          cmocka_unit_test(an_op_is_prepared_for_what_starts_it),
          cmocka_unit_test(a_task_is_finished_once),
          cmocka_unit_test(a_turn_does_not_begin_inside_another),
          cmocka_unit_test(a_context_belongs_to_its_thread),
          cmocka_unit_test(a_context_is_destroyed_when_nothing_is_loaned),
          cmocka_unit_test(a_multishot_takes_what_comes),
          cmocka_unit_test(a_chain_knows_its_steps),
          cmocka_unit_test(a_stream_has_one_context_and_one_end))
