/* SPDX-License-Identifier: MIT */
/* call.h - an operation as the system call that it stands for */
#ifndef RUNTIME_ENGINE_CALL_H
#define RUNTIME_ENGINE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/op.h"

/*
 * Carry @loan out in the calling thread. It may wait for a disk, never for a
 * peer: what the table calls ENGINE_READY is not for this function.
 *
 * Return: the operation's result.
 */
int32_t pirn__call(const struct pirn_loan *loan);

/* Whether what a transfer on @fd waits for is a disk. */
bool pirn__call_is_on_disk(int fd);

/* How many bytes @loan, a transfer, is to move. */
uint64_t pirn__call_bytes(const struct pirn_loan *loan);

#endif /* RUNTIME_ENGINE_CALL_H */
