/* SPDX-License-Identifier: MIT */
/*
 * pages.h - an array that grows and whose elements never move
 *
 * Elements come in pages of 64, zeroed, as far as the highest index that was
 * reached; so an element may hold list links and be pointed at.
 */
#ifndef RUNTIME_ENGINE_PAGES_H
#define RUNTIME_ENGINE_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed but for element_bytes: empty. */
struct pages {
    size_t element_bytes;
    void **pages;
    uint32_t page_count; /* of the pointers; some may be NULL */
};

/* The element, or NULL if it was never reached. */
void *pirn__pages_at(const struct pages *pages, uint32_t index);

/* The element, made if need be; NULL: no memory, and nothing has changed. */
void *pirn__pages_reach(struct pages *pages, uint32_t index);

void pirn__pages_deinit(struct pages *pages);

#endif /* RUNTIME_ENGINE_PAGES_H */
