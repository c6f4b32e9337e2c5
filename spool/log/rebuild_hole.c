/* SPDX-License-Identifier: MIT */
/*
 * rebuild_hole.c - the rest of a segment, where a batch cannot be read
 *
 *   bound of the segment, batches that stand behind
 *     -> none has to be there: that is the end
 *     -> a hole: its parts are whole -> as if nothing had been
 *                else: the next batch that can be read, with its own numbers;
 *                what lived in between is missing
 *
 * A batch that is not the last one was committed, and so was what a segment's
 * bound counts. Neither is torn, so what cannot be read of it is damage; it may
 * be the mail of many. All of it happens in memory: on the disk the front stays
 * as it is, and is put right again the next time.
 */
#include "spool/log/rebuild_parts.h"

#include <string.h>

#include "runtime/plant.h"
#include "spool/log/heal.h"

/* The rest, from the mark on that it begins behind. */
struct rest {
    struct pirn__rebuild *rebuild;
    struct pirn__batch_cursor cursor;
    uint8_t *bytes;
    size_t len;
    uint64_t at; /* of the bytes, in the segment */
};

static uint64_t offset_of(const struct pirn__batch_cursor *cursor)
{
    return (uint64_t)cursor->at * PIRN__RECORD_UNIT;
}

/* What is there of a front at @at. */
static size_t front_len(const struct rest *rest, uint64_t at)
{
    uint64_t left = at < rest->at + rest->len ? rest->at + rest->len - at : 0;

    return left < PIRN__BATCH_ROOM ? (size_t)left : PIRN__BATCH_ROOM;
}

/* The batch at the cursor, which goes behind it; false: none can be read. */
static bool next_here(struct rest *rest, struct pirn__batch_cursor *cursor,
                      struct pirn__batch_head *ret_head)
{
    uint64_t at = offset_of(cursor);
    size_t len = front_len(rest, at);

    return len > 0 &&
           pirn__batch_cursor_next(cursor, rest->bytes + (at - rest->at), len,
                                   ret_head) == 1;
}

/* What stands there says that it is of this turn, and not before the cursor. */
static bool is_of_turn(const struct rest *rest, uint64_t at,
                       struct pirn__batch_head *ret_head)
{
    const struct pirn__batch_cursor *cursor = &rest->cursor;

    return front_len(rest, at) >= PIRN__BATCH_HEAD_BYTES &&
           pirn__batch_head_peek(rest->bytes + (at - rest->at), ret_head) >=
               0 &&
           ret_head->segment == cursor->segment.segment &&
           ret_head->generation == cursor->segment.generation &&
           ret_head->sequence >= cursor->sequence;
}

/* The first batch of this turn behind the one at the cursor: @ret_cursor is at
 * it. @ret_ends: nothing looks like one, so it may be written over. */
static bool find_behind(struct rest *rest,
                        struct pirn__batch_cursor *ret_cursor, bool *ret_ends)
{
    uint64_t end = rest->at + rest->len;
    struct pirn__batch_head seen;

    *ret_ends = true;
    for (uint64_t at = offset_of(&rest->cursor); at < end;
         at += PIRN__BATCH_UNIT) {
        if (!is_of_turn(rest, at, &seen)) {
            continue;
        }
        *ret_ends = false;
        *ret_cursor = rest->cursor;
        ret_cursor->at = (uint32_t)(at / PIRN__RECORD_UNIT);
        ret_cursor->first_record = seen.first_record;
        ret_cursor->sequence = seen.sequence;
        struct pirn__batch_cursor behind = *ret_cursor;
        if (seen.sequence > rest->cursor.sequence &&
            seen.first_record > rest->cursor.first_record &&
            next_here(rest, &behind, &seen)) {
            return true;
        }
    }
    return false;
}

/* The front at the cursor, from its parts; they end where @end is. */
static bool heal_here(struct rest *rest, uint64_t end)
{
    struct pirn__batch_cursor cursor = rest->cursor;
    uint64_t at = offset_of(&cursor);
    uint8_t *bytes = rest->bytes + (at - rest->at);
    uint8_t *front = rest->rebuild->front;
    struct pirn__batch_head head;

    if (end <= at || pirn__planted("log-front-not-healed") ||
        pirn__batch_cursor_heal(&cursor, bytes, (size_t)(end - at), front,
                                &head) != 1) {
        return false;
    }
    memcpy(bytes, front,
           PIRN__BATCH_HEAD_BYTES + head.count * PIRN__HEAD_BYTES);
    return true;
}

