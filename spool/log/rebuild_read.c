/* SPDX-License-Identifier: MIT */
/*
 * rebuild_read.c - one segment by itself, as it is on the disk
 *
 *   header -> blank, another's, of a turn that is over -> unmade, aside, free
 *     -> batches: fronts of all; of the last all of it, to judge its records by
 *        their own sums, unless the segment's bound says that all of them were
 *        committed
 *     -> behind the last: what has to be there, and whether the segment may be
 *        written on (rebuild_hole.c)
 */
#include "spool/log/rebuild_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pirn/file.h>
#include <pirn/path.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/copy.h"
#include "spool/log/heal.h"
#include "spool/text_file.h"

/* As much of a batch as has the heads of 256 records: most have not more. */
enum { FRONT = 20 * 1024 };

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

void pirn__rebuild_set_segment(struct pirn__log *log, uint32_t segment,
                               enum pirn__segment_state state,
                               uint32_t generation)
{
    pirn__atom_store(&log->index.segments[segment].word,
                     pirn__segment_pack((struct pirn__segment_word){
                         .state = state, .generation = generation}));
}

int pirn__rebuild_more_room(struct pirn__rebuild *rebuild)
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

static void count_alive(struct pirn__rebuild *rebuild,
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

int pirn__rebuild_add(struct pirn__rebuild *rebuild,
                      const struct pirn__batch_head *head, const uint8_t *front,
                      const uint64_t *bad)
{
    int r = 0;

    if (rebuild->only_counts) {
        count_alive(rebuild, head, bad);
        return 0;
    }
    while (r == 0 && !pirn__replay_has_room(&rebuild->replay, head->count)) {
        r = pirn__rebuild_more_room(rebuild);
    }
    if (r == 0) {
        pirn__replay_batch(&rebuild->replay, head,
                           front + PIRN__BATCH_HEAD_BYTES, bad);
    }
    return r;
}

int pirn__rebuild_whole_room(struct pirn__rebuild *rebuild, uint32_t bytes)
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

bool pirn__rebuild_is_committed(const struct pirn__log *log,
                                const struct pirn__batch_head *head)
{
    return pirn__tomb_kept(&log->index.tombs, head->segment,
                           head->generation) >=
               head->first_record + head->count &&
           !pirn__planted("log-kept-unknown");
}

bool pirn__rebuild_may_go_on(const struct pirn__log *log,
                             const struct pirn__segment_head *head,
                             uint32_t records)
{
    return pirn__tomb_cut_at(&log->index.tombs, head->segment,
                             head->generation) > records;
}

/* The batch behind which nothing more was written. */
static int add_last(struct pirn__rebuild *rebuild, int fd, uint32_t at,
                    const struct pirn__segment_head *segment,
                    const struct pirn__batch_head *head, const uint8_t *front)
{
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];

    if (pirn__rebuild_is_committed(rebuild->log, head)) {
        return pirn__rebuild_add(rebuild, head, front, NULL);
    }
    int r = pirn__rebuild_whole_room(rebuild, head->bytes);
    if (r < 0) {
        return r;
    }
    int64_t len =
        pirn__log_read_at(rebuild->log, fd, rebuild->whole, head->bytes,
                          (uint64_t)at * PIRN__RECORD_UNIT);
    if (len < 0) {
        return (int)len;
    }
    (void)pirn__replay_judge(head, rebuild->whole, (size_t)len, at,
                             segment->salt, bad);
    return pirn__rebuild_add(rebuild, head, rebuild->whole, bad);
}

/* What most batches have of heads; then the rest of them, where there is one.
 */
static int64_t read_front(struct pirn__log *log, int fd, uint8_t *buf,
                          uint64_t offset)
{
    struct pirn__batch_head head;
    int64_t len = pirn__log_read_at(log, fd, buf, FRONT, offset);

    if (len < FRONT || pirn__batch_head_peek(buf, &head) < 0) {
        return len;
    }
    uint32_t front =
        PIRN__BATCH_HEAD_BYTES + head.count * (uint32_t)PIRN__HEAD_BYTES;
    if (front <= FRONT) {
        return len;
    }
    int64_t more = pirn__log_read_at(log, fd, buf + len, front - (uint32_t)len,
                                     offset + (uint64_t)len);
    return more < 0 ? more : len + more;
}

