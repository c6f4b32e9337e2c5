/* SPDX-License-Identifier: MIT */
/* slot.c - see spool/log/slot.h */
#include "spool/log/slot.h"

#include <pirn/invariant.h>

#include "spool/log/atom.h"

#define BODY_BITS 40
#define BODY_MAX ((UINT64_C(1) << BODY_BITS) - 1)

uint64_t pirn__sizes_pack(struct pirn__sizes sizes)
{
    pirn_assert(sizes.part_bytes < 1u << 24);
    return (uint64_t)sizes.part_bytes << BODY_BITS |
           (sizes.body_bytes & BODY_MAX);
}

struct pirn__sizes pirn__sizes_unpack(uint64_t value)
{
    return (struct pirn__sizes){
        .part_bytes = (uint32_t)(value >> BODY_BITS),
        .body_bytes = value & BODY_MAX,
    };
}

struct pirn__slot pirn__slot_of_record(const struct pirn__head *head,
                                       uint64_t part)
{
    struct pirn__sizes sizes = {.part_bytes = head->part_bytes,
                                .body_bytes = head->body_bytes};
    struct pirn__route route = {
        .version = head->version,
        .queue = head->queue,
        .attempts = head->attempts,
        .priority = head->priority,
        .flags = head->flags,
    };

    return (struct pirn__slot){
        .part = part,
        .body = pirn__place_pack(head->body),
        .sizes = pirn__sizes_pack(sizes),
        .route = pirn__route_pack(route),
        .due = head->due_ns,
    };
}

void pirn__slot_take_record(struct pirn__slot *slot,
                            const struct pirn__head *head, uint64_t part)
{
    struct pirn__slot of = pirn__slot_of_record(head, part);

    pirn__atom_store(&slot->sizes, of.sizes);
    pirn__atom_store(&slot->body, of.body);
    pirn__atom_store(&slot->part, of.part);
    pirn__atom_store(&slot->route, of.route);
    pirn__atom_store(&slot->due, of.due);
}

void pirn__slot_spend_version(struct pirn__slot *slot,
                              const struct pirn__slot *before, uint32_t version)
{
    struct pirn__route route = pirn__route_unpack(before->route);

    pirn_assert(version >= route.version);
    route.version = version;
    pirn__atom_store(&slot->route, pirn__route_pack(route));
    pirn__atom_store(&slot->due, before->due);
}
