/* SPDX-License-Identifier: MIT */
/*
 * reading.c - see spool/log/reading.h
 *
 * What a place leads to is believed when its sums agree with the salt of the
 * segment's present turn, its generation is the place's, and its id names the
 * slot. So a place that is old, or a word in shared memory that somebody wrote
 * over, leads to an error and never to another item.
 */
#include "spool/log/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/hash.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/log/queues.h"
#include "spool/log/slot.h"
#include "spool/opens.h"

#define PART_MAX (PIRN__PART_HEAD_BYTES + PIRN_FIELDS_MAX + PIRN__RECORD_UNIT)

/* A segment that is open already is held at once; else the op goes on with
 * @then. */
static int hold(struct pirn__reading *reading, uint32_t segment,
                pirn_op_fn *then)
{
    struct pirn__log *log = reading->log;
    int fd = pirn__segment_hold_open(log, segment);

    pirn_assert(!reading->holds);
    reading->segment = segment;
    reading->holds = fd >= 0;
    if (fd < 0) {
        pirn__prep_segment_hold(&reading->hold, log, segment);
        pirn_start(log->context, &reading->hold.waiter.op, then);
    }
    return fd;
}

static void let_go(struct pirn__reading *reading)
{
    if (reading->holds) {
        pirn__segment_drop(reading->log, reading->segment);
        reading->holds = false;
    }
}

static void finish(struct pirn__reading *reading, int32_t result)
{
    pirn__reading_fn *then = reading->then;

    let_go(reading);
    if (then != NULL) {
        reading->then = NULL;
        then(reading, result);
        return;
    }
    pirn_task_finish(reading->log->context, &reading->op, result);
}

static bool is_file(const struct pirn__reading *reading)
{
    return (reading->part.head.flags & PIRN__RECORD_BODY_FILE) != 0;
}

/* The segment's generation, if it is the place's still. */
static int generation_of(const struct pirn__log *log, struct pirn__place place,
                         uint32_t *ret_generation)
{
    if (place.segment >= log->text.size.segments) {
        return -EBADMSG;
    }
    struct pirn__segment_word word = pirn__segment_unpack(
        pirn__atom_load(&log->index.segments[place.segment].word));

    if ((word.generation & PIRN__GENERATION_BITS) != place.generation) {
        return -ESTALE;
    }
    *ret_generation = word.generation;
    return 0;
}

/* ---- the part ---- */

static bool is_ours(const struct pirn__reading *reading)
{
    struct pirn__log_id id;

    pirn__log_id_unpack(&reading->part.head.id, &id);
    return id.slot == reading->slot &&
           id.incarnation ==
               pirn__word_unpack(reading->fields.word).incarnation;
}

static int check(struct pirn__reading *reading)
{
    struct pirn__place place = pirn__place_unpack(reading->fields.part);
    uint32_t generation;
    int r = generation_of(reading->log, place, &generation);

    if (r < 0) {
        return r;
    }
    r = pirn__part_decode(reading->memory, reading->len,
                          reading->log->index.segments[place.segment].salt,
                          &reading->part);
    if (r < 0 || !is_ours(reading)) {
        return -EBADMSG;
    }
    uint32_t at = reading->part.head.part_bytes;
    uint64_t bytes = reading->part.head.body_bytes;
    bool is_here = reading->part.head.kind == PIRN__RECORD_PUT &&
                   !is_file(reading) && reading->len - at >= bytes;
    if (is_here) {
        reading->body = reading->memory + at;
        reading->body_is_bad =
            pirn__hash(reading->body, bytes) != reading->part.digest;
    }
    return 0;
}

static void read_more(struct pirn__reading *reading);

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, step);

    if (result < 0) {
        finish(reading, result);
        return;
    }
    reading->len += (uint32_t)result;
    if (result > 0 && reading->len < reading->want) {
        read_more(reading);
        return;
    }
    finish(reading, check(reading));
}

static void read_more(struct pirn__reading *reading)
{
    struct pirn__place place = pirn__place_unpack(reading->fields.part);
    int fd = pirn__segment_fd(reading->log, reading->segment);

    pirn_prep_read(&reading->step, fd, reading->memory + reading->len,
                   reading->want - reading->len,
                   (uint64_t)place.at * PIRN__RECORD_UNIT + reading->len);
    pirn_start(reading->log->context, &reading->step, have_read);
}

