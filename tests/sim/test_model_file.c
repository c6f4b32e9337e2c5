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
#include "pirn/path.h"
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

/* --- mapped memory --- */

enum { MAP_BYTES = 2 * DISK_PAGE, MAPPERS = 2 };

struct mapper {
    struct world *world;
    uint32_t *words[MAPPERS]; /* where each has it */
    uint32_t found[MAPPERS];  /* what it held then */
    bool stays;               /* maps until it is killed */
};

struct mapping {
    struct mapper *mapper;
    uint32_t number;
};

static void map_and_store(void *argument)
{
    const struct mapping *mapping = argument;
    struct mapper *mapper = mapping->mapper;
    struct pirn_context *context = process_context(mapper->world);
    struct pirn_op op = {0};
    void *memory = NULL;
    int fd;

    pirn_prep_open(&op, AT_FDCWD, "m", O_RDWR | O_CREAT, 0600);
    fd = pirn_wait(context, &op);
    pirn_prep_fallocate(&op, fd, 0, 0, MAP_BYTES);
    (void)pirn_wait(context, &op);
    if (pirn_map_shared(context, fd, MAP_BYTES, &memory) < 0) {
        world_fail(mapper->world, "no map");
    }
    mapper->words[mapping->number] = memory;
    mapper->found[mapping->number] = *mapper->words[mapping->number];
    *mapper->words[mapping->number] = 5;
    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
    while (mapper->stays) {
        process_rest(context, 1000);
    }
    pirn_unmap_shared(context, memory, MAP_BYTES);
    pirn_context_destroy(context);
}

static void kill_when_mapped(void *argument)
{
    struct mapper *mapper = argument;
    struct process *process = mapper->world->processes[0];

    if (mapper->words[0] != NULL && mapper->stays) {
        mapper->stays = false;
        process_kill(process);
    }
}

/* The nth process maps. */
static void run_mapper(struct mapper *mapper, uint32_t number)
{
    struct mapping mapping = {mapper, number};

    process_thread(process_create(mapper->world), map_and_store, &mapping);
    assert_int_equal(world_run(mapper->world), WORLD_DONE);
}

/* The first is killed, the second maps what it left, and after a power cut a
 * third something else. Return: what the third found. */
static uint32_t map_thrice(uint64_t seed)
{
    const struct world_config config = {
        .seed = seed,
        .storm_steps = STORM,
        .disk = life_empty_disk(DISK_STRICT),
    };
    struct mapper mapper = {.world = world_create(&config), .stays = true};
    uint32_t found;

    mapper.world->stepped = kill_when_mapped;
    mapper.world->argument = &mapper;
    run_mapper(&mapper, 0);
    run_mapper(&mapper, 1);
    assert_int_equal(mapper.found[0], 0);
    assert_int_equal(mapper.found[1], 5);
    assert_ptr_equal(mapper.words[0], mapper.words[1]);
    world_check_rest(mapper.world);
    assert_false(mapper.world->failed);

    disk_sync_all(mapper.world->disk);
    world_cut_power(mapper.world);
    mapper.world->power_cut = false;
    run_mapper(&mapper, 0);
    found = mapper.found[0];
    world_destroy(mapper.world);
    return found;
}

static void mapped_memory_outlives_its_processes_and_no_power_cut(void **state)
{
    uint32_t zeros = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint32_t found = map_thrice(seed);

        assert_int_equal(found, map_thrice(seed));
        assert_int_not_equal(found, 5);
        zeros += found == 0;
    }
    assert_in_range(zeros, SEEDS / 4, SEEDS * 7 / 8);
}

/* A file that got the number of one that is gone. */
static void a_new_file_is_not_what_was_mapped_before(void **state)
{
    const struct world_config config = {
        .seed = 1,
        .storm_steps = STORM,
        .disk = life_empty_disk(DISK_STRICT),
    };
    struct mapper mapper = {.world = world_create(&config)};

    (void)state;
    run_mapper(&mapper, 0);
    assert_int_equal(disk_unlink(mapper.world->disk, DISK_ROOT, "m", 0), 0);
    run_mapper(&mapper, 1);
    assert_int_equal(mapper.found[1], 0);
    world_destroy(mapper.world);
}

