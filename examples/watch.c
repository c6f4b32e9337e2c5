/* SPDX-License-Identifier: MIT */
/* watch.c - libuv's loop as a guest in ours: its descriptor is watched */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include <pirn/pirn.h>

enum { JOBS = 3 };

static struct pirn_context *context;
static uv_loop_t loop;
static int done;

static void work(uv_work_t *job) /* in one of libuv's threads */
{
    (void)job;
}

static void worked(uv_work_t *job, int status) /* in ours, by uv_run() */
{
    (void)job, (void)status;
    done++;
}

static void ready(struct pirn_watch *watch, uint32_t events)
{
    (void)events;
    uv_run(&loop, UV_RUN_NOWAIT);
    if (done == JOBS) {
        pirn_cancel(context, &watch->op);
    }
}

int main(void)
{
    struct pirn_watch watch = {.token = 0};
    uv_work_t jobs[JOBS];

    if (pirn_context_create(NULL, &context) < 0 || uv_loop_init(&loop) < 0) {
        return EXIT_FAILURE;
    }
    for (int i = 0; i < JOBS; i++) {
        uv_queue_work(&loop, &jobs[i], work, worked);
    }
    uv_run(&loop, UV_RUN_NOWAIT); /* it tells epoll what it waits for */
    pirn_prep_watch(&watch, uv_backend_fd(&loop), POLLIN, PIRN_WATCH_LEVEL,
                    ready);
    if (done < JOBS) {
        pirn_wait(context, &watch.op);
    }
    printf("%d jobs done by libuv, in pirn's loop\n", done);
    uv_loop_close(&loop);
    pirn_context_destroy(context);
    return EXIT_SUCCESS;
}
