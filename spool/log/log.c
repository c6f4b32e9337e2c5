/* SPDX-License-Identifier: MIT */
/*
 * log.c - open and close, and the words that the log's files share
 *
 *   .log -> its text -> tombstones -> the index (attach.c) -> [filled, by who
 *     is alone (rebuild.c)] -> what our slot's last owner had (rescue.c)
 *
 * Who is in a hurry goes on before all of it is filled: as long as
 * log->rebuild is there, items are claimed and read, and nothing else is done
 * (../settle.c).
 */
#include "spool/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>

#include "spool/layout.h"
#include "spool/log/atom.h"
#include "spool/log/attach.h"
#include "spool/log/bell.h"
#include "spool/log/claim.h"
#include "spool/log/count.h"
#include "spool/log/doors.h"
#include "spool/log/queues.h"
#include "spool/log/rebuild.h"
#include "spool/log/rescue.h"
#include "spool/log/tombs_file.h"
#include "spool/move.h"
#include "spool/opens.h"
#include "spool/owner.h"
#include "spool/text_file.h"

/* So many items become due in one call; the next one goes on. */
enum { EXPIRE_MAX = 256 };

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

static int open_at(struct pirn__log *log, int dir_fd, const char *path,
                   int flags)
{
    struct pirn_op op = {0};

    pirn__prep_open(&op, dir_fd, path, flags);
    return wait_for(log, &op);
}

static void close_fd(struct pirn__log *log, int fd)
{
    struct pirn_op op = {0};

    if (fd >= 0) {
        pirn_prep_close(&op, fd);
        (void)wait_for(log, &op);
    }
}

static void init_pools(struct pirn__log *log)
{
    enum { WORKS = 1024, BUFFERS = 64 };

    log->draft_works.bytes = pirn__log_draft_bytes();
    log->draft_works.kept_max = WORKS;
    log->claim_works.bytes = sizeof(struct pirn_claim_work);
    log->claim_works.kept_max = WORKS;
    log->buffers.bytes = PIRN__LOG_BUFFER;
    log->buffers.kept_max = BUFFERS;
}

static struct pirn__log *create(struct pirn_spool *spool)
{
    struct pirn__log *log = calloc(1, sizeof(*log));

    if (log != NULL) {
        log->spool = spool;
        log->context = spool->context;
        log->dir_fd = -1;
        log->tombs_fd = -1;
        log->index_fd = -1;
        log->seg_fd = -1;
        init_pools(log);
        for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
            log->bodies[shard].fd = -1;
        }
        log->aliases.ids.fd = -1;
        log->aliases.above.fd = -1;
    }
    return log;
}

static void destroy(struct pirn__log *log, bool remove_index)
{
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        pirn__sync_deinit(&log->bodies[shard]);
    }
    pirn__alias_room_deinit(log);
    pirn__segment_files_deinit(log);
    pirn__bell_deinit(log);
    pirn__log_detach(log, remove_index);
    close_fd(log, log->seg_fd);
    close_fd(log, log->tombs_fd);
    close_fd(log, log->dir_fd);
    free(log->limbo.items);
    pirn__pool_deinit(&log->draft_works);
    pirn__pool_deinit(&log->claim_works);
    pirn__pool_deinit(&log->buffers);
    free(log);
}

/* What was made with the log and is not there, or damaged. */
static int spoilt(int r)
{
    return r == -EBADMSG || r == -ENOENT ? -EMEDIUMTYPE : r;
}

static int open_files(struct pirn__log *log)
{
    char text[PIRN__TEXT_FILE_MAX];
    int r = pirn__text_file_read(log->context, log->dir_fd, "log", text);

    r = r < 0 ? r : pirn__log_text_decode(text, (size_t)r, &log->text);
    if (r < 0) {
        return spoilt(r);
    }
    r = pirn__tombs_file_open(log);
    if (r < 0) {
        return spoilt(r);
    }
    log->seg_fd = open_at(log, log->dir_fd, "seg", O_RDONLY | O_DIRECTORY);
    return log->seg_fd < 0 ? spoilt(log->seg_fd) : 0;
}

static void init_bodies(struct pirn__log *log)
{
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        pirn__name_shard_dir(&log->bodies[shard].path, PIRN__NAME_LOG_DATA,
                             shard);
        pirn__sync_init(&log->bodies[shard], log->context, log->spool->root_fd);
    }
    pirn__alias_room_init(log);
}

static void become_owner(struct pirn__log *log)
{
    uint32_t slot = log->spool->slot;

    pirn_assert(slot < PIRN__INDEX_OWNERS);
    pirn__trail_init(&log->trail, log->index.owners[slot].trail,
                     log->trail_counts, PIRN__TRAIL_SPANS);
    log->actor = (struct pirn__actor){
        .owner = (uint16_t)slot,
        .hand = &log->index.owners[slot].hand,
        .trail = &log->trail,
    };
}

/* Who was killed before the index was whole may have been so by an item that
 * was handed out early, and of which no attempt is counted: not twice. */
static bool may_be_early(const struct pirn__log *log)
{
    return log->spool->is_early && !log->was_left;
}

