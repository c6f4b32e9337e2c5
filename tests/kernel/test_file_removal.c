/* SPDX-License-Identifier: MIT */
/*
 * test_file_removal.c - a removal that does not wait for the disk
 *
 * Results are held back, spoiled, or never heard because the process is killed
 * (faulty.h): so it is seen what stands on the disk between a removal that was
 * told and the end of its round.
 */
#include "kernel/test_file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kernel/faulty_bed.h"
#include "spool/file/removals.h"
#include "spool/spool.h"

enum { FEW = 20, EVENTS_MAX = 400 };

static bool has_files(const struct bed *bed, const struct pirn_id *id)
{
    bool has_body = bed_has(bed, BED_BODY, id);

    assert_int_equal(bed_has(bed, BED_TMP, id), has_body);
    return has_body;
}

/* The one that is there. */
static int32_t claim_and_remove(struct bed *bed, bool durably)
{
    struct pirn_claim claim = {0};
    int32_t r = bed_claim(bed, &claim);

    return r != 1    ? -ENOENT
           : durably ? bed_remove_durably(bed, &claim)
                     : bed_remove(bed, &claim);
}

static void let_the_round_pass(struct bed *bed)
{
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

/* What was held back comes with the next turn. */
static void let_go(struct bed *bed)
{
    faulty_hold(ENGINE_NONE);
    assert_true(pirn_context_turn(bed->context, 0) >= 0);
    let_the_round_pass(bed);
}

static void turn_until_held(struct bed *bed)
{
    for (int i = 0; i < 1000 && !faulty_has_held(); i++) {
        assert_true(pirn_context_turn(bed->context, 10000000) >= 0);
    }
    assert_true(faulty_has_held());
}

/* ---- told, synced, unlinked ---- */

static void it_is_told_before_anything_is_synced(void **state)
{
    struct bed *bed = *state;
    struct pirn_view view = {0};
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put(bed, "body", 4);

    faulty_plan(ENGINE_FSYNC, UINT32_MAX, 1, -EIO); /* only counts */
    assert_int_equal(claim_and_remove(bed, false), 0);
    assert_int_equal(faulty_outcome()->seen, 0);
    assert_true(has_files(bed, &id));
    let_the_round_pass(bed);
    assert_int_equal(faulty_outcome()->seen, 2);
    assert_false(has_files(bed, &id));
    assert_int_equal(bed_look(bed, &view, &id), -ENOENT);
    assert_int_equal(file_claim_id(bed, &claim, &id), -ENOENT);
}

static void what_is_removed_is_no_item_though_its_files_are_there(void **state)
{
    struct bed *bed = *state;
    struct pirn_view view = {0};
    struct pirn_claim claim = {0};
    struct pirn_listing listing = {0};
    struct pirn_id id = bed_put(bed, "body", 4);

    faulty_hold(ENGINE_FSYNC);
    assert_int_equal(claim_and_remove(bed, false), 0);
    turn_until_held(bed);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_int_equal(file_claim_id(bed, &claim, &id), -ENOENT);
    assert_int_equal(bed_look(bed, &view, &id), -ENOENT);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.claimed + status.leftovers, 0);
    pirn_prep_listing(&listing, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    pirn_prep_listing_next(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    assert_true(has_files(bed, &id));
    let_go(bed);
    assert_false(has_files(bed, &id));
}

static void many_share_their_syncs(void **state)
{
    struct bed *bed = *state;

    bed_put_many(bed, FEW);
    faulty_plan(ENGINE_FSYNC, UINT32_MAX, 1, -EIO);
    for (int i = 0; i < FEW; i++) {
        assert_int_equal(claim_and_remove(bed, false), 0);
    }
    let_the_round_pass(bed);
    assert_true(faulty_outcome()->seen < FEW);
    assert_int_equal(bed_entries(bed, ".tmp/0000"), 0);
    printf("# {\"suite\": \"kernel-file-removal\", \"items\": %d, "
           "\"syncs\": %u}\n",
           FEW, faulty_outcome()->seen);
}

/* Recovery at the close would sync each directory anew. */
static void a_close_ends_them_all(void **state)
{
    struct bed *bed = *state;

    bed_put_many(bed, FEW);
    for (int i = 0; i < FEW; i++) {
        assert_int_equal(claim_and_remove(bed, false), 0);
    }
    faulty_plan(ENGINE_FSYNC, UINT32_MAX, 1, -EIO);
    bed_close(bed);
    assert_true(faulty_outcome()->seen <= 2);
    assert_int_equal(bed_entries(bed, ".tmp/0000"), 0);
}

static void who_wants_to_know_waits_for_the_disk(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[2] = {bed_put(bed, "one", 3), bed_put(bed, "two", 3)};

    assert_int_equal(claim_and_remove(bed, false), 0);
    faulty_plan(ENGINE_FSYNC, UINT32_MAX, 1, -EIO);
    assert_int_equal(claim_and_remove(bed, true), 0);
    assert_int_equal(faulty_outcome()->seen, 2); /* the other's, too */
    assert_false(has_files(bed, &ids[1]));
    let_the_round_pass(bed);
    assert_int_equal(faulty_outcome()->seen, 2);
    assert_false(has_files(bed, &ids[0]));
}

static void a_shared_body_stays_as_the_others(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim of = {0};
    struct pirn_claim other = {0};
    struct pirn_draft draft = {0};
    char buf[8];

    (void)bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &of), 1);
    pirn_prep_share(&draft, &of, "incoming", NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_remove(bed, &of), 0);
    let_the_round_pass(bed);
    assert_int_equal(bed_claim(bed, &other), 1);
    pirn_prep_claim_read(&other, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &other.op), 4);
    assert_memory_equal(buf, "body", 4);
    assert_int_equal(bed_remove(bed, &other), 0);
}

