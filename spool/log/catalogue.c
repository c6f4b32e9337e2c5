/* SPDX-License-Identifier: MIT */
/*
 * spool/log/catalogue.c - every item of the log, and who has it
 *
 * What holds at every instant, whoever was killed or stopped wherever:
 *
 *   hinted   leads to an item: an entry of it is in a lane of its queue and
 *            priority, or in a hand that goes there
 *   READY    is hinted
 *   DELAYED  has an entry on the wheel for its time or an earlier one, or one
 *            in a hand that goes there or to a lane of its queue
 *   FREE     and used before: has an entry in the free lane, or in a hand that
 *            goes there
 *   whoever  has an item: it is on his trail (trail.h), so he enters before the
 *            swap, and leaves when the item is nobody's, or somebody else's by
 *            his own doing. Fenced out he does not leave
 *
 * More entries than needed are harmless: an entry is leave to look. So who
 * makes one of these true writes his hand, swaps the word and puts the entry,
 * in this order; who takes an entry has it in his hand until the word says that
 * nobody needs it. Between two promises the hand is turned from one lane to the
 * other by one store, and the first lane to see the entry does what is due:
 *
 *   taken from   the item is         it is
 *   a queue's    READY in it         claimed
 *                DELAYED             on the wheel too: its expiry may have died
 *                                    between wheel and lane
 *                anything else       not hinted any more: whoever makes it
 *                                    ready puts a new entry
 *   the wheel    DELAYED and due     READY, and in its lane
 *                DELAYED             on the wheel again
 *   the free     FREE                filled
 *
 * An item that was moved by who claimed it by id has its old entry in the old
 * queue's lane, where it is dropped without a word, and gets a new one.
 */
#include "spool/log/catalogue.h"

#include <errno.h>

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"

/* So many reads of a slot that others change, before that is told. */
#define READ_TRIES 64

/* So many entries of the wheel in one call. Not each makes an item ready: one
 * that comes down to a finer wheel is put again, and one whose item was changed
 * is dropped. */
#define EXPIRE_TRIES 1024

uint32_t pirn__catalogue_lanes(uint32_t queue_count)
{
    return PIRN__WHEEL_LANES + 1 + queue_count * PIRN__QUEUE_LANES;
}

static uint64_t *used_at(const struct pirn__catalogue *catalogue)
{
    return &catalogue->state[0];
}

uint32_t pirn__catalogue_used(const struct pirn__catalogue *catalogue)
{
    uint64_t used = pirn__atom_load(used_at(catalogue));
    return used < catalogue->slot_count ? (uint32_t)used
                                        : catalogue->slot_count;
}

static uint64_t *word_at(const struct pirn__catalogue *catalogue, uint32_t slot)
{
    pirn_assert(slot < catalogue->slot_count);
    return &catalogue->slots[slot].word;
}

static uint64_t route_of(const struct pirn__catalogue *catalogue, uint32_t slot)
{
    return pirn__atom_load(&catalogue->slots[slot].route);
}

/* Before a word is swapped to the actor's. */
static void enter(const struct pirn__catalogue *catalogue,
                  const struct pirn__actor *actor, uint32_t slot)
{
    pirn__trail_enter(actor->trail, pirn__slot_span(catalogue, slot));
}

/* After it was swapped away, or was not swapped. */
static void leave(const struct pirn__catalogue *catalogue,
                  const struct pirn__actor *actor, uint32_t slot)
{
    pirn__trail_leave(actor->trail, pirn__slot_span(catalogue, slot));
}

static bool state_is_known(struct pirn__word word)
{
    return (uint32_t)word.state < PIRN__STATE_COUNT;
}

static struct pirn__entry entry_of(uint32_t slot, struct pirn__word word)
{
    return (struct pirn__entry){
        .slot = slot,
        .incarnation = (uint16_t)word.incarnation,
    };
}

static bool route_is_ours(const struct pirn__catalogue *catalogue,
                          struct pirn__route route)
{
    return pirn__planted("log-index-trusted") ||
           (route.queue < catalogue->queue_count &&
            route.priority < catalogue->priority_count);
}

