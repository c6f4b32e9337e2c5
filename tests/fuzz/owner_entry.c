/* SPDX-License-Identifier: MIT */
/*
 * owner_entry.c - any bytes as what an owner says of himself
 *
 * Odd first byte: with the sum that they would have. The second chooses whose
 * they are taken for.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include <xxhash.h>

#include "spool/log/bytes.h"
#include "spool/owner_entry.h"

const struct fuzz_target fuzz_target = {"owner_entry", 150000, 128};

enum { BYTES = PIRN__OWNER_ENTRY_BYTES, SUM_AT = BYTES - 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    bool is_summed = (fuzz_take(&in, 1) & 1) != 0;
    uint32_t slot = (uint32_t)fuzz_take(&in, 1);
    uint64_t bit = fuzz_take(&in, 2);
    uint8_t bytes[BYTES] = {0};
    uint8_t again[BYTES];
    struct pirn__owner_entry entry;

    memcpy(bytes, in.at, in.left < BYTES ? in.left : BYTES);
    if (is_summed) {
        pirn__put64(bytes + SUM_AT, XXH3_64bits(bytes, SUM_AT));
    }
    int r = pirn__owner_entry_decode(bytes, slot, &entry);
    pirn_assert(r == 0 || r == -EBADMSG);
    if (r == 0) {
        pirn_assert(entry.slot == slot);
        pirn__owner_entry_encode(&entry, again);
        pirn_assert(memcmp(again, bytes, BYTES) == 0);
        fuzz_flip(bytes, bit % (8 * BYTES));
        pirn_assert(pirn__owner_entry_decode(bytes, slot, &entry) < 0);
        pirn_assert(pirn__owner_entry_decode(again, slot + 1, &entry) < 0);
    }
    return 0;
}
