/* SPDX-License-Identifier: MIT */
/*
 * names.c - the table's columns as paths
 *
 * Every path has a bound that is known here; a path that would be cut is a
 * programmer's error and stops the program.
 */
#include "spool/names.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/id.h"

static_assert(PIRN_QUEUE_TEXT + sizeof("/.due/000000000000+0/") +
                      PIRN_ID_TEXT <=
                  sizeof(struct pirn__name),
              "the longest path");

__attribute__((format(printf, 2, 3))) static void print(struct pirn__name *name,
                                                        const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(name->text, sizeof(name->text), format, args);
    va_end(args);
    pirn_assert(len > 0 && (size_t)len < sizeof(name->text));
}

/* The last two characters of an id's text name its shard. */
static const char *shard_of(const char id[PIRN_ID_TEXT])
{
    return id + PIRN_ID_TEXT - 3;
}

bool pirn_queue_name_is_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    return len >= 1 && len < PIRN_QUEUE_TEXT && name[len] == '\0' &&
           name[0] != '-' && !(name[0] >= '0' && name[0] <= '9');
}

void pirn__name_shard_dir(struct pirn__name *name, const char *parent,
                          uint32_t shard)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
    const char tail[] = {'/', alphabet[shard >> 5], alphabet[shard & 31], '\0'};
    size_t len = strlen(parent);

    /* By hand: who opens a spool asks for hundreds. */
    pirn_assert(shard < PIRN__SHARDS);
    pirn_assert(len + sizeof(tail) <= sizeof(name->text));
    memcpy(name->text, parent, len);
    memcpy(name->text + len, tail, sizeof(tail));
}

void pirn__name_tmp_dir(struct pirn__name *name, uint32_t slot)
{
    pirn_assert(slot < PIRN__SLOTS);
    print(name, PIRN__NAME_TMP "/%04u", slot);
}

void pirn__name_checkout(struct pirn__name *name, const char *queue)
{
    print(name, "%s/.checkout", queue);
}

void pirn__name_checkout_dir(struct pirn__name *name, const char *queue,
                             uint32_t slot)
{
    pirn_assert(slot < PIRN__SLOTS);
    print(name, "%s/.checkout/%04u", queue, slot);
}

void pirn__name_queue_dir(struct pirn__name *name, const char *queue)
{
    print(name, "%s", queue);
}

void pirn__name_shelf_dir(struct pirn__name *name, const char *queue,
                          uint32_t shelf)
{
    pirn_assert(shelf < PIRN__SHELVES && shelf != PIRN__SHELF_NORMAL);
    if (shelf == PIRN__SHELF_HELD) {
        print(name, "%s/.held", queue);
    } else {
        print(name, "%s/.priority%+d", queue,
              (int)shelf - (int)PIRN__SHELF_NORMAL);
    }
}

void pirn__name_due_dir(struct pirn__name *name, const char *queue)
{
    print(name, "%s/" PIRN__NAME_DUE, queue);
}

void pirn__name_bucket_dir(struct pirn__name *name, const char *queue,
                           const struct pirn__bucket *bucket)
{
    unsigned long long due_s = bucket->due_s;

    pirn_assert(due_s < 1000000000000);
    if (bucket->priority == 0) {
        print(name, "%s/" PIRN__NAME_DUE "/%012llu", queue, due_s);
    } else {
        print(name, "%s/" PIRN__NAME_DUE "/%012llu%+d", queue, due_s,
              bucket->priority);
    }
}

void pirn__name_in(struct pirn__name *name, const struct pirn__name *dir,
                   const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    print(name, "%s/%s", dir->text, text);
}

void pirn__name_making(struct pirn__name *name, const char *queue)
{
    print(name, PIRN__NAME_MAKING "/%s", queue);
}

void pirn__name_log_body(struct pirn__name *name, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    print(name, PIRN__NAME_LOG_DATA "/%s/%s", shard_of(text), text);
}

void pirn__name_alias(struct pirn__name *name, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    print(name, PIRN__NAME_LOG_IDS "/%s", text);
}

void pirn__name_body(struct pirn__name *name, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    print(name, PIRN__NAME_DATA "/%s/%s", shard_of(text), text);
}

void pirn__name_draft(struct pirn__name *name, uint32_t slot,
                      const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_assert(slot < PIRN__SLOTS);
    pirn_id_format(id, text);
    print(name, PIRN__NAME_TMP "/%04u/%s", slot, text);
}

void pirn__name_next(struct pirn__name *name, uint32_t slot,
                     const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_assert(slot < PIRN__SLOTS);
    pirn_id_format(id, text);
    print(name, PIRN__NAME_TMP "/%04u/%s.new", slot, text);
}

void pirn__name_ready(struct pirn__name *name, const char *queue,
                      const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    print(name, "%s/%s/%s", queue, shard_of(text), text);
}

void pirn__name_claimed(struct pirn__name *name, const char *queue,
                        uint32_t slot, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];

    pirn_assert(slot < PIRN__SLOTS);
    pirn_id_format(id, text);
    print(name, "%s/.checkout/%04u/%s", queue, slot, text);
}

static const char *const moving_ends[] = {
    [PIRN__MOVING_IN] = ".in",
    [PIRN__MOVING_OUT] = ".out",
};

void pirn__name_moving(struct pirn__name *name, const char *queue,
                       uint32_t slot, const struct pirn_id *id,
                       enum pirn__moving_name which)
{
    char text[PIRN_ID_TEXT];

