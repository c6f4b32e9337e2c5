/* SPDX-License-Identifier: MIT */
/*
 * bench_chain.c - one file made durable and published, as a chain
 *
 *   open -> write -> fsync -> rename -> fsync(directory)     close, always
 *
 * Under the policy that the user has, and under each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>

#include "bench/engines.h"
#include "bench/place.h"
#include "bench/sides.h"

enum { STEPS = 6 };

struct chains {
    struct pirn_context *context;
    struct place_pair place;
    struct round *round;
    const char *dir;
    char place_name[64];
    uint32_t depth;
    uint64_t begun;
    int error;
    char body[COMMIT_BYTES];
    struct file {
        struct pirn_chain chain;
        struct pirn_op ops[STEPS];
        struct pirn_op *steps[STEPS];
        struct chains *chains;
        uint64_t began_ns;
        char name[24];
    } files[COMMIT_DEPTH];
};

static int chain_open_under(const char *policy, const struct options *options,
                            void **ret_state)
{
    struct chains *chains = calloc(1, sizeof(*chains));
    int r;

    if (chains == NULL) {
        return -ENOMEM;
    }
    policy_set(policy);
    r = pirn_context_create(NULL, &chains->context);
    policy_set(NULL);
    if (r < 0) {
        free(chains);
        return r;
    }
    chains->dir = options->dir;
    chains->depth =
        options->question->depth > 0 ? options->question->depth : COMMIT_DEPTH;
    snprintf(chains->place_name, sizeof(chains->place_name), "%s-%s",
             options->question->verb, policy ? policy : "pirn");
    memset(chains->body, 'x', sizeof(chains->body));
    for (unsigned i = 0; i < COMMIT_DEPTH; i++) {
        struct file *file = &chains->files[i];

        file->chains = chains;
        for (unsigned j = 0; j < STEPS; j++) {
            file->steps[j] = &file->ops[j];
        }
    }
    *ret_state = chains;
    return 0;
}

static void file_start(struct file *file, uint64_t now_ns);

static void file_done(struct pirn_op *op, int32_t result)
{
    struct file *file = pirn_container_of(op, struct file, chain.op);
    struct round *round = file->chains->round;
    uint64_t now_ns = round_now_ns();

    if (result < 0) {
        file->chains->error = result;
        return;
    }
    round->count++;
    histogram_add(&round->latency, now_ns - file->began_ns);
    file_start(file, now_ns);
}

static void file_start(struct file *file, uint64_t now_ns)
{
    struct chains *chains = file->chains;
    struct place_pair place = chains->place;
    struct pirn_op *ops = file->ops;

    if (round_is_over(chains->round, now_ns) || chains->error < 0 ||
        chains->begun >= chains->round->count_max) {
        return;
    }
    snprintf(file->name, sizeof(file->name), "%llu",
             (unsigned long long)chains->begun++);
    file->began_ns = now_ns;

    pirn_prep_open(&ops[0], place.tmp, file->name, O_CREAT | O_EXCL | O_WRONLY,
                   0600);
    pirn_prep_write(&ops[1], PIRN_FD_OF(0), chains->body, COMMIT_BYTES, 0);
    pirn_prep_fsync(&ops[2], PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_rename(&ops[3], place.tmp, file->name, place.out, file->name, 0);
    pirn_prep_fsync(&ops[4], place.out, PIRN_SYNC_ALL);
    pirn_prep_close(&ops[5], PIRN_FD_OF(0));
    pirn_step_when(&ops[5], PIRN_STEP_ALWAYS);
    pirn_chain_start(chains->context, &file->chain, file->steps, STEPS,
                     file_done);
}

static int chain_round(void *state, struct round *round)
{
    struct chains *chains = state;
    int r = place_make_pair(&chains->place, chains->dir, chains->place_name,
                            round->index);

    if (r < 0) {
        return r;
    }
    chains->round = round;
    chains->begun = 0;
    chains->error = 0;
    round_begin(round);
    for (unsigned i = 0; i < chains->depth; i++) {
        file_start(&chains->files[i], round->began_ns);
    }
    r = pirn_context_drain(chains->context);
    round_end(round);
    place_close_pair(&chains->place);
    return r < 0 ? r : chains->error;
}

static void chain_close(void *state)
{
    struct chains *chains = state;

    chains->context = pirn_context_destroy(chains->context);
    free(chains);
}

static int chain_open(const struct options *options, void **ret_state)
{
    return chain_open_under(NULL, options, ret_state);
}

static int chain_open_ring(const struct options *options, void **ret_state)
{
    return chain_open_under("ring", options, ret_state);
}

static int chain_open_pool(const struct options *options, void **ret_state)
{
    return chain_open_under("pool", options, ret_state);
}

const struct side bench_chain = {
    .name = "pirn",
    .promise = "one file, synced, renamed, synced",
    .open = chain_open,
    .round = chain_round,
    .close = chain_close,
};

const struct side bench_chain_ring = {
    .name = "ring",
    .promise = "one file, synced, renamed, synced",
    .open = chain_open_ring,
    .round = chain_round,
    .close = chain_close,
};

const struct side bench_chain_pool = {
    .name = "pool",
    .promise = "one file, synced, renamed, synced",
    .open = chain_open_pool,
    .round = chain_round,
    .close = chain_close,
};
