/* SPDX-License-Identifier: MIT */
/*
 * test_plain_ways.c - which way an operation goes without io_uring, and how its
 * end finds the context
 */
#include "tests/kernel/plain.h"

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "runtime/list.h"
#include "tests/kernel/descriptors.h"

/* One worker: if a wait were a job, the look at the file would never end. */
static void waits_do_not_fill_the_pool(void **state)
{
    struct bed *bed = *state;
    struct note reads[8] = {0};
    struct note look = {0};
    struct statx statx;
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++) {
        pirn_prep_read(&reads[i].op, bed->pipe[0], &bytes[i], 1,
                       i % 2 ? PIRN_OFFSET_CURRENT : 0);
        note_start(bed->context, &reads[i]);
    }
    pirn_prep_stat(&look.op, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &statx);
    note_start(bed->context, &look);
    turn_until(bed, &look, 1);
    assert_int_equal(write(bed->pipe[1], "12345678", 8), 8);
    drain(bed);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(reads[i].result, 1);
    }
}

static void opening_a_fifo_does_not_wait_for_its_other_end(void **state)
{
    static const char path[] = "./pirn-plain-fifo";
    struct bed *bed = *state;
    struct note read = {0};
    struct note write = {0};
    int fd;

    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    pirn_prep_open(&write.op, AT_FDCWD, path, O_WRONLY, 0);
    note_start(bed->context, &write);
    turn_until(bed, &write, 1);
    pirn_prep_open(&read.op, AT_FDCWD, path, O_RDONLY, 0);
    note_start(bed->context, &read);
    turn_until(bed, &read, 1);
    unlink(path);
    assert_int_equal(write.result, -ENXIO);
    fd = read.result;
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
}

static void a_pipe_is_written_as_far_as_it_goes(void **state)
{
    struct bed *bed = *state;
    char *big = calloc(1, BIG);
    struct note first = {0};
    struct note second = {0};

    pirn_prep_write(&first.op, bed->pipe[1], big, BIG, PIRN_OFFSET_CURRENT);
    note_start(bed->context, &first);
    turn_until(bed, &first, 1);
    assert_in_range(first.result, 1, BIG - 1);
    do { /* until it waits: before Linux 6.4 a write moves 4 KiB */
        second.calls = 0;
        pirn_prep_write(&second.op, bed->pipe[1], big, BIG,
                        PIRN_OFFSET_CURRENT);
        note_start(bed->context, &second);
        turn(bed, 0);
        turn(bed, 0);
    } while (second.calls > 0);
    assert_int_equal(read(bed->pipe[0], big, 65536), 65536);
    turn_until(bed, &second, 1);
    assert_in_range(second.result, 1, BIG - 1);
    free(big);
}

static void a_waiting_operation_is_cancelled_and_its_neighbour_stays(
    void **state)
{
    struct bed *bed = *state;
    struct note notes[2] = {0};
    char bytes[2];

    for (int i = 0; i < 2; i++) {
        pirn_prep_recv(&notes[i].op, bed->ends[0], &bytes[i], 1, 0);
        note_start(bed->context, &notes[i]);
    }
    turn(bed, 0);
    pirn_cancel(bed->context, &notes[0].op);
    turn_until(bed, &notes[0], 1);
    assert_int_equal(notes[0].result, -ECANCELED);
    assert_int_equal(notes[1].calls, 0);
    assert_int_equal(write(bed->ends[1], "x", 1), 1);
    turn_until(bed, &notes[1], 1);
    assert_int_equal(notes[1].result, 1);
}

static void a_cancelled_send_reports_the_bytes_that_left(void **state)
{
    struct bed *bed = *state;
    char *big = calloc(1, BIG);
    struct note send = {0};

    pirn_prep_send(&send.op, bed->ends[0], big, BIG, MSG_WAITALL);
    note_start(bed->context, &send);
    turn(bed, 0);
    pirn_cancel(bed->context, &send.op);
    turn_until(bed, &send, 1);
    assert_in_range(send.result, 1, BIG - 1);
    free(big);
}

