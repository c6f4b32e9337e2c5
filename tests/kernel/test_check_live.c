/* SPDX-License-Identifier: MIT */
/*
 * test_check_live.c - a spool that is used while it is checked has no faults
 *
 * Four put items in, long ones too, held ones, delayed ones and ones of other
 * priorities; four take them, give some back, put them off, move them to the
 * other layout and back, and remove the rest, and make queues; one checks all
 * the while, with repair, so that a false alarm does harm, too. Each does so
 * much, and then it is over; nothing may be found, and no item may be missing.
 */
#include "kernel/test_check.h"
#include "kernel/test_log.h"

#include <pthread.h>
#include <stdatomic.h>

#include <pirn/timer.h>

#include "spool/check/check.h"

/* A queue of the layout that `incoming' does not have. */
#define OTHER "other"

enum {
    WRITERS = 4,
    TAKERS = 4,
    ROUNDS = 2,
    EACH = 16,
    ALL = WRITERS * ROUNDS * EACH,
    LONG_BODY = 80000,
    MOVES_EACH = 4, /* then it is removed */
};

struct crowd {
    const struct bed *bed;
    atomic_uint removed;
    atomic_uint left; /* threads that have not ended */
    atomic_int failed;
};

struct member {
    struct crowd *crowd;
    pthread_t thread;
    uint32_t number;
};

static int join(const struct bed *bed, struct bed *ret_other)
{
    *ret_other = *bed;
    int r = pirn_context_create(NULL, &ret_other->context);

    return r < 0 ? r : bed_open(ret_other, false);
}

static void note_failure(struct crowd *crowd, int result)
{
    if (result < 0) {
        atomic_store(&crowd->failed, result);
    }
}

/* Soon enough to be taken with the rest. */
static uint64_t soon_ns(const struct bed *bed)
{
    return pirn_context_realtime_ns(bed->context) + 1000000;
}

