/* SPDX-License-Identifier: MIT */
/* spool_doctor.h - who damages a spool in which nothing else happens, and has
 * it mended */
#ifndef TESTS_SIM_MODEL_SPOOL_DOCTOR_H
#define TESTS_SIM_MODEL_SPOOL_DOCTOR_H

/* For process_thread(), with a struct spool_worker; in the calm, alone:
 *
 *   mended, it has no fault any more
 *   damaged, each fault is found and nothing else is, by looking, twice
 *   mended, it has none again; what was damaged is in its place or set aside,
 *   of the log as a new item that says whose it was; what was not is as it was,
 *   bodies too; and each thing that was set aside is there
 */
void spool_doctor_run(void *worker);

#endif /* TESTS_SIM_MODEL_SPOOL_DOCTOR_H */