static void every_cancelled_job_ends_once_done_or_not(void **state)
{
    enum { JOBS = 200 };
    struct bed *bed = *state;
    struct note *notes = calloc(JOBS, sizeof(*notes));
    struct statx statx;
    int cancelled = 0;

    for (int i = 0; i < JOBS; i++) {
        pirn_prep_stat(&notes[i].op, AT_FDCWD, "/", 0, STATX_BASIC_STATS,
                       &statx);
        note_start(bed->context, &notes[i]);
    }
    turn(bed, 0);
    for (int i = 0; i < JOBS; i++) {
        pirn_cancel(bed->context, &notes[i].op);
    }
    drain(bed);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(notes[i].calls, 1);
        assert_true(notes[i].result == 0 || notes[i].result == -ECANCELED);
        cancelled += notes[i].result == -ECANCELED;
    }
    print_message("%d of %d were not begun\n", cancelled, JOBS);
    free(notes);
}

/* A read that takes long, into memory that is seen from elsewhere. */
static void a_job_that_has_begun_has_its_own_result(void **state)
{
    enum { LEN = 64 << 20 };
    struct bed *bed = *state;
    struct note read = {0};
    int zero = open("/dev/zero", O_RDONLY);
    int memory = memfd_create("pirn-plain", 0);
    char *target;
    volatile char *seen;
    char byte = 1;

    assert_int_equal(ftruncate(memory, LEN), 0);
    assert_int_equal(pwrite(memory, &byte, 1, 0), 1);
    target = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    seen = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, 0);
    assert_true(target != MAP_FAILED && seen != MAP_FAILED);

    pirn_prep_read(&read.op, zero, target, LEN, 0);
    note_start(bed->context, &read);
    turn(bed, 0);
    while (*seen != 0) {
    }
    pirn_cancel(bed->context, &read.op);
    drain(bed);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result, LEN);
    munmap(target, LEN);
    munmap((void *)seen, 4096);
    close(memory);
    close(zero);
}

/* A loan is ours if it has our errand, not if it says a number of one. */
static void a_cancel_of_what_the_engine_does_not_have_is_dropped(void **state)
{
    struct engine_config config = {
        .sq_entries = 8, .cq_entries = 8, .worker_max = 1};
    const struct engine_class *class = &pirn__engine_plain;
    struct bed *bed = *state;
    struct pirn_link cancels, queue, inflight;
    struct pirn_loan waiting = {.opcode = ENGINE_RECV,
                                .state = LOAN_QUEUED,
                                .fd = bed->ends[0],
                                .addr = (uintptr_t)bed,
                                .len = 1};
    struct pirn_loan stranger = {0};
    struct engine_event events[4];
    struct engine *engine;

    assert_int_equal(class->create(&config, &engine), 0);
    list_init(&cancels);
    list_init(&queue);
    list_init(&inflight);
    list_push_tail(&queue, &waiting.link);
    class->submit(engine, &cancels, &queue, &inflight);
    stranger.result = waiting.result;
    list_push_tail(&cancels, &stranger.link);
    class->submit(engine, &cancels, &queue, &inflight);
    assert_int_equal(class->wait(engine, 0), 0);
    assert_int_equal(class->reap(engine, events, 4), 0);

    list_unlink(&waiting.link);
    list_push_tail(&cancels, &waiting.link);
    class->submit(engine, &cancels, &queue, &inflight);
    assert_int_equal(class->wait(engine, 0), 0);
    assert_int_equal(class->reap(engine, events, 4), 1);
    assert_ptr_equal(events[0].loan, &waiting);
    assert_int_equal(events[0].result, -ECANCELED);
    class->destroy(engine);
}

/* All that malloc has, in pieces as small as a page of errands. */
static void *hog_memory(void)
{
    void **piece = NULL;
    void **before = NULL;

    while ((piece = malloc(2048)) != NULL) {
        *piece = before;
        before = piece;
    }
    return before;
}

