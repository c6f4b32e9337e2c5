/* SPDX-License-Identifier: MIT */
/*
 * segments.c - from no file to one that is written over and over
 *
 * A segment is written once before it is used, because a write into room that
 * was only reserved costs a journal commit at every flush. Whoever takes one
 * swaps its word first, to a state with his number and the new generation, and
 * then prepares what nobody else looks at in that state.
 *
 * One that is written over costs a round of tombstones, which all share; one
 * that is made costs its size. So nothing is made while a round may free some.
 *
 * A retired one keeps its generation until it is taken. Between the last look
 * at its tombstones and the next turn nothing of it is read but by who
 * announced that before.
 */
#include "spool/log/segments.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"

enum {
    ZEROS = 1024 * 1024,
    ROUNDS_MAX = 2, /* of tombstones, before another one is made */
    FREED_MAX = 64, /* at a time */
};

static void try_all(struct pirn__segment_take *take);

static uint64_t *word_at(const struct pirn__log *log, uint32_t segment)
{
    pirn_assert(segment < log->text.size.segments);
    return &log->index.segments[segment].word;
}

static struct pirn__segment_word read_word(const struct pirn__log *log,
                                           uint32_t segment)
{
    return pirn__segment_unpack(pirn__atom_load(word_at(log, segment)));
}

/* From what it was to another state, as ours. */
static bool swap_state(struct pirn__log *log, uint32_t segment,
                       struct pirn__segment_word *word,
                       enum pirn__segment_state to)
{
    struct pirn__segment_word next = {
        .state = to,
        .owner = log->actor.owner,
        .generation = word->generation + (to == PIRN__SEGMENT_TAKING ? 1u : 0u),
    };

    if (!pirn__atom_swap(word_at(log, segment), pirn__segment_pack(*word),
                         pirn__segment_pack(next))) {
        return false;
    }
    *word = next;
    return true;
}

/* ---- one to write ---- */

static void finish(struct pirn__segment_take *take, int32_t result)
{
    free(take->zeros);
    take->zeros = NULL;
    pirn_task_finish(take->log->context, &take->op, result);
}

/* In TAKING, alone: what a turn begins with. Repeated by who recovers us. */
static void turn(struct pirn__log *log, uint32_t segment, uint32_t generation)
{
    struct pirn__index_segment *at = &log->index.segments[segment];
    uint64_t salt;

    pirn_context_random(log->context, &salt, sizeof(salt));
    pirn__atom_store(&at->salt, salt);
    pirn__atom_store(&at->mark, pirn__mark_pack((struct pirn__mark){0}));
    if (!pirn__planted("log-turn-skipped")) {
        pirn__tomb_turn(&log->index.tombs, segment, generation);
    }
}

/* Ours from here on, or somebody else was faster. */
static bool take_free(struct pirn__segment_take *take)
{
    struct pirn__log *log = take->log;

    if (!swap_state(log, take->segment, &take->word, PIRN__SEGMENT_TAKING)) {
        return false;
    }
    turn(log, take->segment, take->word.generation);
    bool ours =
        swap_state(log, take->segment, &take->word, PIRN__SEGMENT_ACTIVE);
    pirn_assert(ours); /* nobody inherits from the living */
    return true;
}

/* Only names what is there: a failure leaves it to whoever wants it next. */
static void unmake(struct pirn__segment_take *take)
{
    struct pirn__log *log = take->log;
    bool ours =
        swap_state(log, take->segment, &take->word, PIRN__SEGMENT_UNMADE);

    pirn_assert(ours);
    pirn__admit_expected(&log->spool->admit,
                         log->text.size.segment_bytes - take->at, false);
}

static void made(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, step);

    pirn_assert(result <= 0);
    pirn__segment_drop(take->log, take->segment);
    if (result < 0) {
        unmake(take);
        finish(take, result);
        return;
    }
    bool ours =
        swap_state(take->log, take->segment, &take->word, PIRN__SEGMENT_FREE);
    pirn_assert(ours);
    /* Somebody else may take it: then there is more to be found. */
    if (take->is_ahead || take_free(take)) {
        finish(take, (int32_t)take->segment);
        return;
    }
    try_all(take);
}

static void confirmed(struct pirn_op *op, int32_t result)
{
    made(op, pirn_confirmed(result));
}

