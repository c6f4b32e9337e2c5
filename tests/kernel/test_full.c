/* SPDX-License-Identifier: MIT */
/*
 * test_full.c - queues that are full, and a kernel that says not now
 *
 * Nothing is lost, nothing is told twice, and nobody sleeps while nobody could
 * wake him.
 */
#include "tests/kernel/ring.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime/list.h"

enum { SMALL = 8, MANY = 500 };

static struct pirn_context *small_context(uint32_t turn_budget)
{
    const struct pirn_context_config config = {.engine = PIRN_ENGINE_URING,
                                               .sq_entries = SMALL,
                                               .cq_entries = SMALL,
                                               .turn_budget = turn_budget};
    struct pirn_context *context;

    assert_int_equal(pirn_context_create(&config, &context), 0);
    return context;
}

/* --- the completion queue --- */

/* How many completions the kernel keeps because the queue has no room. */
static int count_overflown(void)
{
    int count = 0;

    for (int fd = 3; fd < 64; fd++) {
        char line[256];
        bool is_list = false;
        FILE *file;

        snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
        file = fopen(line, "r");
        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            count += is_list && strstr(line, "user_data=") != NULL;
            is_list |= strncmp(line, "CqOverflowList", 14) == 0;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    return count;
}

static void completions_beyond_the_queue_are_all_told(void **state)
{
    static struct note polls[MANY];
    struct pirn_context *context = small_context(0);
    int overflown = 0;
    int ends[2];

    (void)state;
    memset(polls, 0, sizeof(polls));
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < MANY; i++) {
        pirn_prep_poll(&polls[i].op, ends[0], POLLIN);
        note_start(context, &polls[i]);
    }
    for (int i = 0; i < 2 * MANY / SMALL; i++) { /* a few at a time */
        assert_int_equal(pirn_context_turn(context, 0), 0);
    }
    assert_int_equal(write(ends[1], "x", 1), 1); /* and all end at once */
    for (int i = 0; i < MANY && pirn_context_loaned(context) > 0; i++) {
        assert_true(pirn_context_turn(context, 0) >= 0);
        overflown += count_overflown();
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(polls[i].calls, 1);
        assert_int_equal(polls[i].result, POLLIN);
    }
    print_message("%d seen waiting for room\n", overflown);
    assert_true(overflown > 0);
    pirn_context_destroy(context);
    close(ends[0]);
    close(ends[1]);
}

/* --- the call --- */

enum { SUBMITTED = 3, NO_FILTER = 100 };

/* From now on io_uring_enter(2) fails where it would submit just so many. */
static int refuse_to_submit(uint32_t count, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, count, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
               : -1;
}

/* Nothing may be asserted in here. 0: as promised. */
static int be_refused(int error)
{
    static struct note notes[SUBMITTED + 1];
    const struct pirn_context_config config = {.engine = PIRN_ENGINE_URING};
    struct pirn_context *context;

    if (pirn_context_create(&config, &context) != 0 ||
        pirn_context_turn(context, 0) != 0 || /* the doorbell goes first */
        refuse_to_submit(SUBMITTED, error) != 0) {
        return NO_FILTER;
    }
    for (int i = 0; i <= SUBMITTED; i++) {
        pirn_prep_nop(&notes[i].op);
    }
    for (int i = 0; i < SUBMITTED; i++) {
        note_start(context, &notes[i]);
    }
    for (int i = 0; i < 3; i++) { /* also where it would sleep for ever */
        if (pirn_context_turn(context, i == 0 ? 0 : PIRN_FOREVER) != 0) {
            return 1;
        }
    }
    if (pirn_context_loaned(context) != SUBMITTED) {
        return 2;
    }
    note_start(context, &notes[SUBMITTED]);
    if (pirn_context_drain(context) != 0) {
        return 3;
    }
    for (int i = 0; i <= SUBMITTED; i++) {
        if (notes[i].calls != 1 || notes[i].result != 0) {
            return 4;
        }
    }
    return 0;
}

