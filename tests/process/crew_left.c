/* SPDX-License-Identifier: MIT */
/* crew_left.c - see crew_left.h */
#include "process/crew_left.h"

#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <pirn/item.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/spool.h"

/* Nothing sealed waits for what nobody will do. */
static uint32_t segments_in_use(struct pirn__log *log)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        struct pirn__segment_word word =
            pirn__segment_unpack(pirn__atom_load(&log->index.segments[i].word));
        bool is_idle = word.state == PIRN__SEGMENT_UNMADE ||
                       word.state == PIRN__SEGMENT_FREE ||
                       word.state == PIRN__SEGMENT_OPEN ||
                       (word.state == PIRN__SEGMENT_ACTIVE &&
                        word.owner == log->actor.owner);
        count += is_idle ? 0 : 1;
    }
    return count;
}

static uint32_t slots_in_use(struct pirn__log *log)
{
    const struct pirn__catalogue *catalogue = &log->index.catalogue;
    uint32_t used = pirn__catalogue_used(catalogue);
    uint32_t count = 0;

    for (uint32_t i = 0; i < used; i++) {
        uint64_t word = pirn__atom_load(&catalogue->slots[i].word);
        count += pirn__word_unpack(word).state != PIRN__FREE ? 1 : 0;
    }
    return count;
}

/* ID, or ID.new: whatever begins with an id is a file of an item. */
static bool is_of_an_item(const char *name)
{
    char text[PIRN_ID_TEXT] = {0};
    struct pirn_id id;

    strncpy(text, name, sizeof(text) - 1);
    return pirn_id_parse(text, &id) == 0;
}

static uint32_t files_in(const char *path)
{
    char root[512];
    char *const roots[] = {root, NULL};
    uint32_t count = 0;

    snprintf(root, sizeof(root), "%s", path);
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *at = tree == NULL ? NULL : fts_read(tree); at != NULL;
         at = fts_read(tree)) {
        count += at->fts_info == FTS_F && is_of_an_item(at->fts_name) ? 1 : 0;
    }
    if (tree != NULL) {
        (void)fts_close(tree);
    }
    return count;
}

struct crew_left crew_left(struct pirn_spool *spool, const char *path)
{
    struct crew_left left = {.files = files_in(path)};

    if (spool->log != NULL) {
        pirn__segments_retire(spool->log);
        left.slots = slots_in_use(spool->log);
        left.segments = segments_in_use(spool->log);
    }
    return left;
}
