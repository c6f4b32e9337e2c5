/* SPDX-License-Identifier: MIT */
/*
 * fields.c - any bytes as the pairs of an item
 *
 * No walk leaves them; the walk ends at their end if, and only if, they are
 * whole pairs; a name is found by where the walk finds it first; what passes
 * the check is what pirn_fields_add() would have made, to the byte.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "spool/fields.h"

const struct fuzz_target fuzz_target = {"fields", 150000, 1024};

enum { ASKED = 8 }; /* so many names are looked for */

/* By counting NULs: an even number of strings, and nothing behind them. */
static bool are_whole_pairs(const struct pirn_fields *fields)
{
    uint32_t nuls = 0;

    for (uint32_t i = 0; i < fields->len; i++) {
        nuls += fields->bytes[i] == '\0';
    }
    return fields->len == 0 ||
           (nuls % 2 == 0 && fields->bytes[fields->len - 1] == '\0');
}

static void check_added(const struct pirn_fields *fields)
{
    struct pirn_fields again = {malloc(fields->len + 1), 0, fields->len};
    const char *name;
    const char *value;
    uint32_t at = 0;

    pirn_assert(again.bytes != NULL);
    while (pirn_fields_next(fields, &at, &name, &value)) {
        pirn_assert(pirn_fields_add(&again, name, value) == 0);
    }
    pirn_assert(again.len == fields->len);
    pirn_assert(memcmp(again.bytes, fields->bytes, again.len) == 0);
    pirn_assert(pirn_fields_add(&again, "a", "") == -ENOSPC);
    free(again.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t len = (uint32_t)size;
    struct pirn_fields fields = {fuzz_copy(data, size), len, len};
    const char *name;
    const char *value;
    uint32_t at = 0;
    uint32_t count = 0;
    bool are_valid = true;

    while (pirn_fields_next(&fields, &at, &name, &value)) {
        if (count++ < ASKED) {
            const char *first = pirn_fields_get(&fields, name);
            pirn_assert(first != NULL && first <= value);
        }
        pirn_assert(value + strlen(value) + 1 == fields.bytes + at);
        are_valid = are_valid && pirn__field_name_is_valid(name);
    }
    pirn_assert(at <= len);
    pirn_assert((at == len) == are_whole_pairs(&fields));
    int r = pirn__fields_check(&fields);
    pirn_assert((r == 0) == (are_valid && at == len && len <= PIRN_FIELDS_MAX));
    if (r == 0) {
        check_added(&fields);
    }
    free(fields.bytes);
    return 0;
}
