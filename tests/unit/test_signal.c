/* SPDX-License-Identifier: MIT */
/* test_signal.c - signals as deliveries, in each state of their reading */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "runtime/engine/engine.h"
#include "tests/sim/bed.h"

enum { SIGNALS_FD = 9 };

/* What was delivered; cancels itself from inside after @enough deliveries. */
struct rig {
    struct pirn_signals signals;
    struct bed *bed;
    int enough;
    int deliveries;
    int lasts;
    int32_t results[8];
    uint32_t sender;
};

static void deliver(struct pirn_multishot *shot, int32_t result,
                    enum pirn_more more)
{
    struct rig *rig = pirn_container_of(shot, struct rig, signals.shot);

    if (rig->deliveries < 8) {
        rig->results[rig->deliveries] = result;
    }
    rig->deliveries++;
    rig->lasts += more == PIRN_LAST;
    rig->sender = pirn_signals_info(&rig->signals)->ssi_pid;
    if (more == PIRN_MORE && rig->deliveries == rig->enough) {
        pirn_signals_cancel(rig->bed->context, &rig->signals);
    }
}

static void start(struct rig *rig, void **state)
{
    sigset_t set;

    *rig = (struct rig){.bed = *state};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pirn_signals_start(rig->bed->context, &rig->signals, &set, deliver);
}

/* Whatever the signals have with the kernel ends with @result. */
static void end_op(struct rig *rig, int32_t result)
{
    assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
    script_complete(rig->bed->kernel, &rig->signals.priv.op, result);
    assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
}

static void come(struct rig *rig, uint32_t number, uint32_t sender)
{
    assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
    rig->signals.priv.info =
        (struct signalfd_siginfo){.ssi_signo = number, .ssi_pid = sender};
    end_op(rig, sizeof(struct signalfd_siginfo));
}

static void assert_last(struct rig *rig, int32_t result)
{
    assert_int_equal(rig->lasts, 1);
    assert_int_equal(rig->results[rig->deliveries - 1], result);
    assert_true(pirn_multishot_is_idle(&rig->signals.shot));
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
}

static void each_signal_is_a_delivery_with_its_sender(void **state)
{
    struct rig rig;

    start(&rig, state);
    end_op(&rig, SIGNALS_FD);
    come(&rig, SIGUSR1, 11);
    assert_int_equal(rig.results[0], SIGUSR1);
    assert_int_equal(rig.sender, 11);
    come(&rig, SIGUSR2, 12);
    assert_int_equal(rig.results[1], SIGUSR2);
    assert_int_equal(rig.sender, 12);
    assert_int_equal(rig.lasts, 0);

    pirn_signals_cancel(rig.bed->context, &rig.signals);
    assert_true(pirn_context_turn(rig.bed->context, 0) >= 0);
    assert_true(pirn_context_turn(rig.bed->context, 0) >= 0);
    assert_int_equal(rig.signals.priv.op.priv.fd, SIGNALS_FD); /* closed */
    end_op(&rig, 0);
    assert_last(&rig, -ECANCELED);
}

static void cancel_before_the_descriptor_is_there(void **state)
{
    struct rig rig;

    start(&rig, state);
    pirn_signals_cancel(rig.bed->context, &rig.signals);
    end_op(&rig, SIGNALS_FD);
    assert_int_equal(rig.lasts, 0);
    end_op(&rig, 0); /* the close */
    assert_last(&rig, -ECANCELED);
}

static void cancel_from_inside_a_delivery(void **state)
{
    struct rig rig;

    start(&rig, state);
    rig.enough = 1;
    end_op(&rig, SIGNALS_FD);
    come(&rig, SIGUSR1, 11);
    end_op(&rig, 0);
    assert_int_equal(rig.deliveries, 2);
    assert_last(&rig, -ECANCELED);
}

static void cancel_while_it_closes_changes_nothing(void **state)
{
    struct rig rig;

    start(&rig, state);
    end_op(&rig, SIGNALS_FD);
    end_op(&rig, -EIO);
    pirn_signals_cancel(rig.bed->context, &rig.signals);
    end_op(&rig, 0);
    assert_last(&rig, -EIO);
}

static void no_descriptor_is_the_last_delivery(void **state)
{
    struct rig rig;

    start(&rig, state);
    end_op(&rig, -EMFILE);
    assert_int_equal(rig.deliveries, 1);
    assert_last(&rig, -EMFILE);
}

static void where_there_is_none_it_waits_and_reads_again(void **state)
{
    struct rig rig;

    start(&rig, state);
    end_op(&rig, SIGNALS_FD);
    end_op(&rig, -EAGAIN);
    assert_int_equal(rig.signals.priv.op.priv.opcode, ENGINE_POLL);
    end_op(&rig, POLLIN);
    assert_int_equal(rig.signals.priv.op.priv.opcode, ENGINE_READ);
    come(&rig, SIGUSR1, 11);
    assert_int_equal(rig.results[0], SIGUSR1);

    end_op(&rig, -EAGAIN);
    pirn_signals_cancel(rig.bed->context, &rig.signals);
    assert_true(pirn_context_turn(rig.bed->context, 0) >= 0);
    assert_true(pirn_context_turn(rig.bed->context, 0) >= 0);
    end_op(&rig, 0); /* the close */
    assert_last(&rig, -ECANCELED);
}

static void interrupted_read_goes_on(void **state)
{
    struct rig rig;

    start(&rig, state);
    end_op(&rig, SIGNALS_FD);
    end_op(&rig, -EINTR);
    assert_int_equal(rig.deliveries, 0);
    come(&rig, SIGUSR1, 11);
    assert_int_equal(rig.deliveries, 1);
    pirn_signals_cancel(rig.bed->context, &rig.signals);
    assert_true(pirn_context_turn(rig.bed->context, 0) >= 0);
    end_op(&rig, 0);
    assert_last(&rig, -ECANCELED);
}

static void it_may_be_started_again(void **state)
{
    struct rig rig;

    start(&rig, state);
    end_op(&rig, -EMFILE);
    start(&rig, state);
    end_op(&rig, SIGNALS_FD);
    come(&rig, SIGUSR1, 11);
    assert_int_equal(rig.results[0], SIGUSR1);
    pirn_signals_cancel(rig.bed->context, &rig.signals);
    assert_true(pirn_context_turn(rig.bed->context, 0) >= 0);
    end_op(&rig, 0);
    assert_last(&rig, -ECANCELED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(each_signal_is_a_delivery_with_its_sender),
          T(cancel_before_the_descriptor_is_there),
          T(cancel_from_inside_a_delivery),
          T(cancel_while_it_closes_changes_nothing),
          T(no_descriptor_is_the_last_delivery), T(interrupted_read_goes_on),
          T(where_there_is_none_it_waits_and_reads_again),
          T(it_may_be_started_again))
