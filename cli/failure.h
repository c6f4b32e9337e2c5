/* SPDX-License-Identifier: MIT */
/*
 * failure.h - what the command says when it cannot, and how it then exits
 *
 * One sentence on standard error: "pirn: THING NAME: cause; remedy". Nothing
 * else in cli/ turns an errno into words or into an exit code.
 */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include <stdint.h>

/* Those of sysexits.h(3), and 1 for an honest no. */
enum code {
    CODE_DONE = 0,
    CODE_NO = 1,
    CODE_USAGE = 64,
    CODE_NOT_A_SPOOL = 65, /* or a newer format */
    CODE_NOT_THERE = 66,   /* no such spool, queue or item */
    CODE_REFUSED = 69,     /* io_uring, and nothing else would do */
    CODE_BUG = 70,
    CODE_IO_ERROR = 74,
    CODE_TRY_LATER = 75, /* full, busy */
    CODE_PERMISSION = 77,
    CODE_CONFIGURATION = 78,
};

/* What an error is about; the same errno means different things. */
enum thing {
    THING_ANY = 0, /* in the table of causes: whatever it is */
    THING_SPOOL,
    THING_WITHIN,    /* a spool that is open */
    THING_NEW_SPOOL, /* that is to be made, and what leads to it */
    THING_QUEUE,
    THING_ITEM,
    THING_FILE,
    THING_ADDRESS,
    THING_OUTPUT,
    THING_COMMAND,
    THING_OWNER,
    THING_MAILDIR,
    THING_EVENTS, /* of a spool */
};

/**
 * failure_say() - say it; return how a command exits for it
 * @error: a negative errno
 */
enum code failure_say(enum thing thing, const char *name, int error);

/**
 * failure_say_claimed() - that an item is somebody's, and how to take it away
 * @pid:   0: not known
 * @owner: as `pirn status' prints it
 */
enum code failure_say_claimed(const char *item, uint32_t pid,
                              const char *owner);

/** failure_say_ring() - of a context's creation */
enum code failure_say_ring(int error);

/** failure_not_yet() - an option that this version knows and cannot do */
enum code failure_not_yet(const char *option, const char *remedy);

#endif /* CLI_FAILURE_H */
