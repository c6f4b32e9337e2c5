/* SPDX-License-Identifier: MIT */
/* test_request.c - tasks with a family: pirn/request.h */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "tests/sim/bed.h"
#include "tests/sim/death.h"

enum { LOG = 64 };

/* What happened, a letter each: begin, cancel, cleanup, and the function. */
static char happened[LOG];

static void note(char what)
{
    size_t len = strlen(happened);

    if (len + 1 < LOG) {
        happened[len] = what;
        happened[len + 1] = '\0';
    }
}

struct job {
    struct pirn_request request;
    char name;
    bool ends_in_begin;
    bool ends_in_cancel;
    int calls;
    int32_t result;
};

static struct job *job_of(struct pirn_request *request)
{
    return pirn_container_of(request, struct job, request);
}

static void job_begin(struct pirn_request *request)
{
    struct job *job = job_of(request);

    note('b');
    note(job->name);
    if (job->ends_in_begin) {
        pirn_request_finish(request, 7);
    }
}

static void job_cancel(struct pirn_request *request)
{
    struct job *job = job_of(request);

    note('c');
    note(job->name);
    if (job->ends_in_cancel) {
        pirn_request_finish(request, -ECANCELED);
    }
}

static void job_cleanup(struct pirn_request *request)
{
    note('u');
    note(job_of(request)->name);
}

static const struct pirn_request_kind job_kind = {
    .name = "job",
    .begin = job_begin,
    .cancel = job_cancel,
    .cleanup = job_cleanup,
};

/* Leaves its cancel to its children. */
static const struct pirn_request_kind parent_kind = {
    .name = "parent",
    .begin = job_begin,
    .cleanup = job_cleanup,
};

static void ended(struct pirn_op *op, int32_t result)
{
    struct job *job = pirn_container_of(op, struct job, request.op);

    job->calls++;
    job->result = result;
    note('f');
    note(job->name);
}

static int setup(void **state)
{
    happened[0] = '\0';
    return bed_setup(state);
}

static void start(struct bed *bed, struct job *job,
                  const struct pirn_request_kind *kind, struct job *parent)
{
    pirn_prep_request(&job->request, kind, parent ? &parent->request : NULL);
    pirn_start(bed->context, &job->request.op, ended);
}

static void turns(struct bed *bed, int count)
{
    while (count-- > 0) {
        assert_true(pirn_context_turn(bed->context, 0) >= 0);
    }
}

static void it_ends_once_in_a_later_turn_and_is_cleaned_up_before(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a'};

    start(bed, &a, &job_kind, NULL);
    assert_int_equal(pirn_request_state(&a.request), PIRN_REQUEST_RUNNING);
    turns(bed, 2);
    assert_int_equal(a.calls, 0);
    pirn_request_finish(&a.request, 5);
    assert_int_equal(a.calls, 0);
    turns(bed, 2);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.result, 5);
    assert_string_equal(happened, "baua"
                                  "fa");
}

/* Before anybody could have looked at it, as tevent_req_post() is for. */
static void one_that_ends_at_once_is_told_in_a_later_turn(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a', .ends_in_begin = true};

    start(bed, &a, &job_kind, NULL);
    assert_int_equal(a.calls, 0);
    turns(bed, 1);
    assert_int_equal(a.result, 7);
}

static void a_cancel_answers_whether_it_came_in_time(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a'};

    start(bed, &a, &job_kind, NULL);
    assert_true(pirn_request_cancel(&a.request));
    assert_false(pirn_request_cancel(&a.request)); /* asked already */
    assert_true(pirn_request_is_cancelled(&a.request));
    pirn_request_finish(&a.request, 3); /* faster than the cancel */
    assert_false(pirn_request_cancel(&a.request));
    turns(bed, 1);
    assert_int_equal(a.result, 3);
    assert_false(pirn_request_cancel(&a.request));
    assert_string_equal(happened, "bacauafa");
}

static void children_are_cancelled_and_end_before_their_parent(void **state)
{
    struct bed *bed = *state;
    struct job p = {.name = 'p'}, a = {.name = 'a', .ends_in_cancel = true},
               b = {.name = 'b'};

    start(bed, &p, &parent_kind, NULL);
    start(bed, &a, &job_kind, &p);
    start(bed, &b, &job_kind, &p);
    pirn_request_finish(&p.request, 1);
    turns(bed, 2);
    assert_int_equal(a.result, -ECANCELED);
    assert_int_equal(p.calls, 0);
    assert_int_equal(pirn_request_state(&p.request), PIRN_REQUEST_FINISHED);
    pirn_request_finish(&b.request, 2);
    turns(bed, 1);
    assert_int_equal(b.result, 2);
    assert_int_equal(p.result, 1);
    assert_string_equal(happened, "bpbabbcauacbfaubupfbfp");
}

