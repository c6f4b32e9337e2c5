/* SPDX-License-Identifier: MIT */
/*
 * ring.h - a context on the running kernel, and a directory to work in
 *
 * The directory is made in the current one and removed at the end; a descriptor
 * that a test leaves behind fails it.
 */
#ifndef TESTS_KERNEL_RING_H
#define TESTS_KERNEL_RING_H

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pirn/pirn.h"
#include "runtime/context.h"
#include "tests/sim/note.h"

struct ring {
    struct pirn_context *context;
    char path[32];
    int dir_fd;
    int fd_count;        /* before, and after */
    int fd_count_within; /* with those of the ring and the directory */
};

static inline int ring_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* uring, unless PIRN_ENGINE says otherwise. */
static inline const struct engine_class *ring_chosen(void)
{
    const struct engine_class *chosen = NULL;

    assert_int_equal(pirn__engine_choose(PIRN_ENGINE_URING, &chosen), 0);
    return chosen;
}

static inline bool ring_is_plain(void)
{
    return ring_chosen() == &pirn__engine_plain;
}

/* Whether PIRN_FILES says so. */
static inline bool ring_has_pool(void)
{
    enum pirn_files files;

    assert_int_equal(pirn__files_choose(PIRN_FILES_RING, &files), 0);
    return files == PIRN_FILES_POOL;
}

static inline bool ring_joins_none(struct engine *engine,
                                   const struct pirn_loan *before,
                                   const struct pirn_loan *behind)
{
    (void)engine;
    (void)before;
    (void)behind;
    return false;
}

/* The same, but each step of a chain by itself. */
static inline int ring_create_stepped(const struct engine_config *config,
                                      struct engine **ret_engine)
{
    static struct engine_class stepped;
    int r = ring_chosen()->create(config, ret_engine);

    if (r == 0) {
        stepped = *(*ret_engine)->class;
        stepped.joins = ring_joins_none;
        (*ret_engine)->class = &stepped;
    }
    return r;
}

static inline const struct engine_class *ring_class(bool links)
{
    static const struct engine_class stepped = {.create = ring_create_stepped};

    return links ? ring_chosen() : &stepped;
}

static inline int ring_create_on(void **state, bool links)
{
    struct ring *ring = calloc(1, sizeof(*ring));

    strcpy(ring->path, "./pirn-test-XXXXXX");
    ring->fd_count = ring_count_fds();
    if (mkdtemp(ring->path) == NULL ||
        pirn__context_create_on(ring_class(links), NULL, &ring->context) < 0) {
        return -1;
    }
    ring->dir_fd = open(ring->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ring->fd_count_within = ring_count_fds();
    *state = ring;
    return ring->dir_fd < 0 ? -1 : 0;
}

static inline int ring_setup(void **state)
{
    return ring_create_on(state, true);
}

static inline int ring_setup_stepped(void **state)
{
    return ring_create_on(state, false);
}

static inline int ring_remove(const char *path, const struct stat *stat,
                              int type, struct FTW *where)
{
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int ring_teardown(void **state)
{
    struct ring *ring = *state;
    int r = pirn_context_loaned(ring->context) == 0 ? 0 : -1;
    int fd_count;

    if (r == 0) {
        pirn_context_destroy(ring->context);
    }
    close(ring->dir_fd);
    fd_count = ring_count_fds();
    if (r == 0 && fd_count != ring->fd_count) {
        print_error("%d descriptors before, %d after\n", ring->fd_count,
                    fd_count);
        r = -1;
    }
    nftw(ring->path, ring_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(ring);
    return r;
}

/* Whether @name is in the test's directory. */
static inline bool ring_has(const struct ring *ring, const char *name)
{
    return faccessat(ring->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A file of @text, made without pirn. */
static inline void ring_put(const struct ring *ring, const char *name,
                            const char *text)
{
    int fd = openat(ring->dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Whether there is no such context here; says why. */
static inline bool ring_is_refused_at(const struct engine_class *class)
{
    struct pirn_context *context;
    int r = pirn__context_create_on(class, NULL, &context);

    if (r == 0) {
        pirn_context_destroy(context);
    } else {
        print_message("skipped: %s\n", pirn_context_refusal(r));
    }
    return r < 0;
}

/* Exit code 77 with a reason where io_uring is refused. */
static inline bool ring_is_refused(void)
{
    return ring_is_refused_at(ring_chosen());
}

/* The same for tests of the ring itself, which another engine has not. */
static inline bool ring_skip_all(void)
{
    if (ring_is_plain()) {
        print_message("skipped: this is about io_uring\n");
        return true;
    }
    return ring_is_refused();
}

#define RING_TEST(name) \
    cmocka_unit_test_setup_teardown(name, ring_setup, ring_teardown)

#define RING_TEST_MAIN(...)                                                   \
    int main(void)                                                            \
    {                                                                         \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                      \
        return ring_is_refused() ? TEST_SKIP                                  \
                                 : cmocka_run_group_tests(tests, NULL, NULL); \
    }

#define RING_ONLY_MAIN(...)                                                 \
    int main(void)                                                          \
    {                                                                       \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                    \
        cmocka_set_test_filter(getenv("PIRN_TEST"));                        \
        return ring_skip_all() ? TEST_SKIP                                  \
                               : cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif /* TESTS_KERNEL_RING_H */
