/* SPDX-License-Identifier: MIT */
/* print.c - see print.h */
#include "cli/print.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, DIGEST_TEXT = 17 };

void print_time(uint64_t time_ns, char text[PRINT_TIME_TEXT])
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    unsigned ms = (unsigned)(time_ns % NS_PER_S / NS_PER_MS);
    struct tm utc = {0};
    size_t len;

    gmtime_r(&seconds, &utc);
    len = strftime(text, PRINT_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, PRINT_TIME_TEXT - len, ".%03uZ", ms);
}

/* C1 controls (U+0080 to U+009F) move terminals as C0 and DEL do. */
static bool is_control(const char *at, unsigned length)
{
    unsigned char first = (unsigned char)at[0];

    return length == 0 || (length == 1 && (first < 0x20 || first == 0x7f)) ||
           (length == 2 && first == 0xc2 && (unsigned char)at[1] < 0xa0);
}

void print_safe(FILE *out, const char *text)
{
    while (*text != '\0') {
        unsigned length = json_utf8_length(text);

        if (is_control(text, length)) {
            fprintf(out, "\\x%02x", (unsigned char)*text++);
            continue;
        }
        fwrite(text, 1, length, out);
        text += length;
    }
}

static const char *word_of(enum pirn_item_state state)
{
    switch (state) {
    case PIRN_ITEM_READY:
        return "ready";
    case PIRN_ITEM_CLAIMED:
        return "claimed";
    case PIRN_ITEM_DELAYED:
        return "delayed";
    case PIRN_ITEM_HELD:
        return "held";
    }
    return "unknown";
}

static void digest_text(uint64_t digest, char text[DIGEST_TEXT])
{
    snprintf(text, DIGEST_TEXT, "%016" PRIx64, digest);
}

/* Whether the pair at @end is the first of its name. */
static bool is_first(const struct pirn_fields *fields, uint32_t end,
                     const char *name)
{
    const char *other;
    const char *value;
    uint32_t at = 0;

    while (at < end && pirn_fields_next(fields, &at, &other, &value)) {
        if (at < end && strcmp(other, name) == 0) {
            return false;
        }
    }
    return true;
}

static void fields_json(struct json *json, const struct pirn_fields *fields)
{
    const char *name;
    const char *value;
    uint32_t at = 0;

    json_key(json, "fields");
    json_open(json, '{');
    while (pirn_fields_next(fields, &at, &name, &value)) {
        uint32_t rest = at;
        const char *other;

        if (!is_first(fields, at, name)) {
            continue;
        }
        json_key(json, name);
        json_open(json, '[');
        json_text(json, value);
        while (pirn_fields_next(fields, &rest, &other, &value)) {
            if (strcmp(other, name) == 0) {
                json_text(json, value);
            }
        }
        json_close(json, ']');
    }
    json_close(json, '}');
}

void print_item_json(struct json *json, const struct pirn_item *item)
{
    char id[PIRN_ID_TEXT];
    char created[PRINT_TIME_TEXT];
    char due[PRINT_TIME_TEXT];
    char claimed[PRINT_TIME_TEXT];
    char digest[DIGEST_TEXT];

    pirn_id_format(&item->id, id);
    print_time(item->created_ns, created);
    print_time(item->due_ns, due);
    print_time(item->claimed_ns, claimed);
    digest_text(item->digest, digest);
    json_open(json, '{');
    json_key(json, "id");
    json_text(json, id);
    json_key(json, "queue");
    json_text(json, item->queue);
    json_key(json, "state");
    json_text(json, word_of(item->state));
    if (item->state == PIRN_ITEM_CLAIMED) {
        json_key(json, "owner");
        json_number(json, item->owner);
    }
    if (item->claimed_ns != 0) {
        json_key(json, "claimed");
        json_text(json, claimed);
    }
    json_key(json, "size");
    json_number(json, item->size_bytes);
    json_key(json, "created");
    json_text(json, created);
    json_key(json, "attempts");
    json_number(json, item->attempts);
    if (item->due_ns != 0) {
        json_key(json, "due");
        json_text(json, due);
    }
    if (item->priority != 0) {
        json_key(json, "priority");
        json_signed(json, item->priority);
    }
    json_key(json, "version");
    json_number(json, item->version);
    json_key(json, "digest");
    json_text(json, digest);
    fields_json(json, &item->fields);
    json_close(json, '}');
    json_end(json);
}

void print_item_heading(FILE *out)
{
    fprintf(out, "%-26s  %-10s  %-7s  %10s  %-24s  %s\n", "ID", "QUEUE",
            "STATE", "BYTES", "CREATED", "FROM -> TO");
}

static void print_people(FILE *out, const struct pirn_fields *fields)
{
    const char *from = pirn_fields_get(fields, "from");
    const char *to = pirn_fields_get(fields, "to");
    const char *name;
    const char *value;
    uint32_t at = 0;
    uint32_t more = 0;

    if (from == NULL && to == NULL) {
        return;
    }
    fputs("  <", out);
    print_safe(out, from != NULL ? from : "");
    fputs("> ->", out);
    if (to != NULL) {
        fputs(" <", out);
        print_safe(out, to);
        fputs(">", out);
    }
    while (pirn_fields_next(fields, &at, &name, &value)) {
        more += strcmp(name, "to") == 0;
    }
    if (more > 1) {
        fprintf(out, " and %" PRIu32 " more", more - 1);
    }
}

void print_item_row(FILE *out, const struct pirn_item *item)
{
    char id[PIRN_ID_TEXT];
    char created[PRINT_TIME_TEXT];

    pirn_id_format(&item->id, id);
    print_time(item->created_ns, created);
    fprintf(out, "%s  %-10s  %-7s  %10" PRIu64 "  %s", id, item->queue,
            word_of(item->state), item->size_bytes, created);
    print_people(out, &item->fields);
    putc('\n', out);
}

void print_item_whole(FILE *out, const struct pirn_item *item)
{
    char id[PIRN_ID_TEXT];
    char created[PRINT_TIME_TEXT];
    char due[PRINT_TIME_TEXT];
    char claimed[PRINT_TIME_TEXT];
    const char *name;
    const char *value;
    uint32_t at = 0;

    pirn_id_format(&item->id, id);
    print_time(item->created_ns, created);
    print_time(item->due_ns, due);
    print_time(item->claimed_ns, claimed);
    fprintf(out, "id        %s\nqueue     %s\nstate     %s", id, item->queue,
            word_of(item->state));
    if (item->state == PIRN_ITEM_CLAIMED) {
        fprintf(out, " by owner %" PRIu32, item->owner);
    }
    if (item->claimed_ns != 0) {
        fprintf(out, " since %s", claimed);
    }
    fprintf(out, "\nsize      %" PRIu64 " bytes\ncreated   %s\n",
            item->size_bytes, created);
    fprintf(out, "attempts  %" PRIu32 "\nversion   %" PRIu32 "\n",
            item->attempts, item->version);
    if (item->due_ns != 0) {
        fprintf(out, "due       %s\n", due);
    }
    if (item->priority != 0) {
        fprintf(out, "priority  %d\n", item->priority);
    }
    fprintf(out, "digest    %016" PRIx64 " (XXH3-64)\n", item->digest);
    while (pirn_fields_next(&item->fields, &at, &name, &value)) {
        fprintf(out, "field     %s=", name);
        print_safe(out, value);
        putc('\n', out);
    }
}