static int open_index(struct pirn__log *log, bool alone, const char *dir)
{
    bool is_new;
    int r = pirn__segment_files_init(log);

    r = r < 0 ? r : pirn__log_attach(log, alone, dir, &is_new);
    if (r < 0) {
        return r;
    }
    if (!is_new && log->text.format != PIRN__LOG_FORMAT) {
        return -EMEDIUMTYPE; /* the text is older than the index */
    }
    become_owner(log);
    if (alone && pirn__atom_load(&log->index.head->rounds_failed) != 0) {
        r = pirn__tombs_file_renew(log);
        (void)r; /* then it is as before: removals are not durable */
        r = 0;
    }
    if (is_new) {
        r = spoilt(pirn__log_load_queues(log));
        r = r < 0 ? r : pirn__log_rebuild(log, may_be_early(log));
        if (r < 0 || log->rebuild != NULL) {
            return r;
        }
        r = pirn__log_back_slots(log, 1);
        if (r == 0) {
            pirn__log_attach_end(log);
        }
    }
    return r;
}

int pirn__log_open(struct pirn_spool *spool, bool alone, const char *index_dir,
                   struct pirn__log **ret_log)
{
    struct pirn__log *log = create(spool);

    if (log == NULL) {
        return -ENOMEM;
    }
    log->dir_fd =
        open_at(log, spool->root_fd, PIRN__NAME_LOG, O_RDONLY | O_DIRECTORY);
    int r = log->dir_fd < 0 ? log->dir_fd : open_files(log);
    r = r < 0 ? r : pirn__bell_init(log);
    r = r < 0 ? r : open_index(log, alone, index_dir);
    if (r < 0) {
        bool none = log->dir_fd == -ENOENT;
        destroy(log, false);
        *ret_log = NULL;
        return none ? 0 : r;
    }
    init_bodies(log);
    *ret_log = log;
    return 0;
}

void pirn__log_rescue_own(struct pirn__log *log)
{
    struct pirn__rescue *rescue = calloc(1, sizeof(*rescue));

    if (rescue != NULL) { /* else the next owner of the slot does it */
        pirn__prep_rescue(rescue, log, log->actor.owner,
                          log->spool->is_settled);
        (void)wait_for(log, &rescue->op);
        free(rescue);
    }
}

/* Until nothing of ours is in limbo: a removal is durable when we close. Where
 * no round comes any more, until nothing of the keeper's is on loan. */
static int32_t last_round(struct pirn__log *log)
{
    struct pirn__round_wait wait = {0};
    struct pirn__keeper_rest rest = {0};
    uint32_t before;
    int32_t r;

    log->keeper.is_closing = true;
    do { /* as long as each sets something free; the rest is our heir's */
        before = log->limbo.count;
        pirn__prep_round(&wait, log);
        r = wait_for(log, &wait.waiter.op);
    } while (r == 0 && log->limbo.count > 0 && log->limbo.count < before);
    pirn__prep_keeper_rest(&rest, log);
    (void)wait_for(log, &rest.waiter.op);
    return r;
}

void pirn__log_close(struct pirn__log *log)
{
    struct pirn__writer_idle idle = {0};
    struct pirn__compact_stop stop = {0};

    if (pirn__log_wait_whole(log) < 0) {
        pirn__log_claims_deinit(log);
        destroy(log, false); /* nobody ever used it */
        return;
    }
    pirn__prep_compact_stop(&stop, log);
    (void)wait_for(log, &stop.waiter.op);
    pirn__log_claims_deinit(log);
    pirn__prep_writer_idle(&idle, log);
    (void)wait_for(log, &idle.waiter.op);
    pirn__writer_deinit(log);
    pirn__log_rescue_own(log);
    /* Of a log without items the index is not kept by who closes last: nothing
     * is in it that the disk has not. Of others it has the attempts.
     * Alone first: what others remove until then is in our round, and what no
     * round has made durable keeps the index. */
    bool alone = !pirn__log_has_items(log) && pirn__owner_is_alone(log->spool);
    int32_t r = last_round(log);
    destroy(log, alone && r == 0);
}

/* ---- what the log's files share ---- */

