/* SPDX-License-Identifier: MIT */
/*
 * lane.c - see lane.h
 *
 * Filling. There is no reservation. A putter swaps the first empty cell for his
 * entry, then the block's count of filled cells; who finds the cell filled and
 * the count behind swaps the count for him. So cells are filled in order, and
 * nobody waits for somebody who reserved one. A cell says in which life it was
 * filled (the low 16 bits, plus one), so that none is cleared: in life L all
 * cells are of the life before, and each is swapped from exactly what was read
 * there.
 *
 * Taking. The taker reads the first cell that is not taken, writes the entry
 * into his hand, and swaps the count of taken cells. The entry is his, and in
 * his hand already.
 *
 * Blocks. Where a block is, its owner word alone decides:
 *
 *        +--------------------- free <---------------------+
 *        | claimed for a lane,          life raised        |
 *        v                                                 |
 *   allocated by a hand --- linked, marked --> in a lane --- retired by a hand
 *        |                                                 ^
 *        +--------- not linked after all: free             | empty, and another
 *                                                            block behind it
 *
 * A hand writes the block's number down before it swaps the owner word, and
 * strikes it out when the block is free or in a lane. So after a death the
 * owner word says whose block it is. One question that leaves open: was the
 * allocated block linked? The ends of a lane move on to a block only after it
 * was marked to be in a lane, so one that is linked and not yet marked is the
 * one behind the tail, or the head of a lane that has no tail yet.
 *
 * Which blocks are free is found by bits, 64 in a word that lies in every 64th
 * block. A free block has its bit set, or its number in a hand; a bit set
 * besides means nothing.
 *
 * Progress. Each step that another's stop leaves undone is done by who meets
 * it, but for the return of the one block in his hand. A try fails only because
 * another process moved on.
 *
 * One hole, known: a cell's life has 16 bits. A putter who is stopped right
 * before his swap while the block lives exactly n * 65,536 lives more, and the
 * cell then holds the very entry that he read, fills it in whatever lane the
 * block is in by then.
 */
#include "spool/log/lane.h"

#include <assert.h>
#include <errno.h>

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"

enum { POOL_USED, POOL_SELF };                   /* words of the pool's head */
enum { LANE_HEAD, LANE_TAIL };                   /* of a lane */
enum { OWNER, NEXT, FILLED, TAKEN, BITS, CELL }; /* of a block */
enum { FREE, IN_LANE, ALLOCATED, RETIRED };      /* low bits of an owner */

static_assert(CELL == PIRN__BLOCK_HEAD_WORDS, "the first word behind a head");

#define HAND_PUT (1ull << 63)
#define HAND_LIFE UINT64_C(0xffff000000000000)

/* A life above something: an owner, a count, or a block's number plus one. */
static uint64_t pair(uint32_t life, uint32_t low)
{
    return (uint64_t)life << 32 | low;
}

static uint32_t life_of(uint64_t value)
{
    return (uint32_t)(value >> 32);
}

static uint32_t low_of(uint64_t value)
{
    return (uint32_t)value;
}

static uint64_t entry_pack(struct pirn__entry entry)
{
    return (uint64_t)entry.incarnation << 32 | entry.slot;
}

static struct pirn__entry entry_unpack(uint64_t value)
{
    return (struct pirn__entry){
        .slot = (uint32_t)value,
        .incarnation = (uint16_t)(value >> 32),
    };
}

static uint64_t cell_pack(uint32_t life, uint64_t entry)
{
    return (uint64_t)(uint16_t)(life + 1) << 48 | entry;
}

/* Where 0 is what the life before left: how many lives on it was filled. */
static uint16_t cell_age(uint64_t cell, uint32_t life)
{
    return (uint16_t)((cell >> 48) - life);
}

static uint32_t cells_of(const struct pirn__lanes *lanes)
{
    return lanes->block_words - CELL;
}

static uint64_t *lane_of(const struct pirn__lanes *lanes, uint32_t lane)
{
    pirn_assert(lane < lanes->lane_count);
    return lanes->lanes + (size_t)lane * PIRN__LANE_WORDS;
}

/* @at: a block's number plus one, under whatever; NULL: there is none. */
static uint64_t *block_of(const struct pirn__lanes *lanes, uint64_t at)
{
    uint32_t number = low_of(at);

    if (number == 0 || number > lanes->block_count) {
        return NULL;
    }
    return lanes->blocks + (size_t)(number - 1) * lanes->block_words;
}

static uint32_t hand_self(const struct pirn__lanes *lanes,
                          struct pirn__hand *hand)
{
    uint64_t self = pirn__atom_load(&hand->self);