void pirn__rebuild_mark(struct pirn__mark *mark,
                        const struct pirn__batch_head *head, uint32_t at)
{
    uint64_t end = (uint64_t)at * PIRN__RECORD_UNIT + head->bytes;

    mark->batches = (uint32_t)head->sequence;
    mark->records = (uint16_t)(head->first_record + head->count);
    mark->units = (uint16_t)(end / PIRN__BATCH_UNIT - 1);
}

/* What has to be there and cannot be read: the segment, as it is, under another
 * name, durable before anything is written. A name is of a turn, so it is made
 * once. */
static int keep_copy(struct pirn__log *log, int fd,
                     const struct pirn__segment_head *head)
{
    char path[48];

    (void)snprintf(path, sizeof(path), "seg/%06u.damaged.turn.%u",
                   head->segment, head->generation);
    return pirn__copy_aside(log, fd, path);
}

void pirn__rebuild_cursor(struct pirn__batch_cursor *cursor,
                          const struct pirn__segment_head *segment,
                          struct pirn__mark mark)
{
    pirn__batch_cursor_init(cursor, segment);
    cursor->at += mark.units * (PIRN__BATCH_UNIT / PIRN__RECORD_UNIT);
    cursor->first_record = mark.records;
    cursor->sequence = mark.batches + 1;
}

/* All that a segment has behind its mark, at once. */
static int read_rest(struct pirn__rebuild *rebuild, int fd,
                     const struct pirn__segment_head *segment,
                     struct pirn__mark *mark)
{
    struct pirn__log *log = rebuild->log;
    uint64_t at = pirn__rebuild_rest_at(*mark);
    uint32_t want = (uint32_t)(segment->segment_bytes - at);
    int r = pirn__rebuild_whole_room(rebuild, want);
    int64_t len =
        r < 0 ? r : pirn__log_read_at(log, fd, rebuild->whole, want, at);

    if (len < 0) {
        return (int)len;
    }
    r = pirn__rebuild_rest(rebuild, segment, mark, rebuild->whole, (size_t)len);
    if (r == 0 && rebuild->has_hole[segment->segment]) {
        r = keep_copy(log, fd, segment);
    }
    return r;
}

/* Its batches from @mark on, one after the other; each is added when the next
 * is known to be there, or not. */
static int read_batches(struct pirn__rebuild *rebuild, int fd,
                        const struct pirn__segment_head *segment,
                        struct pirn__mark *mark)
{
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head head;
    uint32_t cap = PIRN__BATCH_ROOM;
    uint8_t *front = rebuild->front;
    uint32_t at = 0;
    int r = 1;

    pirn__rebuild_cursor(&cursor, segment, *mark);
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
        if (r != 1 && pirn__rebuild_may_go_on(rebuild->log, segment,
                                              cursor.first_record)) {
            return read_rest(rebuild, fd, segment, mark);
        }
        if (at > 0) {
            int added = r == 1
                            ? pirn__rebuild_add(rebuild, &head, front, NULL)
                            : add_last(rebuild, fd, at, segment, &head, front);
            if (added < 0) {
                return added;
            }
            pirn__rebuild_mark(mark, &head, at);
        }
        front = next;
        head = next_head;
        at = next_at;
    }
    return 0;
}

