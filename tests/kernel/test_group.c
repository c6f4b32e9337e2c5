/* SPDX-License-Identifier: MIT */
/* test_group.c - members begin together, or not at all, and end in order */
#include "tests/kernel/ring.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { MEMBERS = 4, NOBODY = MEMBERS };

struct member {
    struct pirn_op delay;
    struct pirn_op *done;
    struct pirn_context *context;
    struct journal *journal;
    pthread_t thread;
    uint32_t index;
};

/* What the hooks are to do, and what they noted. */
struct journal {
    struct member members[MEMBERS];
    atomic_int inits;
    atomic_int cleanups;
    atomic_int wrong_thread;
    uint32_t order[MEMBERS]; /* of the cleanups */
    uint32_t failing;        /* the member whose init fails */
    bool slow;               /* init and cleanup take a timer's time */
};

static void finish(struct pirn_op *op, int32_t result)
{
    struct member *member = pirn_container_of(op, struct member, delay);
    struct journal *journal = member->journal;

    (void)result;
    pirn_task_finish(member->context, member->done,
                     member->index == journal->failing ? -EUCLEAN : 0);
}

static void finish_now_or_later(struct member *member, struct pirn_op *done)
{
    member->done = done;
    if (member->journal->slow) {
        pirn_prep_timer(&member->delay, 1000000 * (1 + member->index));
        pirn_start(member->context, &member->delay, finish);
    } else {
        finish(&member->delay, 0);
    }
}

static void init(struct pirn_context *context, uint32_t index, void *user,
                 struct pirn_op *done)
{
    struct journal *journal = user;
    struct member *member = &journal->members[index];

    *member = (struct member){.context = context,
                              .journal = journal,
                              .thread = pthread_self(),
                              .index = index};
    atomic_fetch_add(&journal->inits, 1);
    finish_now_or_later(member, done);
}

static void cleanup(struct pirn_context *context, uint32_t index, void *user,
                    struct pirn_op *done)
{
    struct journal *journal = user;
    struct member *member = &journal->members[index];

    (void)context;
    journal->order[atomic_fetch_add(&journal->cleanups, 1)] = index;
    if (!pthread_equal(member->thread, pthread_self())) {
        atomic_fetch_add(&journal->wrong_thread, 1);
    }
    finish_now_or_later(member, done);
}

static struct pirn_group_config config_of(struct journal *journal)
{
    return (struct pirn_group_config){
        .count = MEMBERS, .init = init, .cleanup = cleanup, .user = journal};
}

static void members_begin_together_and_end_in_order(void **state)
{
    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        struct journal journal = {.failing = NOBODY, .slow = slow};
        const struct pirn_group_config config = config_of(&journal);
        struct pirn_group *group;

        assert_int_equal(pirn_group_create(&config, &group), 0);
        assert_int_equal(journal.inits, MEMBERS);
        assert_int_equal(journal.cleanups, 0);
        assert_int_equal(pirn_group_error(group), 0);
        for (uint32_t i = 0; i < MEMBERS; i++) {
            assert_ptr_equal(pirn_group_context(group, i),
                             journal.members[i].context);
        }
        assert_null(pirn_group_destroy(group));
        assert_int_equal(journal.cleanups, MEMBERS);
        assert_int_equal(journal.wrong_thread, 0);
        for (uint32_t i = 0; i < MEMBERS; i++) {
            assert_int_equal(journal.order[i], i);
        }
    }
}

static void failed_init_of_one_cleans_up_the_others(void **state)
{
    (void)state;
    for (uint32_t failing = 0; failing < MEMBERS; failing++) {
        struct journal journal = {.failing = failing, .slow = failing % 2};
        const struct pirn_group_config config = config_of(&journal);
        struct pirn_group *group = NULL;

        assert_int_equal(pirn_group_create(&config, &group), -EUCLEAN);
        assert_null(group);
        assert_int_equal(journal.inits, MEMBERS);
        assert_int_equal(journal.cleanups, MEMBERS - 1);
        for (uint32_t i = 0; i < MEMBERS - 1; i++) {
            assert_int_not_equal(journal.order[i], failing);
        }
    }
}

static void context_that_cannot_be_made_is_the_groups_error(void **state)
{
    struct journal journal = {.failing = NOBODY};
    struct pirn_group_config config = config_of(&journal);
    struct pirn_group *group = NULL;

    (void)state;
    config.context.sq_entries = 3;
    assert_int_equal(pirn_group_create(&config, &group), -EINVAL);
    assert_null(group);
    assert_int_equal(journal.inits, 0);
    assert_int_equal(journal.cleanups, 0);
}

static void group_without_hooks_runs(void **state)
{
    const struct pirn_group_config config = {.count = 2};
    struct pirn_group *group;

    (void)state;
    assert_int_equal(pirn_group_create(&config, &group), 0);
    pirn_group_destroy(group);
    pirn_group_destroy(NULL);
}

/* What an init starts does nothing before all have begun, but in the turn that
 * ends the init: the last member's takes its time, and what the other starts in
 * that turn waits for it. */