/*
 * What somebody wrote of late is in memory: it is had without a turn. Whatever
 * else comes of that, a body cut short or one that is damaged, is for the op,
 * which reads all of it, or the rest.
 */
static bool read_at_once(struct pirn__reading *reading, int fd)
{
    struct pirn__log *log = reading->log;
    struct pirn__place place = pirn__place_unpack(reading->fields.part);

    if (log->reads_wait) {
        return false;
    }
    int32_t n =
        pirn_read_cached(log->context, fd, reading->memory, reading->want,
                         (uint64_t)place.at * PIRN__RECORD_UNIT);
    log->reads_wait = n == -EOPNOTSUPP;
    if (n <= 0 || (uint32_t)n < reading->want) {
        return false;
    }
    reading->len = (uint32_t)n;
    if (check(reading) < 0) {
        reading->len = 0;
        return false;
    }
    return true;
}

static void have_segment(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, hold.waiter.op);

    reading->holds = result >= 0;
    if (result < 0) {
        finish(reading, result);
        return;
    }
    read_more(reading);
}

static uint8_t *memory_take(struct pirn__reading *reading)
{
    reading->is_pooled = reading->want <= PIRN__LOG_BUFFER;
    return reading->is_pooled ? pirn__pool_take(&reading->log->buffers)
                              : malloc(reading->want);
}

static void memory_give(struct pirn__reading *reading)
{
    if (reading->memory != NULL && reading->is_pooled) {
        pirn__pool_give(&reading->log->buffers, reading->memory);
    } else {
        free(reading->memory);
    }
    reading->memory = NULL;
}

/* 0: it is under way; 1: it is done; or what is wrong, and nothing is. */
static int start(struct pirn__reading *reading)
{
    const struct pirn__slot *fields = &reading->fields;
    struct pirn__place place = pirn__place_unpack(fields->part);
    struct pirn__place body = pirn__place_unpack(fields->body);
    struct pirn__sizes sizes = pirn__sizes_unpack(fields->sizes);
    int r = generation_of(reading->log, place, &reading->part_generation);

    r = r < 0 ? r
              : generation_of(reading->log, body, &reading->body_generation);
    if (r < 0 || sizes.part_bytes < PIRN__PART_HEAD_BYTES ||
        sizes.part_bytes > PART_MAX) {
        return r < 0 ? r : -EBADMSG;
    }
    bool with_body = body.record == place.record &&
                     body.segment == place.segment &&
                     sizes.body_bytes <= PIRN__BATCH_BODY_MAX;
    reading->want =
        sizes.part_bytes + (with_body ? (uint32_t)sizes.body_bytes : 0);
    reading->memory = memory_take(reading);
    if (reading->memory == NULL) {
        return -ENOMEM;
    }
    int fd = hold(reading, place.segment, have_segment);
    if (fd >= 0 && read_at_once(reading, fd)) {
        let_go(reading);
        return 1;
    }
    if (fd >= 0) {
        read_more(reading);
    }
    return 0;
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    int r = start(pirn_container_of(op, struct pirn__reading, op));

    if (r != 0) {
        pirn_task_finish(context, op, r < 0 ? r : 0);
    }
}

static void prepare(struct pirn__reading *reading, struct pirn__log *log,
                    uint32_t slot, const struct pirn__slot *fields)
{
    pirn_assert(reading->memory == NULL && !reading->has_file);
    reading->log = log;
    reading->slot = slot;
    reading->fields = *fields;
    reading->len = 0;
    reading->body = NULL;
    reading->body_is_bad = false;
}

void pirn__prep_reading(struct pirn__reading *reading, struct pirn__log *log,
                        uint32_t slot, const struct pirn__slot *fields)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    prepare(reading, log, slot, fields);
    pirn_prep_task(&reading->op, &verbs);
}

int pirn__reading_start(struct pirn__reading *reading, struct pirn__log *log,
                        uint32_t slot, const struct pirn__slot *fields,
                        pirn__reading_fn *then)
{
    prepare(reading, log, slot, fields);
    reading->then = then;
    int r = start(reading);
    if (r != 0) {
        reading->then = NULL;
    }
    return r;
}

