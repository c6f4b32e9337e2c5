/* SPDX-License-Identifier: MIT */
/*
 * test_log_flip.c - one bit of a log is another, on the disk or in its index
 *
 * A child makes a log with one batch of four items, removes the last durably,
 * and closes the log, or is killed; the index stays, or is lost as at a power
 * cut. Then, for one bit after the other: all files are written back, the bit
 * is flipped, and another child opens the spool and has what there is. An item
 * comes whole, or somebody is told: the open, the claim or the read fails, or
 * it is held. Other bytes never come, nobody stops by an assertion, and nobody
 * hangs.
 *
 * A word of the index has no sum but the disk: where it says that there is no
 * item, the item is there again when the index is made anew; that is counted
 * apart.
 *
 * Used is a unit of 64 bytes that is not one word again and again. By default
 * some hundred bits of these, of a seed that is printed, and a few of the
 * others. With PIRN_LONG=1 every bit of them: of the index where a user was
 * killed, and of the other files where it is made anew from them; of what is
 * unused one in each 4 KiB.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>

#include "process/crew.h"

enum {
    ITEMS = 3,
    REMOVED = ITEMS, /* one more */
    SEGMENTS = 8,
    FILES = 64,
    PATH = 192,
    HANGS_S = 20,
    SAMPLES = 200,
    UNUSED_SAMPLES = 3, /* of a file */
    SHOWN = 20,
};

struct file {
    char path[PATH];
    uint8_t *bytes;
    size_t len;
    bool is_here; /* of the walk that looks for what came since */
};

/* What a child found, and how it ended. */
struct found {
    int32_t open; /* or close's: it has been */
    int32_t error;
    uint32_t had;  /* a bit each item */
    uint32_t back; /* the removed one */
    uint32_t told; /* claims and reads that failed, items that are held */
    uint32_t wrong;
};

struct world {
    char root[96];
    char spool[128];
    char index[128];
    bool is_killed; /* who made the log */
    bool is_lost;   /* the index */
    struct pirn_id ids[ITEMS + 1];
    struct file files[FILES];
    uint32_t file_count;
    uint64_t random;
    uint32_t tried, whole, refused, told, missing, faults;
};

static struct world world; /* nftw() has no argument */

static void fill(uint32_t item, uint8_t *body, uint32_t *ret_len)
{
    *ret_len = 100 + item * 250;
    for (uint32_t i = 0; i < *ret_len; i++) {
        body[i] = (uint8_t)(item * 31 + i * 7 + 1);
    }
}

/* ---- children ---- */

struct opened {
    struct pirn_context *context;
    struct pirn_spool *spool;
};

static int open_spool(struct opened *opened, bool create)
{
    const struct pirn_spool_config config = {
        .path = world.spool,
        .create = create,
        .layout = PIRN_LAYOUT_LOG,
        .log_slots = 1024,
        .log_segments = SEGMENTS,
        .log_segment_bytes = 1024 * 1024,
        .index_dir = world.index,
    };
    int r = pirn_context_create(NULL, &opened->context);

    return r < 0 ? r
                 : pirn_spool_open(opened->context, &config, &opened->spool);
}

static void noted(struct pirn_op *op, int32_t result)
{
    (void)op;
    if (result < 0) {
        _exit(2);
    }
}

static void remove_last(struct opened *opened, const struct pirn_id *id)
{
    static struct pirn_claim claim;

    pirn_prep_claim_id(&claim, opened->spool, id);
    if (pirn_wait(opened->context, &claim.op) != 1) {
        _exit(1);
    }
    pirn_prep_remove_durable(&claim);
    if (pirn_wait(opened->context, &claim.op) != 0) {
        _exit(1);
    }
}

/* Four items in one batch, and then three; their ids. */
static void make(int out, bool is_killed)
{
    static uint8_t bodies[ITEMS + 1][1024];
    struct pirn_draft drafts[ITEMS + 1] = {0};
    struct opened opened;

    if (open_spool(&opened, true) < 0) {
        _exit(1);
    }
    for (uint32_t i = 0; i <= REMOVED; i++) {
        uint32_t len;
        fill(i, bodies[i], &len);
        pirn_prep_enqueue(&drafts[i], opened.spool, "incoming", bodies[i], len,
                          NULL);
        pirn_start(opened.context, &drafts[i].op, noted);
    }
    if (pirn_context_drain(opened.context) < 0) {
        _exit(1);
    }
    remove_last(&opened, &drafts[REMOVED].id);
    for (uint32_t i = 0; i <= REMOVED; i++) {
        if (write(out, &drafts[i].id, sizeof(drafts[i].id)) < 0) {
            _exit(1);
        }
    }
    if (is_killed) {
        (void)raise(SIGKILL);
    }
    pirn_spool_close(opened.spool);
    pirn_context_destroy(opened.context);
    _exit(0);
}