uint32_t pirn__rebuild_generation(const struct pirn__tombs *tombs,
                                  uint32_t segment)
{
    uint32_t highest = (uint32_t)(tombs->bounds[segment] >> 32);

    for (uint32_t i = 0; i < tombs->segment_words; i++) {
        uint64_t word =
            tombs->words[(uint64_t)segment * tombs->segment_words + i];
        uint32_t generation = (uint32_t)(word >> 32);
        highest = generation > highest ? generation : highest;
    }
    return highest;
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
static int sync_file(struct pirn__log *log, int fd, bool is_synced)
{
    struct pirn_op op = {0};

    if (is_synced) {
        return 0;
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
 * somebody else's file. It is kept under another name, and its turn is over:
 * what the words say of it is not missed again. */
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
    pirn__tomb_turn(&log->index.tombs, segment, generation + 1);
    pirn__rebuild_set_segment(log, segment, PIRN__SEGMENT_UNMADE,
                              generation + 1);
    return r < 0 ? r : pirn__sync_dir(log->context, log->dir_fd, "seg");
}

/* Words of a later turn say that the segment was free since, and then every
 * record of this one was dead before, durably. If one is alive by its own word,
 * it is the later ones that are damaged: 1, and they say nothing any more. What
 * they held dead comes back, rather than that what lives is lost. */
static int mend_words(struct pirn__rebuild *rebuild, int fd,
                      const struct pirn__segment_head *head)
{
    const struct pirn__tombs *tombs = &rebuild->log->index.tombs;
    uint64_t *words =
        tombs->words + (uint64_t)head->segment * tombs->segment_words;
    struct pirn__mark mark = {0};

    rebuild->only_counts = true;
    rebuild->alive = 0;
    int r = read_batches(rebuild, fd, head, &mark);
    rebuild->only_counts = false;
    if (r < 0 || rebuild->alive == 0) {
        return r;
    }
    for (uint32_t i = 0; i < tombs->segment_words; i++) {
        if (words[i] >> 32 > head->generation) {
            words[i] = pirn__tomb_word(head->generation, 0);
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

void pirn__rebuild_seal(struct pirn__log *log,
                        const struct pirn__segment_head *head)
{
    log->index.segments[head->segment].salt = head->salt;
    pirn__rebuild_set_segment(log, head->segment, PIRN__SEGMENT_SEALED,
                              head->generation);
}

bool pirn__rebuild_is_plain(const struct pirn__rebuild *rebuild,
                            uint32_t segment, const uint8_t *buf, uint32_t len,
                            struct pirn__segment_head *ret_head)
{
    const struct pirn__log *log = rebuild->log;

    return len >= PIRN__BATCH_UNIT &&
           pirn__segment_head_decode(buf, ret_head) == 0 &&
           is_ours(log, segment, ret_head) &&
           ret_head->generation >=
               pirn__rebuild_generation(&log->index.tombs, segment);
}

/* All its batches were read. Whether nothing is behind the last one matters of
 * a segment that may be written on. Numbers that its bound counts are taken,
 * also of records that cannot be read: none of them gets another record. */
void pirn__rebuild_end_file(struct pirn__rebuild *rebuild,
                            const struct pirn__segment_head *head,
                            struct pirn__mark mark)
{
    struct pirn__log *log = rebuild->log;
    uint32_t kept =
        pirn__tomb_kept(&log->index.tombs, head->segment, head->generation);

    if (rebuild->has_hole[head->segment] || !is_short_of_half(log, mark)) {
        rebuild->ends[head->segment] = false;
    }
    if (kept > mark.records) {
        mark.records = (uint16_t)kept;
        rebuild->ends[head->segment] = false;
    }
    log->index.segments[head->segment].mark = pirn__mark_pack(mark);
}

/* Of its batches the last one is left, or the rest. */
static int read_tail(struct pirn__rebuild *rebuild, uint32_t segment, int fd)
{
    struct pirn__rebuild_tail *tail = &rebuild->tails[segment];
    int r = rebuild->left[segment] == PIRN__REBUILD_TAIL
                ? read_batches(rebuild, fd, &tail->head, &tail->mark)
                : read_rest(rebuild, fd, &tail->head, &tail->mark);

    if (r == 0) {
        pirn__rebuild_end_file(rebuild, &tail->head, tail->mark);
    }
    return r;
}

int pirn__rebuild_end_tail(struct pirn__rebuild *rebuild, uint32_t segment,
                           size_t len)
{
    struct pirn__rebuild_tail *tail = &rebuild->tails[segment];
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];
    const uint32_t front =
        PIRN__BATCH_HEAD_BYTES + tail->batch.count * PIRN__HEAD_BYTES;

    if (len < front) {
        return -EIO; /* it was there when it was looked for */
    }
    (void)pirn__replay_judge(&tail->batch, rebuild->whole, len, tail->at,
                             tail->head.salt, bad);
    pirn__rebuild_mark(&tail->mark, &tail->batch, tail->at);
    rebuild->log->index.segments[segment].mark = pirn__mark_pack(tail->mark);
    return pirn__rebuild_add(rebuild, &tail->batch, rebuild->whole, bad);
}

/* Its words have records that were committed and live, of a turn whose header
 * is not there. */
static bool is_missed(const struct pirn__log *log, uint32_t segment,
                      uint32_t generation)
{
    const struct pirn__tombs *tombs = &log->index.tombs;
    uint32_t kept = pirn__tomb_kept(tombs, segment, generation);

    return pirn__tomb_dead(tombs, segment, generation, kept) < kept &&
           !pirn__planted("log-header-unmissed");
}

static int read_head(uint8_t *page, struct pirn__segment_head *ret_head)
{
    int r = pirn__segment_head_decode(page, ret_head);

    return r != -EBADMSG || is_blank(page, PIRN__BATCH_UNIT)
               ? r
               : pirn__segment_head_heal(page, ret_head);
}

/* Sealed with what it has. Without a header nothing of it can be read: it is
 * free, unless its words miss something. */
static int read_file(struct pirn__rebuild *rebuild, uint32_t segment, int fd)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__segment_head head = {0};
    struct pirn__mark mark = {0};
    uint8_t page[PIRN__BATCH_UNIT] = {0};

    int synced = sync_file(log, fd, rebuild->is_synced[segment]);
    if (synced < 0) {
        return synced;
    }
    uint32_t generation = pirn__rebuild_generation(&log->index.tombs, segment);
    int64_t len = pirn__log_read_at(log, fd, page, sizeof(page), 0);
    if (len >= 0 && is_blank(page, (size_t)len)) {
        int64_t size = size_of(log, fd);
        if (size < 0) {
            return (int)size;
        }
        if ((uint64_t)size < log->text.size.segment_bytes &&
            !is_missed(log, segment, generation)) {
            /* whoever made it was stopped */
            pirn__rebuild_set_segment(log, segment, PIRN__SEGMENT_UNMADE,
                                      generation);
            return 0;
        }
    }
    int r = len < 0               ? (int)len
            : len == sizeof(page) ? read_head(page, &head)
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
        if (is_missed(log, segment, generation)) {
            return set_aside(log, segment, generation);
        }
        pirn__rebuild_set_segment(log, segment, PIRN__SEGMENT_FREE, generation);
        return 0;
    }
    pirn__rebuild_seal(log, &head);
    r = read_batches(rebuild, fd, &head, &mark);
    if (r == 0) {
        pirn__rebuild_end_file(rebuild, &head, mark);
    }
    return r;
}

/* Closed again: it may have another name by now, and none is read twice. */
int pirn__rebuild_read_segment(struct pirn__rebuild *rebuild, uint32_t segment)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__segment_hold hold = {0};

    if (rebuild->left[segment] == PIRN__REBUILD_NOTHING) {
        return 0;
    }
    pirn__prep_segment_hold(&hold, log, segment);
    int r = wait_for(log, &hold.waiter.op);
    if (r >= 0) {
        r = rebuild->left[segment] == PIRN__REBUILD_ALL
                ? read_file(rebuild, segment, r)
                : read_tail(rebuild, segment, r);
        pirn__segment_drop(log, segment);
        pirn__segment_forget(log, segment);
    }
    return r;
}
