/* SPDX-License-Identifier: MIT */
/*
 * told.h - what who works on a spool tells of it, in a file on another disk
 *
 * Each call is told when it begins and when it has ended, with the position of
 * the disk's log at that time (disk_log.h). So of any state of the disk it is
 * known what was acknowledged before, and what may have been underway.
 *
 * An item is known by its number, which is in its body; a body is a function of
 * the number, so whoever reads it knows whether it is whole.
 */
#ifndef TESTS_CRASH_TOLD_H
#define TESTS_CRASH_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/item.h>

enum told_verb {
    TOLD_MAKE = 1, /* the spool and its queues */
    TOLD_PUT,
    TOLD_CHANGE, /* the turn, the queue, held or not */
    TOLD_REMOVE, /* may come back for a while */
    TOLD_REMOVE_DURABLE,
};

enum told_when { TOLD_BEGINS = 1, TOLD_ENDS };

/* Written whole, by one write() to a file that is only appended to. */
struct told {
    uint32_t when; /* enum told_when */
    uint32_t verb; /* enum told_verb */
    uint64_t position;
    uint64_t number;
    struct pirn_id id; /* not of a put that begins */
    int32_t result;    /* of what ended */
    uint32_t version;  /* of the item, by this call */
    uint64_t turn;     /* the value of its field, below; 0: it has none */
    uint32_t queue;    /* into told_queues[] */
    uint32_t held;
};

/* The field of an item that a change writes anew. */
#define TOLD_FIELD "turn"

enum { TOLD_QUEUES = 3, TOLD_PAPER = 2, TOLD_BODY_MAX = 112 * 1024 };

/* The first two have the log layout, the last one files. */
extern const char *const told_queues[TOLD_QUEUES];

/** told_body() - the body of an item; its length, at most TOLD_BODY_MAX */
uint32_t told_body(uint64_t number, uint8_t *body);

/** told_number() - whose body this is, or 0: nobody's, or not whole */
uint64_t told_number(const uint8_t *body, uint64_t bytes);

#endif /* TESTS_CRASH_TOLD_H */
