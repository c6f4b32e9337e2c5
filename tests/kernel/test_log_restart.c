/* SPDX-License-Identifier: MIT */
/*
 * test_log_restart.c - the spool is opened again: cleanly, or after a power cut
 */
#include "kernel/test_log.h"

#include <signal.h>
#include <sys/wait.h>

#include "faulty.h"
#include "runtime/context.h"

enum { MANY = 5000 }; /* so many keep the index */

/* ---- a clean close ---- */

static void an_index_is_kept_as_long_as_there_are_items(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)log_put(bed, "one");
    (void)log_put(bed, "two");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_close(bed);
    assert_non_null(log_index_path(bed));
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1); /* which no record says */
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_next(bed, "incoming", "two");
    bed_close(bed);
    assert_null(log_index_path(bed));
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_none(bed, "incoming");
}

/* One after the other, each with an index of his own. */
static void who_comes_and_goes_goes_on_in_the_same_segment(void **state)
{
    struct bed *bed = *state;

    for (int i = 0; i < 8; i++) {
        (void)log_put(bed, "one");
        log_shut_down(bed);
        assert_int_equal(bed_open(bed, false), 0);
    }
    assert_int_equal(access(log_segment(bed, 0), F_OK), 0);
    assert_int_equal(access(log_segment(bed, 1), F_OK), -1);
    for (int i = 0; i < 8; i++) {
        log_expect_next(bed, "incoming", "one");
    }
    log_expect_none(bed, "incoming");
}

static int setup_many(void **state)
{
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_slots = 2 * MANY;
    return bed_open(bed, true);
}

