/* SPDX-License-Identifier: MIT */
/* timer.c MILLISECONDS COUNT - a tick in every period; then stop */
#include <stdio.h>
#include <stdlib.h>

#include <pirn/pirn.h>

struct clock {
    struct pirn_multishot shot;
    struct pirn_context *context;
    int left;
};

static void tick(struct pirn_multishot *shot, int32_t result,
                 enum pirn_more more)
{
    struct clock *clock = pirn_container_of(shot, struct clock, shot);

    if (more == PIRN_LAST) {
        printf("stopped\n");
        return;
    }
    printf("tick: %d\n", result); /* more than 1: we were held up */
    if (--clock->left == 0) {
        pirn_multishot_cancel(clock->context, shot);
    }
}

int main(int argc, char **argv)
{
    struct clock clock = {.left = argc > 2 ? atoi(argv[2]) : 3};
    uint64_t every_ms = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;

    if (every_ms == 0 || clock.left <= 0 ||
        pirn_context_create(NULL, &clock.context) < 0) {
        return EXIT_FAILURE;
    }
    pirn_prep_multishot_timer(&clock.shot, every_ms * 1000000);
    pirn_multishot_start(clock.context, &clock.shot, tick);
    if (pirn_context_drain(clock.context) < 0) {
        return EXIT_FAILURE;
    }
    pirn_context_destroy(clock.context);
    return EXIT_SUCCESS;
}
