/* SPDX-License-Identifier: MIT */
/*
 * spool_vandal.h - a process that damages items while others are at work
 *
 * Of the files: an item that is acknowledged and at a site, so that nobody has
 * it just then; its metadata or its body get other bytes, or fewer, or lose
 * their name; or a file that is nobody's comes to stand beside it. Of the log:
 * one that no slot's word says is had; its record or its body, in a segment or
 * in a file. What he does he tells check_hurt.h, in the same step.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_VANDAL_H
#define TESTS_SIM_MODEL_SPOOL_VANDAL_H

/* For process_thread(), with a struct spool_worker. */
void spool_vandal_run(void *worker);

#endif /* TESTS_SIM_MODEL_SPOOL_VANDAL_H */
