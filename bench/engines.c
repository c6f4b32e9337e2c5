/* SPDX-License-Identifier: MIT */
/*
 * engines.c - the environment, which wins over the config, names the engine
 */
#include "bench/engines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>

int engine_context(const char *name, struct pirn_context **ret_context)
{
    const char *before = getenv("PIRN_ENGINE");
    char *kept = before ? strdup(before) : NULL;
    int r;

    setenv("PIRN_ENGINE", name, 1);
    r = pirn_context_create(NULL, ret_context);
    if (kept != NULL) {
        setenv("PIRN_ENGINE", kept, 1);
        free(kept);
    } else {
        unsetenv("PIRN_ENGINE");
    }
    if (r == 0 && strcmp(pirn_context_engine(*ret_context), name) != 0) {
        *ret_context = pirn_context_destroy(*ret_context);
        r = -EINVAL;
    }
    if (r < 0) {
        fprintf(stderr, "pirn-bench: engine %s: %s\n", name,
                r == -EINVAL ? "pirn does not know it"
                             : pirn_context_refusal(r));
        return -EOPNOTSUPP;
    }
    return 0;
}

/* The harness opens the sides one after the other. */
void policy_set(const char *name)
{
    static const char *users;
    static bool is_known;

    if (!is_known) {
        users = getenv("PIRN_FILES");
        users = users ? strdup(users) : NULL;
        is_known = true;
    }
    name = name ? name : users;
    if (name != NULL) {
        setenv("PIRN_FILES", name, 1);
    } else {
        unsetenv("PIRN_FILES");
    }
}

int engine_check(const char *name)
{
    struct pirn_context *context;
    int r = engine_context(name, &context);

    if (r == 0) {
        context = pirn_context_destroy(context);
    }
    return r;
}
