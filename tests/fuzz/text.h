/* SPDX-License-Identifier: MIT */
/*
 * text.h - an input as one of the spool's text files
 *
 * Nobody guesses a sum: where the first byte of an input is odd, the rest gets
 * the last line that it would have, so that what stands behind the sum is
 * reached, too. A text that was taken is refused with any bit turned.
 */
#ifndef TESTS_FUZZ_TEXT_H
#define TESTS_FUZZ_TEXT_H

#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "spool/text.h"

struct fuzz_text {
    char *bytes; /* of exactly this length */
    size_t len;
    uint64_t bit; /* one of them, to turn */
};

static inline struct fuzz_text fuzz_text_of(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    bool is_summed = (fuzz_take(&in, 1) & 1) != 0;
    uint64_t bit = fuzz_take(&in, 2);
    size_t len = in.left + (is_summed ? PIRN__TEXT_END : 0);
    struct fuzz_text text = {malloc(len > 0 ? len : 1), len, 0};

    pirn_assert(text.bytes != NULL);
    if (in.left > 0) {
        memcpy(text.bytes, in.at, in.left);
    }
    if (is_summed) {
        struct pirn__text_out out = {text.bytes + in.left, text.bytes + len};
        pirn__text_put_end(&out, text.bytes);
    }
    text.bit = len > 0 ? bit % (8 * len) : 0;
    return text;
}

/* An outcome that any decoder of a text may have. */
static inline void fuzz_text_check_outcome(int r, const struct fuzz_text *text)
{
    pirn_assert(r == 0 || r == -EBADMSG || r == -EPROTO);
    pirn_assert(r == -EBADMSG || text->len > PIRN__TEXT_END);
}

#endif /* TESTS_FUZZ_TEXT_H */
