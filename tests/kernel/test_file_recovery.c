/* SPDX-License-Identifier: MIT */
/*
 * test_file_recovery.c - what a kill leaves of an item with a place of its own
 *
 * Method: as test_spool_recovery.c, for what S9 and S10 of spool/file/README.md
 * add: the item is moved by plain system calls to where an owner of slot 0 who
 * was killed there would have left it, and the spool opened.
 */
#include "kernel/test_file.h"

/* The path of an item in a directory of `incoming`. */
static const char *path_in(const struct bed *bed, const char *dir,
                           const struct pirn_id *id)
{
    static char paths[2][512];
    static unsigned at;
    char *path = paths[at++ % 2];
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    snprintf(path, 512, "%s/incoming/%s/%s", bed->path, dir, text);
    return path;
}

static bool is_in(const struct bed *bed, const char *dir,
                  const struct pirn_id *id)
{
    return access(path_in(bed, dir, id), F_OK) == 0;
}

/* The one directory of `incoming/.due`. */
static const char *bucket_of(const struct bed *bed)
{
    static char name[64];
    DIR *dir = opendir(bed_at(bed, "incoming/.due"));

    assert_non_null(dir);
    for (struct dirent *at; (at = readdir(dir)) != NULL;) {
        if (at->d_name[0] != '.') {
            snprintf(name, sizeof(name), ".due/%.32s", at->d_name);
        }
    }
    closedir(dir);
    return name;
}

/* From where it stands to a claim of slot 0. */
static void claim_by_hand(struct bed *bed, const char *dir,
                          const struct pirn_id *id)
{
    assert_int_equal(
        rename(path_in(bed, dir, id), bed_path(bed, BED_CLAIMED, id)), 0);
}

static struct pirn_item looked_at(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_view view = {0};

    assert_int_equal(bed_look(bed, &view, id), 0);
    struct pirn_item item = view.item;
    bed_view_end(bed, &view);
    item.fields = (struct pirn_fields){0};
    return item;
}

static void reopen(struct bed *bed)
{
    assert_int_equal(bed_open(bed, false), 0);
}

static void s9_what_is_held_stays_held(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", 0, 0, true);
    struct pirn_claim claim = {0};

    bed_close(bed);
    reopen(bed);
    assert_int_equal(looked_at(bed, &id).state, PIRN_ITEM_HELD);
    assert_int_equal(bed_claim(bed, &claim), 0);
}

static void s5_a_claim_of_a_held_one_is_held_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", 4, 0, true);
    struct pirn_claim claim = {0};

    bed_close(bed);
    claim_by_hand(bed, ".held", &id);
    reopen(bed);
    assert_true(is_in(bed, ".held", &id));
    assert_int_equal(looked_at(bed, &id).attempts, 1);
    assert_int_equal(looked_at(bed, &id).priority, 4);
    assert_int_equal(bed_claim(bed, &claim), 0);
}

static void s5_a_claim_goes_back_to_its_priority(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", -3, 0, false);

    bed_close(bed);
    claim_by_hand(bed, ".priority-3", &id);
    reopen(bed);
    assert_true(is_in(bed, ".priority-3", &id));
    assert_int_equal(looked_at(bed, &id).state, PIRN_ITEM_READY);
}

static void s5_a_claim_of_a_delayed_one_waits_for_its_time(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", 2, BED_FAR_NS, false);

    bed_close(bed);
    claim_by_hand(bed, bucket_of(bed), &id);
    reopen(bed);
    assert_true(is_in(bed, bucket_of(bed), &id));
    assert_non_null(strstr(bucket_of(bed), "+2"));
    assert_int_equal(looked_at(bed, &id).state, PIRN_ITEM_DELAYED);
    assert_int_equal(looked_at(bed, &id).attempts, 1);
}

/* Exchanged, and killed before the rename: the metadata say where to. */
static void s5_a_move_that_was_cut_is_finished(void **state)
{
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "other"};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char text[PIRN_ID_TEXT];
    char path[512];

    file_make_queue(bed, "other");
    struct pirn_id id = bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_give_back_as(bed, &claim, &away), 0);
    bed_close(bed);
    pirn_id_format(&id, text);
    snprintf(path, sizeof(path), "%s/other/%s/%s", bed->path,
             text + PIRN_ID_TEXT - 3, text);
    assert_int_equal(rename(path, bed_path(bed, BED_CLAIMED, &id)), 0);
    reopen(bed);
    assert_string_equal(looked_at(bed, &id).queue, "other");
    assert_int_equal(looked_at(bed, &id).state, PIRN_ITEM_READY);
    assert_int_equal(access(path, F_OK), 0);
}

