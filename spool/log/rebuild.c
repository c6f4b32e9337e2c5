/* SPDX-License-Identifier: MIT */
/*
 * rebuild.c - see spool/log/rebuild.h
 *
 *   tombstones as they are on the disk, into the index
 *   each segment that is there: header, fronts of its batches, which were
 *     asked for before (ahead.c); of the last batch all of it, to judge its
 *     records by their own sums, unless the segment's cut says that all of
 *     them were committed
 *   what lives: its slot, in the order of the commits
 *   each segment: sealed and cut behind its last batch, or free, or unmade;
 *     its generation the highest that its header or any word of it names; what
 *     leads to nothing that lives is dead from now on
 */
#include "spool/log/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/log/ahead.h"
#include "spool/log/atom.h"
#include "spool/log/backing.h"
#include "spool/log/replay.h"
#include "spool/log/slot.h"
#include "spool/scan.h"
#include "spool/text_file.h"

struct rebuild {
    struct pirn__log *log;
    struct pirn__replay replay;
    struct pirn__replay_segment *segments;
    void *memory;
    uint8_t *front; /* of a batch */
    uint8_t *whole; /* the last batch of a segment */
    uint32_t whole_cap;
    uint64_t **kept;  /* of each sealed segment: records that something needs */
    uint32_t *newest; /* of each slot: the item that names it, plus one */
    bool *ends;       /* of each segment: nothing of its turn is behind */
    int32_t *synced;  /* of each segment; see ahead.h */
    bool only_counts; /* what lives, and adds nothing */
    uint32_t alive;
    uint64_t now_ns; /* of all that is released */
};

/* Which of so many files are there. */
struct segment_scan {
    struct pirn__scan scan;
    bool *there;
    uint32_t count;
};

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

/* As much as is there, up to @len. */
static int64_t read_at(struct pirn__log *log, int fd, uint8_t *buf,
                       uint32_t len, uint64_t offset)
{
    struct pirn_op op = {0};
    uint32_t have = 0;
    int r = 1;

    while (have < len && r > 0) {
        pirn_prep_read(&op, fd, buf + have, len - have, offset + have);
        r = wait_for(log, &op);
        have += r > 0 ? (uint32_t)r : 0;
    }
    return r < 0 ? r : (int64_t)have;
}

/* ---- tombstones ---- */

/* What a short file does not have is zero: of no generation. */
static int read_tombs(struct pirn__log *log)
{
    const struct pirn__tombs *tombs = &log->index.tombs;
    uint32_t pages = pirn__tombs_pages(tombs);
    const uint32_t bytes = PIRN__TOMB_PAGE_WORDS * 8;

    for (uint32_t page = 0; page < pages; page++) {
        uint64_t words[PIRN__TOMB_PAGE_WORDS] = {0};
        int64_t r = read_at(log, log->tombs_fd, (uint8_t *)words, bytes,
                            (uint64_t)page * bytes);
        if (r < 0) {
            return (int)r;
        }
        if (r == 0) {
            page = pages; /* nothing is behind the end */
            continue;
        }
        memcpy((void *)(uintptr_t)pirn__tombs_page(tombs, page), words, bytes);
    }
    return 0;
}

/* ---- segments ---- */

static int more_room(struct rebuild *rebuild)
{
    uint32_t cap = rebuild->replay.cap * 2;
    void *memory = malloc(pirn__replay_bytes(cap));

    if (memory == NULL) {
        return -ENOMEM;
    }
    pirn__replay_move(&rebuild->replay, memory, cap);
    free(rebuild->memory);
    rebuild->memory = memory;
    return 0;
}

static void count_alive(struct rebuild *rebuild,
                        const struct pirn__batch_head *head,
                        const uint64_t *bad)
{
    for (uint32_t i = 0; i < head->count; i++) {
        bool is_bad = bad != NULL && (bad[i / 64] >> i % 64 & 1) != 0;
        enum pirn__tomb_verdict verdict =
            pirn__tomb_judge(&rebuild->log->index.tombs, head->segment,
                             head->generation, head->first_record + i);
        rebuild->alive += !is_bad && verdict == PIRN__TOMB_ALIVE ? 1 : 0;
    }
}

