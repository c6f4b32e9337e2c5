/* SPDX-License-Identifier: MIT */
/*
 * scan.c - open, list until nothing comes, close
 *
 * What else stands in a directory of ours (an editor's file, lost+found) is not
 * an id, so it is passed over and left alone.
 */
#include "spool/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/id.h"
#include "spool/opens.h"

enum { LIST_BYTES = 32 * 1024 };

static struct pirn__scan *scan_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__scan, step);
}

static void closed(struct pirn_op *step, int32_t result)
{
    struct pirn__scan *scan = scan_of(step);

    pirn_assert(result <= 0); /* nothing was written */
    free(scan->buf);
    scan->buf = NULL;
    pirn_task_finish(scan->context, &scan->op, scan->result);
}

static void listed(struct pirn_op *step, int32_t result)
{
    struct pirn__scan *scan = scan_of(step);
    struct pirn_entry entry;
    uint32_t at = 0;

    pirn_assert(result <= LIST_BYTES);
    scan->result = result < 0 ? result : 0;
    while (scan->result == 0 && result > 0 &&
           pirn_entry_next(scan->buf, (uint32_t)result, &at, &entry)) {
        scan->result = scan->take(scan, &entry);
    }
    if (scan->result == 0 && result > 0) {
        pirn_start(scan->context, step, listed); /* as it was prepared */
        return;
    }
    pirn_prep_close(step, scan->fd);
    pirn_start(scan->context, step, closed);
}

static void opened(struct pirn_op *step, int32_t result)
{
    struct pirn__scan *scan = scan_of(step);

    if (result < 0) {
        scan->result = result;
        closed(step, 0);
        return;
    }
    scan->fd = result;
    pirn_prep_list(step, scan->fd, scan->buf, LIST_BYTES);
    pirn_start(scan->context, step, listed);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__scan *scan = pirn_container_of(op, struct pirn__scan, op);

    pirn_assert(scan->take != NULL);
    pirn_assert(pirn_op_is_idle(&scan->step));
    scan->context = context;
    scan->result = 0;
    scan->buf = malloc(LIST_BYTES);
    if (scan->buf == NULL) {
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    pirn__prep_open(&scan->step, scan->root_fd, scan->path.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_start(context, &scan->step, opened);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_scan(struct pirn__scan *scan, int root_fd, pirn__scan_fn *take)
{
    pirn_assert(scan->path.text[0] != '\0');

    scan->root_fd = root_fd;
    scan->take = take;
    pirn_prep_task(&scan->op, &verbs);
}

int pirn__ids_push(struct pirn__ids *ids, const struct pirn_id *id)
{
    pirn_assert(ids->count <= ids->cap);
    if (ids->count == ids->cap) {
        uint32_t cap = ids->cap ? ids->cap * 2 : 64;
        struct pirn_id *more = cap > UINT32_MAX / sizeof(*more)
                                   ? NULL
                                   : realloc(ids->ids, cap * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        ids->ids = more;
        ids->cap = cap;
    }
    pirn_assert(ids->count < ids->cap);
    ids->ids[ids->count++] = *id;
    return 0;
}

void pirn__ids_sort(struct pirn__ids *ids)
{
    if (ids->count > 1) {
        qsort(ids->ids, ids->count, sizeof(*ids->ids), pirn__id_compare);
    }
}

bool pirn__ids_has(const struct pirn__ids *ids, const struct pirn_id *id)
{
    return ids->count > 0 && bsearch(id, ids->ids, ids->count,
                                     sizeof(*ids->ids), pirn__id_compare);
}

void pirn__ids_deinit(struct pirn__ids *ids)
{
    free(ids->ids);
    *ids = (struct pirn__ids){0};
}

static int32_t take_id(struct pirn__scan *scan, const struct pirn_entry *entry)
{
    struct pirn__id_scan *id_scan =
        pirn_container_of(scan, struct pirn__id_scan, scan);
    enum pirn__moving_name which;
    struct pirn_id id;

    if (pirn_id_parse(entry->name, &id) == 0) {
        return pirn__ids_push(&id_scan->ids, &id);
    }
    if (pirn__name_parse_next(entry->name, &id)) {
        return pirn__ids_push(&id_scan->next, &id);
    }
    id_scan->moving += pirn__name_parse_moving(entry->name, &id, &which);
    return 0;
}

void pirn__prep_id_scan(struct pirn__id_scan *scan, int root_fd)
{
    pirn__ids_deinit(&scan->ids);
    pirn__ids_deinit(&scan->next);
    scan->moving = 0;
    pirn__prep_scan(&scan->scan, root_fd, take_id);
}
