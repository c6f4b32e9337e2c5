/* SPDX-License-Identifier: MIT */
/*
 * faulty_bed.h - a bed whose disk fails when the test says so
 *
 * Its context is on the engine of faulty.h, which spoils results, or keeps them
 * back, as it was last told.
 */
#ifndef TESTS_KERNEL_FAULTY_BED_H
#define TESTS_KERNEL_FAULTY_BED_H

#include "kernel/test_log.h"

#include "faulty.h"
#include "runtime/context.h"

/* From now on nothing fails, and nothing is kept back. */
void bed_heal(void);

/* One on that engine takes the place of the bed's context. Return: 0 or -1 */
int bed_change_engine(struct bed *bed, const struct engine_class *class);

/* A spool of files. */
int bed_setup_faulty(void **state);
int bed_teardown_faulty(void **state);

/* A spool with a log that is not made yet; made, too. */
int log_setup_faulty_closed(void **state);
int log_setup_faulty(void **state);
int log_teardown_faulty(void **state);

#define BED_FAULTY_TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup_faulty, bed_teardown_faulty)
#define LOG_FAULTY_TEST(name) \
    cmocka_unit_test_setup_teardown(name, log_setup_faulty, log_teardown_faulty)

#endif /* TESTS_KERNEL_FAULTY_BED_H */