/* What is written over it later asks no journal, so it is asked here. */
static void have_name(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, step);

    if (result < 0) {
        made(op, result);
        return;
    }
    pirn_prep_confirm(&take->step, take->log->seg_fd);
    pirn_start(take->log->context, &take->step, confirmed);
}

static void named(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, step);

    if (result < 0) {
        made(op, result);
        return;
    }
    take->result = result;
    pirn_prep_fsync(&take->step, take->log->seg_fd, PIRN_SYNC_ALL);
    pirn_start(take->log->context, &take->step, have_name);
}

static void wrote(struct pirn_op *op, int32_t result);

static uint32_t zeros_at_once(const struct pirn__log *log)
{
    uint64_t bytes = log->text.size.segment_bytes;

    return bytes < ZEROS ? (uint32_t)bytes : ZEROS;
}

static void write_zeros(struct pirn__segment_take *take, int fd)
{
    uint64_t left = take->log->text.size.segment_bytes - take->at;
    uint32_t most = zeros_at_once(take->log);

    pirn_prep_write(&take->step, fd, take->zeros,
                    left < most ? (uint32_t)left : most, take->at);
    pirn_start(take->log->context, &take->step, wrote);
}

static void wrote(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, step);
    struct pirn__log *log = take->log;
    int fd = pirn__segment_fd(log, take->segment);

    if (result <= 0) {
        made(op, result < 0 ? result : -EIO);
        return;
    }
    take->at += (uint32_t)result;
    pirn__admit_expected(&log->spool->admit, (uint32_t)result, true);
    if (take->at < log->text.size.segment_bytes) {
        write_zeros(take, fd);
        return;
    }
    pirn_prep_fsync(&take->step, fd, PIRN_SYNC_DATA);
    pirn_start(log->context, &take->step, named);
}

static void emptied(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, step);

    if (result < 0) {
        made(op, result);
        return;
    }
    write_zeros(take, pirn__segment_fd(take->log, take->segment));
}

/*
 * What a failed attempt wrote goes first. ext4 keeps its pages as if they were
 * written, and their extents as if they were not: zeros and batches over them
 * are synced, and after a power cut read as zeros (Linux 6.18).
 */
static void have_file(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, hold.waiter.op);

    if (result < 0) {
        unmake(take);
        finish(take, result);
        return;
    }
    free(take->zeros); /* of one that somebody else has taken */
    take->zeros = calloc(1, zeros_at_once(take->log));
    if (take->zeros == NULL) {
        made(&take->step, -ENOMEM);
        return;
    }
    pirn_prep_truncate(&take->step, result, 0);
    pirn_start(take->log->context, &take->step, emptied);
}

/* The first in a state that can be swapped to another. */
static bool find(struct pirn__segment_take *take, enum pirn__segment_state from,
                 enum pirn__segment_state to)
{
    struct pirn__log *log = take->log;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        struct pirn__segment_word word = read_word(log, i);
        take->segment = i;
        take->word = word;
        if (word.state == from && (to == PIRN__SEGMENT_TAKING
                                       ? take_free(take)
                                       : swap_state(log, i, &take->word, to))) {
            return true;
        }
    }
    return false;
}

static bool find_made(struct pirn__segment_take *take)
{
    uint32_t free = pirn__segments_count(take->log, PIRN__SEGMENT_FREE);
    bool leaves = take->for_items && !pirn__planted("log-reserve-given");
    uint32_t leave = leaves ? PIRN__SEGMENTS_RESERVE : 0;

    if (take->is_ahead) {
        return free > PIRN__SEGMENTS_RESERVE;
    }
    return find(take, PIRN__SEGMENT_OPEN, PIRN__SEGMENT_ACTIVE) ||
           (free > leave &&
            find(take, PIRN__SEGMENT_FREE, PIRN__SEGMENT_TAKING));
}

/* New items, and what is made ahead for them, leave the file system's rest. */
static bool may_make(const struct pirn__segment_take *take)
{
    const struct pirn__log *log = take->log;

    return (!take->for_items && !take->is_ahead) ||
           pirn__admit_has_room(&log->spool->admit,
                                log->text.size.segment_bytes);
}

bool pirn__segments_have_room(struct pirn__log *log)
{
    struct pirn__segment_take take = {.log = log, .for_items = true};

    return pirn__segments_count(log, PIRN__SEGMENT_OPEN) > 0 ||
           pirn__segments_count(log, PIRN__SEGMENT_FREE) >
               PIRN__SEGMENTS_RESERVE ||
           pirn__segments_retire(log) > 0 ||
           (may_make(&take) &&
            pirn__segments_count(log, PIRN__SEGMENT_UNMADE) > 0);
}

