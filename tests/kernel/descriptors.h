/* SPDX-License-Identifier: MIT */
/* descriptors.h - how many a process has open */
#ifndef TESTS_KERNEL_DESCRIPTORS_H
#define TESTS_KERNEL_DESCRIPTORS_H

/* With a few that are open while it counts: as many each time. */
int count_descriptors(void);

#endif /* TESTS_KERNEL_DESCRIPTORS_H */
