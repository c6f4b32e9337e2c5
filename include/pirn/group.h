/* SPDX-License-Identifier: MIT */
/*
 * pirn/group.h - N contexts on N threads
 *
 * Each member's thread makes its context, runs the init hook, waits until all
 * are ready, runs, and at the end runs the cleanup hook, drains and destroys.
 * Nothing runs before all are ready; if one fails to begin, none runs.
 */
#ifndef PIRN_GROUP_H
#define PIRN_GROUP_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/context.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_group;

/**
 * pirn_group_hook_fn - a member begins, or ends
 * @context: the member's; this is its thread
 * @index:   0 .. count - 1
 * @user:    the config's
 * @done:    a started task: finish it, now or later, with 0 or an error
 */
typedef void pirn_group_hook_fn(struct pirn_context *context, uint32_t index,
                                void *user, struct pirn_op *done);

struct pirn_group_config {
    uint32_t count; /* members, 1 .. 1024 */
    struct pirn_context_config context;
    pirn_group_hook_fn *init;    /* NULL: nothing to do */
    pirn_group_hook_fn *cleanup; /* NULL: nothing to do; called only where init
                                    succeeded */
    void *user;
};

/**
 * pirn_group_create() - start the threads and wait until all have begun
 * @config:    copied
 * @ret_group: running
 *
 * Return:  0, or the first error of a thread, a context or an init hook; what
 *          had begun has been cleaned up
 * Context: any thread. Blocks.
 */
PIRN_API PIRN_MUST_CHECK int pirn_group_create(
    const struct pirn_group_config *config, struct pirn_group **ret_group);

/** pirn_group_context() - a member's context, to post to */
PIRN_API struct pirn_context *pirn_group_context(struct pirn_group *group,
                                                 uint32_t index);

/**
 * pirn_group_error() - the first error that ended, or will end, a member
 *
 * Return:  0 while all run
 * Context: any thread.
 */
PIRN_API PIRN_MUST_CHECK int pirn_group_error(struct pirn_group *group);

/**
 * pirn_group_destroy() - end all members, in order, and free the group
 * @group: may be NULL
 *
 * Each member is stopped, its cleanup hook is called and finished, what is
 * loaned to it drains; then the next. When all have, and no post between them
 * is on its way, their contexts are destroyed: until then members may post to
 * each other, and what they post arrives.
 *
 * Return:  NULL
 * Context: any thread that is not a member's. Blocks.
 */
PIRN_API struct pirn_group *pirn_group_destroy(struct pirn_group *group);

PIRN_END_DECLS

#endif /* PIRN_GROUP_H */
