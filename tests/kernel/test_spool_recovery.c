/* SPDX-License-Identifier: MIT */
/*
 * test_spool_recovery.c - what a kill leaves, and what the table makes of it
 *
 * Method: an item is brought into each state of spool/file/README.md by plain
 * system calls, as an owner of slot 0 who was killed there would have left it;
 * the spool is opened, and the item must be what the column "kill here" says.
 * S8 is what a power cut leaves where names get durable in any order.
 */
#include "kernel/test_spool.h"

static bool item_is_ready(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_view view = {0};
    char buf[16];
    bool ready = bed_look(bed, &view, id) == 0;

    if (ready) {
        ready = view.item.state == PIRN_ITEM_READY;
        pirn_prep_view_read(&view, buf, sizeof(buf), 0);
        ready = ready && pirn_wait(bed->context, &view.op) == 4 &&
                memcmp(buf, "body", 4) == 0;
        bed_view_end(bed, &view);
    }
    return ready;
}

static uint32_t attempts_of(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_view view = {0};

    assert_int_equal(bed_look(bed, &view, id), 0);
    uint32_t attempts = view.item.attempts;
    bed_view_end(bed, &view);
    return attempts;
}

/* Nothing of it is anywhere. */
static bool item_is_gone(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_status status = bed_status(bed);

    for (enum bed_place place = BED_BODY; place <= BED_ASIDE; place++) {
        if (bed_has(bed, place, id)) {
            return false;
        }
    }
    return status.drafts == 0 && status.leftovers == 0;
}

/* An item, and the spool closed, so that its files can be moved about. */
static struct pirn_id item_on_disk(struct bed *bed)
{
    struct pirn_id id = bed_put(bed, "body", 4);

    bed_close(bed);
    return id;
}

static void reopen(struct bed *bed)
{
    assert_int_equal(bed_open(bed, false), 0);
}

static void s1_a_name_without_a_body_goes(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_TMP);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &id)), 0);
    assert_int_equal(truncate(bed_path(bed, BED_TMP, &id), 0), 0);
    reopen(bed);
    assert_true(item_is_gone(bed, &id));
}

static void s1_a_body_half_written_goes_with_its_name(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_TMP);
    assert_int_equal(truncate(bed_path(bed, BED_BODY, &id), 2), 0);
    assert_int_equal(truncate(bed_path(bed, BED_TMP, &id), 0), 0);
    reopen(bed);
    assert_true(item_is_gone(bed, &id));
}

static void s1_a_body_alone_is_reported_and_left(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    assert_int_equal(unlink(bed_path(bed, BED_READY, &id)), 0);
    reopen(bed);
    assert_int_equal(bed_status(bed).leftovers, 1);
    assert_true(bed_has(bed, BED_BODY, &id));
}

static void s2_what_is_whole_but_not_published_goes(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_TMP);
    reopen(bed);
    assert_true(item_is_gone(bed, &id));
}

static void s4_what_is_ready_stays_ready(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    reopen(bed);
    assert_true(item_is_ready(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 0);
}

static void s5_what_was_claimed_is_ready_with_one_more_attempt(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_CLAIMED);
    reopen(bed);
    assert_true(item_is_ready(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 1);
    assert_false(bed_has(bed, BED_NEXT, &id));
}

static void s5_new_metadata_half_written_go(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_CLAIMED);
    bed_write(bed_path(bed, BED_NEXT, &id), "pirn-item 1\nid", 14);
    reopen(bed);
    assert_true(item_is_ready(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 1);
    assert_false(bed_has(bed, BED_NEXT, &id));
}

static void s5_a_give_back_cut_behind_the_exchange_is_finished(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};
    char old[1024];

    int fd = open(bed_path(bed, BED_READY, &id), O_RDONLY);
    ssize_t len = read(fd, old, sizeof(old));
    close(fd);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_close(bed);
    bed_move(bed, &id, BED_READY, BED_CLAIMED);
    bed_write(bed_path(bed, BED_NEXT, &id), old, (size_t)len);
    reopen(bed);
    assert_true(item_is_ready(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 2);
    assert_false(bed_has(bed, BED_NEXT, &id));
}

static void s4_old_metadata_beside_a_ready_item_go(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_write(bed_path(bed, BED_NEXT, &id), "pirn-item 1\nid", 14);
    reopen(bed);
    assert_false(bed_has(bed, BED_NEXT, &id));
    assert_true(item_is_ready(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 0);
}

static void s6_what_was_being_removed_is_removed(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_close(bed);
    bed_move(bed, &id, BED_READY, BED_TMP);
    reopen(bed);
    assert_true(item_is_gone(bed, &id));
}

static void s7_a_removal_cut_between_its_unlinks_is_finished(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_TMP);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &id)), 0);
    reopen(bed);
    assert_true(item_is_gone(bed, &id));
}

