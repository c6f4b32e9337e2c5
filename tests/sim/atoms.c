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
 *
 * Where switches are bounded, who took the last step is part of a state, and
 * the table says with how many switches left it was gone on from: with more of
 * them it is gone on from again.
 */
#define PIRN__ATOM_STEPS
#include "tests/sim/atoms.h"

#include <assert.h>
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
    uint32_t switches;
    uint32_t last;
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
    uint32_t switches; /* that are left, if they are bounded */
    uint32_t last;     /* who took the last step, if that matters */
    struct process *current;
    jmp_buf scheduler;
    ucontext_t entry;
    char *stacks;
    char *looked; /* the memory, while it is looked at */
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
    process->hash = XXH3_64bits(low, process->bytes) ^
                    XXH3_64bits(process->jump, sizeof(process->jump));
}

static void process_step(struct process *process)
{
    explorer.current = process;
    memset(process->stack_end - process->bytes - ZEROED_BYTES, 0, ZEROED_BYTES);
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
    uint64_t parts[3 * ATOMS_PROCESSES + 5] = {0};
    size_t n = 0;

    for (uint32_t i = 0; i < explorer.started; i++) {
        const struct process *process = &explorer.processes[i];
        parts[n++] = process->status;
        parts[n++] = process->whom;
        parts[n++] = process->hash;
    }
    parts[n++] = explorer.kills;
    parts[n++] = explorer.stops;
    parts[n++] = explorer.last;
    parts[n++] =
        XXH3_64bits(explorer.plan->memory, explorer.plan->memory_bytes);
    return XXH3_64bits(parts, n * sizeof(parts[0]));
}

/* Of an entry: a state of the life at hand; from 1 on, the switches left; and
 * of the hash what is above. */
#define ENTRY_HERE 1ull
#define ENTRY_LEFT 14ull
#define ENTRY_HASH (~15ull)

static_assert(ATOMS_SWITCHES + 1 <= ENTRY_LEFT / 2, "they have three bits");

