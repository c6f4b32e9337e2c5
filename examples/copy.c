/* SPDX-License-Identifier: MIT */
/* copy.c FROM TO - copy a file, telling how far it has come; TO is durable */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/pirn.h>

enum { PIECE = 256 * 1024 };

static int32_t open_file(struct pirn_context *context, const char *path,
                         int flags)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, AT_FDCWD, path, flags, 0666);
    return pirn_wait(context, &op);
}

/* A chain continues a short write; a write by itself would not. */
static int32_t write_piece(struct pirn_context *context, int fd,
                           const char *piece, uint32_t len, uint64_t at)
{
    struct pirn_op write = {0};
    struct pirn_op *steps[] = {&write};
    struct pirn_chain chain = {0};

    pirn_prep_write(&write, fd, piece, len, at);
    pirn_prep_chain(&chain, steps, 1);
    return pirn_wait(context, &chain.op);
}

int main(int argc, char **argv)
{
    static char piece[PIECE];
    struct pirn_context *context;
    struct pirn_op op = {0};
    uint64_t at = 0;
    int32_t from, to, n;

    if (argc != 3 || pirn_context_create(NULL, &context) < 0) {
        return EXIT_FAILURE;
    }
    from = open_file(context, argv[1], O_RDONLY);
    to = open_file(context, argv[2], O_CREAT | O_WRONLY | O_TRUNC);
    do {
        pirn_prep_read(&op, from, piece, PIECE, at);
        n = pirn_wait(context, &op);
        if (n > 0 && write_piece(context, to, piece, (uint32_t)n, at) == 0) {
            at += (uint32_t)n;
            fprintf(stderr, "\r%llu bytes", (unsigned long long)at);
        } else if (n > 0) {
            n = -1;
        }
    } while (n > 0);
    fprintf(stderr, "\n");
    pirn_prep_fsync(&op, to, PIRN_SYNC_DATA);
    return n == 0 && pirn_wait(context, &op) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
