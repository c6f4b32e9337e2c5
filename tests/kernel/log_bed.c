/* SPDX-License-Identifier: MIT */
/* log_bed.c - see test_log.h */
#include "kernel/test_log.h"

#include <dirent.h>

#include "spool/log/tomb.h"

/* @bed has a context and a path. */
static int begin(struct bed *bed)
{
    struct log_bed *log = pirn_container_of(bed, struct log_bed, bed);

    snprintf(log->index_dir, sizeof(log->index_dir), "%s.index", bed->path);
    bed->index_dir = log->index_dir;
    bed->layout = PIRN_LAYOUT_LOG;
    bed->log_slots = LOG_SLOTS;
    bed->log_segments = LOG_SEGMENTS;
    bed->log_segment_bytes = LOG_SEGMENT_BYTES;
    return mkdir(log->index_dir, 0700);
}

int log_setup_closed(void **state)
{
    struct log_bed *log = calloc(1, sizeof(*log));
    struct bed *bed = &log->bed;
    const char *tmp = getenv("TMPDIR");

    snprintf(bed->path, sizeof(bed->path), "%s/pirn-log-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(bed->path) == NULL ||
        pirn_context_create(NULL, &bed->context) < 0) {
        return -1;
    }
    bed->fd_count = count_descriptors();
    *state = bed;
    return begin(bed);
}

int log_setup(void **state)
{
    return log_setup_closed(state) == 0 ? bed_open(*state, true) : -1;
}

int log_setup_in_memory(void **state)
{
    int r = setenv("TMPDIR", "/dev/shm", 0) + log_setup_closed(state);
    struct bed *bed = *state;

    bed->log_slots = 256;
    bed->log_segments = 8;
    bed->log_segment_bytes = 144 * 1024;
    return r;
}

int log_teardown(void **state)
{
    struct bed *bed = *state;
    char dir[160];

    bed_close(bed);
    snprintf(dir, sizeof(dir), "%s", bed->index_dir);
    bed_rmtree(dir);
    return bed_teardown(state);
}

void log_destroy(struct bed *bed)
{
    bed_leave(bed);
    bed_rmtree(bed->path);
    bed_rmtree(pirn_container_of(bed, struct log_bed, bed)->index_dir);
    free(bed);
}

int32_t log_enqueue(struct bed *bed, struct pirn_draft *draft,
                    const char *queue, const void *body, uint64_t len,
                    const struct pirn_fields *fields)
{
    pirn_prep_enqueue(draft, bed->spool, queue, body, len, fields);
    return pirn_wait(bed->context, &draft->op);
}

struct pirn_id log_put(struct bed *bed, const char *text)
{
    return bed_put(bed, text, strlen(text));
}

int32_t log_claim_id(struct bed *bed, struct pirn_claim *claim,
                     const struct pirn_id *id)
{
    pirn_prep_claim_id(claim, bed->spool, id);
    return pirn_wait(bed->context, &claim->op);
}

int32_t log_read(struct bed *bed, struct pirn_claim *claim, void *buf,
                 uint32_t len, uint64_t offset)
{
    pirn_prep_claim_read(claim, buf, len, offset);
    return pirn_wait(bed->context, &claim->op);
}

int32_t log_update(struct bed *bed, struct pirn_claim *claim,
                   const struct pirn_change *change)
{
    pirn_prep_update(claim, change);
    return pirn_wait(bed->context, &claim->op);
}

int32_t log_give_back_as(struct bed *bed, struct pirn_claim *claim,
                         const struct pirn_change *change)
{
    pirn_prep_give_back_as(claim, change);
    return pirn_wait(bed->context, &claim->op);
}

int32_t log_remove_durable(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_remove_durable(claim);
    return pirn_wait(bed->context, &claim->op);
}