static void round_done(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, round.waiter.op);

    if (result < 0) {
        take->rounds = ROUNDS_MAX; /* it frees none */
    }
    try_all(take);
}

static void try_all(struct pirn__segment_take *take)
{
    struct pirn__log *log = take->log;

    if (find_made(take)) {
        finish(take, (int32_t)take->segment);
        return;
    }
    if (take->rounds < ROUNDS_MAX && pirn__segments_retire(log) > 0) {
        take->rounds++;
        pirn__prep_round(&take->round, log);
        pirn_start(log->context, &take->round.waiter.op, round_done);
        return;
    }
    if (may_make(take) &&
        find(take, PIRN__SEGMENT_UNMADE, PIRN__SEGMENT_MAKING)) {
        take->at = 0;
        pirn__admit_expect(&log->spool->admit, log->text.size.segment_bytes);
        pirn__prep_segment_hold(&take->hold, log, take->segment);
        pirn_start(log->context, &take->hold.waiter.op, have_file);
        return;
    }
    finish(take, -ENOSPC);
}

static void take_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__segment_take *take =
        pirn_container_of(op, struct pirn__segment_take, op);

    pirn_assert(context == take->log->context);
    try_all(take);
}

static void prep(struct pirn__segment_take *take, struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = take_begin};

    take->log = log;
    take->segment = 0;
    take->rounds = 0;
    pirn_prep_task(&take->op, &verbs);
}

void pirn__prep_segment_take(struct pirn__segment_take *take,
                             struct pirn__log *log, bool for_items)
{
    take->for_items = for_items;
    take->is_ahead = false;
    prep(take, log);
}

void pirn__prep_segment_make(struct pirn__segment_take *take,
                             struct pirn__log *log)
{
    take->for_items = false;
    take->is_ahead = true;
    prep(take, log);
}

/* ---- one after the other state ---- */

uint32_t pirn__segments_count(const struct pirn__log *log,
                              enum pirn__segment_state state)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        count += read_word(log, i).state == state ? 1 : 0;
    }
    return count;
}

static void cut_at_mark(struct pirn__log *log, uint32_t segment,
                        uint32_t generation)
{
    struct pirn__mark mark =
        pirn__mark_unpack(pirn__atom_load(&log->index.segments[segment].mark));

    (void)pirn__tomb_cut(&log->index.tombs, segment, generation, mark.records,
                         true);
}

void pirn__segment_seal(struct pirn__log *log, uint32_t segment, bool is_first)
{
    struct pirn__segment_word word = read_word(log, segment);

    pirn_assert(word.state == PIRN__SEGMENT_ACTIVE);
    pirn_assert(word.owner == log->actor.owner);
    if (!pirn__planted("log-cut-skipped")) {
        cut_at_mark(log, segment, word.generation);
    }
    if (is_first) {
        (void)pirn__tomb_mark_first(&log->index.tombs, segment,
                                    word.generation);
    }
    pirn__keeper_sealed(log);
    bool ours = swap_state(log, segment, &word, PIRN__SEGMENT_SEALED);
    pirn_assert(ours);
}

/* A mark of a later turn never comes to the bound of an earlier one: it is zero
 * before the words are turned, and grows behind that. */
bool pirn__segment_keep(struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_word word = read_word(log, segment);
    struct pirn__mark mark =
        pirn__mark_unpack(pirn__atom_load(&log->index.segments[segment].mark));

    return (word.state == PIRN__SEGMENT_ACTIVE ||
            word.state == PIRN__SEGMENT_OPEN) &&
           pirn__tomb_keep(&log->index.tombs, segment, word.generation,
                           mark.records);
}

void pirn__segment_leave(struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_word word = read_word(log, segment);

    pirn_assert(word.state == PIRN__SEGMENT_ACTIVE);
    bool ours = swap_state(log, segment, &word, PIRN__SEGMENT_OPEN);
    pirn_assert(ours);
}

/* The last record is the last to die in most of them: one look says it. */
static bool all_dead(const struct pirn__log *log, uint32_t segment,
                     uint32_t generation)
{
    const struct pirn__tombs *tombs = &log->index.tombs;
    struct pirn__mark mark =
        pirn__mark_unpack(pirn__atom_load(&log->index.segments[segment].mark));
    uint32_t records = mark.records;

    return records == 0 ||
           (pirn__tomb_is_set(tombs, segment, generation, records - 1) &&
            pirn__tomb_dead(tombs, segment, generation, records) == records);
}

