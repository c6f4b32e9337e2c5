/* SPDX-License-Identifier: MIT */
/*
 * event_ring.c - a slot is believed if its sum fits and its serial is the one
 *
 * A teller may be stopped or killed after any store, and others may have gone
 * round the ring when he goes on: then a slot has words of two events, or an
 * older one than it had. No lock could help, since nobody may wait; so a sum
 * over the words, in which the serial is, says whether they belong together.
 * What does not fit is not there yet, or never will be: the listener passes
 * over it when it has been so for a time, and counts it as lost. So each serial
 * is either heard, once, or counted, once.
 *
 * Only the taking of a serial is a step whose order matters. The words are
 * loaded and stored one by one, in no order.
 */
#include "spool/log/event_ring.h"

#include <string.h>

#include <pirn/invariant.h>

#include "spool/hash.h"
#include "spool/log/atom.h"

/* An event, as the words of a slot. */
struct record {
    uint64_t serial;
    uint64_t time_ns;
    uint64_t due_ns;
    uint64_t count;
    struct pirn_id id;
    uint32_t attempts;
    uint16_t owner;
    uint8_t kind;
    uint8_t held;
    char queue[PIRN_QUEUE_TEXT];
    char to[PIRN_QUEUE_TEXT];
};

static_assert(sizeof(struct record) == PIRN__EVENT_WORDS * sizeof(uint64_t),
              "a record is the words, and nothing between them");

static struct pirn__event_slot *slot_of(const struct pirn__event_ring *ring,
                                        uint64_t serial)
{
    return &ring->slots[serial % ring->slot_count];
}

static uint64_t sum_of(const uint64_t words[PIRN__EVENT_WORDS])
{
    return pirn__hash(words, PIRN__EVENT_WORDS * sizeof(*words));
}

static void store(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static uint64_t load(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* ---- tell ---- */

static void encode(const struct pirn_spool_event *event, uint64_t serial,
                   struct record *record)
{
    *record = (struct record){
        .serial = serial,
        .time_ns = event->time_ns,
        .due_ns = event->due_ns,
        .count = event->count,
        .id = event->id,
        .attempts = event->attempts,
        .owner = (uint16_t)event->owner,
        .kind = (uint8_t)event->kind,
        .held = event->held,
    };
    memcpy(record->queue, event->queue, sizeof(record->queue));
    memcpy(record->to, event->to, sizeof(record->to));
}

void pirn__event_ring_tell(const struct pirn__event_ring *ring,
                           const struct pirn_spool_event *event)
{
    uint64_t words[PIRN__EVENT_WORDS];
    struct record record;

    pirn_assert(event->kind < PIRN_EVENT_KINDS && event->owner <= UINT16_MAX);
    uint64_t serial = pirn__atom_add(ring->next, 1);
    struct pirn__event_slot *slot = slot_of(ring, serial);
    encode(event, serial, &record);
    memcpy(words, &record, sizeof(words));
    for (uint32_t i = 0; i < PIRN__EVENT_WORDS; i++) {
        store(&slot->words[i], words[i]);
    }
    __atomic_store_n(&slot->sum, sum_of(words), __ATOMIC_RELEASE);
}

/* ---- read ---- */

void pirn__event_reader_init(struct pirn__event_reader *reader,
                             const struct pirn__event_ring *ring)
{
    reader->serial = pirn__atom_load(ring->next);
    reader->gap_ns = 0;
}

static void lose(struct pirn__event_reader *reader, uint64_t count,
                 struct pirn_spool_event *ret_event)
{
    *ret_event = (struct pirn_spool_event){
        .kind = PIRN_EVENT_LOST, .serial = reader->serial, .count = count};
    reader->serial += count;
    reader->gap_ns = 0;
}

/* Whether the slot has it whole. Names end, whatever is in the memory. */
static bool get(const struct pirn__event_ring *ring, uint64_t serial,
                struct pirn_spool_event *ret_event)
{
    const struct pirn__event_slot *slot = slot_of(ring, serial);
    uint64_t words[PIRN__EVENT_WORDS];
    struct record record;
    uint64_t sum = __atomic_load_n(&slot->sum, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < PIRN__EVENT_WORDS; i++) {
        words[i] = load(&slot->words[i]);
    }
    memcpy(&record, words, sizeof(record));
    if (sum_of(words) != sum || record.serial != serial ||
        record.kind >= PIRN_EVENT_KINDS) {
        return false;
    }
    *ret_event = (struct pirn_spool_event){
        .kind = (enum pirn_event_kind)record.kind,
        .owner = record.owner,
        .serial = record.serial,
        .time_ns = record.time_ns,
        .id = record.id,
        .attempts = record.attempts,
        .due_ns = record.due_ns,
        .count = record.count,
        .held = record.held != 0,
    };
    memcpy(ret_event->queue, record.queue, sizeof(record.queue) - 1);
    memcpy(ret_event->to, record.to, sizeof(record.to) - 1);
    return true;
}

int pirn__event_ring_read(const struct pirn__event_ring *ring,
                          struct pirn__event_reader *reader, uint64_t now_ns,
                          struct pirn_spool_event *ret_event)
{
    uint64_t slots = ring->slot_count;
    uint64_t kept = slots - slots / 16; /* else overtaken again at once */

    pirn_assert(now_ns > 0 && slots >= 16);
    if (reader->serial == pirn__atom_load(ring->next)) {
        return 0;
    }
    if (get(ring, reader->serial, ret_event)) {
        reader->serial++;
        reader->gap_ns = 0;
        return 1;
    }
    uint64_t told = pirn__atom_load(ring->next) - reader->serial;
    if (told > slots) {
        lose(reader, told - kept, ret_event);
        return 1;
    }
    if (reader->gap_ns == 0) {
        reader->gap_ns = now_ns;
    }
    if (now_ns - reader->gap_ns < PIRN__EVENT_GAP_NS) {
        return 0;
    }
    lose(reader, 1, ret_event);
    return 1;
}
