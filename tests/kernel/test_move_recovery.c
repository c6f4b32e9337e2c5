/* SPDX-License-Identifier: MIT */
/*
 * test_move_recovery.c - what is left of a move, and what fails then
 *
 * Somebody has the item, and removes it: it never comes back, whatever is left
 * of the other one.
 */
#include "kernel/layouts.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- what fails when that is put right ---- */

/* The @first th of a kind fails, of who meets the dead one. False: there were
 * fewer. */
static bool fail_recovery(struct bed *bed, enum engine_opcode opcode,
                          uint32_t first)
{
    struct pirn_status status;
    bool has_failed;
    int32_t r;

    for (int i = 0; i < 2000; i++) {
        status = (struct pirn_status){0};
        faulty_plan(opcode, first, 1, -EIO);
        pirn_prep_status(&status, bed->spool);
        r = pirn_wait(bed->context, &status.op);
        has_failed = faulty_outcome()->failed > 0;
        bed->fd_count += faulty_outcome()->opened;
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        if (r < 0 || status.owners == 1) {
            break;
        }
    }
    return has_failed;
}

/* Who was shown the item and removed it never meets it again; who was not finds
 * it when nothing fails any more. */
static void fail_recovery_at(struct bed *bed, const struct way *way,
                             uint32_t len, int turns, enum engine_opcode opcode)
{
    enum { MOST = 12 }; /* from there on it is the status that fails */
    const uint32_t step = bed_step(2);
    bool has_failed = true;

    for (uint32_t first = 1; has_failed && first < MOST; first += step) {
        struct pirn_id id = put_in(bed, way->from, len);
        assert_in_range(move_in_a_child(bed, way, turns), 0, 1);
        has_failed = fail_recovery(bed, opcode, first);
        bool is_removed = remove_if_there(bed, &id, len);
        (void)bed_status_of(bed, 1);
        if (is_removed) {
            expect_none(bed, &id);
        } else {
            log_reopen(bed); /* what cannot be read is ours until we close */
            expect_one(bed, &id, len);
        }
    }
}

static void what_fails_in_recovery_brings_no_item_back(void **state)
{
    static const enum engine_opcode opcodes[] = {ENGINE_OPEN, ENGINE_UNLINK,
                                                 ENGINE_RENAME, ENGINE_READ};
    enum { OPCODES = sizeof(opcodes) / sizeof(opcodes[0]), TURNS = 28 };
    struct bed *bed = *state;

    make_queues(bed);
    for (int w = 0; w < 2; w++) {
        const int step = bed_step(4);
        for (int turns = 4; turns < TURNS; turns += step) {
            for (int i = 0; i < OPCODES; i++) {
                if (is_long() || i == (turns / step + w) % OPCODES) {
                    fail_recovery_at(bed, &ways[w], 700, turns, opcodes[i]);
                }
            }
        }
    }
    log_reopen(bed);
    expect_empty(bed);
}

/* Nobody can read where the alias leads, for there is a directory. */
static const char *stand_in_the_way(const struct bed *bed,
                                    const struct pirn_id *id)
{
    static char path[512];
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), "%s/.log/ids", bed->path);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/.log/ids/%s", bed->path, text);
    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

/* Nor does who has the dead one's slot, and can settle nothing as long as he is
 * there. */
static void fail_own_recovery_at(struct bed *bed, int turns)
{
    struct bed heir = *bed;
    struct pirn_id id = put_in(bed, "records", 700);

    int r = move_in_a_child(bed, &ways[1], turns);
    assert_in_range(r, 0, 1);
    const char *path = stand_in_the_way(bed, &id);
    assert_int_equal(bed_open(&heir, false), 0);
    bool is_removed = remove_if_there(&heir, &id, 700);
    bed_close(&heir);
    is_removed = is_removed || remove_if_there(bed, &id, 700);
    assert_int_equal(rmdir(path), 0);
    (void)bed_status_of(bed, 1);
    if (is_removed) {
        expect_none(bed, &id);
    } else {
        expect_one(bed, &id, 700);
    }
}

static void nor_does_what_fails_at_open_and_at_close(void **state)
{
    const int step = bed_step(2);
    struct bed *bed = *state;

    make_queues(bed);
    for (int turns = 4; turns < 28; turns += step) {
        fail_own_recovery_at(bed, turns);
    }
}

