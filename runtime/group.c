/* SPDX-License-Identifier: MIT */
/*
 * group.c - members begin together, end one after the other, go together
 *
 * A member's thread reports once how its beginning went, and then waits for the
 * word of the group's maker: go, or clean up. Only the maker decides, so there
 * is no state in which some run and others do not. A member that has stopped,
 * by itself or by an error, keeps its context until the maker ends it: others
 * may still post to it; and it may answer, so at the end all drain in rounds,
 * until in one of them nobody had anything. The lock guards the counters, the
 * word and the ends; nothing is locked while contexts run.
 */
#include "pirn/group.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pirn/invariant.h"
#include "pirn/task.h"

enum { MEMBER_MAX = 1024 };

enum word {
    WORD_NONE = 0,
    WORD_GO,
    WORD_CLEAN_UP, /* somebody could not begin */
    WORD_DESTROY,  /* all have drained: only posts may be on their way */
};

struct member {
    struct pirn_group *group;
    struct pirn_context *context;
    pthread_t thread;
    uint32_t index;
    bool is_ended;   /* by the maker */
    bool is_drained; /* its cleanup is done, and nothing is loaned to it */
};

struct pirn_group {
    struct pirn_group_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t reported; /* members that began, or could not */
    int error;         /* the first of any member */
    enum word word;
    uint32_t started; /* threads */
    uint32_t round;   /* of draining what was posted meanwhile */
    uint32_t settled; /* members that have drained in this round */
    bool had_any;     /* one of them had something */
    bool goes_on;     /* so in the last round, and there is another */
    struct member members[];
};

static void hook_done(struct pirn_op *op, int32_t result)
{
    (void)op; /* run_hook() sees that it is idle */
    (void)result;
}

/* Run a hook and turn until the task that it was given is finished. */
static int run_hook(struct member *member, pirn_group_hook_fn *hook)
{
    struct pirn_op done = {0};
    int r;

    if (hook == NULL) {
        return 0;
    }
    pirn_prep_task(&done, NULL);
    pirn_start(member->context, &done, hook_done);
    hook(member->context, member->index, member->group->config.user, &done);
    do {
        r = pirn_context_turn(member->context, PIRN_FOREVER);
    } while (r >= 0 && !pirn_op_is_idle(&done));
    return r < 0 ? r : pirn_op_result(&done);
}

static void note_error(struct pirn_group *group, int error)
{
    pthread_mutex_lock(&group->lock);
    if (error < 0 && group->error == 0) {
        group->error = error;
    }
    pthread_mutex_unlock(&group->lock);
}

/* Tell the maker how it went, and wait for his word. */
static enum word report(struct pirn_group *group, int error)
{
    enum word word;

    note_error(group, error);
    pthread_mutex_lock(&group->lock);
    group->reported++;
    pthread_cond_broadcast(&group->changed);
    while (group->word == WORD_NONE) {
        pthread_cond_wait(&group->changed, &group->lock);
    }
    word = group->word;
    pthread_mutex_unlock(&group->lock);
    return word;
}

static void wait_for_end(struct member *member)
{
    struct pirn_group *group = member->group;

    pthread_mutex_lock(&group->lock);
    while (!member->is_ended) {
        pthread_cond_wait(&group->changed, &group->lock);
    }
    pthread_mutex_unlock(&group->lock);
}

/* A context lives until no member can be in the midst of a post to it. */
static void wait_for_the_others(struct member *member)
{
    struct pirn_group *group = member->group;

    pthread_mutex_lock(&group->lock);
    member->is_drained = true;
    pthread_cond_broadcast(&group->changed);
    while (group->word != WORD_DESTROY) {
        pthread_cond_wait(&group->changed, &group->lock);
    }
    pthread_mutex_unlock(&group->lock);
}

/* Return: whether there was anything. */
static bool drain_again(struct member *member)
{
    struct pirn_context_stats before;
    struct pirn_context_stats after;

    if (member->context == NULL) {
        return false;
    }
    pirn_context_stats(member->context, &before);
    note_error(member->group, pirn_context_drain(member->context));
    pirn_context_stats(member->context, &after);
    return after.functions > before.functions;
}

/* One round, in which nobody goes on before all have drained. What they called
 * may have posted to who had drained already: then there is another. */