static int add(struct rebuild *rebuild, const struct pirn__batch_head *head,
               const uint8_t *front, const uint64_t *bad)
{
    int r = 0;

    if (rebuild->only_counts) {
        count_alive(rebuild, head, bad);
        return 0;
    }
    while (r == 0 && !pirn__replay_has_room(&rebuild->replay, head->count)) {
        r = more_room(rebuild);
    }
    if (r == 0) {
        pirn__replay_batch(&rebuild->replay, head,
                           front + PIRN__BATCH_HEAD_BYTES, bad);
    }
    return r;
}

static int whole_room(struct rebuild *rebuild, uint32_t bytes)
{
    if (bytes > rebuild->whole_cap) {
        free(rebuild->whole);
        rebuild->whole_cap = 0;
        rebuild->whole = malloc(bytes);
        if (rebuild->whole == NULL) {
            return -ENOMEM;
        }
        rebuild->whole_cap = bytes;
    }
    return 0;
}

/* Whoever sealed the segment had committed all up to the batch's end. */
static bool is_committed(const struct pirn__log *log,
                         const struct pirn__batch_head *head)
{
    return pirn__tomb_cut_at(&log->index.tombs, head->segment,
                             head->generation) ==
           head->first_record + head->count;
}

/* The batch behind which nothing more was written. */
static int add_last(struct rebuild *rebuild, int fd, uint32_t at,
                    const struct pirn__segment_head *segment,
                    const struct pirn__batch_head *head, const uint8_t *front)
{
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];

    if (is_committed(rebuild->log, head)) {
        return add(rebuild, head, front, NULL);
    }
    int r = whole_room(rebuild, head->bytes);
    if (r < 0) {
        return r;
    }
    int64_t len = read_at(rebuild->log, fd, rebuild->whole, head->bytes,
                          (uint64_t)at * PIRN__RECORD_UNIT);
    if (len < 0) {
        return (int)len;
    }
    (void)pirn__replay_judge(head, rebuild->whole, (size_t)len, at,
                             segment->salt, bad);
    return add(rebuild, head, rebuild->whole, bad);
}

/* What most batches have of heads; then the rest of them, where there is one.
 */
static int64_t read_front(struct pirn__log *log, int fd, uint8_t *buf,
                          uint64_t offset)
{
    struct pirn__batch_head head;
    int64_t len = read_at(log, fd, buf, PIRN__AHEAD_BYTES, offset);

    if (len < PIRN__AHEAD_BYTES || pirn__batch_head_peek(buf, &head) < 0) {
        return len;
    }
    uint32_t front =
        PIRN__BATCH_HEAD_BYTES + head.count * (uint32_t)PIRN__HEAD_BYTES;
    if (front <= PIRN__AHEAD_BYTES) {
        return len;
    }
    int64_t more = read_at(log, fd, buf + len, front - (uint32_t)len,
                           offset + (uint64_t)len);
    return more < 0 ? more : len + more;
}

/* Its batches, one after the other; each is added when the next is known to be
 * there, or not. */
static int read_batches(struct rebuild *rebuild, int fd,
                        const struct pirn__segment_head *segment,
                        struct pirn__mark *ret_mark)
{
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head head;
    uint32_t cap = PIRN__BATCH_ROOM;
    uint8_t *front = rebuild->front;
    uint32_t at = 0;
    int r = 1;

    *ret_mark = (struct pirn__mark){0};
    pirn__batch_cursor_init(&cursor, segment);
    while (r == 1) {
        uint8_t *next = rebuild->front + (front == rebuild->front ? cap : 0);
        struct pirn__batch_head next_head;
        uint32_t next_at = cursor.at;
        int64_t len = read_front(rebuild->log, fd, next,
                                 (uint64_t)cursor.at * PIRN__RECORD_UNIT);
        r = len < 0 ? (int)len
                    : pirn__batch_cursor_next(&cursor, next, (size_t)len,
                                              &next_head);
        if (r < 0 && r != -EBADMSG) {
            return r;
        }
        if (at > 0) {
            int added = r == 1
                            ? add(rebuild, &head, front, NULL)
                            : add_last(rebuild, fd, at, segment, &head, front);
            if (added < 0) {
                return added;
            }
            ret_mark->batches++;
            ret_mark->records = (uint16_t)(head.first_record + head.count);
            ret_mark->units =
                (uint16_t)(((uint64_t)at * PIRN__RECORD_UNIT + head.bytes) /
                               PIRN__BATCH_UNIT -
                           1);
        }
        front = next;
        head = next_head;
        at = next_at;
    }
    return 0;
}

