/* SPDX-License-Identifier: MIT */
/* layouts.c - see layouts.h */
#include "kernel/layouts.h"

#include <ftw.h>

bool is_long(void)
{
    return getenv("PIRN_LONG") != NULL;
}

void make_queues(struct bed *bed)
{
    int r = pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE);

    assert_int_equal(r, 0);
    r = pirn_spool_create_queue_as(bed->spool, "records", PIRN_LAYOUT_LOG);
    assert_int_equal(r, 0);
}

const char *body_of(uint32_t len)
{
    static char body[LONGEST];

    assert_in_range(len, 0, LONGEST);
    for (uint32_t i = 0; i < len; i++) {
        body[i] = (char)(i * 7 + i / 251);
    }
    return body;
}

struct pirn_id put_in(struct bed *bed, const char *queue, uint32_t len)
{
    struct pirn_draft draft = {0};

    assert_int_equal(log_enqueue(bed, &draft, queue, body_of(len), len, NULL),
                     0);
    return draft.id;
}

int32_t move_to(struct bed *bed, struct pirn_claim *claim, const char *queue)
{
    pirn_prep_move(claim, queue);
    return pirn_wait(bed->context, &claim->op);
}

void start_move(struct bed *bed, struct pirn_claim *claim, const char *queue)
{
    ended = 1;
    pirn_prep_move(claim, queue);
    pirn_start(bed->context, &claim->op, note);
}

static int move_and_die(struct bed *bed, const void *what, int turns)
{
    const struct way *way = what;
    struct pirn_claim claim = {0};

    pirn_prep_claim(&claim, bed->spool, way->from);
    if (pirn_wait(bed->context, &claim.op) != 1) {
        return 2;
    }
    pirn_prep_move(&claim, way->to);
    return turn_until_ended(bed, &claim.op, 0, &turns);
}

int move_in_a_child(const struct bed *bed, const struct way *way, int turns)
{
    return live_in_a_child(bed, move_and_die, way, turns);
}

bool remove_if_there(struct bed *bed, const struct pirn_id *id, uint32_t len)
{
    struct pirn_claim claim = {0};

    if (log_claim_id(bed, &claim, id) != 1) {
        return false;
    }
    expect_body(bed, &claim, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    return true;
}

/* ---- what is expected ---- */

static uint32_t files_found;
static nlink_t links_found;

static int find_file(const char *path, const struct stat *stat, int type,
                     struct FTW *at)
{
    (void)path;
    (void)at;
    files_found += type == FTW_F;
    links_found = type == FTW_F ? stat->st_nlink : links_found;
    return 0;
}

uint32_t count_files(const struct bed *bed, const char *relative)
{
    files_found = 0;
    nftw(bed_at(bed, relative), find_file, 16, FTW_PHYS);
    return files_found;
}

nlink_t count_links(const struct bed *bed, const char *relative)
{
    links_found = 0;
    (void)count_files(bed, relative);
    return links_found;
}

void expect_body(struct bed *bed, struct pirn_claim *claim, uint32_t len)
{
    char *bytes = malloc(LONGEST + 1);
    uint32_t done = 0;
    int32_t r;

    do {
        r = log_read(bed, claim, bytes + done, LONGEST + 1 - done, done);
        assert_true(r >= 0);
        done += (uint32_t)r;
    } while (r > 0);
    assert_int_equal(done, len);
    assert_memory_equal(bytes, body_of(len), len);
    free(bytes);
}

void expect_one(struct bed *bed, const struct pirn_id *id, uint32_t len)
{
    struct pirn_claim claim = {0};
    struct pirn_claim other = {0};
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready, 1);
    assert_int_equal(status.claimed + status.held, 0);
    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_true(log_same_id(&claim.item.id, id));
    for (int i = 0; i < 2; i++) {
        pirn_prep_claim(&other, bed->spool, ways[i].from);
        assert_int_equal(pirn_wait(bed->context, &other.op), 0);
    }
    expect_body(bed, &claim, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_expect_gone(bed, id);
}

void expect_none(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready + status.held + status.delayed, 0);
    log_expect_gone(bed, id);
    log_expect_none(bed, "files");
    log_expect_none(bed, "records");
}

void expect_empty(struct bed *bed)
{
    /* Where items, bodies and aliases are. */
    static const char *const dirs[] = {".data", ".log/data", ".log/ids",
                                       ".tmp",  "files",     "quarantine"};

    /* Whose removal is durable has a body yet: its name goes behind that. */
    assert_int_equal(pirn_context_drain(bed->context), 0);
    struct pirn_status status = bed_status(bed);

    assert_int_equal(status.ready + status.claimed + status.held, 0);
    assert_int_equal(status.delayed + status.drafts + status.leftovers, 0);
    assert_int_equal(status.body_bytes, 0);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        assert_int_equal(count_files(bed, dirs[i]), 0);
    }
}
