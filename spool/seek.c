/* SPDX-License-Identifier: MIT */
/*
 * seek.c - which of the two layouts has an item
 *
 *   its id names a slot of the log that has it    the log
 *   else there is an alias that leads to one      the log, under another id
 *   else                                          files, if it is anywhere
 *
 * So an item that has been moved is asked for by the id that it always had. An
 * alias is looked for only where there is a log and it does not know the id.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/layout.h"
#include "spool/log/alias.h"

struct seeking {
    struct pirn__alias alias;
    struct pirn_spool *spool;
    struct pirn_op *op;
    pirn__layout_found_fn *found;
};

static bool is_there(const struct pirn_spool *spool, const struct pirn_id *id)
{
    enum pirn__state state = pirn__log_state_of(spool->log, id);

    return state != PIRN__FREE && state != PIRN__REMOVING;
}

static void have_alias(struct pirn_op *op, int32_t result)
{
    struct seeking *seeking = pirn_container_of(op, struct seeking, alias.op);
    struct seeking copy = *seeking;

    free(seeking);
    if (result < 0) {
        pirn_task_finish(copy.spool->context, copy.op, result);
        return;
    }
    bool in_log = result == 1 && is_there(copy.spool, &copy.alias.in_log);
    copy.found(copy.op, in_log ? &pirn__layout_log : &pirn__layout_file,
               in_log ? &copy.alias.in_log : &copy.alias.id);
}

void pirn__layout_seek(struct pirn_spool *spool, const struct pirn_id *id,
                       struct pirn_op *op, pirn__layout_found_fn *found)
{
    if (spool->log == NULL) {
        found(op, &pirn__layout_file, id);
        return;
    }
    if (is_there(spool, id)) {
        found(op, &pirn__layout_log, id);
        return;
    }
    struct seeking *seeking = calloc(1, sizeof(*seeking));
    if (seeking == NULL) {
        pirn_task_finish(spool->context, op, -ENOMEM);
        return;
    }
    seeking->spool = spool;
    seeking->op = op;
    seeking->found = found;
    pirn__prep_alias_read(&seeking->alias, spool->log, id);
    pirn_start(spool->context, &seeking->alias.op, have_alias);
}