/* Records of a turn that was over when its segment was taken again are dead;
 * the header of the turn behind it may have been lost with the power. */
static bool is_any_alive(const struct pirn__log *log,
                         const struct pirn__segment_head *head, uint32_t from,
                         uint32_t end)
{
    bool alive = pirn__planted("log-hole-of-the-dead") && from < end;

    for (uint32_t record = from; !alive && record < end; record++) {
        alive = pirn__tomb_judge(&log->index.tombs, head->segment,
                                 head->generation, record) == PIRN__TOMB_ALIVE;
    }
    return alive;
}

/* Records from the cursor to @end cannot be read. */
static void miss(struct rest *rest, uint32_t end)
{
    struct pirn__rebuild *rebuild = rest->rebuild;
    const struct pirn__segment_head *head = &rest->cursor.segment;

    if (!rebuild->only_counts &&
        is_any_alive(rebuild->log, head, rest->cursor.first_record, end)) {
        rebuild->has_hole[head->segment] = true;
    }
}

/* Nothing can be read at the cursor: whether it can now, or at one behind it,
 * where the cursor is then. What stands between the two is missed whole, also
 * where a second front is damaged and its parts are not. */
static bool seek(struct rest *rest)
{
    struct pirn__rebuild *rebuild = rest->rebuild;
    const struct pirn__segment_head *head = &rest->cursor.segment;
    struct pirn__batch_cursor behind;
    uint32_t end = pirn__tomb_kept(&rebuild->log->index.tombs, head->segment,
                                   head->generation);
    uint64_t end_at = rest->at + rest->len;

    bool found = find_behind(rest, &behind, &rebuild->ends[head->segment]);
    if (found) {
        end = behind.first_record;
        end_at = offset_of(&behind);
    }
    if (end <= rest->cursor.first_record) {
        return false;
    }
    if (heal_here(rest, end_at)) {
        return true;
    }
    miss(rest, end);
    rest->cursor = found ? behind : rest->cursor;
    return found;
}

/* ---- batches, one after the other ---- */

/* One that was read: it is added when the next one is known to be there. */
struct held {
    struct pirn__batch_head head;
    uint64_t at; /* in the segment */
};

static bool hold_next(struct rest *rest, struct held *ret_held)
{
    struct pirn__batch_cursor *cursor = &rest->cursor;
    struct pirn__batch_head *head = &ret_held->head;

    if (!next_here(rest, cursor, head) &&
        (!seek(rest) || !next_here(rest, cursor, head))) {
        return false;
    }
    ret_held->at = offset_of(cursor) - head->bytes;
    return true;
}

/* Of the last one what may be torn is judged. */
static int add(struct rest *rest, const struct held *held, bool is_last)
{
    const struct pirn__batch_head *head = &held->head;
    const uint8_t *bytes = rest->bytes + (held->at - rest->at);
    uint64_t left = rest->at + rest->len - held->at;
    size_t len = head->bytes < left ? head->bytes : (size_t)left;
    uint64_t bad[PIRN__REPLAY_BAD_WORDS];
    bool is_judged =
        is_last && !pirn__rebuild_is_committed(rest->rebuild->log, head);

    if (is_judged) {
        (void)pirn__replay_judge(head, bytes, len,
                                 (uint32_t)(held->at / PIRN__RECORD_UNIT),
                                 rest->cursor.segment.salt, bad);
    }
    return pirn__rebuild_add(rest->rebuild, head, bytes,
                             is_judged ? bad : NULL);
}

int pirn__rebuild_rest(struct pirn__rebuild *rebuild,
                       const struct pirn__segment_head *segment,
                       struct pirn__mark *mark, uint8_t *bytes, size_t len)
{
    struct rest rest = {.rebuild = rebuild, .bytes = bytes, .len = len};
    struct held held;
    int r = 0;

    pirn__rebuild_cursor(&rest.cursor, segment, *mark);
    rest.at = offset_of(&rest.cursor);
    bool more = hold_next(&rest, &held);
    while (more && r == 0) {
        struct held next;
        more = hold_next(&rest, &next);
        r = add(&rest, &held, !more);
        pirn__rebuild_mark(mark, &held.head,
                           (uint32_t)(held.at / PIRN__RECORD_UNIT));
        held = more ? next : held;
    }
    return r;
}
