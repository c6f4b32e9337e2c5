/* SPDX-License-Identifier: MIT */
/*
 * test_claim_wait.c - processes that sleep for one queue of the log
 *
 * Children are forked first; the parent, who makes the items, opens the spool
 * when all are there. A child tells each item that it has by a pipe, and at its
 * end how often it was woken. Nothing is asserted in a child; its exit code
 * says what went wrong.
 */
#include "test.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>
#include <pirn/timer.h>

#include "spool/log/atom.h"
#include "spool/log/bell.h"
#include "spool/spool.h"

enum { HERD = 16, ITEMS = 1000, CHILD_REFUSED = TEST_SKIP };

#define MS_NS 1000000ull

/* Below PIPE_BUF, so never torn. */
struct told {
    pid_t pid;
    uint32_t slot; /* the child's, as an owner */
    bool is_end;
    uint64_t rung;
    uint64_t timed;
};

struct house {
    char path[64];
    struct pirn_context *context;
    struct pirn_spool *spool;
    pid_t pids[HERD];
    uint32_t slots[HERD];
    int count;
    int told[2];
};

static int begin(struct house *house, bool create)
{
    const struct pirn_spool_config config = {
        .path = house->path,
        .create = create,
        .layout = PIRN_LAYOUT_LOG,
        .log_slots = 4096,
        .log_segments = 8,
        .log_segment_bytes = 1024 * 1024,
    };

    if (pirn_context_create(NULL, &house->context) < 0) {
        return CHILD_REFUSED;
    }
    return pirn_spool_open(house->context, &config, &house->spool) < 0 ? 1 : 0;
}

static void end(struct house *house)
{
    house->spool = pirn_spool_close(house->spool);
    pirn_context_destroy(house->context);
}

/* ---- a child ---- */

static bool tell(const struct house *house, bool is_end)
{
    const struct pirn__bell *bell = house->spool->log->bell;
    struct told told = {.slot = house->spool->slot, .is_end = is_end};

    told.pid = getpid();
    told.rung = bell->rung;
    told.timed = bell->timed;
    return write(house->told[1], &told, sizeof(told)) == sizeof(told);
}

/* One item; true: there may be more. */
static int take_one(struct house *house, bool *ret_more)
{
    struct pirn_claim claim = {0};
    char byte = 0;

    pirn_prep_claim_wait(&claim, house->spool, "incoming", UINT64_MAX);
    if (pirn_wait(house->context, &claim.op) != 1) {
        return 2;
    }
    pirn_prep_claim_read(&claim, &byte, 1, 0);
    if (pirn_wait(house->context, &claim.op) != 1) {
        return 3;
    }
    pirn_prep_remove(&claim);
    if (pirn_wait(house->context, &claim.op) != 0) {
        return 4;
    }
    *ret_more = byte != 'e';
    return tell(house, byte == 'e') ? 0 : 5;
}

static int take_all(struct house *house)
{
    int code = begin(house, false);
    bool more = true;

    if (code == 0 && !tell(house, false)) { /* who it is */
        code = 5;
    }
    while (code == 0 && more) {
        code = take_one(house, &more);
    }
    if (house->spool != NULL) {
        end(house);
    }
    return code;
}

/* ---- the parent ---- */

static void await_told(const struct house *house, struct told *ret_told)
{
    struct pollfd at = {.fd = house->told[0], .events = POLLIN};

    assert_int_equal(poll(&at, 1, 60000), 1);
    assert_int_equal(read(house->told[0], ret_told, sizeof(*ret_told)),
                     sizeof(*ret_told));
}

static bool sleeps(const struct house *house, uint32_t slot)
{
    const uint64_t *at =
        &house->spool->log->index.queues[0].sleeping[slot / 64];

    return (pirn__atom_load(at) >> slot % 64 & 1) != 0;
}

static void rest(const struct house *house, uint64_t ns)
{
    struct pirn_op op = {0};

    pirn_prep_timer(&op, ns);
    assert_int_equal(pirn_wait(house->context, &op), 0);
}

/* Until all of them do; none of them is stopped. */
static void await_sleep(const struct house *house)
{
    for (int i = 0; i < house->count;) {
        if (sleeps(house, house->slots[i])) {
            i++;
        } else {
            rest(house, MS_NS / 10);
        }
    }
}

static void put(const struct house *house, char byte)
{
    struct pirn_draft draft = {0};

    pirn_prep_enqueue(&draft, house->spool, "incoming", &byte, 1, NULL);
    assert_int_equal(pirn_wait(house->context, &draft.op), 0);
    assert_int_equal(pirn_context_drain(house->context), 0); /* and the wake */
}

