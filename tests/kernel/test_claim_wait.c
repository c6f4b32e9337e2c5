/* SPDX-License-Identifier: MIT */
/*
 * test_claim_wait.c - claims that wait, and what wakes them
 *
 * Several opens of one spool stand beside each other in one thread, each with a
 * context of its own: they share what processes share, and a test decides in
 * which order they go on. What woke a sleeper is counted inside.
 */
#include "tests/kernel/test_spool.h"

#include <pirn/timer.h>

#include "spool/log/atom.h"
#include "spool/log/bell.h"
#include "spool/spool.h"

#define SECOND_NS 1000000000ull
#define MS_NS 1000000ull

enum { OPENS = 3, MANY = 100 };

/* The bed's is who makes items; these are who wait. */
struct waiter {
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct pirn_claim claim;
    int32_t result;
    bool ended;
};

struct inn {
    struct bed *bed;
    struct waiter waiters[OPENS];
};

static struct pirn__bell *bell_of(const struct waiter *waiter)
{
    return waiter->spool->log->bell;
}

static int setup_as(void **state, enum pirn_layout layout)
{
    struct inn *inn = calloc(1, sizeof(*inn));
    struct pirn_spool_config config = {0};
    int r = bed_setup_empty((void **)&inn->bed);

    inn->bed->layout = layout;
    inn->bed->log_slots = 4096;
    inn->bed->log_segments = 8;
    inn->bed->log_segment_bytes = 1024 * 1024;
    r = r < 0 ? r : bed_open(inn->bed, true);
    r = r < 0 ? r
              : pirn_spool_create_queue_as(inn->bed->spool, "other", layout);
    config.path = inn->bed->path;
    for (int i = 0; r == 0 && i < OPENS; i++) {
        r = pirn_context_create(NULL, &inn->waiters[i].context);
        r = r < 0 ? r
                  : pirn_spool_open(inn->waiters[i].context, &config,
                                    &inn->waiters[i].spool);
    }
    *state = inn;
    return r;
}

static int setup_log(void **state)
{
    return setup_as(state, PIRN_LAYOUT_LOG);
}

static int setup_file(void **state)
{
    return setup_as(state, PIRN_LAYOUT_FILE);
}

static int teardown(void **state)
{
    struct inn *inn = *state;
    int r = 0;

    for (int i = 0; i < OPENS; i++) {
        pirn_spool_close(inn->waiters[i].spool);
        r = pirn_context_loaned(inn->waiters[i].context) > 0 ? -1 : r;
        pirn_context_destroy(inn->waiters[i].context);
    }
    r = bed_teardown((void **)&inn->bed) < 0 ? -1 : r;
    free(inn);
    return r;
}

/* ---- what waiters do ---- */

static void ended(struct pirn_op *op, int32_t result)
{
    struct waiter *waiter = pirn_container_of(op, struct waiter, claim.op);

    waiter->result = result;
    waiter->ended = true;
}

static void start_waiting(struct waiter *waiter, const char *queue,
                          uint64_t timeout_ns)
{
    waiter->ended = false;
    pirn_prep_claim_wait(&waiter->claim, waiter->spool, queue, timeout_ns);
    pirn_start(waiter->context, &waiter->claim.op, ended);
}

static void turn(struct waiter *waiter, uint64_t timeout_ns)
{
    assert_true(pirn_context_turn(waiter->context, timeout_ns) >= 0);
}

static bool sleeps_for(const struct waiter *waiter, int queue)
{
    const struct pirn_spool *spool = waiter->spool;
    uint64_t word = pirn__atom_load(
        &spool->log->index.queues[queue].sleeping[spool->slot / 64]);

    return (word >> spool->slot % 64 & 1) != 0;
}

static int number_of(const struct inn *inn, const char *queue)
{
    return pirn__index_queue_find(&inn->bed->spool->log->index, queue);
}

/* Until its bit is set and it listens. */
static void fall_asleep(const struct inn *inn, struct waiter *waiter,
                        const char *queue)
{
    start_waiting(waiter, queue, UINT64_MAX);
    while (!sleeps_for(waiter, number_of(inn, queue))) {
        assert_false(waiter->ended);
        turn(waiter, SECOND_NS);
    }
    turn(waiter, 0);
}

static int32_t await(struct waiter *waiter)
{
    while (!waiter->ended) {
        turn(waiter, SECOND_NS);
    }
    return waiter->result;
}

static void finish(struct waiter *waiter)
{
    assert_int_equal(await(waiter), 1);
    pirn_prep_remove(&waiter->claim);
    assert_int_equal(pirn_wait(waiter->context, &waiter->claim.op), 0);
}