static uint32_t generation_of_words(const struct pirn__tombs *tombs,
                                    uint32_t segment)
{
    uint32_t highest = (uint32_t)(tombs->cuts[segment] >> 32);

    for (uint32_t i = 0; i < tombs->segment_words; i++) {
        uint64_t word =
            tombs->words[(uint64_t)segment * tombs->segment_words + i];
        uint32_t generation = (uint32_t)(word >> 32);
        highest = generation > highest ? generation : highest;
    }
    return highest;
}

static void set_segment(struct pirn__log *log, uint32_t segment,
                        enum pirn__segment_state state, uint32_t generation)
{
    pirn__atom_store(&log->index.segments[segment].word,
                     pirn__segment_pack((struct pirn__segment_word){
                         .state = state, .generation = generation}));
}

static bool is_ours(const struct pirn__log *log, uint32_t segment,
                    const struct pirn__segment_head *head)
{
    return head->segment == segment &&
           head->segment_bytes == log->text.size.segment_bytes &&
           memcmp(head->spool, log->text.spool, sizeof(head->spool)) == 0;
}

/* What the page cache has and the disk has not is not to be built upon: the
 * index may have been lost without a power cut. */
static int sync_file(struct pirn__log *log, int fd, int32_t synced)
{
    struct pirn_op op = {0};

    if (synced <= 0) {
        return synced;
    }
    pirn_prep_fsync(&op, fd, PIRN_SYNC_DATA);
    return wait_for(log, &op);
}

static int64_t size_of(struct pirn__log *log, int fd)
{
    struct statx statx = {0};
    struct pirn_op op = {0};

    pirn_prep_stat(&op, fd, "", AT_EMPTY_PATH, STATX_SIZE, &statx);
    int r = wait_for(log, &op);
    return r < 0 ? r : (int64_t)statx.stx_size;
}

