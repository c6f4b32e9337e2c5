/* SPDX-License-Identifier: MIT */
/* findings.c - see findings.h */
#include "cli/findings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/print.h"

static const uint64_t ns_per_s = 1000000000;

/* What mending does. */
static const char *remedy_of(const struct pirn_finding *finding)
{
    static const char *const remedies[PIRN_FAULTS] = {
        [PIRN_FAULT_TOO_OLD] = "left alone",
        [PIRN_FAULT_ORPHANED] = "made an item of `quarantine'",
        [PIRN_FAULT_DUPLICATED] = "left once, the others set aside",
        [PIRN_FAULT_NO_BODY] = "moved to `quarantine'",
        [PIRN_FAULT_BAD_BODY] = "moved to `quarantine'",
        [PIRN_FAULT_BAD_RECORD] = "moved to `quarantine'",
        [PIRN_FAULT_STRAY] = "set aside in quarantine/.strays",
        [PIRN_FAULT_MISPLACED] = "moved to its place",
        [PIRN_FAULT_STALE_CLAIM] = "given back",
        [PIRN_FAULT_LEFTOVER] = "set aside in quarantine/.strays",
        [PIRN_FAULT_OVERDUE] = "made ready",
        [PIRN_FAULT_BAD_SEGMENT] = "written anew",
    };

    if (finding->fault == PIRN_FAULT_BAD_SEGMENT &&
        strstr(finding->path, ".damaged.") != NULL) { /* a copy */
        return remedies[PIRN_FAULT_STRAY];
    }
    return remedies[finding->fault];
}

static void print_json(struct findings *findings,
                       const struct pirn_finding *finding)
{
    struct json *json = &findings->json;
    char id[PIRN_ID_TEXT];

    json_open(json, '{');
    json_key(json, "event");
    json_text(json, "finding");
    json_key(json, "fault");
    json_text(json, pirn_fault_name(finding->fault));
    if (finding->has_id) {
        pirn_id_format(&finding->id, id);
        json_key(json, "id");
        json_text(json, id);
    }
    if (finding->queue[0] != '\0') {
        json_key(json, "queue");
        json_text(json, finding->queue);
    }
    if (finding->path[0] != '\0') {
        json_key(json, "path");
        json_text(json, finding->path);
    }
    json_key(json, "age");
    json_number(json, finding->age_ns / ns_per_s);
    if (finding->of_claim) {
        json_key(json, "of_claim");
        json_bool(json, true);
    }
    json_key(json, "mended");
    json_bool(json, finding->mended);
    if (finding->error < 0) {
        json_key(json, "error");
        json_text(json, strerror(-finding->error));
    }
    if (findings->dry_run) {
        json_key(json, "would_be");
        json_text(json, remedy_of(finding));
    }
    json_close(json, '}');
    json_end(json);
}

static void print_line(struct findings *findings,
                       const struct pirn_finding *finding)
{
    char id[PIRN_ID_TEXT];

    printf("%s", pirn_fault_name(finding->fault));
    if (finding->has_id) {
        pirn_id_format(&finding->id, id);
        printf(" %s", id);
    }
    if (finding->queue[0] != '\0') {
        printf(" in %s", finding->queue);
    }
    if (finding->path[0] != '\0') {
        printf(" at ");
        print_safe(stdout, finding->path);
    }
    if (finding->of_claim) {
        printf(", claimed %" PRIu64 " s ago", finding->age_ns / ns_per_s);
    }
    if (finding->mended) {
        printf(": %s", remedy_of(finding));
    } else if (finding->error < 0) {
        printf(": as it was: %s", finding->error == -ELOOP
                                      ? "a link to a directory; put that in "
                                        "its place, or unlink it"
                                      : strerror(-finding->error));
    } else if (findings->dry_run) {
        printf(": would be %s", remedy_of(finding));
    }
    printf("\n");
}

void findings_announce(struct findings *findings, uint64_t time_ns)
{
    char time[PRINT_TIME_TEXT];

    print_time(time_ns, time);
    if (!findings->is_json) {
        printf("%s begins\n", time);
    } else {
        json_open(&findings->json, '{');
        json_key(&findings->json, "event");
        json_text(&findings->json, "start");
        json_key(&findings->json, "time");
        json_text(&findings->json, time);
        json_close(&findings->json, '}');
        json_end(&findings->json);
    }
    (void)fflush(stdout); /* what is missing is said at the end */
}

static void print_end_json(struct findings *findings, uint64_t items,
                           int32_t result, const char *time)
{
    struct json *json = &findings->json;

    json_open(json, '{');
    json_key(json, "event");
    json_text(json, "end");
    json_key(json, "time");
    json_text(json, time);
    json_key(json, "whole");
    json_bool(json, result == 0);
    if (result < 0 && result != -ECANCELED) {
        json_key(json, "error");
        json_text(json, strerror(-result));
    }
    json_key(json, "items");
    json_number(json, items);
    json_key(json, "found");
    json_number(json, findings->found);
    json_key(json, "mended");
    json_number(json, findings->mended);
    json_key(json, "faults");
    json_open(json, '{');
    for (unsigned i = 0; i < PIRN_FAULTS; i++) {
        json_key(json, pirn_fault_name((enum pirn_fault)i));
        json_number(json, findings->counts[i]);
    }
    json_close(json, '}');
    json_close(json, '}');
    json_end(json);
}

void findings_begin(struct findings *findings)
{
    memset(findings->counts, 0, sizeof(findings->counts));
    findings->found = 0;
    findings->mended = 0;
}

void findings_add(struct findings *findings, const struct pirn_finding *finding)
{
    findings->counts[finding->fault]++;
    findings->found++;
    findings->mended += finding->mended;
    if (findings->is_json) {
        print_json(findings, finding);
    } else {
        print_line(findings, finding);
    }
}

void findings_end(struct findings *findings, uint64_t items, int32_t result,
                  uint64_t time_ns)
{
    char time[PRINT_TIME_TEXT];

    print_time(time_ns, time);
    if (findings->is_json) {
        print_end_json(findings, items, result, time);
    } else {
        if (findings->is_service) {
            printf("%s %s: ", time, result == 0 ? "ends" : "breaks off");
        }
        printf("%" PRIu64 " items looked at, %" PRIu64 " found, %" PRIu64
               " mended",
               items, findings->found, findings->mended);
        for (unsigned i = 0; i < PIRN_FAULTS; i++) {
            if (findings->counts[i] > 0) {
                printf(", %" PRIu64 " %s", findings->counts[i],
                       pirn_fault_name((enum pirn_fault)i));
            }
        }
        printf("\n");
    }
    (void)fflush(stdout);
}