static void leave_a_map(void *argument)
{
    struct mapper *mapper = argument;
    struct pirn_context *context = process_context(mapper->world);
    struct pirn_op op = {0};
    void *memory = NULL;
    int fd;

    pirn_prep_open(&op, AT_FDCWD, "a", O_RDWR, 0);
    fd = pirn_wait(context, &op);
    if (pirn_map_shared(context, fd, mapper->stays ? MAP_BYTES : BYTES,
                        &memory) == 0) {
        world_note(mapper->world, "mapped", 0);
    }
    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
    pirn_context_destroy(context);
}

/* A map that is left, and one behind the file's end. */
static void careless_maps_fail_the_life(void **state)
{
    (void)state;
    for (int too_long = 0; too_long < 2; too_long++) {
        const struct world_config config = {
            .storm_steps = STORM,
            .disk = life_empty_disk(DISK_STRICT),
        };
        struct mapper mapper = {.world = world_create(&config),
                                .stays = too_long};

        put_old(mapper.world->disk);
        process_thread(process_create(mapper.world), leave_a_map, &mapper);
        assert_int_equal(world_run(mapper.world), WORLD_FAILED);
        assert_non_null(strstr(mapper.world->reason,
                               too_long ? "behind the end" : "maps left"));
        world_destroy(mapper.world);
    }
}

/* --- a FIFO --- */

struct talk {
    struct world *world;
    bool reads;    /* somebody waits for a byte */
    bool has_read; /* and has it */
    bool was_cancelled;
    bool was_early; /* he had it before it was written */
    bool has_written;
    int32_t made;
    char bytes[8];
};

static int open_fifo(struct pirn_context *context)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, AT_FDCWD, "fifo", O_RDWR, 0);
    return pirn_wait(context, &op);
}

static void note_end(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void read_fifo(void *argument)
{
    struct talk *talk = argument;
    struct pirn_context *context = process_context(talk->world);
    struct pirn_op op = {0};
    int fd;

    pirn_prep_fifo(&op, AT_FDCWD, "fifo", 0600);
    talk->made = pirn_wait(context, &op);
    fd = open_fifo(context);
    pirn_prep_read(&op, fd, talk->bytes, 1, PIRN_OFFSET_CURRENT);
    pirn_start(context, &op, note_end);
    process_rest(context, 1000);
    pirn_cancel(context, &op);
    if (pirn_context_drain(context) == 0) {
        talk->was_cancelled = pirn_op_result(&op) == -ECANCELED;
    }
    pirn_prep_read(&op, fd, talk->bytes, sizeof(talk->bytes),
                   PIRN_OFFSET_CURRENT);
    talk->reads = true;
    talk->has_read = pirn_wait(context, &op) == 1;
    talk->was_early = !talk->has_written;
    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
    pirn_context_destroy(context);
}

static void write_fifo(void *argument)
{
    struct talk *talk = argument;
    struct pirn_context *context = process_context(talk->world);
    struct pirn_op op = {0};
    int fd;

    while (!talk->reads) {
        process_rest(context, 1000);
    }
    process_rest(context, 1000000);
    fd = open_fifo(context);
    pirn_prep_write(&op, fd, "w", 1, PIRN_OFFSET_CURRENT);
    talk->has_written = true;
    (void)pirn_wait(context, &op);
    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
    pirn_context_destroy(context);
}

static void a_read_of_a_fifo_waits_for_another_process(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct world_config config = {
            .seed = seed,
            .storm_steps = STORM,
            .disk = life_empty_disk(DISK_STRICT),
        };
        struct talk talk = {.world = world_create(&config)};

        process_thread(process_create(talk.world), read_fifo, &talk);
        process_thread(process_create(talk.world), write_fifo, &talk);
        assert_int_equal(world_run(talk.world), WORLD_DONE);
        world_check_rest(talk.world);
        assert_false(talk.world->failed);
        assert_int_equal(talk.made, 0);
        assert_true(talk.was_cancelled);
        assert_true(talk.has_read && !talk.was_early);
        assert_int_equal(talk.bytes[0], 'w');
        world_destroy(talk.world);
    }
}

TEST_MAIN(
    cmocka_unit_test(a_durable_write_survives_each_cut_after_its_end),
    cmocka_unit_test(a_durable_write_that_failed_is_lost_for_later_syncs),
    cmocka_unit_test(mapped_memory_outlives_its_processes_and_no_power_cut),
    cmocka_unit_test(a_new_file_is_not_what_was_mapped_before),
    cmocka_unit_test(careless_maps_fail_the_life),
    cmocka_unit_test(a_read_of_a_fifo_waits_for_another_process))