static bool is_blank(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* A header is in one sector, so no power cut tears it: this is damage, or
 * somebody else's file. It is kept under another name. */
static int set_aside(struct pirn__log *log, uint32_t segment,
                     uint32_t generation)
{
    char from[24];
    char to[48];
    struct pirn_op op = {0};

    (void)snprintf(from, sizeof(from), "seg/%06u", segment);
    (void)snprintf(to, sizeof(to), "seg/%06u.damaged.%ju", segment,
                   (uintmax_t)log->place.epoch);
    pirn_prep_rename(&op, log->dir_fd, from, log->dir_fd, to, 0);
    int r = wait_for(log, &op);
    set_segment(log, segment, PIRN__SEGMENT_UNMADE, generation);
    return r < 0 ? r : pirn__sync_dir(log->context, log->dir_fd, "seg");
}

/* Words of a later turn say that the segment was free since, and then every
 * record of this one was dead before, durably. If one is alive by its own word,
 * it is the later ones that are damaged: 1, and they say nothing any more. What
 * they held dead comes back, rather than that what lives is lost. */
static int mend_words(struct rebuild *rebuild, int fd,
                      const struct pirn__segment_head *head)
{
    const struct pirn__tombs *tombs = &rebuild->log->index.tombs;
    uint64_t *words =
        tombs->words + (uint64_t)head->segment * tombs->segment_words;
    struct pirn__mark mark;

    rebuild->only_counts = true;
    rebuild->alive = 0;
    int r = read_batches(rebuild, fd, head, &mark);
    rebuild->only_counts = false;
    if (r < 0 || rebuild->alive == 0) {
        return r;
    }
    for (uint32_t i = 0; i < tombs->segment_words; i++) {
        if (words[i] >> 32 > head->generation) {
            words[i] = (uint64_t)head->generation << 32;
        }
    }
    return 1;
}

static bool is_short_of_half(const struct pirn__log *log,
                             struct pirn__mark mark)
{
    uint64_t written = (uint64_t)mark.units * PIRN__BATCH_UNIT;

    return mark.records > 0 && written * 2 < log->text.size.segment_bytes &&
           mark.records * 2u < PIRN__SEGMENT_RECORDS_MAX;
}

static bool is_of_turn(const uint8_t *unit,
                       const struct pirn__segment_head *head,
                       struct pirn__mark mark)
{
    struct pirn__batch_head batch;

    return pirn__batch_head_peek(unit, &batch) >= 0 &&
           batch.segment == head->segment &&
           batch.generation == head->generation &&
           batch.sequence > mark.batches;
}

/* Whether a batch of this turn begins anywhere behind the last one that was
 * read: then that is not the end, but a damaged front, and what stands behind
 * it is not written over. */
static int find_end(struct rebuild *rebuild, int fd,
                    const struct pirn__segment_head *head,
                    struct pirn__mark mark)
{
    enum { STEP = 16 * PIRN__BATCH_UNIT };
    uint64_t at = PIRN__BATCH_UNIT + (uint64_t)mark.units * PIRN__BATCH_UNIT;
    int64_t len = STEP;

    while (len == STEP) {
        len = read_at(rebuild->log, fd, rebuild->front, STEP, at);
        if (len < 0) {
            return (int)len;
        }
        for (int64_t i = 0; i + PIRN__BATCH_UNIT <= len;
             i += PIRN__BATCH_UNIT) {
            if (is_of_turn(rebuild->front + i, head, mark)) {
                return 0;
            }
        }
        at += (uint64_t)len;
    }
    rebuild->ends[head->segment] = true;
    return 0;
}

/* Sealed with what it has; without a header that can be read it has nothing
 * that was ever acknowledged. */
static int read_file(struct rebuild *rebuild, uint32_t segment, int fd)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__segment_head head = {0};
    struct pirn__mark mark = {0};
    uint8_t page[PIRN__BATCH_UNIT] = {0};

    int synced = sync_file(log, fd, rebuild->synced[segment]);
    if (synced < 0) {
        return synced;
    }
    uint32_t generation = generation_of_words(&log->index.tombs, segment);
    int64_t len = read_at(log, fd, page, sizeof(page), 0);
    if (len >= 0 && is_blank(page, (size_t)len)) {
        int64_t size = size_of(log, fd);
        if (size < 0) {
            return (int)size;
        }
        if ((uint64_t)size < log->text.size.segment_bytes) {
            /* whoever made it was stopped */
            set_segment(log, segment, PIRN__SEGMENT_UNMADE, generation);
            return 0;
        }
    }
    int r = len < 0               ? (int)len
            : len == sizeof(page) ? pirn__segment_head_decode(page, &head)
                                  : -EBADMSG;
    if (r == -EPROTO || (r < 0 && r != -EBADMSG)) {
        return r;
    }
    bool blank = r == -EBADMSG && is_blank(page, sizeof(page));
    if (!blank && (r < 0 || !is_ours(log, segment, &head))) {
        return set_aside(log, segment, generation);
    }
    r = !blank && head.generation < generation ? mend_words(rebuild, fd, &head)
                                               : 0;
    if (r < 0) {
        return r;
    }
    if (blank || (head.generation < generation && r == 0)) {
        set_segment(log, segment, PIRN__SEGMENT_FREE, generation);
        return 0;
    }
    log->index.segments[segment].salt = head.salt;
    set_segment(log, segment, PIRN__SEGMENT_SEALED, head.generation);
    r = read_batches(rebuild, fd, &head, &mark);
    log->index.segments[segment].mark = pirn__mark_pack(mark);
    if (r == 0 && is_short_of_half(log, mark)) {
        r = find_end(rebuild, fd, &head, mark);
    }
    return r;
}

/* Closed again: it may have another name by now, and none is read twice. */
static int read_segment(struct rebuild *rebuild, uint32_t segment)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__segment_hold hold = {0};

    pirn__prep_segment_hold(&hold, log, segment);
    int r = wait_for(log, &hold.waiter.op);
    if (r >= 0) {
        r = read_file(rebuild, segment, r);
        pirn__segment_drop(log, segment);
        pirn__segment_forget(log, segment);
    }
    return r;
}

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

    if (number < names->count) {
        names->there[number] = true;
    }
    return 0;
}

/* So that what was met need not be moved; memory that stays empty costs next to
 * nothing. */
static int make_room(struct rebuild *rebuild, const struct segment_scan *names)
{
    enum { SEGMENT_ITEMS = 4096, CAP_MAX = 1024 * 1024 };
    uint64_t items = 0;
    int r = 0;

    for (uint32_t i = 0; i < names->count; i++) {
        items += names->there[i] ? SEGMENT_ITEMS : 0;
    }
    items = items < CAP_MAX ? items : CAP_MAX;
    while (r == 0 && rebuild->replay.cap < items) {
        r = more_room(rebuild);
    }
    return r;
}

