/* SPDX-License-Identifier: MIT */
/*
 * options.h - the options that mean the same to every verb
 *
 * A verb lists those it takes as children of its argp, hands a struct options
 * down to them in ARGP_KEY_INIT, and settles it when all is parsed.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <pirn/context.h>
#include <pirn/spool.h>

/* Zeroed: nothing was said. */
struct options {
    const char *spool; /* after options_settle() never NULL */
    const char *queue; /* NULL: what the verb does without */
    bool json;
    enum pirn_layout layout; /* of what is made */
    bool layout_said;        /* else it is the usual one */
    uint32_t items;          /* at most, in a spool that is made; 0: as usual */
};

extern const struct argp options_spool;  /* --spool DIR */
extern const struct argp options_queue;  /* --queue NAME */
extern const struct argp options_json;   /* --json */
extern const struct argp options_layout; /* --layout log|file */

/** options_children() - of the verb's argp, in ARGP_KEY_INIT */
const struct argp_child *options_children(const struct argp_state *state);

/** options_hand_down() - in ARGP_KEY_INIT: the children fill @options */
void options_hand_down(struct argp_state *state, struct options *options);

/** options_settle() - --spool, else $PIRN_SPOOL, else the one of the build;
 * --layout, else log */
void options_settle(struct options *options);

/**
 * options_number() - a number as an option's argument, or a usage error
 * @what: the option, for the error
 */
uint64_t options_number(struct argp_state *state, const char *what,
                        const char *text, uint64_t min, uint64_t max);

/** options_check_queue() - a usage error if no queue can be called @name */
void options_check_queue(struct argp_state *state, const char *what,
                         const char *name);

/** options_engine() - auto, uring or plain, or a usage error */
enum pirn_engine options_engine(struct argp_state *state, const char *name);

#endif /* CLI_OPTIONS_H */