/* The parent has no cancel of its own. */
static void a_cancel_reaches_grandchildren(void **state)
{
    struct bed *bed = *state;
    struct job p = {.name = 'p'}, a = {.name = 'a'},
               g = {.name = 'g', .ends_in_cancel = true};

    start(bed, &p, &parent_kind, NULL);
    start(bed, &a, &parent_kind, &p);
    start(bed, &g, &job_kind, &a);
    assert_true(pirn_request_cancel(&p.request));
    turns(bed, 1);
    assert_int_equal(g.result, -ECANCELED);
    assert_int_equal(a.calls, 0);
    pirn_request_finish(&a.request, -ECANCELED);
    pirn_request_finish(&p.request, -ECANCELED);
    turns(bed, 1);
    assert_int_equal(p.result, -ECANCELED);
}

/* All of them end from inside the question. */
static void children_that_end_at_once_leave_none_unasked(void **state)
{
    struct bed *bed = *state;
    struct job p = {.name = 'p'};
    struct job all[4];

    start(bed, &p, &parent_kind, NULL);
    for (int i = 0; i < 4; i++) {
        all[i] = (struct job){.name = (char)('0' + i), .ends_in_cancel = true};
        start(bed, &all[i], &job_kind, &p);
    }
    pirn_request_finish(&p.request, 0);
    turns(bed, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(all[i].calls, 1);
        assert_int_equal(all[i].result, -ECANCELED);
    }
    assert_int_equal(p.calls, 1);
}

static void a_child_of_one_that_is_ending_does_not_begin(void **state)
{
    struct bed *bed = *state;
    struct job p = {.name = 'p'}, a = {.name = 'a'}, late = {.name = 'l'};

    start(bed, &p, &parent_kind, NULL);
    start(bed, &a, &job_kind, &p);
    assert_true(pirn_request_cancel(&p.request));
    start(bed, &late, &job_kind, &p);
    turns(bed, 1);
    assert_int_equal(late.result, -ECANCELED);
    pirn_request_finish(&a.request, 0);
    pirn_request_finish(&p.request, 0);
    turns(bed, 1);
    assert_int_equal(p.calls, 1);
    assert_string_equal(happened, "bpbacaulflua"
                                  "upfafp");
}

static void a_deadline_cancels_and_is_told_apart(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a', .ends_in_cancel = true};

    start(bed, &a, &job_kind, NULL);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 100);
    turns(bed, 2);
    assert_int_equal(a.calls, 0);
    script_pass(bed->kernel, 99);
    turns(bed, 2);
    assert_int_equal(a.calls, 0);
    script_pass(bed->kernel, 1);
    turns(bed, 3);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.result, -ETIMEDOUT);
}

static void a_deadline_is_moved_and_taken_back(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a', .ends_in_cancel = true};

    start(bed, &a, &job_kind, NULL);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 100);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 300);
    turns(bed, 2);
    script_pass(bed->kernel, 200);
    turns(bed, 2);
    assert_int_equal(a.calls, 0);
    pirn_request_set_deadline(&a.request, PIRN_FOREVER);
    turns(bed, 2);
    script_pass(bed->kernel, 1000);
    turns(bed, 2);
    assert_int_equal(a.calls, 0);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 5000);
    pirn_request_finish(&a.request, 4);
    turns(bed, 3);
    assert_int_equal(a.result, 4);
    assert_int_equal(pirn_context_loaned(bed->context), 0);
}

static void a_deadline_that_was_moved_is_met(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a', .ends_in_cancel = true};

    start(bed, &a, &job_kind, NULL);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 100);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 300);
    turns(bed, 2);
    script_pass(bed->kernel, 300);
    turns(bed, 3);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.result, -ETIMEDOUT);
}

/* What was faster than the deadline keeps its own result. */
static void a_result_beats_the_deadline(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a'};

    start(bed, &a, &job_kind, NULL);
    pirn_request_set_deadline(&a.request, SCRIPT_START_NS + 100);
    turns(bed, 1);
    script_pass(bed->kernel, 100);
    turns(bed, 2);
    assert_true(pirn_request_is_cancelled(&a.request));
    pirn_request_finish(&a.request, 9);
    turns(bed, 2);
    assert_int_equal(a.result, 9);
}

