/* SPDX-License-Identifier: MIT */
/*
 * spool/check/doubt.h - the second look: is it wrong, or being done right now?
 *
 * One at a time, in work->doubt. The walks that look twice by themselves, over
 * the log and over the ids that lead there, have their suspect in it, too.
 */
#ifndef SPOOL_CHECK_DOUBT_H
#define SPOOL_CHECK_DOUBT_H

#include <sys/stat.h>

#include <pirn/check.h>

#include "spool/check/spot.h"
#include "spool/file/find.h"
#include "spool/log/alias.h"
#include "spool/owner.h"
#include "spool/queue.h"

enum { PIRN__CHECK_PLACES = 16 }; /* of one item, that are looked at */

/* Where a check goes on, when what was found is handed over. */
typedef void pirn__check_fn(struct pirn_check_work *work);

/* An entry that looks wrong by its name alone. */
struct pirn__odd {
    enum pirn_fault fault;
    bool has_id;
    struct pirn_id id;
    uint64_t need_ns; /* for so long it has to have stood there */
    bool waits;       /* until it has */
    char name[256];
};

/* The second look, at one suspect. */
struct pirn__doubt {
    const struct pirn__odd *odd; /* or an id: */
    struct pirn_id id;
    bool waited;
    bool swept;
    uint64_t age_ns;
    uint64_t word;        /* of an item of the log */
    pirn__check_fn *look; /* begin anew */
    pirn__check_fn *go_on;
    struct pirn_op timer;
    struct pirn_op step;
    struct statx statx;
    struct pirn__find find;
    struct pirn__alias alias;
    struct pirn__sweep_wait sweep;
    struct pirn__refresh refresh;
    struct pirn__name name;
    char path[PIRN_FINDING_PATH];

    struct pirn__spot places[PIRN__CHECK_PLACES]; /* of an item that has two */
    uint32_t place_count;
    uint64_t youngest_ns; /* of them */
    uint32_t name_at;
    bool is_of_log;        /* the log has it, too */
    struct pirn_id led_to; /* by an alias, before */
};

/* Each finds, or does not, and goes on. */

void pirn__doubt_odd(struct pirn_check_work *work, const struct pirn__odd *odd,
                     pirn__check_fn *go_on);
void pirn__doubt_body(struct pirn_check_work *work, const struct pirn_id *id,
                      pirn__check_fn *go_on);
void pirn__doubt_twice(struct pirn_check_work *work, const struct pirn_id *id,
                       pirn__check_fn *go_on);

/** pirn__doubt_aliased() - of a name of the files, whose id is an alias, too */
void pirn__doubt_aliased(struct pirn_check_work *work,
                         const struct pirn__spot *spot, pirn__check_fn *go_on);

#endif /* SPOOL_CHECK_DOUBT_H */