    if (self == 0) {
        self = (pirn__atom_add(&lanes->head[POOL_SELF], 1) & 0x3fffffff) + 1;
        pirn__atom_store(&hand->self, self);
    }
    return (uint32_t)self << 2;
}

/* ---- free blocks ---- */

static void bit_change(const struct pirn__lanes *lanes, uint64_t at, bool set)
{
    uint32_t number = low_of(at) - 1;
    uint64_t bit = 1ull << number % 64;
    uint64_t *word = block_of(lanes, number / 64 * 64 + 1) + BITS;

    if (set) {
        pirn__atom_set(word, bit);
        return;
    }
    for (uint32_t tries = 0; pirn__atom_again(&tries);) {
        uint64_t bits = pirn__atom_load(word);
        if (pirn__atom_swap(word, bits, bits & ~bit)) {
            return;
        }
    }
}

/* Whoever has a block makes it free; @life: its next. */
static void block_free(const struct pirn__lanes *lanes, uint64_t at,
                       uint64_t owner, uint32_t life, struct pirn__hand *hand)
{
    if (pirn__atom_swap(block_of(lanes, at) + OWNER, owner, pair(life, FREE))) {
        bit_change(lanes, at, true);
    }
    pirn__atom_store(&hand->block, 0);
}

/* All steps may be repeated by who recovers the hand. */
static void block_renew(const struct pirn__lanes *lanes, uint64_t at,
                        uint64_t owner, struct pirn__hand *hand)
{
    uint64_t *block = block_of(lanes, at);
    uint32_t life = life_of(owner) + 1;

    pirn_assert(block != NULL); /* who owns it was read there */
    pirn__atom_store(&block[TAKEN], pair(life, 0));
    pirn__atom_store(&block[FILLED], pair(life, 0));
    block_free(lanes, at, owner, life, hand);
}

/* @at: written on true, the block with its life. */
static bool block_try(const struct pirn__lanes *lanes, uint32_t number,
                      struct pirn__hand *hand, uint64_t *ret_at)
{
    uint64_t *block = block_of(lanes, number + 1);
    uint64_t owner = block == NULL ? IN_LANE : pirn__atom_load(&block[OWNER]);
    uint32_t life = life_of(owner);

    if (low_of(owner) != FREE) {
        return false;
    }
    uint32_t self = hand_self(lanes, hand);
    pirn__atom_store(&hand->block, number + 1);
    if (!pirn__atom_swap(&block[OWNER], owner, pair(life, self | ALLOCATED))) {
        pirn__atom_store(&hand->block, 0);
        return false;
    }
    bit_change(lanes, number + 1, false);
    *ret_at = pair(life, number + 1);
    return true;
}

/* Among the free ones below @used. */
static bool block_find(const struct pirn__lanes *lanes, uint32_t used,
                       struct pirn__hand *hand, uint64_t *ret_at)
{
    for (uint32_t first = 0; first < used; first += 64) {
        uint64_t bits =
            pirn__atom_load(block_of(lanes, (uint64_t)first + 1) + BITS);
        for (; bits != 0; bits &= bits - 1) {
            uint32_t number = first + (uint32_t)__builtin_ctzll(bits);
            if (block_try(lanes, number, hand, ret_at)) {
                return true;
            }
        }
    }
    return false;
}

/* One that was never used becomes a free one. */
static void block_add(const struct pirn__lanes *lanes, uint32_t used,
                      struct pirn__hand *hand)
{
    pirn__atom_store(&hand->block, (uint64_t)used + 1);
    if (pirn__atom_swap(&lanes->head[POOL_USED], used, (uint64_t)used + 1)) {
        bit_change(lanes, (uint64_t)used + 1, true);
    }
    pirn__atom_store(&hand->block, 0);
}

static int block_claim(const struct pirn__lanes *lanes, struct pirn__hand *hand,
                       uint64_t *ret_at)
{
    for (uint32_t tries = 0; pirn__atom_again(&tries);) {
        uint32_t used = pirn__lanes_blocks_used(lanes);
        if (block_find(lanes, used, hand, ret_at)) {
            return 0;
        }
        if (used >= lanes->block_count) {
            break;
        }
        block_add(lanes, used, hand);
    }
    return -ENOSPC;
}

/* ---- the chain ---- */

/* The block behind @at in its life; 0: there is none. */
static uint64_t block_next(const struct pirn__lanes *lanes, uint64_t at)
{
    uint64_t next = pirn__atom_load(block_of(lanes, at) + NEXT);

    if (life_of(next) != life_of(at) || block_of(lanes, next) == NULL) {
        return 0;
    }
    return low_of(next);
}

