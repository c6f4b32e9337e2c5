/* SPDX-License-Identifier: MIT */
/* superblock.c - any bytes as a superblock: there is one that is ours */
#include "tests/fuzz/text.h"

#include "spool/superblock.h"

const struct fuzz_target fuzz_target = {"superblock", 100000, 512};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_text text = fuzz_text_of(data, size);
    int r = pirn__superblock_decode(text.bytes, text.len);

    fuzz_text_check_outcome(r, &text);
    if (r == 0) {
        char ours[PIRN__SUPERBLOCK_MAX];
        pirn_assert(pirn__superblock_encode(ours) == text.len);
        pirn_assert(memcmp(ours, text.bytes, text.len) == 0);
        fuzz_flip(text.bytes, text.bit);
        pirn_assert(pirn__superblock_decode(text.bytes, text.len) < 0);
    }
    free(text.bytes);
    return 0;
}