static void s5_a_move_to_a_queue_that_is_not_there_stays(void **state)
{
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "other"};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    file_make_queue(bed, "other");
    struct pirn_id id = bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_update(bed, &claim, &away), 0);
    char gone[512];
    snprintf(gone, sizeof(gone), "%s/gone", bed->path);
    assert_int_equal(rename(bed_at(bed, "other"), gone), 0);
    rmdir(bed_at(bed, "gone/.checkout/0000"));
    assert_int_equal(rmdir(bed_at(bed, "gone/.checkout")), 0);
    file_reopen(bed);
    assert_string_equal(looked_at(bed, &id).queue, "incoming");
    assert_true(bed_has(bed, BED_READY, &id));
}

/* A bucket whose time has come: the next claim makes ready what is in it. */
static void s10_what_is_due_is_ready_and_its_bucket_gone(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put_as(bed, "body", 2, BED_FAR_NS, false);
    struct pirn_id plain = bed_put_as(bed, "body", 0, BED_FAR_NS, false);
    char old[512];

    bed_close(bed);
    for (int i = 0; i < 2; i++) {
        const char *bucket = bucket_of(bed);
        bool has_priority = strstr(bucket, "+2") != NULL;
        char from[512];
        snprintf(from, sizeof(from), "%s/incoming/%s", bed->path, bucket);
        snprintf(old, sizeof(old), "%s/incoming/.old%s", bed->path,
                 has_priority ? "+2" : "");
        assert_int_equal(rename(from, old), 0);
        assert_int_equal(has_priority || strchr(bucket, '+') == NULL, true);
    }
    for (int i = 0; i < 2; i++) {
        char to[512];
        snprintf(to, sizeof(to), "%s/incoming/.due/000000001000%s", bed->path,
                 i == 0 ? "" : "+2");
        snprintf(old, sizeof(old), "%s/incoming/.old%s", bed->path,
                 i == 0 ? "" : "+2");
        assert_int_equal(rename(old, to), 0);
    }
    reopen(bed);
    assert_int_equal(looked_at(bed, &id).state, PIRN_ITEM_DELAYED);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &id, sizeof(id));
    assert_int_equal(claim.item.due_ns, BED_FAR_NS);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &plain, sizeof(plain));
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_entries(bed, "incoming/.due"), 0);
}

static void s8_of_a_claim_and_a_held_one_that_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", 0, 0, true);

    bed_close(bed);
    assert_int_equal(
        link(path_in(bed, ".held", &id), bed_path(bed, BED_CLAIMED, &id)), 0);
    reopen(bed);
    assert_true(is_in(bed, ".held", &id));
    assert_false(bed_has(bed, BED_CLAIMED, &id));
    assert_int_equal(bed_status(bed).held, 1);
    assert_int_equal(bed_status(bed).leftovers, 0);
}

static void s8_of_a_claim_and_a_delayed_one_that_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", 0, BED_FAR_NS, false);

    bed_close(bed);
    assert_int_equal(link(path_in(bed, bucket_of(bed), &id),
                          bed_path(bed, BED_CLAIMED, &id)),
                     0);
    reopen(bed);
    assert_true(is_in(bed, bucket_of(bed), &id));
    assert_false(bed_has(bed, BED_CLAIMED, &id));
    assert_int_equal(bed_status(bed).delayed, 1);
}

static void s8_a_draft_beside_a_held_one_spares_the_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put_as(bed, "body", 0, 0, true);

    bed_close(bed);
    assert_int_equal(
        link(path_in(bed, ".held", &id), bed_path(bed, BED_TMP, &id)), 0);
    reopen(bed);
    assert_false(bed_has(bed, BED_TMP, &id));
    assert_true(bed_has(bed, BED_BODY, &id));
    assert_int_equal(bed_status(bed).held, 1);
}

