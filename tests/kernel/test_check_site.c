/* SPDX-License-Identifier: MIT */
/*
 * test_check_site.c - what is wrong on shelves and in buckets is found, mended
 *
 * QUEUE/.priority+N, .held and .due/SECONDS: each fault of the shards (see
 * test_check_file.c) in each of them, and what only they can have: an item that
 * its metadata put elsewhere, and a bucket that nobody looks into.
 */
#include "kernel/test_check.h"

#include <ftw.h>
#include <time.h>

#include "spool/file/meta.h"
#include "spool/id.h"
#include "spool/names.h"

#define HOUR_NS UINT64_C(3600000000000)

/* Where an item stands by its metadata. */
struct place {
    bool held;
    int8_t priority;
    uint64_t delay_ns; /* 0: none */
};

static const struct place places[] = {
    {.held = true},
    {.priority = 3},
    {.priority = -8},
    {.delay_ns = HOUR_NS},
    {.priority = 7, .delay_ns = 30 * HOUR_NS},
};

enum { PLACES = sizeof(places) / sizeof(places[0]) };

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct pirn_id put_at(struct bed *bed, const struct place *place,
                             const char *body)
{
    struct pirn_draft draft = {.held = place->held,
                               .priority = place->priority};

    if (place->delay_ns > 0) {
        draft.due_ns = now_ns() + place->delay_ns;
    }
    pirn_prep_enqueue(&draft, bed->spool, "incoming", body, strlen(body), NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    return draft.id;
}

/* Where an item's metadata are, whatever says so; absolute. */
struct where {
    char path[512];
    bool found;
    char id[PIRN_ID_TEXT];
};

static struct where *looked_for;

static int look_at(const char *path, const struct stat *stat, int type,
                   struct FTW *at)
{
    (void)stat;
    (void)type;
    if (strcmp(path + at->base, looked_for->id) == 0 &&
        strstr(path, "/.data/") == NULL) {
        assert_false(looked_for->found);
        looked_for->found = true;
        snprintf(looked_for->path, sizeof(looked_for->path), "%s", path);
    }
    return 0;
}

static struct where find(struct bed *bed, const struct pirn_id *id)
{
    struct where where = {.found = false};

    pirn_id_format(id, where.id);
    looked_for = &where;
    assert_int_equal(nftw(bed->path, look_at, 16, FTW_PHYS), 0);
    assert_true(where.found);
    return where;
}

static bool stands_in(struct bed *bed, const struct pirn_id *id,
                      const char *directory)
{
    struct where where = find(bed, id);

    return strncmp(where.path + strlen(bed->path) + 1, directory,
                   strlen(directory)) == 0;
}

/* To SPOOL/DIRECTORY/ID, which is made if it has to be. */
static void move_to(struct bed *bed, const struct pirn_id *id,
                    const char *directory)
{
    struct where where = find(bed, id);
    char path[128];

    if (mkdir(bed_at(bed, directory), 0700) < 0) {
        assert_int_equal(errno, EEXIST);
    }
    snprintf(path, sizeof(path), "%s/%s", directory, where.id);
    assert_int_equal(rename(where.path, bed_at(bed, path)), 0);
}

/* ---- as it should be ---- */

static void what_stands_where_its_metadata_say_is_no_fault(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[PLACES];
    struct pirn_claim claim = {0};

    for (int i = 0; i < PLACES; i++) {
        ids[i] = put_at(bed, &places[i], "body");
    }
    expect_clean(bed);
    assert_int_equal(check(bed, &look).items, PLACES);
    pirn_prep_claim_id(&claim, bed->spool, &ids[3]); /* leaves a bucket empty */
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    expect_clean(bed);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    expect_clean(bed);
}

static void shelves_of_quarantine_are_not_looked_at(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put_at(bed, &places[0], "body");

    move_to(bed, &id, "quarantine/.priority+1");
    expect_clean(bed);
}

/* ---- the faults of the shards ---- */

static void an_item_without_its_body_is_set_aside_from_wherever(void **state)
{
    struct bed *bed = *state;

    for (int i = 0; i < PLACES; i++) {
        struct pirn_id id = put_at(bed, &places[i], "body");
        struct pirn_id stays = put_at(bed, &places[i], "stays");
        assert_int_equal(unlink(bed_path(bed, BED_BODY, &id)), 0);
        expect_mended(bed, PIRN_FAULT_NO_BODY, &id);
        assert_true(stands_in(bed, &id, "quarantine/"));
        expect_body(bed, &stays, "incoming", "stays");
    }
}

static void damaged_metadata_are_set_aside_from_wherever(void **state)
{
    struct bed *bed = *state;

    for (int i = 0; i < PLACES; i++) {
        struct pirn_id id = put_at(bed, &places[i], "body");
        struct where where = find(bed, &id);
        bed_write(where.path, "rubbish", 7);
        expect_mended(bed, PIRN_FAULT_BAD_RECORD, &id);
        assert_true(stands_in(bed, &id, "quarantine/"));
        assert_true(bed_has(bed, BED_BODY, &id));
    }
}

static void a_body_of_another_size_is_set_aside_from_wherever(void **state)
{
    struct bed *bed = *state;

    for (int i = 0; i < PLACES; i++) {
        struct pirn_id id = put_at(bed, &places[i], "body");
        assert_int_equal(truncate(bed_path(bed, BED_BODY, &id), 2), 0);
        expect_mended(bed, PIRN_FAULT_BAD_BODY, &id);
        assert_true(stands_in(bed, &id, "quarantine/"));
    }
}

static void strays_of_every_site_are_set_aside(void **state)
{
    static const char *const names[] = {
        "incoming/.held/notes.txt", "incoming/.priority+3/mail",
        "incoming/.due/mail",       "incoming/.due/000000000001",
        "incoming/.due/1/",         "incoming/.due/099999999999/mail",
        "incoming/.priority+8/",    "incoming/.priority-2",
    };
    struct bed *bed = *state;
    char name[256];
    int count = 0;

    for (int i = 0; i < PLACES; i++) {
        (void)put_at(bed, &places[i], "body");
    }
    assert_int_equal(mkdir(bed_at(bed, "incoming/.due/099999999999"), 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *path = bed_at(bed, names[i]);
        if (path[strlen(path) - 1] == '/') {
            assert_int_equal(mkdir(path, 0700), 0);
        } else {
            bed_write(path, "what?", 5);
        }
        expect_mended(bed, PIRN_FAULT_STRAY, NULL);
        assert_int_equal(count_strays(bed, name), ++count);
    }
    assert_int_equal(check(bed, &look).items, PLACES);
}

static void of_an_item_in_two_sites_the_right_one_stays(void **state)
{
    struct bed *bed = *state;
    char aside[256];

    for (int i = 0; i < PLACES; i++) {
        struct pirn_id id = put_at(bed, &places[i], "body");
        struct where right = find(bed, &id);
        const char *wrong = bed_path(bed, BED_READY, &id);
        bed_copy(right.path, wrong);
        expect_mended(bed, PIRN_FAULT_DUPLICATED, &id);
        struct where stays = find(bed, &id);
        assert_string_equal(stays.path, right.path);
        assert_int_equal(count_strays(bed, aside), i + 1);
    }
}

/* ---- what only these can have ---- */

static void what_its_metadata_put_elsewhere_goes_there(void **state)
{
    static const struct {
        struct place place;
        const char *stands;
        const char *belongs;
    } moves[] = {
        {{.held = true}, "incoming/.priority+3", "incoming/.held/"},
        {{.priority = 3}, "incoming/.held", "incoming/.priority+3/"},
        {{.priority = 3}, "incoming/.priority-3", "incoming/.priority+3/"},
        {{.held = false}, "incoming/.held", "incoming/"},
        {{.held = false}, "incoming/.due/000000000001", "incoming/"},
        {{.held = true}, "incoming/.due/099999999999", "incoming/.held/"},
        {{.delay_ns = HOUR_NS}, "incoming/.due/000000000001", "incoming/.due/"},
        {{.priority = 1, .delay_ns = HOUR_NS},
         "incoming/.due/099999999999",
         "incoming/.due/"},
        {{.delay_ns = HOUR_NS}, "incoming/.held", "incoming/.due/"},
    };
    struct bed *bed = *state;
    const struct pirn_check_config patient = {.grace_ns = UINT64_MAX / 4,
                                              .repair = true};

    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        struct pirn_id id = put_at(bed, &moves[i].place, "body");
        (void)mkdir(bed_at(bed, "incoming/.due"), 0700);
        move_to(bed, &id, moves[i].stands);
        struct found found = check(bed, &patient);
        print_found(&found);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.findings[0].fault, PIRN_FAULT_MISPLACED);
        assert_true(found.findings[0].mended);
        assert_true(stands_in(bed, &id, moves[i].belongs));
        assert_false(stands_in(bed, &id, moves[i].stands));
        expect_body(bed, &id, "incoming", "body");
        (void)rmdir(bed_at(bed, "incoming/.due/000000000001"));
        expect_clean(bed);
    }
}