/* They come in their order, and one more behind them. */
static void expect_many(struct bed *bed, const struct pirn_id *ids)
{
    struct pirn_claim claim = {0};

    assert_int_equal(bed_status(bed).ready, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_true(log_same_id(&claim.item.id, &ids[i]));
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    log_expect_none(bed, "incoming");
}

static void list_ids(struct bed *bed, struct pirn_id *ids)
{
    struct pirn_listing listing = {0};
    int32_t r = 1;
    int count = 0;

    pirn_prep_listing(&listing, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    while (r > 0) {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(bed->context, &listing.op);
        for (int32_t i = 0; i < r; i++) {
            ids[count++] = listing.items[i].id;
        }
    }
    assert_int_equal(count, MANY);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
}

static void an_index_of_many_items_is_kept(void **state)
{
    static struct pirn_id ids[MANY];
    struct bed *bed = *state;
    struct stat before;
    struct stat after;

    bed_put_many(bed, MANY);
    list_ids(bed, ids);
    assert_int_equal(stat(log_index_path(bed), &before), 0);
    log_reopen(bed);
    assert_int_equal(stat(log_index_path(bed), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    expect_many(bed, ids);
}

static void many_items_survive_a_power_cut_in_their_order(void **state)
{
    static struct pirn_id ids[MANY];
    struct bed *bed = *state;

    bed_put_many(bed, MANY);
    list_ids(bed, ids);
    log_power_cut_and_open(bed);
    expect_many(bed, ids);
}

/* ---- a power cut ---- */

enum { SINGLES = 60, TOGETHER = 700, LONGEST = 60000 };

/* All of it is its number. */
static void put_single(struct bed *bed, uint32_t number)
{
    static const uint64_t lens[] = {10, 3000, 30000, LONGEST};
    static uint8_t body[LONGEST];

    memset(body, (int)number, sizeof(body));
    (void)bed_put(bed, body, lens[number % 4]);
}

static void expect_single(struct bed *bed, uint32_t number)
{
    static uint8_t body[LONGEST];
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    int32_t len = log_read(bed, &claim, (char *)body, sizeof(body), 0);
    assert_true(len >= 10);
    assert_int_equal(body[0], number);
    assert_int_equal(body[len - 1], number);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* Batches of one short item and of one long one, and of as many as fit: what is
 * read of a segment at a time is more than one of them, or a piece of one. */
static void batches_of_all_sizes_survive_in_their_order(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 0; i < SINGLES; i++) {
        put_single(bed, i);
        if (i == SINGLES / 2) {
            bed_put_many(bed, TOGETHER);
        }
    }
    log_power_cut_and_open(bed);
    assert_int_equal(bed_status(bed).ready, SINGLES + TOGETHER);
    for (uint32_t i = 0; i < SINGLES; i++) {
        expect_single(bed, i);
        for (int k = 0; i == SINGLES / 2 && k < TOGETHER; k++) {
            log_expect_next(bed, "incoming", "x");
        }
    }
    log_expect_none(bed, "incoming");
}

static void what_was_acknowledged_is_there_as_it_was(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id held = bed_put_as(bed, "held", 0, 0, true);
    struct pirn_id later = bed_put_as(bed, "later", 2, BED_FAR_NS, false);

    (void)bed_put_as(bed, "normal", 0, 0, false);
    (void)bed_put_as(bed, "high", 3, 0, false);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_status(bed).ready, 2);
    assert_int_equal(bed_status(bed).held, 1);
    assert_int_equal(bed_status(bed).delayed, 1);
    log_expect_next(bed, "incoming", "high");
    log_expect_next(bed, "incoming", "normal");
    log_expect_none(bed, "incoming");
    assert_int_equal(log_claim_id(bed, &claim, &later), 1);
    assert_int_equal(claim.item.due_ns, BED_FAR_NS);
    assert_int_equal(claim.item.priority, 2);
    log_expect_body(bed, &claim, "later");
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(log_claim_id(bed, &claim, &held), 1);
    log_expect_body(bed, &claim, "held");
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* Each writes a segment of his own. */
static void what_two_have_put_comes_in_the_order_of_their_commits(void **state)
{
    static const char *const texts[] = {"one", "two", "three", "four", "five"};
    struct bed *bed = *state;
    struct bed other;

    bed_join(bed, &other);
    for (int i = 0; i < 5; i++) {
        (void)log_put(i % 2 ? bed : &other, texts[i]);
    }
    bed_leave(&other);
    log_power_cut_and_open(bed);
    for (int i = 0; i < 5; i++) {
        log_expect_next(bed, "incoming", texts[i]);
    }
}

/* What is only allocated is a hole to who looks for data. */
static void tombstones_have_blocks_that_were_written(void **state)
{
    struct bed *bed = *state;
    int fd = open(bed_at(bed, ".log/tombstones"), O_RDONLY);

    assert_true(fd >= 0);
    off_t end = lseek(fd, 0, SEEK_END);
    assert_true(end > 0);
    assert_int_equal(lseek(fd, 0, SEEK_HOLE), end);
    close(fd);
}

static void what_was_removed_durably_does_not_come_back(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id one = log_put(bed, "one");
    struct pirn_id two = log_put(bed, "two");

    assert_int_equal(log_claim_id(bed, &claim, &one), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    for (int i = 0; i < 3; i++) {
        log_power_cut_and_open(bed);
        log_expect_gone(bed, &one);
        assert_int_equal(bed_status(bed).ready, 1);
    }
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_true(log_same_id(&claim.item.id, &two));
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_was_removed_lazily_is_whole_or_gone(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)log_put(bed, "one");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_power_cut_and_open(bed);
    int32_t r = bed_claim(bed, &claim);
    assert_true(r == 0 || r == 1);
    if (r == 1) {
        log_expect_body(bed, &claim, "one");
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
}

static void what_somebody_had_is_ready_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = log_put(bed, "one");

    assert_int_equal(bed_claim(bed, &claim), 1);
    log_power_cut_and_open(bed);
    memset(&claim, 0, sizeof(claim));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_true(log_same_id(&claim.item.id, &id));
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_was_not_committed_never_was(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    char *body = calloc(1, 200000);
    struct bed *other = NULL;

    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, body, 200000);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(log_setup_closed((void **)&other), 0);
    bed_rmtree(other->path);
    bed_copy(bed->path, other->path);
    unlink(bed_at(other, ".log/index")); /* as of another boot */
    assert_int_equal(bed_open(other, false), 0);
    log_expect_none(other, "incoming");
    assert_int_equal(bed_status(other).drafts, 0);
    assert_int_equal(bed_status(other).body_bytes, 0);
    log_destroy(other);
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    free(body);
}

static void a_long_body_survives(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char *body = malloc(300000);
    char *buf = malloc(300000);

    memset(body, 'b', 300000);
    (void)bed_put(bed, body, 300000);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, buf, 300000, 0), 300000);
    assert_memory_equal(buf, body, 300000);
    assert_int_equal(bed_remove(bed, &claim), 0);
    free(body);
    free(buf);
}

/* ---- who makes the index anew is killed ---- */

enum { HELD_ONE = 3, REMOVED_ONE = 5, SOME = 12, TAIL = 300 };

static void put_some(struct bed *bed)
{
    struct pirn_claim claim = {0};

    for (uint32_t i = 0; i < SOME; i++) {
        char text[8];
        snprintf(text, sizeof(text), "%u", i);
        struct pirn_id id = bed_put_as(bed, text, 0, 0, i == HELD_ONE);
        if (i == REMOVED_ONE) {
            assert_int_equal(log_claim_id(bed, &claim, &id), 1);
            assert_int_equal(log_remove_durable(bed, &claim), 0);
        }
    }
    bed_put_many(bed, TAIL);
}

static void expect_some(struct bed *bed)
{
    assert_int_equal(bed_status(bed).ready, SOME - 2 + TAIL);
    assert_int_equal(bed_status(bed).held, 1);
}

/* A child opens, and is killed before its @event th result; false: there were
 * not so many, and it had opened. */
static bool dies_opening(const struct bed *bed, uint32_t event)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct bed own = *bed;
        if (pirn__context_create_on(faulty_engine(), NULL, &own.context) < 0) {
            _exit(2);
        }
        faulty_kill(event);
        int r = bed_open(&own, false);
        _exit(r < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Each opens what the one before him left; at times somebody lives. With
 * PIRN_LONG=1 at every step, else at one of seven. */
static void a_rebuild_that_is_killed_at_any_step_is_begun_anew(void **state)
{
    struct bed *bed = *state;
    const uint32_t step = bed_step(7);
    uint32_t event = 1;

    put_some(bed);
    log_power_cut(bed);
    while (dies_opening(bed, event)) {
        if (event % 8 == 0) {
            assert_int_equal(bed_open(bed, false), 0);
            expect_some(bed);
            log_power_cut(bed);
        }
        event += step;
    }
    assert_true(event > 32); /* it was killed in the midst of it */
    assert_int_equal(bed_open(bed, false), 0);
    expect_some(bed);
    for (uint32_t i = 0; i < SOME; i++) {
        char text[8];
        snprintf(text, sizeof(text), "%u", i);
        if (i != HELD_ONE && i != REMOVED_ONE) {
            log_expect_next(bed, "incoming", text);
        }
    }
}

/* Of each life 50; none names another item of any life. */
static void no_id_is_given_twice(void **state)
{
    enum { LIVES = 4, EACH = 50 };
    static struct pirn_id ids[LIVES * EACH];
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int life = 0; life < LIVES; life++) {
        for (int i = 0; i < EACH; i++) {
            ids[life * EACH + i] = log_put(bed, "x");
            assert_int_equal(bed_claim(bed, &claim), 1);
            assert_int_equal(i % 2 ? bed_remove(bed, &claim)
                                   : log_remove_durable(bed, &claim),
                             0);
        }
        log_power_cut_and_open(bed);
    }
    for (int i = 0; i < LIVES * EACH; i++) {
        for (int k = 0; k < i; k++) {
            assert_false(log_same_id(&ids[i], &ids[k]));
        }
        assert_int_equal(ids[i].bytes[6] << 4 | ids[i].bytes[7] >> 4,
                         i / EACH + 1); /* the epoch */
    }
}

#define MANY_TEST(name) \
    cmocka_unit_test_setup_teardown(name, setup_many, log_teardown)

BED_MAIN(LOG_TEST(an_index_is_kept_as_long_as_there_are_items),
         LOG_TEST(who_comes_and_goes_goes_on_in_the_same_segment),
         MANY_TEST(an_index_of_many_items_is_kept),
         MANY_TEST(many_items_survive_a_power_cut_in_their_order),
         LOG_TEST(batches_of_all_sizes_survive_in_their_order),
         LOG_TEST(a_rebuild_that_is_killed_at_any_step_is_begun_anew),
         LOG_TEST(what_was_acknowledged_is_there_as_it_was),
         LOG_TEST(what_two_have_put_comes_in_the_order_of_their_commits),
         LOG_TEST(tombstones_have_blocks_that_were_written),
         LOG_TEST(what_was_removed_durably_does_not_come_back),
         LOG_TEST(what_was_removed_lazily_is_whole_or_gone),
         LOG_TEST(what_somebody_had_is_ready_again),
         LOG_TEST(what_was_not_committed_never_was),
         LOG_TEST(a_long_body_survives), LOG_TEST(no_id_is_given_twice))
