/* SPDX-License-Identifier: MIT */
/*
 * atoms.c - see atoms.h
 *
 * Depth first; a state that was seen before is not gone on from. A state that
 * comes again within one life is a loop: all could go round for ever.
 *
 * Orders that are left out. Two steps of different processes that touch no
 * common word, or only read it, lead to the same state in either order; so does
 * a kill or a stop of one and a step of another. Be T some of the processes
 * that run, such that nothing that the others may do, as long as those of T
 * stand still, conflicts with a next step of T. Then every life from here on
 * has an equal one that begins with a choice of T: its first choice of T, which
 * there is one of since all end, changes places with all before it. So T is
 * enough, and all ends are found (persistent sets; Godefroid 1996).
 *
 * What others may do is known afterwards. For each state that is done with, and
 * each set P of processes, we keep which words the others may read and write
 * from there on while P stands still:
 *
 *   by those of T that are not in P: what they touch, and what is kept for the
 *     state behind it
 *   nobody of T is outside of P: what is kept for the state behind a step of T;
 *     what the others do conflicts with none, so it may come behind it, too
 *
 * So T begins with one process. When all behind its choices is done with, what
 * is kept there for P = T says whether that was enough; else another process
 * joins. Behind a step of T the others do what they do without it, up to the
 * first conflict, so none is missed. By induction from the ends, as states do
 * not come again. Whoever attends to a process counts as that process: he does
 * nothing before its next step. What comes when those who were stopped go on
 * does not count: until then all who run have taken their next step.
 *
 * A step in one's own hand conflicts with none: that is enough by itself, and
 * where nobody is killed or stopped any more it belongs to the step before.
 *
 * With two faults there may be two who attend, and their numbers tell which was
 * first; orders that differ in that alone are left out too.
 */
#include "tests/sim/atoms.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "pirn/invariant.h"
#include "tests/sim/model/fiber.h"
#include "tests/sim/moment.h"
#include "tests/sim/reach.h"
#include "tests/sim/seen.h"

enum {
    DEPTH_MAX = 8192,
    GUESSES = 1 << 16,
    STATES_USUAL = 50000000, /* 1 GiB */
    NOBODY = ATOMS_PROCESSES,
    ALL = REACH_ROOTS,
};

enum act { STEP, KILL, STOP, ACTS }; /* a choice: process * ACTS + act */

/* One that was gone on from. */
struct taken {
    uint32_t words; /* that it touched */
    uint32_t reach; /* what is kept for the state behind it */
};

struct node {
    struct moment_copy *copy;
    XXH128_hash_t hash;
    uint32_t choice;  /* the next one to try */
    uint32_t chosen;  /* the one that is being gone on from */
    uint32_t words;   /* that it touched */
    bool is_barrier;  /* behind it those who were stopped go on */
    uint32_t alone;   /* one who comes first; NOBODY */
    uint32_t root;    /* whose choices are being tried; ALL */
    uint32_t roots;   /* bits: of those who run */
    uint32_t tried;   /* bits: of these, T */
    uint32_t stepped; /* bits: who took a step */
    struct taken steps[ATOMS_PROCESSES];
    struct reach by_others; /* of those of T that are not in P */
    struct reach behind;    /* steps of those that are */
};

/* How often one process was not enough, where these words came next. */
struct guess {
    uint32_t tries;
    uint32_t fails;
};

struct explorer {
    const struct atoms_plan *plan;
    struct moment *now;
    bool reduces;
    char *looked; /* the memory, while it is looked at */
    struct seen seen;
    struct seen ends;
    struct guess *guesses;
    struct node **nodes;
    struct atoms_result result;
};

static struct explorer explorer;

bool atoms_can_explore(void)
{
    return !fiber_is_slow();
}

void atoms_fail(const char *what)
{
    if (explorer.result.wrong == NULL) {
        explorer.result.wrong = what;
    }
}

/* ---- states ---- */

static void state_leave(XXH128_hash_t hash, uint32_t reach)
{
    struct seen_state *state = seen_find(&explorer.seen, hash);

    pirn_assert(state != NULL && state->is_here);
    pirn_assert(reach <= SEEN_NUMBER_MAX);
    state->is_here = 0;
    state->number = reach & SEEN_NUMBER_MAX;
}

