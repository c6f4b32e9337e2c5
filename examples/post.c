/* SPDX-License-Identifier: MIT */
/* post.c ROUNDS - a ball between two contexts, each on a thread of its own */
#include <stdio.h>
#include <stdlib.h>

#include <pirn/pirn.h>

struct game {
    struct pirn_op ball; /* on loan to one of the two, in turn */
    struct pirn_group *group;
    struct pirn_op over;
    struct pirn_context *referee;
    int side;
    int left;
};

static void whistle(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_context_stop(pirn_container_of(op, struct game, over)->referee);
}

/* Runs on the thread of the side that has the ball; nobody else touches it. */
static void hit(struct pirn_op *op, int32_t result)
{
    struct game *game = pirn_container_of(op, struct game, ball);

    (void)result;
    if (game->left-- == 0) {
        pirn_post(game->referee, &game->over, whistle);
        return;
    }
    game->side ^= 1;
    pirn_post(pirn_group_context(game->group, (uint32_t)game->side),
              &game->ball, hit);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    struct game game = {.left = rounds};
    struct pirn_group_config config = {.count = 2};

    if (rounds < 0 || pirn_context_create(NULL, &game.referee) < 0 ||
        pirn_group_create(&config, &game.group) < 0) {
        return EXIT_FAILURE;
    }
    pirn_post(pirn_group_context(game.group, 0), &game.ball, hit);
    if (pirn_context_run(game.referee) < 0) {
        return EXIT_FAILURE;
    }
    game.group = pirn_group_destroy(game.group);
    pirn_context_destroy(game.referee);
    printf("%d times across\n", rounds);
    return EXIT_SUCCESS;
}
