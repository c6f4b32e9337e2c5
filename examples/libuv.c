/* SPDX-License-Identifier: MIT */
/* libuv.c - a context inside libuv's loop: a timer, and some input */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include <pirn/pirn.h>

/* These two only wake libuv, and main() turns the context whatever did. */
static void has_work(uv_poll_t *poll, int status, int events)
{
    (void)poll, (void)status, (void)events;
}

static void is_due(uv_timer_t *timer)
{
    uv_stop(timer->loop); /* it may be due before libuv sleeps */
}

static void say(struct pirn_op *op, int32_t result)
{
    (void)op;
    fprintf(stderr, "ended with %d\n", result);
}

int main(void)
{
    static char text[100];
    struct pirn_op timer = {0}, input = {0};
    struct pirn_context *context;
    uv_timer_t deadline;
    uv_poll_t work;

    if (pirn_context_create(NULL, &context) < 0 ||
        uv_poll_init(uv_default_loop(), &work, pirn_context_fd(context)) < 0) {
        return EXIT_FAILURE;
    }
    uv_poll_start(&work, UV_READABLE, has_work);
    uv_timer_init(uv_default_loop(), &deadline);
    pirn_prep_timer(&timer, 5000000);
    pirn_start(context, &timer, say);
    pirn_prep_read(&input, STDIN_FILENO, text, 100, PIRN_OFFSET_CURRENT);
    pirn_start(context, &input, say);

    while (pirn_context_loaned(context) > 0) {
        uint64_t until_ns = pirn_context_deadline_ns(context);
        uint64_t now_ns = uv_hrtime(); /* the same clock */
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;

        uv_timer_start(&deadline, is_due, (left_ns + 999999) / 1000000, 0);
        uv_run(uv_default_loop(), UV_RUN_ONCE);
        if (pirn_context_turn(context, 0) < 0) {
            return EXIT_FAILURE;
        }
    }
    pirn_context_destroy(context);
    return EXIT_SUCCESS;
}