static void start(struct house *house, int count)
{
    assert_int_equal(pipe(house->told), 0);
    assert_int_equal(begin(house, true), 0); /* made, before all others */
    end(house);
    house->count = count;
    for (int i = 0; i < count; i++) {
        house->pids[i] = fork();
        if (house->pids[i] == 0) {
            _exit(take_all(house));
        }
    }
    assert_int_equal(begin(house, false), 0);
    for (int i = 0; i < count; i++) {
        struct told told;
        await_told(house, &told);
        for (int of = 0; of < count; of++) {
            house->slots[of] =
                house->pids[of] == told.pid ? told.slot : house->slots[of];
        }
    }
    await_sleep(house);
}

/* With an item for each that says so. Adds up what woke them. */
static void stop(struct house *house, struct told *sum)
{
    for (int i = 0; i < house->count; i++) {
        put(house, 'e');
    }
    for (int i = 0; i < house->count; i++) {
        struct told told;
        await_told(house, &told);
        assert_true(told.is_end);
        sum->rung += told.rung;
        sum->timed += told.timed;
    }
    for (int i = 0; i < house->count; i++) {
        int status = 0;
        assert_int_equal(waitpid(house->pids[i], &status, 0), house->pids[i]);
        assert_int_equal(status, 0);
    }
    end(house);
    close(house->told[0]);
    close(house->told[1]);
}

static void report(const char *how, const struct told *sum, unsigned items)
{
    printf("%s: %u items, %u wake-ups of %d processes (%.3f an item), %u had "
           "at a time\n",
           how, items, (unsigned)sum->rung, HERD, (double)sum->rung / items,
           (unsigned)sum->timed);
    assert_true(sum->rung <= 2 * (uint64_t)items);
}

/* All sleep whenever one comes. */
static void an_item_wakes_one_of_a_sleeping_herd(void **state)
{
    struct house *house = *state;
    struct told sum = {0};

    start(house, HERD);
    for (int i = 0; i < ITEMS; i++) {
        struct told told;
        put(house, 'x');
        await_told(house, &told);
    }
    await_sleep(house);
    stop(house, &sum);
    report("one at a time", &sum, ITEMS + HERD);
}

static void items_that_come_at_once_wake_no_more(void **state)
{
    struct house *house = *state;
    struct told sum = {0};

    start(house, HERD);
    for (int i = 0; i < ITEMS; i++) {
        put(house, 'x');
    }
    for (int i = 0; i < ITEMS; i++) {
        struct told told;
        await_told(house, &told);
    }
    await_sleep(house);
    stop(house, &sum);
    report("as fast as they come", &sum, ITEMS + HERD);
}

/* Chosen, and not able to look: another has it by looking after 1 s. */
static void lose_the_chosen_one(struct house *house, int signal)
{
    enum { LOST = 0 };
    struct told told;
    struct told sum = {0};

    start(house, 2);
    assert_int_equal(kill(house->pids[LOST], signal), 0);
    if (signal == SIGKILL) {
        assert_int_equal(waitpid(house->pids[LOST], NULL, 0),
                         house->pids[LOST]);
    }
    uint32_t slot = house->slots[LOST];
    for (int i = 0; i < 3; i++) {
        bool lost = sleeps(house, slot);
        pirn__atom_store(&house->spool->log->index.queues[0].turn, slot);
        uint64_t since_ns = pirn_context_realtime_ns(house->context);
        put(house, 'x');
        await_told(house, &told);
        uint64_t took_ns = pirn_context_realtime_ns(house->context) - since_ns;
        printf("item %d: %s, had after %.0f ms (promised: about 1 s)\n", i,
               lost ? "its wake was lost" : "as usual", (double)took_ns / 1e6);
        assert_true(took_ns < 10000 * MS_NS);
        assert_int_not_equal(told.slot, slot);
    }
    if (signal == SIGSTOP) {
        assert_int_equal(kill(house->pids[LOST], SIGCONT), 0);
    } else {
        house->pids[LOST] = house->pids[--house->count];
    }
    stop(house, &sum);
}

static void a_stopped_sleeper_strands_no_item(void **state)
{
    lose_the_chosen_one(*state, SIGSTOP);
}

static void a_killed_sleeper_strands_no_item(void **state)
{
    lose_the_chosen_one(*state, SIGKILL);
}

static int remove_one(const char *name, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(name);
}

static int setup(void **state)
{
    struct house *house = calloc(1, sizeof(*house));
    const char *tmp = getenv("TMPDIR");

    snprintf(house->path, sizeof(house->path), "%s/pirn-wait-XXXXXX",
             tmp ? tmp : "/tmp");
    *state = house;
    return mkdtemp(house->path) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    int r = nftw(house->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(house);
    return r;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_item_wakes_one_of_a_sleeping_herd),
        T(items_that_come_at_once_wake_no_more),
        T(a_stopped_sleeper_strands_no_item),
        T(a_killed_sleeper_strands_no_item),
    };
    struct pirn_context *context;

    if (pirn_context_create(NULL, &context) < 0) {
        fprintf(stderr, "skipped: io_uring is refused\n");
        return TEST_SKIP;
    }
    pirn_context_destroy(context);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
