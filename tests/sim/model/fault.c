/* SPDX-License-Identifier: MIT */
/*
 * fault.c - see fault.h
 *
 * The table says which operation the kernel can refuse with what. A close is in
 * no row: its descriptor is gone whatever it says, and nobody could act on the
 * error of a file that was only read.
 */
#include "tests/sim/model/fault.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "runtime/engine/engine.h"

static const char *const names[FAULT_COUNT] = {
    [FAULT_SHORT] = "short",
    [FAULT_EINTR] = "eintr",
    [FAULT_EAGAIN] = "eagain",
    [FAULT_ENOBUFS] = "enobufs",
    [FAULT_EIO] = "eio",
    [FAULT_ENOSPC] = "enospc",
    [FAULT_EMFILE] = "emfile",
    [FAULT_ENOMEM] = "enomem",
    [FAULT_ECANCELED] = "ecanceled",
    [FAULT_SYNC] = "sync",
    [FAULT_LATE] = "late",
    [FAULT_ENTER] = "enter",
    [FAULT_EARLY] = "early",
    [FAULT_OVERFLOW] = "overflow",
    [FAULT_CLOCK] = "clock",
    [FAULT_RESET] = "reset",
    [FAULT_KILL] = "kill",
    [FAULT_STOP] = "stop",
    [FAULT_POWER] = "power",
    [FAULT_RING] = "ring",
};

#define OP(name) (UINT64_C(1) << ENGINE_##name)

#define OPS_TRANSFER (OP(READ) | OP(WRITE) | OP(READV) | OP(WRITEV))
#define OPS_NAME                                                         \
    (OP(OPEN) | OP(OPEN_BENEATH) | OP(RENAME) | OP(UNLINK) | OP(MKDIR) | \
     OP(FIFO) | OP(LINK) | OP(SYMLINK))
#define OPS_FILE                                                     \
    (OPS_TRANSFER | OPS_NAME | OP(STAT) | OP(LIST) | OP(FALLOCATE) | \
     OP(TRUNCATE))
#define OPS_SOCKET \
    (OP(ACCEPT) | OP(CONNECT) | OP(SEND) | OP(SENDMSG) | OP(RECV))
#define OPS_ROOM                                                     \
    (OP(WRITE) | OP(WRITEV) | OP(FALLOCATE) | OP(MKDIR) | OP(LINK) | \
     OP(FIFO) | OP(SYMLINK) | OP(RENAME) | OP(OPEN) | OP(OPEN_BENEATH))

static const struct {
    enum fault fault;
    int32_t error;
    uint64_t opcodes;
} rows[] = {
    {FAULT_EINTR, -EINTR, OPS_SOCKET},
    {FAULT_EAGAIN, -EAGAIN, OP(SEND) | OP(SENDMSG) | OP(RECV)},
    {FAULT_ENOBUFS, -ENOBUFS, OP(SEND) | OP(SENDMSG)},
    {FAULT_EIO, -EIO, OPS_FILE},
    {FAULT_ENOSPC, -ENOSPC, OPS_ROOM},
    {FAULT_EMFILE, -EMFILE,
     OP(OPEN) | OP(OPEN_BENEATH) | OP(SOCKET) | OP(ACCEPT)},
    {FAULT_ENOMEM, -ENOMEM, OPS_FILE | OPS_SOCKET | OP(SOCKET) | OP(LOCK)},
    {FAULT_ECANCELED, -ECANCELED, OPS_FILE | OPS_SOCKET},
    {FAULT_SYNC, -EIO, OP(FSYNC)},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Between one in 16 and one in 2,048; what ends a life, between one in 2^10 and
 * one in 2^16 of the scheduler's steps. */
static uint32_t chance_of(struct rng *rng, enum fault fault)
{
    bool is_end = fault == FAULT_KILL || fault == FAULT_STOP ||
                  fault == FAULT_POWER || fault == FAULT_CLOCK ||
                  fault == FAULT_RESET || fault == FAULT_RING;

    return UINT32_C(1) << (is_end ? rng_between(rng, 18, 23)
                                  : rng_between(rng, 21, 28));
}

void faults_init(struct faults *faults, uint64_t seed, uint32_t allowed,
                 uint32_t often, uint32_t off)
{
    *faults = (struct faults){.calm = false};
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        struct rng *rng = &faults->rng[i];
        bool is_on;

        *rng = rng_of(seed, 100 + i);
        is_on = rng_below(rng, 3) == 0;
        faults->chance[i] = chance_of(rng, i);
        if (often & FAULT_BIT(i)) {
            is_on = true;
            faults->chance[i] = UINT32_C(1) << 30;
        }
        if (!is_on || !(allowed & FAULT_BIT(i)) || (off & FAULT_BIT(i))) {
            faults->chance[i] = 0;
        }
    }
}

bool fault_happens(struct faults *faults, enum fault fault)
{
    if (faults->chance[fault] == 0 || faults->calm ||
        !rng_chance(&faults->rng[fault], faults->chance[fault])) {
        return false;
    }
    faults->happened[fault]++;
    return true;
}

uint32_t fault_row(uint32_t row, uint8_t opcode)
{
    while (row < ROWS && !(rows[row].opcodes >> opcode & 1)) {
        row++;
    }
    return row < ROWS ? row + 1 : 0;
}

static bool is_forced(struct faults *faults, uint8_t opcode)
{
    uint32_t place = faults->seen++;

    if (faults->list != NULL && place < FAULT_LIST) {
        faults->list[place] = opcode;
    }
    return faults->row > 0 && !faults->calm && place >= faults->from &&
           place <= faults->to && (rows[faults->row - 1].opcodes >> opcode & 1);
}

enum fault fault_of_operation(struct faults *faults, uint8_t opcode,
                              int32_t *ret_error)
{
    if (is_forced(faults, opcode)) {
        *ret_error = rows[faults->row - 1].error;
        faults->happened[rows[faults->row - 1].fault]++;
        return rows[faults->row - 1].fault;
    }
    for (unsigned i = 0; i < ROWS; i++) {
        if ((rows[i].opcodes >> opcode & 1) &&
            fault_happens(faults, rows[i].fault)) {
            *ret_error = rows[i].error;
            return rows[i].fault;
        }
    }
    return FAULT_COUNT;
}

const char *fault_name(int fault)
{
    return names[fault];
}

static uint32_t fault_by_name(const char *name, size_t len)
{
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            return FAULT_BIT(i);
        }
    }
    return 0;
}

uint32_t faults_parse(const char *text)
{
    uint32_t bits = 0;

    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");

        bits |= fault_by_name(text, len);
        text += len + (text[len] == ',');
    }
    return bits;
}
