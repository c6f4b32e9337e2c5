/* SPDX-License-Identifier: MIT */
/*
 * outcome.c - what becomes of an item that a command was run on; see run.h
 *
 *   done          removed
 *   later         given back, and due after a delay that grows
 *   dead          moved to `dead', with what the command said last
 *   never tried   given back as it was
 */
#include "cli/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#include "cli/verdict.h"

static const char queue_dead[] = "dead";

static struct run *run_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct run, claim.op);
}

static void start(struct run *run, pirn_op_fn *fn)
{
    pirn_start(run->all->tool->context, &run->claim.op, fn);
}

static void given_back(struct pirn_op *op, int32_t result)
{
    struct run *run = run_of(op);

    if (result < 0) { /* closing the spool will do it */
        run_fail(run, result);
    }
    run_is_over(run);
}

static void give_back(struct run *run)
{
    pirn_prep_give_back(&run->claim);
    start(run, given_back);
}

/* A change that failed leaves the item with us, as it was. */
static void changed(struct pirn_op *op, int32_t result)
{
    struct run *run = run_of(op);

    if (result < 0) {
        run_fail(run, result);
    }
    if (result < 0 && result != -ESTALE) {
        give_back(run);
        return;
    }
    run_is_over(run);
}

static void change(struct run *run)
{
    pirn_prep_give_back_as(&run->claim, &run->change);
    start(run, changed);
}

static void removed(struct pirn_op *op, int32_t result)
{
    struct run *run = run_of(op);

    if (result < 0) {
        run_fail(run, result);
    }
    run->all->removed += result == 0;
    run_is_over(run);
}

static void later(struct run *run)
{
    struct pirn_context *context = run->all->tool->context;
    uint64_t random;

    pirn_context_random(context, &random, sizeof(random));
    uint64_t delay_ns = verdict_delay_ns(run->claim.item.attempts, random);
    run->all->given_back++;
    run->change = (struct pirn_change){
        .what = PIRN_CHANGE_DUE,
        .due_ns = pirn_context_realtime_ns(context) + delay_ns,
    };
    change(run);
}

/* ---- dead ---- */

/* By the item's fault: no command was run. */
static bool is_unrun(const struct run *run)
{
    return run->is_damaged || run->is_unfit;
}

static const char *reason_of(const struct run *run, char words[VERDICT_WORDS])
{
    if (run->is_damaged) {
        return "the body does not match its checksum";
    }
    if (run->is_unfit) {
        return "a control byte in its sender or a recipient";
    }
    if (run->said.text[0] != '\0') {
        return run->said.text;
    }
    verdict_words(run->status, words);
    return words;
}

/* All fields, but for a reason of before; then the reason, if it fits. */
static void copy_fields(struct run *run)
{
    const struct pirn_fields *fields = &run->claim.item.fields;
    char words[VERDICT_WORDS];
    const char *name;
    const char *value;
    uint32_t at = 0;

    run->fields = (struct pirn_fields){
        .bytes = run->bytes,
        .cap = sizeof(run->bytes),
    };
    while (pirn_fields_next(fields, &at, &name, &value)) {
        if (strcmp(name, "reason") != 0) {
            int r = pirn_fields_add(&run->fields, name, value);
            pirn_assert(r == 0); /* they fitted before */
        }
    }
    int r = pirn_fields_add(&run->fields, "reason", reason_of(run, words));
    pirn_assert(r == 0 || r == -ENOSPC);
}

static void dead(struct run *run)
{
    char id[PIRN_ID_TEXT];

    pirn_id_format(&run->claim.item.id, id);
    if (is_unrun(run)) {
        (void)failure_say(THING_ITEM, id, run->is_damaged ? -EBADMSG : -EILSEQ);
    }
    copy_fields(run);
    run->all->dead++;
    run->change = (struct pirn_change){
        .what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_DUE | PIRN_CHANGE_FIELDS,
        .queue = queue_dead,
        .fields = &run->fields,
    };
    change(run);
}

/* Who is taken from `dead' is dead already: he would be ready at once. */
static bool may_be_dead(const struct run *run, enum verdict verdict)
{
    return (is_unrun(run) || verdict == VERDICT_DEAD) && run->all->has_dead &&
           strcmp(run->claim.item.queue, queue_dead) != 0;
}

void outcome_begin(struct run *run)
{
    enum verdict verdict =
        verdict_of(run->status, run->claim.item.attempts, run->all->attempts);

    if (run->is_untried) {
        run->change = (struct pirn_change){.what = PIRN_CHANGE_UNTRIED};
        change(run);
    } else if (verdict == VERDICT_DONE && !is_unrun(run)) {
        pirn_prep_remove(&run->claim);
        start(run, removed);
    } else if (may_be_dead(run, verdict)) {
        dead(run);
    } else {
        later(run);
    }
}