/* Whether a state is to be gone on from. Where it is not: what is kept. */
static bool state_enter(XXH128_hash_t hash, uint32_t *ret_reach)
{
    struct seen_state *state = seen_find(&explorer.seen, hash);

    if (state == NULL) {
        explorer.result.complete = false;
        return false;
    }
    if (state->is_here) {
        atoms_fail("processes loop, and none gets anywhere");
        return false;
    }
    *ret_reach = state->number;
    bool is_new = !state->is_entered;
    state->is_entered = 1;
    state->is_here = is_new;
    return is_new;
}

/* ---- which choices are enough ---- */

static const struct moment_process *process_of(const struct node *node,
                                               uint32_t self)
{
    return &node->copy->moment.processes[self];
}

static bool runs_of(const struct node *node, uint32_t self, uint32_t root)
{
    const struct moment_process *process = process_of(node, self);

    return process->status == MOMENT_RUNS &&
           (root == ALL || process->root == root);
}

static uint32_t roots_that_run(const struct node *node)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < node->copy->moment.started; i++) {
        bits |= (uint32_t)runs_of(node, i, ALL) << process_of(node, i)->root;
    }
    return bits;
}

static struct guess *guess_of(const struct node *node, uint32_t root)
{
    uint64_t key = root + 1;

    for (uint32_t i = 0; i < node->copy->moment.started; i++) {
        const struct moment_process *process = process_of(node, i);
        bool comes = process->status == MOMENT_RUNS && process->at != NULL;
        key ^= comes ? moment_word(process->at) + 1 : 0;
        key *= UINT64_C(0x9e3779b97f4a7c15);
        key ^= key >> 29;
    }
    return &explorer.guesses[key >> 40 & (GUESSES - 1)];
}

/* Steps of those tried, with which others may conflict while @still stand
 * still. */
static uint32_t conflicts_of(const struct node *node, uint32_t still)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ATOMS_PROCESSES && still != node->roots; i++) {
        if ((node->stepped >> i & 1) != 0) {
            const struct taken *taken = &node->steps[i];
            uint32_t later = reach_at(taken->reach)->without[still];
            count += reach_words_conflict(taken->words, later);
        }
    }
    return count;
}

/* The one with which it is likeliest to be enough. */
static void node_next_root(struct node *node)
{
    uint64_t least = UINT64_MAX;

    node->choice = 0;
    for (uint32_t root = 0; root < REACH_ROOTS; root++) {
        uint32_t tried = node->tried | 1u << root;
        if ((node->roots & ~node->tried & 1u << root) == 0) {
            continue;
        }
        const struct guess *guess = guess_of(node, root);
        uint64_t costs = (uint64_t)conflicts_of(node, tried) << 32 |
                         guess->fails * UINT64_C(4096) / (guess->tries + 1);
        if (costs < least) {
            least = costs;
            node->root = root;
        }
    }
}

/* A step in one's own hand may as well come first: so may a kill before it. */
static uint32_t node_alone(const struct node *node)
{
    for (uint32_t i = 0; i < node->copy->moment.started; i++) {
        if (runs_of(node, i, ALL) && process_of(node, i)->alone) {
            return i;
        }
    }
    return NOBODY;
}

static struct node *node_begin(uint32_t depth, XXH128_hash_t hash)
{
    struct node *node = explorer.nodes[depth];

    if (node == NULL) {
        node = malloc(sizeof(*node));
        pirn_assert(node != NULL);
        node->copy = moment_copy_create();
        explorer.nodes[depth] = node;
    }
    *node = (struct node){.copy = node->copy, .hash = hash, .root = ALL};
    moment_keep(node->copy);
    node->roots = roots_that_run(node);
    node->alone = node_alone(node);
    if (explorer.reduces && node->alone != NOBODY) {
        node->root = process_of(node, node->alone)->root;
    } else if (explorer.reduces) {
        node_next_root(node);
    }
    return node;
}

static bool node_is_enough(struct node *node)
{
    if (!explorer.reduces) {
        return true;
    }
    bool is_first = node->tried == 0;
    node->tried |= 1u << node->root;
    bool is_enough = conflicts_of(node, node->tried) == 0;
    if (is_first && node->alone == NOBODY) {
        struct guess *guess = guess_of(node, node->root);
        guess->tries++;
        guess->fails += !is_enough;
    }
    return is_enough;
}