/* A body that was read with the old part is read again, by its place. */
void pirn__reading_renew(struct pirn__reading *reading,
                         const struct pirn__slot *fields,
                         const struct pirn__part *part, uint32_t generation,
                         uint8_t *memory)
{
    const uint8_t *in_memory = reading->memory + reading->part.head.part_bytes;

    pirn_assert(PIRN__PART_HEAD_BYTES + part->fields_bytes <=
                part->head.part_bytes);
    if (part->fields_bytes > 0) {
        memcpy(memory + PIRN__PART_HEAD_BYTES, part->fields,
               part->fields_bytes);
    }
    if (reading->body == in_memory) {
        reading->body = NULL;
        reading->body_is_bad = false;
    }
    memory_give(reading);
    reading->is_pooled = false;
    reading->memory = memory;
    reading->fields = *fields;
    reading->part = *part;
    reading->part.fields = (const char *)memory + PIRN__PART_HEAD_BYTES;
    reading->part_generation = generation;
}

/* ---- the body ---- */

int32_t pirn__reading_copy(const struct pirn__reading *reading, void *buf,
                           uint32_t len, uint64_t offset)
{
    uint64_t bytes = reading->part.head.body_bytes;
    uint64_t left = offset < bytes ? bytes - offset : 0;

    pirn_assert(reading->body != NULL);
    if (reading->body_is_bad) {
        return -EBADMSG;
    }
    len = left < len ? (uint32_t)left : len;
    memcpy(buf, reading->body + (left > 0 ? offset : 0), len);
    return (int32_t)len;
}

static void copy_body(struct pirn__reading *reading)
{
    finish(reading, pirn__reading_copy(reading, reading->buf, reading->buf_len,
                                       reading->offset));
}

/* A file's bytes count as long as they are read in order. */
static bool hash_agrees(struct pirn__reading *reading, uint32_t len)
{
    if (reading->hash == NULL || reading->hashed != reading->offset) {
        return true;
    }
    pirn__hash_add(reading->hash, reading->buf, len);
    reading->hashed += len;
    return reading->hashed != reading->part.head.body_bytes ||
           XXH3_64bits_digest(reading->hash) == reading->part.digest;
}

static void read_file(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, step);
    uint64_t bytes = reading->part.head.body_bytes;

    if (result > 0 && !hash_agrees(reading, (uint32_t)result)) {
        result = -EBADMSG;
    } else if (result == 0 && reading->offset < bytes) {
        result = -EBADMSG; /* it ends too early */
    }
    finish(reading, result);
}

static void start_file(struct pirn__reading *reading)
{
    uint64_t bytes = reading->part.head.body_bytes;
    uint64_t left = reading->offset < bytes ? bytes - reading->offset : 0;

    if (left == 0) {
        finish(reading, 0);
        return;
    }
    pirn_prep_read(&reading->step, reading->file_fd, reading->buf,
                   left < reading->buf_len ? (uint32_t)left : reading->buf_len,
                   reading->offset);
    pirn_start(reading->log->context, &reading->step, read_file);
}

static void opened_file(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, step);

    if (result < 0) {
        finish(reading, result == -ENOENT ? -EBADMSG : result);
        return;
    }
    reading->file_fd = result;
    reading->has_file = true;
    reading->hash = XXH3_createState();
    if (reading->hash != NULL) {
        (void)XXH3_64bits_reset(reading->hash);
    }
    start_file(reading);
}

static void have_kind(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, step);
    bool is_file = result == 0 && pirn__is_file(reading->statx);

    free(reading->statx);
    reading->statx = NULL;
    if (result < 0 || !is_file) {
        finish(reading, result == -ENOENT || result == 0 ? -EBADMSG : result);
        return;
    }
    pirn__prep_open_waiting(&reading->step, reading->log->spool->root_fd,
                            reading->path.text, O_RDONLY);
    pirn_start(reading->log->context, &reading->step, opened_file);
}

static void open_file(struct pirn__reading *reading)
{
    reading->statx = malloc(sizeof(*reading->statx));
    if (reading->statx == NULL) {
        finish(reading, -ENOMEM);
        return;
    }
    pirn__name_log_body(&reading->path, &reading->part.head.id);
    pirn__prep_ask_kind(&reading->step, reading->log->spool->root_fd,
                        reading->path.text, reading->statx);
    pirn_start(reading->log->context, &reading->step, have_kind);
}

static void read_whole(struct pirn__reading *reading);