bool log_same_id(const struct pirn_id *a, const struct pirn_id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

void log_expect_body(struct bed *bed, struct pirn_claim *claim,
                     const char *text)
{
    char buf[LOG_TEXT_MAX] = {0};

    assert_int_equal(claim->item.size_bytes, strlen(text));
    assert_int_equal(log_read(bed, claim, buf, sizeof(buf) - 1, 0),
                     (int32_t)strlen(text));
    assert_string_equal(buf, text);
}

void log_expect_next(struct bed *bed, const char *queue, const char *text)
{
    struct pirn_claim claim = {0};

    pirn_prep_claim(&claim, bed->spool, queue);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    log_expect_body(bed, &claim, text);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

void log_expect_none(struct bed *bed, const char *queue)
{
    struct pirn_claim claim = {0};

    pirn_prep_claim(&claim, bed->spool, queue);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
}

void log_expect_gone(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};

    assert_int_equal(log_claim_id(bed, &claim, id), -ENOENT);
    assert_int_equal(bed_look(bed, &view, id), -ENOENT);
}

void log_power_cut(struct bed *bed)
{
    char cut[160];

    snprintf(cut, sizeof(cut), "%s.cut", bed->path);
    bed_copy(bed->path, cut);
    bed_close(bed);
    bed_rmtree(bed->path);
    assert_int_equal(rename(cut, bed->path), 0);
    bed_rmtree(bed->index_dir);
    assert_int_equal(mkdir(bed->index_dir, 0700), 0);
}

void log_power_cut_and_open(struct bed *bed)
{
    log_power_cut(bed);
    assert_int_equal(bed_open(bed, false), 0);
}

void log_reopen(struct bed *bed)
{
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
}

const char *log_index_path(const struct bed *bed)
{
    static char path[512];
    DIR *dir = opendir(bed->index_dir);
    const struct dirent *entry;

    path[0] = '\0';
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%.200s", bed->index_dir,
                     entry->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return path[0] != '\0' ? path : NULL;
}

void log_shut_down(struct bed *bed)
{
    bed_close(bed);
    if (log_index_path(bed) != NULL) {
        assert_int_equal(unlink(log_index_path(bed)), 0);
    }
}

void log_flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

void log_overwrite(const char *path, const void *bytes, size_t len, off_t at)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

void log_peek(const char *path, void *bytes, size_t len)
{
    int fd = open(path, O_RDONLY);

    (void)!read(fd, bytes, len);
    close(fd);
}

void log_forget_bounds(const struct bed *bed)
{
    const char *path = bed_at(bed, ".log/tombstones");
    int fd = open(path, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    uint64_t word;

    assert_true(fd >= 0);
    for (off_t at = size - PIRN__TOMB_PAGE_WORDS * 8; at < size; at += 8) {
        assert_int_equal(pread(fd, &word, 8, at), 8);
        word = pirn__tomb_word((uint32_t)(word >> 32), 0);
        assert_int_equal(pwrite(fd, &word, 8, at), 8);
    }
    close(fd);
}

off_t log_find(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_RDONLY);
    off_t size = lseek(fd, 0, SEEK_END);
    char *all = malloc((size_t)size + 1);

    assert_true(fd >= 0 && size > 0);
    assert_int_equal(pread(fd, all, (size_t)size, 0), size);
    const char *at = memmem(all, (size_t)size, bytes, len);
    off_t found = at == NULL ? -1 : at - all;
    free(all);
    close(fd);
    assert_true(found >= 0);
    return found;
}

const char *log_segment(const struct bed *bed, unsigned number)
{
    char name[32];

    snprintf(name, sizeof(name), ".log/seg/%06u", number);
    return bed_at(bed, name);
}

const char *log_body_path(const struct bed *bed, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];
    char path[96];

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), ".log/data/%s/%s", text + PIRN_ID_TEXT - 3,
             text);
    return bed_at(bed, path);
}

int log_count_aside(const struct bed *bed)
{
    DIR *dir = opendir(bed_at(bed, ".log/seg"));
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(dir)) != NULL) {
        count += strstr(entry->d_name, ".damaged.") != NULL;
    }
    closedir(dir);
    return count;
}

void log_expect_works(struct bed *bed)
{
    (void)log_put(bed, "new");
    for (int i = 0; i < 2; i++) {
        log_shut_down(bed);
        assert_int_equal(bed_open(bed, false), 0);
        assert_int_equal(bed_status(bed).ready, 1);
    }
    log_expect_next(bed, "incoming", "new");
    log_expect_none(bed, "incoming");
    assert_int_equal(bed_status(bed).held, 0);
    log_reopen(bed);
    log_expect_none(bed, "incoming");
}
