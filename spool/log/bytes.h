/* SPDX-License-Identifier: MIT */
/*
 * spool/log/bytes.h - numbers as little-endian bytes
 *
 * Bytes are put and got by hand: no struct lies on the disk. Pure.
 */
#ifndef SPOOL_LOG_BYTES_H
#define SPOOL_LOG_BYTES_H

#include <stdint.h>

static inline void pirn__put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void pirn__put32(uint8_t *at, uint32_t value)
{
    pirn__put16(at, (uint16_t)value);
    pirn__put16(at + 2, (uint16_t)(value >> 16));
}

static inline void pirn__put64(uint8_t *at, uint64_t value)
{
    pirn__put32(at, (uint32_t)value);
    pirn__put32(at + 4, (uint32_t)(value >> 32));
}

static inline uint16_t pirn__get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t pirn__get32(const uint8_t *at)
{
    return pirn__get16(at) | (uint32_t)pirn__get16(at + 2) << 16;
}

static inline uint64_t pirn__get64(const uint8_t *at)
{
    return pirn__get32(at) | (uint64_t)pirn__get32(at + 4) << 32;
}

#endif /* SPOOL_LOG_BYTES_H */
