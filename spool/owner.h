/* SPDX-License-Identifier: MIT */
/*
 * spool/owner.h - our slot, and the slots of the dead
 */
#ifndef SPOOL_OWNER_H
#define SPOOL_OWNER_H

#include "spool/fence.h"
#include "spool/file/recover.h"
#include "spool/log/rescue.h"
#include "spool/registry.h"
#include "spool/spool.h"

/* Looking through all slots but ours. One at a time per spool. */
struct pirn__sweep {
    struct pirn_spool *spool;
    struct pirn__slots slots;
    uint32_t at;
    uint32_t living;                  /* whose lock could not be had */
    uint64_t lives[PIRN__SLOTS / 64]; /* a bit each of them */
    struct pirn_op lock;
    struct pirn__recover recover;
    struct pirn__rescue rescue;
    struct pirn__unreserve unreserve;

    /* Leases that were over: of each slot until when, and when that was met. */
    struct pirn_op read;
    uint8_t bytes[PIRN__OWNER_ENTRY_BYTES];
    struct pirn__fence fence;
    struct {
        uint64_t until_ns;
        uint64_t met_ns;
    } over[PIRN__SLOTS];
};

/**
 * pirn__owner_take_slot() - become an owner
 *
 * @ret_alone: nobody else has the spool open, and nobody gets it before
 *             pirn__owner_open_gate()
 *
 * Locks the first byte of the owners file that is free, and makes .tmp/SLOT
 * durable. Waits for whoever is alone. Blocks.
 *
 * Return: 0; -EUSERS none is free; or an errno
 */
PIRN_MUST_CHECK int pirn__owner_take_slot(struct pirn_spool *spool,
                                          bool *ret_alone);

/** pirn__owner_is_alone() - nobody else has it open, nor is about to until we
 * close it; leaves the gate closed then. Blocks. */
bool pirn__owner_is_alone(struct pirn_spool *spool);

/** pirn__owner_open_gate() - let others in, too. Blocks. */
PIRN_MUST_CHECK int pirn__owner_open_gate(struct pirn_spool *spool);

/** pirn__prep_owner_gate() - likewise, as an op */
void pirn__prep_owner_gate(struct pirn_op *op, struct pirn_spool *spool);

/** pirn__sweep_is_due() - whether nobody has looked for 250 ms; not before
 * the spool is settled */
bool pirn__sweep_is_due(const struct pirn_spool *spool);

/* A wait for the sweep that runs, or for one that it begins. */
struct pirn__sweep_wait {
    struct pirn__waiter waiter; /* start &it->waiter.op */
    struct pirn_spool *spool;
};

/**
 * pirn__prep_sweep() - recover every owner whose lock can be had, fence out
 * every other one whose lease is over
 *
 * Result: 0. A lock that cannot be had is a living owner's, or not free yet
 * although its owner was just killed: the next sweep sees.
 */
void pirn__prep_sweep(struct pirn__sweep_wait *wait, struct pirn_spool *spool);

/** pirn__owner_lives() - we, or one whose lock the last sweep could not have */
bool pirn__owner_lives(const struct pirn_spool *spool, uint32_t slot);

#endif /* SPOOL_OWNER_H */