static int read_segments(struct rebuild *rebuild)
{
    struct pirn__log *log = rebuild->log;
    uint32_t count = log->text.size.segments;
    struct segment_scan names = {.count = count};
    int r;

    for (uint32_t i = 0; i < count; i++) {
        rebuild->synced[i] = 1;
    }
    names.there = calloc(count, sizeof(*names.there));
    if (names.there == NULL) {
        return -ENOMEM;
    }
    names.scan.path = (struct pirn__name){"seg"};
    pirn__prep_scan(&names.scan, log->dir_fd, take_segment);
    r = wait_for(log, &names.scan.op);
    r = r == 0 ? make_room(rebuild, &names) : r;
    if (r == 0) {
        struct pirn__ahead ahead = {0};
        pirn__prep_ahead(&ahead, log, names.there, rebuild->synced);
        r = wait_for(log, &ahead.op);
    }
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        if (names.there[i]) {
            r = read_segment(rebuild, i);
        }
    }
    free(names.there);
    return r;
}

/* ---- what lives ---- */

static void keep(struct rebuild *rebuild, struct pirn__place at)
{
    if (at.segment < rebuild->log->text.size.segments &&
        rebuild->kept[at.segment] != NULL) {
        rebuild->kept[at.segment][at.record / 64] |= UINT64_C(1)
                                                     << at.record % 64;
    }
}

static int restore_one(struct rebuild *rebuild, uint32_t i)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__catalogue *catalogue = &log->index.catalogue;
    struct pirn__head head;
    struct pirn__place part;
    struct pirn__log_id id;
    struct pirn__grip grip;

    pirn__replay_get(&rebuild->replay, i, &head, &part);
    pirn__log_id_unpack(&head.id, &id);
    bool is_known = id.slot < log->text.size.slots;
    if (is_known && rebuild->newest[id.slot] != i + 1) {
        return 0;
    }
    keep(rebuild, part);
    keep(rebuild, head.body);
    if (!is_known || head.queue >= PIRN__INDEX_QUEUES) {
        return 0; /* of another catalogue: it stays where it is */
    }
    int r = pirn__slot_restore(catalogue, &log->actor, id.slot, id.incarnation,
                               &grip);
    if (r < 0) {
        return r;
    }
    struct pirn__slot *slot = &catalogue->slots[id.slot];
    pirn__slot_take_record(slot, &head, pirn__place_pack(part));
    slot->born = pirn__log_born(&id);
    grip.route = slot->route;
    return pirn__slot_release(catalogue, &log->actor, &grip, rebuild->now_ns,
                              false, NULL);
}

/* A slot is given to another item when the one before is durably dead. So of
 * two that name it, which lost tombstones can leave, the later one lives. All
 * slots up to the highest are backed then, at once: each wait for that is a
 * turn of a worker. */
static int find_newest(struct rebuild *rebuild, uint32_t count)
{
    uint32_t slots = rebuild->log->text.size.slots;
    uint32_t end = 0;

    rebuild->newest = calloc(slots, sizeof(*rebuild->newest));
    if (rebuild->newest == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct pirn__head head;
        struct pirn__place part;
        struct pirn__log_id id;
        pirn__replay_get(&rebuild->replay, i, &head, &part);
        pirn__log_id_unpack(&head.id, &id);
        if (id.slot < slots) {
            rebuild->newest[id.slot] = i + 1; /* in the order of commits */
            end = id.slot < end ? end : id.slot + 1;
        }
    }
    return pirn__log_back_slots(rebuild->log, end);
}

static int restore_all(struct rebuild *rebuild)
{
    uint32_t count = pirn__replay_end(&rebuild->replay);
    int r = find_newest(rebuild, count);

    rebuild->now_ns = pirn_context_realtime_ns(rebuild->log->context);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        r = restore_one(rebuild, i);
    }
    return r == 0 ? pirn__catalogue_settle(&rebuild->log->index.catalogue,
                                           &rebuild->log->actor)
                  : r;
}

static bool has_bad(const struct pirn__replay_segment *segment)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < PIRN__REPLAY_BAD_WORDS; i++) {
        any |= segment->bad[i];
    }
    return any != 0;
}

