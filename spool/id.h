/* SPDX-License-Identifier: MIT */
/*
 * spool/id.h - making ids
 *
 *    48 bits   16 bits   54 bits                       10 bits
 *   +---------+---------+-----------------------------+-------+
 *   | ms      | counter | random                      | shard |
 *   +---------+---------+-----------------------------+-------+
 *
 * Sorts by time; within a millisecond, for one source, by order of making. The
 * shard is the last two of the 26 characters and names the item's directories.
 * The random bits keep the sources of other contexts and machines apart. Pure.
 */
#ifndef SPOOL_ID_H
#define SPOOL_ID_H

#include <stdint.h>

#include <pirn/item.h>

/* Zeroed memory is a source that has made nothing. */
struct pirn__id_source {
    uint64_t last_ms;
    uint32_t counter;
};

/**
 * pirn__id_next() - the source's next id
 * @now_ns: CLOCK_REALTIME; where it steps back, the source goes on from the
 *          latest time it has seen
 * @random: 8 bytes that nobody else has had
 * @shard:  0 .. 1023
 */
void pirn__id_next(struct pirn__id_source *source, uint64_t now_ns,
                   const uint8_t random[8], uint32_t shard,
                   struct pirn_id *ret_id);

/** pirn__id_shard() - the shard an id names; it may be no shard of ours */
uint32_t pirn__id_shard(const struct pirn_id *id);

/** pirn__id_compare() - for qsort(): older first */
int pirn__id_compare(const void *a, const void *b);

#endif /* SPOOL_ID_H */
