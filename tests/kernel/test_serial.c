/* SPDX-License-Identifier: MIT */
/* test_serial.c - turns on the running kernel, pushed from real threads */
#include "tests/kernel/ring.h"

#include <pthread.h>
#include <sys/socket.h>

enum { THREADS = 4, JOBS = 500 };

struct record {
    uint32_t thread;
    uint32_t number;
};

struct job {
    struct pirn_op post;
    struct pirn_op write;
    struct record record;
    struct log *log;
};

struct log {
    struct pirn_context *context;
    struct pirn_serial serial;
    int fd;
    int done;
    int failed;
};

struct writer {
    pthread_t thread;
    struct job jobs[JOBS];
};

static void wrote(struct pirn_op *op, int32_t result)
{
    struct log *log = pirn_container_of(op, struct job, write)->log;

    log->done++;
    log->failed += result != sizeof(struct record);
}

static void came(struct pirn_op *op, int32_t result)
{
    struct job *job = pirn_container_of(op, struct job, post);

    (void)result;
    pirn_prep_write(&job->write, job->log->fd, &job->record,
                    sizeof(job->record), PIRN_OFFSET_CURRENT);
    pirn_serial_push(&job->log->serial, &job->write, wrote);
}

static void *post_all(void *argument)
{
    struct writer *writer = argument;

    for (uint32_t i = 0; i < JOBS; i++) {
        struct job *job = &writer->jobs[i];

        pirn_post(job->log->context, &job->post, came);
        if (i % 61 == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void write_all(struct log *log, struct writer *writers)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        for (uint32_t j = 0; j < JOBS; j++) {
            writers[i].jobs[j] = (struct job){.record = {i, j}, .log = log};
        }
        assert_int_equal(
            pthread_create(&writers[i].thread, NULL, post_all, &writers[i]), 0);
    }
    while (log->done < THREADS * JOBS) {
        assert_true(pirn_context_turn(log->context, PIRN_FOREVER) >= 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(writers[i].thread, NULL);
    }
}

static void appends_of_each_thread_keep_their_order(void **state)
{
    struct ring *ring = *state;
    struct writer *writers = calloc(THREADS, sizeof(*writers));
    struct log log = {.context = ring->context};
    uint32_t next[THREADS] = {0};
    struct record record;

    log.fd = openat(ring->dir_fd, "log",
                    O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    pirn_serial_init(&log.serial, ring->context, NULL);
    write_all(&log, writers);
    assert_int_equal(log.failed, 0);
    assert_true(pirn_serial_is_idle(&log.serial));
    pirn_serial_deinit(&log.serial);

    assert_int_equal(lseek(log.fd, 0, SEEK_SET), 0);
    for (int i = 0; i < THREADS * JOBS; i++) {
        assert_int_equal(read(log.fd, &record, sizeof(record)), sizeof(record));
        assert_true(record.thread < THREADS);
        assert_int_equal(record.number, next[record.thread]++);
    }
    close(log.fd);
    free(writers);
}

static void close_ends_a_read_that_waits_for_its_peer(void **state)
{
    struct ring *ring = *state;
    struct pirn_serial serial;
    struct note reads[3] = {0};
    struct note close_note = {0};
    char byte;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    pirn_serial_init(&serial, ring->context, NULL);
    for (int i = 0; i < 3; i++) {
        pirn_prep_recv(&reads[i].op, fds[0], &byte, 1, 0);
        pirn_serial_push(&serial, &reads[i].op, note_fn);
    }
    assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    pirn_prep_serial_close(&close_note.op, &serial);
    assert_int_equal(pirn_wait(ring->context, &close_note.op), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reads[i].calls, 1);
        assert_int_equal(reads[i].result, -ECANCELED);
    }
    pirn_serial_deinit(&serial);
    close(fds[0]);
    close(fds[1]);
}

RING_TEST_MAIN(RING_TEST(appends_of_each_thread_keep_their_order),
               RING_TEST(close_ends_a_read_that_waits_for_its_peer))
