/* SPDX-License-Identifier: MIT */
/* spool_inquest.h - what has become of each item that was damaged while others
 * were at work */
#ifndef TESTS_SIM_MODEL_SPOOL_INQUEST_H
#define TESTS_SIM_MODEL_SPOOL_INQUEST_H

/* For process_thread(), with a struct spool_worker; in the calm, alone. Each
 * damaged item that somebody was told is there, and nobody has removed:
 *
 *   is whole, because a power cut has taken the damage back; or is set aside;
 *   or a check tells its fault, and the right one
 *   and when a check has mended that, it is whole or set aside, nothing is told
 *   any more, and what was left of it is there (spool_remains.h)
 */
void spool_inquest_run(void *worker);

#endif /* TESTS_SIM_MODEL_SPOOL_INQUEST_H */
