/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - see fiber.h
 *
 * A fiber is entered once by swapcontext(3), which saves the signal mask by a
 * system call; from then on by _setjmp and _longjmp, which do not. Stacks are
 * kept from life to life, since a mapping costs more than a life's first turns.
 * The sanitizers have to be told of each switch; there swapcontext is used.
 */
#include "tests/sim/model/fiber.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "pirn/invariant.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif

#if defined(FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) ((void)(start), (void)(end))
#define RUNNING_ON_VALGRIND 0
#endif

enum { STACK_BYTES = 256 * 1024, GUARD_BYTES = 4096 };

struct fiber {
    struct fiber *next; /* among the unused */
    void (*run)(void *argument);
    void *argument;
    char *stack;
    bool entered;
    bool ended;
    void *watched; /* what ThreadSanitizer calls it */
    ucontext_t context;
    jmp_buf jump;
};

struct fibers {
    struct fiber *unused;
    struct fiber *current;
    ucontext_t scheduler;
    jmp_buf jump;
    void *fake_stack; /* AddressSanitizer's; or what ThreadSanitizer calls it */
    const void *stack;
    size_t stack_bytes;
};

static _Thread_local struct fibers fibers;

#if defined(FIBER_ASAN)

static void arrived_in_fiber(void)
{
    __sanitizer_finish_switch_fiber(NULL, &fibers.stack, &fibers.stack_bytes);
}

static void leave_fiber(struct fiber *fiber)
{
    void *fake_stack;

    __sanitizer_start_switch_fiber(fiber->ended ? NULL : &fake_stack,
                                   fibers.stack, fibers.stack_bytes);
    swapcontext(&fiber->context, &fibers.scheduler);
    __sanitizer_finish_switch_fiber(fake_stack, &fibers.stack,
                                    &fibers.stack_bytes);
}

static void enter_fiber(struct fiber *fiber)
{
    __sanitizer_start_switch_fiber(&fibers.fake_stack, fiber->stack,
                                   STACK_BYTES);
    swapcontext(&fibers.scheduler, &fiber->context);
    __sanitizer_finish_switch_fiber(fibers.fake_stack, NULL, NULL);
}

static void clean_stack(struct fiber *fiber)
{
    __asan_unpoison_memory_region(fiber->stack, STACK_BYTES);
}

#elif defined(FIBER_TSAN)

static void arrived_in_fiber(void)
{
}

static void leave_fiber(struct fiber *fiber)
{
    __tsan_switch_to_fiber(fibers.fake_stack, 0);
    swapcontext(&fiber->context, &fibers.scheduler);
}

static void enter_fiber(struct fiber *fiber)
{
    fibers.fake_stack = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->watched, 0);
    swapcontext(&fibers.scheduler, &fiber->context);
}

static void clean_stack(struct fiber *fiber)
{
    if (fiber->watched != NULL) {
        __tsan_destroy_fiber(fiber->watched);
    }
    fiber->watched = __tsan_create_fiber(0);
}

#else

static void arrived_in_fiber(void)
{
}

static void leave_fiber(struct fiber *fiber)
{
    if (_setjmp(fiber->jump) == 0) {
        _longjmp(fibers.jump, 1);
    }
}

static void enter_fiber(struct fiber *fiber)
{
    if (_setjmp(fibers.jump) != 0) {
        return;
    }
    if (fiber->entered) {
        _longjmp(fiber->jump, 1);
    }
    fiber->entered = true;
    swapcontext(&fibers.scheduler, &fiber->context);
}

static void clean_stack(struct fiber *fiber)
{
    (void)fiber;
}

#endif

static void begin(void)
{
    struct fiber *fiber = fibers.current;

    arrived_in_fiber();
    fiber->run(fiber->argument);
    fiber->ended = true;
    leave_fiber(fiber);
}

static struct fiber *fiber_new(void)
{
    struct fiber *fiber = calloc(1, sizeof(*fiber));
    char *memory = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    pirn_assert(fiber != NULL && memory != MAP_FAILED);
    pirn_assert(mprotect(memory, GUARD_BYTES, PROT_NONE) == 0);
    fiber->stack = memory + GUARD_BYTES;
    (void)VALGRIND_STACK_REGISTER(fiber->stack, fiber->stack + STACK_BYTES);
    return fiber;
}

static struct fiber *fiber_take(void)
{
    struct fiber *fiber = fibers.unused;

    if (fiber == NULL) {
        return fiber_new();
    }
    fibers.unused = fiber->next;
    return fiber;
}

/* By itself: getcontext() returns twice, as far as the compiler knows. */
static void make_context(struct fiber *fiber)
{
    getcontext(&fiber->context);
    fiber->context.uc_stack = (stack_t){
        .ss_sp = fiber->stack,
        .ss_size = STACK_BYTES,
    };
    makecontext(&fiber->context, begin, 0);
}

struct fiber *fiber_create(void (*run)(void *argument), void *argument)
{
    struct fiber *fiber = fiber_take();

    fiber->run = run;
    fiber->argument = argument;
    fiber->entered = false;
    fiber->ended = false;
    clean_stack(fiber);
    make_context(fiber);
    return fiber;
}

void fiber_resume(struct fiber *fiber)
{
    pirn_assert(fibers.current == NULL && !fiber->ended);
    fibers.current = fiber;
    enter_fiber(fiber);
    fibers.current = NULL;
}

void fiber_yield(void)
{
    pirn_assert(fibers.current != NULL);
    leave_fiber(fibers.current);
}

bool fiber_has_ended(const struct fiber *fiber)
{
    return fiber->ended;
}

void fiber_destroy(struct fiber *fiber)
{
    pirn_assert(fibers.current == NULL);
    fiber->next = fibers.unused;
    fibers.unused = fiber;
}

bool fiber_is_slow(void)
{
#if defined(FIBER_ASAN) || defined(FIBER_TSAN)
    return true;
#else
    return RUNNING_ON_VALGRIND != 0;
#endif
}
