/* SPDX-License-Identifier: MIT */
/*
 * spool/file/survey.h - what a queue has besides its shards, and what is due
 *
 * One runs at a time, for all who claim from the queue here: it lists the
 * queue's directory and that of its buckets, and makes ready what is in those
 * whose time has come.
 */
#ifndef SPOOL_FILE_SURVEY_H
#define SPOOL_FILE_SURVEY_H

#include "spool/scan.h"
#include "spool/waiters.h"

struct pirn_spool;
struct pirn__queue;

/* How old what is known may be for who has ids at hand. */
#define PIRN__SURVEY_EVERY_NS 250000000ull

struct pirn__survey_work;

struct pirn__survey {
    struct pirn_spool *spool;
    struct pirn__queue *queue;
    struct pirn__survey_work *work; /* malloc'd while it runs */
    struct pirn__waiters flight;
    struct pirn__waiters waiting; /* for the next one */
    uint64_t ended_ns;            /* 0: there was none */
    bool flying;
    bool has_more; /* that is due than it has made ready */
};

void pirn__survey_init(struct pirn__survey *survey, struct pirn_spool *spool,
                       struct pirn__queue *queue);
void pirn__survey_deinit(struct pirn__survey *survey);

/** pirn__survey_is_due() - what is known is old */
bool pirn__survey_is_due(const struct pirn__survey *survey);

/* One wait for it. */
struct pirn__survey_wait {
    struct pirn__waiter waiter; /* start &it->waiter.op */
    struct pirn__survey *survey;
};

/**
 * pirn__prep_survey() - wait for one that begins from now on
 *
 * Result: 0; or the first errno: what else could be made ready is.
 */
void pirn__prep_survey(struct pirn__survey_wait *wait,
                       struct pirn__survey *survey);

#endif /* SPOOL_FILE_SURVEY_H */
