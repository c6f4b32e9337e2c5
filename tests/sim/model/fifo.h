/* SPDX-License-Identifier: MIT */
/*
 * fifo.h - bytes that pass between those who have a FIFO open
 *
 * Opened for both ways alone, so that no open waits and no read ends: who reads
 * has a writing end himself. What nobody has read is lost with the last of
 * them.
 */
#ifndef TESTS_SIM_MODEL_FIFO_H
#define TESTS_SIM_MODEL_FIFO_H

#include <stdint.h>

struct flight;
struct open_file;

/* What the others have who have @file's inode open; or a new one. */
void fifo_open(struct open_file *file);
void fifo_close(struct open_file *file);

/* A read or a write of one piece, or a poll. */
int32_t carry_fifo(struct flight *flight);

#endif /* TESTS_SIM_MODEL_FIFO_H */
