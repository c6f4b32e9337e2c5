/* SPDX-License-Identifier: MIT */
/*
 * atoms.c - see atoms.h
 *
 * Depth first. A node is a copy of the memory and of each process: of its stack
 * the part in use, and its jmp_buf, which lies outside. A process is entered by
 * copying that back and _longjmp(). What lies below a stack's end is zeroed at
 * each step, so that what earlier calls left there makes no difference.
 *
 * Which states were seen is a table of 64-bit hashes: two different states with
 * one hash are taken for one, which happens to one of ten million states in a
 * million runs. A state that comes again within one life is a loop: all could
 * go round for ever.
 */
#define PIRN__ATOM_STEPS
#include "tests/sim/atoms.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <xxhash.h>

#include "pirn/invariant.h"
#include "spool/log/atom.h"
#include "tests/sim/model/fiber.h"

enum {
    STACK_BYTES = 64 * 1024,
    KEPT_BYTES = 4096,   /* of a stack, at most */
    ZEROED_BYTES = 1024, /* below it */
    DEPTH_MAX = 8192,
    TABLE_FIRST = 1 << 16,
    TABLE_MOST = 1 << 26,
};

enum act { STEP, KILL, STOP, ACTS }; /* a choice: process * ACTS + act */
enum status { ASLEEP, RUNS, STOPPED, KILLED, ENDED };

struct process {
    enum status status;
    bool repeats;   /* attends to one who is stopped */
    uint32_t whom;  /* bits: to whom it attends */
    uint32_t bytes; /* of its stack, that are in use */
    uint64_t hash;  /* of these and the registers */
    bool alone;     /* its next step is one in its own hand */
    jmp_buf jump;
    char *stack_end;
};

/* Processes, then their stacks' parts, then the memory. */
struct node {
    struct process processes[ATOMS_PROCESSES];
    uint32_t started; /* how many of them */
    uint32_t kills;
    uint32_t stops;
    uint32_t choice; /* the next one to try; then what was chosen, plus one */
    uint32_t choice_end;
    uint64_t hash;
    char bytes[];
};

struct explorer {
    const struct atoms_plan *plan;
    struct process processes[ATOMS_PROCESSES];
    uint32_t count; /* of processes that may ever be */
    uint32_t started;
    uint32_t kills;
    uint32_t stops;
    struct process *current;
    jmp_buf scheduler;
    ucontext_t entry;
    char *stacks;
    uint64_t *table;
    size_t table_size;
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

/* ---- processes ---- */

/* At or below the end of the caller's frame. */
static __attribute__((noinline)) char *stack_low(void)
{
    __asm__ volatile("" ::: "memory");
    return __builtin_frame_address(0);
}

/* Back to the explorer, which may let another go on, or this from a copy. */
static __attribute__((noinline)) void leave(struct process *process)
{
    char *low = stack_low();

    process->bytes = (uint32_t)(process->stack_end - low);
    if (_setjmp(process->jump) == 0) {
        _longjmp(explorer.scheduler, 1);
    }
}

void pirn__atom_step(const uint64_t *at)
{
    struct process *process = explorer.current;
    const struct atoms_plan *plan = explorer.plan;

    if (process != NULL) {
        size_t self = (size_t)(process - explorer.processes);
        uintptr_t hand = (uintptr_t)plan->hands + self * plan->hand_bytes;
        process->alone = (uintptr_t)at - hand < plan->hand_bytes;
        leave(process);
    }
}

static void begin(void)
{
    const struct atoms_plan *plan = explorer.plan;
    uint32_t self = (uint32_t)(explorer.current - explorer.processes);

    leave(explorer.current);
    if (self < plan->process_count) {
        plan->run(plan->memory, self);
    } else if (explorer.processes[self].repeats) {
        plan->repeat(plan->memory, self, explorer.processes[self].whom);
    } else {
        plan->attend(plan->memory, self, explorer.processes[self].whom);
    }
    explorer.current->status = ENDED;
    explorer.current->alone = false;
    leave(explorer.current);
}

static void process_settle(struct process *process)
{
    if (process->status != RUNS && process->status != STOPPED &&
        process->status != ASLEEP) {
        process->bytes = 0;
        process->hash = 0;
        return;
    }
    pirn_assert(process->bytes <= KEPT_BYTES);
    char *low = process->stack_end - process->bytes;
    memset(low - ZEROED_BYTES, 0, ZEROED_BYTES);
    process->hash = XXH3_64bits(low, process->bytes) ^
                    XXH3_64bits(process->jump, sizeof(process->jump));
}

static void process_step(struct process *process)
{
    explorer.current = process;
    if (_setjmp(explorer.scheduler) == 0) {
        _longjmp(explorer.current->jump, 1);
    }
    process_settle(explorer.current);
    explorer.current = NULL;
}

/* By itself: getcontext() returns twice, as far as the compiler knows. */
static void process_enter(ucontext_t *context, char *stack)
{
    getcontext(context);
    context->uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK_BYTES};
    makecontext(context, begin, 0);
    if (_setjmp(explorer.scheduler) == 0) {
        setcontext(context);
    }
}

