/* SPDX-License-Identifier: MIT */
/* test_signal.c - real signals, with who sent them */
#include "tests/kernel/ring.h"

#include <signal.h>
#include <sys/wait.h>

struct rig {
    struct pirn_signals signals;
    struct shot_note note; /* of which only the counts are used */
    struct signalfd_siginfo infos[64];
};

static void deliver(struct pirn_multishot *shot, int32_t result,
                    enum pirn_more more)
{
    struct rig *rig = pirn_container_of(shot, struct rig, signals.shot);

    if (more == PIRN_MORE && rig->note.deliveries < 64) {
        rig->infos[rig->note.deliveries] = *pirn_signals_info(&rig->signals);
    }
    shot_note_fn(&rig->note.shot, result, more);
}

static void start(struct ring *ring, struct rig *rig)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN);
    pirn_signals_block(&set);
    pirn_signals_start(ring->context, &rig->signals, &set, deliver);
}

static void turn_until(struct ring *ring, struct rig *rig, int deliveries)
{
    while (rig->note.deliveries < deliveries) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
}

static void finish(struct ring *ring, struct rig *rig)
{
    pirn_signals_cancel(ring->context, &rig->signals);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig->note.lasts, 1);
    assert_int_equal(rig->note.results[rig->note.deliveries - 1], -ECANCELED);
}

static void signals_are_delivered_with_their_sender(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    pid_t child;

    start(ring, &rig);
    assert_int_equal(raise(SIGUSR1), 0);
    turn_until(ring, &rig, 1);
    assert_int_equal(rig.note.results[0], SIGUSR1);
    assert_int_equal(rig.infos[0].ssi_pid, getpid());

    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    turn_until(ring, &rig, 2);
    assert_int_equal(rig.note.results[1], SIGUSR2);

    child = fork();
    if (child == 0) {
        _exit(kill(getppid(), SIGUSR1) == 0 ? 0 : 1);
    }
    turn_until(ring, &rig, 3);
    assert_int_equal(rig.infos[2].ssi_pid, child);
    assert_int_equal(waitpid(child, NULL, 0), child);
    finish(ring, &rig);
}

/* Real-time signals are counted; the others are one while they wait. */
static void waiting_signals_of_one_number_are_one(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};

    start(ring, &rig);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    for (int i = 0; i < 5; i++) {
        kill(getpid(), SIGUSR1);
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    }
    turn_until(ring, &rig, 6);
    assert_int_equal(rig.note.results[0], SIGUSR1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rig.note.results[1 + i], SIGRTMIN);
        assert_int_equal(rig.infos[1 + i].ssi_int, i);
    }
    finish(ring, &rig);
    assert_int_equal(rig.note.deliveries, 7);
}

RING_TEST_MAIN(RING_TEST(signals_are_delivered_with_their_sender),
               RING_TEST(waiting_signals_of_one_number_are_one))