/* The lanes of a queue stand in the order in which a taker looks. */
static uint32_t lane_of(const struct pirn__catalogue *catalogue,
                        struct pirn__route route, bool front)
{
    pirn_assert(route_is_ours(catalogue, route));
    uint32_t turn = catalogue->priority_count - 1 - route.priority;
    return catalogue->first_lane +
           (route.queue * catalogue->priority_count + turn) * 2 +
           (front ? 0 : 1);
}

static bool line_is_same(uint64_t route, struct pirn__route now)
{
    struct pirn__route then = pirn__route_unpack(route);
    return then.queue == now.queue && then.priority == now.priority;
}

/* Of the word of an item that somebody has, others clear `hinted` and set
 * `fenced` alone. */
static bool word_is_of(uint64_t word, const struct pirn__grip *grip)
{
    const uint64_t others = PIRN__WORD_HINTED | PIRN__WORD_FENCED;

    return ((word ^ grip->word) & ~others) == 0;
}

/* An earlier call that met -ENOSPC may have left an entry in the hand. */
static int hand_empty(const struct pirn__catalogue *catalogue,
                      const struct pirn__actor *actor)
{
    if (actor->hand->put == 0) {
        return 0;
    }
    struct pirn__hand left = *actor->hand;
    return pirn__hand_repeat(&catalogue->lanes, &left, actor->hand);
}

/* ---- free slots ---- */

/* Return: whether the slot, which was free, is the actor's */
static bool fill_slot(const struct pirn__catalogue *catalogue,
                      const struct pirn__actor *actor, uint32_t slot,
                      struct pirn__grip *ret_grip)
{
    uint64_t *at = word_at(catalogue, slot);
    uint64_t from = pirn__atom_load(at);
    struct pirn__word word = pirn__word_unpack(from);
    if (word.state != PIRN__FREE) {
        return false;
    }
    uint64_t to = pirn__word_pack((struct pirn__word){
        .state = PIRN__FILLING,
        .owner = actor->owner,
        .incarnation = word.incarnation + 1,
    });
    enter(catalogue, actor, slot);
    if (!pirn__atom_swap(at, from, to)) {
        leave(catalogue, actor, slot);
        return false; /* another entry of it led somebody else here */
    }
    *ret_grip = (struct pirn__grip){.slot = slot, .word = to};
    return true;
}

/* From the free lane. An entry whose slot is behind the used ones was in the
 * hand of who died while he was about to use it: its turn will come. 1, 0 */
static int fill_again(const struct pirn__catalogue *catalogue,
                      const struct pirn__actor *actor,
                      struct pirn__grip *ret_grip)
{
    struct pirn__entry entry;
    while (pirn__lane_take(&catalogue->lanes, catalogue->free_lane, actor->hand,
                           &entry)) {
        bool filled = entry.slot < pirn__catalogue_used(catalogue) &&
                      fill_slot(catalogue, actor, entry.slot, ret_grip);
        pirn__hand_clear(actor->hand);
        if (filled) {
            return 1;
        }
        if (entry.slot >= catalogue->slot_count) {
            return -EBADMSG;
        }
    }
    return 0;
}

/* One that was never used. Between the two swaps it is neither new nor in the
 * free lane, but in the hand. */
static int fill_first(const struct pirn__catalogue *catalogue,
                      const struct pirn__actor *actor, uint32_t slots_max,
                      struct pirn__grip *ret_grip)
{
    bool filled = false;
    while (!filled) {
        uint64_t used = pirn__atom_load(used_at(catalogue));
        if (used > catalogue->slot_count) {
            return -EBADMSG;
        }
        if (used >= slots_max || used >= catalogue->slot_count) {
            return -ENOSPC;
        }
        struct pirn__entry entry = {.slot = (uint32_t)used};
        pirn__hand_set(actor->hand, catalogue->free_lane, entry);
        filled = pirn__atom_swap(used_at(catalogue), used, used + 1) &&
                 fill_slot(catalogue, actor, entry.slot, ret_grip);
        pirn__hand_clear(actor->hand);
    }
    return 1;
}

