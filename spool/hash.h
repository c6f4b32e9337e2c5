/* SPDX-License-Identifier: MIT */
/*
 * spool/hash.h - XXH3, as fast as this processor has it
 *
 * The library's plain functions are built for the least of all processors (on
 * x86-64: SSE2). Where it has its dispatcher as well, the same names choose by
 * what the processor can, once, when the first of them is called. A body of
 * 4 KiB costs 290 ns by SSE2, 80 ns by AVX-512. The sums are the same.
 *
 * The dispatcher's functions return with the upper halves of the vector
 * registers in use (libxxhash 0.8.1 has no vzeroupper there). Each next SSE
 * instruction waits for them then, which is 170 ns a sum, and each switch of
 * tasks saves them. So the functions here clear them; the library's own are
 * called for what they leave to the plain code: a state's life and its digest.
 */
#ifndef SPOOL_HASH_H
#define SPOOL_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

#ifdef PIRN_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#endif

/** pirn__hash_rest() - the vector registers as compiled code expects them */
static inline void pirn__hash_rest(void)
{
#if defined(PIRN_XXHASH_DISPATCH) && defined(__x86_64__)
    if (__builtin_cpu_supports("avx")) {
        __asm__ volatile("vzeroupper" ::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                               "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                               "xmm12", "xmm13", "xmm14", "xmm15");
    }
#endif
}

/** pirn__hash() - of @len bytes */
static inline uint64_t pirn__hash(const void *bytes, size_t len)
{
    uint64_t hash = XXH3_64bits(bytes, len);

    pirn__hash_rest();
    return hash;
}

/** pirn__hash_salted() - the same, begun with @salt */
static inline uint64_t pirn__hash_salted(const void *bytes, size_t len,
                                         uint64_t salt)
{
    uint64_t hash = XXH3_64bits_withSeed(bytes, len, salt);

    pirn__hash_rest();
    return hash;
}

/** pirn__hash_add() - @len bytes more, of one that comes in parts */
static inline void pirn__hash_add(XXH3_state_t *state, const void *bytes,
                                  size_t len)
{
    (void)XXH3_64bits_update(state, bytes, len);
    pirn__hash_rest();
}

#endif /* SPOOL_HASH_H */
