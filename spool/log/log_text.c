/* SPDX-License-Identifier: MIT */
/* log_text.c - see spool/log/log_text.h */
#include "spool/log/log_text.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/text.h"

static void put_bytes(struct pirn__text_out *out, const uint8_t bytes[16])
{
    for (int half = 0; half < 2; half++) {
        uint64_t value = 0;
        for (int i = 0; i < 8; i++) {
            value = value << 8 | bytes[half * 8 + i];
        }
        pirn__text_put_hex64(out, value);
    }
}

static bool take_bytes(struct pirn__text_in *in, uint8_t bytes[16])
{
    for (int half = 0; half < 2; half++) {
        uint64_t value;
        if (!pirn__text_take_hex64(in, &value)) {
            return false;
        }
        for (int i = 0; i < 8; i++) {
            bytes[half * 8 + i] = (uint8_t)(value >> (56 - 8 * i));
        }
    }
    return true;
}

/* "@key value\n" */
static void put_line(struct pirn__text_out *out, const char *key,
                     uint64_t value)
{
    pirn__text_put_string(out, key);
    pirn__text_put_u64(out, value, 1);
    pirn__text_put(out, "\n", 1);
}

static bool take_line(struct pirn__text_in *in, const char *key,
                      uint64_t *ret_value)
{
    return pirn__text_take(in, key) && pirn__text_take_u64(in, ret_value) &&
           pirn__text_take(in, "\n");
}

/* The rest of a line: 1 .. @cap - 1 bytes. */
static bool take_rest(struct pirn__text_in *in, char *buf, size_t cap)
{
    size_t left = (size_t)(in->end - in->at);
    const char *end = memchr(in->at, '\n', left);
    size_t len = end == NULL ? 0 : (size_t)(end - in->at);

    if (len == 0 || len >= cap || memchr(in->at, '\0', len) != NULL) {
        return false;
    }
    memcpy(buf, in->at, len);
    buf[len] = '\0';
    in->at = end + 1;
    return true;
}

static size_t end_text(struct pirn__text_out *out, const char *buf)
{
    pirn__text_put_end(out, buf);
    return (size_t)(out->at - buf);
}

size_t pirn__log_text_encode(const struct pirn__log_text *text, char *buf)
{
    struct pirn__text_out out = {buf, buf + PIRN__LOG_TEXT_MAX};

    pirn_assert(pirn__index_size_check(&text->size) == 0);
    static_assert(PIRN__LOG_FORMAT == 2, "the number below");
    pirn__text_put_string(&out, "pirn-log 2\nspool ");
    put_bytes(&out, text->spool);
    pirn__text_put(&out, "\n", 1);
    put_line(&out, "slots ", text->size.slots);
    put_line(&out, "segments ", text->size.segments);
    put_line(&out, "segment_bytes ", text->size.segment_bytes);
    return end_text(&out, buf);
}

int pirn__log_text_decode(const char *buf, size_t len,
                          struct pirn__log_text *ret_text)
{
    struct pirn__log_text text = {0};
    uint64_t slots;
    uint64_t segments;
    struct pirn__text_in in;
    int r = pirn__text_check_as(buf, len, "pirn-log", PIRN__LOG_FORMAT, &in);

    if (r < 0) {
        return r;
    }
    text.format = r;
    if (!pirn__text_take(&in, "spool ") || !take_bytes(&in, text.spool) ||
        !pirn__text_take(&in, "\n") || !take_line(&in, "slots ", &slots) ||
        !take_line(&in, "segments ", &segments) ||
        !take_line(&in, "segment_bytes ", &text.size.segment_bytes) ||
        in.at != in.end || slots > UINT32_MAX || segments > UINT32_MAX) {
        return -EPROTO; /* whole, so somebody meant it */
    }
    text.size.slots = (uint32_t)slots;
    text.size.segments = (uint32_t)segments;
    if (pirn__index_size_check(&text.size) < 0) {
        return -EPROTO;
    }
    *ret_text = text;
    return 0;
}

size_t pirn__index_text_encode(const struct pirn__index_text *text, char *buf)
{
    struct pirn__text_out out = {buf, buf + PIRN__LOG_TEXT_MAX};

    pirn_assert(text->path[0] != '\0' && strchr(text->path, '\n') == NULL);
    pirn__text_put_string(&out, "pirn-index 1\n");
    put_line(&out, "epoch ", text->epoch);
    pirn__text_put_string(&out, "boot ");
    put_bytes(&out, text->boot);
    pirn__text_put_string(&out, "\nnonce ");
    pirn__text_put_hex64(&out, text->nonce);
    pirn__text_put_string(&out, "\npath ");
    pirn__text_put_string(&out, text->path);
    pirn__text_put(&out, "\n", 1);
    return end_text(&out, buf);
}

int pirn__index_text_decode(const char *buf, size_t len,
                            struct pirn__index_text *ret_text)
{
    struct pirn__index_text text = {0};
    struct pirn__text_in in;
    int r = pirn__text_check(buf, len, "pirn-index", &in);

    if (r < 0) {
        return r;
    }
    if (!take_line(&in, "epoch ", &text.epoch) ||
        !pirn__text_take(&in, "boot ") || !take_bytes(&in, text.boot) ||
        !pirn__text_take(&in, "\nnonce ") ||
        !pirn__text_take_hex64(&in, &text.nonce) ||
        !pirn__text_take(&in, "\npath ") ||
        !take_rest(&in, text.path, sizeof(text.path)) || in.at != in.end) {
        return -EPROTO;
    }
    *ret_text = text;
    return 0;
}

size_t pirn__queue_text_encode(const char *name, char *buf)
{
    struct pirn__text_out out = {buf, buf + PIRN__LOG_TEXT_MAX};

    pirn_assert(pirn_queue_name_is_valid(name));
    pirn__text_put_string(&out, "pirn-queue 1\nname ");
    pirn__text_put_string(&out, name);
    pirn__text_put(&out, "\n", 1);
    return end_text(&out, buf);
}

int pirn__queue_text_decode(const char *buf, size_t len,
                            char name[PIRN_QUEUE_TEXT])
{
    struct pirn__text_in in;
    int r = pirn__text_check(buf, len, "pirn-queue", &in);

    if (r < 0) {
        return r;
    }
    if (!pirn__text_take(&in, "name ") ||
        !take_rest(&in, name, PIRN_QUEUE_TEXT) || in.at != in.end ||
        !pirn_queue_name_is_valid(name)) {
        return -EPROTO;
    }
    return 0;
}