/* ---- so many, and no more ---- */

struct remover {
    struct pirn_claim claim;
    int32_t result;
};

static void removed(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct remover, claim.op)->result = result;
}

/* All but @more are told while no sync ends; the others when one does. */
static void one_more_than_may_be_unfinished_waits_for_the_disk(void **state)
{
    enum { ALL = PIRN__REMOVALS_MAX + 3 };
    struct bed *bed = *state;
    struct remover *removers = calloc(ALL, sizeof(*removers));
    uint32_t told = 0;

    assert_non_null(removers);
    bed_put_many(bed, ALL);
    for (uint32_t i = 0; i < ALL; i++) {
        assert_int_equal(bed_claim(bed, &removers[i].claim), 1);
    }
    faulty_hold(ENGINE_FSYNC);
    for (uint32_t i = 0; i < ALL; i++) {
        removers[i].result = 1;
        pirn_prep_remove(&removers[i].claim);
        pirn_start(bed->context, &removers[i].claim.op, removed);
    }
    for (int i = 0; i < 20000 && told < PIRN__REMOVALS_MAX; i++) {
        assert_true(pirn_context_turn(bed->context, 10000000) >= 0);
        told = 0;
        for (uint32_t at = 0; at < ALL; at++) {
            told += removers[at].result == 0;
        }
    }
    assert_true(told >= PIRN__REMOVALS_MAX);
    assert_int_equal(pirn__removals_unfinished(bed->spool), PIRN__REMOVALS_MAX);
    let_go(bed);
    for (uint32_t i = 0; i < ALL; i++) {
        assert_int_equal(removers[i].result, 0);
    }
    assert_int_equal(bed_entries(bed, ".tmp/0000"), 0);
    free(removers);
}

/* ---- a disk that fails ---- */

static void bodies_stay_where_a_sync_failed(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[2];

    for (uint32_t place = 1; place <= 2; place++) {
        ids[0] = bed_put(bed, "one", 3);
        ids[1] = bed_put(bed, "two", 3);
        assert_int_equal(claim_and_remove(bed, false), 0);
        faulty_plan(ENGINE_FSYNC, place, 1, -EIO);
        let_the_round_pass(bed);
        bed_heal();
        assert_true(has_files(bed, &ids[0]));
        assert_int_equal(claim_and_remove(bed, false), -EIO); /* it is final */
        assert_true(has_files(bed, &ids[1]));
        file_reopen(bed); /* recovery syncs on its own, then removes */
        assert_false(has_files(bed, &ids[0]));
        assert_false(has_files(bed, &ids[1]));
    }
}

static void a_sync_that_could_not_be_tried_is_tried_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);

    file_reopen(bed); /* it has no directory open */
    assert_int_equal(claim_and_remove(bed, false), 0);
    faulty_plan(ENGINE_OPEN, 1, 1, -EMFILE);
    let_the_round_pass(bed);
    assert_int_equal(faulty_outcome()->failed, 1);
    bed->fd_count += (int)faulty_outcome()->opened;
    bed_heal();
    assert_false(has_files(bed, &id));
}

static void a_body_that_cannot_be_unlinked_keeps_its_name(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[2] = {bed_put(bed, "one", 3), bed_put(bed, "two", 3)};

    assert_int_equal(claim_and_remove(bed, false), 0);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &ids[0])), 0);
    let_the_round_pass(bed);
    assert_false(bed_has(bed, BED_TMP, &ids[0])); /* gone is well */
    assert_int_equal(claim_and_remove(bed, false), 0);
    faulty_plan(ENGINE_UNLINK, 1, 1, -EIO);
    let_the_round_pass(bed);
    bed_heal();
    assert_true(bed_has(bed, BED_TMP, &ids[1]));
}

