/* SPDX-License-Identifier: MIT */
/*
 * test_event_kill.c - who is killed or stopped anywhere harms no listener
 *
 * Four processes work on one spool, in both layouts, and a fifth listens; one
 * after the other is killed, wherever it is, and another takes its place, or
 * is stopped for a while. The parent listens, too, and holds what it hears
 * against the ring: each serial is heard once, or counted as lost once, and
 * what is heard is whole.
 *
 * Where a kill falls is not replayed by a seed; PIRN_SEED begins with the same
 * choices.
 */
#include "kernel/test_log.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <pirn/timer.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"

enum {
    CREW = 5, /* the last one listens */
    KILLS = 30,
    KILLS_LONG = 600,
    BETWEEN = 300, /* events, at least, from one kill to the next */
};

static const char *const queues[] = {"incoming", "files"};

struct world {
    struct bed *bed;
    pid_t pids[CREW];
    int stopped; /* one of the crew, or -1 */
    uint64_t random;
    struct pirn_events events;
    uint64_t serial; /* that is expected next */
    uint64_t heard;
    uint64_t lost;
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->random = world->random * 6364136223846793005u + 1442695040888963407u;
    return (world->random >> 33) % below;
}

/* ---- the crew; no assertion of cmocka's ---- */

static void work_on(struct bed *bed, const char *queue, uint64_t round)
{
    struct pirn_draft draft = {.priority = (int8_t)(round % 3)};
    struct pirn_claim claim = {0};

    if (round % 64 == 0) {
        pirn_prep_enqueue(&draft, bed->spool, queue, "hello", 5, NULL);
        (void)pirn_wait(bed->context, &draft.op);
    }
    pirn_prep_claim(&claim, bed->spool, queue);
    if (pirn_wait(bed->context, &claim.op) != 1) {
        return;
    }
    if (round % 64 == 63) {
        pirn_prep_remove(&claim);
    } else {
        pirn_prep_give_back(&claim);
    }
    (void)pirn_wait(bed->context, &claim.op);
}

static void live(const struct bed *bed, int member)
{
    struct bed his = *bed;
    struct pirn_events events = {0};

    if (pirn_context_create(NULL, &his.context) < 0 ||
        bed_open(&his, false) < 0) {
        _exit(1);
    }
    if (member == CREW - 1) {
        pirn_prep_events(&events, his.spool, NULL);
        if (pirn_wait(his.context, &events.op) != 0) {
            _exit(2);
        }
    }
    for (uint64_t round = 0;; round++) {
        if (member == CREW - 1) {
            pirn_prep_events_next(&events);
            if (pirn_wait(his.context, &events.op) <= 0) {
                _exit(3);
            }
        } else { /* rarely on files, which wait for the disk */
            work_on(&his, queues[member == 0 && round % 16 == 0], round);
        }
    }
}

static void begin_one(struct world *world, int member)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* where a case fails */
        live(world->bed, member);
        _exit(4);
    }
    assert_true(pid > 0);
    world->pids[member] = pid;
}

static void kill_one(struct world *world, int member)
{
    int status;

    assert_int_equal(kill(world->pids[member], SIGKILL), 0);
    assert_int_equal(waitpid(world->pids[member], &status, 0),
                     world->pids[member]);
    assert_true(WIFSIGNALED(status));
    world->pids[member] = 0;
    if (world->stopped == member) {
        world->stopped = -1;
    }
}

static void stop_or_continue(struct world *world)
{
    if (world->stopped >= 0) {
        assert_int_equal(kill(world->pids[world->stopped], SIGCONT), 0);
        world->stopped = -1;
    } else {
        world->stopped = (int)draw(world, CREW);
        assert_int_equal(kill(world->pids[world->stopped], SIGSTOP), 0);
    }
}

/* ---- the parent ---- */

static bool is_queue(const char *name)
{
    return strcmp(name, queues[0]) == 0 || strcmp(name, queues[1]) == 0;
}

