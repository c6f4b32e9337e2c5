/* SPDX-License-Identifier: MIT */
/*
 * spool/log/event_ring.h - events in memory that many processes share
 *
 *   next: N      slots: | N-1 | ... | serial, words, sum | ...
 *
 * Who tells takes a serial and stores his event into that serial's slot; he
 * looks at nothing else there, so nobody can stop him. Who listens keeps a
 * serial of his own. See event_ring.c. Pure.
 */
#ifndef SPOOL_LOG_EVENT_RING_H
#define SPOOL_LOG_EVENT_RING_H

#include <pirn/event.h>

#define PIRN__EVENT_SLOTS 8192u /* a power of two, in an index */
#define PIRN__EVENT_WORDS 23u
#define PIRN__EVENT_GAP_NS 100000000ull

struct pirn__event_slot {
    uint64_t sum; /* of the words, the serial among them */
    uint64_t words[PIRN__EVENT_WORDS];
};

struct pirn__event_ring {
    uint64_t *next; /* the next serial */
    struct pirn__event_slot *slots;
    uint32_t slot_count;
};

/* What a listener has of the ring. */
struct pirn__event_reader {
    uint64_t serial; /* he has heard, or lost, all below */
    uint64_t gap_ns; /* since when it is not there, though it was taken; 0 */
};

/** pirn__event_ring_tell() - @event->serial is what the ring says */
void pirn__event_ring_tell(const struct pirn__event_ring *ring,
                           const struct pirn_spool_event *event);

/** pirn__event_reader_init() - hears what is told from now on */
void pirn__event_reader_init(struct pirn__event_reader *reader,
                             const struct pirn__event_ring *ring);

/**
 * pirn__event_ring_read() - the next event
 * @now_ns:    any clock that only goes on, above 0
 * @ret_event: or PIRN_EVENT_LOST, with the count and the first serial
 *
 * Return: 1; 0 there is none yet
 */
int pirn__event_ring_read(const struct pirn__event_ring *ring,
                          struct pirn__event_reader *reader, uint64_t now_ns,
                          struct pirn_spool_event *ret_event);

#endif /* SPOOL_LOG_EVENT_RING_H */