static void processes_make(void)
{
    static ucontext_t context;

    for (uint32_t i = 0; i < explorer.count; i++) {
        struct process *process = &explorer.processes[i];
        char *stack = explorer.stacks + (size_t)i * STACK_BYTES;
        process->status = i < explorer.started ? RUNS : ASLEEP;
        process->stack_end = stack + STACK_BYTES;
        explorer.current = process;
        process_enter(&context, stack);
        explorer.current = NULL;
        process_settle(process);
    }
}

/* ---- states ---- */

static uint64_t state_hash(void)
{
    uint64_t parts[3 * ATOMS_PROCESSES + 4] = {0};
    size_t n = 0;

    for (uint32_t i = 0; i < explorer.started; i++) {
        const struct process *process = &explorer.processes[i];
        parts[n++] = process->status;
        parts[n++] = process->whom;
        parts[n++] = process->hash;
    }
    parts[n++] = explorer.kills;
    parts[n++] = explorer.stops;
    parts[n++] =
        XXH3_64bits(explorer.plan->memory, explorer.plan->memory_bytes);
    return XXH3_64bits(parts, n * sizeof(parts[0])) | 3;
}

/* Where a hash is, or belongs. Its lowest bit: a state of the life at hand. */
static uint64_t *table_find(uint64_t *table, size_t size, uint64_t hash)
{
    size_t at = (hash >> 2) & (size - 1);

    while (table[at] != 0 && (table[at] | 1) != (hash | 1)) {
        at = (at + 1) & (size - 1);
    }
    return &table[at];
}

static void table_grow(void)
{
    size_t size = explorer.table_size * 2;
    uint64_t *table = calloc(size, sizeof(*table));

    pirn_assert(table != NULL);
    for (size_t i = 0; i < explorer.table_size; i++) {
        if (explorer.table[i] != 0) {
            *table_find(table, size, explorer.table[i]) = explorer.table[i];
        }
    }
    free(explorer.table);
    explorer.table = table;
    explorer.table_size = size;
}

static void state_leave(uint64_t hash)
{
    *table_find(explorer.table, explorer.table_size, hash) = hash & ~1ull;
}

/* Whether a state is seen for the first time. */
static bool state_enter(uint64_t hash)
{
    uint64_t most = explorer.plan->states_max;

    if (explorer.result.states >= explorer.table_size / 4 * 3 &&
        explorer.table_size < TABLE_MOST) {
        table_grow();
    }
    uint64_t *at = table_find(explorer.table, explorer.table_size, hash);
    if (*at != 0) {
        if ((*at & 1) != 0) {
            atoms_fail("processes loop, and none gets anywhere");
        }
        return false;
    }
    if (explorer.result.states >= explorer.table_size / 4 * 3 ||
        (most != 0 && explorer.result.states >= most)) {
        explorer.result.complete = false;
        return false;
    }
    *at = hash;
    explorer.result.states++;
    return true;
}

/* A step in one's own hand may as well come first: so may a kill before it. */
static void node_choices(struct node *node)
{
    node->choice = 0;
    node->choice_end = node->started * ACTS;
    for (uint32_t i = 0; i < node->started; i++) {
        const struct process *process = &node->processes[i];
        if (process->status == RUNS && process->alone) {
            node->choice = i * ACTS;
            node->choice_end = node->choice + ACTS;
            return;
        }
    }
}

static void state_save(uint32_t depth, uint64_t hash)
{
    struct node *node = explorer.nodes[depth];
    char *at;

    if (node == NULL) {
        node = malloc(sizeof(*node) + explorer.plan->memory_bytes +
                      (size_t)explorer.count * KEPT_BYTES);
        pirn_assert(node != NULL);
        explorer.nodes[depth] = node;
    }
    memcpy(node->processes, explorer.processes, sizeof(node->processes));
    node->started = explorer.started;
    node->kills = explorer.kills;
    node->stops = explorer.stops;
    node->hash = hash;
    node_choices(node);
    at = node->bytes;
    for (uint32_t i = 0; i < explorer.count; i++) {
        const struct process *process = &explorer.processes[i];
        memcpy(at, process->stack_end - process->bytes, process->bytes);
        at += process->bytes;
    }
    memcpy(at, explorer.plan->memory, explorer.plan->memory_bytes);
}

static void state_restore(const struct node *node)
{
    const char *at = node->bytes;

    memcpy(explorer.processes, node->processes, sizeof(node->processes));
    explorer.started = node->started;
    explorer.kills = node->kills;
    explorer.stops = node->stops;
    for (uint32_t i = 0; i < explorer.count; i++) {
        const struct process *process = &explorer.processes[i];
        char *low = process->stack_end - process->bytes;
        memcpy(low, at, process->bytes);
        if (process->bytes > 0) {
            memset(low - ZEROED_BYTES, 0, ZEROED_BYTES);
        }
        at += process->bytes;
    }
    memcpy(explorer.plan->memory, at, explorer.plan->memory_bytes);
}

/* ---- choices ---- */

