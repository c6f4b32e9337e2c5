/* SPDX-License-Identifier: MIT */
/*
 * test_spool_workers.c - what a spool asks of the disk at once is bounded
 *
 * Far more is begun than may be under way. What works beside the context's
 * thread, workers of the kernel or a pool's, are threads of ours: they live on
 * for seconds, so counting them at each turn misses none.
 */
#include "kernel/test_log.h"

enum { WORKERS = 3, MANY = 64, BODY = 70000 };

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;

    for (struct dirent *at = tasks == NULL ? NULL : readdir(tasks); at != NULL;
         at = readdir(tasks)) {
        count += at->d_name[0] != '.';
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return count;
}

/* Where threads stand beside a ring each has as many. */
static int bound_of(const struct bed *bed)
{
    bool both = strcmp(pirn_context_engine(bed->context), "uring") == 0 &&
                strcmp(pirn_context_files(bed->context), "ring") != 0;

    return both ? 2 * WORKERS : WORKERS;
}

/* Ours, and what looks at it; the kernel's workers outlive a context. */
static int own_threads;

/* On a context with few workers, which nobody worked for before. */
static int few_open(struct bed *bed)
{
    const struct pirn_context_config config = {.worker_max = WORKERS};

    own_threads = own_threads == 0 ? count_threads() : own_threads;
    bed->context = pirn_context_destroy(bed->context);
    return pirn_context_create(&config, &bed->context) < 0
               ? -1
               : bed_open(bed, true);
}

static int few_setup(void **state)
{
    return bed_setup_empty(state) < 0 ? -1 : few_open(*state);
}

static int few_log_setup(void **state)
{
    return log_setup_closed(state) < 0 ? -1 : few_open(*state);
}

static void nothing(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* Until nothing is on loan. */
static void expect_few(struct bed *bed)
{
    int most = 0;

    while (pirn_context_loaned(bed->context) > 0) {
        assert_true(pirn_context_turn(bed->context, UINT64_MAX) >= 0);
        int count = count_threads() - own_threads;
        most = count > most ? count : most;
    }
    print_message("%d workers at most\n", most);
    assert_in_range(most, 1, bound_of(bed));
}

static void start_puts(struct bed *bed, struct pirn_draft *drafts)
{
    static const char body[BODY];

    memset(drafts, 0, MANY * sizeof(*drafts));
    for (int i = 0; i < MANY; i++) {
        pirn_prep_enqueue(&drafts[i], bed->spool, "incoming", body, BODY, NULL);
        pirn_start(bed->context, &drafts[i].op, nothing);
    }
}

static void start_claims(struct bed *bed, struct pirn_claim *claims)
{
    memset(claims, 0, MANY * sizeof(*claims));
    for (int i = 0; i < MANY; i++) {
        pirn_prep_claim(&claims[i], bed->spool, "incoming");
        pirn_start(bed->context, &claims[i].op, nothing);
    }
}

static void start_removals(struct bed *bed, struct pirn_claim *claims)
{
    for (int i = 0; i < MANY; i++) {
        assert_non_null(claims[i].priv.work);
        pirn_prep_remove_durable(&claims[i]);
        pirn_start(bed->context, &claims[i].op, nothing);
    }
}

/* Put, had and removed, all at once each time: opens, writes, syncs, renames
 * and unlinks. A body of this length is a file in both layouts. */
static void what_many_verbs_ask_for_at_once_meets_few_workers(void **state)
{
    static struct pirn_draft drafts[MANY];
    static struct pirn_claim claims[MANY];
    struct bed *bed = *state;

    start_puts(bed, drafts);
    expect_few(bed);
    start_claims(bed, claims);
    expect_few(bed);
    start_removals(bed, claims);
    expect_few(bed);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.claimed + status.drafts, 0);
}

#define FEW_TEST cmocka_unit_test_setup_teardown

BED_MAIN(FEW_TEST(what_many_verbs_ask_for_at_once_meets_few_workers, few_setup,
                  bed_teardown),
         FEW_TEST(what_many_verbs_ask_for_at_once_meets_few_workers,
                  few_log_setup, log_teardown))
