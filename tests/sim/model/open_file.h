/* SPDX-License-Identifier: MIT */
/*
 * open_file.h - what is open, and the numbers by which processes know it
 *
 * As in the kernel: a descriptor is a number in a process's table that stands
 * for an open file; operations in flight hold the open file, not the number.
 * The lowest free number is given out first, so that a number that is used
 * after its close soon means something else.
 */
#ifndef TESTS_SIM_MODEL_OPEN_FILE_H
#define TESTS_SIM_MODEL_OPEN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/base.h"

struct disk;
struct fifo;
struct socket;
struct world;

/* Of a path, its end. */
enum { OPEN_PATH = 64 };

enum open_kind { OPEN_FILE, OPEN_DIRECTORY, OPEN_SOCKET, OPEN_FIFO };

struct open_file {
    struct world *world;
    uint32_t references; /* numbers, and operations in flight */
    enum open_kind kind;
    int flags;                /* of the open */
    uint32_t inode;           /* of a file or directory: held */
    uint64_t position;        /* of a file; of a directory its cursor */
    struct socket *socket;    /* of a socket: its own */
    struct fifo *fifo;        /* of a FIFO: of all who have it open */
    bool sync_failed;         /* somebody's did, and it was not told here yet */
    struct pirn_link waiting; /* flights that wait for it to change */
    struct pirn_link link;    /* among the world's */
    char path[OPEN_PATH];     /* by which it was opened, for checkers */
};

struct open_file *open_file_create(struct world *world, enum open_kind kind);
void open_file_hold(struct open_file *file);

/* Once less. With the last its locks are released, its inode or socket too. */
void open_file_release(struct open_file *file);

/* A sync of @file has failed. Who has the same inode open is told once, by his
 * next sync; who opens it later is not (errseq_t in the kernel). */
void open_file_sync_failed(const struct open_file *file);

/* The same of @len bytes that were written to be durable. */
void open_file_write_failed(const struct open_file *file, uint64_t offset,
                            uint64_t len);

enum { DESCRIPTOR_MAX = 1024, DESCRIPTOR_FIRST = 3 };

struct descriptors {
    struct open_file *files[DESCRIPTOR_MAX];
    uint32_t count; /* in use */
    uint32_t end;   /* none in use from here on */
};

/* The number takes over the caller's hold; -EMFILE leaves it with him. */
int descriptor_add(struct descriptors *descriptors, struct open_file *file);

/* Borrowed; NULL: no such number. */
struct open_file *descriptor_file(const struct descriptors *descriptors,
                                  int32_t fd);

/* The number is free; its hold is the caller's. NULL: no such number. */
struct open_file *descriptor_remove(struct descriptors *descriptors,
                                    int32_t fd);

/* As the end of a process does. */
void descriptors_close_all(struct descriptors *descriptors);

#endif /* TESTS_SIM_MODEL_OPEN_FILE_H */
