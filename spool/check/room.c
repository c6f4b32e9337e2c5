/* SPDX-License-Identifier: MIT */
/*
 * room.c - see spool/check/room.h
 *
 * A name is ours if its room can have it and it is of the kind that it has to
 * be: an item is a file, a shard is a directory, and a link is neither. Where
 * the file system does not tell kinds, names decide.
 */
#include "spool/check/room.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/check/strays.h"
#include "spool/id.h"
#include "spool/log/tombs_file.h"
#include "spool/make.h"

void pirn__room_path(const struct pirn__room *room, struct pirn__name *ret_path)
{
    static const char *const fixed[] = {
        [PIRN__ROOM_TOP] = ".",
        [PIRN__ROOM_MAKING] = PIRN__NAME_MAKING,
        [PIRN__ROOM_TMP] = PIRN__NAME_TMP,
        [PIRN__ROOM_DATA] = PIRN__NAME_DATA,
        [PIRN__ROOM_LOG] = PIRN__NAME_LOG,
        [PIRN__ROOM_SEGMENTS] = PIRN__NAME_LOG "/seg",
        [PIRN__ROOM_NUMBERS] = PIRN__NAME_LOG "/queues",
        [PIRN__ROOM_BELLS] = PIRN__NAME_LOG "/bells",
        [PIRN__ROOM_ALIASES] = PIRN__NAME_LOG_IDS,
        [PIRN__ROOM_LOG_DATA] = PIRN__NAME_LOG_DATA,
    };
    const char *parent = room->queue != NULL ? room->queue : PIRN__NAME_DATA;

    switch (room->kind) {
    case PIRN__ROOM_TOP:
    case PIRN__ROOM_MAKING:
    case PIRN__ROOM_TMP:
    case PIRN__ROOM_DATA:
    case PIRN__ROOM_LOG:
    case PIRN__ROOM_SEGMENTS:
    case PIRN__ROOM_NUMBERS:
    case PIRN__ROOM_BELLS:
    case PIRN__ROOM_ALIASES:
    case PIRN__ROOM_LOG_DATA:
        (void)snprintf(ret_path->text, sizeof(ret_path->text), "%s",
                       fixed[room->kind]);
        break;
    case PIRN__ROOM_QUEUE:
        (void)snprintf(ret_path->text, sizeof(ret_path->text), "%s",
                       room->queue);
        break;
    case PIRN__ROOM_CHECKOUT:
        pirn__name_checkout(ret_path, room->queue);
        break;
    case PIRN__ROOM_DUE:
        pirn__name_due_dir(ret_path, room->queue);
        break;
    case PIRN__ROOM_SHELF:
        pirn__name_shelf_dir(ret_path, room->queue, room->shelf);
        break;
    case PIRN__ROOM_BUCKET:
        pirn__name_bucket_dir(ret_path, room->queue, &room->bucket);
        break;
    case PIRN__ROOM_DRAFTS:
        pirn__name_tmp_dir(ret_path, room->slot);
        break;
    case PIRN__ROOM_CLAIMS:
        pirn__name_checkout_dir(ret_path, room->queue, room->slot);
        break;
    case PIRN__ROOM_SIFTED:
    case PIRN__ROOM_SHARD:
        pirn__name_shard_dir(ret_path, parent, room->shard);
        break;
    case PIRN__ROOM_LOG_BODIES:
        pirn__name_shard_dir(ret_path, PIRN__NAME_LOG_DATA, room->shard);
        break;
    case PIRN__ROOM_KINDS:
        pirn_assert(!"a room");
    }
}

static bool may_be(const struct pirn_entry *entry, uint8_t type)
{
    return entry->type == type || entry->type == DT_UNKNOWN;
}

static bool is_shard(const struct pirn_entry *entry)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

    return may_be(entry, DT_DIR) && strlen(entry->name) == 2 &&
           (entry->name[0] == '0' || entry->name[0] == '1') &&
           strchr(digits, entry->name[1]) != NULL;
}

/* So many digits and nothing else. */
static bool is_number(const char *name, size_t digits)
{
    return strlen(name) == digits && strspn(name, "0123456789") == digits;
}