int pirn__slot_fill(const struct pirn__catalogue *catalogue,
                    const struct pirn__actor *actor, uint32_t slots_max,
                    struct pirn__grip *ret_grip)
{
    int r = hand_empty(catalogue, actor);
    if (r == 0) {
        r = fill_again(catalogue, actor, ret_grip);
    }
    if (r == 0) {
        r = fill_first(catalogue, actor, slots_max, ret_grip);
    }
    return r < 0 ? r : 0;
}

int pirn__slot_free(const struct pirn__catalogue *catalogue,
                    const struct pirn__actor *actor,
                    const struct pirn__grip *grip)
{
    struct pirn__word word = pirn__word_unpack(grip->word);
    pirn_assert(word.state == PIRN__REMOVING);
    int r = hand_empty(catalogue, actor);
    if (r < 0) {
        return r;
    }
    struct pirn__word next = {.incarnation = word.incarnation};
    struct pirn__entry entry = entry_of(grip->slot, next);
    uint64_t *at = word_at(catalogue, grip->slot);
    pirn__hand_set(actor->hand, catalogue->free_lane, entry);
    uint64_t from = pirn__atom_load(at);
    while (word_is_of(from, grip) &&
           !pirn__atom_swap(at, from, pirn__word_pack(next))) {
        from = pirn__atom_load(at);
    }
    if (!word_is_of(from, grip)) {
        pirn__hand_clear(actor->hand);
        return -ESTALE;
    }
    r = pirn__lane_put(&catalogue->lanes, catalogue->free_lane, entry,
                       actor->hand);
    if (r < 0) {
        /* Without an entry it is not free, unless it was found by chance. */
        r = pirn__atom_swap(at, pirn__word_pack(next), grip->word) ? r : 0;
        pirn__hand_clear(actor->hand);
    }
    if (r == 0) {
        leave(catalogue, actor, grip->slot);
    }
    return r;
}

/* ---- from one passing state to another ---- */

static bool turn_is_ours(enum pirn__state from, enum pirn__state to)
{
    switch (from) {
    case PIRN__FILLING:
        return to == PIRN__REMOVING;
    case PIRN__CLAIMED:
        return to == PIRN__UPDATING || to == PIRN__REMOVING;
    case PIRN__UPDATING:
        return to == PIRN__CLAIMED || to == PIRN__REMOVING;
    case PIRN__FREE:
    case PIRN__READY:
    case PIRN__DELAYED:
    case PIRN__HELD:
    case PIRN__REMOVING:
    case PIRN__STATE_COUNT:
        break;
    }
    return false;
}

int pirn__slot_turn(const struct pirn__catalogue *catalogue,
                    struct pirn__grip *grip, enum pirn__state to)
{
    pirn_assert(turn_is_ours(pirn__word_unpack(grip->word).state, to));
    uint64_t *at = word_at(catalogue, grip->slot);
    for (;;) {
        uint64_t from = pirn__atom_load(at);
        if (!word_is_of(from, grip)) {
            return -ESTALE;
        }
        if (to == PIRN__CLAIMED && (from & PIRN__WORD_FENCED) != 0) {
            return -ESTALE;
        }
        struct pirn__word word = pirn__word_unpack(from);
        word.state = to;
        uint64_t next = pirn__word_pack(word);
        if (pirn__atom_swap(at, from, next)) {
            grip->word = next;
            return 0;
        }
    }
}

/* ---- given to others ---- */

/* What an item is to become, and the lane that leads to it. */
struct aim {
    enum pirn__state state;
    struct pirn__route route;
    uint64_t due_ns;
    uint32_t lane;
};

