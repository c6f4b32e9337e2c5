/* SPDX-License-Identifier: MIT */
/*
 * shared.c - see shared.h
 *
 * A block holds its file's inode, so that the number means this file as long as
 * there is the block: while somebody maps it, or it has a name.
 */
#include "tests/sim/model/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/world.h"

/* One page in so many, behind the first. */
enum { SPOILED = 8, DISK_PAGE_SECTORS = DISK_PAGE / DISK_SECTOR };

struct shared {
    uint32_t inode;
    uint32_t map_count;
    uint64_t bytes; /* whole pages */
    uint8_t *memory;
    struct pirn_link link; /* among the world's */
};

struct map {
    struct shared *shared;
    struct pirn_link link; /* among its process's */
};

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;
}

static struct shared *shared_at(struct pirn_link *link)
{
    return pirn_container_of(link, struct shared, link);
}

static struct shared *find(struct world *world, uint32_t inode)
{
    for (struct pirn_link *link = world->shared.next; link != &world->shared;
         link = link->next) {
        if (shared_at(link)->inode == inode) {
            return shared_at(link);
        }
    }
    return NULL;
}

static struct shared *create(struct world *world, uint32_t inode)
{
    struct shared *shared = calloc(1, sizeof(*shared));
    uint64_t size = disk_size(world->disk, inode);

    pirn_assert(shared != NULL);
    shared->inode = inode;
    shared->bytes = pages_of(size);
    /* Most of it is never touched. */
    void *memory = mmap(NULL, shared->bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pirn_assert(memory != MAP_FAILED);
    shared->memory = memory;
    disk_hold(world->disk, inode);
    disk_load(world->disk, inode, shared->memory);
    list_push_tail(&world->shared, &shared->link);
    return shared;
}

static void destroy(struct shared *shared)
{
    list_unlink(&shared->link);
    (void)munmap(shared->memory, shared->bytes);
    free(shared);
}

static bool has_name(struct disk *disk, uint32_t inode)
{
    struct statx statx;

    return disk_stat(disk, inode, "", AT_EMPTY_PATH, &statx) == 0 &&
           S_ISREG(statx.stx_mode) && statx.stx_nlink > 0;
}

/* Files that were deleted since they were mapped last. */
static void drop_nameless(struct world *world)
{
    struct pirn_link *link = world->shared.next;

    while (link != &world->shared) {
        struct shared *shared = shared_at(link);

        link = link->next;
        if (shared->map_count == 0 && !has_name(world->disk, shared->inode)) {
            disk_release(world->disk, shared->inode);
            destroy(shared);
        }
    }
}

static int refusal(struct process *process, const struct open_file *file)
{
    if (file == NULL || (file->flags & O_PATH)) {
        return -EBADF;
    }
    if (file->kind != OPEN_FILE) {
        return -ENODEV;
    }
    if ((file->flags & O_ACCMODE) != O_RDWR) {
        return -EACCES;
    }
    return fault_happens(&process->world->faults, FAULT_ENOMEM) ? -ENOMEM : 0;
}

int shared_map(struct process *process, int32_t fd, uint64_t bytes,
               void **ret_memory)
{
    struct world *world = process->world;
    const struct open_file *file = descriptor_file(&process->descriptors, fd);
    int r = refusal(process, file);
    struct shared *shared;
    struct map *map;

    if (r < 0) {
        return r;
    }
    if (bytes > pages_of(disk_size(world->disk, file->inode))) {
        world_fail(world, "a map reaches behind the end of its file");
        return -ENOMEM;
    }
    drop_nameless(world);
    shared = find(world, file->inode);
    shared = shared != NULL ? shared : create(world, file->inode);
    pirn_assert_rule(bytes <= shared->bytes,
                     "a file that is mapped does not grow in the model");
    map = calloc(1, sizeof(*map));
    pirn_assert(map != NULL);
    map->shared = shared;
    shared->map_count++;
    list_push_tail(&process->maps, &map->link);
    *ret_memory = shared->memory;
    return 0;
}

/* A page that somebody has touched has room: on a full disk it would have been
 * a SIGBUS else. */
static void check_room(struct world *world, const struct shared *shared)
{
    size_t pages = shared->bytes / DISK_PAGE;
    unsigned char *are_touched = malloc(pages);

    pirn_assert(are_touched != NULL);
    pirn_assert(mincore(shared->memory, shared->bytes, are_touched) == 0);
    for (uint32_t i = 0; i < pages; i++) {
        if ((are_touched[i] & 1) &&
            !disk_has_room(world->disk, shared->inode, i * DISK_PAGE_SECTORS)) {
            world_fail(world, "page %u of a map is touched, and has no room",
                       i);
        }
    }
    free(are_touched);
}

static void unmap(struct world *world, struct map *map)
{
    if (--map->shared->map_count == 0) {
        check_room(world, map->shared);
    }
    list_unlink(&map->link);
    free(map);
}

void shared_unmap(struct process *process, const void *memory)
{
    struct pirn_link *link = process->maps.next;

    while (link != &process->maps &&
           pirn_container_of(link, struct map, link)->shared->memory !=
               memory) {
        link = link->next;
    }
    pirn_assert_rule(link != &process->maps,
                     "what is unmapped was mapped by this process");
    unmap(process->world, pirn_container_of(link, struct map, link));
    drop_nameless(process->world);
}

void shared_unmap_all(struct process *process)
{
    while (!list_is_empty(&process->maps)) {
        unmap(process->world,
              pirn_container_of(process->maps.next, struct map, link));
    }
}

static void spoil_page(struct world *world, uint32_t inode, uint64_t at,
                       struct rng *rng)
{
    uint64_t words[DISK_PAGE / sizeof(uint64_t)];
    uint64_t left = disk_size(world->disk, inode) - at;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        words[i] = rng_next(rng);
    }
    (void)disk_write(world->disk, inode, at, words,
                     left < sizeof(words) ? left : sizeof(words));
}

/* What the kernel has written of it: nothing; or the page that is looked at
 * first, and any of the others. */
static void spoil(struct world *world, uint32_t inode)
{
    struct rng rng = rng_of(world->seed, 7000 + world->boots);
    uint64_t size = disk_size(world->disk, inode);

    if (size == 0 || rng_coin(&rng)) {
        return;
    }
    disk_hold(world->disk, inode);
    for (uint64_t at = 0; at < size; at += DISK_PAGE) {
        if (at == 0 || rng_below(&rng, SPOILED) == 0) {
            spoil_page(world, inode, at, &rng);
        }
    }
    disk_sync_range(world->disk, inode, 0, size);
    disk_release(world->disk, inode);
}

/* Its holds are gone with all that was open. */
void shared_cut(struct world *world)
{
    while (!list_is_empty(&world->shared)) {
        struct shared *shared = shared_at(world->shared.next);

        pirn_assert(shared->map_count == 0);
        if (has_name(world->disk, shared->inode)) {
            spoil(world, shared->inode);
        }
        destroy(shared);
    }
}

void shared_deinit(struct world *world)
{
    while (!list_is_empty(&world->shared)) {
        destroy(shared_at(world->shared.next));
    }
}
