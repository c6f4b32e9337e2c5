/* SPDX-License-Identifier: MIT */
/*
 * spool/log/tomb_format_1.h - the words of a log of format 1
 *
 *    63            32 31             0
 *   +----------------+----------------+
 *   | generation     | 32 records     |    512 of each segment
 *   +----------------+----------------+
 *   | generation     | f | cut + 1    |    then one of each segment; f: first
 *   +----------------+----------------+    versions alone; 0: there is no cut
 *
 * They had no check. Pure.
 */
#ifndef SPOOL_LOG_TOMB_FORMAT_1_H
#define SPOOL_LOG_TOMB_FORMAT_1_H

#include "spool/log/tomb.h"

#define PIRN__TOMB_FORMAT_1_BYTES 4096u /* of a segment */

/**
 * pirn__tombs_take_format_1() - a segment's words and its cut, as they are read
 * @words: PIRN__TOMB_FORMAT_1_BYTES
 * @cut:   8 bytes
 *
 * By who is alone, into zeroed words. No cut is exact: what it counts may be
 * one more than there are.
 */
void pirn__tombs_take_format_1(const struct pirn__tombs *tombs,
                               uint32_t segment, const uint8_t *words,
                               const uint8_t *cut);

#endif /* SPOOL_LOG_TOMB_FORMAT_1_H */