static void give_memory_back(void *piece)
{
    while (piece != NULL) {
        void *before = *(void **)piece;

        free(piece);
        piece = before;
    }
}

/* What is in flight stays so, what is started now is refused, nothing spins. */
static void without_memory_an_operation_ends_with_enomem(void **state)
{
    enum { OPS = 600, TURNS = 5 };
    struct bed *bed = *state;
    struct note *notes = calloc(OPS, sizeof(*notes));
    char *bytes = calloc(1, OPS);
    struct rlimit before;
    struct rlimit none;
    int refused = 0;
    bool fine = true; /* no assertion where there is no memory */
    void *hog;

    if (!MEMORY_MAY_END) {
        free(notes);
        free(bytes);
        return;
    }
    for (int i = 0; i < OPS; i++) {
        pirn_prep_recv(&notes[i].op, bed->ends[0], &bytes[i], 1, 0);
        note_start(bed->context, &notes[i]);
        if (i == 0) {
            turn(bed, 0); /* the descriptor has its entry */
        }
    }
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    hog = hog_memory();
    for (int i = 0; i < TURNS; i++) {
        fine = fine && pirn_context_turn(bed->context, 0) >= 0;
    }
    give_memory_back(hog);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);

    assert_true(fine);
    for (int i = 0; i < OPS; i++) {
        refused += notes[i].calls;
        assert_true(notes[i].calls == 0 || notes[i].result == -ENOMEM);
    }
    assert_int_equal(refused, TURNS); /* the spare's, one a turn */
    memset(bytes, 0, OPS);
    assert_int_equal(write(bed->ends[1], bytes, OPS - TURNS), OPS - TURNS);
    drain(bed);
    free(notes);
    free(bytes);
}

struct sender {
    struct pirn_context *target;
    struct note *posts;
    int count;
};

static void *send_posts(void *argument)
{
    struct sender *sender = argument;

    for (int i = 0; i < sender->count; i++) {
        pirn_post(sender->target, &sender->posts[i].op, note_fn);
    }
    return NULL;
}

static void a_post_wakes_a_context_that_sleeps(void **state)
{
    enum { POSTS = 2000 };
    struct bed *bed = *state;
    struct note *posts = calloc(POSTS, sizeof(*posts));
    struct sender sender = {bed->context, posts, POSTS};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, send_posts, &sender), 0);
    for (int i = 0; i < POSTS; i++) {
        turn_until(bed, &posts[i], 1);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    free(posts);
}

static void a_worker_wakes_a_context_that_sleeps(void **state)
{
    struct bed *bed = *state;
    struct note look = {0};
    struct statx statx;

    pirn_prep_stat(&look.op, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &statx);
    for (int i = 1; i <= 5000; i++) {
        note_start(bed->context, &look);
        turn_until(bed, &look, i);
    }
}

/* Another loop sleeps, which asks only the descriptor. */
static void a_foreign_loop_hears_of_everything(void **state)
{
    struct bed *bed = *state;
    struct pollfd ask = {pirn_context_fd(bed->context), POLLIN, 0};
    struct note look = {0};
    struct note recv = {0};
    struct statx statx;
    char byte;

    pirn_prep_stat(&look.op, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &statx);
    for (int i = 1; i <= 2000; i++) {
        note_start(bed->context, &look);
        pirn_prep_recv(&recv.op, bed->ends[0], &byte, 1, 0);
        note_start(bed->context, &recv);
        turn(bed, 0);
        while (look.calls < i) {
            assert_int_equal(poll(&ask, 1, 20000), 1);
            turn(bed, 0);
        }
        assert_int_equal(write(bed->ends[1], "x", 1), 1);
        while (recv.calls < i) {
            assert_int_equal(poll(&ask, 1, 20000), 1);
            turn(bed, 0);
        }
    }
}