static void expect_sane(const struct pirn_spool_event *event)
{
    static const struct pirn_id none = {0};

    switch (event->kind) {
    case PIRN_EVENT_ENQUEUED:
    case PIRN_EVENT_CLAIMED:
    case PIRN_EVENT_GIVEN_BACK:
    case PIRN_EVENT_REMOVED:
        assert_true(is_queue(event->queue));
        assert_false(log_same_id(&event->id, &none));
        assert_int_equal(event->count, 0);
        break;
    case PIRN_EVENT_DEAD:
        assert_string_equal(event->queue, "");
        assert_in_range(event->count, 1, 1000);
        break;
    case PIRN_EVENT_LOST:
    case PIRN_EVENT_SHARED:
    case PIRN_EVENT_MOVED:
    case PIRN_EVENT_HELD:
    case PIRN_EVENT_RELEASED:
    case PIRN_EVENT_UPDATED:
    case PIRN_EVENT_FENCED:
    case PIRN_EVENT_KINDS:
        fail_msg("nobody did that: %d", (int)event->kind);
    }
    assert_true(event->owner < 1024);
    assert_string_equal(event->to, "");
}

static void hear(struct world *world)
{
    struct pirn_events *events = &world->events;

    pirn_prep_events_next(events);
    int32_t count = pirn_wait(world->bed->context, &events->op);
    assert_true(count > 0);
    for (int32_t i = 0; i < count; i++) {
        const struct pirn_spool_event *event = &events->events[i];
        assert_int_equal(event->serial, world->serial);
        if (event->kind == PIRN_EVENT_LOST) {
            assert_true(event->count > 0);
            world->serial += event->count;
            world->lost += event->count;
            continue;
        }
        expect_sane(event);
        world->serial++;
        world->heard++;
    }
}

static void hear_some(struct world *world, uint64_t more)
{
    uint64_t until = world->heard + more;

    while (world->heard < until) {
        hear(world);
    }
}

static uint64_t told(const struct world *world)
{
    return pirn__atom_load(world->bed->spool->log->index.events.next);
}

/* Nobody works any more: all that was told is heard, or counted. */
static void hear_the_rest(struct world *world)
{
    while (world->serial < told(world)) {
        hear(world);
    }
    assert_int_equal(world->serial, told(world));
    pirn_prep_events_end(&world->events);
    assert_int_equal(pirn_wait(world->bed->context, &world->events.op), 0);
    (void)bed_status(world->bed); /* looks for the dead */
    assert_int_equal(world->bed->spool->log->index.head->listening, 0);
}

static void begin_all(struct world *world, struct bed *bed)
{
    const char *seed = getenv("PIRN_SEED");

    *world = (struct world){.bed = bed, .stopped = -1};
    world->random =
        seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    printf("PIRN_SEED=%" PRIu64 "\n", world->random);
    (void)fflush(stdout);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE), 0);
    pirn_prep_events(&world->events, bed->spool, NULL);
    assert_int_equal(pirn_wait(bed->context, &world->events.op), 0);
    world->serial = told(world);
    for (int member = 0; member < CREW; member++) {
        begin_one(world, member);
    }
}

static void end_all(struct world *world)
{
    for (int member = 0; member < CREW; member++) {
        kill_one(world, member);
    }
    hear_the_rest(world);
    printf("heard %" PRIu64 ", lost %" PRIu64 "\n", world->heard, world->lost);
}

static void who_is_killed_anywhere_harms_no_listener(void **state)
{
    struct world world;
    int kills = getenv("PIRN_LONG") != NULL ? KILLS_LONG : KILLS;

    begin_all(&world, *state);
    for (int i = 0; i < kills; i++) {
        hear_some(&world, draw(&world, BETWEEN));
        int member = (int)draw(&world, CREW);
        if (draw(&world, 4) == 0) {
            stop_or_continue(&world);
        } else {
            kill_one(&world, member);
            begin_one(&world, member);
        }
    }
    end_all(&world);
    assert_true(world.heard > 0);
}

static void who_is_too_slow_is_told_what_he_lost(void **state)
{
    struct pirn_op pause = {0};
    struct world world;

    begin_all(&world, *state);
    hear_some(&world, 1);
    while (told(&world) - world.serial <= PIRN__EVENT_SLOTS) {
        pirn_prep_timer(&pause, 1000000);
        assert_int_equal(pirn_wait(world.bed->context, &pause), 0);
    }
    hear(&world);
    assert_true(world.lost > 0);
    hear_some(&world, 1);
    end_all(&world);
}

/* What the disk does is no matter here. */
static int set_place(void **state)
{
    (void)state;
    return access("/dev/shm", W_OK) == 0 ? setenv("TMPDIR", "/dev/shm", 0) : 0;
}

#define CASE(test) \
    cmocka_unit_test_setup_teardown(test, log_setup, log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_is_killed_anywhere_harms_no_listener),
        CASE(who_is_too_slow_is_told_what_he_lost),
    };

    if (bed_is_refused()) {
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, set_place, NULL);
}
