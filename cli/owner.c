/* SPDX-License-Identifier: MIT */
/* owner.c - see owner.h */
#include "cli/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"

void owner_print(const struct pirn_spool_owner *owner, char text[OWNER_TEXT])
{
    snprintf(text, OWNER_TEXT, "%04u-%016" PRIx64, owner->slot % 10000,
             owner->opened_ns);
}

/* SLOT-OPENED, or SLOT alone: *ret_opened_ns is 0. False: it is neither. */
static bool parse(const char *text, uint32_t *ret_slot, uint64_t *ret_opened_ns)
{
    size_t digits = strspn(text, "0123456789");
    const char *opened = text + digits + 1;
    bool is_slot = digits >= 1 && digits <= 4;

    if (!is_slot || (text[digits] != '\0' && text[digits] != '-')) {
        return false;
    }
    *ret_slot = (uint32_t)strtoul(text, NULL, 10);
    *ret_opened_ns = 0;
    if (text[digits] == '\0') {
        return true;
    }
    *ret_opened_ns = strtoull(opened, NULL, 16);
    return strlen(opened) == 16 && strspn(opened, "0123456789abcdef") == 16 &&
           *ret_opened_ns > 0;
}

static void say(const struct pirn_fence *fence, bool json)
{
    struct json line = {stdout, false};

    if (!json) {
        printf("%" PRIu64 " released, %" PRIu64 " in the midst of a change\n",
               fence->fenced, fence->midst);
        return;
    }
    json_open(&line, '{');
    json_key(&line, "released");
    json_number(&line, fence->fenced);
    json_key(&line, "midst");
    json_number(&line, fence->midst);
    json_close(&line, '}');
    json_end(&line);
}

enum code owner_fence(struct tool *tool, const char *text, bool json)
{
    struct pirn_fence fence = {0};
    uint64_t opened_ns;
    uint32_t slot;

    if (!parse(text, &slot, &opened_ns)) {
        return failure_say(THING_OWNER, text, -EINVAL);
    }
    pirn_prep_fence_owner(&fence, tool->spool, slot, opened_ns);
    int32_t r = pirn_wait(tool->context, &fence.op);
    if (r < 0) {
        return r == -ESRCH || r == -EINVAL
                   ? failure_say(THING_OWNER, text, r)
                   : tool_say(tool, THING_SPOOL, tool->path, r);
    }
    say(&fence, json);
    return CODE_DONE;
}

/* The slot of who has it; false: nobody has it any more. */
static bool find_claimer(struct tool *tool, const struct pirn_id *id,
                         uint32_t *ret_slot)
{
    struct pirn_view view = {0};

    pirn_prep_look(&view, tool->spool, id);
    int r = pirn_wait(tool->context, &view.op);
    bool is_claimed = r == 0 && view.item.state == PIRN_ITEM_CLAIMED;
    *ret_slot = view.item.owner;
    pirn_prep_view_end(&view);
    (void)pirn_wait(tool->context, &view.op);
    return is_claimed;
}

enum code owner_say_claimed(struct tool *tool, const struct pirn_id *id)
{
    struct pirn_owners owners = {0};
    enum code code = CODE_DONE;
    char text[PIRN_ID_TEXT];
    char name[OWNER_TEXT];
    uint32_t slot;

    if (!find_claimer(tool, id, &slot)) {
        return tool_say_item(tool, id, -EBUSY);
    }
    pirn_id_format(id, text);
    pirn_prep_owners(&owners, tool->spool);
    int32_t r = pirn_wait(tool->context, &owners.op);
    for (uint32_t i = 0; r == 0 && i < owners.count; i++) {
        const struct pirn_spool_owner *owner = &owners.owners[i];
        if (owner->slot == slot) {
            owner_print(owner, name);
            code = failure_say_claimed(text, owner->pid, name);
        }
    }
    pirn_owners_end(&owners);
    return code != CODE_DONE ? code : tool_say_item(tool, id, -EBUSY);
}
