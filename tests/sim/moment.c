/* SPDX-License-Identifier: MIT */
/*
 * moment.c - see moment.h
 *
 * A process is entered by copying its stack's part in use and its jmp_buf back,
 * and _longjmp(). What lies below a stack's end is zeroed at each step, so that
 * what earlier calls left there makes no difference.
 *
 * What a step writes is found by comparing the memory with what it was; what it
 * reads is the word that it announced, and what a test says by atoms_touch().
 */
#define PIRN__ATOM_STEPS
#include "tests/sim/moment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "pirn/invariant.h"
#include "spool/log/atom.h"

enum {
    STACK_BYTES = 64 * 1024,
    KEPT_BYTES = 4096,   /* of a stack, at most */
    ZEROED_BYTES = 1024, /* below it */
    IN_HAND_MAX = 1000,  /* steps in one's own hand, in a row */
};

struct world {
    const struct atoms_plan *plan;
    uint32_t count; /* of processes that may ever be */
    struct moment now;
    struct moment_process *current;
    struct reach_words words; /* of the choice at hand */
    struct reach_words hands; /* all that are in one */
    struct moment_copy *before;
    jmp_buf scheduler;
};

static struct world world;

/* In one place: a kept stack has pointers to itself. */
static _Alignas(64) char stacks[ATOMS_PROCESSES][STACK_BYTES];

/* ---- words ---- */

uint32_t moment_word(const void *at)
{
    size_t offset = (size_t)((uintptr_t)at - (uintptr_t)world.plan->memory);

    pirn_assert(offset < world.plan->memory_bytes);
    return (uint32_t)(offset / sizeof(uint64_t));
}

static void word_touch(uint32_t word)
{
    world.words.touched[word / 64] |= UINT64_C(1) << word % 64;
}

void atoms_touch(const void *at)
{
    if (world.current != NULL) {
        word_touch(moment_word(at));
    }
}

/* Whose hand it is in; NULL: nobody's. */
static struct moment_process *hand_owner(const void *at)
{
    const struct atoms_plan *plan = world.plan;
    size_t offset = (size_t)((uintptr_t)at - (uintptr_t)plan->hands);

    if (plan->hands == NULL || offset >= world.count * plan->hand_bytes) {
        return NULL;
    }
    return &world.now.processes[offset / plan->hand_bytes];
}

/* One's own, or that of a dead one to whom one attends. */
static bool hand_is_own(const struct moment_process *process, const void *at)
{
    const struct moment_process *owner = hand_owner(at);

    if (owner == NULL || owner == process) {
        return owner == process;
    }
    uint32_t whose = (uint32_t)(owner - world.now.processes);
    return owner->status == MOMENT_KILLED && (process->whom >> whose & 1) != 0;
}

static void hand_is_left_alone(const struct moment_process *process,
                               const void *at)
{
    const struct moment_process *owner = hand_owner(at);

    if (owner == NULL || owner == process) {
        return;
    }
    uint32_t whose = (uint32_t)(owner - world.now.processes);
    if ((process->whom >> whose & 1) == 0) {
        atoms_fail("one looks into the hand of another");
    }
}

