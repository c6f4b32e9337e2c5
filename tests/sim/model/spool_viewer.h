/* SPDX-License-Identifier: MIT */
/*
 * spool_viewer.h - somebody looks at items without having them
 *
 * One item by its id, its body too; or all, by a listing. What he is told is
 * held against what was promised:
 *
 *   an item whose removal was acknowledged before is not seen any more
 *   what is seen is whole, and the one that was asked for; but its body is not
 *   found where a mover has taken it to the other layout since
 *   where nobody else does anything (check_spool_is_quiet()) what was promised
 *   is seen, and by a listing once
 */
#ifndef TESTS_SIM_MODEL_SPOOL_VIEWER_H
#define TESTS_SIM_MODEL_SPOOL_VIEWER_H

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "tests/sim/model/check_spool.h"

struct spool_viewer {
    /* Set before. */
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t process;
    void (*done)(struct spool_viewer *viewer);

    struct pirn_view view;
    struct pirn_listing listing;
    uint32_t number; /* of the item that is looked at */
    uint32_t at;
    uint32_t size;
    uint8_t *body;
    uint64_t take; /* see check_spool_take() */
    uint64_t began_ns;
    bool was_removed[CHECK_ITEMS]; /* when it began */
    uint32_t change[CHECK_ITEMS];  /* likewise */
    uint32_t met[CHECK_ITEMS];     /* by the listing */
};

/* Look at item @number, which is known by its id. */
void spool_viewer_look(struct spool_viewer *viewer, uint32_t number);

/* List all queues. */
void spool_viewer_list(struct spool_viewer *viewer);

#endif /* TESTS_SIM_MODEL_SPOOL_VIEWER_H */