static int aim_read(const struct pirn__catalogue *catalogue, uint32_t slot,
                    uint64_t now_ns, bool front, struct aim *ret_aim)
{
    struct pirn__route route = pirn__route_unpack(route_of(catalogue, slot));
    uint64_t due_ns = pirn__atom_load(&catalogue->slots[slot].due);
    if (!route_is_ours(catalogue, route)) {
        return -EBADMSG;
    }
    enum pirn__state state = due_ns > now_ns ? PIRN__DELAYED : PIRN__READY;
    if ((route.flags & PIRN__RECORD_HELD) != 0) {
        state = PIRN__HELD;
    }
    *ret_aim = (struct aim){
        .state = state,
        .route = route,
        .due_ns = due_ns,
        .lane = lane_of(catalogue, route, front),
    };
    return 0;
}

/*
 * There was no block for the entry: the item is taken back. If somebody has it
 * by now, he is told that no entry leads to it. Return: -ENOSPC, it is the
 * actor's again; 0: it is not, and others take care of it
 */
static int release_undo(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor,
                        struct pirn__grip *grip, struct pirn__word left)
{
    uint64_t *at = word_at(catalogue, grip->slot);
    for (;;) {
        uint64_t from = pirn__atom_load(at);
        struct pirn__word word = pirn__word_unpack(from);
        bool is_left = word.state == left.state && word.fence == left.fence;
        bool is_trusting = left.state == PIRN__READY && word.hinted;
        if (word.incarnation != left.incarnation ||
            (!is_left && !is_trusting)) {
            return 0;
        }
        bool is_back = is_left || word.state == PIRN__READY;
        word.hinted = false;
        if (is_back) {
            word.state = pirn__word_unpack(grip->word).state;
            word.owner = actor->owner;
            word.fence++;
        }
        uint64_t next = pirn__word_pack(word);
        if (!pirn__atom_swap(at, from, next)) {
            continue;
        }
        if (is_back) {
            grip->word = next;
        }
        return is_back ? -ENOSPC : 0;
    }
}

/* The entry is in the hand and the word says that it will come. */
static int release_put(const struct pirn__catalogue *catalogue,
                       const struct pirn__actor *actor, struct pirn__grip *grip,
                       const struct aim *aim, struct pirn__word left)
{
    struct pirn__entry entry = entry_of(grip->slot, left);
    int r =
        aim->state == PIRN__DELAYED
            ? pirn__wheel_put(&catalogue->wheel, entry, aim->due_ns,
                              actor->hand)
            : pirn__lane_put(&catalogue->lanes, aim->lane, entry, actor->hand);
    if (r < 0) {
        r = release_undo(catalogue, actor, grip, left);
        pirn__hand_clear(actor->hand);
    }
    return r;
}

/* Return: 1, and what the word became: an entry is owed; 0: none is; -ESTALE */
static int release_swap(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor,
                        const struct pirn__grip *grip, const struct aim *aim,
                        struct pirn__word *ret_left)
{
    uint64_t *at = word_at(catalogue, grip->slot);
    for (;;) {
        uint64_t from = pirn__atom_load(at);
        if (!word_is_of(from, grip)) {
            pirn__hand_clear(actor->hand);
            return -ESTALE;
        }
        struct pirn__word word = pirn__word_unpack(from);
        bool kept = word.hinted && line_is_same(grip->route, aim->route);
        bool owed =
            aim->state == PIRN__DELAYED || (aim->state == PIRN__READY && !kept);
        owed = owed && !pirn__planted("hint-forgotten");
        word.state = aim->state;
        word.hinted = aim->state == PIRN__READY || kept;
        word.owner = 0;
        if (owed) {
            pirn__hand_set(actor->hand, aim->lane, entry_of(grip->slot, word));
        }
        if (pirn__atom_swap(at, from, pirn__word_pack(word))) {
            *ret_left = word;
            return owed ? 1 : 0;
        }
    }
}

