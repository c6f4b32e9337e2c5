/* SPDX-License-Identifier: MIT */
/*
 * check.h - whether a spool keeps what a ledger says of it
 */
#ifndef TESTS_CRASH_CHECK_H
#define TESTS_CRASH_CHECK_H

#include <stdint.h>

#include "crash/ledger.h"

/**
 * check_spool() - open it, compare, and use it
 * @path:      of the spool, which may not be there before it was made
 * @index_dir: of nobody else
 * @position:  of the disk's log, which the spool is in the state of
 *
 * All that has to be there is there, whole, in one of the versions that it may
 * have; nothing else is; all that is ready can be had; an item can be put and
 * taken in each layout. Complaints are lines on the standard output.
 *
 * A husk is what a removal that was durable left of a file: metadata without a
 * body, set aside, or all of it. Nothing is lost; but it should have gone.
 *
 * Return: how many complaints, without the husks
 */
uint32_t check_spool(const char *path, const char *index_dir,
                     struct ledger *ledger, uint64_t position,
                     uint32_t *ret_husks);

#endif /* TESTS_CRASH_CHECK_H */