static void cancel(struct waiter *waiter)
{
    pirn_cancel(waiter->context, &waiter->claim.op);
    assert_int_equal(await(waiter), -ECANCELED);
}

static void enqueue(const struct inn *inn, const char *queue, uint64_t due_ns)
{
    struct pirn_draft draft = {.due_ns = due_ns};

    pirn_prep_enqueue(&draft, inn->bed->spool, queue, "x", 1, NULL);
    assert_int_equal(pirn_wait(inn->bed->context, &draft.op), 0);
}

/* An item, and the byte that goes with it is written. */
static void put_at(const struct inn *inn, const char *queue, uint64_t due_ns)
{
    enqueue(inn, queue, due_ns);
    assert_int_equal(pirn_context_drain(inn->bed->context), 0);
}

static void put(const struct inn *inn, const char *queue)
{
    put_at(inn, queue, 0);
}

/* ---- the log ---- */

static void who_sleeps_is_woken_by_an_item_of_another(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];

    for (unsigned i = 1; i <= 3; i++) {
        fall_asleep(inn, waiter, "incoming");
        put(inn, "incoming");
        finish(waiter);
        assert_int_equal(bell_of(waiter)->rung, i);
        assert_int_equal(bell_of(waiter)->timed, 0);
    }
}

/* By a program that waits for its one op and does something else then. */
static void a_wake_goes_out_before_the_op_has_ended(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];

    fall_asleep(inn, waiter, "incoming");
    put(inn, "incoming"); /* the FIFO is opened here */
    finish(waiter);
    for (int i = 0; i < 10; i++) {
        fall_asleep(inn, waiter, "incoming");
        enqueue(inn, "incoming", 0);
        finish(waiter);
    }
    assert_int_equal(bell_of(waiter)->rung, 11);
    assert_int_equal(bell_of(waiter)->timed, 0);
}

static void who_sleeps_is_woken_by_an_item_of_its_own(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    struct pirn_draft draft = {0};

    fall_asleep(inn, waiter, "incoming");
    pirn_prep_enqueue(&draft, waiter->spool, "incoming", "x", 1, NULL);
    assert_int_equal(pirn_wait(waiter->context, &draft.op), 0);
    finish(waiter);
    assert_int_equal(bell_of(waiter)->timed, 0);
}

/* Its first look was before the item, its bit is set after it. */
static void what_comes_before_the_bit_is_found_by_the_second_look(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];

    start_waiting(waiter, "incoming", UINT64_MAX);
    while (bell_of(waiter)->sleepers.head == NULL) {
        turn(waiter, SECOND_NS);
    }
    assert_false(sleeps_for(waiter, number_of(inn, "incoming")));
    put(inn, "incoming");
    finish(waiter);
    assert_int_equal(bell_of(waiter)->rung, 0);
    assert_int_equal(bell_of(waiter)->timed, 0);
}

static void an_item_wakes_nobody_who_sleeps_for_another_queue(void **state)
{
    struct inn *inn = *state;

    fall_asleep(inn, &inn->waiters[0], "incoming");
    fall_asleep(inn, &inn->waiters[1], "other");
    fall_asleep(inn, &inn->waiters[2], "incoming");
    put(inn, "other");
    finish(&inn->waiters[1]);
    assert_int_equal(bell_of(&inn->waiters[1])->timed, 0);
    assert_true(sleeps_for(&inn->waiters[0], number_of(inn, "incoming")));
    assert_true(sleeps_for(&inn->waiters[2], number_of(inn, "incoming")));
    cancel(&inn->waiters[0]);
    cancel(&inn->waiters[2]);
    assert_int_equal(bell_of(&inn->waiters[0])->rung, 0);
    assert_int_equal(bell_of(&inn->waiters[2])->rung, 0);
}

static int chosen_one(const struct inn *inn)
{
    int queue = number_of(inn, "incoming");
    int chosen = -1;

    for (int i = 0; i < OPENS; i++) {
        if (!sleeps_for(&inn->waiters[i], queue)) {
            assert_int_equal(chosen, -1);
            chosen = i;
        }
    }
    assert_int_not_equal(chosen, -1);
    return chosen;
}

static void items_wake_one_each_by_rotation(void **state)
{
    struct inn *inn = *state;

    for (int i = 0; i < OPENS; i++) {
        fall_asleep(inn, &inn->waiters[i], "incoming");
    }
    for (int i = 0; i < 2 * OPENS; i++) {
        put(inn, "incoming");
        int chosen = chosen_one(inn);
        finish(&inn->waiters[chosen]);
        fall_asleep(inn, &inn->waiters[chosen], "incoming");
    }
    for (int i = 0; i < OPENS; i++) {
        cancel(&inn->waiters[i]);
        assert_int_equal(bell_of(&inn->waiters[i])->rung, 2);
        assert_int_equal(bell_of(&inn->waiters[i])->timed, 0);
    }
}