static uint64_t mix(uint64_t value, uint64_t factor)
{
    __extension__ unsigned __int128 product =
        (unsigned __int128)value * (factor | 1);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The memory's hash is the sum of its words', without order. */
static void word_hash(uint32_t word, uint64_t value)
{
    uint64_t key = (word + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t first = mix(value ^ key, UINT64_C(0xa0761d6478bd642f));
    uint64_t second = mix(value + key, UINT64_C(0xe7037ed1a0b428db));

    world.now.memory_hash.low64 ^= mix(first ^ key, second);
    world.now.memory_hash.high64 ^= mix(second ^ ~key, first);
}

static uint32_t word_count(void)
{
    return (uint32_t)(world.plan->memory_bytes / sizeof(uint64_t));
}

/* With what was written since then. */
static struct reach_words words_since(const struct moment_copy *copy)
{
    const uint64_t *now = world.plan->memory;
    const uint32_t count = word_count();
    struct reach_words words = world.words;

    for (uint32_t i = 0; i < count; i++) {
        if (copy->bytes[i] != now[i]) {
            words.touched[i / 64] |= UINT64_C(1) << i % 64;
            words.written[i / 64] |= UINT64_C(1) << i % 64;
        }
    }
    return words;
}

struct reach_words moment_words(const struct moment_copy *copy)
{
    const uint64_t *now = world.plan->memory;
    const struct reach_words words = words_since(copy);

    for (uint32_t part = 0; part < REACH_PARTS; part++) {
        uint64_t bits = words.written[part];
        for (; bits != 0; bits &= bits - 1) {
            uint32_t i = part * 64 + (uint32_t)__builtin_ctzll(bits);
            word_hash(i, copy->bytes[i]);
            word_hash(i, now[i]);
            hand_is_left_alone(world.current, &now[i]);
        }
    }
    world.words = (struct reach_words){0};
    world.current = NULL;
    return words;
}

/* Whether all of them are in hands: one's own, as others' are left alone. */
static bool words_are_in_hands(const struct reach_words *words)
{
    uint64_t outside = 0;

    for (uint32_t part = 0; part < REACH_PARTS; part++) {
        outside |= words->touched[part] & ~world.hands.touched[part];
    }
    return outside == 0;
}

static void hands_find(void)
{
    const struct atoms_plan *plan = world.plan;
    const uint64_t *now = plan->memory;

    for (uint32_t i = 0; i < word_count(); i++) {
        if (hand_owner(&now[i]) != NULL) {
            world.hands.touched[i / 64] |= UINT64_C(1) << i % 64;
        }
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
static __attribute__((noinline)) void leave(struct moment_process *process)
{
    char *low = stack_low();

    process->bytes = (uint32_t)(process->stack_end - low);
    if (_setjmp(process->jump) == 0) {
        _longjmp(world.scheduler, 1);
    }
}

void pirn__atom_step(const uint64_t *at)
{
    struct moment_process *process = world.current;

    if (process != NULL) {
        hand_is_left_alone(process, at);
        process->alone = hand_is_own(process, at);
        process->at = at;
        leave(process);
    }
}

static void begin(void)
{
    const struct atoms_plan *plan = world.plan;
    struct moment_process *process = world.current;
    uint32_t self = (uint32_t)(process - world.now.processes);

    process->alone = plan->hands != NULL; /* up to the first step */
    leave(process);
    if (self < plan->process_count) {
        plan->run(plan->memory, self);
    } else if (process->repeats) {
        plan->repeat(plan->memory, self, process->whom);
    } else {
        plan->attend(plan->memory, self, process->whom);
    }
    process->status = MOMENT_ENDED;
    leave(process);
}

static void process_settle(struct moment_process *process)
{
    if (process->status == MOMENT_KILLED || process->status == MOMENT_ENDED) {
        process->bytes = 0;
        process->alone = false;
        process->at = NULL;
        process->hash = (XXH128_hash_t){0};
        return;
    }
    pirn_assert(process->bytes <= KEPT_BYTES);
    char *low = process->stack_end - process->bytes;
    XXH128_hash_t stack = XXH3_128bits(low, process->bytes);
    XXH128_hash_t jump = XXH3_128bits(process->jump, sizeof(process->jump));
    process->hash.low64 = stack.low64 ^ jump.high64;
    process->hash.high64 = stack.high64 + jump.low64;
}

static void process_step(struct moment_process *process)
{
    if (process->at != NULL) {
        word_touch(moment_word(process->at));
        process->at = NULL;
    }
    memset(process->stack_end - process->bytes - ZEROED_BYTES, 0, ZEROED_BYTES);
    if (_setjmp(world.scheduler) == 0) {
        _longjmp(world.current->jump, 1);
    }
    process_settle(world.current);
}

/* False: it touches more, and was not taken. */
static bool step_in_hand(struct moment_process *process)
{
    const struct reach_words words = world.words;

    moment_keep(world.before);
    world.words = (struct reach_words){0};
    process_step(process);
    const struct reach_words more = words_since(world.before);
    for (uint32_t i = 0; i < REACH_PARTS; i++) {
        world.words.touched[i] |= words.touched[i];
    }
    if (!words_are_in_hands(&more)) {
        moment_return(world.before);
        world.words = words;
        return false;
    }
    return true;
}

void moment_step(uint32_t self, bool more)
{
    struct moment_process *process = &world.now.processes[self];
    uint32_t count = 0;

    pirn_assert(process->status == MOMENT_RUNS);
    world.current = process;
    process_step(process);
    while (more && process->alone && process->status == MOMENT_RUNS &&
           step_in_hand(process)) {
        pirn_assert(count++ < IN_HAND_MAX);
    }
}

/* By itself: getcontext() returns twice, as far as the compiler knows. */
static void process_enter(ucontext_t *context, char *stack)
{
    getcontext(context);
    context->uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK_BYTES};
    makecontext(context, begin, 0);
    if (_setjmp(world.scheduler) == 0) {
        setcontext(context);
    }
}

/* ---- moments ---- */

struct moment *moment_begin(const struct atoms_plan *plan)
{
    static ucontext_t context;
    uint32_t faults = plan->kills + (plan->repeat != NULL ? plan->stops : 0);

    world = (struct world){
        .plan = plan,
        .count = plan->process_count + faults,
        .now.started = plan->process_count,
        .now.kills = plan->kills,
        .now.stops = plan->stops,
    };
    pirn_assert(world.count <= ATOMS_PROCESSES);
    pirn_assert(plan->memory_bytes <= REACH_WORDS * sizeof(uint64_t));
    pirn_assert(plan->memory_bytes % sizeof(uint64_t) == 0);
    memset(stacks, 0, sizeof(stacks));
    for (uint32_t i = 0; i < world.count; i++) {
        struct moment_process *process = &world.now.processes[i];
        process->status = i < world.now.started ? MOMENT_RUNS : MOMENT_ASLEEP;
        process->root = i;
        process->stack_end = stacks[i] + STACK_BYTES;
        world.current = process;
        process_enter(&context, stacks[i]);
        world.current = NULL;
        process_settle(process);
    }
    for (uint32_t i = 0; i < word_count(); i++) {
        word_hash(i, ((const uint64_t *)plan->memory)[i]);
    }
    hands_find();
    world.before = moment_copy_create();
    return &world.now;
}

static size_t moment_bytes(void)
{
    return offsetof(struct moment, processes) +
           world.count * sizeof(struct moment_process);
}

void moment_end(void)
{
    free(world.before);
}

struct moment_copy *moment_copy_create(void)
{
    struct moment_copy *copy = malloc(sizeof(*copy) + world.plan->memory_bytes +
                                      (size_t)world.count * KEPT_BYTES);

    pirn_assert(copy != NULL);
    return copy;
}

void moment_keep(struct moment_copy *copy)
{
    memcpy(&copy->moment, &world.now, moment_bytes());
    memcpy(copy->bytes, world.plan->memory, world.plan->memory_bytes);
    char *at = (char *)copy->bytes + world.plan->memory_bytes;
    for (uint32_t i = 0; i < world.count; i++) {
        const struct moment_process *process = &world.now.processes[i];
        memcpy(at, process->stack_end - process->bytes, process->bytes);
        at += process->bytes;
    }
}

void moment_return(const struct moment_copy *copy)
{
    memcpy(&world.now, &copy->moment, moment_bytes());
    memcpy(world.plan->memory, copy->bytes, world.plan->memory_bytes);
    const char *at = (const char *)copy->bytes + world.plan->memory_bytes;
    for (uint32_t i = 0; i < world.count; i++) {
        const struct moment_process *process = &world.now.processes[i];
        memcpy(process->stack_end - process->bytes, at, process->bytes);
        at += process->bytes;
    }
}

XXH128_hash_t moment_hash(void)
{
    uint64_t parts[3 * ATOMS_PROCESSES + 4] = {0};
    const struct moment *now = &world.now;
    size_t n = 0;

    for (uint32_t i = 0; i < now->started; i++) {
        const struct moment_process *process = &now->processes[i];
        parts[n++] = (uint64_t)process->status << 32 | process->whom;
        parts[n++] = process->hash.low64;
        parts[n++] = process->hash.high64;
    }
    parts[n++] = now->kills;
    parts[n++] = now->stops;
    parts[n++] = now->memory_hash.low64;
    parts[n++] = now->memory_hash.high64;
    return XXH3_128bits(parts, n * sizeof(parts[0]));
}

uint32_t moment_who(enum moment_status status)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < world.now.started; i++) {
        bits |= (uint32_t)(world.now.processes[i].status == status) << i;
    }
    return bits;
}

/* ---- what may happen to a process ---- */

static void attend(uint32_t whom, bool repeats)
{
    struct moment_process *process = &world.now.processes[world.now.started++];
    const struct moment_process *other = &world.now.processes[whom];

    pirn_assert(world.now.started <= world.count);
    process->status = MOMENT_RUNS;
    /* Those whom a repeater attends to are not dead. */
    process->whom = 1u << whom | (other->repeats ? 0 : other->whom);
    process->root = other->root;
    process->repeats = repeats;
}

void moment_kill(uint32_t self)
{
    struct moment_process *process = &world.now.processes[self];

    pirn_assert(process->status == MOMENT_RUNS && world.now.kills > 0);
    world.now.kills--;
    process->status = MOMENT_KILLED;
    process_settle(process);
    attend(self, false);
}

void moment_stop(uint32_t self)
{
    struct moment_process *process = &world.now.processes[self];

    pirn_assert(process->status == MOMENT_RUNS && world.now.stops > 0);
    world.now.stops--;
    process->status = MOMENT_STOPPED;
    if (world.plan->repeat != NULL) {
        attend(self, true);
    }
}

void moment_go_on(void)
{
    for (uint32_t i = 0; i < world.now.started; i++) {
        if (world.now.processes[i].status == MOMENT_STOPPED) {
            world.now.processes[i].status = MOMENT_RUNS;
        }
    }
}
