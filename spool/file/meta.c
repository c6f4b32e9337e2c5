/* SPDX-License-Identifier: MIT */
/*
 * meta.c - an item's metadata, to text and back
 *
 * The text is what people see, so it is lines; it is what a crash may tear, so
 * the last line has the checksum of the rest (spool/text.h). One item has one
 * text: what is read strictly and written again is the same bytes.
 */
#include "spool/file/meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/fields.h"
#include "spool/text.h"

/* More than all lines but the fields need. */
enum { FIXED_MAX = 480 };

#define SECOND_NS 1000000000ull

/* The first format that knows where an item belongs; what has nothing of it is
 * written in the one before, which older programs read. */
enum { FORMAT_PLAIN = 1, FORMAT_PLACED = 2 };

static bool is_escaped(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f || c == '%';
}

/* A day of the proleptic Gregorian calendar. */
struct date {
    uint64_t year;
    uint64_t month;
    uint64_t day;
};

/* Days since 1970 to a date, in eras of 400 years that begin in March. */
static struct date date_of(uint64_t days)
{
    uint64_t z = days + 719468;
    uint64_t era = z / 146097;
    uint64_t doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint64_t mp = (5 * doy + 2) / 153;
    uint64_t month = mp < 10 ? mp + 3 : mp - 9;

    return (struct date){
        .year = yoe + era * 400 + (month <= 2),
        .month = month,
        .day = doy - (153 * mp + 2) / 5 + 1,
    };
}

static uint64_t days_of(struct date date)
{
    uint64_t y = date.year - (date.month <= 2);
    uint64_t yoe = y % 400;
    uint64_t mp = date.month > 2 ? date.month - 3 : date.month + 9;
    uint64_t doy = (153 * mp + 2) / 5 + date.day - 1;
    uint64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return y / 400 * 146097 + doe - 719468;
}

/* RFC 3339, UTC, nanoseconds. */
static void put_time(struct pirn__text_out *out, uint64_t ns)
{
    uint64_t second = ns / SECOND_NS;
    struct date date = date_of(second / 86400);

    second %= 86400;
    pirn__text_put_u64(out, date.year, 4);
    pirn__text_put(out, "-", 1);
    pirn__text_put_u64(out, date.month, 2);
    pirn__text_put(out, "-", 1);
    pirn__text_put_u64(out, date.day, 2);
    pirn__text_put(out, "T", 1);
    pirn__text_put_u64(out, second / 3600, 2);
    pirn__text_put(out, ":", 1);
    pirn__text_put_u64(out, second / 60 % 60, 2);
    pirn__text_put(out, ":", 1);
    pirn__text_put_u64(out, second % 60, 2);
    pirn__text_put(out, ".", 1);
    pirn__text_put_u64(out, ns % SECOND_NS, 9);
    pirn__text_put(out, "Z", 1);
}

