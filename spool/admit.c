/* SPDX-License-Identifier: MIT */
/*
 * admit.c - see spool/admit.h
 *
 * Who asks when what is known is old looks first, and all who come meanwhile
 * wait behind him: they are let in in their order. So a look is part of an
 * operation, and none is underway when nothing is loaned. Where room is short,
 * removed items of files that still stand there go first.
 *
 *   files   a body and its metadata, when they begin
 *   log     a body that is a file; a record costs nothing but a segment, which
 *           is made only where there is room for it (log/segments.c). Where the
 *           last item found none, and none can be had, no body is waited for
 */
#include "spool/admit.h"

#include <errno.h>

#include <pirn/invariant.h>

#include "spool/layout.h"
#include "spool/log/log.h"
#include "spool/log/segments.h"
#include "spool/spool.h"

static struct pirn__amount promised_to(const struct pirn_draft *draft)
{
    return (struct pirn__amount){draft->priv.promised_bytes,
                                 draft->priv.promised_inodes};
}

static void set_promised(struct pirn_draft *draft, struct pirn__amount amount)
{
    draft->priv.promised_bytes = amount.bytes;
    draft->priv.promised_inodes = amount.inodes;
}

/* What a body of so many bytes takes, and what stands beside it. */
static struct pirn__amount cost_of(const struct pirn_draft *draft,
                                   uint64_t bytes)
{
    static const struct pirn__amount none;
    const struct pirn__admit *admit = &draft->priv.spool->admit;
    bool is_log = draft->priv.layout == &pirn__layout_log;

    if (is_log && bytes <= PIRN_DRAFT_MEMORY) {
        return none;
    }
    return pirn__admission_cost(&admit->admission, bytes, is_log ? 1 : 2);
}

static bool log_has_room(struct pirn_spool *spool)
{
    pirn_assert(spool->log != NULL);
    return !spool->admit.log_is_full || pirn__segments_have_room(spool->log);
}

static int promise(struct pirn_draft *draft)
{
    struct pirn_spool *spool = draft->priv.spool;
    struct pirn__amount cost = cost_of(draft, draft->priv.expected_bytes);
    bool is_log = draft->priv.layout == &pirn__layout_log;
    int r = 0;

    if (is_log && draft->priv.is_coming && !log_has_room(spool)) {
        r = -ENOSPC;
    } else if (cost.inodes > 0) {
        r = pirn__admission_promise(&spool->admit.admission, cost);
    }
    if (r == 0) {
        set_promised(draft, cost);
    }
    return r;
}

/* ---- looks ---- */

static void start_look(struct pirn_spool *spool);
static void start_making_room(struct pirn_spool *spool);

static void wait_behind(struct pirn__admit *admit, struct pirn_draft *draft)
{
    draft->priv.behind = NULL;
    if (admit->last == NULL) {
        admit->first = draft;
    } else {
        admit->last->priv.behind = draft;
    }
    admit->last = draft;
}

/* Who would be refused while files of removed items are there, waits for
 * these to go, and for another look. */
static void decide(struct pirn_draft *draft)
{
    struct pirn_spool *spool = draft->priv.spool;
    struct pirn__admit *admit = &spool->admit;
    bool was_refusing = admit->admission.is_refusing;
    int r = promise(draft);
    bool has_some =
        !admit->has_made_room && pirn__removals_unfinished(spool) > 0;

    if (r == 0 || (!has_some && !admit->is_looking)) {
        draft->priv.admitted(draft, r);
        return;
    }
    admit->admission.is_refusing = was_refusing; /* nobody is refused yet */
    wait_behind(admit, draft);
    if (!admit->is_looking) {
        start_making_room(spool);
    }
}

static void looked(struct pirn_op *op, int32_t result)
{
    struct pirn__admit *admit = pirn_container_of(op, struct pirn__admit, look);
    struct pirn_spool *spool =
        pirn_container_of(admit, struct pirn_spool, admit);
    const struct pirn_room *room = &admit->room;
    const struct pirn__admission_look look = {
        .all = {room->bytes, room->inodes},
        .free = {room->free_bytes, room->free_inodes},
        .block_bytes = room->block_bytes,
    };
    struct pirn_draft *draft = admit->first;

    pirn_assert(admit->is_looking && draft != NULL);
    admit->is_looking = false;
    admit->first = NULL;
    admit->last = NULL;
    pirn__admission_looked(&admit->admission,
                           pirn_context_now_ns(spool->context),
                           result < 0 ? NULL : &look);
    while (draft != NULL) {
        struct pirn_draft *next = draft->priv.behind;
        decide(draft);
        draft = next;
    }
}

static void start_look(struct pirn_spool *spool)
{
    struct pirn__admit *admit = &spool->admit;

    admit->is_looking = true;
    pirn__admission_look_begins(&admit->admission);
    pirn_prep_room(&admit->look, spool->root_fd, &admit->room);
    pirn_start(spool->context, &admit->look, looked);
}

static void made_room(struct pirn_op *op, int32_t result)
{
    struct pirn__admit *admit =
        pirn_container_of(op, struct pirn__admit, removals.waiter.op);

    pirn_assert(admit->is_looking && admit->first != NULL);
    (void)result; /* the look says what there is */
    start_look(pirn_container_of(admit, struct pirn_spool, admit));
}

