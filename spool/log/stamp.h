/* SPDX-License-Identifier: MIT */
/*
 * spool/log/stamp.h - since when an item is claimed
 *
 *    31                    6 5      0
 *   +-----------------------+--------+
 *   | seconds               | claim  |
 *   +-----------------------+--------+
 *
 * A row beside the slots, for people: nothing is decided by it. Who has just
 * claimed an item stores its stamp, once; what is there until then is of
 * another claim, and says so, as does zeroed memory.
 *
 *   seconds  of the real time, counted round
 *   claim    which one, by the word's fence and incarnation: of 64 claims in a
 *            row of one item no two are alike, nor the first ones of 64 items
 *            that have the slot one after the other
 *
 * Half of the round, a year and some weeks, is past. What lies in the other
 * half is to come: it was claimed now, or before the clock was set back. Pure.
 */
#ifndef SPOOL_LOG_STAMP_H
#define SPOOL_LOG_STAMP_H

#include "spool/log/index.h"

/** pirn__stamp_pack() - of the claim that @word is of, made just now */
uint32_t pirn__stamp_pack(struct pirn__word word, uint64_t now_ns);

/**
 * pirn__stamp_ns() - since when the item is claimed: the full second before
 *
 * Return: not after @now_ns; 0: it is not claimed, or nobody knows
 */
uint64_t pirn__stamp_ns(uint32_t stamp, struct pirn__word word,
                        uint64_t now_ns);

/** pirn__stamp_put() - by who has just claimed what he has in his grip */
void pirn__stamp_put(const struct pirn__index *index,
                     const struct pirn__grip *grip, uint64_t now_ns);

/** pirn__stamp_get() - as pirn__stamp_ns(), of a slot with that word */
uint64_t pirn__stamp_get(const struct pirn__index *index, uint32_t slot,
                         struct pirn__word word, uint64_t now_ns);

/** pirn__stamp_age_ns() - for how long it is claimed, at least; 0: nobody
 * knows */
uint64_t pirn__stamp_age_ns(const struct pirn__index *index, uint32_t slot,
                            struct pirn__word word, uint64_t now_ns);

#endif /* SPOOL_LOG_STAMP_H */