/* ---- a process that is killed or stopped ---- */

/* How many it has been told to have removed. */
static volatile int *told;

static int remove_and_die(const struct bed *bed, uint32_t event)
{
    struct bed mine = *bed;

    if (pirn__context_create_on(faulty_engine(), NULL, &mine.context) < 0 ||
        bed_open(&mine, false) < 0) {
        return 2;
    }
    faulty_kill(event);
    for (int i = 0; i < 3; i++) {
        struct pirn_claim claim = {0};
        if (bed_claim(&mine, &claim) != 1 || bed_remove(&mine, &claim) != 0) {
            return 3;
        }
        ++*told;
    }
    return pirn_context_drain(mine.context) < 0 ? 4 : 0;
}

/* What was told stays removed, whatever the rest has come to. */
static bool kill_at(struct bed *bed, uint32_t event)
{
    struct pirn_claim claim = {0};
    int status = 0;

    for (int i = 0; i < 3; i++) {
        (void)bed_put(bed, "body", 4);
    }
    bed_close(bed);
    *told = 0;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(remove_and_die(bed, event));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    assert_int_equal(bed_open(bed, false), 0);
    int left = (int)bed_status(bed).ready;
    assert_true(left == 3 - *told || (is_killed && left == 2 - *told));
    while (bed_claim(bed, &claim) == 1) {
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
    }
    struct pirn_status empty = bed_status(bed);
    assert_int_equal(empty.drafts + empty.leftovers, 0);
    return is_killed;
}

static void a_kill_brings_back_nothing_that_was_told(void **state)
{
    struct bed *bed = *state;
    const uint32_t step = getenv("PIRN_LONG") != NULL ? 1 : 7;
    uint32_t event = 1;

    told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(told, MAP_FAILED);
    while (kill_at(bed, event)) {
        event += step;
        assert_true(event < EVENTS_MAX);
    }
    munmap((void *)told, sizeof(*told));
}

static int remove_and_stop(const struct bed *bed)
{
    struct bed mine = *bed;
    struct pirn_claim claim = {0};

    if (pirn__context_create_on(faulty_engine(), NULL, &mine.context) < 0 ||
        bed_open(&mine, false) < 0) {
        return 2;
    }
    faulty_hold(ENGINE_FSYNC);
    while (bed_claim(&mine, &claim) == 1) {
        if (bed_remove(&mine, &claim) != 0) {
            return 3;
        }
    }
    (void)raise(SIGSTOP);
    return 4;
}

static void who_is_stopped_in_the_midst_keeps_nobody_up(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    int status = 0;

    bed_put_many(bed, FEW);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(remove_and_stop(bed));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(bed_entries(bed, ".tmp/0001"), FEW);
    struct pirn_id id = bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &id, sizeof(id));
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    struct pirn_status now = bed_status(bed);
    assert_int_equal(now.ready + now.claimed + now.leftovers, 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    file_reopen(bed);
    assert_int_equal(bed_status(bed).drafts, 0);
    assert_int_equal(bed_status(bed).ready, 0);
}

/* ---- pure ---- */

static void a_round_is_due_when_it_is_quiet_and_in_time(void **state)
{
    const uint64_t quiet = PIRN__REMOVALS_QUIET_NS;
    const uint64_t late = PIRN__REMOVALS_LATE_NS;

    (void)state;
    assert_true(pirn__removals_due_ns(100, 100) == 100 + quiet);
    assert_true(pirn__removals_due_ns(100, 200) == 200 + quiet);
    assert_true(pirn__removals_due_ns(100, late) == 100 + late);
    assert_true(late < UINT64_C(500000000)); /* syncs have the other half */
}

#define T(name) BED_FAULTY_TEST(name)

BED_MAIN(T(it_is_told_before_anything_is_synced),
         T(what_is_removed_is_no_item_though_its_files_are_there),
         T(many_share_their_syncs), T(a_close_ends_them_all),
         T(who_wants_to_know_waits_for_the_disk),
         T(a_shared_body_stays_as_the_others),
         T(one_more_than_may_be_unfinished_waits_for_the_disk),
         T(bodies_stay_where_a_sync_failed),
         T(a_sync_that_could_not_be_tried_is_tried_again),
         T(a_body_that_cannot_be_unlinked_keeps_its_name),
         T(a_kill_brings_back_nothing_that_was_told),
         T(who_is_stopped_in_the_midst_keeps_nobody_up),
         cmocka_unit_test(a_round_is_due_when_it_is_quiet_and_in_time))
