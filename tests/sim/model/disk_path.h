/* SPDX-License-Identifier: MIT */
/*
 * disk_path.h - from a path to a directory and a name in it
 */
#ifndef TESTS_SIM_MODEL_DISK_PATH_H
#define TESTS_SIM_MODEL_DISK_PATH_H

#include "tests/sim/model/disk_fields.h"

struct disk_place {
    uint32_t dir;     /* where the last name is, or would be */
    const char *name; /* in the path, or in @bytes */
    uint32_t name_len;
    uint32_t entry; /* 0: there never was one */
    uint32_t inode; /* 0: no such name */
    bool slash;     /* behind the last name: it must be a directory */
    bool dots;      /* no name to be made or removed: ".", "..", "/" */
    bool dotdot;
    char bytes[DISK_PATH_MAX]; /* a path with a link's target in it */
};

enum disk_walk {
    DISK_FOLLOW = 1, /* also a link that is the last name */
    DISK_AS_IS = 2,  /* a slash behind the last name is the caller's to judge */
};

/* 0 also where the last name is missing, if all before it are there. */
int disk__walk(struct disk *disk, uint32_t dir, const char *path,
               uint64_t resolve, unsigned flags, struct disk_place *place);

#endif /* TESTS_SIM_MODEL_DISK_PATH_H */
