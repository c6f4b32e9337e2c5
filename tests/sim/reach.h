/* SPDX-License-Identifier: MIT */
/*
 * reach.h - which words of a memory something touches
 *
 * Sets of words, and what consists of such sets, have numbers: equal ones the
 * same, the empty one 0. So a state can keep one in four bytes, and a union
 * that was made before is looked up.
 */
#ifndef TESTS_SIM_REACH_H
#define TESTS_SIM_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REACH_WORDS = 256, /* of a memory, at most */
    REACH_PARTS = REACH_WORDS / 64,
    REACH_ROOTS = 4,                     /* processes, at most */
    REACH_SETS = (1 << REACH_ROOTS) - 1, /* [bits of some of them], 0 unused */
};

/* What is written is touched, too. */
struct reach_words {
    uint64_t touched[REACH_PARTS];
    uint64_t written[REACH_PARTS];
};

/* What may still be touched: while these stand still, by the others. */
struct reach {
    uint32_t without[REACH_SETS];
};

void reach_init(void);
void reach_deinit(void);

uint32_t reach_words_number(const struct reach_words *words);
uint32_t reach_words_union(uint32_t first, uint32_t second);

/* Whether there is a word that both touch and one of them writes. */
bool reach_words_conflict(uint32_t first, uint32_t second);

uint32_t reach_number(const struct reach *reach);

/* Until the next one gets a number. */
const struct reach *reach_at(uint32_t number);

#endif /* TESTS_SIM_REACH_H */
