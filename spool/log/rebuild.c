/* SPDX-License-Identifier: MIT */
/*
 * rebuild.c - see spool/log/rebuild.h
 *
 *   tombstones as they are on the disk, into the index
 *   [headers, and which segments may wait (rebuild_peek.c)]
 *   each segment that is there: what it has, many at a time (rebuild_pass.c);
 *     then one by one what is to be judged, or is not as it should be
 *     (rebuild_read.c)
 *   [so far before the caller goes on; then those that may wait
 *     (rebuild_later.c), and items of them (rebuild_tell.c)]
 *   what lives: its slot, in the order of the commits (rebuild_restore.c)
 *   each segment: sealed and cut behind its last batch, or free, or unmade;
 *     its generation the highest that its header or any word of it names; what
 *     leads to nothing that lives is dead from now on
 */
#include "spool/log/rebuild.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/plant.h"
#include "spool/log/rebuild_parts.h"
#include "spool/log/tombs_file.h"
#include "spool/scan.h"

/* Which of so many files are there. */
struct segment_scan {
    struct pirn__scan scan;
    struct pirn__rebuild *rebuild;
    uint32_t there;
};

/* ---- segments ---- */

/* Six digits; UINT32_MAX: another name, not ours. */
static uint32_t parse_number(const char *name)
{
    uint32_t number = 0;

    for (int i = 0; i < 6; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return UINT32_MAX;
        }
        number = number * 10 + (uint32_t)(name[i] - '0');
    }
    return name[6] == '\0' ? number : UINT32_MAX;
}

static int32_t take_segment(struct pirn__scan *scan,
                            const struct pirn_entry *entry)
{
    struct segment_scan *names =
        pirn_container_of(scan, struct segment_scan, scan);
    uint32_t number = parse_number(entry->name);

    if (number < names->rebuild->log->text.size.segments) {
        names->rebuild->left[number] = PIRN__REBUILD_ALL;
        names->there++;
    }
    return 0;
}

/* So that what was met need not be moved; memory that stays empty costs next to
 * nothing. */
static int make_room(struct pirn__rebuild *rebuild, uint32_t segments)
{
    enum { SEGMENT_ITEMS = 4096, CAP_MAX = 1024 * 1024 };
    uint64_t items = (uint64_t)segments * SEGMENT_ITEMS;
    int r = 0;

    items = items < CAP_MAX ? items : CAP_MAX;
    while (r == 0 && rebuild->replay.cap < items) {
        r = pirn__rebuild_more_room(rebuild);
    }
    return r;
}

/* One without a file: what is made in its place has a turn of its own, behind
 * all that its words speak of. */
static void set_missing(struct pirn__rebuild *rebuild)
{
    struct pirn__log *log = rebuild->log;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        if (rebuild->left[i] == PIRN__REBUILD_NOTHING &&
            !pirn__planted("log-turn-forgotten")) {
            pirn__rebuild_set_segment(
                log, i, PIRN__SEGMENT_UNMADE,
                pirn__rebuild_generation(&log->index.tombs, i));
        }
    }
}

static int read_segments(struct pirn__rebuild *rebuild, bool early)
{
    struct pirn__log *log = rebuild->log;
    struct segment_scan names = {.rebuild = rebuild};
    struct pirn__peek peek;
    struct pirn__pass pass;

    names.scan.path = (struct pirn__name){"seg"};
    pirn__prep_scan(&names.scan, log->dir_fd, take_segment);
    int r = pirn_wait(log->context, &names.scan.op);
    if (r < 0) {
        return r;
    }
    set_missing(rebuild);
    r = make_room(rebuild, names.there);
    if (r == 0 && early) {
        pirn__prep_peek(&peek, rebuild);
        r = pirn_wait(log->context, &peek.op);
    }
    if (r == 0) {
        pirn__prep_pass(&pass, rebuild, false);
        r = pirn_wait(log->context, &pass.op);
    }
    for (uint32_t i = 0; r == 0 && i < log->text.size.segments; i++) {
        r = rebuild->is_later[i] ? 0 : pirn__rebuild_read_segment(rebuild, i);
    }
    return r;
}

/* ---- all of it ---- */

void pirn__rebuild_deinit(struct pirn__rebuild *rebuild)
{
    uint32_t count = rebuild->log->text.size.segments;

    for (uint32_t i = 0; rebuild->kept != NULL && i < count; i++) {
        free(rebuild->kept[i]);
    }
    free(rebuild->kept);
    free(rebuild->newest);
    free(rebuild->segments);
    free(rebuild->ends);
    free(rebuild->left);
    free(rebuild->tails);
    free(rebuild->is_synced);
    free(rebuild->has_hole);
    free(rebuild->is_later);
    free(rebuild->is_read);
    free(rebuild->began_ns);
    free(rebuild->order);
    free(rebuild->memory);
    free(rebuild->front);
    free(rebuild->whole);
}

static int rebuild_init(struct pirn__rebuild *rebuild)
{
    enum { FIRST_CAP = 4096 };
    uint32_t count = rebuild->log->text.size.segments;

    rebuild->segments = calloc(count, sizeof(*rebuild->segments));
    rebuild->kept = calloc(count, sizeof(*rebuild->kept));
    rebuild->ends = calloc(count, sizeof(*rebuild->ends));
    rebuild->left = calloc(count, sizeof(*rebuild->left));
    rebuild->tails = calloc(count, sizeof(*rebuild->tails));
    rebuild->is_synced = calloc(count, sizeof(*rebuild->is_synced));
    rebuild->has_hole = calloc(count, sizeof(*rebuild->has_hole));
    rebuild->is_later = calloc(count, sizeof(*rebuild->is_later));
    rebuild->is_read = calloc(count, sizeof(*rebuild->is_read));
    rebuild->began_ns = calloc(count, sizeof(*rebuild->began_ns));
    rebuild->memory = malloc(pirn__replay_bytes(FIRST_CAP));
    rebuild->front = malloc(2 * PIRN__BATCH_ROOM);
    if (rebuild->segments == NULL || rebuild->kept == NULL ||
        rebuild->ends == NULL || rebuild->left == NULL ||
        rebuild->tails == NULL || rebuild->is_synced == NULL ||
        rebuild->has_hole == NULL || rebuild->is_later == NULL ||
        rebuild->is_read == NULL || rebuild->began_ns == NULL ||
        rebuild->memory == NULL || rebuild->front == NULL) {
        return -ENOMEM;
    }
    pirn__replay_init(&rebuild->replay, &rebuild->log->index.tombs,
                      rebuild->segments, rebuild->memory, FIRST_CAP);
    return 0;
}

int pirn__log_rebuild(struct pirn__log *log, bool early)
{
    struct pirn__rebuild *rebuild = calloc(1, sizeof(*rebuild));

    if (rebuild == NULL) {
        return -ENOMEM;
    }
    rebuild->log = log;
    rebuild->actor = log->actor;
    rebuild->actor.hand = &rebuild->hand;
    int r = rebuild_init(rebuild);
    r = r == 0 ? pirn__tombs_file_load(log) : r;
    r = r == 0 ? read_segments(rebuild, early) : r;
    if (r == 0 && rebuild->order_count > 0) {
        r = pirn__rebuild_go_on_later(rebuild);
        if (r == 0) {
            return 0;
        }
    }
    r = r == 0 ? pirn__rebuild_restore(rebuild) : r;
    pirn__rebuild_deinit(rebuild);
    free(rebuild);
    return r;
}