/* ---- a record that is on the disk, and never was ---- */

static void expect_none_after_a_cut(struct bed *bed, const struct pirn_id *id)
{
    log_power_cut_and_open(bed);
    expect_none(bed, id);
}

/* So that there is a segment which the next record goes to. */
static void warm_up(struct bed *bed)
{
    struct pirn_id id = put_in(bed, "records", 1);

    assert_true(remove_if_there(bed, &id, 1));
}

/* Written whole, and somebody was told that it failed. */
static void a_copy_that_failed_does_not_live(void **state)
{
    struct bed *bed = *state;
    uint32_t first = 1;
    bool has_failed = true;

    make_queues(bed);
    for (; has_failed && first < 32; first++) {
        struct pirn_claim claim = {0};
        warm_up(bed);
        struct pirn_id id = put_in(bed, "files", 700);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        faulty_plan(ENGINE_WRITE, first, 1, -EIO);
        int32_t r = move_to(bed, &claim, "records");
        has_failed = faulty_outcome()->failed > 0;
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        if (r == 0 || r == -ESTALE) {
            log_reopen(bed);
            assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        }
        assert_int_equal(log_remove_durable(bed, &claim), 0);
        expect_none_after_a_cut(bed, &id);
    }
    assert_in_range(first, 3, 31);
}

/* Killed when it has the result of its @event th operation, and has not heard
 * it. 0: it came to its end; SIGKILL; else it could not begin. */
static int move_unheard(const struct bed *bed, const struct way *way,
                        uint32_t event)
{
    struct bed mine = *bed;
    struct pirn_claim claim = {0};

    if (pirn__context_create_on(faulty_engine(), NULL, &mine.context) < 0 ||
        bed_open(&mine, false) < 0) {
        return 2;
    }
    pirn_prep_claim(&claim, mine.spool, way->from);
    if (pirn_wait(mine.context, &claim.op) != 1) {
        return 2;
    }
    faulty_kill(event);
    pirn_prep_move(&claim, way->to);
    return pirn_wait(mine.context, &claim.op) == 0 ? 0 : 3;
}

static int move_unheard_in_a_child(const struct bed *bed, const struct way *way,
                                   uint32_t event)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(move_unheard(bed, way, event));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Who recovers him has it cut off before he gives the item back. */
static void a_copy_that_was_in_flight_at_a_kill_does_not_live(void **state)
{
    struct bed *bed = *state;
    int r = SIGKILL;
    uint32_t event = 1;

    make_queues(bed);
    for (; event < 64 && r == SIGKILL; event++) {
        struct pirn_id id = put_in(bed, "files", 700);
        r = move_unheard_in_a_child(bed, &ways[0], event);
        (void)bed_status_of(bed, 1);
        assert_true(remove_if_there(bed, &id, 700));
        expect_none_after_a_cut(bed, &id);
    }
    assert_int_equal(r, 0);
    assert_in_range(event, 6, 63);
}

/* ---- a slot that it had before ---- */

static void turn_until(struct bed *bed, bool (*is_it)(void))
{
    for (int i = 0; i < 10000 && !is_it(); i++) {
        assert_true(pirn_context_turn(bed->context, 1000000) >= 0);
    }
    assert_true(is_it());
}

static bool has_ended(void)
{
    return ended != 1;
}

/* Out of the log, by one who is stopped before he unlinks the body and lets the
 * slot go; back, by another one. */
static struct pirn_id move_out_and_back(struct bed *bed, struct bed *his)
{
    struct pirn_claim claim = {0};
    struct pirn_id id = put_in(bed, "records", MEMORY_MAX + 1);

    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    faulty_hold(ENGINE_UNLINK);
    start_move(bed, &claim, "files");
    turn_until(bed, has_ended);
    assert_int_equal(ended, 0);
    turn_until(bed, faulty_has_held);
    assert_int_equal(log_claim_id(his, &claim, &id), 1);
    assert_int_equal(move_to(his, &claim, "records"), 0);
    return id;
}