/* Returns false where no other is to be tried. */
static bool node_next(struct node *node)
{
    const uint32_t end = node->copy->moment.started * ACTS;

    for (;;) {
        for (; node->choice < end; node->choice++) {
            uint32_t self = node->choice / ACTS;
            if (runs_of(node, self, node->root)) {
                node->chosen = node->choice++;
                return true;
            }
        }
        if (node_is_enough(node)) {
            return false;
        }
        node_next_root(node);
    }
}

static uint32_t sets_end(void)
{
    return (1u << explorer.plan->process_count) - 1;
}

/* The choice at hand was gone on from; @number: what is kept there. */
static void node_learn(struct node *node, uint32_t number)
{
    uint32_t self = node->chosen / ACTS;
    uint32_t root = process_of(node, self)->root;
    bool is_step = node->chosen % ACTS == STEP;

    if (!explorer.reduces) {
        return;
    }
    number = node->is_barrier ? 0 : number;
    const struct reach reach = *reach_at(number);
    for (uint32_t still = 1; still < sets_end(); still++) {
        uint32_t later = reach.without[still];
        uint32_t *others = &node->by_others.without[still];
        uint32_t *behind = &node->behind.without[still];
        if ((still >> root & 1) == 0) {
            later = reach_words_union(later, node->words);
            *others = reach_words_union(*others, later);
        } else if (is_step) {
            *behind = reach_words_union(*behind, later);
        }
    }
    if (is_step) {
        node->stepped |= 1u << self;
        node->steps[self] = (struct taken){node->words, number};
    }
}

/* Returns what is kept for it. */
static uint32_t node_leave(struct node *node)
{
    struct reach reach = node->by_others;
    uint32_t number = 0;

    for (uint32_t still = 1; still < sets_end() && explorer.reduces; still++) {
        if ((node->tried & ~still) == 0) {
            bool nobody_else = (node->roots & ~still) == 0;
            reach.without[still] =
                nobody_else ? 0 : node->behind.without[still];
        }
    }
    if (explorer.reduces) {
        number = reach_number(&reach);
    }
    state_leave(node->hash, number);
    return number;
}

/* ---- choices ---- */

static bool is_spared(uint32_t self)
{
    const struct atoms_plan *plan = explorer.plan;

    return !plan->whole && plan->kills + plan->stops == 1 &&
           (plan->spared >> self & 1) != 0;
}

/* Returns false where there is no such choice. */
static bool choose(uint32_t self, enum act act)
{
    const struct moment *now = explorer.now;
    const struct atoms_plan *plan = explorer.plan;
    bool is_quiet = now->kills == 0 && now->stops == 0 && !plan->whole;

    switch (act) {
    case STEP:
        moment_step(self, is_quiet);
        return true;
    case KILL:
        if (now->kills == 0 || is_spared(self)) {
            return false;
        }
        moment_kill(self);
        return true;
    case STOP:
        if (now->stops == 0 || is_spared(self)) {
            return false;
        }
        moment_stop(self);
        return true;
    case ACTS:
        break;
    }
    return false;
}

static bool node_choose(struct node *node)
{
    if (!choose(node->chosen / ACTS, (enum act)(node->chosen % ACTS))) {
        return false;
    }
    struct reach_words words = moment_words(node->copy);
    node->words = explorer.reduces ? reach_words_number(&words) : 0;
    explorer.result.steps++;
    return true;
}

/* ---- ends ---- */

/* Whether it is another one. */
static bool end_is_new(void)
{
    XXH128_hash_t hash = moment_hash();
    struct seen_state *state = seen_find(&explorer.ends, hash);

    pirn_assert(state != NULL);
    bool is_new = !state->is_here;
    state->is_here = 1;
    explorer.result.ends_sum += is_new ? hash.high64 : 0;
    return is_new;
}

/* As if they never went on; then as if nobody had looked. */
static void check_without(uint32_t stopped)
{
    const struct atoms_plan *plan = explorer.plan;

    if (plan->check_without != NULL) {
        memcpy(explorer.looked, plan->memory, plan->memory_bytes);
        const char *wrong = plan->check_without(
            plan->memory, moment_who(MOMENT_KILLED), stopped);
        if (wrong != NULL) {
            atoms_fail(wrong);
        }
        memcpy(plan->memory, explorer.looked, plan->memory_bytes);
    }
}

static void end_check(void)
{
    const struct atoms_plan *plan = explorer.plan;

    if (end_is_new()) {
        const char *wrong =
            plan->check(plan->memory, moment_who(MOMENT_KILLED));
        if (wrong != NULL) {
            atoms_fail(wrong);
        }
    }
}