int64_t pirn__log_read_at(struct pirn__log *log, int fd, uint8_t *buf,
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

int pirn__log_write_at(struct pirn__log *log, int fd, const uint8_t *from,
                       uint32_t len, uint64_t offset)
{
    struct pirn_op op = {0};

    for (uint32_t done = 0; done < len;) {
        pirn_prep_write(&op, fd, from + done, len - done, offset + done);
        int r = wait_for(log, &op);
        if (r <= 0) {
            return r < 0 ? r : -EIO;
        }
        done += (uint32_t)r;
    }
    return 0;
}

bool pirn__log_knows(const struct pirn__log *log, const struct pirn_id *id)
{
    struct pirn__log_id parts;
    struct pirn_id whole;

    pirn_assert(log->rebuild == NULL);
    pirn__log_id_unpack(id, &parts);
    pirn__log_id_pack(&parts, &whole); /* the shard follows from the slot */
    if (memcmp(&whole, id, sizeof(whole)) != 0 ||
        parts.slot >= pirn__catalogue_used(&log->index.catalogue)) {
        return false;
    }
    const struct pirn__slot *slot = &log->index.catalogue.slots[parts.slot];
    struct pirn__word word = pirn__word_unpack(pirn__atom_load(&slot->word));

    return word.incarnation == parts.incarnation &&
           pirn__atom_load(&slot->born) == pirn__log_born(&parts);
}

void pirn__log_bury(struct pirn__log *log, struct pirn__place place,
                    uint32_t generation)
{
    if (place.segment < log->text.size.segments &&
        place.record < PIRN__SEGMENT_RECORDS_MAX &&
        (generation & PIRN__GENERATION_BITS) == place.generation) {
        (void)pirn__tomb_set(&log->index.tombs, place.segment, generation,
                             place.record);
    }
}

uint64_t pirn__log_turn_ns(struct pirn__log *log)
{
    uint64_t now_ns = pirn_context_now_ns(log->context);

    if (now_ns != log->turn_now_ns || log->turn_real_ns == 0) {
        log->turn_now_ns = now_ns;
        log->turn_real_ns = pirn_context_realtime_ns(log->context);
    }
    return log->turn_real_ns;
}

uint64_t pirn__log_expire(struct pirn__log *log)
{
    uint64_t now_ns = pirn_context_realtime_ns(log->context);
    uint64_t tick = now_ns / PIRN__TICK_NS;
    uint32_t queue;

    if (tick == log->expired_tick) {
        return now_ns;
    }
    if (pirn__wheel_next_ns(&log->index.catalogue.wheel, &log->wheel_look) >
        now_ns) {
        log->expired_tick = tick;
        return now_ns;
    }
    for (int i = 0; i < EXPIRE_MAX; i++) {
        if (pirn__catalogue_expire(&log->index.catalogue, &log->actor, now_ns,
                                   &queue) != 1) {
            return now_ns;
        }
        pirn__log_wake(log, queue);
    }
    return now_ns;
}

void pirn__log_wake(struct pirn__log *log, uint32_t queue)
{
    (void)pirn__bell_wake(log, queue);
}

void pirn__log_let_go(struct pirn__log *log, uint32_t queue, bool ready,
                      uint64_t due_ns)
{
    if (ready) {
        pirn__log_wake(log, queue);
        return;
    }
    uint64_t now_ns = pirn_context_realtime_ns(log->context);
    if (due_ns < now_ns + PIRN__BELL_LOOK_NS &&
        !pirn__timekeeper_is_at(log, now_ns, due_ns)) {
        pirn__bell_wake_any(log, queue);
    }
}

enum pirn_item_state pirn__log_item_state(enum pirn__state state)
{
    switch (state) {
    case PIRN__DELAYED:
        return PIRN_ITEM_DELAYED;
    case PIRN__HELD:
        return PIRN_ITEM_HELD;
    case PIRN__CLAIMED:
    case PIRN__UPDATING:
    case PIRN__REMOVING:
        return PIRN_ITEM_CLAIMED;
    case PIRN__FREE:
    case PIRN__FILLING:
    case PIRN__READY:
    case PIRN__STATE_COUNT:
        break;
    }
    return PIRN_ITEM_READY;
}

uint8_t pirn__log_priority(int8_t priority)
{
    int level = priority + PIRN__PRIORITY_NORMAL;

    return (uint8_t)(level < 0 ? 0 : level > 15 ? 15 : level);
}

uint64_t pirn__log_born(const struct pirn__log_id *id)
{
    return (uint64_t)(id->epoch & 0xfff) << 48 | (id->ms & 0xffffffffffff);
}

struct pirn__log_id pirn__log_id_of(uint32_t slot, struct pirn__word word,
                                    uint64_t born)
{
    return (struct pirn__log_id){
        .ms = born & 0xffffffffffff,
        .epoch = (uint16_t)(born >> 48 & 0xfff),
        .incarnation = word.incarnation,
        .slot = slot,
    };
}

static const struct pirn__move_steps move_steps = {
    .is_held = pirn__log_is_held,
    .leave = pirn__log_leave,
    .stay = pirn__log_stay,
    .depart = pirn__log_depart,
    .end = pirn__log_end,
    .arrive = pirn__log_arrive,
    .show = pirn__log_show,
    .abandon = pirn__log_abandon,
};

const struct pirn__layout pirn__layout_log = {
    .enqueue = pirn__log_enqueue,
    .share = pirn__log_share,
    .begin = pirn__log_begin,
    .append = pirn__log_append,
    .commit = pirn__log_commit,
    .abort = pirn__log_abort,
    .claim = pirn__log_claim,
    .claim_cancel = pirn__log_claim_cancel,
    .claim_id = pirn__log_claim_id,
    .claim_read = pirn__log_claim_read,
    .claim_body = pirn__log_claim_body,
    .has_alias = pirn__log_has_alias,
    .remove = pirn__log_remove,
    .update = pirn__log_update,
    .give_back = pirn__log_give_back,
    .look = pirn__log_look,
    .view_read = pirn__log_view_read,
    .view_end = pirn__log_view_end,
    .move = &move_steps,
};