int pirn__slot_release(const struct pirn__catalogue *catalogue,
                       const struct pirn__actor *actor, struct pirn__grip *grip,
                       uint64_t now_ns, bool front, bool *ret_ready)
{
    enum pirn__state state = pirn__word_unpack(grip->word).state;
    pirn_assert(pirn__state_is_passing(state) && state != PIRN__REMOVING);
    int r = hand_empty(catalogue, actor);
    if (r < 0) {
        return r;
    }
    if (!word_is_of(pirn__atom_load(word_at(catalogue, grip->slot)), grip)) {
        return -ESTALE;
    }
    struct aim aim;
    r = aim_read(catalogue, grip->slot, now_ns, front, &aim);
    if (r < 0) {
        return r;
    }
    struct pirn__word left;
    r = release_swap(catalogue, actor, grip, &aim, &left);
    if (r == 1) {
        r = release_put(catalogue, actor, grip, &aim, left);
    }
    if (r == 0) {
        leave(catalogue, actor, grip->slot);
    }
    if (r == 0 && ret_ready != NULL) {
        *ret_ready = aim.state == PIRN__READY;
    }
    return r;
}

/* ---- taken ---- */

static bool claim_swap(const struct pirn__catalogue *catalogue,
                       const struct pirn__actor *actor, uint32_t slot,
                       uint64_t from, bool hinted, struct pirn__grip *ret_grip)
{
    struct pirn__word word = pirn__word_unpack(from);
    uint64_t route = route_of(catalogue, slot);
    word.state = PIRN__CLAIMED;
    word.hinted = hinted;
    word.owner = actor->owner;
    word.fence++;
    uint64_t to = pirn__word_pack(word);
    enter(catalogue, actor, slot);
    if (!pirn__atom_swap(word_at(catalogue, slot), from, to)) {
        leave(catalogue, actor, slot);
        return false;
    }
    *ret_grip = (struct pirn__grip){.slot = slot, .word = to, .route = route};
    return true;
}

/* An entry of an item that is not ready is gone: its word must not say that
 * there is one. False: the word was another. */
static bool hint_drop(const struct pirn__catalogue *catalogue, uint32_t slot,
                      uint64_t from)
{
    return (from & PIRN__WORD_HINTED) == 0 ||
           pirn__atom_swap(word_at(catalogue, slot), from,
                           from & ~PIRN__WORD_HINTED);
}

/* The item waits for its time: an entry more on the wheel does no harm. On
 * -ENOSPC the entry stays in the hand. */
static int claim_delayed(const struct pirn__catalogue *catalogue,
                         const struct pirn__actor *actor,
                         struct pirn__entry entry)
{
    uint64_t due_ns = pirn__atom_load(&catalogue->slots[entry.slot].due);
    return pirn__wheel_put(&catalogue->wheel, entry, due_ns, actor->hand);
}

/* What was just taken, and is in the hand. Return: 1, 0 it led to nothing,
 * -EBADMSG, -ENOSPC */
static int claim_entry(const struct pirn__catalogue *catalogue,
                       const struct pirn__actor *actor, uint32_t queue,
                       struct pirn__entry entry, struct pirn__grip *ret_grip)
{
    uint64_t *at = word_at(catalogue, entry.slot);
    for (;;) {
        uint64_t from = pirn__atom_load(at);
        struct pirn__word word = pirn__word_unpack(from);
        uint64_t route = route_of(catalogue, entry.slot);
        if (!state_is_known(word)) {
            return -EBADMSG;
        }
        if ((uint16_t)word.incarnation != entry.incarnation) {
            return 0;
        }
        if (word.state != PIRN__READY) {
            if (!hint_drop(catalogue, entry.slot, from)) {
                continue;
            }
            return word.state == PIRN__DELAYED
                       ? claim_delayed(catalogue, actor, entry)
                       : 0;
        }
        if (pirn__route_unpack(route).queue == queue) {
            if (claim_swap(catalogue, actor, entry.slot, from, false,
                           ret_grip)) {
                return 1;
            }
        } else if (pirn__atom_load(at) == from) {
            return 0;
        }
    }
}

