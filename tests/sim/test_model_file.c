/* SPDX-License-Identifier: MIT */
/*
 * test_model_file.c - what the model's kernel does with files, of what a disk
 * alone does not show
 *
 * Method: small worlds without faults, one of each seed; the power fails at a
 * step that the test chooses, and the disk that is left is looked at.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "pirn/context.h"
#include "pirn/file.h"
#include "tests/sim/model/life.h"
#include "tests/sim/model/process.h"

enum { SEEDS = 200, STORM = 10000, BYTES = 2 * DISK_SECTOR };

/* One life of one file. */
struct writer {
    struct world *world;
    uint64_t cut_step; /* 0: the power does not fail */
    bool began;
    bool told;
    int32_t result;
    char bytes[BYTES];
};

static void step(void *argument)
{
    const struct writer *writer = argument;

    if (writer->world->steps == writer->cut_step) {
        world_cut_power(writer->world);
    }
}

static struct world *begin(uint64_t seed, uint64_t cut_step,
                           struct writer *writer)
{
    const struct world_config config = {
        .seed = seed,
        .storm_steps = STORM,
        .disk = life_empty_disk(DISK_STRICT),
    };

    *writer = (struct writer){.cut_step = cut_step};
    writer->world = world_create(&config);
    writer->world->stepped = step;
    writer->world->argument = writer;
    return writer->world;
}

/* The file "a" of old bytes, durable. */
static void put_old(struct disk *disk)
{
    char old[BYTES];
    uint32_t inode;

    memset(old, 'o', sizeof(old));
    assert_int_equal(
        disk_open(disk, DISK_ROOT, "a", O_RDWR | O_CREAT, 0600, 0, &inode), 0);
    assert_int_equal(disk_write(disk, inode, 0, old, BYTES), BYTES);
    disk_release(disk, inode);
    disk_sync_all(disk);
}

/* What the first and the second sector of "a" are: 'o' or 'n', each whole. */
static void look(struct disk *disk, char ret_found[3])
{
    char bytes[BYTES];
    uint32_t inode;

    assert_int_equal(disk_open(disk, DISK_ROOT, "a", O_RDONLY, 0, 0, &inode),
                     0);
    assert_int_equal(disk_read(disk, inode, 0, bytes, BYTES), BYTES);
    disk_release(disk, inode);
    for (int i = 0; i < BYTES; i++) {
        assert_int_equal(bytes[i], bytes[i - i % DISK_SECTOR]);
    }
    ret_found[0] = bytes[0];
    ret_found[1] = bytes[DISK_SECTOR];
    ret_found[2] = '\0';
}

/* Afterwards the process stays as it is, until the power fails. */
static void write_durably(void *argument)
{
    struct writer *writer = argument;
    struct pirn_context *context = process_context(writer->world);
    struct pirn_op op = {0};
    int fd;

    pirn_prep_open(&op, AT_FDCWD, "a", O_RDWR, 0);
    fd = pirn_wait(context, &op);
    memset(writer->bytes, 'n', BYTES);
    pirn_prep_write_durable(&op, fd, writer->bytes, BYTES, 0);
    writer->began = true;
    writer->result = pirn_wait(context, &op);
    writer->told = true;
    for (int i = 0; i < 10; i++) {
        process_rest(context, 1000);
    }
    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
    pirn_context_destroy(context);
}

static const char *const outcomes[] = {"oo", "on", "no", "nn"};

/* One life, cut at @cut_step. Return: whether it was over before. */
static bool live(uint64_t seed, uint64_t cut_step, bool ret_seen[4])
{
    struct writer writer;
    struct world *world = begin(seed, cut_step, &writer);
    char found[3];
    bool is_over;

    put_old(world->disk);
    process_thread(process_create(world), write_durably, &writer);
    (void)world_run(world);
    assert_false(world->failed);
    is_over = world->boots == 0;
    look(world->disk, found);
    if (writer.told) {
        assert_int_equal(writer.result, BYTES);
        assert_string_equal(found, "nn");
    } else if (!writer.began) {
        assert_string_equal(found, "oo");
    }
    for (int i = 0; i < 4 && !writer.told; i++) {
        ret_seen[i] = ret_seen[i] || strcmp(found, outcomes[i]) == 0;
    }
    world_destroy(world);
    return is_over;
}

static void a_durable_write_survives_each_cut_after_its_end(void **state)
{
    bool seen[4] = {false};

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (uint64_t cut = 1; !live(seed, cut, seen); cut++) {
            assert_true(cut < STORM);
        }
    }
    for (int i = 0; i < 4; i++) { /* before it any subset may be left */
        assert_true(seen[i]);
    }
}

/* A sync that fails is final: the bytes are read, and are not there. */
static void a_durable_write_that_failed_is_lost_for_later_syncs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct writer writer;
        struct world *world = begin(seed, 0, &writer);
        char found[3];

        put_old(world->disk);
        world->faults.chance[FAULT_SYNC] = UINT32_MAX;
        process_thread(process_create(world), write_durably, &writer);
        assert_int_equal(world_run(world), WORLD_DONE);
        assert_int_equal(writer.result, -EIO);
        look(world->disk, found);
        assert_string_equal(found, "nn");
        disk_sync_all(world->disk);
        disk_cut(world->disk, NULL, 0);
        look(world->disk, found);
        assert_string_equal(found, "oo");
        world_destroy(world);
    }
}

TEST_MAIN(cmocka_unit_test(a_durable_write_survives_each_cut_after_its_end),
          cmocka_unit_test(a_durable_write_that_failed_is_lost_for_later_syncs))