static int put_some(struct bed *bed, uint32_t round)
{
    static const char body[LONG_BODY];
    struct bed_draft drafts[EACH] = {0};

    for (int i = 0; i < EACH; i++) {
        drafts[i].draft.priority = (int8_t)(i % 4 == 0 ? i % 16 - 8 : 0);
        drafts[i].draft.due_ns = i % 8 == 1 ? soon_ns(bed) : 0;
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", body,
                          (round + (uint32_t)i) % 8 == 0 ? LONG_BODY : 100,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    int r = pirn_context_drain(bed->context);
    for (int i = 0; r == 0 && i < EACH; i++) {
        r = drafts[i].result;
    }
    return r;
}

static void *write_items(void *arg)
{
    struct member *member = arg;
    struct crowd *crowd = member->crowd;
    struct bed mine;
    int r = join(crowd->bed, &mine);

    for (uint32_t round = 0; r == 0 && round < ROUNDS; round++) {
        char queue[16];
        snprintf(queue, sizeof(queue), "q%u_%u", member->number, round);
        r = put_some(&mine, round);
        if (r == 0 && round % 3 == 0) {
            r = pirn_spool_create_queue(mine.spool, queue);
        }
    }
    note_failure(crowd, r);
    bed_leave(&mine);
    atomic_fetch_sub(&crowd->left, 1);
    return NULL;
}

static int32_t change(struct bed *bed, struct pirn_claim *claim,
                      const struct pirn_change *how)
{
    pirn_prep_give_back_as(claim, how);
    return pirn_wait(bed->context, &claim->op);
}

/* To the other layout or back, or on a shelf and from it, or put off. */
static int move_one(struct bed *bed, struct pirn_claim *claim, uint32_t turn)
{
    bool is_other = strcmp(claim->item.queue, OTHER) == 0;
    const struct pirn_change changes[] = {
        {.what = PIRN_CHANGE_QUEUE, .queue = is_other ? "incoming" : OTHER},
        {.what = PIRN_CHANGE_PRIORITY, .priority = (int8_t)(turn % 16 - 8)},
        {.what = PIRN_CHANGE_DUE, .due_ns = soon_ns(bed)},
        {.what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_DUE,
         .queue = is_other ? "incoming" : OTHER,
         .due_ns = soon_ns(bed)},
        {.what = PIRN_CHANGE_HELD, .held = true},
    };
    const struct pirn_change release = {.what = PIRN_CHANGE_HELD};
    const uint32_t at = turn / 2 % 5;
    const struct pirn_id id = claim->item.id;
    int r = change(bed, claim, &changes[at]);

    if (r == 0 && changes[at].held) {
        *claim = (struct pirn_claim){0};
        pirn_prep_claim_id(claim, bed->spool, &id);
        r = pirn_wait(bed->context, &claim->op);
        r = r == 1 ? change(bed, claim, &release) : r == 0 ? -ENOENT : r;
    }
    return r;
}

static int take_one(struct bed *bed, struct crowd *crowd, uint32_t turn)
{
    struct pirn_claim claim = {0};

    pirn_prep_claim_wait(&claim, bed->spool, turn % 3 ? "incoming" : OTHER,
                         20000000);
    int r = pirn_wait(bed->context, &claim.op);
    if (r != 1) {
        return r;
    }
    if (turn % 2 == 0 && claim.item.version < MOVES_EACH) {
        return move_one(bed, &claim, turn);
    }
    if (turn % 8 == 1 && claim.item.version < MOVES_EACH) {
        return bed_give_back(bed, &claim);
    }
    r = bed_remove(bed, &claim);
    if (r == 0) {
        atomic_fetch_add(&crowd->removed, 1);
    }
    return r;
}

static void *take_items(void *arg)
{
    struct member *member = arg;
    struct crowd *crowd = member->crowd;
    struct bed mine;
    int r = join(crowd->bed, &mine);

    for (uint32_t turn = 0; r == 0 && atomic_load(&crowd->removed) < ALL &&
                            atomic_load(&crowd->failed) == 0;
         turn++) {
        r = take_one(&mine, crowd, turn);
    }
    note_failure(crowd, r);
    bed_leave(&mine);
    atomic_fetch_sub(&crowd->left, 1);
    return NULL;
}

/* While they wait for what is due there is little to see. */
static void rest(struct bed *bed)
{
    struct pirn_op timer = {0};

    pirn_prep_timer(&timer, getenv("PIRN_LONG") != NULL ? 1 : 50000000);
    (void)pirn_wait(bed->context, &timer);
}

/* Until all have ended; how many checks that were. */
static uint32_t check_all_the_while(struct bed *bed, struct crowd *crowd)
{
    struct pirn_check_config config = {.repair = true, .grace_ns = 200000000};
    uint32_t checks = 0;

    while (atomic_load(&crowd->left) > 0) {
        config.deep = checks++ % 2 == 1;
        struct found found = check(bed, &config);
        print_found(&found);
        note_failure(crowd, found.result);
        note_failure(crowd, found.count > 0 ? -EUCLEAN : 0);
        rest(bed);
    }
    return checks;
}

static void nothing_is_found_where_all_is_well(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd = {.bed = bed, .left = WRITERS + TAKERS};
    struct member members[WRITERS + TAKERS];
    enum pirn_layout other =
        bed->layout == PIRN_LAYOUT_FILE ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE;

    assert_int_equal(pirn_spool_create_queue_as(bed->spool, OTHER, other), 0);
    for (uint32_t i = 0; i < WRITERS + TAKERS; i++) {
        members[i].crowd = &crowd;
        members[i].number = i;
        assert_int_equal(pthread_create(&members[i].thread, NULL,
                                        i % 2 ? write_items : take_items,
                                        &members[i]),
                         0);
    }
    printf("# %u checks\n", check_all_the_while(bed, &crowd));
    for (uint32_t i = 0; i < WRITERS + TAKERS; i++) {
        pthread_join(members[i].thread, NULL);
    }
    assert_int_equal(atomic_load(&crowd.failed), 0);
    assert_int_equal(atomic_load(&crowd.removed), ALL);
    expect_clean(bed);
    assert_int_equal(bed_status(bed).quarantined, 0);
}

static void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* He puts one in at each of its first turns. Return: whether it saw that. */
static bool sees_a_writer(struct bed *bed, struct bed *his)
{
    struct pirn_check check = {0};
    uint32_t puts = 0;
    int32_t r;

    pirn_prep_check(&check, bed->spool, &look);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
    pirn_prep_check_next(&check);
    pirn_start(bed->context, &check.op, note);
    while (!pirn_op_is_idle(&check.op)) {
        struct pirn_draft draft = {0};
        if (check.priv.work->pace.busy_until_ns == 0 && puts++ < 200) {
            r = log_enqueue(his, &draft, "incoming", "x", 1, NULL);
            assert_int_equal(r, 0);
        }
        assert_true(pirn_context_turn(bed->context, 1000000) >= 0);
    }
    bool seen = check.priv.work->pace.busy_until_ns > 0;
    pirn_prep_check_end(&check);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
    return seen;
}

/* Its walk has hundreds of rooms, and it looks after each 1 ms of them. */
static void a_writer_beside_a_check_is_seen(void **state)
{
    struct bed *bed = *state;
    struct bed his;

    assert_int_equal(join(bed, &his), 0);
    assert_true(sees_a_writer(bed, &his));
    bed_leave(&his);
}

static int setup_file(void **state)
{
    int r = log_setup_closed(state);
    struct bed *bed = *state;

    bed->layout = PIRN_LAYOUT_FILE;
    return r == 0 ? bed_open(bed, true) : r;
}

BED_MAIN(LOG_TEST(nothing_is_found_where_all_is_well),
         cmocka_unit_test_setup_teardown(nothing_is_found_where_all_is_well,
                                         setup_file, log_teardown),
         LOG_TEST(a_writer_beside_a_check_is_seen),
         cmocka_unit_test_setup_teardown(a_writer_beside_a_check_is_seen,
                                         setup_file, log_teardown))