/* ---- the search ---- */

static void life_print(uint32_t depth)
{
    static const char *const acts[ACTS] = {"", "k", "s"};

    printf("# %s:", explorer.plan->name);
    for (uint32_t i = 0; i <= depth; i++) {
        uint32_t chosen = explorer.nodes[i]->chosen;
        printf(" %u%s", chosen / ACTS, acts[chosen % ACTS]);
    }
    printf("\n");
}

/* A choice was taken. Returns whether the state behind it is to be gone on
 * from. */
static bool state_meet(struct node *node, XXH128_hash_t *ret_hash)
{
    uint32_t stopped = moment_who(MOMENT_STOPPED);
    bool is_end = moment_who(MOMENT_RUNS) == 0 && stopped == 0;
    uint32_t reach = 0;

    node->is_barrier = moment_who(MOMENT_RUNS) == 0 && stopped != 0;
    if (node->is_barrier) {
        if (end_is_new()) {
            check_without(stopped);
        }
        moment_go_on();
    }
    *ret_hash = moment_hash();
    bool is_new = state_enter(*ret_hash, &reach);
    if (is_new && !is_end) {
        return true;
    }
    if (is_new) {
        state_leave(*ret_hash, 0);
        end_check();
    }
    node_learn(node, reach);
    return false;
}

static void search(void)
{
    XXH128_hash_t hash = moment_hash();
    uint32_t depth = 0;
    uint32_t reach;
    bool is_here = true; /* nothing has moved since the node was made */

    state_enter(hash, &reach);
    node_begin(0, hash);
    while (explorer.result.wrong == NULL) {
        struct node *node = explorer.nodes[depth];
        if (!node_next(node)) {
            reach = node_leave(node);
            if (depth-- == 0) {
                return;
            }
            node_learn(explorer.nodes[depth], reach);
            is_here = false;
            continue;
        }
        if (!is_here) {
            moment_return(node->copy);
        }
        is_here = false;
        if (node_choose(node) && state_meet(node, &hash)) {
            depth++;
            pirn_assert(depth < DEPTH_MAX);
            node_begin(depth, hash);
            is_here = true;
            if (depth > explorer.result.depth) {
                explorer.result.depth = depth;
            }
        }
    }
    life_print(depth);
}

static void result_print(const struct atoms_plan *plan)
{
    const struct atoms_result *result = &explorer.result;
    printf("# %s: %llu states, %llu steps, %llu ends, depth %u, %s\n",
           plan->name, (unsigned long long)result->states,
           (unsigned long long)result->steps, (unsigned long long)result->ends,
           result->depth,
           result->wrong != NULL ? result->wrong
           : result->complete    ? "complete"
                                 : "not complete");
    fflush(stdout);
}

static void explorer_init(const struct atoms_plan *plan)
{
    uint64_t most = plan->states_max > 0 ? plan->states_max : STATES_USUAL;

    explorer = (struct explorer){
        .plan = plan,
        .now = moment_begin(plan),
        .reduces = !plan->whole,
        .looked = malloc(plan->memory_bytes),
        .guesses = calloc(GUESSES, sizeof(struct guess)),
        .nodes = calloc(DEPTH_MAX, sizeof(struct node *)),
        .result.complete = true,
    };
    pirn_assert(explorer.looked != NULL && explorer.guesses != NULL);
    pirn_assert(explorer.nodes != NULL);
    pirn_assert(plan->process_count <= REACH_ROOTS);
    seen_init(&explorer.seen, most);
    seen_init(&explorer.ends, most);
    reach_init();
}

static void explorer_deinit(void)
{
    for (uint32_t i = 0; i < DEPTH_MAX && explorer.nodes[i] != NULL; i++) {
        free(explorer.nodes[i]->copy);
        free(explorer.nodes[i]);
    }
    free(explorer.nodes);
    free(explorer.guesses);
    free(explorer.looked);
    seen_deinit(&explorer.seen);
    seen_deinit(&explorer.ends);
    reach_deinit();
    moment_end();
}

struct atoms_result atoms_explore(const struct atoms_plan *given)
{
    struct atoms_plan plan = *given;

    explorer_init(&plan);
    search();
    explorer.result.states = explorer.seen.count;
    explorer.result.ends = explorer.ends.count;
    moment_return(explorer.nodes[0]->copy);
    result_print(&plan);
    explorer_deinit();
    return explorer.result;
}
