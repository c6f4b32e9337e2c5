/* SPDX-License-Identifier: MIT */
/* invariant.c - see pirn/invariant.h */
#include <stdio.h>
#include <stdlib.h>

#include "pirn/invariant.h"

void pirn_assert_failed(const char *rule, const char *file, int line)
{
    fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, rule);
    abort();
}
