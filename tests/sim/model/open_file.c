/* SPDX-License-Identifier: MIT */
/* open_file.c - see open_file.h */
#include "tests/sim/model/open_file.h"

#include <errno.h>
#include <stdlib.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/disk.h"
#include "tests/sim/model/fifo.h"
#include "tests/sim/model/socket.h"
#include "tests/sim/model/world.h"

struct open_file *open_file_create(struct world *world, enum open_kind kind)
{
    struct open_file *file = calloc(1, sizeof(*file));

    pirn_assert(file != NULL);
    file->world = world;
    file->references = 1;
    file->kind = kind;
    list_init(&file->waiting);
    list_push_tail(&world->open_files, &file->link);
    world->open_count++;
    return file;
}

void open_file_hold(struct open_file *file)
{
    pirn_assert(file->references > 0);
    file->references++;
}

void open_file_release(struct open_file *file)
{
    pirn_assert(file->references > 0);
    if (--file->references > 0) {
        return;
    }
    pirn_assert(list_is_empty(&file->waiting));
    if (file->kind == OPEN_SOCKET) {
        socket_close(file->socket);
    } else {
        fifo_close(file);
        locks_release(&file->world->locks, file);
        disk_release(file->world->disk, file->inode);
    }
    list_unlink(&file->link);
    file->world->open_count--;
    free(file);
}

static void tell_others(const struct open_file *file)
{
    const struct pirn_link *head = &file->world->open_files;

    for (struct pirn_link *link = head->next; link != head; link = link->next) {
        struct open_file *other =
            pirn_container_of(link, struct open_file, link);

        if (other != file && other->kind != OPEN_SOCKET &&
            other->inode == file->inode) {
            other->sync_failed = true;
        }
    }
}

void open_file_sync_failed(const struct open_file *file)
{
    disk_sync_failed(file->world->disk, file->inode);
    tell_others(file);
}

void open_file_write_failed(const struct open_file *file, uint64_t offset,
                            uint64_t len)
{
    disk_sync_range_failed(file->world->disk, file->inode, offset, len);
    tell_others(file);
}

int descriptor_add(struct descriptors *descriptors, struct open_file *file)
{
    uint32_t fd = DESCRIPTOR_FIRST;

    while (fd < descriptors->end && descriptors->files[fd] != NULL) {
        fd++;
    }
    if (fd == DESCRIPTOR_MAX) {
        return -EMFILE;
    }
    if (fd >= descriptors->end) {
        descriptors->end = fd + 1;
    }
    descriptors->files[fd] = file;
    descriptors->count++;
    return (int)fd;
}

struct open_file *descriptor_file(const struct descriptors *descriptors,
                                  int32_t fd)
{
    return fd >= 0 && (uint32_t)fd < descriptors->end ? descriptors->files[fd]
                                                      : NULL;
}

struct open_file *descriptor_remove(struct descriptors *descriptors, int32_t fd)
{
    struct open_file *file = descriptor_file(descriptors, fd);

    if (file != NULL) {
        descriptors->files[fd] = NULL;
        descriptors->count--;
        while (descriptors->end > 0 &&
               descriptors->files[descriptors->end - 1] == NULL) {
            descriptors->end--;
        }
    }
    return file;
}

void descriptors_close_all(struct descriptors *descriptors)
{
    for (int32_t fd = 0; (uint32_t)fd < descriptors->end; fd++) {
        struct open_file *file = descriptor_remove(descriptors, fd);

        if (file != NULL) {
            open_file_release(file);
        }
    }
}
