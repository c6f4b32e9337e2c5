/* SPDX-License-Identifier: MIT */
/*
 * pirn/trace_tree.h - what led to what, how often and for how long
 *
 * A consumer of pirn/trace.h. An op that is started in another's function is a
 * line below it; of the same name in the same place it is the same line:
 *
 *   ACCEPT: 1 started, 0 ended, 3 delivered, 0 ns, at most 0 ns
 *     RECV: 41 started, 38 ended, 0 delivered, 8201 ns, at most 903 ns
 *       SEND: 38 started, 38 ended, 0 delivered, 412 ns, at most 61 ns
 *
 * Who starts what he was started by, as an echo does, goes round: that is the
 * line that he has already. Times are from the start of an op to its end, as
 * the context's clock tells them; functions are not timed.
 */
#ifndef PIRN_TRACE_TREE_H
#define PIRN_TRACE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/trace.h>

PIRN_BEGIN_DECLS

/* A line; filled by the tree, and may be read at any time. */
struct pirn_trace_line {
    const char *name; /* as pirn_op_name() */
    uint64_t started;
    uint64_t ended;
    uint64_t delivered; /* a multishot, before its end */
    uint64_t total_ns;
    uint64_t most_ns;
    uint32_t above; /* its index; the first line is the program itself */
    uint32_t depth; /* of the first 0 */
};

/* Room for an op on loan. */
struct pirn_trace_flight {
    struct {
        const void *address; /* NULL: free */
        uint64_t since_ns;
        uint32_t line;
    } priv;
};

/* Placed by the caller. */
struct pirn_trace_tree {
    struct pirn_trace trace;
    struct {
        struct pirn_context *context;
        struct pirn_trace_line *lines;
        uint32_t line_count;
        uint32_t line_max;
        struct pirn_trace_flight *flights;
        uint32_t flight_count;
        uint32_t flight_max;
        uint32_t
            calling;   /* the line of the op whose function was called last */
        uint32_t turn; /* in which */
        uint64_t lost;
    } priv;
};

/**
 * pirn_trace_tree_begin() - grow a tree of all that is started from now on
 * @tree:       placed by the caller
 * @context:    which has no other trace
 * @lines:      @line_max, 2 or more, borrowed until the end; each kind of op in
 *              each place needs one
 * @flights:    @flight_max, 2 or more, borrowed likewise; one less ops on loan
 *              are followed at once
 */
PIRN_API void pirn_trace_tree_begin(struct pirn_trace_tree *tree,
                                    struct pirn_context *context,
                                    struct pirn_trace_line *lines,
                                    uint32_t line_max,
                                    struct pirn_trace_flight *flights,
                                    uint32_t flight_max);

/** pirn_trace_tree_end() - follow nothing more; the lines stay as they are */
PIRN_API void pirn_trace_tree_end(struct pirn_trace_tree *tree);

/** pirn_trace_tree_lost() - how many starts had no room
 *
 * Their ends are counted below the program, as those of messages, and of what
 * was started before the tree. */
PIRN_API uint64_t pirn_trace_tree_lost(const struct pirn_trace_tree *tree);

/**
 * pirn_trace_tree_print() - the lines, each behind the one above it
 * @text: @len bytes; cut where it ends, always with a NUL if @len > 0
 *
 * Return: how long it is without the cut
 */
PIRN_API size_t pirn_trace_tree_print(const struct pirn_trace_tree *tree,
                                      char *text, size_t len);

PIRN_END_DECLS

#endif /* PIRN_TRACE_TREE_H */