static void attend(uint32_t whom, bool repeats)
{
    struct process *process = &explorer.processes[explorer.started++];

    pirn_assert(explorer.started <= explorer.count);
    process->status = RUNS;
    /* Those whom a repeater attends to are not dead. */
    const struct process *other = &explorer.processes[whom];
    process->whom = 1u << whom | (other->repeats ? 0 : other->whom);
    process->repeats = repeats;
}

/* Returns false where there is no such choice. */
static bool choose(uint32_t choice)
{
    uint32_t self = choice / ACTS;
    struct process *process = &explorer.processes[self];
    const struct atoms_plan *plan = explorer.plan;

    if (process->status != RUNS) {
        return false;
    }
    switch ((enum act)(choice % ACTS)) {
    case STEP:
        process_step(process);
        return true;
    case KILL:
        if (explorer.kills == 0) {
            return false;
        }
        explorer.kills--;
        process->status = KILLED;
        process_settle(process);
        attend(self, false);
        return true;
    case STOP:
        if (explorer.stops == 0) {
            return false;
        }
        explorer.stops--;
        process->status = STOPPED;
        if (plan->repeat != NULL) {
            attend(self, true);
        }
        return true;
    case ACTS:
        break;
    }
    return false;
}

/* Nobody runs: those who were stopped go on; false if there are none. */
static bool go_on(void)
{
    bool any = false;

    for (uint32_t i = 0; i < explorer.started; i++) {
        if (explorer.processes[i].status == RUNS) {
            return true;
        }
    }
    for (uint32_t i = 0; i < explorer.started; i++) {
        if (explorer.processes[i].status == STOPPED) {
            explorer.processes[i].status = RUNS;
            any = true;
        }
    }
    return any;
}

static void end_check(void)
{
    uint32_t killed = 0;

    for (uint32_t i = 0; i < explorer.started; i++) {
        killed |= (explorer.processes[i].status == KILLED) << i;
    }
    explorer.result.ends++;
    const char *wrong = explorer.plan->check(explorer.plan->memory, killed);
    if (wrong != NULL) {
        atoms_fail(wrong);
    }
}

/* ---- the search ---- */

static void life_print(uint32_t depth)
{
    static const char *const acts[ACTS] = {"", "k", "s"};

    printf("# %s:", explorer.plan->name);
    for (uint32_t i = 0; i <= depth; i++) {
        uint32_t chosen = explorer.nodes[i]->choice - 1;
        printf(" %u%s", chosen / ACTS, acts[chosen % ACTS]);
    }
    printf("\n");
}

static void search(void)
{
    uint32_t depth = 0;
    uint64_t hash = state_hash();

    state_enter(hash);
    state_save(0, hash);
    for (;;) {
        struct node *node = explorer.nodes[depth];
        if (node->choice == node->choice_end) {
            state_leave(node->hash);
            if (depth-- == 0) {
                return;
            }
            continue;
        }
        state_restore(node);
        if (!choose(node->choice++)) {
            continue;
        }
        explorer.result.steps++;
        bool ended = !go_on();
        hash = state_hash();
        bool is_new = state_enter(hash);
        if (is_new && ended) {
            end_check();
            state_leave(hash);
        }
        if (explorer.result.wrong != NULL) {
            life_print(depth);
            return;
        }
        if (is_new && !ended) {
            depth++;
            pirn_assert(depth < DEPTH_MAX);
            state_save(depth, hash);
            if (depth > explorer.result.depth) {
                explorer.result.depth = depth;
            }
        }
    }
}

struct atoms_result atoms_explore(const struct atoms_plan *given)
{
    struct atoms_plan plan = *given;
    uint32_t faults = plan.kills + (plan.repeat != NULL ? plan.stops : 0);

    explorer = (struct explorer){
        .plan = &plan,
        .count = plan.process_count + faults,
        .started = plan.process_count,
        .kills = plan.kills,
        .stops = plan.stops,
        .stacks = calloc(ATOMS_PROCESSES, STACK_BYTES),
        .table = calloc(TABLE_FIRST, sizeof(uint64_t)),
        .table_size = TABLE_FIRST,
        .nodes = calloc(DEPTH_MAX, sizeof(struct node *)),
        .result.complete = true,
    };
    pirn_assert(explorer.count <= ATOMS_PROCESSES && explorer.stacks != NULL);
    pirn_assert(explorer.table != NULL && explorer.nodes != NULL);
    processes_make();
    search();
    state_restore(explorer.nodes[0]);
    printf("# %s: %llu states, %llu steps, %llu ends, depth %u, %s\n",
           plan.name, (unsigned long long)explorer.result.states,
           (unsigned long long)explorer.result.steps,
           (unsigned long long)explorer.result.ends, explorer.result.depth,
           explorer.result.wrong != NULL ? explorer.result.wrong
           : explorer.result.complete    ? "complete"
                                         : "not complete");
    fflush(stdout);
    for (uint32_t i = 0; i < DEPTH_MAX; i++) {
        free(explorer.nodes[i]);
    }
    free(explorer.nodes);
    free(explorer.table);
    free(explorer.stacks);
    return explorer.result;
}