static void have_body(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, step);

    if (result <= 0) {
        free(reading->body);
        reading->body = NULL;
        finish(reading, result < 0 ? result : -EBADMSG);
        return;
    }
    reading->len += (uint32_t)result;
    if (reading->len < reading->want) {
        read_whole(reading);
        return;
    }
    reading->body_is_bad =
        pirn__hash(reading->body, reading->want) != reading->part.digest;
    copy_body(reading);
}

static void read_whole(struct pirn__reading *reading)
{
    uint64_t at = (uint64_t)reading->part.head.body.at * PIRN__RECORD_UNIT;
    int fd = pirn__segment_fd(reading->log, reading->segment);

    pirn_prep_read(&reading->step, fd, reading->body + reading->len,
                   reading->want - reading->len, at + reading->len);
    pirn_start(reading->log->context, &reading->step, have_body);
}

static void start_body(struct pirn__reading *reading)
{
    reading->want = (uint32_t)reading->part.head.body_bytes;
    reading->len = 0;
    reading->body = malloc(reading->want);
    if (reading->body == NULL) {
        finish(reading, -ENOMEM);
        return;
    }
    read_whole(reading);
}

static void have_body_segment(struct pirn_op *op, int32_t result)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, hold.waiter.op);

    reading->holds = result >= 0;
    if (result < 0) {
        finish(reading, result);
        return;
    }
    start_body(reading);
}

static void body_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__reading *reading =
        pirn_container_of(op, struct pirn__reading, op);
    uint32_t segment = reading->part.head.body.segment;

    if (reading->body != NULL) {
        copy_body(reading);
    } else if (reading->part.head.body_bytes == 0) {
        pirn_task_finish(context, op, 0);
    } else if (reading->has_file) {
        start_file(reading);
    } else if (is_file(reading)) {
        open_file(reading);
    } else if (segment >= reading->log->text.size.segments ||
               reading->part.head.body_bytes > PIRN__BATCH_BODY_MAX) {
        pirn_task_finish(context, op, -EBADMSG);
    } else if (hold(reading, segment, have_body_segment) >= 0) {
        start_body(reading);
    }
}

void pirn__prep_reading_body(struct pirn__reading *reading, void *buf,
                             uint32_t len, uint64_t offset)
{
    static const struct pirn_task_verbs verbs = {.begin = body_begin};

    pirn_assert(reading->memory != NULL);
    reading->buf = buf;
    reading->buf_len = len;
    reading->offset = offset;
    pirn_prep_task(&reading->op, &verbs);
}

void pirn__reading_item(const struct pirn__reading *reading,
                        struct pirn_item *ret_item)
{
    const struct pirn__part *part = &reading->part;
    struct pirn__word word = pirn__word_unpack(reading->fields.word);
    struct pirn__route route = pirn__route_unpack(reading->fields.route);
    struct pirn_id id = part->head.id;
    bool has_alias =
        (part->head.flags & PIRN__RECORD_ALIAS) != 0 &&
        pirn__alias_get(part->fields, part->fields_bytes, &id) == 0;
    uint32_t own = has_alias ? PIRN__ALIAS_FIELD_BYTES : 0;

    *ret_item = (struct pirn_item){
        .id = id,
        .attempts = route.attempts,
        .version = part->head.version,
        .size_bytes = part->head.body_bytes,
        .created_ns = part->created_ns,
        .digest = part->digest,
        .due_ns = part->head.due_ns,
        .priority = (int8_t)(part->head.priority - PIRN__PRIORITY_NORMAL),
        .state = pirn__log_item_state(word.state),
        .owner = word.owner,
        .fields =
            {
                .bytes = (char *)reading->memory + PIRN__PART_HEAD_BYTES + own,
                .len = part->fields_bytes - own,
                .cap = part->fields_bytes - own,
            },
    };
    pirn__log_queue_name(reading->log, route.queue, ret_item->queue);
}

int pirn__reading_take_fd(struct pirn__reading *reading)
{
    int fd = reading->has_file ? reading->file_fd : -1;

    reading->has_file = false;
    return fd;
}

void pirn__reading_deinit(struct pirn__reading *reading)
{
    uint8_t *in_memory = reading->memory + reading->part.head.part_bytes;

    pirn_assert(!reading->has_file);
    if (reading->body != NULL && reading->body != in_memory) {
        free(reading->body);
    }
    (void)XXH3_freeState(reading->hash);
    memory_give(reading);
    reading->body = NULL;
    reading->hash = NULL;
    reading->hashed = 0;
}
