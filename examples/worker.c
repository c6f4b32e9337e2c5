/* SPDX-License-Identifier: MIT */
/* worker.c JOBS - contexts with data of their own and a watch */
#include <fcntl.h>
#include <pirn/pirn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct pirn_watch watches[2];
static int jobs[2], said[2];

static void watched(struct pirn_watch *watch, uint32_t events)
{
    char job; /* another may have been faster */

    (void)watch, (void)events;
    (void)(read(jobs[0], &job, 1) == 1 && write(said[1], &job, 1) == 1);
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op, (void)result;
}

static void init(struct pirn_context *context, uint32_t index, void *key,
                 struct pirn_op *done)
{
    pirn_prep_watch(&watches[index], jobs[0], POLLIN, 0, watched);
    pirn_start(context, &watches[index].op, ended);
    pirn_task_finish(context, done,
                     pirn_context_set_data(context, key, &watches[index]));
}

static void cleanup(struct pirn_context *context, uint32_t index, void *key,
                    struct pirn_op *done)
{
    struct pirn_watch *watch = pirn_context_data(context, key);

    (void)index;
    pirn_cancel(context, &watch->op);
    pirn_task_finish(context, done, 0);
}

int main(int argc, char **argv)
{
    struct pirn_group_config config = {2, {0}, init, cleanup, watches};
    struct pirn_group *group;
    int count = argc > 1 ? atoi(argv[1]) : 0, n = 0;

    if (pipe2(jobs, O_NONBLOCK) < 0 || pipe(said) < 0 ||
        pirn_group_create(&config, &group) < 0) {
        return EXIT_FAILURE;
    }
    for (char job; n < count && write(jobs[1], "j", 1) == 1; n++) {
        n -= read(said[0], &job, 1) != 1;
    }
    pirn_group_destroy(group);
    return printf("%d jobs done\n", n) < 0;
}