/* Once more, under another name. */
static void item_is_also(struct bed *bed, const struct pirn_id *id,
                         enum bed_place from, enum bed_place to)
{
    assert_int_equal(link(bed_path(bed, from, id), bed_path(bed, to, id)), 0);
}

/* One name, and no other. */
static bool item_is_single(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_status status = bed_status(bed);

    return item_is_ready(bed, id) && status.ready + status.quarantined == 1 &&
           status.claimed == 0 && status.drafts == 0 && status.leftovers == 0;
}

static void s8_of_two_claims_the_higher_version_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};
    char text[PIRN_ID_TEXT];
    char path[512];
    char old[1024];

    int fd = open(bed_path(bed, BED_READY, &id), O_RDONLY);
    ssize_t len = read(fd, old, sizeof(old));
    close(fd);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_close(bed);
    assert_int_equal(mkdir(bed_at(bed, ".tmp/0001"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, "incoming/.checkout/0001"), 0700), 0);
    pirn_id_format(&id, text);
    snprintf(path, sizeof(path), "%s/incoming/.checkout/0001/%s", bed->path,
             text);
    assert_int_equal(rename(bed_path(bed, BED_READY, &id), path), 0);
    bed_write(bed_path(bed, BED_CLAIMED, &id), old, (size_t)len);
    reopen(bed);
    assert_true(item_is_single(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 2);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);
    assert_true(item_is_gone(bed, &id));
}

static void s8_of_a_claim_and_a_ready_one_of_its_version_that_stays(
    void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    item_is_also(bed, &id, BED_READY, BED_CLAIMED);
    reopen(bed);
    assert_true(item_is_single(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 0);
}

static void s8_a_draft_beside_a_claim_goes(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_CLAIMED);
    item_is_also(bed, &id, BED_CLAIMED, BED_TMP);
    reopen(bed);
    assert_true(item_is_single(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 1);
}

static void s8_of_all_names_at_once_one_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    item_is_also(bed, &id, BED_READY, BED_CLAIMED);
    item_is_also(bed, &id, BED_READY, BED_TMP);
    item_is_also(bed, &id, BED_READY, BED_ASIDE);
    item_is_also(bed, &id, BED_READY, BED_NEXT);
    reopen(bed);
    assert_true(item_is_single(bed, &id));
    assert_int_not_equal(bed_has(bed, BED_READY, &id),
                         bed_has(bed, BED_ASIDE, &id));
}

static void s8_damaged_metadata_do_not_stay_beside_whole_ones(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_move(bed, &id, BED_READY, BED_CLAIMED);
    bed_write(bed_path(bed, BED_READY, &id), "pirn-item 1\nid", 14);
    reopen(bed);
    assert_true(item_is_single(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 1);
}

static void an_old_next_name_of_other_metadata_is_not_written_to(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};
    const char *witness = "mine";
    char path[512];
    char buf[8] = {0};

    snprintf(path, sizeof(path), "%s", bed_at(bed, ".tmp/0000/witness"));
    bed_write(path, witness, 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(link(path, bed_path(bed, BED_NEXT, &id)), 0);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(attempts_of(bed, &id), 1);
    assert_false(bed_has(bed, BED_NEXT, &id));
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, buf, sizeof(buf)), 4);
    close(fd);
    assert_memory_equal(buf, witness, 4);
}

static void a_draft_name_beside_a_published_one_spares_the_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = item_on_disk(bed);

    bed_write(bed_path(bed, BED_TMP, &id), "", 0);
    reopen(bed);
    assert_false(bed_has(bed, BED_TMP, &id));
    assert_true(item_is_ready(bed, &id));
}

static void claimed_metadata_that_are_damaged_are_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id bad = bed_put(bed, "body", 4);
    struct pirn_id bare = bed_put(bed, "body", 4);
    struct pirn_id good = item_on_disk(bed);

    bed_move(bed, &bad, BED_READY, BED_CLAIMED);
    bed_move(bed, &bare, BED_READY, BED_CLAIMED);
    bed_move(bed, &good, BED_READY, BED_CLAIMED);
    assert_int_equal(truncate(bed_path(bed, BED_CLAIMED, &bad), 30), 0);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &bare)), 0);
    reopen(bed);
    assert_true(bed_has(bed, BED_ASIDE, &bad));
    assert_true(bed_has(bed, BED_BODY, &bad));
    assert_true(bed_has(bed, BED_ASIDE, &bare));
    assert_true(item_is_ready(bed, &good));
}

