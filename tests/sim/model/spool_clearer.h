/* SPDX-License-Identifier: MIT */
/*
 * spool_clearer.h - removes all that is in a log, and looks what is left
 *
 * In the calm, alone: every item is listed, had by its id, and removed. Then no
 * slot is anything but free, and every segment is made to be written again.
 */
#ifndef TESTS_SIM_MODEL_SPOOL_CLEARER_H
#define TESTS_SIM_MODEL_SPOOL_CLEARER_H

/* For process_thread(), with a struct spool_worker. */
void spool_clearer_run(void *worker);

#endif /* TESTS_SIM_MODEL_SPOOL_CLEARER_H */