/*
 * Move an end of a lane from @from (0: it has none) to the block @to, which is
 * marked first. While the end is still at @from, the block behind that is in
 * the life in which it was linked: so its owner word is read before the end.
 */
static void end_move(const struct pirn__lanes *lanes, uint64_t *end,
                     uint64_t from, uint64_t to)
{
    uint64_t *owner = block_of(lanes, to) + OWNER;
    uint64_t was = pirn__atom_load(owner);

    if (pirn__atom_load(end) != from) {
        return;
    }
    if ((was & 3) == ALLOCATED) {
        pirn__atom_swap(owner, was, pair(life_of(was), IN_LANE));
    }
    pirn__atom_swap(end, from, pair(life_of(was), low_of(to)));
}

/* A lane without a tail: make its first block, or the head's block its tail. */
static int lane_begin(const struct pirn__lanes *lanes, uint64_t *lane,
                      struct pirn__hand *hand)
{
    uint64_t head = pirn__atom_load(&lane[LANE_HEAD]);
    uint64_t fresh;

    if (head != 0) {
        if (block_of(lanes, head) == NULL) {
            return -ENOSPC;
        }
        end_move(lanes, &lane[LANE_TAIL], 0, head);
        return 0;
    }
    int error = block_claim(lanes, hand, &fresh);
    if (error < 0) {
        return error;
    }
    if (pirn__atom_swap(&lane[LANE_HEAD], 0, fresh)) {
        end_move(lanes, &lane[LANE_TAIL], 0, fresh);
        pirn__atom_store(&hand->block, 0);
        return 0;
    }
    uint32_t self = hand_self(lanes, hand) | ALLOCATED;
    block_free(lanes, fresh, pair(life_of(fresh), self), life_of(fresh), hand);
    return 0;
}

/* The block at the tail is full. */
static int lane_grow(const struct pirn__lanes *lanes, uint64_t *lane,
                     uint64_t tail, struct pirn__hand *hand)
{
    uint64_t *block = block_of(lanes, tail);
    uint64_t next = pirn__atom_load(&block[NEXT]);
    uint32_t life = life_of(tail);
    uint64_t fresh;

    if (life_of(next) == life && block_of(lanes, next) != NULL) {
        end_move(lanes, &lane[LANE_TAIL], tail, next);
        return 0;
    }
    if (next != 0 && life_of(next) != life - 1) {
        return 0; /* another life */
    }
    int error = block_claim(lanes, hand, &fresh);
    if (error < 0) {
        return error;
    }
    if (pirn__atom_swap(&block[NEXT], next, pair(life, low_of(fresh)))) {
        end_move(lanes, &lane[LANE_TAIL], tail, fresh);
        pirn__atom_store(&hand->block, 0);
        return 0;
    }
    uint32_t self = hand_self(lanes, hand) | ALLOCATED;
    block_free(lanes, fresh, pair(life_of(fresh), self), life_of(fresh), hand);
    return 0;
}

/* All cells of the block at the head were taken, and @next is behind it. Who
 * retires it gives it back; who does not may still move the head. */
static void lane_shrink(const struct pirn__lanes *lanes, uint64_t *lane,
                        uint64_t head, uint64_t next, struct pirn__hand *hand)
{
    uint64_t *owner = block_of(lanes, head) + OWNER;
    uint32_t life = life_of(head);
    uint64_t mine = pair(life, hand_self(lanes, hand) | RETIRED);

    end_move(lanes, &lane[LANE_TAIL], head, next);
    pirn__atom_store(&hand->block, low_of(head));
    bool retired = pirn__atom_swap(owner, pair(life, IN_LANE), mine);
    end_move(lanes, &lane[LANE_HEAD], head, next);
    if (retired) {
        block_renew(lanes, head, mine, hand);
    } else {
        pirn__atom_store(&hand->block, 0);
    }
}

/* ---- entries ---- */

/* Returns whether it was our entry that went into the first empty cell. */
static bool cell_fill(uint64_t *block, uint64_t filled, uint64_t entry)
{
    uint64_t *cell = block + CELL + low_of(filled);
    uint64_t was = pirn__atom_load(cell);
    uint32_t life = life_of(filled);
    bool ours = cell_age(was, life) == 0 &&
                pirn__atom_swap(cell, was, cell_pack(life, entry));

    if (ours || !pirn__planted("cell-not-helped")) {
        pirn__atom_swap(&block[FILLED], filled, filled + 1);
    }
    return ours;
}