static void its_history_can_be_read(void **state)
{
    static const char expected[] =
        "parent finished, made at p.c:1, finished at p.c:9: 1\n"
        "  parent running (cancelled), made at a.c:2\n"
        "    job running (cancelled), made at g.c:3\n"
        "  job running (cancelled), made at b.c:4\n";
    struct bed *bed = *state;
    struct job p = {.name = 'p'}, a = {.name = 'a'}, g = {.name = 'g'},
               b = {.name = 'b'};
    struct job *all[] = {&p, &a, &g, &b};
    struct job *parents[] = {NULL, &p, &a, &p};
    static const char *const files[] = {"p.c", "a.c", "g.c", "b.c"};
    char text[512];

    for (int i = 0; i < 4; i++) {
        pirn_prep_request_at(&all[i]->request, i < 2 ? &parent_kind : &job_kind,
                             parents[i] ? &parents[i]->request : NULL,
                             (struct pirn_place){files[i], i + 1});
        pirn_start(bed->context, &all[i]->request.op, ended);
    }
    pirn_request_finish_at(&p.request, 1, (struct pirn_place){"p.c", 9});
    assert_int_equal(pirn_request_print(&p.request, text, sizeof(text)),
                     strlen(expected));
    assert_string_equal(text, expected);

    for (size_t len = 0; len < sizeof(expected); len++) { /* every cut */
        memset(text, '#', sizeof(text));
        assert_int_equal(pirn_request_print(&p.request, text, len),
                         strlen(expected));
        assert_int_equal(text[len], '#');
        if (len > 0) {
            assert_int_equal(strlen(text), len - 1);
            assert_memory_equal(text, expected, len - 1);
        }
    }
    pirn_request_finish(&g.request, 0);
    pirn_request_finish(&a.request, 0);
    pirn_request_finish(&b.request, 0);
    turns(bed, 2);
    assert_int_equal(p.calls, 1);
}

static void ended_chain(struct pirn_op *op, int32_t result)
{
    (void)op;
    note(result < 0 ? '#' : '+');
}

/* A chain of requests: the third does not begin behind one that failed. */
static void requests_are_steps_of_a_chain(void **state)
{
    struct bed *bed = *state;
    struct job a = {.name = 'a', .ends_in_begin = true}, b = {.name = 'b'},
               c = {.name = 'c'};
    struct pirn_op *steps[] = {&a.request.op, &b.request.op, &c.request.op};
    struct pirn_chain chain = {0};

    pirn_prep_request(&a.request, &job_kind, NULL);
    pirn_prep_request(&b.request, &job_kind, NULL);
    pirn_prep_request(&c.request, &job_kind, NULL);
    pirn_prep_chain(&chain, steps, 3);
    pirn_start(bed->context, &chain.op, ended_chain);
    turns(bed, 2);
    assert_string_equal(happened, "bauabb");
    pirn_request_finish(&b.request, -EIO);
    turns(bed, 2);
    assert_string_equal(happened, "bauabbub#");
    assert_int_equal(pirn_request_state(&c.request), PIRN_REQUEST_NEW);
}

static void finish_twice(void)
{
    struct job a = {.name = 'a'};
    void *state;

    bed_setup(&state);
    start(state, &a, &job_kind, NULL);
    pirn_request_finish(&a.request, 0);
    pirn_request_finish(&a.request, 0);
}

static void finishing_twice_is_caught(void **state)
{
    (void)state;
    assert_true(dies(finish_twice, "a request is finished once"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

TEST_MAIN(T(it_ends_once_in_a_later_turn_and_is_cleaned_up_before),
          T(one_that_ends_at_once_is_told_in_a_later_turn),
          T(a_cancel_answers_whether_it_came_in_time),
          T(children_are_cancelled_and_end_before_their_parent),
          T(a_cancel_reaches_grandchildren),
          T(children_that_end_at_once_leave_none_unasked),
          T(a_child_of_one_that_is_ending_does_not_begin),
          T(a_deadline_cancels_and_is_told_apart),
          T(a_deadline_is_moved_and_taken_back),
          T(a_deadline_that_was_moved_is_met), T(a_result_beats_the_deadline),
          T(its_history_can_be_read), T(requests_are_steps_of_a_chain),
          T(finishing_twice_is_caught))
