/* SPDX-License-Identifier: MIT */
/* spool_namer.c - see spool_namer.h */
#include "tests/sim/model/spool_namer.h"

#include <stdio.h>

static void released(struct pirn_op *op, int32_t result)
{
    struct spool_namer *namer =
        pirn_container_of(op, struct spool_namer, name.op);

    (void)result; /* else it ends when he is recovered */
    namer->done(namer);
}

static void put(struct pirn_op *op, int32_t result)
{
    struct spool_namer *namer =
        pirn_container_of(op, struct spool_namer, draft.op);

    check_spool_put(namer->check, namer->number, result, &namer->draft.id);
    check_name_release(namer->check, namer->which);
    pirn_prep_release_name(&namer->name);
    pirn_start(namer->context, &namer->name.op, released);
}

static void reserved(struct pirn_op *op, int32_t result)
{
    struct spool_namer *namer =
        pirn_container_of(op, struct spool_namer, name.op);
    struct check_spool *check = namer->check;

    check_name_told(check, namer->process, namer->which, &namer->gone, result,
                    &namer->name.id);
    if (result < 0 || check->count == CHECK_ITEMS) {
        namer->done(namer);
        return;
    }
    namer->number = check_spool_begin(check, namer->len);
    check->items[namer->number].maker = namer->process;
    check->items[namer->number].name = namer->which;
    check_spool_fill(namer->number, namer->len, namer->body);
    namer->draft = (struct pirn_draft){.name = &namer->name};
    pirn_prep_enqueue(&namer->draft, namer->spool, CHECK_QUEUE, namer->body,
                      namer->len, NULL);
    pirn_start(namer->context, &namer->draft.op, put);
}

void spool_namer_put(struct spool_namer *namer, uint32_t which, uint8_t *body,
                     uint32_t len)
{
    namer->which = which;
    namer->body = body;
    namer->len = len;
    namer->gone = check_name_ask(namer->check);
    namer->name = (struct pirn_name){0};
    (void)snprintf(namer->name.text, sizeof(namer->name.text), "name-%u",
                   which);
    pirn_prep_reserve(&namer->name, namer->spool, NULL, NULL, 1);
    pirn_start(namer->context, &namer->name.op, reserved);
}
