/* SPDX-License-Identifier: MIT */
/*
 * spool/check/look.h - one item, as who takes it would find it
 */
#ifndef SPOOL_CHECK_LOOK_H
#define SPOOL_CHECK_LOOK_H

#include <sys/stat.h>

#include <pirn/check.h>
#include <pirn/view.h>

#include "spool/check/spot.h"
#include "spool/file/meta_file.h"

enum { PIRN__CHECK_LOOKS = 16 }; /* items at once */

/* One item that is looked at. */
struct pirn__look {
    struct pirn_check_work *work;
    struct pirn__spot spot;
    struct pirn_view view;
    struct pirn_op step;
    struct statx statx;
    struct pirn__name path;
    enum pirn_fault fault;
    bool is_of_log;              /* was found there */
    struct pirn__meta_read meta; /* where the spot says */
    uint64_t size_bytes;         /* of its body, as they say */
    uint64_t offset;             /* of its body: read so far */
    char *buf;                   /* malloc'd, where bodies are read */
    char byte;
};

/**
 * pirn__look_start() - look at one item; there is room: work->looking is below
 * work->look_count
 * @is_of_log: it stands at no spot
 *
 * The last one that ends goes on to @work->go_on, with what was found.
 */
void pirn__look_start(struct pirn_check_work *work,
                      const struct pirn__spot *spot, bool is_of_log);

#endif /* SPOOL_CHECK_LOOK_H */
