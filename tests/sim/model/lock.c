/* SPDX-License-Identifier: MIT */
/* lock.c - see lock.h */
#include "tests/sim/model/lock.h"

#include <errno.h>
#include <fcntl.h>

#include "tests/sim/model/open_file.h"

static bool overlap(const struct lock *one, const struct lock *other)
{
    return one->inode == other->inode && one->start < other->end &&
           other->start < one->end;
}

static bool conflict(const struct lock *one, const struct lock *other)
{
    return one->file != other->file && overlap(one, other) &&
           (one->exclusive || other->exclusive);
}

static int add(struct locks *locks, struct lock lock)
{
    if (locks->count == LOCK_MAX) {
        return -ENOLCK;
    }
    if (lock.start < lock.end) {
        locks->locks[locks->count++] = lock;
    }
    return 0;
}

/* The parts of its own locks that @lock covers give way to it. */
static int give_way(struct locks *locks, const struct lock *lock)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < locks->count;) {
        struct lock had = locks->locks[i];
        struct lock before = had;
        struct lock behind = had;

        if (had.file != lock->file || !overlap(&had, lock)) {
            i++;
            continue;
        }
        locks->locks[i] = locks->locks[--locks->count];
        before.end = lock->start < had.start ? had.start : lock->start;
        behind.start = lock->end > had.end ? had.end : lock->end;
        r = add(locks, before);
        r = r == 0 ? add(locks, behind) : r;
    }
    return r;
}

int locks_set(struct locks *locks, const struct open_file *file, int type,
              uint64_t start, uint64_t len)
{
    struct lock lock = {
        .file = file,
        .inode = file->inode,
        .exclusive = type == F_WRLCK,
        .start = start,
        .end = len == 0 ? UINT64_MAX : start + len,
    };
    int r;

    for (uint32_t i = 0; type != F_UNLCK && i < locks->count; i++) {
        if (conflict(&locks->locks[i], &lock)) {
            return -EAGAIN;
        }
    }
    r = give_way(locks, &lock);
    return r < 0 || type == F_UNLCK ? r : add(locks, lock);
}

void locks_release(struct locks *locks, const struct open_file *file)
{
    for (uint32_t i = 0; i < locks->count;) {
        if (locks->locks[i].file == file) {
            locks->locks[i] = locks->locks[--locks->count];
        } else {
            i++;
        }
    }
}
