/* SPDX-License-Identifier: MIT */
/*
 * stock.c - items put into our spool, many at a time on one context
 */
#include "bench/stock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/disk.h"
#include "bench/place.h"
#include "bench/round.h"

const char STOCK_QUEUE[] = "incoming";

enum { FILL_STEP = 4096 }; /* items between two looks at the disk's room */

int stock_make(const char *path, enum pirn_layout layout)
{
    const struct pirn_spool_config config = {
        .path = path,
        .create = true,
        .layout = layout,
        .without_log = layout == PIRN_LAYOUT_FILE,
    };
    struct pirn_context *context;
    struct pirn_spool *spool;
    int r = pirn_context_create(NULL, &context);

    if (r < 0) {
        return r;
    }
    r = pirn_spool_open(context, &config, &spool);
    if (r == 0) {
        (void)pirn_spool_close(spool);
    }
    (void)pirn_context_destroy(context);
    return r;
}

static int open_as(struct pirn_context *context, const char *path, bool early,
                   struct pirn_spool **ret_spool)
{
    const struct pirn_spool_config config = {
        .path = path,
        .create = true,
        .layout = PIRN_LAYOUT_LOG,
        .early = early,
    };

    return pirn_spool_open(context, &config, ret_spool);
}

int stock_open(struct pirn_context *context, const char *path,
               struct pirn_spool **ret_spool)
{
    return open_as(context, path, false, ret_spool);
}

int stock_open_early(struct pirn_context *context, const char *path,
                     struct pirn_spool **ret_spool)
{
    return open_as(context, path, true, ret_spool);
}

/* The log says where its index is: a line of one of its texts. */
int stock_lose_index(const char *path)
{
    static const char word[] = "path ";
    char line[PLACE_PATH];
    FILE *file;
    int r = 0;

    if (snprintf(line, sizeof(line), "%s/.log/index", path) >=
        (int)sizeof(line)) {
        return -ENAMETOOLONG;
    }
    file = fopen(line, "re");
    if (file == NULL) {
        return errno == ENOENT ? 0 : -errno;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            r = unlink(line + strlen(word)) < 0 && errno != ENOENT ? -errno : r;
        }
    }
    fclose(file);
    return r;
}

void stock_remove(const char *path)
{
    (void)stock_lose_index(path);
    place_remove(path);
}

struct inflow *inflow_create(uint32_t depth)
{
    struct inflow *inflow = calloc(1, sizeof(*inflow));

    if (inflow == NULL) {
        return NULL;
    }
    if (pirn_context_create(NULL, &inflow->context) < 0) {
        free(inflow);
        return NULL;
    }
    inflow->depth = depth;
    memset(inflow->body, 'x', sizeof(inflow->body));
    for (uint32_t i = 0; i < SPOOL_DEPTH; i++) {
        inflow->items[i].inflow = inflow;
    }
    return inflow;
}

void inflow_destroy(struct inflow *inflow)
{
    inflow->spool = pirn_spool_close(inflow->spool);
    inflow->context = pirn_context_destroy(inflow->context);
    free(inflow);
}

static void item_start(struct inflow_item *item, uint64_t now_ns);

static void item_done(struct pirn_op *op, int32_t result)
{
    struct inflow_item *item =
        pirn_container_of(op, struct inflow_item, draft.op);
    struct inflow *inflow = item->inflow;
    uint64_t now_ns = round_now_ns();

    inflow->in_flight--;
    if (result < 0) {
        inflow->error = inflow->error < 0 ? inflow->error : result;
        return;
    }
    inflow->done++;
    if (inflow->latency != NULL) {
        histogram_add(inflow->latency, now_ns - item->began_ns);
    }
    item_start(item, now_ns);
}

static void item_start(struct inflow_item *item, uint64_t now_ns)
{
    struct inflow *inflow = item->inflow;

    if (inflow->begun >= inflow->limit || now_ns >= inflow->end_ns ||
        inflow->error < 0) {
        return;
    }
    inflow->begun++;
    inflow->in_flight++;
    item->began_ns = now_ns;
    pirn_prep_enqueue(&item->draft, inflow->spool, STOCK_QUEUE, inflow->body,
                      COMMIT_BYTES, NULL);
    pirn_start(inflow->context, &item->draft.op, item_done);
}

void inflow_start(struct inflow *inflow)
{
    uint64_t now_ns = round_now_ns();

    for (uint32_t i = 0; i < inflow->depth; i++) {
        if (pirn_op_is_idle(&inflow->items[i].draft.op)) {
            item_start(&inflow->items[i], now_ns);
        }
    }
}

int inflow_finish(struct inflow *inflow)
{
    int r = 0;

    inflow->limit =
        inflow->limit < inflow->begun ? inflow->limit : inflow->begun;
    while (inflow->in_flight > 0 && r >= 0) {
        r = pirn_context_turn(inflow->context, PIRN_FOREVER);
    }
    return r < 0 ? r : inflow->error;
}

int inflow_run(struct inflow *inflow)
{
    int r = 0;

    inflow_start(inflow);
    while (inflow->in_flight > 0 && r >= 0) {
        r = pirn_context_turn(inflow->context, PIRN_FOREVER);
    }
    return r < 0 ? r : inflow->error;
}

/* In steps, so that the room is looked at. */
static int fill(struct inflow *inflow, int fd, uint64_t items)
{
    struct disk_room room;
    int r = disk_room(fd, &room);

    while (r == 0 && inflow->done < items && round_now_ns() < inflow->end_ns &&
           disk_is_half_full(fd, &room) == 0) {
        uint64_t step = inflow->done + FILL_STEP;

        inflow->limit = step < items ? step : items;
        r = inflow_run(inflow);
    }
    return r < 0 ? r : place_settle(fd);
}

int stock_fill(const char *path, uint64_t items, uint64_t long_ns,
               uint64_t *ret_items)
{
    struct inflow *inflow = inflow_create(SPOOL_DEPTH);
    int fd;
    int r;

    if (inflow == NULL) {
        return -ENOMEM;
    }
    r = stock_open(inflow->context, path, &inflow->spool);
    fd = r < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        inflow->end_ns = round_now_ns() + long_ns;
        r = fill(inflow, fd, items);
        close(fd);
    }
    *ret_items = inflow->done;
    inflow_destroy(inflow);
    return r;
}
