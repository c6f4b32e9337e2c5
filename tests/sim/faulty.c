/* SPDX-License-Identifier: MIT */
/* faulty.c - see faulty.h */
#include "faulty.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/engine/table.h"

static struct faulty_plan plan;
static enum engine_opcode to_hold;
static uint32_t to_pass;                /* before that */
static struct engine_event held;        /* its loan: NULL: none */
static uint32_t kill_in;                /* so many results from now; 0: never */
static const struct engine_class *base; /* what the results are taken from */
static struct engine_class faulty_class;

void faulty_plan(enum engine_opcode opcode, uint32_t first, uint32_t count,
                 int32_t error)
{
    plan = (struct faulty_plan){
        .opcode = opcode, .first = first, .count = count, .error = error};
}

const struct faulty_plan *faulty_outcome(void)
{
    return &plan;
}

void faulty_hold(enum engine_opcode opcode)
{
    faulty_hold_nth(opcode, 1);
}

void faulty_hold_nth(enum engine_opcode opcode, uint32_t nth)
{
    to_hold = opcode;
    to_pass = nth - 1;
}

bool faulty_has_held(void)
{
    return held.loan != NULL;
}

void faulty_kill(uint32_t event)
{
    kill_in = event;
}

/* An open is one, beneath a directory or not. */
static bool is_of(const struct pirn_loan *loan, enum engine_opcode opcode)
{
    return loan->opcode == opcode ||
           (loan->opcode == ENGINE_OPEN_BENEATH && opcode == ENGINE_OPEN);
}

/* A write is one, gathered or not. */
static bool is_meant(const struct pirn_loan *loan)
{
    bool is_write =
        loan->opcode == ENGINE_WRITE || loan->opcode == ENGINE_WRITEV;

    if (plan.opcode == ENGINE_OPCODE_COUNT) {
        return loan->opcode != ENGINE_CLOSE;
    }
    return plan.opcode != ENGINE_NONE &&
           (is_of(loan, plan.opcode) ||
            (is_write && plan.opcode == ENGINE_WRITE));
}

static void let_by(const struct engine_event *event)
{
    plan.synced += event->loan->opcode == ENGINE_FSYNC && event->result == 0;
}

/* Refused, as far as descriptors go. */
static void spoil(struct engine_event *event)
{
    bool has_opened = is_of(event->loan, ENGINE_OPEN) && event->result >= 0;

    if (has_opened && plan.opcode == ENGINE_OPCODE_COUNT) {
        close(event->result);
    } else {
        plan.opened += has_opened;
    }
    plan.last = event->loan->opcode;
    event->result = plan.error;
}

/* One goes, or comes back. How many there are then. */
static uint32_t hold_back(struct engine_event *events, uint32_t count,
                          uint32_t max)
{
    if (to_hold == ENGINE_NONE && held.loan != NULL && count < max) {
        events[count++] = held;
        held.loan = NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!is_of(events[i].loan, to_hold) || held.loan != NULL) {
            continue;
        }
        if (to_pass > 0) {
            to_pass--;
            continue;
        }
        held = events[i];
        events[i] = events[--count];
    }
    return count;
}

static uint32_t faulty_reap(struct engine *engine, struct engine_event *events,
                            uint32_t max)
{
    uint32_t count = base->reap(engine, events, max);

    count = hold_back(events, count, max);

    if (kill_in > 0 && count >= kill_in) {
        (void)raise(SIGKILL);
    }
    kill_in -= kill_in > 0 ? count : 0;
    for (uint32_t i = 0; i < count; i++) {
        bool meant = is_meant(events[i].loan);
        plan.seen += meant;
        if (meant && plan.seen >= plan.first &&
            (plan.count == 0 || plan.failed < plan.count)) {
            plan.failed++;
            spoil(&events[i]);
        } else {
            let_by(&events[i]);
        }
    }
    return count;
}

/* A result is spoiled on its way back, when a worker would have gone on: so no
 * run is longer than what the kernel may link. */
static bool faulty_joins(struct engine *engine, const struct pirn_loan *before,
                         const struct pirn_loan *behind)
{
    return base->joins(engine, before, behind) &&
           pirn__engine_links(before, behind);
}

/* What is to fail has to come by an operation. */
static int32_t faulty_read_cached(struct engine *engine, int fd, void *buf,
                                  uint32_t len, uint64_t offset)
{
    return plan.opcode == ENGINE_READ
               ? -EAGAIN
               : base->read_cached(engine, fd, buf, len, offset);
}

static int faulty_create(const struct engine_config *config,
                         struct engine **ret_engine)
{
    const struct engine_class *chosen;
    int r = pirn__engine_choose(PIRN_ENGINE_AUTO, &chosen);

    if (r == 0) {
        r = chosen->create(config, ret_engine);
    }
    if (r == 0) {
        base = (*ret_engine)->class;
        faulty_class = *base;
        faulty_class.name = "faulty";
        faulty_class.joins = faulty_joins;
        faulty_class.reap = faulty_reap;
        faulty_class.read_cached = faulty_read_cached;
        (*ret_engine)->class = &faulty_class;
    }
    return r;
}

const struct engine_class *faulty_engine(void)
{
    static const struct engine_class faulty = {.create = faulty_create};

    return &faulty;
}