static void what_is_held_or_higher_does_not_stay_in_a_shard(void **state)
{
    struct bed *bed = *state;

    for (int i = 0; i < 3; i++) {
        struct pirn_id id = put_at(bed, &places[i], "body");
        struct where right = find(bed, &id);
        assert_int_equal(rename(right.path, bed_path(bed, BED_READY, &id)), 0);
        expect_mended(bed, PIRN_FAULT_MISPLACED, &id);
        struct where stays = find(bed, &id);
        assert_string_equal(stays.path, right.path);
    }
}

/* Its time was, whatever clock: written anew. */
static void make_due(struct bed *bed, const struct pirn_id *id, uint64_t due_ns)
{
    struct pirn_view view = {0};
    struct where where = find(bed, id);
    char text[512];

    assert_int_equal(bed_look(bed, &view, id), 0);
    struct pirn_item item = view.item;
    item.queue[0] = '\0';
    item.due_ns = due_ns;
    assert_true(pirn__meta_size(&item) <= sizeof(text));
    bed_write(where.path, text, pirn__meta_encode(&item, text, sizeof(text)));
    bed_view_end(bed, &view);
}

static void a_bucket_that_nobody_looks_into_is_made_ready(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[2];

    for (int i = 0; i < 2; i++) {
        ids[i] = put_at(bed, &places[3], "body");
        make_due(bed, &ids[i], 777);
        move_to(bed, &ids[i], "incoming/.due/000000000001");
    }
    expect_mended(bed, PIRN_FAULT_OVERDUE, NULL);
    assert_int_equal(access(bed_at(bed, "incoming/.due/000000000001"), F_OK),
                     -1);
    assert_int_equal(bed_status(bed).ready, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(bed_has(bed, BED_READY, &ids[i]));
        expect_body(bed, &ids[i], "incoming", "body");
    }
}