/* The id names that slot still, and what it says there means nothing. */
static void a_slot_of_an_earlier_life_decides_nothing(void **state)
{
    const int step = bed_step(2);
    struct bed *bed = *state;
    struct bed his;
    int r = 0;

    make_queues(bed);
    bed_join(bed, &his);
    for (int turns = 0; turns < 64 && r == 0; turns += step) {
        struct pirn_id id = move_out_and_back(bed, &his);
        r = move_in_a_child(&his, &ways[1], turns);
        assert_in_range(r, 0, 1);
        (void)bed_status_of(&his, 2);
        assert_true(remove_if_there(&his, &id, MEMORY_MAX + 1));
        log_expect_gone(&his, &id);
        log_expect_none(&his, "files");
        log_expect_none(&his, "records");
        faulty_hold(ENGINE_NONE);
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
    assert_int_equal(r, 1);
    bed_leave(&his);
    log_reopen(bed);
    expect_empty(bed);
}

/* ---- a round that fails ---- */

/* No round comes any more, and there is no room for a new file of tombstones:
 * what waits for one waits, and all the rest can be had. */
static void open_without_rounds(struct bed *bed)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/.log/tombstones.new", bed->path);
    bed_close(bed);
    assert_int_equal(mkdir(path, 0700), 0);
    int r = bed_open(bed, false);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(r, 0);
}

static void what_waits_for_a_round_keeps_nobody_out(void **state)
{
    struct bed *bed = *state;
    uint32_t first = 1;
    bool has_failed = true;

    make_queues(bed);
    for (; has_failed && first < 32; first++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = put_in(bed, "records", 700);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        faulty_plan(ENGINE_FSYNC, first, 1, -EIO);
        int32_t r = move_to(bed, &claim, "files");
        has_failed = faulty_outcome()->failed > 0;
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        if (r < 0 && r != -ESTALE) {
            assert_int_equal(bed_give_back(bed, &claim), 0);
        }
        open_without_rounds(bed);
        struct pirn_id other = put_in(bed, "files", 1);
        assert_true(remove_if_there(bed, &other, 1));
        log_reopen(bed); /* there is room now */
        expect_one(bed, &id, 700);
    }
    assert_in_range(first, 3, 31);
    log_reopen(bed);
    expect_empty(bed);
}

/* ---- who has it anew ---- */

/* While he reads its body he is fenced out, and gets it anew. */
static void an_older_claim_does_not_move_what_a_newer_one_has(void **state)
{
    const struct pirn_change update = {.what = PIRN_CHANGE_PRIORITY,
                                       .priority = 5};
    struct bed *bed = *state;
    struct pirn_claim older = {0};
    struct pirn_claim newer = {0};
    struct pirn_fence fence = {0};
    struct bed his;

    make_queues(bed);
    bed_join(bed, &his);
    struct pirn_id id = put_in(bed, "files", 700);
    assert_int_equal(log_claim_id(bed, &older, &id), 1);
    faulty_hold(ENGINE_OPEN);
    start_move(bed, &older, "records");
    turn_until(bed, faulty_has_held);
    pirn_prep_fence_owner(&fence, his.spool, 0, 0);
    assert_int_equal(pirn_wait(his.context, &fence.op), 0);
    assert_int_equal(log_claim_id(bed, &newer, &id), 1);
    assert_int_equal(log_update(bed, &newer, &update), 0);
    faulty_hold(ENGINE_NONE);
    turn_until(bed, has_ended);
    assert_int_equal(ended, -ESTALE);
    assert_int_equal(newer.item.priority, 5);
    assert_int_equal(bed_give_back(bed, &newer), 0);
    bed_leave(&his);
    expect_one(bed, &id, 700);
}

BED_MAIN(MOVE_TEST(what_fails_in_recovery_brings_no_item_back),
         MOVE_TEST(nor_does_what_fails_at_open_and_at_close),
         MOVE_TEST(a_copy_that_failed_does_not_live),
         MOVE_TEST(a_copy_that_was_in_flight_at_a_kill_does_not_live),
         MOVE_TEST(a_slot_of_an_earlier_life_decides_nothing),
         MOVE_TEST(what_waits_for_a_round_keeps_nobody_out),
         MOVE_TEST(an_older_claim_does_not_move_what_a_newer_one_has))