/* The chosen one leaves before it has looked: another has the item. */
static void a_wake_that_nobody_uses_is_passed_on(void **state)
{
    struct inn *inn = *state;
    int queue = number_of(inn, "incoming");
    int chosen = 0;

    fall_asleep(inn, &inn->waiters[0], "incoming");
    fall_asleep(inn, &inn->waiters[1], "incoming");
    put(inn, "incoming");
    while (sleeps_for(&inn->waiters[chosen], queue)) {
        chosen++;
    }
    assert_true(sleeps_for(&inn->waiters[1 - chosen], queue));
    pirn_cancel(inn->waiters[chosen].context, &inn->waiters[chosen].claim.op);
    assert_int_equal(pirn_context_drain(inn->waiters[chosen].context), 0);
    assert_int_equal(inn->waiters[chosen].result, -ECANCELED);
    finish(&inn->waiters[1 - chosen]);
    assert_int_equal(bell_of(&inn->waiters[1 - chosen])->timed, 0);
}

static void what_is_given_back_wakes_one(void **state)
{
    struct inn *inn = *state;
    struct pirn_claim claim = {0};

    put(inn, "incoming");
    assert_int_equal(bed_claim(inn->bed, &claim), 1);
    fall_asleep(inn, &inn->waiters[0], "incoming");
    assert_int_equal(bed_give_back(inn->bed, &claim), 0);
    assert_int_equal(pirn_context_drain(inn->bed->context), 0);
    finish(&inn->waiters[0]);
    assert_int_equal(bell_of(&inn->waiters[0])->timed, 0);
}

/* The dead one's is had by who sleeps: he is the one who looks. */
static void what_a_dead_owner_had_comes_to_who_sleeps(void **state)
{
    struct inn *inn = *state;
    struct waiter *dead = &inn->waiters[1];
    struct waiter *waiter = &inn->waiters[0];

    put(inn, "incoming");
    start_waiting(dead, "incoming", 0);
    assert_int_equal(await(dead), 1);
    fall_asleep(inn, waiter, "incoming");
    /* The lock is gone and nothing else is done, as by a kill. */
    close(dead->spool->owners_fd);
    finish(waiter);
    dead->spool->owners_fd =
        openat(dead->spool->root_fd, PIRN__NAME_OWNERS, O_RDWR | O_CLOEXEC);
}

static void due_times_are_met(void **state)
{
    enum { COUNT = 20 };
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    uint64_t late_ns = 0;

    fall_asleep(inn, &inn->waiters[1], "incoming");
    for (int i = 0; i < COUNT; i++) {
        fall_asleep(inn, waiter, "other");
        uint64_t due_ns =
            pirn_context_realtime_ns(waiter->context) + 30 * MS_NS;
        put_at(inn, "other", due_ns);
        while (!waiter->ended) {
            turn(&inn->waiters[1], 0);
            turn(waiter, MS_NS / 2);
        }
        uint64_t now_ns = pirn_context_realtime_ns(waiter->context);
        assert_true(now_ns >= due_ns);
        late_ns += now_ns - due_ns;
        finish(waiter);
    }
    printf("due items were late by %.2f ms in the mean (promised: 10 ms)\n",
           (double)late_ns / COUNT / 1e6);
    assert_true(late_ns / COUNT < 1000 * MS_NS);
    cancel(&inn->waiters[1]);
}

static bool is_short(const struct waiter *waiter)
{
    const struct pirn__bell *bell = bell_of(waiter);

    return bell->look_ns < bell->looked_ns + SECOND_NS;
}

/* H20: an item is due within the second of all of them. */
static void one_of_the_sleepers_sleeps_until_it_is_due(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiters = inn->waiters;
    int count = 0;

    put_at(inn, "other",
           pirn_context_realtime_ns(waiters[0].context) + 800 * MS_NS);
    for (int i = 0; i < OPENS; i++) {
        fall_asleep(inn, &waiters[i], "incoming");
        count += is_short(&waiters[i]);
    }
    assert_int_equal(count, 1);
    for (int i = 0; i < OPENS; i++) {
        cancel(&waiters[i]);
    }
}

