/* SPDX-License-Identifier: MIT */
/* worker.c - contexts with data of their own, a watch and a timer; 25 jobs */
#include <fcntl.h>
#include <pirn/pirn.h>
#include <stdio.h>
#include <unistd.h>

static struct pirn_watch watches[2];
static struct pirn_op limits[2]; /* timers, after which they watch no more */
static int jobs[2], said[2], n;

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
    pirn_prep_deadline(&limits[index], &watches[index].op,
                       pirn_context_now_ns(context) + UINT64_C(60000000000));
    pirn_start(context, &limits[index], ended);
    pirn_task_finish(context, done,
                     pirn_context_set_data(context, key, &watches[index].op));
}

static void cleanup(struct pirn_context *context, uint32_t index, void *key,
                    struct pirn_op *done)
{
    pirn_cancel(context, pirn_context_data(context, key));
    pirn_cancel(context, &limits[index]);
    pirn_task_finish(context, done, 0);
}

int main(void)
{
    struct pirn_group_config config = {2, {0}, init, cleanup, watches};
    struct pirn_group *group;

    if (pipe(jobs) < 0 || fcntl(jobs[0], F_SETFL, O_NONBLOCK) < 0 ||
        pipe(said) < 0 || pirn_group_create(&config, &group) < 0) {
        return 1;
    }
    while (n < 25 && write(jobs[1], "j", 1) == 1) {
        n += read(said[0], &(char){0}, 1) == 1;
    }
    pirn_group_destroy(group);
    return printf("%d jobs done\n", n) < 0;
}
