/* SPDX-License-Identifier: MIT */
/*
 * spool/check/twins.h - of an item with several names one stays
 */
#ifndef SPOOL_CHECK_TWINS_H
#define SPOOL_CHECK_TWINS_H

#include "spool/check/strays.h"
#include "spool/file/meta_file.h"

struct pirn_check_work;

/* Start &it->op. */
struct pirn__twins {
    struct pirn_op op;
    struct pirn_check_work *work;
    bool is_of_log; /* the log has it: no name stays, nor does the body */
    uint32_t at;
    uint32_t keep;
    uint32_t version; /* of the one that is kept so far; */
    bool suits;       /* whether it may stand there */
    int32_t result;
    struct pirn__meta_read meta;
    struct pirn__to_strays strays;
    struct pirn__name path;
};

/**
 * pirn__prep_twins() - of the places that the last doubt found
 *
 * A living owner's claim stays; else the highest version, of equals one that
 * stands where its metadata say, and a ready one. The metadata of the others go
 * to .strays: nothing is lost, and the body is the one's that stays.
 *
 * Result: 0; -EBUSY another living owner has one, too; or an errno
 */
void pirn__prep_twins(struct pirn__twins *twins, struct pirn_check_work *work);

#endif /* SPOOL_CHECK_TWINS_H */