static bool has_anybody_ended(struct inn *inn)
{
    bool has = false;

    for (int i = 0; i < OPENS; i++) {
        turn(&inn->waiters[i], MS_NS);
        has = has || inn->waiters[i].ended;
    }
    return has;
}

/* One is woken when the item is put off, and has it; the others sleep on. */
static void one_of_the_sleepers_keeps_the_time(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiters = inn->waiters;
    uint64_t rung = 0;
    int had = 0;

    for (int i = 0; i < OPENS; i++) {
        fall_asleep(inn, &waiters[i], "incoming");
    }
    put_at(inn, "incoming",
           pirn_context_realtime_ns(waiters[0].context) + 300 * MS_NS);
    while (!has_anybody_ended(inn)) {
    }
    for (int i = 0; i < OPENS; i++) {
        had += waiters[i].ended;
        if (waiters[i].ended) {
            finish(&waiters[i]);
        } else {
            cancel(&waiters[i]);
        }
        rung += bell_of(&waiters[i])->rung;
    }
    assert_int_equal(had, 1);
    assert_int_equal(rung, 1);
}

struct crowd {
    struct pirn_claim claim;
    unsigned *had;
};

static void one_had(struct pirn_op *op, int32_t result)
{
    struct crowd *one = pirn_container_of(op, struct crowd, claim.op);

    *one->had += result == 1;
}

static void many_claims_share_one_bell(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    struct crowd *crowd = calloc(MANY, sizeof(*crowd));
    unsigned had = 0;

    for (int i = 0; i < MANY; i++) {
        crowd[i].had = &had;
        pirn_prep_claim_wait(&crowd[i].claim, waiter->spool, "incoming",
                             UINT64_MAX);
        pirn_start(waiter->context, &crowd[i].claim.op, one_had);
    }
    while (!sleeps_for(waiter, number_of(inn, "incoming"))) {
        turn(waiter, SECOND_NS);
    }
    turn(waiter, 0);
    assert_int_equal(pirn_context_loaned(waiter->context), MANY + 2);
    bed_put_many(inn->bed, MANY);
    while (had < MANY) {
        turn(waiter, SECOND_NS);
    }
    printf("%u items to %d claims: woken %u times\n", had, MANY,
           (unsigned)bell_of(waiter)->rung);
    assert_true(bell_of(waiter)->rung <= 2 * MANY);
    assert_int_equal(pirn_context_drain(waiter->context), 0);
    free(crowd);
}

/* ---- both layouts ---- */

static void a_wait_ends_when_its_time_is_over(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    uint64_t since_ns = pirn_context_now_ns(waiter->context);

    start_waiting(waiter, "incoming", 50 * MS_NS);
    assert_int_equal(await(waiter), 0);
    assert_true(pirn_context_now_ns(waiter->context) - since_ns >= 50 * MS_NS);
    start_waiting(waiter, "incoming", 0);
    assert_int_equal(await(waiter), 0);
    start_waiting(waiter, "nowhere", UINT64_MAX);
    assert_int_equal(await(waiter), -ENOENT);
}

/* Wherever it comes: a turn later each time, until it comes to one asleep. */
static void a_cancel_is_heard_wherever_it_comes(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];

    for (int turns = 0; turns < 40; turns++) {
        start_waiting(waiter, turns % 2 ? "incoming" : "other", UINT64_MAX);
        for (int i = 0; i < turns; i++) {
            turn(waiter, MS_NS);
        }
        cancel(waiter);
        assert_int_equal(pirn_context_drain(waiter->context), 0);
        assert_int_equal(pirn_context_loaned(waiter->context), 0);
    }
    put(inn, "incoming");
    assert_int_equal(bed_status(inn->bed).ready, 1);
}

/* Each item is had or still there, whenever the cancel comes. */
static void a_cancel_that_comes_late_gives_the_item(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    int had = 0;
    int cancelled = 0;

    for (int turns = 0; turns < 30; turns++) {
        put(inn, "incoming");
        waiter->spool->swept_ns = 0; /* it looks for dead owners first */
        start_waiting(waiter, "incoming", UINT64_MAX);
        for (int i = 0; i < turns * 32 && !waiter->ended; i++) {
            turn(waiter, MS_NS);
        }
        pirn_cancel(waiter->context, &waiter->claim.op);
        if (await(waiter) == 1) {
            had++;
        } else {
            assert_int_equal(waiter->result, -ECANCELED);
            cancelled++;
            start_waiting(waiter, "incoming", UINT64_MAX);
        }
        finish(waiter);
    }
    printf("of %d claims %d were cancelled in time\n", had + cancelled,
           cancelled);
    assert_true(had > 0 && cancelled > 0);
    assert_int_equal(bed_status(inn->bed).ready, 0);
}

