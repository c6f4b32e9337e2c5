/* SPDX-License-Identifier: MIT */
/*
 * shared.h - memory that the processes of a world share by mapping a file
 *
 * One block of memory for each file that is mapped, at the same address for
 * all who map it. It begins as what the file holds, and what is stored in it
 * stays there when processes are killed; a power cut takes it, and leaves in
 * the file zeros or, by the seed, garbage: the kernel may have written any of
 * it at any time. Operations on the file neither see nor change the memory.
 *
 * Here nothing is meant to be durable; disk_map() is for what is.
 */
#ifndef TESTS_SIM_MODEL_SHARED_H
#define TESTS_SIM_MODEL_SHARED_H

#include <stdint.h>

struct process;
struct world;

/* As mmap(2) of all of @fd's file. A map that reaches behind the end of its
 * file fails the life: a store there is a SIGBUS. */
int shared_map(struct process *process, int32_t fd, uint64_t bytes,
               void **ret_memory);
void shared_unmap(struct process *process, const void *memory);

/* What the end of a process does. */
void shared_unmap_all(struct process *process);

/* The power has failed, the disk is cut, and all processes are dead. */
void shared_cut(struct world *world);

/* At the end of the world. */
void shared_deinit(struct world *world);

#endif /* TESTS_SIM_MODEL_SHARED_H */
