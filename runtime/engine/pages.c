/* SPDX-License-Identifier: MIT */
/* pages.c - see engine/pages.h */
#include "runtime/engine/pages.h"

#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"

enum { PAGE = 64 };

static void *element(const struct pages *pages, uint32_t index)
{
    char *page = pages->pages[index / PAGE];

    return page + index % PAGE * pages->element_bytes;
}

void *pirn__pages_at(const struct pages *pages, uint32_t index)
{
    if (index / PAGE >= pages->page_count ||
        pages->pages[index / PAGE] == NULL) {
        return NULL;
    }
    return element(pages, index);
}

/* At least twice what there was: n elements cost O(n) in all. */
static int reach_pointer(struct pages *pages, uint32_t wanted)
{
    uint32_t count = pages->page_count * 2;
    void **grown;

    if (wanted < pages->page_count) {
        return 0;
    }
    count = count > wanted ? count : wanted + 1;
    grown = realloc(pages->pages, count * sizeof(*grown));
    if (grown == NULL) {
        return -1;
    }
    memset(grown + pages->page_count, 0,
           (count - pages->page_count) * sizeof(*grown));
    pages->pages = grown;
    pages->page_count = count;
    return 0;
}

void *pirn__pages_reach(struct pages *pages, uint32_t index)
{
    pirn_assert(pages->element_bytes > 0);

    if (reach_pointer(pages, index / PAGE) < 0) {
        return NULL;
    }
    if (pages->pages[index / PAGE] == NULL) {
        pages->pages[index / PAGE] = calloc(PAGE, pages->element_bytes);
    }
    return pirn__pages_at(pages, index);
}

void pirn__pages_deinit(struct pages *pages)
{
    for (uint32_t i = 0; i < pages->page_count; i++) {
        free(pages->pages[i]);
    }
    free(pages->pages);
    *pages = (struct pages){.element_bytes = pages->element_bytes};
}
