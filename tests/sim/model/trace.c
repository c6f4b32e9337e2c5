/* SPDX-License-Identifier: MIT */
/* trace.c - see trace.h */
#include "tests/sim/model/trace.h"

#include <string.h>

#include "runtime/engine/table.h"
#include "tests/sim/model/fault.h"
#include "tests/sim/model/flight.h"

static uint64_t stir(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 32;
}

static void print_line(const struct trace *trace, uint64_t index, FILE *out);

struct trace_event *trace_push(struct trace *trace, struct trace_event event)
{
    struct trace_event *place = &trace->last[trace->count % TRACE_LAST];

    if (trace->live != NULL &&
        trace->count > 0) { /* its note is there by now */
        print_line(trace, trace->count - 1, trace->live);
    }
    trace->count++;
    trace->hash = stir(trace->hash, event.at_ns);
    trace->hash =
        stir(trace->hash, event.operation << 32 | (uint32_t)event.kind << 16 |
                              (uint32_t)event.process << 8 | event.opcode);
    trace->hash = stir(trace->hash, (uint32_t)event.result);
    *place = event;
    return place;
}

static const char *const lives[] = {
    [TRACE_BORN] = "begins",         [TRACE_EXITED] = "ends",
    [TRACE_KILLED] = "is killed",    [TRACE_STOPPED] = "is stopped",
    [TRACE_CONTINUED] = "continues", [TRACE_POWER_CUT] = "THE POWER FAILS",
};

static const char *const outcomes[] = {
    [CANCEL_NOT_FOUND] = "cancel: not found",
    [CANCEL_FOUND] = "cancel: found",
    [CANCEL_RUNNING] = "cancel: a worker goes on with it",
    [CANCEL_INTERRUPTED] = "cancel: interrupted",
    [CANCEL_TOO_LATE] = "cancel: too late",
};

static const char *opcode_name(uint8_t opcode)
{
    const char *name = pirn__engine_rows[opcode].name;

    return name != NULL ? name : "?";
}

static void print_operation(const struct trace_event *event, const char *verb,
                            FILE *out)
{
    fprintf(out, "#%llu %s %s", (unsigned long long)event->operation,
            opcode_name(event->opcode), verb);
}

static void print_event(const struct trace_event *event, FILE *out)
{
    switch ((enum trace_kind)event->kind) {
    case TRACE_TURN:
        fputs("turns", out);
        return;
    case TRACE_SUBMIT:
        print_operation(event, "submitted", out);
        return;
    case TRACE_CANCEL:
        print_operation(event, outcomes[event->result], out);
        return;
    case TRACE_EFFECT:
        print_operation(event, "carried out", out);
        break;
    case TRACE_COMPLETE:
        print_operation(event, "completed", out);
        break;
    case TRACE_FAULT:
        print_operation(event, fault_name(event->result), out);
        return;
    case TRACE_PROCESS:
        fputs(lives[event->result], out);
        return;
    case TRACE_TIME:
        fputs("time passes", out);
        return;
    case TRACE_NOTE:
        break;
    }
    fprintf(out, " %d", event->result);
}

static void print_line(const struct trace *trace, uint64_t index, FILE *out)
{
    const struct trace_event *event = &trace->last[index % TRACE_LAST];

    fprintf(out, "%6llu %14llu ns  p%u  ", (unsigned long long)index,
            (unsigned long long)event->at_ns, event->process);
    print_event(event, out);
    fprintf(out, "  %.*s\n", TRACE_NOTE_BYTES, event->note);
}

void trace_print(const struct trace *trace, FILE *out)
{
    uint64_t first = trace->count > TRACE_LAST ? trace->count - TRACE_LAST : 0;

    for (uint64_t i = first; i < trace->count; i++) {
        print_line(trace, i, out);
    }
}