static int entry_add(const struct pirn__lanes *lanes, uint64_t *lane,
                     uint64_t entry, struct pirn__hand *hand)
{
    for (uint32_t tries = 0; pirn__atom_again(&tries);) {
        uint64_t tail = pirn__atom_load(&lane[LANE_TAIL]);
        uint64_t *block = block_of(lanes, tail);
        int error = 0;

        if (tail == 0) {
            error = lane_begin(lanes, lane, hand);
        } else if (block == NULL) {
            error = -ENOSPC;
        } else {
            uint64_t filled = pirn__atom_load(&block[FILLED]);
            if (life_of(filled) != life_of(tail)) {
                continue;
            }
            if (low_of(filled) >= cells_of(lanes)) {
                error = lane_grow(lanes, lane, tail, hand);
            } else if (cell_fill(block, filled, entry)) {
                return 0;
            }
        }
        if (error < 0) {
            return error;
        }
    }
    return -ENOSPC;
}

/* A store costs as much as ten loads. */
static void hand_aim(struct pirn__hand *hand, uint32_t lane, uint32_t home)
{
    uint64_t both = (uint64_t)home << 32 | lane;

    if (pirn__atom_load(&hand->lane) != both) {
        pirn__atom_store(&hand->lane, both);
    }
}

void pirn__hand_set(struct pirn__hand *hand, uint32_t lane,
                    struct pirn__entry entry)
{
    hand_aim(hand, lane, lane);
    pirn__atom_store(&hand->put, HAND_PUT | entry_pack(entry));
}

void pirn__hand_clear(struct pirn__hand *hand)
{
    pirn__atom_store(&hand->put, 0);
}

void pirn__lanes_init(const struct pirn__lanes *lanes)
{
    pirn_assert(lanes->block_words > PIRN__BLOCK_HEAD_WORDS);
    pirn_assert(lanes->block_count < UINT32_MAX);
    pirn__atom_store(&lanes->head[POOL_USED], 0);
    pirn__atom_store(&lanes->head[POOL_SELF], 0);
}

uint32_t pirn__lanes_blocks_used(const struct pirn__lanes *lanes)
{
    uint64_t used = pirn__atom_load(&lanes->head[POOL_USED]);

    return used < lanes->block_count ? (uint32_t)used : lanes->block_count;
}

int pirn__lane_add(const struct pirn__lanes *lanes, uint32_t lane,
                   uint32_t home, struct pirn__entry entry,
                   struct pirn__hand *hand)
{
    uint64_t *words = lane_of(lanes, lane);
    uint64_t was = pirn__atom_load(&hand->put);
    uint64_t put = HAND_PUT | entry_pack(entry);

    pirn_assert(was == 0 || was == put);
    hand_aim(hand, lane, home);
    if (was == 0) {
        pirn__atom_store(&hand->put, put);
    }
    int error = entry_add(lanes, words, entry_pack(entry), hand);
    if (error < 0 && was == 0) {
        pirn__hand_clear(hand);
    }
    return error;
}

int pirn__lane_put(const struct pirn__lanes *lanes, uint32_t lane,
                   struct pirn__entry entry, struct pirn__hand *hand)
{
    int error = pirn__lane_add(lanes, lane, lane, entry, hand);

    if (error == 0) {
        pirn__hand_clear(hand);
    }
    return error;
}

bool pirn__lane_take(const struct pirn__lanes *lanes, uint32_t lane,
                     struct pirn__hand *hand, struct pirn__entry *ret_entry)
{
    return pirn__lane_pop(lanes, lane, lane, hand, ret_entry);
}

bool pirn__lane_pop(const struct pirn__lanes *lanes, uint32_t lane,
                    uint32_t home, struct pirn__hand *hand,
                    struct pirn__entry *ret_entry)
{
    uint64_t *words = lane_of(lanes, lane);

    pirn_assert(pirn__atom_load(&hand->put) == 0);
    hand_aim(hand, lane, home);
    for (uint32_t tries = 0; pirn__atom_again(&tries);) {
        uint64_t head = pirn__atom_load(&words[LANE_HEAD]);
        uint64_t *block = block_of(lanes, head);
        if (block == NULL) {
            break;
        }
        uint64_t taken = pirn__atom_load(&block[TAKEN]);
        if (life_of(taken) != life_of(head)) {
            continue;
        }
        if (low_of(taken) >= cells_of(lanes)) {
            uint64_t next = block_next(lanes, head);
            if (next == 0) {
                break;
            }
            lane_shrink(lanes, words, head, next, hand);
            continue;
        }
        uint64_t cell = pirn__atom_load(&block[CELL + low_of(taken)]);
        if (cell_age(cell, life_of(taken)) == 0) {
            break;
        }
        if (!pirn__planted("hand-not-filled")) {
            pirn__atom_store(&hand->put, HAND_PUT | (cell & ~HAND_LIFE));
        }
        if (pirn__atom_swap(&block[TAKEN], taken, taken + 1)) {
            *ret_entry = entry_unpack(cell);
            return true;
        }
    }
    pirn__hand_clear(hand);
    return false;
}