int pirn__slot_claim_next(const struct pirn__catalogue *catalogue,
                          const struct pirn__actor *actor, uint32_t queue,
                          struct pirn__grip *ret_grip)
{
    if (queue >= catalogue->queue_count) {
        return -EBADMSG;
    }
    int r = hand_empty(catalogue, actor);
    uint32_t lane_count = catalogue->priority_count * 2;
    uint32_t at = catalogue->first_lane + queue * lane_count;
    uint32_t end = at + lane_count;
    struct pirn__entry entry;
    /* Most lanes are empty, and to take part costs more than a glance. */
    while (r == 0 && (at = pirn__lane_next(&catalogue->lanes, at, end)) < end) {
        if (!pirn__lane_take(&catalogue->lanes, at, actor->hand, &entry)) {
            at++;
            continue;
        }
        r = entry.slot < pirn__catalogue_used(catalogue)
                ? claim_entry(catalogue, actor, queue, entry, ret_grip)
                : -EBADMSG;
        if (r != -ENOSPC) {
            pirn__hand_clear(actor->hand);
        }
    }
    return r;
}

int pirn__slot_claim(const struct pirn__catalogue *catalogue,
                     const struct pirn__actor *actor, uint32_t slot,
                     uint32_t incarnation, struct pirn__grip *ret_grip)
{
    if (slot >= pirn__catalogue_used(catalogue)) {
        return -ENOENT;
    }
    for (;;) {
        uint64_t from = pirn__atom_load(word_at(catalogue, slot));
        struct pirn__word word = pirn__word_unpack(from);
        if (word.incarnation != incarnation || word.state == PIRN__FREE) {
            return -ENOENT;
        }
        if (!state_is_known(word)) {
            return -EBADMSG;
        }
        if (pirn__state_is_passing(word.state)) {
            return 0;
        }
        if (claim_swap(catalogue, actor, slot, from, word.hinted, ret_grip)) {
            return 1;
        }
    }
}

/* ---- time ---- */

/* The item is due. Return: 1; 0: the word was another; -ENOSPC: it is ready,
 * and the hand keeps its entry */
static int expire_ready(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor,
                        struct pirn__entry entry, uint64_t from,
                        struct pirn__route route)
{
    struct pirn__word word = pirn__word_unpack(from);
    bool owed = !word.hinted;
    uint32_t lane = lane_of(catalogue, route, false);
    if (owed) {
        pirn__hand_set(actor->hand, lane, entry);
    }
    word.state = PIRN__READY;
    word.hinted = true;
    if (!pirn__atom_swap(word_at(catalogue, entry.slot), from,
                         pirn__word_pack(word))) {
        return 0;
    }
    int r = 0;
    if (owed) {
        r = pirn__lane_put(&catalogue->lanes, lane, entry, actor->hand);
    }
    return r < 0 ? r : 1;
}

/* What was just taken from the wheel, and is in the hand. Return: 1 is ready,
 * 0 is not, -ENOSPC, -EBADMSG */
static int expire_entry(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor, uint64_t now_ns,
                        struct pirn__entry entry, uint32_t *ret_queue)
{
    uint64_t *at = word_at(catalogue, entry.slot);
    int r = 0;
    struct pirn__route route = {0};
    while (r == 0) {
        uint64_t from = pirn__atom_load(at);
        struct pirn__word word = pirn__word_unpack(from);
        if ((uint16_t)word.incarnation != entry.incarnation ||
            word.state != PIRN__DELAYED) {
            return state_is_known(word) ? 0 : -EBADMSG;
        }
        route = pirn__route_unpack(route_of(catalogue, entry.slot));
        uint64_t due_ns = pirn__atom_load(&catalogue->slots[entry.slot].due);
        if (pirn__atom_load(at) != from) {
            continue; /* the fields may be of two moments */
        }
        if (due_ns > now_ns ||
            due_ns > pirn__wheel_clock_ns(&catalogue->wheel)) {
            return pirn__wheel_put(&catalogue->wheel, entry, due_ns,
                                   actor->hand);
        }
        if (!route_is_ours(catalogue, route)) {
            return -EBADMSG;
        }
        r = expire_ready(catalogue, actor, entry, from, route);
    }
    if (r == 1) {
        *ret_queue = route.queue;
    }
    return r;
}

