/* SPDX-License-Identifier: MIT */
/* check_name.c - see check_name.h */
#include "tests/sim/model/check_name.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/check_spool.h"

static_assert(CHECK_ITEMS <= 128, "a bit each");

struct check_gone check_name_ask(const struct check_spool *check)
{
    struct check_gone gone = {{0}};

    for (uint32_t i = 0; i < check->count; i++) {
        const struct check_item *item = &check->items[i];

        if (check_spool_is_gone(check, item) && !item->is_lazy) {
            gone.bits[i / 64] |= UINT64_C(1) << i % 64;
        }
    }
    return gone;
}

static void got(struct check_spool *check, uint32_t process, uint32_t name)
{
    if (check->reserver[name] != 0) {
        world_fail(check->world, "name %u is process %u's, and process %u's",
                   name, check->reserver[name], process);
    }
    for (uint32_t i = 0; i < check->count; i++) {
        const struct check_item *item = &check->items[i];

        if (item->name == name && check_spool_must_be_there(item) &&
            check_hurt_how(check, i) != CHECK_HURT_NO_BODY &&
            !check_hurt_is_copied(check, i)) {
            world_fail(check->world, "name %u is item %u's, and process %u's",
                       name, i, process);
        }
    }
    check->reserver[name] = process;
}

void check_name_told(struct check_spool *check, uint32_t process, uint32_t name,
                     const struct check_gone *gone, int32_t result,
                     const struct pirn_id *id)
{
    static const struct pirn_id none;

    pirn_assert(name > 0 && name <= CHECK_NAMES);
    world_note(check->world, "asked for a name: ", result);
    if (result == 0) {
        got(check, process, name);
    }
    if (result != -EEXIST || memcmp(id, &none, sizeof(none)) == 0) {
        return;
    }
    uint32_t number = check_spool_known(check, id);
    if (number != UINT32_MAX &&
        (gone->bits[number / 64] >> number % 64 & 1) != 0) {
        world_fail(check->world, "name %u is item %u's, which was removed",
                   name, number);
    }
    if (number != UINT32_MAX && check->items[number].name != name) {
        world_fail(check->world, "name %u is item %u's, which has another",
                   name, number);
    }
}

void check_name_release(struct check_spool *check, uint32_t name)
{
    check->reserver[name] = 0;
}

void check_name_died(struct check_spool *check, uint32_t process)
{
    for (uint32_t i = 1; i <= CHECK_NAMES; i++) {
        if (process == 0 || check->reserver[i] == process) {
            check->reserver[i] = 0;
        }
    }
}