/* Who opens beside a living owner has nobody look for double names. */
static void a_draft_beside_a_shelf_spares_the_body_at_a_sweep(void **state)
{
    struct bed *bed = *state;
    struct bed other;
    struct pirn_id id = bed_put_as(bed, "body", 7, 0, false);
    char path[512];
    char text[PIRN_ID_TEXT];

    pirn_id_format(&id, text);
    snprintf(path, sizeof(path), "%s/.tmp/0001", bed->path);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/.tmp/0001/%s", bed->path, text);
    bed_write(path, "", 0);
    bed_join(bed, &other);
    bed_leave(&other);
    assert_int_equal(access(path, F_OK), -1);
    assert_true(bed_has(bed, BED_BODY, &id));
    assert_int_equal(looked_at(bed, &id).priority, 7);
}

static void what_is_damaged_on_a_shelf_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put_as(bed, "body", 1, 0, false);

    bed_write(path_in(bed, ".priority+1", &id), "pirn-item 2\nid", 14);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_true(bed_has(bed, BED_ASIDE, &id));
    assert_int_equal(bed_status(bed).quarantined, 1);
}

static void no_fifo_in_a_dead_owners_claims_keeps_anybody_waiting(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_id neighbour = bed_put(bed, "next", 4);

    bed_close(bed);
    for (int i = 0; i < 2; i++) {
        const struct pirn_id *one = i == 0 ? &id : &neighbour;
        assert_int_equal(rename(bed_path(bed, BED_READY, one),
                                bed_path(bed, BED_CLAIMED, one)),
                         0);
    }
    assert_int_equal(unlink(bed_path(bed, BED_CLAIMED, &id)), 0);
    assert_int_equal(mkfifo(bed_path(bed, BED_CLAIMED, &id), 0600), 0);
    int writer = open(bed_path(bed, BED_CLAIMED, &id), O_RDWR | O_CLOEXEC);
    reopen(bed);
    assert_true(bed_has(bed, BED_ASIDE, &id));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &neighbour, sizeof(neighbour));
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    close(writer);
}

static void a_claim_sets_a_fifo_aside_and_has_the_next_one(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_id neighbour = bed_put(bed, "next", 4);

    assert_int_equal(unlink(bed_path(bed, BED_READY, &id)), 0);
    assert_int_equal(mkfifo(bed_path(bed, BED_READY, &id), 0600), 0);
    int writer = open(bed_path(bed, BED_READY, &id), O_RDWR | O_CLOEXEC);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &neighbour, sizeof(neighbour));
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_true(bed_has(bed, BED_ASIDE, &id));
    close(writer);
}

/* From the next look at what queues there are. */
static void a_link_in_place_of_a_queue_in_use_gets_no_items(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    char queue[512];
    char moved[512];

    file_make_queue(bed, "other");
    snprintf(queue, sizeof(queue), "%s/other", bed->path);
    snprintf(moved, sizeof(moved), "%s/.making/moved", bed->path);
    assert_int_equal(rename(queue, moved), 0);
    assert_int_equal(symlink(".making/moved", queue), 0);
    file_make_queue(bed, "third");
    pirn_prep_enqueue(&draft, bed->spool, "other", "body", 4, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -ENOENT);
    assert_int_equal(unlink(queue), 0);
    assert_int_equal(rename(moved, queue), 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

BED_MAIN(TEST(s9_what_is_held_stays_held),
         TEST(s5_a_claim_of_a_held_one_is_held_again),
         TEST(s5_a_claim_goes_back_to_its_priority),
         TEST(s5_a_claim_of_a_delayed_one_waits_for_its_time),
         TEST(s5_a_move_that_was_cut_is_finished),
         TEST(s5_a_move_to_a_queue_that_is_not_there_stays),
         TEST(s10_what_is_due_is_ready_and_its_bucket_gone),
         TEST(s8_of_a_claim_and_a_held_one_that_stays),
         TEST(s8_of_a_claim_and_a_delayed_one_that_stays),
         TEST(s8_a_draft_beside_a_held_one_spares_the_body),
         TEST(a_draft_beside_a_shelf_spares_the_body_at_a_sweep),
         TEST(what_is_damaged_on_a_shelf_is_set_aside),
         TEST(no_fifo_in_a_dead_owners_claims_keeps_anybody_waiting),
         TEST(a_claim_sets_a_fifo_aside_and_has_the_next_one),
         TEST(a_link_in_place_of_a_queue_in_use_gets_no_items))