static void check_item(struct found *found, const struct pirn_id *id,
                       const uint8_t *body, uint32_t len)
{
    uint8_t want[1024];
    uint32_t want_len;

    for (uint32_t i = 0; i <= REMOVED; i++) {
        if (memcmp(id, &world.ids[i], sizeof(*id)) == 0) {
            fill(i, want, &want_len);
            bool is_whole = len == want_len && memcmp(body, want, len) == 0;
            bool is_first = (found->had & 1u << i) == 0;
            found->wrong += is_whole && is_first ? 0 : 1;
            found->had |= i == REMOVED ? 0 : 1u << i;
            found->back += i == REMOVED ? 1 : 0;
            return;
        }
    }
    found->wrong++;
}

static void have(struct opened *opened, struct pirn_claim *claim,
                 struct found *found)
{
    static uint8_t body[2048];
    uint32_t len = 0;
    int32_t r = 1;

    while (r > 0) {
        pirn_prep_claim_read(claim, body + len, (uint32_t)sizeof(body) - len,
                             len);
        r = pirn_wait(opened->context, &claim->op);
        len += r > 0 ? (uint32_t)r : 0;
    }
    if (r < 0) {
        found->told++;
        return;
    }
    check_item(found, &claim->item.id, body, len);
}

static void claim_all(struct opened *opened, struct found *found)
{
    static struct pirn_claim claims[4 * ITEMS];
    int32_t r = 1;

    for (uint32_t i = 0; r == 1 && i < 4 * ITEMS; i++) {
        pirn_prep_claim(&claims[i], opened->spool, "incoming");
        r = pirn_wait(opened->context, &claims[i].op);
        if (r == 1) {
            have(opened, &claims[i], found);
        }
    }
    found->told += r < 0 ? ITEMS : 0;
    found->wrong += r == 1 ? 1 : 0;
}

/* What is there and cannot be claimed is seen at least. */
static void count_rest(struct opened *opened, struct found *found)
{
    struct pirn_status status = {0};

    pirn_prep_status(&status, opened->spool);
    int32_t r = pirn_wait(opened->context, &status.op);
    found->told += r < 0 ? ITEMS
                         : (uint32_t)(status.held + status.delayed +
                                      status.ready + status.quarantined);
}

static void look(int out)
{
    struct found found = {0};
    struct opened opened = {0};

    (void)alarm(HANGS_S);
    found.open = open_spool(&opened, false);
    if (found.open == 0) {
        claim_all(&opened, &found);
        count_rest(&opened, &found);
        pirn_spool_close(opened.spool);
    }
    pirn_context_destroy(opened.context);
    _exit(write(out, &found, sizeof(found)) == sizeof(found) ? 0 : 3);
}

/* ---- files ---- */

static bool is_index(const char *path)
{
    return strncmp(path, world.index, strlen(world.index)) == 0;
}

static int keep_one(const char *path, const struct stat *stat, int type,
                    struct FTW *at)
{
    struct file *file = &world.files[world.file_count];

    (void)at;
    if (type != FTW_F || world.file_count == FILES) {
        return 0;
    }
    if (world.is_lost && is_index(path)) {
        return unlink(path);
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    file->len = (size_t)stat->st_size;
    file->bytes = malloc(file->len + 1);
    snprintf(file->path, sizeof(file->path), "%s", path);
    if (fd < 0 || !S_ISREG(stat->st_mode) || file->bytes == NULL ||
        read(fd, file->bytes, file->len) != (ssize_t)file->len) {
        free(file->bytes);
    } else {
        world.file_count++;
    }
    return close(fd);
}

static void keep_all(void)
{
    (void)nftw(world.root, keep_one, 16, FTW_PHYS);
}

static int remove_new(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)at;
    if (type != FTW_F || !S_ISREG(stat->st_mode)) {
        return 0;
    }
    for (uint32_t i = 0; i < world.file_count; i++) {
        if (strcmp(world.files[i].path, path) == 0) {
            return 0;
        }
    }
    return unlink(path);
}

static void put_back(void)
{
    (void)nftw(world.root, remove_new, 16, FTW_PHYS);
    for (uint32_t i = 0; i < world.file_count; i++) {
        const struct file *file = &world.files[i];
        int fd = open(file->path, O_WRONLY | O_CREAT, 0600);
        bool done = fd >= 0 && ftruncate(fd, (off_t)file->len) == 0 &&
                    write(fd, file->bytes, file->len) == (ssize_t)file->len;
        world.faults += done ? 0 : 1;
        (void)close(fd);
    }
}

