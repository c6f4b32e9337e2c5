/* SPDX-License-Identifier: MIT */
/*
 * spool_remains.h - what is left of damaged items, as the disk has it
 *
 * Of an item that was acknowledged, and that nobody has removed, both files are
 * somewhere in the spool, but for the one that was taken away: the damaged one
 * with the very bytes that the damage has left, the other one whole. So nobody
 * has thrown away what somebody could still read.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_REMAINS_H
#define TESTS_SIM_MODEL_SPOOL_REMAINS_H

#include <stdint.h>

struct check_spool;
struct disk;

enum { SPOOL_STRAY_NAME = 16 };

/* What stray @number is called, and has in it. */
void spool_remains_stray(char name[SPOOL_STRAY_NAME], uint32_t number);

/* The number and a sum of a file's bytes. */
void spool_remains_sum(struct disk *disk, uint32_t inode, uint64_t *ret_bytes,
                       uint64_t *ret_sum);

/* Fails the life where something is missing. After a power cut what was not
 * synced may be as it was before, or be gone. */
void spool_remains_check(struct check_spool *check);

#endif /* TESTS_SIM_MODEL_SPOOL_REMAINS_H */
