/* SPDX-License-Identifier: MIT */
/* plain.h - a context without a ring, a socket pair and a pipe */
#ifndef TESTS_KERNEL_PLAIN_H
#define TESTS_KERNEL_PLAIN_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/context.h"
#include "tests/sim/note.h"

enum { BIG = 4 << 20 };

struct bed {
    struct pirn_context *context;
    int ends[2]; /* of a socket pair */
    int pipe[2];
};

static inline struct pirn_context *plain_context(uint32_t worker_max)
{
    struct pirn_context_config config = {.worker_max = worker_max};
    struct pirn_context *context;

    assert_int_equal(
        pirn__context_create_on(&pirn__engine_plain, &config, &context), 0);
    return context;
}

static inline int setup(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    alarm(60); /* a call that blocks is how these tests go wrong */
    bed->context = plain_context(1);
    *state = bed;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, bed->ends) + pipe(bed->pipe);
}

static inline int teardown(void **state)
{
    struct bed *bed = *state;

    bed->context = pirn_context_destroy(bed->context);
    for (int i = 0; i < 2; i++) {
        close(bed->ends[i]);
        close(bed->pipe[i]);
    }
    free(bed);
    alarm(0);
    return 0;
}

static inline void turn(struct bed *bed, uint64_t timeout_ns)
{
    assert_true(pirn_context_turn(bed->context, timeout_ns) >= 0);
}

static inline void turn_until(struct bed *bed, const struct note *note,
                              int calls)
{
    while (note->calls < calls) {
        turn(bed, PIRN_FOREVER);
    }
}

static inline void drain(struct bed *bed)
{
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

#define PLAIN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* TESTS_KERNEL_PLAIN_H */
