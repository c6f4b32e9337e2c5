/* SPDX-License-Identifier: MIT */
/*
 * verb.h - the verbs, one file each
 *
 * Each parses its own arguments (argv[0] is "pirn VERB") and returns how the
 * program exits; main.c flushes what was printed.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include "cli/failure.h"

typedef enum code verb_fn(int argc, char **argv);

verb_fn verb_cat;
verb_fn verb_create;
verb_fn verb_events;
verb_fn verb_export;
verb_fn verb_fsck;
verb_fn verb_hold;
verb_fn verb_ls;
verb_fn verb_mv;
verb_fn verb_probe;
verb_fn verb_put;
verb_fn verb_release;
verb_fn verb_rm;
verb_fn verb_serve;
verb_fn verb_show;
verb_fn verb_status;
verb_fn verb_take;

#endif /* CLI_VERB_H */