static void kernel_that_says_not_now_is_asked_again(void **state)
{
    static const int errors[] = {EBUSY, EAGAIN, EINTR};

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            _exit(be_refused(errors[i]));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

/* --- the submission queue --- */

static void queue_recv(struct pirn_link *queue, struct pirn_loan *loan, int fd)
{
    static char byte;

    *loan = (struct pirn_loan){.opcode = ENGINE_RECV,
                               .state = LOAN_QUEUED,
                               .fd = fd,
                               .addr = (uintptr_t)&byte,
                               .len = 1};
    list_push_tail(queue, &loan->link);
}

/* The doorbell has been heard, and what waits fills the queue: there is no room
 * to listen for it again. A wait that slept now would hang here. */
static void without_its_doorbell_it_does_not_sleep(void **state)
{
    static uint8_t buffers[8 * 64];
    const struct engine_class *class = &pirn__engine_uring;
    const struct engine_config config = {.sq_entries = SMALL,
                                         .cq_entries = SMALL,
                                         .worker_max = 1,
                                         .buffers = buffers,
                                         .buffer_count = 8,
                                         .buffer_bytes = 64};
    struct pirn_link cancels, queue, inflight;
    struct pirn_loan loans[SMALL];
    struct engine_event event;
    struct engine *engine;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    assert_int_equal(class->create(&config, &engine), 0);
    list_init(&cancels);
    list_init(&queue);
    list_init(&inflight);
    class->submit(engine, &cancels, &queue, &inflight);
    assert_int_equal(class->wait(engine, 0), 0);
    class->wake(engine);
    assert_int_equal(class->wait(engine, PIRN_FOREVER), 0);
    for (int i = 0; i < SMALL; i++) {
        queue_recv(&queue, &loans[i], ends[0]);
    }
    class->submit(engine, &cancels, &queue, &inflight);
    assert_true(list_is_empty(&queue));
    assert_int_equal(class->reap(engine, &event, 1), 0);

    class->submit(engine, &cancels, &queue, &inflight);
    assert_int_equal(class->wait(engine, PIRN_FOREVER), 0);
    class->submit(engine, &cancels, &queue, &inflight); /* now there is room */
    class->wake(engine);
    assert_int_equal(class->wait(engine, PIRN_FOREVER), 0);
    class->abandon(engine, &inflight);
    class->destroy(engine);
    close(ends[0]);
    close(ends[1]);
}

static uint32_t list_length(const struct pirn_link *list)
{
    uint32_t length = 0;

    for (const struct pirn_link *link = list->next; link != list;
         link = link->next) {
        length++;
    }
    return length;
}

/* The kernel ends a run with what is submitted at once: the rest would begin
 * whatever became of it. */
static void a_run_is_not_parted_where_the_queue_ends(void **state)
{
    enum { RUN = 3, RUNS = 3 };
    const struct engine_class *class = &pirn__engine_uring;
    static uint8_t buffers[8 * 64];
    const struct engine_config config = {.sq_entries = SMALL,
                                         .cq_entries = 4 * SMALL,
                                         .worker_max = 1,
                                         .buffers = buffers,
                                         .buffer_count = 8,
                                         .buffer_bytes = 64};
    struct pirn_link cancels, queue, inflight;
    struct pirn_loan loans[RUNS * RUN] = {0};
    struct engine_event events[RUNS * RUN];
    struct engine *engine;
    uint32_t told = 0;

    (void)state;
    assert_int_equal(class->create(&config, &engine), 0);
    list_init(&cancels);
    list_init(&queue);
    list_init(&inflight);
    for (int i = 0; i < RUNS * RUN; i++) {
        loans[i].opcode = ENGINE_NOP;
        loans[i].state = LOAN_QUEUED;
        loans[i].flags = i % RUN == RUN - 1 ? 0 : LOAN_LINKED;
        list_push_tail(&queue, &loans[i].link);
    }
    while (told < RUNS * RUN) {
        class->submit(engine, &cancels, &queue, &inflight);
        assert_int_equal(list_length(&queue) % RUN, 0);
        assert_int_equal(class->wait(engine, PIRN_FOREVER), 0);
        told += class->reap(engine, events, RUNS * RUN);
    }
    assert_true(list_is_empty(&queue));
    class->destroy(engine);
}

/* --- what is done in place --- */

static void start_periods(struct pirn_context *context, struct shot_note *notes)
{
    for (int i = 0; i < SMALL; i++) {
        pirn_prep_multishot_timer(&notes[i].shot, 1);
        pirn_multishot_start(context, &notes[i].shot, shot_note_fn);
    }
}

/*
 * Deliveries that wait leave no room to reap: then what was carried out in
 * place is still on the engine's own list when somebody cancels it.
 */
static void what_was_done_in_place_is_told_though_cancelled(void **state)
{
    struct pirn_context *context = small_context(1);
    static struct shot_note periods[SMALL];
    struct note lock = {0};

    (void)state;
    memset(periods, 0, sizeof(periods));
    start_periods(context, periods);
    for (int i = 0; i < 3; i++) {
        assert_true(pirn_context_turn(context, PIRN_FOREVER) >= 0);
    }
    pirn_prep_lock(&lock.op, -1, 0, 1, PIRN_LOCK_SHARED); /* in no ring */
    note_start(context, &lock);
    assert_int_equal(pirn_context_turn(context, 0), 1);
    assert_int_equal(lock.calls, 0);
    pirn_cancel(context, &lock.op);
    for (int i = 0; i < SMALL; i++) {
        pirn_multishot_cancel(context, &periods[i].shot);
    }
    for (int i = 0; i < 4 * SMALL; i++) {
        assert_true(pirn_context_turn(context, 0) >= 0);
    }
    assert_int_equal(lock.calls, 1);
    assert_int_equal(lock.result, -EBADF);
    assert_int_equal(pirn_context_loaned(context), 0);
    pirn_context_destroy(context);
}

RING_ONLY_MAIN(RING_TEST(completions_beyond_the_queue_are_all_told),
               RING_TEST(kernel_that_says_not_now_is_asked_again),
               RING_TEST(without_its_doorbell_it_does_not_sleep),
               RING_TEST(a_run_is_not_parted_where_the_queue_ends),
               RING_TEST(what_was_done_in_place_is_told_though_cancelled))
