/* SPDX-License-Identifier: MIT */
/*
 * spool/file/removals.h - items that are removed, and whose files are still
 * there: S6
 *
 *   rename to .tmp/O/ID: told        a round, of all that were told:
 *   ----------------------> kept -> sync what they left -> unlink their files
 *
 * A kill brings none of them back: recovery goes on from .tmp/O/ID. A power cut
 * may, whole, until the round has synced. Who wants to know when, or finds no
 * room here, syncs by himself (claim_end.c).
 */
#ifndef SPOOL_FILE_REMOVALS_H
#define SPOOL_FILE_REMOVALS_H

#include <pirn/item.h>

#include "spool/bundle.h"
#include "spool/group_sync.h"
#include "spool/names.h"
#include "spool/waiters.h"

struct pirn_spool;

enum {
    PIRN__REMOVALS_MAX = 512, /* of one open; a power of two */
    PIRN__REMOVALS_MANY =
        PIRN__REMOVALS_MAX / 2,  /* which a round is begun for */
    PIRN__REMOVALS_DIRS = 16,    /* synced in one round */
    PIRN__REMOVALS_WORKERS = 16, /* items unlinked at once */
};

#define PIRN__REMOVALS_BYTES (8u << 20)     /* likewise begun for */
#define PIRN__REMOVALS_QUIET_NS 10000000ull /* nothing more has come */
#define PIRN__REMOVALS_LATE_NS 250000000ull /* of the second's promise */

/* One item. */
struct pirn__removal {
    struct pirn_id id;
    struct pirn__sync *dirs[2]; /* that it left */
    uint64_t bytes;
};

struct pirn__removals_dir {
    struct pirn__removals *removals;
    struct pirn__sync_wait wait;
    int32_t result;
};

struct pirn__removals_worker {
    struct pirn__removals *removals;
    struct pirn_id id;
    struct pirn__name name;
    struct pirn__bundle_entry unlink;
};

/* A ring of items, the oldest first; of these @going are in the round. */
struct pirn__removals {
    struct pirn_spool *spool;
    struct pirn__removal items[PIRN__REMOVALS_MAX];
    uint32_t head;
    uint32_t count;
    uint32_t going;
    uint64_t taken; /* ever */
    uint64_t bytes;
    uint64_t first_ns; /* when the first came that no round has */
    uint64_t last_ns;
    uint64_t after_ns; /* a round that could not be made is tried again then */
    bool is_armed;     /* the timer runs */
    bool is_running;   /* a round does */
    bool is_hurried;
    bool is_lost; /* no more: the context has failed, or the spool is closed */
    struct pirn_op timer;
    struct pirn__waiters waiters;

    uint32_t dir_count;
    uint32_t flying; /* syncs of the round */
    uint32_t at;     /* the next of its items to be unlinked */
    uint32_t busy;   /* workers */
    int32_t result;  /* of the round: why some could not be tried */
    struct pirn__removals_dir dirs[PIRN__REMOVALS_DIRS];
    struct pirn__removals_worker workers[PIRN__REMOVALS_WORKERS];
};

/** pirn__removals_due_ns() - when those are to go that came from @first_ns to
 * @last_ns; pure */
uint64_t pirn__removals_due_ns(uint64_t first_ns, uint64_t last_ns);

void pirn__removals_open(struct pirn_spool *spool);

/**
 * pirn__removals_take() - .tmp/O/ID has just been made of a claim
 * @dirs:  what makes durable that it left
 * @bytes: its body
 *
 * Return: whether it is kept, and can be told; else its syncs are the caller's
 */
bool pirn__removals_take(struct pirn_spool *spool, const struct pirn_id *id,
                         struct pirn__sync *const dirs[2], uint64_t bytes);

/** pirn__removals_hurry() - somebody syncs anyway, or wants their room */
void pirn__removals_hurry(struct pirn_spool *spool);

/** pirn__removals_unfinished() - how many have files still */
uint32_t pirn__removals_unfinished(const struct pirn_spool *spool);

/* Wait until all that were kept when it began have ended. */
struct pirn__removals_wait {
    struct pirn__waiter waiter; /* start &it->waiter.op */
    struct pirn_spool *spool;
    uint64_t until;
};

/** pirn__prep_removals_wait() - result 0; or an errno: some could not be synced
 * just now */
void pirn__prep_removals_wait(struct pirn__removals_wait *wait,
                              struct pirn_spool *spool);

/** pirn__removals_close() - end them all; what that cannot is recovery's.
 * Blocks. */
void pirn__removals_close(struct pirn_spool *spool);

#endif /* SPOOL_FILE_REMOVALS_H */