static bool settle(struct member *member)
{
    struct pirn_group *group = member->group;
    bool had_any = drain_again(member);
    uint32_t round;
    bool goes_on;

    pthread_mutex_lock(&group->lock);
    round = group->round;
    group->had_any |= had_any;
    if (++group->settled == group->started) {
        group->goes_on = group->had_any;
        group->had_any = false;
        group->settled = 0;
        group->round++;
        pthread_cond_broadcast(&group->changed);
    }
    while (group->round == round) {
        pthread_cond_wait(&group->changed, &group->lock);
    }
    goes_on = group->goes_on;
    pthread_mutex_unlock(&group->lock);
    return goes_on;
}

static void *member_main(void *argument)
{
    struct member *member = argument;
    struct pirn_group *group = member->group;
    int created = pirn_context_create(&group->config.context, &member->context);
    int began = created;

    if (created == 0) {
        began = run_hook(member, group->config.init);
    }
    if (report(group, began) == WORD_GO) {
        note_error(group, pirn_context_run(member->context));
        wait_for_end(member);
    }
    if (began == 0) {
        note_error(group, run_hook(member, group->config.cleanup));
    }
    if (created == 0) {
        note_error(group, pirn_context_drain(member->context));
    }
    wait_for_the_others(member);
    while (settle(member)) {
        /* nobody's context goes while somebody may still post to it */
    }
    member->context = pirn_context_destroy(member->context);
    return NULL;
}

static void wait_for_reports(struct pirn_group *group)
{
    pthread_mutex_lock(&group->lock);
    while (group->reported < group->started) {
        pthread_cond_wait(&group->changed, &group->lock);
    }
    group->word = group->error == 0 ? WORD_GO : WORD_CLEAN_UP;
    pthread_cond_broadcast(&group->changed);
    pthread_mutex_unlock(&group->lock);
}

static void start_threads(struct pirn_group *group)
{
    for (uint32_t i = 0; i < group->config.count; i++) {
        struct member *member = &group->members[i];
        int error;

        *member = (struct member){.group = group, .index = i};
        error = pthread_create(&member->thread, NULL, member_main, member);
        if (error != 0) {
            note_error(group, -error);
            return;
        }
        group->started++;
    }
}

int pirn_group_create(const struct pirn_group_config *config,
                      struct pirn_group **ret_group)
{
    struct pirn_group *group;
    int error;

    pirn_assert(config->count >= 1 && config->count <= MEMBER_MAX);
    group =
        calloc(1, sizeof(*group) + config->count * sizeof(group->members[0]));
    if (group == NULL) {
        return -ENOMEM;
    }
    group->config = *config;
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->changed, NULL);
    start_threads(group);
    wait_for_reports(group);
    if (group->error < 0) {
        error = group->error;
        pirn_group_destroy(group);
        return error;
    }
    *ret_group = group;
    return 0;
}

struct pirn_context *pirn_group_context(struct pirn_group *group,
                                        uint32_t index)
{
    pirn_assert(index < group->config.count);

    return group->members[index].context;
}

int pirn_group_error(struct pirn_group *group)
{
    int error;

    pthread_mutex_lock(&group->lock);
    error = group->error;
    pthread_mutex_unlock(&group->lock);
    return error;
}

static void end_member(struct pirn_group *group, struct member *member)
{
    if (group->word == WORD_GO) {
        pirn_context_stop(member->context);
    }
    pthread_mutex_lock(&group->lock);
    member->is_ended = true;
    pthread_cond_broadcast(&group->changed);
    while (!member->is_drained) {
        pthread_cond_wait(&group->changed, &group->lock);
    }
    pthread_mutex_unlock(&group->lock);
}

static void join_all(struct pirn_group *group)
{
    pthread_mutex_lock(&group->lock);
    group->word = WORD_DESTROY;
    pthread_cond_broadcast(&group->changed);
    pthread_mutex_unlock(&group->lock);
    for (uint32_t i = 0; i < group->started; i++) {
        pthread_join(group->members[i].thread, NULL);
    }
}

struct pirn_group *pirn_group_destroy(struct pirn_group *group)
{
    if (group == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < group->started; i++) {
        end_member(group, &group->members[i]);
    }
    join_all(group);
    pthread_cond_destroy(&group->changed);
    pthread_mutex_destroy(&group->lock);
    free(group);
    return NULL;
}
