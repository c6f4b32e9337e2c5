/* SPDX-License-Identifier: MIT */
/*
 * disk_unit.h - what is un-synced: noted as records, then durable or forgotten
 *
 *   a change --> records of a unit --> chosen by a sync or a cut --> taken
 */
#ifndef TESTS_SIM_MODEL_DISK_UNIT_H
#define TESTS_SIM_MODEL_DISK_UNIT_H

#include "tests/sim/model/disk_fields.h"

/* --- disk_unit.c --- */

/* A change begins: its records get the next call number, and units. */
void disk__call_begin(struct disk *disk);
void disk__unit_begin(struct disk *disk);

/* Change the volatile name, and note it in the unit begun. */
void disk__name_set(struct disk *disk, uint32_t entry, uint32_t inode,
                    bool made);
void disk__size_set(struct disk *disk, uint32_t inode, uint64_t size,
                    bool journaled);
void disk__data_set(struct disk *disk, uint32_t cell, uint32_t block);
void disk__room_set(struct disk *disk, uint32_t inode, uint32_t sector,
                    uint32_t count);

/* The durable side of a record; one that a younger unit made void is not. */
void disk__record_apply(struct disk *disk, const struct disk_record *record);

/* Take the chosen records off the list: applied, or forgotten. */
void disk__records_take(struct disk *disk, bool apply);

/* Drop what belongs to something that is over, if there is such a thing. */
void disk__sweep(struct disk *disk);

/* The records [@begin, result) are one unit. */
uint32_t disk__unit_end(const struct disk *disk, uint32_t begin);

/* --- disk_order.c --- */

/* Choose what chosen units may not get durable without. */
void disk__order_add(struct disk *disk);

/* Take back the choice of units that miss an earlier one. */
void disk__order_drop(struct disk *disk);

#endif /* TESTS_SIM_MODEL_DISK_UNIT_H */