static void an_empty_bucket_goes_when_its_time_has_long_come(void **state)
{
    struct bed *bed = *state;
    const struct pirn_check_config patient = {.grace_ns = HOUR_NS};
    char path[64];

    (void)put_at(bed, &places[3], "body"); /* .due is there */
    snprintf(path, sizeof(path), "incoming/.due/%012llu",
             (unsigned long long)(now_ns() / 1000000000 - 60));
    assert_int_equal(mkdir(bed_at(bed, path), 0700), 0);
    assert_int_equal(check(bed, &patient).count, 0);
    expect_mended(bed, PIRN_FAULT_OVERDUE, NULL);
    assert_int_equal(access(bed_at(bed, path), F_OK), -1);
    assert_int_equal(check(bed, &look).items, 1);
}

static void ages_count_wherever_an_item_stands(void **state)
{
    struct bed *bed = *state;
    const struct pirn_check_config config = {.grace_ns = 1, .item_ns = 1};

    for (int i = 0; i < PLACES; i++) {
        (void)put_at(bed, &places[i], "body");
    }
    struct found found = check(bed, &config);
    assert_int_equal(found.count, PLACES);
    for (int i = 0; i < PLACES; i++) {
        assert_int_equal(found.findings[i].fault, PIRN_FAULT_TOO_OLD);
        assert_string_equal(found.findings[i].queue, "incoming");
    }
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup_alone, bed_teardown)

BED_MAIN(CASE(what_stands_where_its_metadata_say_is_no_fault),
         CASE(shelves_of_quarantine_are_not_looked_at),
         CASE(an_item_without_its_body_is_set_aside_from_wherever),
         CASE(damaged_metadata_are_set_aside_from_wherever),
         CASE(a_body_of_another_size_is_set_aside_from_wherever),
         CASE(strays_of_every_site_are_set_aside),
         CASE(of_an_item_in_two_sites_the_right_one_stays),
         CASE(what_its_metadata_put_elsewhere_goes_there),
         CASE(what_is_held_or_higher_does_not_stay_in_a_shard),
         CASE(a_bucket_that_nobody_looks_into_is_made_ready),
         CASE(an_empty_bucket_goes_when_its_time_has_long_come),
         CASE(ages_count_wherever_an_item_stands))
