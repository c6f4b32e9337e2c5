/* SPDX-License-Identifier: MIT */
/*
 * plant.h - defects that the tests ask for by name, to see whether they see
 *
 * A build configured with -Dplants=true has them all, and PIRN_PLANT= chooses
 * one at run time. In every other build the question is the constant false:
 * neither the name nor the branch behind it is in any object, and a lint test
 * looks (tests/lint/plants.py). Each plant is one line at its site.
 */
#ifndef RUNTIME_PLANT_H
#define RUNTIME_PLANT_H

#ifdef PIRN_PLANTS

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The environment is asked once per file that asks. */
static inline bool pirn__planted(const char *name)
{
    static const char *plant;

    if (plant == NULL) {
        plant = getenv("PIRN_PLANT");
        plant = plant != NULL ? plant : "";
    }
    return strcmp(plant, name) == 0;
}

#else

/* A macro, because a function's argument would be kept at -O0. */
#define pirn__planted(name) false

#endif

#endif /* RUNTIME_PLANT_H */