/* Never lowered: who was stopped here has the number of an earlier turn. */
static void raise_round(struct pirn__log *log, uint32_t segment)
{
    uint64_t round = pirn__atom_load(&log->index.head->rounds_begun) + 1;

    pirn__atom_raise(&log->index.segments[segment].retired, round);
}

static void retire_one(struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_word word = read_word(log, segment);

    if (word.state == PIRN__SEGMENT_SEALED &&
        all_dead(log, segment, word.generation)) {
        /* Before the swap: who sees it retired sees a round that is late
         * enough. */
        raise_round(log, segment);
        (void)swap_state(log, segment, &word, PIRN__SEGMENT_RETIRED);
    }
}

/* Retired ones that were seen, to be freed if nobody reads them. */
struct retired {
    uint32_t count;
    struct {
        uint32_t segment;
        struct pirn__segment_word word;
    } all[FREED_MAX];
};

/* Those that are announced are struck out. After they were seen as retired:
 * who announces one later finds its word changed. */
static void strike_out(struct retired *retired, uint64_t announced)
{
    for (uint32_t i = 0; i < retired->count; i++) {
        if (announced == retired->all[i].segment + 1) {
            retired->all[i] = retired->all[--retired->count];
            return;
        }
    }
}

static void free_unread(struct pirn__log *log, struct retired *retired)
{
    for (uint32_t owner = 0; owner < PIRN__INDEX_OWNERS; owner++) {
        const uint64_t *reads = log->index.owners[owner].reads;
        for (uint32_t i = 0; i < PIRN__INDEX_READS; i++) {
            uint64_t announced = pirn__atom_load(&reads[i]);
            if (announced != 0 && !pirn__planted("log-reader-passed-over")) {
                strike_out(retired, announced);
            }
        }
    }
    for (uint32_t i = 0; i < retired->count; i++) {
        (void)swap_state(log, retired->all[i].segment, &retired->all[i].word,
                         PIRN__SEGMENT_FREE);
    }
}

uint64_t pirn__segments_retire(struct pirn__log *log)
{
    struct retired due = {0};
    uint64_t round = 0;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        retire_one(log, i);
        struct pirn__segment_word word = read_word(log, i);
        if (word.state != PIRN__SEGMENT_RETIRED) {
            continue;
        }
        uint64_t retired = pirn__atom_load(&log->index.segments[i].retired);
        if (retired > pirn__atom_load(&log->index.head->rounds_done)) {
            round = retired > round ? retired : round;
        } else if (due.count < FREED_MAX) {
            due.all[due.count].segment = i;
            due.all[due.count++].word = word;
        }
    }
    if (due.count > 0) {
        free_unread(log, &due);
    }
    return round;
}

uint64_t *pirn__segment_announce(struct pirn__log *log, uint32_t segment)
{
    uint64_t *reads = log->index.owners[log->actor.owner].reads;

    for (uint32_t i = 0; i < PIRN__INDEX_READS; i++) {
        if (reads[i] == 0) { /* ours alone to fill */
            pirn__atom_store(&reads[i], (uint64_t)segment + 1);
            return &reads[i];
        }
    }
    return NULL;
}

void pirn__segments_inherit(struct pirn__log *log, uint16_t dead)
{
    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        struct pirn__segment_word word = read_word(log, i);
        if (word.owner != dead) {
            continue;
        }
        switch (word.state) {
        case PIRN__SEGMENT_MAKING:
            (void)swap_state(log, i, &word, PIRN__SEGMENT_UNMADE);
            break;
        case PIRN__SEGMENT_TAKING:
            turn(log, i, word.generation);
            (void)swap_state(log, i, &word, PIRN__SEGMENT_SEALED);
            break;
        case PIRN__SEGMENT_ACTIVE:
            cut_at_mark(log, i, word.generation);
            (void)swap_state(log, i, &word, PIRN__SEGMENT_SEALED);
            break;
        case PIRN__SEGMENT_UNMADE:
        case PIRN__SEGMENT_FREE:
        case PIRN__SEGMENT_OPEN:
        case PIRN__SEGMENT_SEALED:
        case PIRN__SEGMENT_RETIRED:
        case PIRN__SEGMENT_STATES:
            break;
        }
    }
}
