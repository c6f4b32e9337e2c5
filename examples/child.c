/* SPDX-License-Identifier: MIT */
/* child.c STARTS COMMAND ... - start a command anew until it succeeds */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/pirn.h>

struct keeper {
    struct pirn_child child;
    struct pirn_context *context;
    char **command;
    int starts; /* that are left */
    int code;
};

static void ended(struct pirn_op *op, int32_t result);

static void start(struct keeper *keeper)
{
    pid_t pid;

    keeper->starts--;
    if (posix_spawnp(&pid, keeper->command[0], NULL, NULL, keeper->command,
                     NULL) != 0) {
        printf("cannot be started\n");
        return;
    }
    pirn_prep_child(&keeper->child, pid);
    pirn_start(keeper->context, &keeper->child.op, ended);
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct keeper *keeper = pirn_container_of(op, struct keeper, child.op);

    if (result >= 0 && WIFSIGNALED(result)) {
        printf("ended by signal %d\n", WTERMSIG(result));
    } else {
        keeper->code = result < 0 ? EXIT_FAILURE : WEXITSTATUS(result);
        printf("ended with %d\n", keeper->code);
    }
    if (result != 0 && keeper->starts > 0) {
        start(keeper);
    }
}

int main(int argc, char **argv)
{
    struct keeper keeper = {.command = argv + 2, .code = EXIT_FAILURE};

    keeper.starts = argc > 2 ? atoi(argv[1]) : 0;
    if (keeper.starts <= 0 || pirn_context_create(NULL, &keeper.context) < 0) {
        return EXIT_FAILURE;
    }
    start(&keeper);
    return pirn_context_drain(keeper.context) < 0 ? EXIT_FAILURE : keeper.code;
}
