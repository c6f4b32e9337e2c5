/* SPDX-License-Identifier: MIT */
/*
 * memory.c - see memory.h
 *
 * Each block has a header in front of it, also those that are nobody's: who
 * frees need not know whose it was. Freed memory of a process is overwritten,
 * so that who uses it on meets something else than before.
 */
#include "tests/sim/model/memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/fiber.h"

enum {
    ALIGNMENT = 16,
    ALIGNMENT_MAX = 4096,
    FREED = 0xdd,
    FREED_BYTES = 1024, /* more of a block is not overwritten: time */
    MANY = 256 * 1024,  /* zeros: so many are mapped, and most never touched */
    MAGIC = 0x6d656d6f,
};

struct block {
    struct pirn_link link;
    struct memory *owner;
    size_t bytes;
    void *base;
    size_t mapped; /* it is a map of so many bytes */
    uint32_t magic;
};

enum { HEADER_BYTES = (sizeof(struct block) + 15) / 16 * 16 };

static _Thread_local struct memory *current;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void __real_free(void *pointer);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *pointer, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __wrap_free(void *pointer);

static struct block *block_of(void *pointer)
{
    struct block *block = (void *)((char *)pointer - HEADER_BYTES);

    pirn_assert_rule(block->magic == MAGIC, "what is freed was allocated");
    return block;
}

static void *begin(void *base, size_t before, size_t bytes)
{
    struct block *block;

    if (base == NULL) {
        return NULL;
    }
    block = (void *)((char *)base + before - HEADER_BYTES);
    *block = (struct block){
        .owner = current, .bytes = bytes, .base = base, .magic = MAGIC};
    if (current != NULL) {
        list_push_tail(&current->blocks, &block->link);
        current->count++;
        current->bytes += bytes;
    }
    return (char *)base + before;
}

static void end(struct block *block)
{
    block->magic = 0;
    if (block->owner != NULL) {
        list_unlink(&block->link);
        block->owner->count--;
        block->owner->bytes -= block->bytes;
        memset((char *)block + HEADER_BYTES, FREED,
               block->bytes < FREED_BYTES ? block->bytes : FREED_BYTES);
    }
    if (block->mapped > 0) {
        (void)munmap(block->base, block->mapped);
    } else {
        __real_free(block->base);
    }
}

void *__wrap_malloc(size_t bytes)
{
    return begin(__real_malloc(HEADER_BYTES + bytes), HEADER_BYTES, bytes);
}

/* By hand: malloc() sets aside what is freed, and clears it then. */
static void *map(size_t bytes)
{
    size_t all = HEADER_BYTES + bytes;
    void *base = mmap(NULL, all, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *pointer;

    if (base == MAP_FAILED) {
        return NULL;
    }
    pointer = begin(base, HEADER_BYTES, bytes);
    block_of(pointer)->mapped = all;
    return pointer;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    return total >= MANY && !fiber_is_slow()
               ? map(total)
               : begin(__real_calloc(1, HEADER_BYTES + total), HEADER_BYTES,
                       total);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    size_t before = alignment < HEADER_BYTES ? HEADER_BYTES : alignment;

    pirn_assert(alignment >= ALIGNMENT && alignment <= ALIGNMENT_MAX);
    before = (before + alignment - 1) / alignment * alignment;
    return begin(__real_aligned_alloc(alignment, before + bytes), before,
                 bytes);
}

void *__wrap_realloc(void *pointer, size_t bytes)
{
    void *fresh = __wrap_malloc(bytes);

    if (pointer != NULL && fresh != NULL) {
        size_t had = block_of(pointer)->bytes;

        memcpy(fresh, pointer, had < bytes ? had : bytes);
        end(block_of(pointer));
    }
    return fresh;
}

void __wrap_free(void *pointer)
{
    if (pointer != NULL) {
        end(block_of(pointer));
    }
}

/* What a life gives back the next one asks for: the kernel would clear it in
 * between, page by page. */
__attribute__((constructor)) static void keep(void)
{
    enum { MOST = 32 << 20, FOR_EVER = 1 << 30 };

    (void)mallopt(M_MMAP_THRESHOLD, MOST);
    (void)mallopt(M_TRIM_THRESHOLD, FOR_EVER);
}

void memory_init(struct memory *memory)
{
    *memory = (struct memory){.count = 0};
    list_init(&memory->blocks);
}

void memory_drop(struct memory *memory)
{
    while (!list_is_empty(&memory->blocks)) {
        end(pirn_container_of(memory->blocks.next, struct block, link));
    }
}

struct memory *memory_switch(struct memory *memory)
{
    struct memory *before = current;

    current = memory;
    return before;
}
