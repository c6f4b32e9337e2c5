/* SPDX-License-Identifier: MIT */
/* spool_namer.h - somebody puts an item under a name, if he gets that */
#ifndef TESTS_SIM_MODEL_SPOOL_NAMER_H
#define TESTS_SIM_MODEL_SPOOL_NAMER_H

#include <pirn/name.h>
#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "tests/sim/model/check_spool.h"

struct spool_namer {
    /* Set before. */
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t process;
    void (*done)(struct spool_namer *namer);

    struct pirn_name name;
    struct pirn_draft draft;
    struct check_gone gone;
    uint32_t which;  /* name */
    uint32_t number; /* of the item */
    uint8_t *body;
    uint32_t len;
};

/* Reserve name @which, enqueue @body of @len bytes, to be filled, and release
 * the name. */
void spool_namer_put(struct spool_namer *namer, uint32_t which, uint8_t *body,
                     uint32_t len);

#endif /* TESTS_SIM_MODEL_SPOOL_NAMER_H */
