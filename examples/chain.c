/* SPDX-License-Identifier: MIT */
/* chain.c FILE - replace a file durably; FILE may stand where it cannot */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>

int main(int argc, char **argv)
{
    static const char *const names[] = {"open",  "write",  "fsync",
                                        "close", "rename", "unlink"};
    static const char text[] = "all of this, or nothing\n";
    struct pirn_op open = {0}, write = {0}, sync = {0};
    struct pirn_op close = {0}, rename = {0}, undo = {0};
    struct pirn_op *steps[] = {&open, &write, &sync, &close, &rename, &undo};
    struct pirn_chain chain = {0};
    struct pirn_context *context;
    int32_t r;

    if (argc != 2 || pirn_context_create(NULL, &context) < 0) {
        return EXIT_FAILURE;
    }
    pirn_prep_open(&open, AT_FDCWD, "chain.tmp", O_CREAT | O_EXCL | O_WRONLY,
                   0666);
    pirn_prep_write(&write, PIRN_FD_OF(0), text, sizeof(text) - 1, 0);
    pirn_prep_fsync(&sync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&close, PIRN_FD_OF(0));
    pirn_step_when(&close, PIRN_STEP_ALWAYS);
    pirn_prep_rename(&rename, AT_FDCWD, "chain.tmp", AT_FDCWD, argv[1], 0);
    pirn_prep_unlink(&undo, AT_FDCWD, "chain.tmp", 0);
    pirn_step_when(&undo, PIRN_STEP_UNDO);

    pirn_prep_chain(&chain, steps, 6);
    r = pirn_wait(context, &chain.op);
    if (r < 0) {
        printf("%s failed: %s\n", names[pirn_chain_failed(&chain)],
               strerror(-r));
        printf("close: %d, unlink: %d\n", pirn_op_result(&close),
               pirn_op_result(&undo));
    } else {
        printf("%s is replaced\n", argv[1]);
    }
    pirn_context_destroy(context);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