static bool take_time(struct pirn__text_in *in, uint64_t *ret_ns)
{
    struct date date;
    uint64_t hour;
    uint64_t minute;
    uint64_t second;
    uint64_t ns;

    if (!pirn__text_take_digits(in, 4, &date.year) ||
        !pirn__text_take(in, "-") ||
        !pirn__text_take_digits(in, 2, &date.month) ||
        !pirn__text_take(in, "-") ||
        !pirn__text_take_digits(in, 2, &date.day) ||
        !pirn__text_take(in, "T") || !pirn__text_take_digits(in, 2, &hour) ||
        !pirn__text_take(in, ":") || !pirn__text_take_digits(in, 2, &minute) ||
        !pirn__text_take(in, ":") || !pirn__text_take_digits(in, 2, &second) ||
        !pirn__text_take(in, ".") || !pirn__text_take_digits(in, 9, &ns) ||
        !pirn__text_take(in, "Z")) {
        return false;
    }
    if (date.year < 1970 || date.year > 2553 || date.month < 1 ||
        date.month > 12 || date.day < 1 || date.day > 31 || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    uint64_t days = days_of(date);
    if (date_of(days).day != date.day) {
        return false; /* its month has no such day */
    }
    second += days * 86400 + hour * 3600 + minute * 60;
    *ret_ns = second * SECOND_NS + ns;
    return true;
}

static size_t escaped_len(const char *value)
{
    size_t len = 0;

    for (; *value != '\0'; value++) {
        len += is_escaped(*value) ? 3 : 1;
    }
    return len;
}

static bool is_placed(const struct pirn_item *item)
{
    return item->queue[0] != '\0' || item->due_ns != 0 || item->priority != 0 ||
           item->state == PIRN_ITEM_HELD;
}

/* Where it belongs, as far as that is not where it stands. */
static void put_place(struct pirn__text_out *out, const struct pirn_item *item)
{
    if (item->queue[0] != '\0') {
        pirn__text_put_string(out, "queue ");
        pirn__text_put_string(out, item->queue);
        pirn__text_put(out, "\n", 1);
    }
    if (item->due_ns != 0) {
        pirn__text_put_string(out, "due ");
        put_time(out, item->due_ns < PIRN__META_DUE_MAX ? item->due_ns
                                                        : PIRN__META_DUE_MAX);
        pirn__text_put(out, "\n", 1);
    }
    if (item->priority != 0) {
        pirn__text_put_string(out,
                              item->priority < 0 ? "priority -" : "priority ");
        pirn__text_put_u64(out, (uint64_t)abs(item->priority), 1);
        pirn__text_put(out, "\n", 1);
    }
    if (item->state == PIRN_ITEM_HELD) {
        pirn__text_put_string(out, "held\n");
    }
}

/* The lines before the fields. @buf has FIXED_MAX bytes. */
static size_t put_fixed(const struct pirn_item *item, char *buf)
{
    struct pirn__text_out out = {buf, buf + FIXED_MAX};
    char id[PIRN_ID_TEXT];

    pirn_id_format(&item->id, id);
    pirn__text_put_string(&out, is_placed(item) ? "pirn-item 2\nid "
                                                : "pirn-item 1\nid ");
    pirn__text_put_string(&out, id);
    pirn__text_put_string(&out, "\nversion ");
    pirn__text_put_u64(&out, item->version, 1);
    pirn__text_put_string(&out, "\ncreated ");
    put_time(&out, item->created_ns);
    pirn__text_put_string(&out, "\nsize ");
    pirn__text_put_u64(&out, item->size_bytes, 1);
    pirn__text_put_string(&out, "\ndigest ");
    pirn__text_put_hex64(&out, item->digest);
    pirn__text_put_string(&out, "\nattempts ");
    pirn__text_put_u64(&out, item->attempts, 1);
    pirn__text_put(&out, "\n", 1);
    put_place(&out, item);
    return (size_t)(out.at - buf);
}

size_t pirn__meta_size(const struct pirn_item *item)
{
    char fixed[FIXED_MAX];
    size_t size = put_fixed(item, fixed) + PIRN__TEXT_END;
    const char *name;
    const char *value;
    uint32_t at = 0;

    while (pirn_fields_next(&item->fields, &at, &name, &value)) {
        size += strlen("field  \n") + strlen(name) + escaped_len(value);
    }
    pirn_assert(size <= PIRN__META_MAX);
    return size;
}

static void put_value(struct pirn__text_out *out, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *value != '\0'; value++) {
        if (is_escaped(*value)) {
            unsigned char c = (unsigned char)*value;
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            pirn__text_put(out, escape, sizeof(escape));
        } else {
            pirn__text_put(out, value, 1);
        }
    }
}

size_t pirn__meta_encode(const struct pirn_item *item, char *buf, size_t cap)
{
    char fixed[FIXED_MAX];
    size_t fixed_len = put_fixed(item, fixed);
    struct pirn__text_out out = {buf, buf + cap};
    const char *name;
    const char *value;
    uint32_t at = 0;

    pirn__text_put(&out, fixed, fixed_len);
    while (pirn_fields_next(&item->fields, &at, &name, &value)) {
        pirn__text_put_string(&out, "field ");
        pirn__text_put_string(&out, name);
        pirn__text_put(&out, " ", 1);
        put_value(&out, value);
        pirn__text_put(&out, "\n", 1);
    }
    pirn_assert_rule(at == item->fields.len, "fields are whole pairs");
    pirn__text_put_end(&out, buf);
    return (size_t)(out.at - buf);
}