static void what_no_owner_wrote_is_left_alone(void **state)
{
    struct bed *bed = *state;

    item_on_disk(bed);
    bed_write(bed_at(bed, ".tmp/0000/notes.txt"), "mine", 4);
    bed_write(bed_at(bed, "incoming/.checkout/0000/.swp"), "mine", 4);
    bed_write(bed_at(bed, "incoming/00/README"), "mine", 4);
    reopen(bed);
    assert_int_equal(access(bed_at(bed, ".tmp/0000/notes.txt"), F_OK), 0);
    assert_int_equal(access(bed_at(bed, "incoming/.checkout/0000/.swp"), F_OK),
                     0);
    assert_int_equal(access(bed_at(bed, "incoming/00/README"), F_OK), 0);
    assert_int_equal(bed_status(bed).ready, 1);
}

static void a_living_owners_claims_and_drafts_are_left_alone(void **state)
{
    struct bed *bed = *state;
    struct bed other = *bed;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    char *body = calloc(1, PIRN_DRAFT_MEMORY + 1);

    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, body, PIRN_DRAFT_MEMORY + 1);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);

    assert_int_equal(bed_open(&other, false), 0);
    assert_int_equal(bed_status(&other).claimed, 1);
    assert_int_equal(bed_status(&other).drafts, 1);
    assert_true(bed_has(bed, BED_CLAIMED, &id));
    bed_close(&other);

    pirn_prep_commit(&draft, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    free(body);
}

static void a_dead_owner_is_recovered_by_whoever_claims(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};
    char text[PIRN_ID_TEXT];
    char path[512];
    int32_t r;

    pirn_id_format(&id, text);
    assert_int_equal(mkdir(bed_at(bed, ".tmp/0007"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, "incoming/.checkout/0007"), 0700), 0);
    snprintf(path, sizeof(path), "%s/incoming/.checkout/0007/%s", bed->path,
             text);
    assert_int_equal(rename(bed_path(bed, BED_READY, &id), path), 0);
    do { /* a look for the dead is due at most every 250 ms */
        r = bed_claim(bed, &claim);
    } while (r == 0);
    assert_int_equal(r, 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void closing_gives_back_what_was_not_ended(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim *claim = calloc(1, sizeof(*claim));
    char buf[2];

    assert_int_equal(bed_claim(bed, claim), 1);
    pirn_prep_claim_read(claim, buf, 2, 0);
    assert_int_equal(pirn_wait(bed->context, &claim->op), 2);
    free(claim); /* and with it all that the caller knows of it */
    bed_close(bed);
    assert_true(bed_has(bed, BED_READY, &id)); /* before anybody opens */
    reopen(bed);
    assert_true(item_is_ready(bed, &id));
    assert_int_equal(attempts_of(bed, &id), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

BED_MAIN(T(s1_a_name_without_a_body_goes),
         T(s1_a_body_half_written_goes_with_its_name),
         T(s1_a_body_alone_is_reported_and_left),
         T(s2_what_is_whole_but_not_published_goes),
         T(s4_what_is_ready_stays_ready),
         T(s5_what_was_claimed_is_ready_with_one_more_attempt),
         T(s5_new_metadata_half_written_go),
         T(s5_a_give_back_cut_behind_the_exchange_is_finished),
         T(s4_old_metadata_beside_a_ready_item_go),
         T(s6_what_was_being_removed_is_removed),
         T(s7_a_removal_cut_between_its_unlinks_is_finished),
         T(s8_of_two_claims_the_higher_version_stays),
         T(s8_of_a_claim_and_a_ready_one_of_its_version_that_stays),
         T(s8_a_draft_beside_a_claim_goes),
         T(s8_of_all_names_at_once_one_stays),
         T(s8_damaged_metadata_do_not_stay_beside_whole_ones),
         T(an_old_next_name_of_other_metadata_is_not_written_to),
         T(a_draft_name_beside_a_published_one_spares_the_body),
         T(claimed_metadata_that_are_damaged_are_set_aside),
         T(what_no_owner_wrote_is_left_alone),
         T(a_living_owners_claims_and_drafts_are_left_alone),
         T(a_dead_owner_is_recovered_by_whoever_claims),
         T(closing_gives_back_what_was_not_ended))
