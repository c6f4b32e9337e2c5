/* SPDX-License-Identifier: MIT */
/*
 * pirn/event.h - what is being done in a spool, as it is done
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 *
 *   events -> next -> next ... -> end
 *               |
 *               +-> some events, of whatever process
 *
 * Live, not durable: each verb that has ended well is told to who listens then,
 * and kept for nobody. Who tells neither waits nor is slowed down, and where
 * nobody listens he pays the look at one word. A listener that is too slow is
 * told how many events he has lost, in the place of those. Who is killed
 * between the end of a verb and the word of it has told nobody; that, and the
 * kill of a listener, does no harm to others.
 *
 * The order is that in which they were told: of one open that of its verbs; of
 * several, a `claimed' may come before its `enqueued'.
 */
#ifndef PIRN_EVENT_H
#define PIRN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_spool;

/* One for each verb that ended well; the first that fits. */
enum pirn_event_kind {
    PIRN_EVENT_LOST = 0,   /* @count events that were told, of any kind */
    PIRN_EVENT_ENQUEUED,   /* durable, and to be had if it is due */
    PIRN_EVENT_SHARED,     /* likewise, on the body of another item */
    PIRN_EVENT_CLAIMED,    /* by @owner */
    PIRN_EVENT_MOVED,      /* by a change, from @queue to @to */
    PIRN_EVENT_HELD,       /* by a change that says so */
    PIRN_EVENT_RELEASED,   /* by a change that says so */
    PIRN_EVENT_UPDATED,    /* by another change; @owner goes on having it */
    PIRN_EVENT_GIVEN_BACK, /* ready when it is due */
    PIRN_EVENT_REMOVED,
    PIRN_EVENT_DEAD,   /* @owner has died, or closed: @count items of his are
                          ready again; once for each layout he had some in */
    PIRN_EVENT_FENCED, /* @count items were taken from @owner, who lives */
    PIRN_EVENT_KINDS,
};

struct pirn_spool_event {
    enum pirn_event_kind kind;
    uint32_t owner;    /* slot of who did it; of dead and fenced, whose items */
    uint64_t serial;   /* one more with each event that is told */
    uint64_t time_ns;  /* CLOCK_REALTIME, of who told it */
    struct pirn_id id; /* zeros where the event is of no one item */
    char queue[PIRN_QUEUE_TEXT]; /* the item's before; "" likewise */
    char to[PIRN_QUEUE_TEXT];    /* of a move; else "" */
    uint32_t attempts;           /* as pirn_item has them, by now */
    uint64_t due_ns;             /* likewise */
    uint64_t count;              /* of lost, dead and fenced; else 0 */
    bool held;                   /* the verb said so */
};

/* Zeroed: all of them. */
struct pirn_events_config {
    const char *queue; /* those from or to it, and those of no one item */
    uint32_t kinds; /* 1u << enum pirn_event_kind, or'ed; lost comes always */
};

/* Listening. */
struct pirn_events {
    struct pirn_op op;
    struct pirn_spool_event *events; /* of a next that said so; till the next */
    struct {
        struct pirn_events_work *work;
        struct pirn_spool *spool;
        const struct pirn_events_config *config;
    } priv;
};

/**
 * pirn_prep_events() - begin to listen
 * @config: loaned until the end; NULL: all events
 *
 * Result: 0: no event that is told from now on is missed unheard. -EOPNOTSUPP
 * the spool has no log, and so its processes share no memory; -EUSERS 64 listen
 * already; -ENOSPC there is no room where the index is, 1.5 MiB for the first
 * who listens; or an errno. Then there is nothing to end.
 */
PIRN_API void pirn_prep_events(struct pirn_events *events,
                               struct pirn_spool *spool,
                               const struct pirn_events_config *config);

/**
 * pirn_prep_events_next() - wait for events
 *
 * Result: how many, 1 to 64, the oldest first; -ECANCELED it was asked to end,
 * and nothing is lost by that. Nobody is woken: who waits looks after 1 ms,
 * then more and more rarely, every 50 ms at last. Who looks less often than
 * 8,192 events come loses some. An event that was begun and not told within
 * 100 ms, because its teller was stopped or killed, is lost.
 *
 * What a check mends and what is set aside as damaged is no event of its own,
 * nor that an item's time has come.
 */
PIRN_API void pirn_prep_events_next(struct pirn_events *events);

/** pirn_prep_events_end() - listen no more; result 0 */
PIRN_API void pirn_prep_events_end(struct pirn_events *events);

/** pirn_event_kind_name() - "enqueued", "given-back", ... for people and
 * programs */
PIRN_API const char *pirn_event_kind_name(enum pirn_event_kind kind);

PIRN_END_DECLS

#endif /* PIRN_EVENT_H */
