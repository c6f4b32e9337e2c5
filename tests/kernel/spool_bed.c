/* SPDX-License-Identifier: MIT */
/* spool_bed.c - see test_spool.h */
#include "kernel/test_spool.h"

#include <ftw.h>

int bed_open(struct bed *bed, bool create)
{
    const struct pirn_spool_config config = {
        .path = bed->path,
        .create = create,
        .layout = bed->layout,
        .without_log = bed->without_log,
        .log_slots = bed->log_slots,
        .log_segments = bed->log_segments,
        .log_segment_bytes = bed->log_segment_bytes,
        .index_dir = bed->index_dir,
        .early = bed->early,
    };

    return pirn_spool_open(bed->context, &config, &bed->spool);
}

void bed_close(struct bed *bed)
{
    bed->spool = pirn_spool_close(bed->spool);
}

void bed_join(const struct bed *bed, struct bed *ret_other)
{
    *ret_other = *bed;
    assert_int_equal(pirn_context_create(NULL, &ret_other->context), 0);
    assert_int_equal(bed_open(ret_other, false), 0);
}

void bed_leave(struct bed *other)
{
    bed_close(other);
    other->context = pirn_context_destroy(other->context);
}

int bed_step(int usual)
{
    const char *sparse = getenv("PIRN_SPARSE");

    if (getenv("PIRN_LONG") != NULL) {
        return 1;
    }
    return sparse != NULL ? usual * atoi(sparse) : usual;
}

int bed_setup_empty(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    const char *tmp = getenv("TMPDIR");

    snprintf(bed->path, sizeof(bed->path), "%s/pirn-spool-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(bed->path) == NULL ||
        pirn_context_create(NULL, &bed->context) < 0) {
        return -1;
    }
    bed->fd_count = count_descriptors();
    *state = bed;
    return 0;
}

int bed_setup(void **state)
{
    return bed_setup_empty(state) == 0 ? bed_open(*state, true) : -1;
}

int bed_setup_alone(void **state)
{
    int r = bed_setup_empty(state);
    struct bed *bed = *state;

    bed->without_log = true;
    return r == 0 ? bed_open(bed, true) : r;
}

int bed_setup_in_memory(void **state)
{
    int r = setenv("TMPDIR", "/dev/shm", 0) + bed_setup_empty(state);
    struct bed *bed = *state;

    bed->without_log = true;
    return r;
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

void bed_rmtree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int bed_teardown(void **state)
{
    struct bed *bed = *state;

    bed_close(bed);
    int leaked = count_descriptors() - bed->fd_count;
    if (pirn_context_loaned(bed->context) > 0) {
        return -1;
    }
    pirn_context_destroy(bed->context);
    bed_rmtree(bed->path);
    free(bed);
    if (leaked != 0) {
        fprintf(stderr, "%d descriptors leaked\n", leaked);
    }
    return leaked == 0 ? 0 : -1;
}

struct pirn_id bed_put(struct bed *bed, const void *body, uint64_t len)
{
    struct pirn_draft draft = {0};

    pirn_prep_enqueue(&draft, bed->spool, "incoming", body, len, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    return draft.id;
}

struct pirn_id bed_put_as(struct bed *bed, const char *text, int8_t priority,
                          uint64_t due_ns, bool held)
{
    struct pirn_draft draft = {
        .priority = priority, .due_ns = due_ns, .held = held};

    pirn_prep_enqueue(&draft, bed->spool, "incoming", text, strlen(text), NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    return draft.id;
}

void bed_note(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct bed_draft, draft.op)->result = result;
}

void bed_put_many(struct bed *bed, unsigned count)
{
    struct bed_draft *drafts = calloc(count, sizeof(*drafts));

    for (unsigned i = 0; i < count; i++) {
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", "x", 1,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(drafts[i].result, 0);
    }
    free(drafts);
}

int32_t bed_claim(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_claim(claim, bed->spool, "incoming");
    return pirn_wait(bed->context, &claim->op);
}

int32_t bed_remove(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_remove(claim);
    return pirn_wait(bed->context, &claim->op);
}

int32_t bed_remove_durably(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_remove_durable(claim);
    return pirn_wait(bed->context, &claim->op);
}

int32_t bed_give_back(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_give_back(claim);
    return pirn_wait(bed->context, &claim->op);
}

int32_t bed_look(struct bed *bed, struct pirn_view *view,
                 const struct pirn_id *id)
{
    pirn_prep_look(view, bed->spool, id);
    return pirn_wait(bed->context, &view->op);
}

void bed_view_end(struct bed *bed, struct pirn_view *view)
{
    pirn_prep_view_end(view);
    assert_int_equal(pirn_wait(bed->context, &view->op), 0);
}

struct pirn_status bed_status(struct bed *bed)
{
    struct pirn_status status = {0};

    pirn_prep_status(&status, bed->spool);
    assert_int_equal(pirn_wait(bed->context, &status.op), 0);
    return status;
}

struct pirn_status bed_status_of(struct bed *bed, uint32_t owners)
{
    struct pirn_status status = bed_status(bed);

    for (int i = 0; i < 2000 && status.owners > owners; i++) {
        status = bed_status(bed);
    }
    assert_int_equal(status.owners, owners);
    return status;
}

const char *bed_at(const struct bed *bed, const char *relative)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", bed->path, relative);
    return path;
}

int bed_entries(const struct bed *bed, const char *relative)
{
    DIR *dir = opendir(bed_at(bed, relative));
    const struct dirent *entry;
    int count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

const char *bed_path(const struct bed *bed, enum bed_place place,
                     const struct pirn_id *id)
{
    static char paths[2][512];
    static unsigned at;
    char *path = paths[at++ % 2];
    char text[PIRN_ID_TEXT];
    const char *xy = text + PIRN_ID_TEXT - 3;

    pirn_id_format(id, text);
    switch (place) {
    case BED_BODY:
        snprintf(path, 512, "%s/.data/%s/%s", bed->path, xy, text);
        break;
    case BED_READY:
        snprintf(path, 512, "%s/incoming/%s/%s", bed->path, xy, text);
        break;
    case BED_CLAIMED:
        snprintf(path, 512, "%s/incoming/.checkout/0000/%s", bed->path, text);
        break;
    case BED_TMP:
        snprintf(path, 512, "%s/.tmp/0000/%s", bed->path, text);
        break;
    case BED_NEXT:
        snprintf(path, 512, "%s/.tmp/0000/%s.new", bed->path, text);
        break;
    case BED_ASIDE:
        snprintf(path, 512, "%s/quarantine/%s/%s", bed->path, xy, text);
        break;
    }
    return path;
}

bool bed_has(const struct bed *bed, enum bed_place place,
             const struct pirn_id *id)
{
    return access(bed_path(bed, place, id), F_OK) == 0;
}

void bed_move(const struct bed *bed, const struct pirn_id *id,
              enum bed_place from, enum bed_place to)
{
    assert_int_equal(rename(bed_path(bed, from, id), bed_path(bed, to, id)), 0);
}

void bed_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

void bed_copy(const char *from, const char *to)
{
    char command[1200];

    snprintf(command, sizeof(command), "cp -a '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

bool bed_is_refused(void)
{
    struct pirn_context *context;
    int r = pirn_context_create(NULL, &context);

    if (r == 0) {
        pirn_context_destroy(context);
    } else {
        fprintf(stderr, "skipped: %s\n", pirn_context_refusal(r));
    }
    return r < 0;
}