/* Where a hash is, or belongs. */
static uint64_t *table_find(uint64_t *table, size_t size, uint64_t hash)
{
    size_t at = (hash >> 4) & (size - 1);

    while (table[at] != 0 && ((table[at] ^ hash) & ENTRY_HASH) != 0) {
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
    *table_find(explorer.table, explorer.table_size, hash) &= ~ENTRY_HERE;
}

static bool table_is_full(void)
{
    uint64_t most = explorer.plan->states_max;

    return explorer.result.states >= explorer.table_size / 4 * 3 ||
           (most != 0 && explorer.result.states >= most);
}

/* Whether a state is to be gone on from. */
static bool state_enter(uint64_t hash)
{
    uint64_t left = (explorer.switches + 1) * 2;

    if (explorer.result.states >= explorer.table_size / 4 * 3 &&
        explorer.table_size < TABLE_MOST) {
        table_grow();
    }
    uint64_t *at = table_find(explorer.table, explorer.table_size, hash);
    if ((*at & ENTRY_HERE) != 0) {
        atoms_fail("processes loop, and none gets anywhere");
        return false;
    }
    if (*at == 0 && table_is_full()) {
        explorer.result.complete = false;
        return false;
    }
    if ((*at & ENTRY_LEFT) >= left) {
        return false;
    }
    explorer.result.states += *at == 0 ? 1 : 0;
    *at = (hash & ENTRY_HASH) | left | ENTRY_HERE;
    return true;
}

/* A step in one's own hand may as well come first: so may a kill before it. */
static void node_choices(struct node *node)
{
    node->choice = 0;
    node->choice_end = node->started * ACTS;
    for (uint32_t i = 0; i < node->started; i++) {
        const struct process *process = &node->processes[i];
        bool is_next = explorer.plan->switches == 0 || i == explorer.last;
        if (process->status == RUNS && process->alone && is_next) {
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
    memcpy(node->processes, explorer.processes,
           explorer.count * sizeof(node->processes[0]));
    node->started = explorer.started;
    node->switches = explorer.switches;
    node->last = explorer.last;
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

    memcpy(explorer.processes, node->processes,
           explorer.count * sizeof(node->processes[0]));
    explorer.started = node->started;
    explorer.switches = node->switches;
    explorer.last = node->last;
    explorer.kills = node->kills;
    explorer.stops = node->stops;
    for (uint32_t i = 0; i < explorer.count; i++) {
        const struct process *process = &explorer.processes[i];
        char *low = process->stack_end - process->bytes;
        memcpy(low, at, process->bytes);
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

/* False: one who could go on would make way once too often. */
static bool switch_to(uint32_t self)
{
    if (explorer.plan->switches == 0) {
        return true;
    }
    bool runs = explorer.last < ATOMS_PROCESSES &&
                explorer.processes[explorer.last].status == RUNS;
    if (self != explorer.last && runs) {
        if (explorer.switches == 0) {
            return false;
        }
        explorer.switches--;
    }
    explorer.last = self;
    return true;
}

/* Returns false where there is no such choice. */
static bool choose(uint32_t choice)
{
    uint32_t self = choice / ACTS;
    struct process *process = &explorer.processes[self];
    const struct atoms_plan *plan = explorer.plan;

    if (process->status != RUNS || !switch_to(self)) {
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

static uint32_t who_is(enum status status)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < explorer.started; i++) {
        bits |= (uint32_t)(explorer.processes[i].status == status) << i;
    }
    return bits;
}

static void is_right(const char *wrong)
{
    explorer.result.ends++;
    if (wrong != NULL) {
        atoms_fail(wrong);
    }
}

/* As if they never went on; then as if nobody had looked. */
static void check_without(uint32_t stopped)
{
    const struct atoms_plan *plan = explorer.plan;

    if (plan->check_without != NULL) {
        memcpy(explorer.looked, plan->memory, plan->memory_bytes);
        is_right(plan->check_without(plan->memory, who_is(KILLED), stopped));
        memcpy(plan->memory, explorer.looked, plan->memory_bytes);
    }
}

/* Nobody runs: those who were stopped go on; false if there are none. */
static bool go_on(void)
{
    uint32_t stopped = who_is(STOPPED);

    if (who_is(RUNS) != 0) {
        return true;
    }
    if (stopped != 0) {
        check_without(stopped);
    }
    for (uint32_t i = 0; i < explorer.started; i++) {
        if ((stopped >> i & 1) != 0) {
            explorer.processes[i].status = RUNS;
        }
    }
    return stopped != 0;
}

static void end_check(void)
{
    is_right(explorer.plan->check(explorer.plan->memory, who_is(KILLED)));
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
    bool is_here = true; /* nothing has moved since the node was made */

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
        if (!is_here) {
            state_restore(node);
        }
        is_here = false;
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
            is_here = true;
            if (depth > explorer.result.depth) {
                explorer.result.depth = depth;
            }
        }
    }
}

static void result_print(const struct atoms_plan *plan)
{
    const struct atoms_result *result = &explorer.result;
    char bound[32] = "complete";

    if (plan->switches > 0) {
        snprintf(bound, sizeof(bound), "all of %u switches", plan->switches);
    }
    printf("# %s: %llu states, %llu steps, %llu ends, depth %u, %s\n",
           plan->name, (unsigned long long)result->states,
           (unsigned long long)result->steps, (unsigned long long)result->ends,
           result->depth,
           result->wrong != NULL ? result->wrong
           : result->complete    ? bound
                                 : "not complete");
    fflush(stdout);
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
        .switches = plan.switches,
        .last = ATOMS_PROCESSES, /* who begins makes nobody wait */
        .looked = malloc(plan.memory_bytes),
        .stacks = calloc(ATOMS_PROCESSES, STACK_BYTES),
        .table = calloc(TABLE_FIRST, sizeof(uint64_t)),
        .table_size = TABLE_FIRST,
        .nodes = calloc(DEPTH_MAX, sizeof(struct node *)),
        .result.complete = true,
    };
    pirn_assert(explorer.count <= ATOMS_PROCESSES && explorer.stacks != NULL);
    pirn_assert(explorer.table != NULL && explorer.nodes != NULL);
    pirn_assert(explorer.looked != NULL && plan.switches <= ATOMS_SWITCHES);
    processes_make();
    search();
    state_restore(explorer.nodes[0]);
    result_print(&plan);
    for (uint32_t i = 0; i < DEPTH_MAX; i++) {
        free(explorer.nodes[i]);
    }
    free(explorer.nodes);
    free(explorer.table);
    free(explorer.stacks);
    free(explorer.looked);
    return explorer.result;
}