static_assert(LANE_HEAD == 0, "pirn__lane_is_empty() looks there");

bool pirn__lane_head_is_empty(const struct pirn__lanes *lanes, uint64_t head)
{
    uint64_t *block = block_of(lanes, head);

    if (block == NULL) {
        return true;
    }
    uint64_t taken = pirn__atom_load(&block[TAKEN]);
    if (life_of(taken) != life_of(head)) {
        return false; /* a block was just emptied, with another behind it */
    }
    if (low_of(taken) >= cells_of(lanes)) {
        return block_next(lanes, head) == 0;
    }
    uint64_t cell = pirn__atom_load(&block[CELL + low_of(taken)]);
    return cell_age(cell, life_of(taken)) == 0;
}

uint32_t pirn__lane_next(const struct pirn__lanes *lanes, uint32_t lane,
                         uint32_t end)
{
    const uint64_t *words = lanes->lanes;

    pirn_assert(lane <= end && end <= lanes->lane_count);
    for (; lane < end; lane++) {
        uint64_t head =
            pirn__atom_load(words + (size_t)lane * PIRN__LANE_WORDS);
        if (head != 0 && !pirn__lane_head_is_empty(lanes, head)) {
            break;
        }
    }
    return lane;
}

/* ---- recovery ---- */

/* Whether a block that a dead hand allocated, and that is not marked yet, is
 * linked: nobody links it any more. */
static bool block_is_linked(const struct pirn__lanes *lanes, uint64_t *lane,
                            uint64_t at)
{
    uint64_t tail = pirn__atom_load(&lane[LANE_TAIL]);

    if (tail == 0) {
        return pirn__atom_load(&lane[LANE_HEAD]) == at;
    }
    return block_of(lanes, tail) != NULL &&
           block_next(lanes, tail) == low_of(at);
}

static void block_recover(const struct pirn__lanes *lanes, uint64_t *lane,
                          uint64_t at, struct pirn__hand *hand)
{
    uint64_t *block = block_of(lanes, at);
    uint64_t owner = pirn__atom_load(&block[OWNER]);
    uint32_t self = (uint32_t)pirn__atom_load(&hand->self) << 2;

    if (low_of(owner) == (self | ALLOCATED)) {
        uint64_t here = pair(life_of(owner), low_of(at));
        if (!block_is_linked(lanes, lane, here)) {
            block_free(lanes, at, owner, life_of(owner), hand);
        }
    } else if (low_of(owner) == (self | RETIRED)) {
        uint64_t here = pair(life_of(owner), low_of(at));
        uint64_t next = block_next(lanes, here);
        if (next != 0) {
            end_move(lanes, &lane[LANE_HEAD], here, next);
            block_renew(lanes, at, owner, hand);
        }
    } else if (low_of(owner) == FREE) {
        bit_change(lanes, at, true);
    }
}

int pirn__hand_repeat(const struct pirn__lanes *lanes,
                      const struct pirn__hand *hand, struct pirn__hand *own)
{
    uint64_t put = pirn__atom_load(&hand->put);
    uint32_t home = (uint32_t)(pirn__atom_load(&hand->lane) >> 32);

    pirn_assert(hand != own);
    if (put == 0 || home >= lanes->lane_count ||
        pirn__atom_load(&hand->put) != put) {
        return 0;
    }
    return pirn__lane_put(lanes, home, entry_unpack(put), own);
}

int pirn__hand_recover(const struct pirn__lanes *lanes, struct pirn__hand *hand,
                       struct pirn__hand *own)
{
    uint64_t at = pirn__atom_load(&hand->block);
    uint32_t lane = (uint32_t)pirn__atom_load(&hand->lane);

    if (at > 0 && at <= pirn__lanes_blocks_used(lanes) &&
        lane < lanes->lane_count) {
        block_recover(lanes, lane_of(lanes, lane), at, hand);
    }
    pirn__atom_store(&hand->block, 0);
    int error = pirn__hand_repeat(lanes, hand, own);
    if (error == 0) {
        pirn__hand_clear(hand);
    }
    return error;
}