static bool take_u32(struct pirn__text_in *in, uint32_t *ret_value)
{
    uint64_t value;

    if (!pirn__text_take_u64(in, &value) || value > UINT32_MAX) {
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

static bool take_id(struct pirn__text_in *in, struct pirn_id *ret_id)
{
    char text[PIRN_ID_TEXT] = {0};

    if ((size_t)(in->end - in->at) < PIRN_ID_TEXT - 1) {
        return false;
    }
    memcpy(text, in->at, PIRN_ID_TEXT - 1);
    if (pirn_id_parse(text, ret_id) < 0) {
        return false;
    }
    in->at += PIRN_ID_TEXT - 1;
    return true;
}

static bool take_fixed(struct pirn__text_in *in, struct pirn_item *item)
{
    return pirn__text_take(in, "id ") && take_id(in, &item->id) &&
           pirn__text_take(in, "\nversion ") && take_u32(in, &item->version) &&
           pirn__text_take(in, "\ncreated ") &&
           take_time(in, &item->created_ns) && pirn__text_take(in, "\nsize ") &&
           pirn__text_take_u64(in, &item->size_bytes) &&
           pirn__text_take(in, "\ndigest ") &&
           pirn__text_take_hex64(in, &item->digest) &&
           pirn__text_take(in, "\nattempts ") &&
           take_u32(in, &item->attempts) && pirn__text_take(in, "\n");
}

/* To the end of the line. */
static bool take_queue(struct pirn__text_in *in, char queue[PIRN_QUEUE_TEXT])
{
    size_t len = 0;

    while (in->at < in->end && *in->at != '\n' && len + 1 < PIRN_QUEUE_TEXT) {
        queue[len++] = *in->at++;
    }
    queue[len] = '\0';
    return strlen(queue) == len && pirn_queue_name_is_valid(queue) &&
           pirn__text_take(in, "\n");
}

static bool take_priority(struct pirn__text_in *in, int8_t *ret_priority)
{
    bool below = pirn__text_take(in, "-");
    uint64_t value;

    if (!pirn__text_take_u64(in, &value) || value == 0 ||
        value > (below ? 8 : 7)) {
        return false;
    }
    *ret_priority = (int8_t)(below ? -(int)value : (int)value);
    return pirn__text_take(in, "\n");
}

/* Each line is there or not, and one at least is. */
static bool take_place(struct pirn__text_in *in, struct pirn_item *item)
{
    if (pirn__text_take(in, "queue ") && !take_queue(in, item->queue)) {
        return false;
    }
    if (pirn__text_take(in, "due ") &&
        (!take_time(in, &item->due_ns) || item->due_ns == 0 ||
         !pirn__text_take(in, "\n"))) {
        return false;
    }
    if (pirn__text_take(in, "priority ") &&
        !take_priority(in, &item->priority)) {
        return false;
    }
    if (pirn__text_take(in, "held\n")) {
        item->state = PIRN_ITEM_HELD;
    }
    return is_placed(item);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte behind a %; one that needs no escape is not written so. */
static bool take_escape(struct pirn__text_in *in, char *ret_c)
{
    if (in->end - in->at < 2) {
        return false;
    }
    int high = hex_digit(in->at[0]);
    int low = hex_digit(in->at[1]);
    if (high < 0 || low < 0) {
        return false;
    }
    char c = (char)(high << 4 | low);
    if (c == '\0' || !is_escaped(c)) {
        return false;
    }
    in->at += 2;
    *ret_c = c;
    return true;
}

/* To the end of the line, unescaped and with a NUL behind it. */
static bool take_value(struct pirn__text_in *in, struct pirn__text_out *out)
{
    while (in->at < in->end && *in->at != '\n') {
        char c = *in->at++;
        if (c == '%' ? !take_escape(in, &c) : is_escaped(c)) {
            return false;
        }
        pirn__text_put(out, &c, 1);
    }
    pirn__text_put(out, "", 1);
    return pirn__text_take(in, "\n");
}

static bool take_field(struct pirn__text_in *in, struct pirn__text_out *out)
{
    const char *name = out->at;

    if (!pirn__text_take(in, "field ")) {
        return false;
    }
    /* A NUL, which strchr() finds behind the others, ends a name, too. */
    while (in->at < in->end && strchr(" \n", *in->at) == NULL) {
        pirn__text_put(out, in->at++, 1);
    }
    pirn__text_put(out, "", 1);
    return pirn__field_name_is_valid(name) && pirn__text_take(in, " ") &&
           take_value(in, out);
}

int pirn__meta_decode(const char *text, size_t len, char *fields,
                      struct pirn_item *ret_item)
{
    struct pirn__text_out out = {fields, fields + len};
    struct pirn_item item = {0};
    struct pirn__text_in in;
    int format =
        pirn__text_check_as(text, len, "pirn-item", FORMAT_PLACED, &in);

    if (format < 0) {
        return format;
    }
    if (!take_fixed(&in, &item) ||
        (format == FORMAT_PLACED && !take_place(&in, &item))) {
        return -EBADMSG;
    }
    while (in.at < in.end) {
        if (!take_field(&in, &out)) {
            return -EBADMSG;
        }
    }
    size_t fields_len = (size_t)(out.at - fields);
    if (fields_len > PIRN_FIELDS_MAX) {
        return -EBADMSG;
    }
    item.fields.bytes = fields;
    item.fields.len = (uint32_t)fields_len;
    item.fields.cap = (uint32_t)fields_len;
    *ret_item = item;
    return 0;
}
