/* SPDX-License-Identifier: MIT */
/*
 * carry.h - what each operation does to the model's disk and sockets
 *
 * carry.c has the table, carry_file.c, carry_path.c and carry_socket.c what
 * stands in it. Results are as the kernel's.
 */
#ifndef TESTS_SIM_MODEL_CARRY_H
#define TESTS_SIM_MODEL_CARRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tests/sim/model/ring.h"

enum {
    CARRY_WAITS = INT32_MIN,     /* not now; when its file has changed */
    CARRY_AGAIN = INT32_MIN + 1, /* not all; it can go on at once */
};

/* What the kernel finds when it takes a submission, before anything of its
 * linked run has begun; 0: nothing. */
int32_t carry_refusal(const struct flight *flight);

/* Whether the descriptor must be open when it begins. */
bool carry_needs_file(uint8_t opcode);

/* Whether @kernel's ring has it; else the engine does it in place. */
bool carry_in_ring(enum world_kernel kernel, uint8_t opcode);

/* Whether a result keeps what is linked behind it from running (measured on
 * 6.18; not the runtime's table, so that a wrong table shows). */
bool carry_severs(const struct flight *flight, int32_t result);

/* For the trace: the end of its path, if it has one. */
void carry_describe(const struct flight *flight, char *note, uint32_t size);

/* Carry it out, as far as that goes now. */
int32_t carry_out(struct flight *flight);

/* The bytes that it was asked to move. */
uint32_t carry_bytes(const struct flight *flight);

/* --- by family --- */

int32_t carry_file(struct flight *flight);
int32_t carry_path(struct flight *flight);
int32_t carry_socket(struct flight *flight);

/* Its memory as pieces: of a vectored operation its own, else @one. */
struct iovec *carry_pieces(const struct flight *flight, struct iovec *one,
                           uint32_t *ret_count);

static inline void *carry_memory(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

#endif /* TESTS_SIM_MODEL_CARRY_H */
