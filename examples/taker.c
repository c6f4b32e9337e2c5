/* SPDX-License-Identifier: MIT */
/* taker.c SPOOL COUNT - wait for items, print each, and remove it then */
#include <errno.h>
#include <pirn/pirn.h>
#include <pirn/spool.h>
#include <stdio.h>
#include <stdlib.h>

/* 0: all of the body was printed. */
static int print(struct pirn_context *context, struct pirn_claim *claim)
{
    char buf[4096];
    int n = 1;

    for (uint64_t offset = 0; n > 0; offset += (uint64_t)n) {
        pirn_prep_claim_read(claim, buf, sizeof(buf), offset);
        n = pirn_wait(context, &claim->op);
        if (n < 0 || fwrite(buf, 1, (size_t)n, stdout) != (size_t)n) {
            return n < 0 ? n : -EIO; /* -EBADMSG: it is damaged */
        }
    }
    return fflush(stdout);
}

/* 0: one more was printed, and nobody will have it again. */
static int take(struct pirn_context *context, struct pirn_spool *spool)
{
    struct pirn_claim claim = {0};

    pirn_prep_claim_wait(&claim, spool, "incoming", UINT64_MAX);
    int r = pirn_wait(context, &claim.op);
    if (r < 0) {
        return r;
    }
    if ((r = print(context, &claim)) < 0) {
        pirn_prep_give_back(&claim); /* another may do better */
        (void)pirn_wait(context, &claim.op);
        return r;
    }
    pirn_prep_remove(&claim);
    return pirn_wait(context, &claim.op);
}

int main(int argc, char **argv)
{
    struct pirn_spool_config config = {.path = argv[1]};
    int count = argc == 3 ? atoi(argv[2]) : 0, r = -1;
    struct pirn_context *context;
    struct pirn_spool *spool;

    if (count < 1 || pirn_context_create(NULL, &context) < 0 ||
        pirn_spool_open(context, &config, &spool) < 0) {
        return 2;
    }
    while (count-- > 0 && (r = take(context, spool)) == 0) {
    }
    pirn_spool_close(spool);
    return r < 0;
}
