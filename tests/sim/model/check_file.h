/* SPDX-License-Identifier: MIT */
/*
 * check_file.h - what is acknowledged is there, and what is there is whole
 *
 * One for each file that somebody makes under a name of its own. Its bytes
 * follow from its number. It is looked for on the disk directly, at any time.
 */
#ifndef TESTS_SIM_MODEL_CHECK_FILE_H
#define TESTS_SIM_MODEL_CHECK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/model/world.h"

enum { CHECK_FILE_NAME = 24, CHECK_FILE_BYTES = 4096 };

struct check_file {
    struct world *world; /* NULL: nobody began to make it */
    char name[CHECK_FILE_NAME];
    uint32_t number;
    uint32_t len;
    bool acknowledged;
};

/* It is about to be made, with @len bytes, which are written to @bytes. */
void check_file_begin(struct check_file *check, struct world *world,
                      uint32_t number, uint32_t len, char *bytes);

/* Its maker was told that it is durable. */
void check_file_acknowledged(struct check_file *check);

/* Look. */
void check_file_look(const struct check_file *check);

#endif /* TESTS_SIM_MODEL_CHECK_FILE_H */
