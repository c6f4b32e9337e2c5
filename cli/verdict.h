/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - what becomes of an item after a command was run on it
 */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include <stdint.h>

enum verdict {
    VERDICT_DONE,  /* it is removed */
    VERDICT_LATER, /* it is given back, and delayed */
    VERDICT_DEAD,  /* its attempts are used up */
};

/**
 * verdict_of() - by the command's end
 * @status:   as wait(2) has it
 * @attempts: before this one; @attempts_max: with this one
 */
enum verdict verdict_of(int status, uint32_t attempts, uint32_t attempts_max);

/**
 * verdict_delay_ns() - until the next attempt
 * @attempts: before the one that has failed
 * @random:   any number, so that what failed together does not come together
 *
 * From 15 s, doubled each time, to an hour; between half of it and all.
 */
uint64_t verdict_delay_ns(uint32_t attempts, uint64_t random);

/* What a command's end is in words. */
#define VERDICT_WORDS 48

/** verdict_words() - "exit code 3", "signal 9" */
void verdict_words(int status, char words[VERDICT_WORDS]);

#endif /* CLI_VERDICT_H */
