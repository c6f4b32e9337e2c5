/* SPDX-License-Identifier: MIT */
/* check_file.c - see check_file.h */
#include "tests/sim/model/check_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/disk.h"

static char byte_of(uint32_t number, uint32_t at)
{
    return (char)(number * 37 + at * 11 + (at >> 8) + 1);
}

void check_file_begin(struct check_file *check, struct world *world,
                      uint32_t number, uint32_t len, char *bytes)
{
    pirn_assert(len <= CHECK_FILE_BYTES);
    *check = (struct check_file){.world = world, .number = number, .len = len};
    snprintf(check->name, sizeof(check->name), "file-%u", number);
    for (uint32_t at = 0; at < len; at++) {
        bytes[at] = byte_of(number, at);
    }
}

void check_file_acknowledged(struct check_file *check)
{
    check->acknowledged = true;
    world_note(check->world, "acknowledged: ", (int32_t)check->number);
}

static void check_bytes(const struct check_file *check, const char *bytes,
                        int64_t len)
{
    if (len != check->len) {
        world_fail(check->world, "%s has %lld bytes, and had %u", check->name,
                   (long long)len, check->len);
        return;
    }
    for (uint32_t at = 0; at < check->len; at++) {
        if (bytes[at] != byte_of(check->number, at)) {
            world_fail(check->world, "byte %u of %s is not what was written",
                       at, check->name);
            return;
        }
    }
}

void check_file_look(const struct check_file *check)
{
    char bytes[CHECK_FILE_BYTES + 1];
    struct disk *disk;
    uint32_t inode;
    int r;

    if (check->world == NULL) {
        return;
    }
    disk = check->world->disk;
    r = disk_open(disk, DISK_ROOT, check->name, O_RDONLY, 0, 0, &inode);
    if (r < 0) {
        if (check->acknowledged) {
            world_fail(check->world,
                       "%s was acknowledged, and is not there: %d", check->name,
                       r);
        }
        return;
    }
    check_bytes(check, bytes, disk_read(disk, inode, 0, bytes, sizeof(bytes)));
    disk_release(disk, inode);
}