static void start_making_room(struct pirn_spool *spool)
{
    struct pirn__admit *admit = &spool->admit;

    admit->is_looking = true;
    admit->has_made_room = true;
    pirn__prep_removals_wait(&admit->removals, spool);
    pirn_start(spool->context, &admit->removals.waiter.op, made_room);
}

void pirn__admit(struct pirn_draft *draft, uint64_t bytes, bool is_coming,
                 pirn__admitted_fn *fn)
{
    struct pirn_spool *spool = draft->priv.spool;
    struct pirn__admit *admit = &spool->admit;

    pirn_assert(draft->priv.layout != NULL);
    draft->priv.expected_bytes = bytes;
    draft->priv.is_coming = is_coming;
    draft->priv.admitted = fn;
    draft->priv.appended_bytes = 0;
    if (admit->is_looking) {
        wait_behind(admit, draft);
        return;
    }
    admit->has_made_room = false;
    if (pirn__admission_look_is_due(&admit->admission,
                                    pirn_context_now_ns(spool->context))) {
        wait_behind(admit, draft);
        start_look(spool);
    } else {
        decide(draft);
    }
}

/* ---- what was let in ---- */

int pirn__admit_more(struct pirn_draft *draft, uint64_t bytes)
{
    struct pirn__admission *admission = &draft->priv.spool->admit.admission;
    struct pirn__amount had = promised_to(draft);

    draft->priv.appended_bytes += bytes;
    struct pirn__amount need = cost_of(draft, draft->priv.appended_bytes);
    if (need.bytes <= had.bytes) {
        return 0;
    }
    struct pirn__amount more = {need.bytes - had.bytes,
                                need.inodes - had.inodes};
    int r = pirn__admission_grow(admission, more);
    if (r == 0) {
        set_promised(draft, need);
    }
    return r;
}

void pirn__admit_end(struct pirn_draft *draft, int32_t result)
{
    static const struct pirn__amount none;
    struct pirn__admit *admit = &draft->priv.spool->admit;
    bool is_full = result == -ENOSPC || result == -EDQUOT;

    pirn_assert(result <= 0);
    if (draft->priv.admitted == NULL) {
        return; /* it has ended: it was aborted */
    }
    draft->priv.admitted = NULL;
    pirn__admission_end(&admit->admission, promised_to(draft), result == 0);
    set_promised(draft, none);
    if (is_full) {
        pirn__removals_hurry(draft->priv.spool); /* the next one has theirs */
    }
    if (draft->priv.layout == &pirn__layout_log && (is_full || result == 0)) {
        admit->log_is_full = is_full;
    }
}

bool pirn__admit_has_room(const struct pirn__admit *admit, uint64_t bytes)
{
    return pirn__admission_has(&admit->admission,
                               (struct pirn__amount){.bytes = bytes});
}

void pirn__admit_expect(struct pirn__admit *admit, uint64_t bytes)
{
    pirn__admission_expect(&admit->admission,
                           (struct pirn__amount){.bytes = bytes});
}

void pirn__admit_expected(struct pirn__admit *admit, uint64_t bytes,
                          bool is_spent)
{
    pirn__admission_end(&admit->admission,
                        (struct pirn__amount){.bytes = bytes}, is_spent);
}

/* For what needs no file: what another open has begun to fill may have room,
 * too. */
static bool log_may_take(const struct pirn_spool *spool,
                         const struct pirn__admission *admission)
{
    struct pirn__log *log = spool->log;

    if (log == NULL) {
        return false;
    }
    const struct pirn__amount one = {.bytes = log->text.size.segment_bytes};
    return pirn__segments_count(log, PIRN__SEGMENT_ACTIVE) > 0 ||
           pirn__segments_count(log, PIRN__SEGMENT_OPEN) > 0 ||
           pirn__segments_count(log, PIRN__SEGMENT_FREE) >
               PIRN__SEGMENTS_RESERVE ||
           pirn__segments_retire(log) > 0 ||
           (pirn__segments_count(log, PIRN__SEGMENT_UNMADE) > 0 &&
            pirn__admission_has(admission, one));
}

void pirn__admit_tell(const struct pirn_spool *spool,
                      const struct pirn_room *room, struct pirn_status *status)
{
    struct pirn__admission admission = spool->admit.admission;

    if (room == NULL || admission.keep_bytes == UINT64_MAX) {
        status->room_bytes = UINT64_MAX;
        status->room_inodes = UINT64_MAX;
        return;
    }
    const struct pirn__admission_look look = {
        .all = {room->bytes, room->inodes},
        .free = {room->free_bytes, room->free_inodes},
        .block_bytes = room->block_bytes,
    };
    pirn__admission_look_begins(&admission);
    pirn__admission_looked(&admission, 0, &look);
    struct pirn__amount left = pirn__admission_left(&admission);
    status->room_bytes = left.bytes;
    status->room_inodes = room->inodes == 0 ? UINT64_MAX : left.inodes;
    status->is_refusing = admission.is_refusing;
    status->log_is_refusing =
        admission.is_refusing && !log_may_take(spool, &admission);
}