bool pirn__room_is_copy(const char *name)
{
    return strspn(name, "0123456789") == 6 &&
           strncmp(name + 6, ".damaged.", strlen(".damaged.")) == 0;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum pirn__entry_kind ours_if(bool is_ours)
{
    return is_ours ? PIRN__ENTRY_OURS : PIRN__ENTRY_STRAY;
}

static enum pirn__entry_kind judge_top(const struct pirn_entry *entry)
{
    static const char *const files[] = {PIRN__NAME_OWNERS,
                                        PIRN__NAME_SUPERBLOCK};
    bool is_file = is_one_of(entry->name, files, 2);

    return ours_if(pirn__make_is_ours(entry->name) &&
                   may_be(entry, is_file ? DT_REG : DT_DIR));
}

static enum pirn__entry_kind judge_log(const struct pirn_entry *entry)
{
    static const char *const files[] = {"log", "index", "index.new",
                                        PIRN__TOMBS_FILE};
    static const char *const dirs[] = {"queues", "seg", "bells", "data", "ids"};
    static const char *const half[] = {PIRN__TOMBS_FILE ".new",
                                       PIRN__TOMBS_FILE_FORMAT_1, "log.new",
                                       "copy.new"};

    const char *name = entry->name;

    if (is_one_of(name, files, sizeof(files) / sizeof(files[0]))) {
        return ours_if(may_be(entry, DT_REG));
    }
    if (is_one_of(name, dirs, sizeof(dirs) / sizeof(dirs[0]))) {
        return ours_if(may_be(entry, DT_DIR));
    }
    return is_one_of(name, half, sizeof(half) / sizeof(half[0]))
               ? PIRN__ENTRY_HALF
               : PIRN__ENTRY_STRAY;
}

static enum pirn__entry_kind judge_slot(const struct pirn_entry *entry,
                                        struct pirn__named_by *ret_named)
{
    return may_be(entry, DT_DIR) &&
                   pirn__name_parse_slot(entry->name, &ret_named->slot)
               ? PIRN__ENTRY_SLOT
               : PIRN__ENTRY_STRAY;
}

static enum pirn__entry_kind judge_item(const struct pirn__room *room,
                                        const struct pirn_entry *entry,
                                        struct pirn__named_by *ret_named)
{
    bool has_shard = room->kind == PIRN__ROOM_SIFTED ||
                     room->kind == PIRN__ROOM_SHARD ||
                     room->kind == PIRN__ROOM_LOG_BODIES;
    enum pirn__moving_name which;

    if (!may_be(entry, DT_REG)) {
        return PIRN__ENTRY_STRAY;
    }
    if (pirn_id_parse(entry->name, &ret_named->id) == 0) {
        return has_shard && pirn__id_shard(&ret_named->id) != room->shard
                   ? PIRN__ENTRY_MISPLACED
                   : PIRN__ENTRY_ITEM;
    }
    if (room->kind == PIRN__ROOM_CLAIMS &&
        pirn__name_parse_moving(entry->name, &ret_named->id, &which)) {
        return PIRN__ENTRY_MOVING;
    }
    return room->kind == PIRN__ROOM_DRAFTS &&
                   pirn__name_parse_next(entry->name, &ret_named->id)
               ? PIRN__ENTRY_NEXT
               : PIRN__ENTRY_STRAY;
}

static enum pirn__entry_kind judge_queue(const struct pirn__room *room,
                                         const struct pirn_entry *entry)
{
    uint32_t shelf;

    if (!may_be(entry, DT_DIR)) {
        return PIRN__ENTRY_STRAY;
    }
    if (strcmp(entry->name, PIRN__NAME_DUE) == 0 ||
        pirn__name_parse_shelf(entry->name, &shelf)) {
        return PIRN__ENTRY_SHELF;
    }
    return ours_if(is_shard(entry) || strcmp(entry->name, ".checkout") == 0 ||
                   (strcmp(room->queue, PIRN__NAME_QUARANTINE) == 0 &&
                    strcmp(entry->name, PIRN__STRAYS_NAME) == 0));
}

static enum pirn__entry_kind judge_bucket(const struct pirn_entry *entry,
                                          struct pirn__named_by *ret_named)
{
    return may_be(entry, DT_DIR) &&
                   pirn__name_parse_bucket(entry->name, &ret_named->bucket)
               ? PIRN__ENTRY_BUCKET
               : PIRN__ENTRY_STRAY;
}

enum pirn__entry_kind pirn__room_judge(const struct pirn__room *room,
                                       const struct pirn_entry *entry,
                                       struct pirn__named_by *ret_named)
{
    const char *name = entry->name;

    switch (room->kind) {
    case PIRN__ROOM_TOP:
        return judge_top(entry);
    case PIRN__ROOM_MAKING:
        return PIRN__ENTRY_HALF;
    case PIRN__ROOM_TMP:
    case PIRN__ROOM_CHECKOUT:
        return judge_slot(entry, ret_named);
    case PIRN__ROOM_DATA:
    case PIRN__ROOM_LOG_DATA:
        return ours_if(is_shard(entry));
    case PIRN__ROOM_LOG:
        return judge_log(entry);
    case PIRN__ROOM_SEGMENTS:
        if (pirn__room_is_copy(name)) {
            return PIRN__ENTRY_DAMAGED;
        }
        return ours_if(may_be(entry, DT_REG) && is_number(name, 6));
    case PIRN__ROOM_NUMBERS:
        return strncmp(name, "new.", 4) == 0
                   ? PIRN__ENTRY_HALF
                   : ours_if(may_be(entry, DT_REG) && is_number(name, 4));
    case PIRN__ROOM_BELLS:
        return ours_if(may_be(entry, DT_FIFO) && is_number(name, 4));
    case PIRN__ROOM_QUEUE:
        return judge_queue(room, entry);
    case PIRN__ROOM_DUE:
        return judge_bucket(entry, ret_named);
    case PIRN__ROOM_ALIASES:
    case PIRN__ROOM_DRAFTS:
    case PIRN__ROOM_SIFTED:
    case PIRN__ROOM_CLAIMS:
    case PIRN__ROOM_SHELF:
    case PIRN__ROOM_BUCKET:
    case PIRN__ROOM_SHARD:
    case PIRN__ROOM_LOG_BODIES:
        return judge_item(room, entry, ret_named);
    case PIRN__ROOM_KINDS:
        break;
    }
    return PIRN__ENTRY_STRAY;
}