static void when_nobody_waits_nothing_is_on_loan(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];

    start_waiting(waiter, "incoming", UINT64_MAX);
    turn(waiter, 10 * MS_NS);
    put(inn, "incoming");
    finish(waiter);
    assert_int_equal(pirn_context_drain(waiter->context), 0);
    assert_int_equal(pirn_context_loaned(waiter->context), 0);
    start_waiting(waiter, "incoming", 10 * MS_NS);
    assert_int_equal(await(waiter), 0);
    /* Not drained: the close waits for what is left. */
}

/* ---- files ---- */

static int naps_of(const struct waiter *waiter)
{
    int count = 0;

    for (const struct pirn__sleeper *at = waiter->spool->naps.sleepers.head;
         at != NULL; at = at->next) {
        count++;
    }
    return count;
}

static void a_file_of_this_open_wakes_one_at_once(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    struct pirn_draft draft = {0};

    start_waiting(waiter, "incoming", UINT64_MAX);
    while (naps_of(waiter) == 0) {
        turn(waiter, SECOND_NS);
    }
    uint64_t round = waiter->spool->naps.round;
    waiter->spool->naps.look_ns = UINT64_MAX; /* never by time */
    pirn_prep_enqueue(&draft, waiter->spool, "incoming", "x", 1, NULL);
    assert_int_equal(pirn_wait(waiter->context, &draft.op), 0);
    finish(waiter);
    assert_int_equal(waiter->spool->naps.round, round);
}

static void a_cancel_of_one_who_sleeps_is_heard_at_once(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];

    start_waiting(waiter, "incoming", UINT64_MAX);
    while (naps_of(waiter) == 0) {
        turn(waiter, SECOND_NS);
    }
    waiter->spool->naps.look_ns = UINT64_MAX; /* never by time */
    cancel(waiter);
}

static void files_of_another_are_met_by_looking_again(void **state)
{
    struct inn *inn = *state;
    struct waiter *waiter = &inn->waiters[0];
    struct crowd crowd[3] = {0};
    unsigned had = 0;

    for (int i = 0; i < 3; i++) {
        crowd[i].had = &had;
        pirn_prep_claim_wait(&crowd[i].claim, waiter->spool, "incoming",
                             UINT64_MAX);
        pirn_start(waiter->context, &crowd[i].claim.op, one_had);
    }
    while (naps_of(waiter) < 3) {
        turn(waiter, SECOND_NS);
    }
    uint64_t round = waiter->spool->naps.round;
    bed_put_many(inn->bed, 3);
    while (had < 3) {
        turn(waiter, SECOND_NS);
    }
    /* Who finds one wakes the next: they need no round each. */
    assert_int_equal(waiter->spool->naps.round, round + 1);
    assert_int_equal(pirn_context_drain(waiter->context), 0);
}

#define LOG(name) cmocka_unit_test_setup_teardown(name, setup_log, teardown)
#define FILES(name) cmocka_unit_test_setup_teardown(name, setup_file, teardown)

BED_MAIN(LOG(who_sleeps_is_woken_by_an_item_of_another),
         LOG(a_wake_goes_out_before_the_op_has_ended),
         LOG(who_sleeps_is_woken_by_an_item_of_its_own),
         LOG(what_comes_before_the_bit_is_found_by_the_second_look),
         LOG(an_item_wakes_nobody_who_sleeps_for_another_queue),
         LOG(items_wake_one_each_by_rotation),
         LOG(a_wake_that_nobody_uses_is_passed_on),
         LOG(what_is_given_back_wakes_one),
         LOG(what_a_dead_owner_had_comes_to_who_sleeps), LOG(due_times_are_met),
         LOG(one_of_the_sleepers_keeps_the_time),
         LOG(one_of_the_sleepers_sleeps_until_it_is_due),
         LOG(many_claims_share_one_bell),
         LOG(a_wait_ends_when_its_time_is_over),
         LOG(a_cancel_is_heard_wherever_it_comes),
         LOG(a_cancel_that_comes_late_gives_the_item),
         LOG(when_nobody_waits_nothing_is_on_loan),
         FILES(a_wait_ends_when_its_time_is_over),
         FILES(a_cancel_is_heard_wherever_it_comes),
         FILES(a_cancel_that_comes_late_gives_the_item),
         FILES(when_nobody_waits_nothing_is_on_loan),
         FILES(a_file_of_this_open_wakes_one_at_once),
         FILES(a_cancel_of_one_who_sleeps_is_heard_at_once),
         FILES(files_of_another_are_met_by_looking_again))
