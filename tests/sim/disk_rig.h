/* SPDX-License-Identifier: MIT */
/*
 * disk_rig.h - short scripts on a model disk, and all that a power cut can
 * leave
 *
 * Files are spoken of by path and content. What a disk shows of some paths is
 * one line, "a=old b=- c=": a's content, no b, an empty c. expect_left() cuts
 * clones of a disk once for every subset of its units and demands exactly the
 * given lines, no more and no fewer.
 */
#ifndef TESTS_SIM_DISK_RIG_H
#define TESTS_SIM_DISK_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/disk.h"

enum { RIG_UNITS_MAX = 12, RIG_LINES_MAX = 64, RIG_LINE_MAX = 256 };

static inline struct disk *rig_disk(enum disk_profile profile)
{
    struct disk_config config = {
        .profile = profile,
        .capacity_bytes = 1 << 20,
        .inode_max = 1000,
    };

    return disk_create(&config);
}

static inline uint32_t rig_open(struct disk *disk, const char *path, int flags)
{
    uint32_t inode = 0;

    assert_int_equal(disk_open(disk, DISK_ROOT, path, flags, 0600, 0, &inode),
                     0);
    return inode;
}

static inline void rig_mkdir(struct disk *disk, const char *path)
{
    assert_int_equal(disk_mkdir(disk, DISK_ROOT, path, 0700), 0);
}

static inline void rig_rename(struct disk *disk, const char *old,
                              const char *new, unsigned flags)
{
    assert_int_equal(disk_rename(disk, DISK_ROOT, old, DISK_ROOT, new, flags),
                     0);
}

static inline void rig_unlink(struct disk *disk, const char *path)
{
    assert_int_equal(disk_unlink(disk, DISK_ROOT, path, 0), 0);
}

static inline void rig_sync(struct disk *disk, const char *path)
{
    uint32_t inode = rig_open(disk, path, O_RDONLY);

    assert_int_equal(disk_sync(disk, inode, false), 0);
    disk_release(disk, inode);
}

/* At @offset; the file is made, if it is not there. */
static inline void rig_write(struct disk *disk, const char *path,
                             uint64_t offset, const char *text)
{
    uint32_t inode = rig_open(disk, path, O_WRONLY | O_CREAT);

    assert_int_equal(disk_write(disk, inode, offset, text, strlen(text)),
                     strlen(text));
    disk_release(disk, inode);
}

/* The content is durable; the name is not. */
static inline void rig_put(struct disk *disk, const char *path,
                           const char *text)
{
    rig_write(disk, path, 0, text);
    rig_sync(disk, path);
}

/* What is at @path: "-" nothing, "/" a directory, else the file's bytes, zeros
 * as '0'. Only the first bytes of large files. */
static inline void rig_look(struct disk *disk, const char *path, char *text,
                            size_t len)
{
    uint32_t inode;
    int64_t count;

    (void)snprintf(text, len, "-");
    if (disk_open(disk, DISK_ROOT, path, O_RDONLY, 0, 0, &inode) == 0) {
        count = disk_read(disk, inode, 0, text, len - 1);
        if (count < 0) {
            (void)snprintf(text, len, "/");
        }
        for (int64_t i = 0; i < count; i++) {
            text[i] = text[i] ? text[i] : '0';
        }
        if (count >= 0) {
            text[count] = '\0';
        }
        disk_release(disk, inode);
    }
}

/* The line of @paths, which are separated by spaces. */
static inline void rig_line(struct disk *disk, const char *paths, char *line)
{
    char copy[RIG_LINE_MAX];
    char text[32];
    char *rest = NULL;
    size_t used = 0;

    (void)snprintf(copy, sizeof(copy), "%s", paths);
    line[0] = '\0';
    for (char *path = strtok_r(copy, " ", &rest); path != NULL;
         path = strtok_r(NULL, " ", &rest)) {
        rig_look(disk, path, text, sizeof(text));
        used += (size_t)snprintf(line + used, RIG_LINE_MAX - used, "%s%s=%s",
                                 used ? " " : "", path, text);
        assert_true(used < RIG_LINE_MAX);
    }
}

static inline void rig_expect(struct disk *disk, const char *paths,
                              const char *line)
{
    char found[RIG_LINE_MAX];

    rig_line(disk, paths, found);
    assert_string_equal(found, line);
}

/* All lines that cuts may leave, each once. */
struct rig_left {
    char lines[RIG_LINES_MAX][RIG_LINE_MAX];
    int count;
};

static inline void rig_left_add(struct rig_left *left, const char *line)
{
    for (int i = 0; i < left->count; i++) {
        if (strcmp(left->lines[i], line) == 0) {
            return;
        }
    }
    assert_true(left->count < RIG_LINES_MAX);
    (void)snprintf(left->lines[left->count++], RIG_LINE_MAX, "%s", line);
}

/* Cut a clone for each subset of the units, and again: nothing changes. */
static inline void rig_cut_all(const struct disk *disk, const char *paths,
                               uint64_t torn, struct rig_left *left)
{
    uint32_t count = disk_unit_count(disk);

    assert_true(count <= RIG_UNITS_MAX);
    for (uint32_t subset = 0; subset < 1U << count; subset++) {
        struct disk *clone = disk_clone(disk);
        bool survives[RIG_UNITS_MAX];
        char line[RIG_LINE_MAX];
        uint64_t hash;

        for (uint32_t i = 0; i < count; i++) {
            survives[i] = subset >> i & 1;
        }
        disk_cut(clone, survives, torn);
        rig_line(clone, paths, line);
        rig_left_add(left, line);
        assert_int_equal(disk_unit_count(clone), 0);
        hash = disk_hash(clone);
        disk_cut(clone, NULL, 0);
        assert_int_equal(disk_hash(clone), hash);
        disk_destroy(clone);
    }
}

static inline int rig_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* @expected: the lines in the order of strcmp(3), each ended by a newline. */
static inline void rig_expect_left(const struct disk *disk, const char *paths,
                                   const char *expected)
{
    struct rig_left *left = calloc(1, sizeof(*left));
    char *found = calloc(RIG_LINES_MAX, RIG_LINE_MAX);

    assert_non_null(left);
    assert_non_null(found);
    rig_cut_all(disk, paths, 0, left);
    qsort(left->lines, (size_t)left->count, RIG_LINE_MAX, rig_compare);
    for (int i = 0; i < left->count; i++) {
        strcat(strcat(found, left->lines[i]), "\n");
    }
    assert_string_equal(found, expected);
    free(found);
    free(left);
}

#endif /* TESTS_SIM_DISK_RIG_H */
