/* SPDX-License-Identifier: MIT */
/*
 * log_text.c - any bytes as each of the log's text files
 *
 * At most one of the three takes them, and writes the same bytes again.
 */
#include "tests/fuzz/text.h"

#include "spool/log/log_text.h"

const struct fuzz_target fuzz_target = {"log_text", 80000, 2048};

static int log_taken(const struct fuzz_text *text, char *again, size_t *ret_len)
{
    struct pirn__log_text log;
    int r = pirn__log_text_decode(text->bytes, text->len, &log);

    if (r == 0 && log.format == PIRN__LOG_FORMAT) {
        *ret_len = pirn__log_text_encode(&log, again);
    } else if (r == 0) { /* nobody writes that any more */
        *ret_len = text->len;
        memcpy(again, text->bytes, text->len);
    }
    return r;
}

static int index_taken(const struct fuzz_text *text, char *again,
                       size_t *ret_len)
{
    struct pirn__index_text index;
    int r = pirn__index_text_decode(text->bytes, text->len, &index);

    if (r == 0) {
        *ret_len = pirn__index_text_encode(&index, again);
    }
    return r;
}

static int queue_taken(const struct fuzz_text *text, char *again,
                       size_t *ret_len)
{
    char name[PIRN_QUEUE_TEXT];
    int r = pirn__queue_text_decode(text->bytes, text->len, name);

    if (r == 0) {
        *ret_len = pirn__queue_text_encode(name, again);
    }
    return r;
}

typedef int taken_fn(const struct fuzz_text *text, char *again,
                     size_t *ret_len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static taken_fn *const kinds[] = {log_taken, index_taken, queue_taken};
    struct fuzz_text text = fuzz_text_of(data, size);
    unsigned taken = 0;

    for (unsigned i = 0; i < 3; i++) {
        char again[PIRN__LOG_TEXT_MAX];
        size_t len = 0;
        int r = kinds[i](&text, again, &len);
        fuzz_text_check_outcome(r, &text);
        if (r < 0) {
            continue;
        }
        taken++;
        pirn_assert(len == text.len && memcmp(again, text.bytes, len) == 0);
        fuzz_flip(text.bytes, text.bit);
        pirn_assert(kinds[i](&text, again, &len) < 0);
        fuzz_flip(text.bytes, text.bit);
    }
    pirn_assert(taken <= 1);
    free(text.bytes);
    return 0;
}
