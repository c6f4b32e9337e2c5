/* SPDX-License-Identifier: MIT */
/*
 * meta.c - any bytes as an item's metadata, and any item as metadata
 *
 * What is read and written again is the same bytes; what is written and read
 * again is the same item.
 */
#include "tests/fuzz/text.h"

#include "spool/fields.h"
#include "spool/file/meta.h"

const struct fuzz_target fuzz_target = {"meta", 60000, 4096};

/* Behind the last year that the text can say. */
#define YEARS_END (PIRN__META_DUE_MAX + 1)

static void check_same(const struct pirn_item *a, const struct pirn_item *b)
{
    pirn_assert(memcmp(&a->id, &b->id, sizeof(a->id)) == 0);
    pirn_assert(a->version == b->version);
    pirn_assert(a->attempts == b->attempts);
    pirn_assert(a->created_ns == b->created_ns);
    pirn_assert(a->size_bytes == b->size_bytes);
    pirn_assert(a->digest == b->digest);
    pirn_assert(strcmp(a->queue, b->queue) == 0);
    pirn_assert(a->due_ns == b->due_ns);
    pirn_assert(a->priority == b->priority);
    pirn_assert(a->state == b->state);
    pirn_assert(a->fields.len == b->fields.len);
    pirn_assert(a->fields.len == 0 ||
                memcmp(a->fields.bytes, b->fields.bytes, a->fields.len) == 0);
}

static void check_text(const uint8_t *data, size_t size)
{
    struct fuzz_text text = fuzz_text_of(data, size);
    char *fields = malloc(text.len > 0 ? text.len : 1);
    struct pirn_item item;

    pirn_assert(fields != NULL);
    int r = pirn__meta_decode(text.bytes, text.len, fields, &item);
    fuzz_text_check_outcome(r, &text);
    if (r == 0) {
        char *again = malloc(text.len);
        pirn_assert(again != NULL);
        pirn_assert(pirn__fields_check(&item.fields) == 0);
        pirn_assert(pirn__meta_size(&item) == text.len);
        pirn_assert(pirn__meta_encode(&item, again, text.len) == text.len);
        pirn_assert(memcmp(again, text.bytes, text.len) == 0);
        free(again);
        fuzz_flip(text.bytes, text.bit);
        pirn_assert(pirn__meta_decode(text.bytes, text.len, fields, &item) < 0);
    }
    free(fields);
    free(text.bytes);
}

/* Pairs of any values, as a caller may have them. */
static struct pirn_fields fields_of(struct fuzz_in *in, uint32_t cap)
{
    static const char *const names[] = {"from", "to", "x-y_z.0", "a"};
    struct pirn_fields fields = {malloc(cap), 0, cap};

    pirn_assert(fields.bytes != NULL);
    while (in->left > 0) {
        const char *name = names[fuzz_below(in, 4)];
        char *value = fuzz_string(in, fuzz_below(in, 64));
        int r = pirn_fields_add(&fields, name, value);
        pirn_assert(r == 0 || r == -ENOSPC);
        free(value);
    }
    return fields;
}

static void check_item(struct fuzz_in *in)
{
    static const char *const queues[] = {"", "later", "a-b_0", ""};
    struct pirn_item item = {
        .state = fuzz_below(in, 4) == 0 ? PIRN_ITEM_HELD : PIRN_ITEM_READY,
        .priority = (int8_t)((int)fuzz_below(in, 16) - 8),
        .due_ns = fuzz_below(in, 2) ? fuzz_take(in, 8) % YEARS_END : 0,
        .version = (uint32_t)fuzz_take(in, 4),
        .attempts = (uint32_t)fuzz_take(in, 4),
        .created_ns = fuzz_take(in, 8) % YEARS_END,
        .size_bytes = fuzz_take(in, 8),
        .digest = fuzz_take(in, 8),
    };
    struct pirn_item again;

    strcpy(item.queue, queues[fuzz_below(in, 4)]);
    for (unsigned i = 0; i < sizeof(item.id.bytes); i++) {
        item.id.bytes[i] = (uint8_t)fuzz_take(in, 1);
    }
    item.fields = fields_of(in, 1024);
    size_t len = pirn__meta_size(&item);
    char *text = malloc(len);
    char *fields = malloc(len);
    pirn_assert(text != NULL && fields != NULL);
    pirn_assert(pirn__meta_encode(&item, text, len) == len);
    pirn_assert(pirn__meta_decode(text, len, fields, &again) == 0);
    check_same(&item, &again);
    free(fields);
    free(text);
    free(item.fields.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};

    if (size > 0 && data[0] >= 0x80) {
        fuzz_take(&in, 1);
        check_item(&in);
    } else {
        check_text(data, size);
    }
    return 0;
}
