/* SPDX-License-Identifier: MIT */
/*
 * spool/check/log_mend.h - what is left of an item of the log, in quarantine
 */
#ifndef SPOOL_CHECK_LOG_MEND_H
#define SPOOL_CHECK_LOG_MEND_H

#include <pirn/check.h>
#include <pirn/draft.h>

#include "spool/check/strays.h"
#include "spool/log/catalogue.h"
#include "spool/log/keeper.h"
#include "spool/log/reading.h"
#include "spool/log/segment_files.h"

/* Start &it->op. */
struct pirn__log_mend {
    struct pirn_op op;
    struct pirn_spool *spool;
    const struct pirn_finding *finding;
    struct pirn__grip grip;
    struct pirn__slot fields; /* of its slot */
    bool has_part;
    struct pirn__reading reading;
    struct pirn__segment_hold hold;
    struct pirn__round_wait round;
    struct pirn__stray_bytes record; /* as it was read */
    struct pirn_draft draft;
    struct pirn_fields carried; /* malloc'd */
    struct pirn_op step;
    struct pirn__name path;
    struct statx statx;
    bool is_file;
    int fd;        /* of a body that is a file */
    uint64_t at;   /* in it: where it goes on */
    uint32_t len;  /* in @buf: what of the body was in a segment, */
    uint32_t want; /* of so many bytes */
    char *buf;
    int32_t result;
};

/**
 * pirn__prep_log_mend() - copy it to a new item of quarantine, then remove it
 *
 * The copy has what of the body can be read, the fields if the record says
 * them, and `was' and `was-queue': a record cannot be mended where it stands.
 *
 * Result: 0, both are durable; -EBUSY somebody has it; -ENOENT it is gone;
 * or an errno: it is as it was.
 */
void pirn__prep_log_mend(struct pirn__log_mend *mend, struct pirn_spool *spool,
                         const struct pirn_finding *finding);

#endif /* SPOOL_CHECK_LOG_MEND_H */