static void forget_all(void)
{
    for (uint32_t i = 0; i < world.file_count; i++) {
        free(world.files[i].bytes);
    }
    world.file_count = 0;
}

/* ---- one bit ---- */

struct flip {
    const struct file *file;
    size_t at;
    uint8_t bit;
};

static int run_child(struct found *ret_found)
{
    int ends[2];
    int status = 0;

    if (pipe(ends) < 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        look(ends[1]);
    }
    close(ends[1]);
    ssize_t bytes = read(ends[0], ret_found, sizeof(*ret_found));
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return bytes == sizeof(*ret_found) && status == 0 ? 0
           : WIFSIGNALED(status)                      ? WTERMSIG(status)
                                                      : -1;
}

/* As pirn_spool_open() says; and of the kernel, what an address was made of. */
static bool is_documented(int32_t error)
{
    return error == -EMEDIUMTYPE || error == -EPROTO || error == -EXDEV;
}

/* An item whose word in the index says that there is none has no other sum; it
 * is on the disk, and had when the index is made anew. */
static bool comes_back(const struct flip *flip)
{
    struct found found = {0};

    if (!is_index(flip->file->path) || unlink(flip->file->path) < 0) {
        return false;
    }
    return run_child(&found) == 0 && found.had == (1 << ITEMS) - 1;
}

static void judge(const struct flip *flip, int ended, const struct found *found)
{
    uint32_t had = (uint32_t)__builtin_popcount(found->had);
    bool is_fault = ended != 0 || found->wrong > 0 || found->back > 0 ||
                    (found->open < 0 && !is_documented(found->open));

    world.tried++;
    if (is_fault) {
        if (world.faults++ < SHOWN) {
            printf("%s byte %zu bit %u: ended %d, open %d, %u had, %u wrong, "
                   "%u back\n",
                   flip->file->path + strlen(world.root), flip->at, flip->bit,
                   ended, found->open, had, found->wrong, found->back);
        }
        return;
    }
    if (found->open < 0) {
        world.refused++;
    } else if (had == ITEMS) {
        world.whole++;
    } else if (found->told >= ITEMS - had) {
        world.told++;
    } else if (comes_back(flip)) {
        world.missing++;
    } else if (world.faults++ < SHOWN) {
        printf("missing: %s byte %zu bit %u: %u had, %u told\n",
               flip->file->path + strlen(world.root), flip->at, flip->bit, had,
               found->told);
    }
}

static void try_flip(const struct flip *flip)
{
    struct found found = {0};

    put_back();
    int fd = open(flip->file->path, O_WRONLY);
    uint8_t byte = flip->file->bytes[flip->at] ^ (uint8_t)(1u << flip->bit);
    world.faults +=
        pwrite(fd, &byte, 1, (off_t)flip->at) == 1 && close(fd) == 0 ? 0 : 1;
    int ended = run_child(&found);
    judge(flip, ended, &found);
}

/* ---- which ---- */

static bool is_of_the_log(const struct file *file)
{
    const char *name = file->path + strlen(world.root);

    return strstr(name, "/.log/") != NULL || strncmp(name, "/index/", 7) == 0;
}

/* Within a unit that is not one word again and again: what stands there is
 * used. */
static bool is_used(const struct file *file, size_t at)
{
    size_t begin = at / 64 * 64;

    for (size_t i = begin + 8; i < begin + 64 && i < file->len; i++) {
        if (file->bytes[i] != file->bytes[i - 8]) {
            return true;
        }
    }
    return false;
}

static uint32_t count_used(const struct file *file)
{
    uint32_t count = 0;

    for (size_t at = 0; at < file->len; at++) {
        count += is_used(file, at) ? 1 : 0;
    }
    return count;
}

/* The n-th byte that is used. */
static size_t nth_used(const struct file *file, uint32_t n)
{
    size_t at = 0;

    while (!is_used(file, at) || n-- > 0) {
        at++;
    }
    return at;
}

/* One of @bytes from @at on, and none that is used. */
static void flip_unused(const struct file *file, size_t at, size_t bytes)
{
    uint64_t r = crew_random(&world.random);
    const struct flip flip = {file, at + (r >> 8) % bytes, (uint8_t)(r % 8)};

    if (!is_used(file, flip.at)) {
        try_flip(&flip);
    }
}