/* Asked for the first time while a job is on its way. */
static void a_foreign_loop_hears_of_what_had_begun(void **state)
{
    enum { LEN = 64 << 20 };
    struct bed *bed = *state;
    struct pollfd ask = {-1, POLLIN, 0};
    struct note read = {0};
    char *target = malloc(LEN);
    int zero = open("/dev/zero", O_RDONLY);

    pirn_prep_read(&read.op, zero, target, LEN, 0);
    note_start(bed->context, &read);
    turn(bed, 0);
    ask.fd = pirn_context_fd(bed->context);
    assert_int_equal(poll(&ask, 1, 20000), 1);
    turn(bed, 0);
    assert_int_equal(read.result, LEN);
    close(zero);
    free(target);
}

static void queue_one(struct pirn_link *queue, struct pirn_loan *loan)
{
    loan->state = LOAN_QUEUED;
    list_push_tail(queue, &loan->link);
}

/* Waits, watches, jobs and results: nothing is told and nothing left open. */
static void an_abandoned_engine_lets_go_of_everything(void **state)
{
    enum { JOBS = 20 };
    struct engine_config config = {
        .sq_entries = 8, .cq_entries = 8, .worker_max = 2};
    const struct engine_class *class = &pirn__engine_plain;
    struct bed *bed = *state;
    struct pirn_link cancels, queue, inflight;
    struct pirn_loan recv = {.opcode = ENGINE_RECV,
                             .fd = bed->ends[0],
                             .addr = (uintptr_t)bed,
                             .len = 1};
    struct pirn_loan watches[2] = {0};
    struct pirn_loan jobs[JOBS] = {0};
    struct engine_event events[JOBS];
    struct engine *engine;
    int before = count_descriptors();

    assert_int_equal(class->create(&config, &engine), 0);
    list_init(&cancels);
    list_init(&queue);
    list_init(&inflight);
    queue_one(&queue, &recv);
    for (int i = 0; i < 2; i++) {
        watches[i] = (struct pirn_loan){.opcode = ENGINE_POLL,
                                        .flags = LOAN_MULTISHOT,
                                        .fd = bed->ends[i],
                                        .op_flags = i == 0 ? POLLIN : POLLOUT};
        queue_one(&queue, &watches[i]);
    }
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct pirn_loan){.opcode = ENGINE_FSYNC, .fd = -1};
        queue_one(&queue, &jobs[i]);
    }
    class->submit(engine, &cancels, &queue, &inflight);
    assert_int_equal(class->wait(engine, 1000000), 0);
    class->abandon(engine, &inflight);
    assert_int_equal(class->reap(engine, events, JOBS), 0);
    class->destroy(engine);
    assert_int_equal(count_descriptors(), before);
}

TEST_MAIN(PLAIN_TEST(a_waiting_operation_is_cancelled_and_its_neighbour_stays),
          PLAIN_TEST(a_cancelled_send_reports_the_bytes_that_left),
          PLAIN_TEST(every_cancelled_job_ends_once_done_or_not),
          PLAIN_TEST(a_job_that_has_begun_has_its_own_result),
          PLAIN_TEST(a_cancel_of_what_the_engine_does_not_have_is_dropped),
          PLAIN_TEST(without_memory_an_operation_ends_with_enomem),
          PLAIN_TEST(waits_do_not_fill_the_pool),
          PLAIN_TEST(opening_a_fifo_does_not_wait_for_its_other_end),
          PLAIN_TEST(a_pipe_is_written_as_far_as_it_goes),
          PLAIN_TEST(a_post_wakes_a_context_that_sleeps),
          PLAIN_TEST(a_worker_wakes_a_context_that_sleeps),
          PLAIN_TEST(a_foreign_loop_hears_of_everything),
          PLAIN_TEST(a_foreign_loop_hears_of_what_had_begun),
          PLAIN_TEST(an_abandoned_engine_lets_go_of_everything))