/* A cut where the last batch ends says that all of it was committed. Where it
 * was not, the cut is one record further, which there is none of. */
/* All of it is whole, and nobody has cut it: it may be written on behind what
 * it has. So ten processes that come and go one by one fill one segment. */
static bool goes_on(const struct rebuild *rebuild, uint32_t segment,
                    uint32_t generation)
{
    const struct pirn__log *log = rebuild->log;

    return !has_bad(&rebuild->segments[segment]) && rebuild->ends[segment] &&
           pirn__tomb_cut_at(&log->index.tombs, segment, generation) ==
               UINT32_MAX;
}

static void bury_the_rest(const struct rebuild *rebuild, uint32_t segment)
{
    struct pirn__log *log = rebuild->log;
    const uint64_t *kept = rebuild->kept[segment];
    uint32_t behind = has_bad(&rebuild->segments[segment]) ? 1 : 0;
    const struct pirn__index_segment *at = &log->index.segments[segment];
    uint32_t generation = pirn__segment_unpack(at->word).generation;
    struct pirn__mark mark = pirn__mark_unpack(at->mark);

    pirn__tomb_turn(&log->index.tombs, segment, generation);
    if (goes_on(rebuild, segment, generation)) {
        set_segment(log, segment, PIRN__SEGMENT_OPEN, generation);
    } else {
        (void)pirn__tomb_cut(&log->index.tombs, segment, generation,
                             mark.records + behind);
    }
    for (uint32_t record = 0; record < mark.records; record++) {
        if ((kept[record / 64] >> record % 64 & 1) == 0) {
            (void)pirn__tomb_set(&log->index.tombs, segment, generation,
                                 record);
        }
    }
}

/* Only now: while the words are judged by they are the disk's. */
static void settle_tombs(struct rebuild *rebuild)
{
    struct pirn__log *log = rebuild->log;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        if (rebuild->kept[i] != NULL) {
            bury_the_rest(rebuild, i);
        }
    }
}

static int make_kept(struct rebuild *rebuild)
{
    struct pirn__log *log = rebuild->log;
    const size_t bytes = PIRN__SEGMENT_RECORDS_MAX / 8 + 8;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        struct pirn__segment_word word =
            pirn__segment_unpack(log->index.segments[i].word);
        if (word.state == PIRN__SEGMENT_SEALED) {
            rebuild->kept[i] = calloc(1, bytes);
            if (rebuild->kept[i] == NULL) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

static void rebuild_deinit(struct rebuild *rebuild)
{
    uint32_t count = rebuild->log->text.size.segments;

    for (uint32_t i = 0; rebuild->kept != NULL && i < count; i++) {
        free(rebuild->kept[i]);
    }
    free(rebuild->kept);
    free(rebuild->newest);
    free(rebuild->segments);
    free(rebuild->ends);
    free(rebuild->synced);
    free(rebuild->memory);
    free(rebuild->front);
    free(rebuild->whole);
}

int pirn__log_rebuild(struct pirn__log *log)
{
    enum { FIRST_CAP = 4096 };
    struct rebuild rebuild = {.log = log};
    int r = -ENOMEM;

    rebuild.segments =
        calloc(log->text.size.segments, sizeof(*rebuild.segments));
    rebuild.kept = calloc(log->text.size.segments, sizeof(*rebuild.kept));
    rebuild.ends = calloc(log->text.size.segments, sizeof(*rebuild.ends));
    rebuild.synced = calloc(log->text.size.segments, sizeof(*rebuild.synced));
    rebuild.memory = malloc(pirn__replay_bytes(FIRST_CAP));
    rebuild.front = malloc(2 * PIRN__BATCH_ROOM);
    if (rebuild.segments != NULL && rebuild.kept != NULL &&
        rebuild.ends != NULL && rebuild.synced != NULL &&
        rebuild.memory != NULL && rebuild.front != NULL) {
        pirn__replay_init(&rebuild.replay, &log->index.tombs, rebuild.segments,
                          rebuild.memory, FIRST_CAP);
        r = read_tombs(log);
        r = r == 0 ? read_segments(&rebuild) : r;
        r = r == 0 ? make_kept(&rebuild) : r;
        r = r == 0 ? restore_all(&rebuild) : r;
        if (r == 0) {
            settle_tombs(&rebuild);
        }
    }
    rebuild_deinit(&rebuild);
    return r;
}
