/* SPDX-License-Identifier: MIT */
/*
 * record.c - any bytes as a record's head and part, and any record as bytes
 *
 * Bit 0 of the first byte gives a part the sum that it would have, so that what
 * is behind the sum is reached, too; bit 7 makes a record and writes it.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include <xxhash.h>

#include "spool/log/bytes.h"
#include "spool/log/record.h"

const struct fuzz_target fuzz_target = {"record", 100000, 2048};

static void check_head(const uint8_t *bytes)
{
    uint8_t again[PIRN__HEAD_BYTES];
    struct pirn__head head;
    int r = pirn__head_decode(bytes, &head);

    pirn_assert(r == 0 || r == -EBADMSG);
    if (r == 0) {
        pirn__head_encode(&head, again);
        pirn_assert(memcmp(again, bytes, sizeof(again)) == 0);
        pirn_assert(pirn__head_body_room(&head) % PIRN__RECORD_UNIT == 0);
    }
}

/* What was read, written by who knows where it stands. */
static void check_again(const struct pirn__part *part, const uint8_t *bytes,
                        uint64_t salt)
{
    const struct pirn__head *head = &part->head;
    uint32_t units = head->part_bytes / PIRN__RECORD_UNIT;
    struct pirn__place place = head->body;
    uint8_t *again = malloc(head->part_bytes);

    pirn_assert(again != NULL);
    place.at = head->part_at;
    pirn__part_encode(part, again);
    if (place.at < PIRN__PLACE_END - units) {
        pirn__part_seal(again, place, salt);
        pirn_assert(memcmp(again, bytes, head->part_bytes) == 0);
    }
    free(again);
}

static void check_part(uint8_t *bytes, size_t len, uint64_t salt, uint64_t bit)
{
    struct pirn__part part;
    int r = pirn__part_decode(bytes, len, salt, &part);

    pirn_assert(r == 0 || r == -EBADMSG);
    if (r < 0) {
        return;
    }
    uint32_t part_bytes = part.head.part_bytes;
    pirn_assert(part_bytes <= len);
    pirn_assert(part.fields == (const char *)bytes + PIRN__PART_HEAD_BYTES);
    pirn_assert(part.fields_bytes <= part_bytes - PIRN__PART_HEAD_BYTES);
    check_again(&part, bytes, salt);
    pirn_assert(pirn__part_decode(bytes, len, salt + 1, &part) < 0);
    pirn_assert(pirn__part_decode(bytes, part_bytes - 1, salt, &part) < 0);
    fuzz_flip(bytes, bit % (8 * part_bytes));
    pirn_assert(pirn__part_decode(bytes, len, salt, &part) < 0);
}

static void check_bytes(struct fuzz_in *in, bool is_summed)
{
    uint64_t salt = fuzz_take(in, 2);
    uint64_t bit = fuzz_take(in, 2);
    size_t len = in->left;
    uint8_t *bytes = fuzz_copy(in->at, len);

    if (len >= PIRN__PART_HEAD_BYTES) {
        uint32_t part_bytes = pirn__get32(pirn__part_head(bytes) + 28);
        if (is_summed && part_bytes >= PIRN__PART_HEAD_BYTES &&
            part_bytes <= len) {
            pirn__put64(bytes,
                        XXH3_64bits_withSeed(bytes + 8, part_bytes - 8, salt));
        }
        check_head(pirn__part_head(bytes));
    }
    check_part(bytes, len, salt, bit);
    free(bytes);
}

static struct pirn__head head_of(struct fuzz_in *in)
{
    struct pirn__head head = {
        .version = 1 + (uint32_t)fuzz_take(in, 4) % (PIRN__VERSION_END - 1),
        .kind = fuzz_take(in, 1) & 1 ? PIRN__RECORD_PUT : PIRN__RECORD_META,
        .flags = (uint8_t)fuzz_below(in, 4),
        .priority = (uint8_t)fuzz_below(in, 16),
        .queue = (uint16_t)fuzz_take(in, 2),
        .attempts = (uint16_t)fuzz_take(in, 2),
        .due_ns = fuzz_take(in, 8),
        .body_bytes = fuzz_take(in, 8) % PIRN__BODY_BYTES_END,
        .body = pirn__place_unpack(fuzz_take(in, 8)),
    };

    for (unsigned i = 0; i < sizeof(head.id.bytes); i++) {
        head.id.bytes[i] = (uint8_t)fuzz_take(in, 1);
    }
    return head;
}

static void check_record(struct fuzz_in *in)
{
    struct pirn__place place = pirn__place_unpack(fuzz_take(in, 8));
    struct pirn__part part = {.head = head_of(in)};
    struct pirn__part again;
    uint64_t salt = fuzz_take(in, 8);

    part.digest = fuzz_take(in, 8);
    part.created_ns = fuzz_take(in, 8);
    part.fields_bytes = (uint32_t)in->left;
    part.fields = (const char *)in->at;
    part.head.part_bytes = pirn__part_bytes(part.fields_bytes);
    place.at %= PIRN__PLACE_END - part.head.part_bytes / PIRN__RECORD_UNIT;
    uint8_t *bytes = malloc(part.head.part_bytes);
    pirn_assert(bytes != NULL);
    pirn__part_encode(&part, bytes);
    pirn__part_seal(bytes, place, salt);
    pirn_assert(pirn__part_decode(bytes, part.head.part_bytes, salt, &again) ==
                0);
    pirn_assert(again.head.part_at == place.at);
    pirn_assert(again.digest == part.digest);
    pirn_assert(again.created_ns == part.created_ns);
    pirn_assert(again.fields_bytes == part.fields_bytes);
    pirn_assert(part.fields_bytes == 0 ||
                memcmp(again.fields, part.fields, part.fields_bytes) == 0);
    check_head(pirn__part_head(bytes));
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    uint8_t mode = (uint8_t)fuzz_take(&in, 1);

    if (mode & 0x80) {
        check_record(&in);
    } else {
        check_bytes(&in, mode & 1);
    }
    return 0;
}
