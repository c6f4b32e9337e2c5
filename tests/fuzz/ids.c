/* SPDX-License-Identifier: MIT */
/*
 * ids.c - any text as an id, any bits as one, and as a packed word
 *
 * An id has one text and a text one id, and both sort alike. What is packed
 * comes out as it was, and a word that is read and packed again is the same.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "spool/id.h"
#include "spool/log/index.h"
#include "spool/log/record.h"
#include "spool/log/word.h"

const struct fuzz_target fuzz_target = {"ids", 150000, 256};

static struct pirn_id id_of(struct fuzz_in *in)
{
    struct pirn_id id;

    for (unsigned i = 0; i < sizeof(id.bytes); i++) {
        id.bytes[i] = (uint8_t)fuzz_take(in, 1);
    }
    return id;
}

static int sign_of(int value)
{
    return (value > 0) - (value < 0);
}

static void check_ids(struct fuzz_in *in)
{
    struct pirn_id a = id_of(in);
    struct pirn_id b = id_of(in);
    struct pirn_id again;
    char text_a[PIRN_ID_TEXT];
    char text_b[PIRN_ID_TEXT];

    pirn_id_format(&a, text_a);
    pirn_id_format(&b, text_b);
    pirn_assert(strlen(text_a) == PIRN_ID_TEXT - 1);
    pirn_assert(pirn_id_parse(text_a, &again) == 0);
    pirn_assert(memcmp(&again, &a, sizeof(a)) == 0);
    pirn_assert(sign_of(strcmp(text_a, text_b)) ==
                sign_of(pirn__id_compare(&a, &b)));
    pirn_assert(pirn__id_shard(&a) < 1024);
}

static void check_text(struct fuzz_in *in)
{
    char *text = fuzz_string(in, in->left);
    char again[PIRN_ID_TEXT];
    struct pirn_id id;
    int r = pirn_id_parse(text, &id);

    pirn_assert(r == 0 || r == -EINVAL);
    if (r == 0) {
        pirn_id_format(&id, again);
        pirn_assert(strcmp(again, text) == 0);
    }
    free(text);
}

/* Later ones of one source sort behind, and keep the shard they were given. */
static void check_source(struct fuzz_in *in)
{
    struct pirn__id_source source = {0};
    struct pirn_id before = {{0}};

    for (unsigned i = 0; i < 8 && in->left > 0; i++) {
        uint64_t now_ns = fuzz_take(in, 8) >> 8;
        uint32_t shard = fuzz_below(in, 1024);
        struct pirn_id random = id_of(in);
        struct pirn_id id;
        pirn__id_next(&source, now_ns, random.bytes, shard, &id);
        pirn_assert(pirn__id_compare(&before, &id) < 0);
        pirn_assert(pirn__id_shard(&id) == shard);
        before = id;
    }
}

static void check_log_id(struct fuzz_in *in)
{
    struct pirn__log_id parts = {
        .ms = fuzz_take(in, 6),
        .epoch = (uint16_t)(fuzz_take(in, 2) & 0xfff),
        .incarnation = (uint32_t)fuzz_take(in, 4),
        .slot = (uint32_t)fuzz_take(in, 4) % PIRN__LOG_SLOTS_MAX,
    };
    struct pirn__log_id again;
    struct pirn_id id;

    pirn__log_id_pack(&parts, &id);
    pirn__log_id_unpack(&id, &again);
    pirn_assert(again.ms == parts.ms && again.epoch == parts.epoch);
    pirn_assert(again.incarnation == parts.incarnation);
    pirn_assert(again.slot == parts.slot);
    pirn_assert(pirn__id_shard(&id) == parts.slot % PIRN__LOG_SHARDS);
    id = id_of(in);
    pirn__log_id_unpack(&id, &again);
    pirn_assert(again.slot < PIRN__LOG_SLOTS_MAX && again.ms >> 48 == 0);
}

static void check_words(struct fuzz_in *in)
{
    uint64_t bits = fuzz_take(in, 8);
    struct pirn__place place = pirn__place_unpack(bits);
    uint64_t word = bits & ~(UINT64_C(1) << 58);
    uint64_t segment = bits & ~(UINT64_C(0x3ffff) << 32);

    pirn_assert(pirn__place_pack(place) == bits);
    pirn_assert(place.segment < PIRN__SEGMENTS_END);
    pirn_assert(place.at < PIRN__PLACE_END);
    struct pirn__mark mark = pirn__mark_unpack(bits);
    pirn_assert(mark.records <= PIRN__SEGMENT_RECORDS_MAX);
    pirn_assert(pirn__mark_pack(mark) == bits ||
                bits >> 48 > PIRN__SEGMENT_RECORDS_MAX);
    pirn_assert(pirn__word_pack(pirn__word_unpack(bits)) == word);
    pirn_assert(pirn__segment_pack(pirn__segment_unpack(bits)) == segment);
    pirn_assert(pirn__route_pack(pirn__route_unpack(bits)) == bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};

    switch (fuzz_below(&in, 5)) {
    case 0:
        check_text(&in);
        break;
    case 1:
        check_ids(&in);
        break;
    case 2:
        check_source(&in);
        break;
    case 3:
        check_log_id(&in);
        break;
    default:
        check_words(&in);
        break;
    }
    return 0;
}
