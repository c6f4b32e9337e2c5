/* SPDX-License-Identifier: MIT */
/*
 * index.c - the geometry of what is shared
 *
 * Blocks are small (512 bytes), because of 1024 lanes of the wheel most have
 * an entry or none. There are enough for an entry of each slot in a queue's
 * lane and one in the wheel, besides one begun block per lane.
 */
#include "spool/log/index.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"

enum { PAGE = 4096, BLOCK_WORDS = 64, BLOCK_CELLS = 56 };

#define SEGMENTS_MAX 16384u

int pirn__index_size_check(const struct pirn__index_size *size)
{
    bool slots = size->slots >= 64 && size->slots <= PIRN__LOG_SLOTS_MAX;
    bool segments = size->segments >= 4 && size->segments <= SEGMENTS_MAX;
    bool bytes = size->segment_bytes >= PIRN__SEGMENT_BYTES_MIN &&
                 size->segment_bytes <= PIRN__SEGMENT_BYTES_MAX &&
                 size->segment_bytes % PAGE == 0;

    return slots && segments && bytes ? 0 : -EINVAL;
}

static uint32_t lane_count(void)
{
    return pirn__catalogue_lanes(PIRN__INDEX_QUEUES);
}

uint64_t pirn__index_blocks_for(uint64_t slots)
{
    /* Each lane that was ever used keeps one that is begun. */
    return lane_count() + 3 * (slots / BLOCK_CELLS + 1);
}

/* Hands out parts one after the other, each on a page of its own. */
struct ruler {
    uint8_t *memory;
    uint64_t at;
};

static void *next(struct ruler *ruler, uint64_t bytes)
{
    void *part = ruler->memory == NULL ? NULL : ruler->memory + ruler->at;

    pirn_assert(ruler->at % PAGE == 0);
    ruler->at += (bytes + PAGE - 1) / PAGE * PAGE;
    return part;
}

static void lay_out_tombs(struct ruler *ruler,
                          const struct pirn__index_size *size,
                          struct pirn__tombs *tombs)
{
    tombs->segment_count = size->segments;
    tombs->segment_words = PIRN__TOMB_SEGMENT_WORDS;
    static_assert(PIRN__TOMB_RECORDS_MAX == PIRN__SEGMENT_RECORDS_MAX,
                  "a tombstone for each");
    uint64_t pages = pirn__tombs_pages(tombs);

    tombs->versions = next(ruler, pages * 8);
    tombs->synced = next(ruler, pages * 8);
    tombs->words =
        next(ruler, (uint64_t)size->segments * tombs->segment_words * 8);
    tombs->bounds = next(ruler, (uint64_t)size->segments * 8);
}

static void lay_out_catalogue(struct ruler *ruler,
                              struct pirn__catalogue *catalogue,
                              struct pirn__index *index)
{
    struct pirn__lanes *lanes = &catalogue->lanes;

    catalogue->queue_count = PIRN__INDEX_QUEUES;
    catalogue->priority_count = PIRN__PRIORITIES;
    catalogue->span_bits = pirn__trail_span_bits(catalogue->slot_count);
    lanes->lane_count = lane_count();
    lanes->block_words = BLOCK_WORDS;
    lanes->block_count =
        (uint32_t)pirn__index_blocks_for(catalogue->slot_count);
    catalogue->state = next(ruler, PIRN__CATALOGUE_WORDS * 8);
    catalogue->wheel.state = next(ruler, PIRN__WHEEL_WORDS * 8);
    lanes->head = next(ruler, PIRN__LANES_HEAD_WORDS * 8);
    lanes->lanes =
        next(ruler, (uint64_t)lanes->lane_count * PIRN__LANE_WORDS * 8);
    index->fixed_bytes = ruler->at;
    index->slots_at = ruler->at;
    catalogue->slots =
        next(ruler, catalogue->slot_count * sizeof(struct pirn__slot));
    index->stamps_at = ruler->at;
    index->stamps = next(ruler, catalogue->slot_count * sizeof(*index->stamps));
    index->blocks_at = ruler->at;
    lanes->blocks = next(ruler, (uint64_t)lanes->block_count * BLOCK_WORDS * 8);
    catalogue->wheel.lanes = *lanes;
    catalogue->free_lane = 0;
    catalogue->wheel.first_lane = 1;
    catalogue->first_lane = 1 + PIRN__WHEEL_LANES;
}