static void flip_all(const struct file *file)
{
    for (size_t at = 0; at < file->len; at++) {
        for (uint8_t bit = 0; is_used(file, at) && bit < 8; bit++) {
            const struct flip flip = {file, at, bit};
            try_flip(&flip);
        }
    }
    for (size_t at = 0; at < file->len; at += 4096) {
        size_t left = file->len - at;
        flip_unused(file, at, left < 4096 ? left : 4096);
    }
}

/* A fourth of them at the beginning, where what matters most is. */
static void flip_some(const struct file *file, uint32_t samples)
{
    uint32_t used = count_used(file);

    for (uint32_t i = 0; i < samples && used > 0; i++) {
        uint64_t r = crew_random(&world.random);
        uint32_t end = i % 4 == 0 && used > 8 ? 8 : used;
        const struct flip flip = {
            file, nth_used(file, (uint32_t)(r >> 8) % end), (uint8_t)(r % 8)};
        try_flip(&flip);
    }
    for (uint32_t i = 0; i < UNUSED_SAMPLES; i++) {
        flip_unused(file, 0, file->len);
    }
}

static bool is_tried_whole(const struct file *file)
{
    const char *is_long = getenv("PIRN_LONG");

    return is_long != NULL && strcmp(is_long, "1") == 0 &&
           (world.is_lost || (world.is_killed && is_index(file->path)));
}

static void flip_files(void)
{
    uint32_t files = 0;

    for (uint32_t i = 0; i < world.file_count; i++) {
        files += is_of_the_log(&world.files[i]) ? 1 : 0;
    }
    for (uint32_t i = 0; i < world.file_count; i++) {
        const struct file *file = &world.files[i];
        if (!is_of_the_log(file)) {
            continue;
        }
        uint32_t before[4] = {world.whole, world.refused, world.told,
                              world.missing};
        if (is_tried_whole(file)) {
            flip_all(file);
        } else {
            flip_some(file, SAMPLES / files);
        }
        printf("%-40s %u bytes used: %u whole, %u refused, %u told, %u "
               "missing\n",
               file->path + strlen(world.root), count_used(file),
               world.whole - before[0], world.refused - before[1],
               world.told - before[2], world.missing - before[3]);
    }
}

/* ---- the tests ---- */

static void run(bool is_killed)
{
    int ends[2];
    int status = 0;
    struct found found = {0};

    world.is_killed = is_killed;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        make(ends[1], is_killed);
    }
    close(ends[1]);
    ssize_t bytes = read(ends[0], world.ids, sizeof(world.ids[0]));
    for (int i = 1; i <= REMOVED; i++) {
        bytes += read(ends[0], &world.ids[i], sizeof(world.ids[i]));
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(bytes, sizeof(world.ids));
    keep_all();
    assert_int_equal(run_child(&found), 0);
    assert_int_equal(found.had, (1 << ITEMS) - 1);
    assert_int_equal(found.back, 0);
    flip_files();
    printf("%u bits: %u whole, %u refused, %u told, %u missing, %u faults\n",
           world.tried, world.whole, world.refused, world.told, world.missing,
           world.faults);
    assert_int_equal(world.faults, 0);
}

static void a_closed_log_with_a_wrong_bit_gives_no_other_bytes(void **state)
{
    (void)state;
    run(false);
}

static void nor_does_one_whose_user_was_killed(void **state)
{
    (void)state;
    run(true);
}

static void nor_does_one_whose_index_is_made_anew(void **state)
{
    (void)state;
    world.is_lost = true;
    run(false);
}

static int setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    const char *seed = getenv("PIRN_SEED");

    (void)state;
    memset(&world, 0, sizeof(world));
    world.random = seed != NULL ? strtoull(seed, NULL, 10) : crew_now_ns();
    printf("PIRN_SEED=%ju\n", (uintmax_t)world.random);
    if (access("/dev/shm", W_OK) == 0) {
        tmp = "/dev/shm"; /* thousands of times the same few files */
    }
    snprintf(world.root, sizeof(world.root), "%s/pirn-flip-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(world.root) == NULL) {
        return -1;
    }
    snprintf(world.spool, sizeof(world.spool), "%s/spool", world.root);
    snprintf(world.index, sizeof(world.index), "%s/index", world.root);
    return mkdir(world.index, 0700);
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    forget_all();
    return nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_closed_log_with_a_wrong_bit_gives_no_other_bytes),
        T(nor_does_one_whose_user_was_killed),
        T(nor_does_one_whose_index_is_made_anew),
    };
    struct pirn_context *context;

    if (pirn_context_create(NULL, &context) < 0) {
        fprintf(stderr, "skipped: io_uring is refused\n");
        return TEST_SKIP;
    }
    pirn_context_destroy(context);
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
