/* SPDX-License-Identifier: MIT */
/* ring.c - see ring.h */
#include "tests/kernel/ring.h"

#include <ftw.h>

const struct engine_class *ring_chosen(void)
{
    const struct engine_class *chosen = NULL;

    assert_int_equal(pirn__engine_choose(PIRN_ENGINE_URING, &chosen), 0);
    return chosen;
}

bool ring_is_plain(void)
{
    return ring_chosen() == &pirn__engine_plain;
}

bool ring_has_pool(void)
{
    enum pirn_files files;

    assert_int_equal(pirn__files_choose(PIRN_FILES_RING, &files), 0);
    return files == PIRN_FILES_POOL;
}

static bool joins_none(struct engine *engine, const struct pirn_loan *before,
                       const struct pirn_loan *behind)
{
    (void)engine;
    (void)before;
    (void)behind;
    return false;
}

static int create_stepped(const struct engine_config *config,
                          struct engine **ret_engine)
{
    static struct engine_class stepped;
    int r = ring_chosen()->create(config, ret_engine);

    if (r == 0) {
        stepped = *(*ret_engine)->class;
        stepped.joins = joins_none;
        (*ret_engine)->class = &stepped;
    }
    return r;
}

const struct engine_class *ring_class(bool links)
{
    static const struct engine_class stepped = {.create = create_stepped};

    return links ? ring_chosen() : &stepped;
}

int ring_create_on(void **state, bool links)
{
    struct ring *ring = calloc(1, sizeof(*ring));

    strcpy(ring->path, "./pirn-test-XXXXXX");
    ring->fd_count = count_descriptors();
    if (mkdtemp(ring->path) == NULL ||
        pirn__context_create_on(ring_class(links), NULL, &ring->context) < 0) {
        return -1;
    }
    ring->dir_fd = open(ring->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ring->fd_count_within = count_descriptors();
    *state = ring;
    return ring->dir_fd < 0 ? -1 : 0;
}

int ring_setup(void **state)
{
    return ring_create_on(state, true);
}

int ring_setup_stepped(void **state)
{
    return ring_create_on(state, false);
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *where)
{
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

int ring_teardown(void **state)
{
    struct ring *ring = *state;
    int r = pirn_context_loaned(ring->context) == 0 ? 0 : -1;
    int fd_count;

    if (r == 0) {
        pirn_context_destroy(ring->context);
    }
    close(ring->dir_fd);
    fd_count = count_descriptors();
    if (r == 0 && fd_count != ring->fd_count) {
        print_error("%d descriptors before, %d after\n", ring->fd_count,
                    fd_count);
        r = -1;
    }
    nftw(ring->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(ring);
    return r;
}

bool ring_has(const struct ring *ring, const char *name)
{
    return faccessat(ring->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void ring_put(const struct ring *ring, const char *name, const char *text)
{
    int fd = openat(ring->dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

bool ring_is_refused_at(const struct engine_class *class)
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

bool ring_is_refused(void)
{
    return ring_is_refused_at(ring_chosen());
}

bool ring_skip_all(void)
{
    if (ring_is_plain()) {
        print_message("skipped: this is about io_uring\n");
        return true;
    }
    return ring_is_refused();
}