    pirn_assert(slot < PIRN__SLOTS);
    pirn_id_format(id, text);
    print(name, "%s/.checkout/%04u/%s%s", queue, slot, text,
          moving_ends[which]);
}

/* "+7" .. "+1", "-1" .. "-8"; nothing else. */
static bool parse_priority(const char *text, int8_t *ret_priority)
{
    bool below = text[0] == '-';

    if ((text[0] != '+' && !below) || text[1] < '1' ||
        text[1] > (below ? '8' : '7') || text[2] != '\0') {
        return false;
    }
    *ret_priority = (int8_t)(below ? '0' - text[1] : text[1] - '0');
    return true;
}

bool pirn__name_parse_shelf(const char *text, uint32_t *ret_shelf)
{
    static const char prefix[] = ".priority";
    int8_t priority;

    if (strcmp(text, ".held") == 0) {
        *ret_shelf = PIRN__SHELF_HELD;
        return true;
    }
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 ||
        !parse_priority(text + sizeof(prefix) - 1, &priority)) {
        return false;
    }
    *ret_shelf = (uint32_t)(priority + (int)PIRN__SHELF_NORMAL);
    return true;
}

bool pirn__name_parse_bucket(const char *text, struct pirn__bucket *ret_bucket)
{
    struct pirn__bucket bucket = {0};

    if (strspn(text, "0123456789") != 12) {
        return false;
    }
    for (unsigned i = 0; i < 12; i++) {
        bucket.due_s = bucket.due_s * 10 + (uint64_t)(text[i] - '0');
    }
    if (text[12] != '\0' && !parse_priority(text + 12, &bucket.priority)) {
        return false;
    }
    *ret_bucket = bucket;
    return true;
}

bool pirn__name_parse_slot(const char *text, uint32_t *ret_slot)
{
    uint32_t slot = 0;

    if (strspn(text, "0123456789") != 4 || text[4] != '\0') {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        slot = slot * 10 + (uint32_t)(text[i] - '0');
    }
    if (slot >= PIRN__SLOTS) {
        return false;
    }
    *ret_slot = slot;
    return true;
}

/* From an id with @end behind it. */
static bool parse_id_and(const char *text, const char *end,
                         struct pirn_id *ret_id)
{
    char id[PIRN_ID_TEXT];

    if (strnlen(text, 64) != PIRN_ID_TEXT - 1 + strlen(end) ||
        strcmp(text + PIRN_ID_TEXT - 1, end) != 0) {
        return false;
    }
    memcpy(id, text, PIRN_ID_TEXT - 1);
    id[PIRN_ID_TEXT - 1] = '\0';
    return pirn_id_parse(id, ret_id) == 0;
}

bool pirn__name_parse_next(const char *text, struct pirn_id *ret_id)
{
    return parse_id_and(text, ".new", ret_id);
}

bool pirn__name_parse_moving(const char *text, struct pirn_id *ret_id,
                             enum pirn__moving_name *ret_which)
{
    bool is_in = parse_id_and(text, moving_ends[PIRN__MOVING_IN], ret_id);

    *ret_which = is_in ? PIRN__MOVING_IN : PIRN__MOVING_OUT;
    return is_in || parse_id_and(text, moving_ends[PIRN__MOVING_OUT], ret_id);
}

bool pirn_name_is_valid(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+:");

    return len >= 1 && len < PIRN_NAME_TEXT && text[len] == '\0' &&
           text[0] != '.';
}

void pirn__name_mark(char mark[PIRN__MARK_TEXT], uint32_t slot,
                     uint64_t opened_ns)
{
    pirn_assert(slot < PIRN__SLOTS);
    (void)snprintf(mark, PIRN__MARK_TEXT, "=%04u-%016" PRIx64, slot & 0x3ff,
                   opened_ns);
}

void pirn__name_called(struct pirn__name *name, const char *text)
{
    pirn_assert(pirn_name_is_valid(text));
    print(name, PIRN__NAME_REGISTRY "/%s", text);
}

void pirn__name_called_in(struct pirn__name *name, const char *text,
                          const char *entry)
{
    pirn_assert(pirn_name_is_valid(text));
    print(name, PIRN__NAME_REGISTRY "/%s/%s", text, entry);
}

void pirn__name_own_dir(struct pirn__name *name, uint32_t slot)
{
    pirn_assert(slot < PIRN__SLOTS);
    print(name, PIRN__NAME_RESERVED "/%04u", slot);
}

void pirn__name_note(struct pirn__name *name, uint32_t slot, const char *text)
{
    pirn_assert(slot < PIRN__SLOTS && pirn_name_is_valid(text));
    print(name, PIRN__NAME_RESERVED "/%04u/%s", slot, text);
}

void pirn__name_new(struct pirn__name *name, uint32_t slot, const char *text)
{
    pirn_assert(slot < PIRN__SLOTS && pirn_name_is_valid(text));
    print(name, PIRN__NAME_RESERVED "/%04u/%s=", slot, text);
}

void pirn__name_new_in(struct pirn__name *name, uint32_t slot, const char *text,
                       const char *entry)
{
    pirn_assert(slot < PIRN__SLOTS && pirn_name_is_valid(text));
    print(name, PIRN__NAME_RESERVED "/%04u/%s=/%s", slot, text, entry);
}
