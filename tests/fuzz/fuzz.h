/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what every target of hostile input includes, first
 *
 * A target is one function on any bytes whatever. It asserts (pirn_assert)
 * what holds for all of them: not only that nothing is read beyond the end,
 * but that what is encoded is decoded, that what is decoded is encoded to the
 * same bytes, that a bit that is wrong is seen. The same file is linked to
 * libFuzzer, which looks for new bytes, and to replay.c, which tries the kept
 * ones and some changes of them.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

/* How replay.c runs a target; libFuzzer finds its own way. */
struct fuzz_target {
    const char *name; /* of its folder in corpus/ */
    uint32_t runs;    /* of changed inputs, in a plain run */
    uint32_t size_max;
};

extern const struct fuzz_target fuzz_target;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input. Where nothing is, numbers are 0. */
struct fuzz_in {
    const uint8_t *at;
    size_t left;
};

static inline uint64_t fuzz_take(struct fuzz_in *in, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && in->left > 0; i++, in->left--) {
        value |= (uint64_t)*in->at++ << 8 * i;
    }
    return value;
}

/* 0 .. @count - 1 */
static inline uint32_t fuzz_below(struct fuzz_in *in, uint32_t count)
{
    return (uint32_t)(fuzz_take(in, count > 256 ? 4 : 1) % count);
}

/* Bytes in memory of exactly their size: a sanitizer sees a read beyond. */
static inline void *fuzz_copy(const void *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);

    pirn_assert(copy != NULL);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

/* As fuzz_copy(), with a NUL behind. */
static inline char *fuzz_string(struct fuzz_in *in, size_t len)
{
    len = len < in->left ? len : in->left;
    char *copy = malloc(len + 1);

    pirn_assert(copy != NULL);
    if (len > 0) {
        memcpy(copy, in->at, len);
    }
    copy[len] = '\0';
    in->at += len;
    in->left -= len;
    return copy;
}

enum { FUZZ_PIECE_MAX = 512 };

/* As fuzz_copy(), for many short ones: at the end of one block, @block, which
 * the caller keeps and frees. NULL at first; @len: FUZZ_PIECE_MAX at most. */
static inline const char *fuzz_piece(char **block, const void *bytes,
                                     size_t len)
{
    if (*block == NULL) {
        *block = malloc(FUZZ_PIECE_MAX);
    }
    pirn_assert(*block != NULL && len <= FUZZ_PIECE_MAX);
    memcpy(*block + FUZZ_PIECE_MAX - len, bytes, len);
    return *block + FUZZ_PIECE_MAX - len;
}

static inline void fuzz_flip(void *bytes, uint64_t bit)
{
    ((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

#endif /* TESTS_FUZZ_FUZZ_H */
