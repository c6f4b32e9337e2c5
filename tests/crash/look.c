/* SPDX-License-Identifier: MIT */
/*
 * look.c - crash_look SPOOL INDEX JOURNAL: a spool as it is now, and what was
 * told of it (check.h); 0 it keeps the promise, 1 it does not
 */
#include <stdio.h>
#include <string.h>

#include "crash/check.h"

int main(int argc, char **argv)
{
    struct ledger ledger;

    if (argc != 4) {
        fprintf(stderr, "usage: crash_look SPOOL INDEX JOURNAL\n");
        return 64;
    }
    int r = ledger_read(&ledger, argv[3]);
    if (r < 0) {
        fprintf(stderr, "crash_look: %s: %s\n", argv[3], strerror(-r));
        return 2;
    }
    /* Later than all that was told. */
    uint32_t husks = 0;
    uint32_t complaints =
        check_spool(argv[1], argv[2], &ledger, ledger.last + 1, &husks);
    printf("  %u husks\n", husks);
    printf("# {\"acknowledged\": %u, \"refused\": %u, \"items\": %u}\n",
           ledger.end_count, ledger.refused, ledger.count);
    ledger_free(&ledger);
    return complaints + husks > 0 ? 1 : 0;
}
