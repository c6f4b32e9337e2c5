/* SPDX-License-Identifier: MIT */
/* fifo.c - see fifo.h */
#include "tests/sim/model/fifo.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/carry.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/world.h"

enum { FIFO_ROOM = 4096 };

struct fifo {
    uint32_t openers;
    uint32_t used;
    uint8_t bytes[FIFO_ROOM];
};

static struct open_file *file_at(struct pirn_link *link)
{
    return pirn_container_of(link, struct open_file, link);
}

void fifo_open(struct open_file *file)
{
    struct pirn_link *head = &file->world->open_files;

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        struct open_file *other = file_at(link);

        if (other->fifo != NULL && other->inode == file->inode) {
            file->fifo = other->fifo;
        }
    }
    if (file->fifo == NULL) {
        file->fifo = calloc(1, sizeof(*file->fifo));
        pirn_assert(file->fifo != NULL);
    }
    file->fifo->openers++;
}

void fifo_close(struct open_file *file)
{
    if (file->fifo != NULL && --file->fifo->openers == 0) {
        free(file->fifo);
    }
}

static void wake_all(const struct open_file *file)
{
    struct pirn_link *head = &file->world->open_files;

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        if (file_at(link)->fifo == file->fifo) {
            world_file_changed(file->world, file_at(link));
        }
    }
}

static int32_t read_some(struct fifo *fifo, void *bytes, uint32_t len)
{
    uint32_t n = len < fifo->used ? len : fifo->used;

    memcpy(bytes, fifo->bytes, n);
    memmove(fifo->bytes, fifo->bytes + n, fifo->used - n);
    fifo->used -= n;
    return n > 0 ? (int32_t)n : CARRY_WAITS;
}

static int32_t write_some(struct fifo *fifo, const void *bytes, uint32_t len)
{
    uint32_t room = FIFO_ROOM - fifo->used;
    uint32_t n = len < room ? len : room;

    memcpy(fifo->bytes + fifo->used, bytes, n);
    fifo->used += n;
    return n > 0 ? (int32_t)n : CARRY_WAITS;
}

static int32_t events(const struct fifo *fifo, uint32_t asked)
{
    uint32_t events = (fifo->used > 0 ? POLLIN : 0u) |
                      (fifo->used < FIFO_ROOM ? POLLOUT : 0u);

    return (events & asked) != 0 ? (int32_t)(events & asked) : CARRY_WAITS;
}

int32_t carry_fifo(struct flight *flight)
{
    const struct submission *what = &flight->what;
    struct fifo *fifo = flight->file->fifo;
    int32_t n;

    switch ((enum engine_opcode)what->opcode) {
    case ENGINE_READ:
        n = read_some(fifo, carry_memory(what->addr), what->len);
        break;
    case ENGINE_WRITE:
        n = write_some(fifo, carry_memory(what->addr), what->len);
        break;
    case ENGINE_POLL:
        return events(fifo, what->op_flags);
    default:
        return -EOPNOTSUPP;
    }
    if (n > 0) {
        wake_all(flight->file);
    }
    return n;
}
