/* SPDX-License-Identifier: MIT */
/* producer.c SPOOL - store each line of standard input, many at once */
#include <pirn/pirn.h>
#include <pirn/spool.h>
#include <stdio.h>
#include <string.h>

static struct line {
    struct pirn_draft draft;
    char text[1024];
} lines[64];
static struct pirn_context *context;
static struct pirn_spool *spool;
static int pending, failed;
static void produce(struct line *line);
static void is_durable(struct pirn_op *op, int32_t result)
{
    struct line *line = pirn_container_of(op, struct line, draft.op);
    char id[PIRN_ID_TEXT];

    pending--;
    if (result < 0) {
        fprintf(stderr, "not stored, %s: %s", strerror(-result), line->text);
        failed = 1;
        return;
    }
    pirn_id_format(&line->draft.id, id);
    printf("%s %s", id, line->text); /* from here on it may be forgotten */
    produce(line);
}

static void produce(struct line *line)
{
    if (fgets(line->text, sizeof(line->text), stdin) != NULL) {
        pirn_prep_enqueue(&line->draft, spool, "incoming", line->text,
                          strlen(line->text), NULL);
        pirn_start(context, &line->draft.op, is_durable);
        pending++;
    }
}

int main(int argc, char **argv)
{
    struct pirn_spool_config config = {
        .path = argv[1], .create = true, .layout = PIRN_LAYOUT_LOG};

    if (argc != 2 || pirn_context_create(NULL, &context) < 0 ||
        pirn_spool_open(context, &config, &spool) < 0) {
        return 2;
    }
    for (int i = 0; i < 64; i++) {
        produce(&lines[i]); /* those that wait share the disk's flushes */
    }
    while (pending > 0 && pirn_context_turn(context, PIRN_FOREVER) >= 0) {
    }
    pirn_spool_close(spool);
    return failed;
}
