/* SPDX-License-Identifier: MIT */
/*
 * pirn/post.h - the one thing another thread may do to a context
 */
#ifndef PIRN_POST_H
#define PIRN_POST_H

#include <pirn/op.h>

PIRN_BEGIN_DECLS

/**
 * pirn_post() - have a function called on another context's thread
 * @target: the context on whose thread @fn is called; its owner keeps it alive
 *          until the call has returned, which may be after @fn (the members of
 *          a group live until none can be in the midst of a call)
 * @op:     idle; needs no preparation; loaned to @target until @fn
 * @fn:     called with 0
 *
 * Lock-free; posts of one thread arrive in their order; a sleeping target is
 * woken once per sleep. All that the poster wrote before is seen by @fn. A post
 * cannot be cancelled.
 *
 * Context: any thread.
 */
PIRN_API void pirn_post(struct pirn_context *target, struct pirn_op *op,
                        pirn_op_fn *fn);

PIRN_END_DECLS

#endif /* PIRN_POST_H */