struct eager {
    struct pirn_op now;
    struct pirn_op delay;
    struct pirn_op *done;
    struct pirn_context *context;
    struct eagers *all;
};

struct eagers {
    struct eager members[2];
    atomic_bool all_began;
    atomic_int too_early;
    atomic_int called;
};

static void eager_now(struct pirn_op *op, int32_t result)
{
    struct eager *eager = pirn_container_of(op, struct eager, now);

    (void)result;
    if (!atomic_load(&eager->all->all_began)) {
        atomic_fetch_add(&eager->all->too_early, 1);
    }
    atomic_fetch_add(&eager->all->called, 1);
}

/* In the turn that ends the init, or later. */
static void eager_soon(struct pirn_op *op, int32_t result)
{
    struct eager *eager = pirn_container_of(op, struct eager, delay);

    (void)result;
    pirn_prep_timer(&eager->now, 0);
    pirn_start(eager->context, &eager->now, eager_now);
}

static void eager_late(struct pirn_op *op, int32_t result)
{
    struct eager *eager = pirn_container_of(op, struct eager, delay);

    (void)result;
    atomic_store(&eager->all->all_began, true);
    pirn_prep_timer(&eager->now, 0);
    pirn_start(eager->context, &eager->now, eager_now);
    pirn_task_finish(eager->context, eager->done, 0);
}

static void eager_init(struct pirn_context *context, uint32_t index, void *user,
                       struct pirn_op *done)
{
    struct eagers *all = user;
    struct eager *eager = &all->members[index];

    *eager = (struct eager){.context = context, .all = all, .done = done};
    if (index == 0) {
        pirn_task_finish(context, done, 0);
        pirn_prep_timer(&eager->delay, 0);
        pirn_start(context, &eager->delay, eager_soon);
    } else {
        pirn_prep_timer(&eager->delay, 30000000);
        pirn_start(context, &eager->delay, eager_late);
    }
}

static void nothing_runs_before_all_have_begun(void **state)
{
    struct eagers all = {0};
    const struct pirn_group_config config = {
        .count = 2, .init = eager_init, .user = &all};
    struct pirn_group *group;

    (void)state;
    assert_int_equal(pirn_group_create(&config, &group), 0);
    pirn_group_destroy(group);
    assert_int_equal(all.called, 2);
    assert_int_equal(all.too_early, 0);
}

/* A member that was stopped from inside keeps its context until the end. */
static void stop_fn(struct pirn_op *op, int32_t result)
{
    struct member *member = pirn_container_of(op, struct member, delay);

    (void)result;
    pirn_context_stop(member->context);
}

static void member_that_stopped_by_itself_can_be_ended(void **state)
{
    struct journal journal = {.failing = NOBODY};
    const struct pirn_group_config config = config_of(&journal);

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct pirn_group *group;

        journal.cleanups = 0;
        assert_int_equal(pirn_group_create(&config, &group), 0);
        for (uint32_t k = 0; k < MEMBERS; k++) {
            pirn_post(pirn_group_context(group, k), &journal.members[k].delay,
                      stop_fn);
        }
        pirn_group_destroy(group);
        assert_int_equal(journal.cleanups, MEMBERS);
    }
}

/* The last member's cleanup serves a ball; the other has drained by then. */
struct match {
    struct pirn_op ball;
    struct pirn_context *sides[2];
    atomic_int left;
};

static void hit(struct pirn_op *op, int32_t result)
{
    struct match *match = pirn_container_of(op, struct match, ball);
    int left = atomic_fetch_sub(&match->left, 1) - 1;

    (void)result;
    if (left > 0) {
        pirn_post(match->sides[left % 2], op, hit);
    }
}

static void take_side(struct pirn_context *context, uint32_t index, void *user,
                      struct pirn_op *done)
{
    ((struct match *)user)->sides[index] = context;
    pirn_task_finish(context, done, 0);
}

static void serve(struct pirn_context *context, uint32_t index, void *user,
                  struct pirn_op *done)
{
    struct match *match = user;

    if (index == 1) {
        pirn_post(match->sides[0], &match->ball, hit);
    }
    pirn_task_finish(context, done, 0);
}

static void posts_between_members_that_end_arrive(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct match match = {.left = 1000};
        const struct pirn_group_config config = {
            .count = 2, .init = take_side, .cleanup = serve, .user = &match};
        struct pirn_group *group;

        assert_int_equal(pirn_group_create(&config, &group), 0);
        pirn_group_destroy(group);
        assert_int_equal(match.left, 0);
    }
}

RING_TEST_MAIN(RING_TEST(members_begin_together_and_end_in_order),
               RING_TEST(failed_init_of_one_cleans_up_the_others),
               RING_TEST(context_that_cannot_be_made_is_the_groups_error),
               RING_TEST(group_without_hooks_runs),
               RING_TEST(nothing_runs_before_all_have_begun),
               RING_TEST(member_that_stopped_by_itself_can_be_ended),
               RING_TEST(posts_between_members_that_end_arrive))
