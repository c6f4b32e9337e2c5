/* SPDX-License-Identifier: MIT */
/* libuv.c - a context inside libuv's loop: timers and files of both worlds */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include <pirn/pirn.h>

static struct pirn_context *context;
static uv_poll_t work;
static uv_timer_t time_left;
static uv_prepare_t before_sleep;

static void turn(void)
{
    if (pirn_context_turn(context, 0) < 0) {
        abort();
    }
}

static void has_work(uv_poll_t *poll, int status, int events)
{
    (void)poll, (void)status, (void)events;
    turn();
}

static void is_due(uv_timer_t *timer)
{
    (void)timer;
    turn();
}

/* Before each sleep of libuv: how long may it be? */
static void bound_sleep(uv_prepare_t *prepare)
{
    uint64_t deadline_ns = pirn_context_deadline_ns(context);
    uint64_t now_ns = uv_hrtime();

    (void)prepare;
    if (pirn_context_loaned(context) == 0) {
        uv_stop(uv_default_loop());
    } else if (deadline_ns != PIRN_FOREVER) {
        uv_timer_start(&time_left, is_due,
                       deadline_ns <= now_ns
                           ? 0
                           : (deadline_ns - now_ns + 999999) / 1000000,
                       0);
    }
}

static void say(struct pirn_op *op, int32_t result)
{
    (void)op;
    printf("%s\n", result < 0 ? "failed" : "pirn, in libuv's loop");
}

int main(void)
{
    struct pirn_op timer = {0}, open = {0};
    int fd;

    if (pirn_context_create(NULL, &context) < 0 ||
        (fd = pirn_context_fd(context)) < 0) {
        return EXIT_FAILURE;
    }
    uv_poll_init(uv_default_loop(), &work, fd);
    uv_poll_start(&work, UV_READABLE, has_work);
    uv_timer_init(uv_default_loop(), &time_left);
    uv_prepare_init(uv_default_loop(), &before_sleep);
    uv_prepare_start(&before_sleep, bound_sleep);

    pirn_prep_timer(&timer, 5000000);
    pirn_start(context, &timer, say);
    pirn_prep_open(&open, AT_FDCWD, "/dev/null", O_RDONLY, 0);
    pirn_start(context, &open, say);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    pirn_context_destroy(context);
    return EXIT_SUCCESS;
}