int pirn__catalogue_expire(const struct pirn__catalogue *catalogue,
                           const struct pirn__actor *actor, uint64_t now_ns,
                           uint32_t *ret_queue)
{
    int r = hand_empty(catalogue, actor);
    struct pirn__entry entry;
    for (int i = 0; r == 0 && i < EXPIRE_TRIES; i++) {
        if (!pirn__wheel_take(&catalogue->wheel, now_ns, actor->hand, &entry)) {
            return 0;
        }
        r = entry.slot < pirn__catalogue_used(catalogue)
                ? expire_entry(catalogue, actor, now_ns, entry, ret_queue)
                : -EBADMSG;
        if (r != -ENOSPC) {
            pirn__hand_clear(actor->hand);
        }
    }
    return r;
}

/* ---- by itself ---- */

int pirn__slot_read(const struct pirn__catalogue *catalogue, uint32_t slot,
                    struct pirn__slot *ret_slot)
{
    if (slot >= catalogue->slot_count) {
        return -EBADMSG;
    }
    if (slot >= pirn__catalogue_used(catalogue)) {
        *ret_slot = (struct pirn__slot){0};
        return 0;
    }
    const struct pirn__slot *from = &catalogue->slots[slot];
    for (int i = 0; i < READ_TRIES; i++) {
        struct pirn__slot copy = {.word = pirn__atom_load(&from->word)};
        if (!state_is_known(pirn__word_unpack(copy.word))) {
            return -EBADMSG;
        }
        copy.part = pirn__atom_load(&from->part);
        copy.body = pirn__atom_load(&from->body);
        copy.sizes = pirn__atom_load(&from->sizes);
        copy.route = pirn__atom_load(&from->route);
        copy.due = pirn__atom_load(&from->due);
        copy.born = pirn__atom_load(&from->born);
        if (pirn__atom_load(&from->word) == copy.word) {
            *ret_slot = copy;
            return 0;
        }
    }
    return -EAGAIN;
}

/* What leads to an item as it is restored. */
static int restore_put(const struct pirn__catalogue *catalogue,
                       const struct pirn__actor *actor,
                       struct pirn__entry entry, const struct aim *aim)
{
    if (aim->state == PIRN__DELAYED) {
        return pirn__wheel_put(&catalogue->wheel, entry, aim->due_ns,
                               actor->hand);
    }
    return aim->state == PIRN__READY
               ? pirn__lane_put(&catalogue->lanes, aim->lane, entry,
                                actor->hand)
               : 0;
}

int pirn__slot_restore(const struct pirn__catalogue *catalogue,
                       const struct pirn__actor *actor, uint32_t slot,
                       const struct pirn__slot *item, uint64_t now_ns)
{
    const struct pirn__word given = pirn__word_unpack(item->word);
    struct pirn__word word = {.fence = given.fence,
                              .incarnation = given.incarnation};
    struct aim aim;

    if (slot >= catalogue->slot_count) {
        return -ERANGE;
    }
    struct pirn__slot *to = &catalogue->slots[slot];
    if (to->word != 0) {
        return -EEXIST;
    }
    *to = *item;
    int r = aim_read(catalogue, slot, now_ns, false, &aim);
    if (r == 0) {
        r = restore_put(catalogue, actor, entry_of(slot, word), &aim);
    }
    if (r < 0) {
        *to = (struct pirn__slot){0};
        return r;
    }
    word.state = aim.state;
    word.hinted = aim.state == PIRN__READY;
    to->word = pirn__word_pack(word);
    if (slot >= pirn__catalogue_used(catalogue)) {
        pirn__atom_store(used_at(catalogue), (uint64_t)slot + 1);
    }
    return 0;
}

int pirn__catalogue_settle(const struct pirn__catalogue *catalogue,
                           const struct pirn__actor *actor)
{
    uint32_t used = pirn__catalogue_used(catalogue);
    int r = 0;
    for (uint32_t slot = 0; r == 0 && slot < used; slot++) {
        uint64_t value = pirn__atom_load(word_at(catalogue, slot));
        struct pirn__word word = pirn__word_unpack(value);
        if (word.state == PIRN__FREE) {
            r = pirn__lane_put(&catalogue->lanes, catalogue->free_lane,
                               entry_of(slot, word), actor->hand);
        }
    }
    return r;
}
