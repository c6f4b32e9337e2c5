/* SPDX-License-Identifier: MIT */
/* check_hurt.c - see check_hurt.h */
#include "tests/sim/model/check_hurt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/check_spool.h"
#include "tests/sim/model/spool_remains.h"

static_assert(CHECK_ITEMS <= 128, "one each");

/* Those that had its body, too, are gone, or were about to have it: an item
 * whose body has other names that stay is not damaged. */
static void hurt_sharers(struct check_spool *check, uint32_t number)
{
    for (uint32_t i = 0; i < check->count; i++) {
        struct check_damage *damage = &check->hurts.items[i];

        if (i != number && damage->how == CHECK_UNHURT &&
            check->items[i].body == check->items[number].body &&
            !check_spool_must_be_there(&check->items[i])) {
            *damage = check->hurts.items[number];
            damage->how = CHECK_HURT_SHARER;
        }
    }
}

void check_hurt_item(struct check_spool *check, uint32_t number,
                     struct check_damage damage)
{
    pirn_assert(damage.how != CHECK_UNHURT);
    pirn_assert(check->hurts.items[number].how == CHECK_UNHURT);
    world_note(check->world, "damaged: ", (int32_t)number);
    world_note(check->world, "how: ", (int32_t)damage.how);
    damage.boots = check->world->boots;
    check->hurts.items[number] = damage;
    if (damage.how == CHECK_HURT_BODY) {
        hurt_sharers(check, number);
    }
}

uint32_t check_hurt_stray(struct check_spool *check, bool is_durable)
{
    uint32_t stray = check->hurts.stray_count++;

    pirn_assert(stray < CHECK_STRAYS);
    check->hurts.strays[stray] = (struct check_stray){
        .is_durable = is_durable, .boots = check->world->boots};
    world_note(check->world, "stray: ", (int32_t)stray);
    return stray;
}

enum check_hurt check_hurt_how(const struct check_spool *check, uint32_t number)
{
    return number < check->count ? check->hurts.items[number].how
                                 : CHECK_UNHURT;
}

enum check_hurt check_hurt_of(const struct check_spool *check,
                              const struct pirn_id *id)
{
    return check_hurt_how(check, check_spool_known(check, id));
}

bool check_hurt_is_bad_body(enum check_hurt how)
{
    return how == CHECK_HURT_BODY || how == CHECK_HURT_NO_BODY ||
           how == CHECK_HURT_SHARER;
}

bool check_hurt_is_bad_meta(enum check_hurt how)
{
    return how == CHECK_HURT_META;
}

/* ---- copies ---- */

bool check_hurt_is_copied(const struct check_spool *check, uint32_t number)
{
    return check_hurt_how(check, number) != CHECK_UNHURT &&
           check->hurts.items[number].is_of_log;
}

bool check_hurt_may_be_gone(const struct check_spool *check, uint32_t number)
{
    return check_hurt_is_copied(check, number) ||
           check_hurt_how(check, number) == CHECK_HURT_NAME;
}

/* Of item @number: how many bytes are others. */
static uint32_t count_others(const struct check_spool *check, uint32_t number,
                             const uint8_t *bytes, uint32_t len)
{
    uint32_t others = 0;
    uint32_t size = check->items[number].len;
    uint8_t *whole = malloc(size);

    pirn_assert(whole != NULL && len <= size);
    check_spool_fill(check->items[number].body, size, whole);
    for (uint32_t i = 0; i < len; i++) {
        others += bytes[i] != whole[i];
    }
    free(whole);
    return others;
}

static void check_copy(const struct check_spool *check, uint32_t number,
                       const uint8_t *bytes, uint32_t len)
{
    const struct check_damage *damage = &check->hurts.items[number];
    bool is_spoilt = len > 0 && damage->how != CHECK_HURT_META;

    if (len > check->items[number].len || len != damage->bytes ||
        count_others(check, number, bytes, len) != is_spoilt) {
        world_fail(check->world,
                   "the copy of item %u, damaged so: %d, has %u bytes, which "
                   "are not what was left",
                   number, (int)damage->how, len);
    }
}

uint32_t check_hurt_copy(const struct check_spool *check,
                         const struct pirn_item *item, const uint8_t *bytes,
                         uint32_t len)
{
    const char *was = pirn_fields_get(&item->fields, "was");
    struct pirn_id id;

    if (was == NULL || pirn_id_parse(was, &id) < 0 ||
        check_spool_is_adopted(item)) {
        return UINT32_MAX;
    }
    uint32_t number = check_spool_known(check, &id);
    if (number == UINT32_MAX || !check_hurt_is_copied(check, number)) {
        world_fail(check->world, "a copy of item %u, which was not damaged",
                   number);
        return UINT32_MAX;
    }
    check_copy(check, number, bytes, len);
    return number;
}

/* ---- what may be said of it ---- */

bool check_hurt_may_be_aside(const struct check_spool *check,
                             const struct pirn_id *id)
{
    return check_hurt_of(check, id) != CHECK_UNHURT;
}

static bool is_stray(const struct check_spool *check, const char *path)
{
    char name[SPOOL_STRAY_NAME];

    for (uint32_t i = 0; i < check->hurts.stray_count; i++) {
        const char *last = strrchr(path, '/');
        spool_remains_stray(name, i);
        if (last != NULL && strcmp(last + 1, name) == 0) {
            return true;
        }
    }
    return false;
}

bool check_hurt_may_find(const struct check_spool *check,
                         const struct pirn_finding *finding)
{
    if (!finding->has_id) {
        return finding->fault == PIRN_FAULT_STRAY &&
               is_stray(check, finding->path);
    }
    uint32_t number = check_spool_known(check, &finding->id);
    if (check_hurt_is_copied(check, number) &&
        finding->fault == PIRN_FAULT_ORPHANED) {
        return true; /* who had copied it was killed */
    }
    switch (check_hurt_how(check, number)) {
    case CHECK_HURT_META:
        return finding->fault == PIRN_FAULT_BAD_RECORD;
    case CHECK_HURT_NAME:
        return finding->fault == PIRN_FAULT_ORPHANED;
    case CHECK_HURT_BODY:
    case CHECK_HURT_SHARER:
        return finding->fault == PIRN_FAULT_BAD_BODY;
    case CHECK_HURT_NO_BODY:
        return finding->fault == PIRN_FAULT_NO_BODY;
    case CHECK_UNHURT:
        break;
    }
    return false;
}

void check_hurt_was_whole(struct check_spool *check, uint32_t number,
                          bool is_aside)
{
    struct check_damage *damage = &check->hurts.items[number];

    if (damage->boots != check->world->boots && !is_aside &&
        damage->how != CHECK_UNHURT && damage->how != CHECK_HURT_SHARER) {
        world_note(check->world, "whole again: ", (int32_t)number);
        *damage = (struct check_damage){0};
    }
}

void check_hurt_had(struct check_spool *check, uint32_t process, uint32_t mark,
                    uint32_t number)
{
    struct check_item *item = &check->items[number];

    world_note(check->world, "has, damaged: ", (int32_t)number);
    if (item->holder != 0 &&
        !check_fence_may_lose(check, item->holder, item->mark)) {
        world_fail(check->world, "item %u is process %u's, and process %u's",
                   number, item->holder, process);
    }
    if (check_spool_is_gone(check, item)) {
        world_fail(check->world, "item %u was removed, and is back", number);
    }
    item->removal = CHECK_THERE;
    item->holder = process;
    item->mark = mark;
    item->found = true;
}
