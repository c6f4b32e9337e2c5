/* SPDX-License-Identifier: MIT */
/* spool.c DIRECTORY COUNT - one process stores mails, another takes them */
#include <pirn/pirn.h>
#include <pirn/spool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void produce(struct pirn_context *context, struct pirn_spool *spool,
                    int count)
{
    struct pirn_draft draft = {0};
    char text[32];

    for (int i = 0, len; i < count; i++) {
        len = snprintf(text, sizeof(text), "mail %d\n", i);
        pirn_prep_enqueue(&draft, spool, "incoming", text, (uint64_t)len, NULL);
        i += pirn_wait(context, &draft.op) < 0 ? count : 0;
    }
}

static void take(struct pirn_context *context, struct pirn_spool *spool,
                 int count)
{
    struct pirn_claim claim = {0};
    char text[32] = "";

    for (int32_t n = 0; count > 0 && n >= 0;) {
        pirn_prep_claim(&claim, spool, "incoming");
        if ((n = pirn_wait(context, &claim.op)) == 1) {
            pirn_prep_claim_read(&claim, text, sizeof(text), 0);
            printf("%.*s", pirn_wait(context, &claim.op), text);
            pirn_prep_remove(&claim); /* nobody has it again */
            n = pirn_wait(context, &claim.op);
            count--;
        } else if (n == 0) { /* none is there yet */
            pirn_prep_timer(&claim.op, 1000000);
            n = pirn_wait(context, &claim.op);
        }
    }
}

int main(int argc, char **argv)
{
    struct pirn_spool_config config = {.path = argv[1], .create = true};
    int count = argc > 2 ? atoi(argv[2]) : 0, status = 0;
    pid_t child = fork(); /* before either opens anything */
    struct pirn_context *context;
    struct pirn_spool *spool;

    if (child < 0 || pirn_context_create(NULL, &context) < 0 ||
        pirn_spool_open(context, &config, &spool) < 0) {
        return EXIT_FAILURE;
    }
    (child == 0 ? take : produce)(context, spool, count);
    pirn_spool_close(spool);
    return child > 0 && (waitpid(child, &status, 0) < 0 || status != 0);
}