static void lay_out_events(struct ruler *ruler, struct pirn__index *index)
{
    enum { LINE = 64 }; /* of its own, for what each teller changes */
    struct pirn__event_ring *ring = &index->events;

    ring->slot_count = PIRN__EVENT_SLOTS;
    index->events_at = ruler->at;
    index->events_bytes = LINE + PIRN__EVENT_SLOTS * sizeof(*ring->slots);
    uint8_t *part = next(ruler, index->events_bytes);
    if (part != NULL) {
        ring->next = (uint64_t *)(void *)part;
        ring->slots = (struct pirn__event_slot *)(void *)(part + LINE);
    }
}

void pirn__index_lay_out(const struct pirn__index_size *size, void *memory,
                         struct pirn__index *ret_index)
{
    struct ruler ruler = {.memory = memory};
    struct pirn__index *index = ret_index;

    pirn_assert(pirn__index_size_check(size) == 0);
    *index = (struct pirn__index){0};
    index->head = next(&ruler, sizeof(*index->head));
    index->owners = next(&ruler, PIRN__INDEX_OWNERS * sizeof(*index->owners));
    index->queues = next(&ruler, PIRN__INDEX_QUEUES * sizeof(*index->queues));
    index->segments = next(&ruler, size->segments * sizeof(*index->segments));
    lay_out_tombs(&ruler, size, &index->tombs);
    index->catalogue.slot_count = size->slots;
    lay_out_catalogue(&ruler, &index->catalogue, index);
    lay_out_events(&ruler, index);
    index->bytes = ruler.at;
}

void pirn__index_init(const struct pirn__index *index,
                      const struct pirn__index_size *size, uint64_t nonce,
                      uint64_t epoch, uint64_t now_ns)
{
    struct pirn__index_head *head = index->head;

    pirn_assert(nonce != 0);
    head->version = PIRN__INDEX_VERSION;
    head->nonce = nonce;
    head->epoch = epoch;
    head->slots = size->slots;
    head->segments = size->segments;
    head->segment_bytes = size->segment_bytes;
    pirn__lanes_init(&index->catalogue.lanes);
    pirn__wheel_init(&index->catalogue.wheel, now_ns);
}

bool pirn__index_is_ours(uint64_t version)
{
    return version == PIRN__INDEX_VERSION ||
           pirn__planted("log-index-version-unchecked");
}

int pirn__index_check(const struct pirn__index *index,
                      const struct pirn__index_size *size, uint64_t nonce)
{
    const struct pirn__index_head *head = index->head;

    if (pirn__atom_load(&head->ready) != nonce) {
        return -EAGAIN;
    }
    if (!pirn__index_is_ours(head->version)) {
        return -EPROTO;
    }
    if (head->nonce != nonce || head->slots != size->slots ||
        head->segments != size->segments ||
        head->segment_bytes != size->segment_bytes ||
        pirn__atom_load(&head->slots_backed) > size->slots) {
        return -EBADMSG;
    }
    return 0;
}

int pirn__index_queue_find(const struct pirn__index *index, const char *name)
{
    size_t len = strlen(name);

    for (uint32_t i = 0; i < PIRN__INDEX_QUEUES; i++) {
        const struct pirn__index_queue *queue = &index->queues[i];
        if (pirn__atom_load(&queue->len) == len &&
            memcmp(queue->name, name, len) == 0) {
            return (int)i;
        }
    }
    return -ENOENT;
}
