/* SPDX-License-Identifier: MIT */
/*
 * disk_block.c - 512 bytes that never change
 *
 * A version of a sector is a block; who writes makes a new one. So the volatile
 * version, the durable one and any number of un-synced ones share blocks by
 * counting users, and a cut moves numbers, not bytes.
 *
 * Blocks come in chunks, and a clone shares the chunks: with two owners nobody
 * fills a block there, free or not, because the other may be reading it. Owners
 * are counted without a lock: a disk and its clones live on one thread.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"

static struct disk_chunk *chunk_of(const struct disk *disk, uint32_t block)
{
    return disk->chunks[block / DISK_CHUNK_BLOCKS];
}

static void push_free(struct disk *disk, uint32_t block)
{
    disk->block_free[disk->block_free_count++] = block;
}

/* @block_users and the stack have room for every block there is. */
static void add_chunk(struct disk *disk)
{
    struct disk_chunk *chunk = malloc(sizeof(*chunk));
    uint32_t first = disk->chunk_count * DISK_CHUNK_BLOCKS;
    uint32_t stack_capacity = disk->block_capacity;

    pirn_assert(chunk != NULL);
    chunk->owners = 1;
    disk->chunks = disk__grow(disk->chunks, &disk->chunk_capacity,
                              disk->chunk_count + 1, sizeof(*disk->chunks));
    disk->chunks[disk->chunk_count++] = chunk;
    disk->block_free =
        disk__grow(disk->block_free, &stack_capacity, first + DISK_CHUNK_BLOCKS,
                   sizeof(*disk->block_free));
    disk->block_users =
        disk__grow(disk->block_users, &disk->block_capacity,
                   first + DISK_CHUNK_BLOCKS, sizeof(*disk->block_users));
    for (uint32_t i = DISK_CHUNK_BLOCKS; i-- > 0;) {
        disk->block_users[first + i] = 0;
        if (first + i > DISK_ZEROS) {
            push_free(disk, first + i);
        }
    }
    if (first == 0) {
        memset(chunk->blocks[DISK_ZEROS], 0, DISK_SECTOR);
        chunk->hashes[DISK_ZEROS] = 0;
        disk->block_users[DISK_ZEROS] = 1;
    }
}

uint32_t disk__block_create(struct disk *disk, uint8_t **ret_bytes)
{
    uint32_t block;

    if (disk->block_free_count == 0 ||
        chunk_of(disk, disk->block_free[disk->block_free_count - 1])->owners >
            1) {
        add_chunk(disk);
    }
    block = disk->block_free[--disk->block_free_count];
    pirn_assert(disk->block_users[block] == 0);
    *ret_bytes = chunk_of(disk, block)->blocks[block % DISK_CHUNK_BLOCKS];
    chunk_of(disk, block)->hashes[block % DISK_CHUNK_BLOCKS] = 0;
    return block;
}

const uint8_t *disk__block_bytes(const struct disk *disk, uint32_t block)
{
    pirn_assert(disk->block_users[block] > 0);
    return chunk_of(disk, block)->blocks[block % DISK_CHUNK_BLOCKS];
}

uint64_t *disk__block_hash(const struct disk *disk, uint32_t block)
{
    pirn_assert(disk->block_users[block] > 0);
    return &chunk_of(disk, block)->hashes[block % DISK_CHUNK_BLOCKS];
}

void disk__block_use(struct disk *disk, uint32_t block)
{
    disk->block_users[block]++;
}

void disk__block_drop(struct disk *disk, uint32_t block)
{
    pirn_assert(disk->block_users[block] > 0);
    if (--disk->block_users[block] == 0) {
        push_free(disk, block);
    }
}

void disk__block_set(struct disk *disk, uint32_t *place, uint32_t block)
{
    uint32_t before = *place;

    if (block != DISK_NONE) {
        disk__block_use(disk, block);
    }
    *place = block;
    if (before != DISK_NONE) {
        disk__block_drop(disk, before);
    }
}

static void *copy_of(const void *array, size_t used, size_t capacity)
{
    void *copy = malloc(capacity + 1);

    pirn_assert(copy != NULL);
    if (used > 0) {
        memcpy(copy, array, used);
    }
    return copy;
}

/* @copy is a bitwise copy of @disk: give it arrays of its own. */
void disk__block_share(struct disk *copy, const struct disk *disk)
{
    size_t blocks = disk->chunk_count * (size_t)DISK_CHUNK_BLOCKS;

    copy->chunks =
        copy_of(disk->chunks, disk->chunk_count * sizeof(*disk->chunks),
                disk->chunk_capacity * sizeof(*disk->chunks));
    copy->block_users =
        copy_of(disk->block_users, blocks * sizeof(*disk->block_users),
                disk->block_capacity * sizeof(*disk->block_users));
    copy->block_free = copy_of(
        disk->block_free, disk->block_free_count * sizeof(*disk->block_free),
        disk->block_capacity * sizeof(*disk->block_free));
    for (uint32_t i = 0; i < copy->chunk_count; i++) {
        copy->chunks[i]->owners++;
    }
}

void disk__block_deinit(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->chunk_count; i++) {
        if (--disk->chunks[i]->owners == 0) {
            free(disk->chunks[i]);
        }
    }
    free(disk->chunks);
    free(disk->block_users);
    free(disk->block_free);
}
