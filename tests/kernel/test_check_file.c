/* SPDX-License-Identifier: MIT */
/*
 * test_check_file.c - what is wrong among the files is found, and mended
 *
 * Multispool's monitor has thirteen cases: an empty spool; a ready item, a
 * claim and a draft that are as they should be; orphans in each directory; a
 * duplicate; what is too old in each. They are here, and what it passes over.
 */
#include "kernel/test_check.h"

#include "spool/id.h"

static struct pirn_id put(struct bed *bed, const char *text)
{
    return bed_put(bed, text, strlen(text));
}

/* Three items; what happens to the one in the middle spares the others. */
static void put_three(struct bed *bed, struct pirn_id ids[3])
{
    ids[0] = put(bed, "first body");
    ids[1] = put(bed, "second body");
    ids[2] = put(bed, "third body");
}

static void expect_neighbours(struct bed *bed, const struct pirn_id ids[3])
{
    expect_body(bed, &ids[0], "incoming", "first body");
    expect_body(bed, &ids[2], "incoming", "third body");
}

/* ---- as it should be ---- */

static void an_empty_spool_has_no_faults(void **state)
{
    expect_clean(*state);
}

static void items_claims_and_drafts_are_no_faults(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    static char body[100000];

    bed_put_many(bed, 100);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, body, sizeof(body)); /* so it is in a file */
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    expect_clean(bed);
    assert_int_equal(check(bed, &look).items, 100);
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_clean(bed);
}

/* ---- orphans ---- */

static void an_orphaned_body_becomes_an_item_of_quarantine(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    assert_int_equal(unlink(bed_path(bed, BED_READY, &ids[1])), 0);
    expect_mended(bed, PIRN_FAULT_ORPHANED, &ids[1]);
    expect_body(bed, &ids[1], "quarantine", "second body");
    expect_neighbours(bed, ids);
    assert_int_equal(bed_status(bed).leftovers, 0);
}

/* A body's own name outlives who adopts it. */
static void half_an_adoption_costs_no_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");

    assert_int_equal(unlink(bed_path(bed, BED_READY, &id)), 0);
    bed_write(bed_path(bed, BED_NEXT, &id), "half", 4);
    bed_close(bed); /* and recovers */
    assert_false(bed_has(bed, BED_NEXT, &id));
    assert_int_equal(bed_open(bed, false), 0);
    expect_mended(bed, PIRN_FAULT_ORPHANED, &id);
    expect_body(bed, &id, "quarantine", "body");
}

static void a_dead_owners_draft_is_recovered_and_no_fault(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    char text[PIRN_ID_TEXT];
    char path[64];

    pirn_id_format(&id, text);
    assert_int_equal(mkdir(bed_at(bed, ".tmp/0007"), 0700), 0);
    snprintf(path, sizeof(path), ".tmp/0007/%s", text);
    assert_int_equal(rename(bed_path(bed, BED_READY, &id), bed_at(bed, path)),
                     0);
    expect_clean(bed);
    assert_false(bed_has(bed, BED_BODY, &id));
}

static void an_item_without_its_body_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &ids[1])), 0);
    expect_mended(bed, PIRN_FAULT_NO_BODY, &ids[1]);
    assert_true(bed_has(bed, BED_ASIDE, &ids[1]));
    expect_neighbours(bed, ids);
}

static void a_claim_without_a_body_is_told_and_left_to_who_has_it(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &id)), 0);
    struct found found = check(bed, &repair);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_NO_BODY);
    assert_false(found.findings[0].mended);
    assert_int_equal(found.findings[0].error, -EBUSY);
    assert_true(bed_has(bed, BED_CLAIMED, &id));
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_clean(bed);
}

/* ---- damage ---- */

static void damaged_metadata_are_set_aside_as_they_are(void **state)
{
    static const char *const damages[] = {"", "pirn-item 1\n", "rubbish"};
    struct bed *bed = *state;
    struct pirn_id ids[3];

    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        put_three(bed, ids);
        bed_write(bed_path(bed, BED_READY, &ids[1]), damages[i],
                  strlen(damages[i]));
        expect_mended(bed, PIRN_FAULT_BAD_RECORD, &ids[1]);
        assert_true(bed_has(bed, BED_ASIDE, &ids[1]));
        assert_true(bed_has(bed, BED_BODY, &ids[1]));
        expect_neighbours(bed, ids);
    }
}

static void a_body_of_another_size_is_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    assert_int_equal(truncate(bed_path(bed, BED_BODY, &ids[1]), 5), 0);
    expect_mended(bed, PIRN_FAULT_BAD_BODY, &ids[1]);
    assert_true(bed_has(bed, BED_ASIDE, &ids[1]));
    expect_neighbours(bed, ids);
}

static void other_bytes_of_a_body_are_found_by_reading_it(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    bed_write(bed_path(bed, BED_BODY, &ids[1]), "SECOND BODY", 11);
    assert_int_equal(check(bed, &look).count, 0);
    struct found found = check(bed, &look_deep);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_BAD_BODY);
    assert_memory_equal(&found.findings[0].id, &ids[1], sizeof(ids[1]));
}

/* ---- twice ---- */

static void of_an_item_that_is_twice_one_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];
    char aside[256];

    assert_int_equal(pirn_spool_create_queue(bed->spool, "other"), 0);
    put_three(bed, ids);
    char text[PIRN_ID_TEXT];
    char path[128];
    pirn_id_format(&ids[1], text);
    snprintf(path, sizeof(path), "other/%s/%s", text + PIRN_ID_TEXT - 3, text);
    bed_copy(bed_path(bed, BED_READY, &ids[1]), bed_at(bed, path));
    expect_mended(bed, PIRN_FAULT_DUPLICATED, &ids[1]);
    assert_int_equal(bed_has(bed, BED_READY, &ids[1]) +
                         (access(bed_at(bed, path), F_OK) == 0),
                     1);
    assert_int_equal(count_strays(bed, aside), 1);
    assert_string_equal(aside + PIRN_ID_TEXT, text);
    expect_neighbours(bed, ids);
}

static void of_two_names_the_higher_version_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    struct pirn_claim claim = {0};
    char text[PIRN_ID_TEXT];
    char path[128];

    assert_int_equal(pirn_spool_create_queue(bed->spool, "other"), 0);
    pirn_id_format(&id, text);
    snprintf(path, sizeof(path), "other/%s/%s", text + PIRN_ID_TEXT - 3, text);
    bed_copy(bed_path(bed, BED_READY, &id), bed_at(bed, path)); /* version 1 */
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0); /* version 2 */
    expect_mended(bed, PIRN_FAULT_DUPLICATED, &id);
    expect_body(bed, &id, "incoming", "body");
}

static void a_claim_of_the_living_stays(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    bed_copy(bed_path(bed, BED_CLAIMED, &id), bed_path(bed, BED_READY, &id));
    expect_mended(bed, PIRN_FAULT_DUPLICATED, &id);
    assert_true(bed_has(bed, BED_CLAIMED, &id));
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_clean(bed);
}

/* ---- where it does not belong ---- */

static void strays_of_every_directory_are_set_aside(void **state)
{
    static const char *const names[] = {
        "notes.txt",          "incoming/notes.txt",
        "incoming/00/mail",   "incoming/.checkout/mail",
        ".data/mail",         ".data/1v/mail",
        ".tmp/mail",          ".tmp/0000/mail",
        ".log/mail",          ".log/seg/mail",
        ".log/data/0a/mail",  "incoming/.checkout/0000/mail",
        "quarantine/00/mail",
    };
    struct bed *bed = *state;
    char name[256];
    int count = 0;
    struct pirn_id id = put(bed, "body");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bed_write(bed_at(bed, names[i]), "what?", 5);
        struct found found = check(bed, &look);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.findings[0].path, names[i]);
        expect_mended(bed, PIRN_FAULT_STRAY, NULL);
        assert_int_equal(count_strays(bed, name), ++count);
        assert_int_equal(access(bed_at(bed, names[i]), F_OK), -1);
    }
    expect_body(bed, &id, "incoming", "body");
}

static void a_directory_with_an_items_name_is_a_stray(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(mkdir(bed_path(bed, BED_READY, &id), 0700), 0);
    expect_mended(bed, PIRN_FAULT_STRAY, NULL);
}

/* Where there is no log there is nowhere to move to. */
static void half_a_move_without_a_log_is_a_stray(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    char text[PIRN_ID_TEXT];
    char path[128];

    pirn_id_format(&id, text);
    snprintf(path, sizeof(path), "incoming/.checkout/0000/%s.in", text);
    bed_write(bed_at(bed, path), "what?", 5);
    expect_mended(bed, PIRN_FAULT_STRAY, NULL);
    expect_body(bed, &id, "incoming", "body");
}

static void a_lost_and_found_and_a_new_queue_are_no_strays(void **state)
{
    struct bed *bed = *state;
    struct bed other = *bed;

    assert_int_equal(mkdir(bed_at(bed, "lost+found"), 0700), 0);
    assert_int_equal(bed_open(&other, false), 0);
    assert_int_equal(pirn_spool_create_queue(other.spool, "new"), 0);
    expect_clean(bed);
    bed_close(&other);
}

static void move_to_shard(struct bed *bed, enum bed_place place,
                          const struct pirn_id *id, const char *wrong)
{
    char text[PIRN_ID_TEXT];
    char path[128];

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), "%s/%s/%s",
             place == BED_BODY ? ".data" : "incoming", wrong, text);
    assert_int_equal(rename(bed_path(bed, place, id), bed_at(bed, path)), 0);
}

static void what_stands_in_anothers_shard_goes_into_its_own(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];

    put_three(bed, ids);
    const char *wrong = pirn__id_shard(&ids[1]) == 5 ? "06" : "05";
    move_to_shard(bed, BED_BODY, &ids[1], wrong);
    expect_mended(bed, PIRN_FAULT_MISPLACED, &ids[1]);
    expect_body(bed, &ids[1], "incoming", "second body");
    move_to_shard(bed, BED_READY, &ids[1], wrong);
    expect_mended(bed, PIRN_FAULT_MISPLACED, &ids[1]);
    expect_body(bed, &ids[1], "incoming", "second body");
    expect_neighbours(bed, ids);
}

/* ---- owners ---- */

static void a_claim_of_an_owner_that_nobody_knows_is_ready_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[3];
    char text[PIRN_ID_TEXT];
    char path[128];

    put_three(bed, ids);
    pirn_id_format(&ids[1], text);
    assert_int_equal(mkdir(bed_at(bed, "incoming/.checkout/0777"), 0700), 0);
    snprintf(path, sizeof(path), "incoming/.checkout/0777/%s", text);
    assert_int_equal(
        rename(bed_path(bed, BED_READY, &ids[1]), bed_at(bed, path)), 0);
    expect_mended(bed, PIRN_FAULT_STALE_CLAIM, &ids[1]);
    expect_body(bed, &ids[1], "incoming", "second body");
    expect_neighbours(bed, ids);
}

static void what_is_half_made_for_long_is_a_leftover(void **state)
{
    struct bed *bed = *state;
    const struct pirn_check_config patient = {.grace_ns = 3600000000000};

    assert_int_equal(mkdir(bed_at(bed, ".making/half"), 0700), 0);
    assert_int_equal(check(bed, &patient).count, 0);
    expect_mended(bed, PIRN_FAULT_LEFTOVER, NULL);
    assert_int_equal(access(bed_at(bed, ".making/half"), F_OK), -1);
}

/* ---- too old ---- */

static void what_is_older_than_its_limit_is_told(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, "body");
    const struct pirn_check_limit limits[] = {{"other", 1}, {"incoming", 1}};
    struct pirn_check_config config = {.grace_ns = 1, .repair = true};

    config.item_ns = 3600000000000;
    assert_int_equal(check(bed, &config).count, 0);
    config.limits = limits;
    config.limit_count = 1;
    assert_int_equal(check(bed, &config).count, 0);
    config.limit_count = 2;
    struct found found = check(bed, &config);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_TOO_OLD);
    assert_string_equal(found.findings[0].queue, "incoming");
    assert_false(found.findings[0].mended);
    assert_int_equal(found.findings[0].error, 0);
    config.limits = NULL;
    config.limit_count = 0;
    config.item_ns = 1;
    assert_int_equal(check(bed, &config).count, 1);
    bed_move(bed, &id, BED_READY, BED_ASIDE);
    assert_int_equal(check(bed, &config).count, 0); /* it waits for a person */
}

static void claims_and_drafts_have_limits_of_their_own(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    static char body[100000];
    struct pirn_check_config config = {.grace_ns = 1};

    (void)put(bed, "body");
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, body, sizeof(body));
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    config.claim_ns = 3600000000000;
    config.draft_ns = 3600000000000;
    assert_int_equal(check(bed, &config).count, 0);
    config.claim_ns = 1;
    struct found found = check(bed, &config);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.findings[0].queue, "incoming");
    assert_true(found.findings[0].of_claim);
    config.claim_ns = 0;
    config.draft_ns = 1;
    found = check(bed, &config);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.findings[0].fault, PIRN_FAULT_TOO_OLD);
    assert_memory_equal(found.findings[0].path, ".tmp/", 5);
    assert_false(found.findings[0].of_claim);
    pirn_prep_abort(&draft);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* ---- not yet ---- */

struct noted {
    struct pirn_check check;
    int32_t result;
};

static void note(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct noted, check.op)->result = result;
}

static void begin(struct bed *bed, struct noted *noted,
                  const struct pirn_check_config *config)
{
    pirn_prep_check(&noted->check, bed->spool, config);
    assert_int_equal(pirn_wait(bed->context, &noted->check.op), 0);
}

static void start_next(struct bed *bed, struct noted *noted)
{
    pirn_prep_check_next(&noted->check);
    pirn_start(bed->context, &noted->check.op, note);
}

static void end(struct bed *bed, struct noted *noted)
{
    pirn_prep_check_end(&noted->check);
    assert_int_equal(pirn_wait(bed->context, &noted->check.op), 0);
}

/* Long enough for who does not wait to have told it. */
static void turn_on(struct bed *bed, int turns)
{
    for (int i = 0; i < turns; i++) {
        assert_true(pirn_context_turn(bed->context, 100000) >= 0);
    }
}

static void what_is_put_right_within_the_grace_time_is_no_fault(void **state)
{
    struct bed *bed = *state;
    const struct pirn_check_config patient = {.grace_ns = 3600000000000};
    struct pirn_id id = put(bed, "body");
    struct noted noted = {.result = 1};
    char kept[512];

    snprintf(kept, sizeof(kept), "%s.kept", bed->path);
    assert_int_equal(rename(bed_path(bed, BED_READY, &id), kept), 0);
    begin(bed, &noted, &patient);
    start_next(bed, &noted);
    while (noted.check.done <= pirn__id_shard(&id)) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    turn_on(bed, 500);
    bool waits = !pirn_op_is_idle(&noted.check.op);
    assert_int_equal(rename(kept, bed_path(bed, BED_READY, &id)), 0);
    pirn_cancel(bed->context, &noted.check.op);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(noted.result, waits ? -ECANCELED : 1);
    start_next(bed, &noted);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    end(bed, &noted);
    assert_true(waits);
    assert_int_equal(noted.result, 0);
}

static void a_check_that_is_asked_to_end_goes_on_later(void **state)
{
    struct bed *bed = *state;
    const struct pirn_check_config patient = {.grace_ns = 3600000000000};
    struct pirn_id id = put(bed, "body");
    struct noted noted = {.result = 1};

    assert_int_equal(unlink(bed_path(bed, BED_READY, &id)), 0);
    begin(bed, &noted, &patient);
    for (int turns = 0; turns < 400; turns += turns < 40 ? 1 : 60) {
        start_next(bed, &noted);
        for (int turn = 0; turn < turns; turn++) {
            assert_true(pirn_context_turn(bed->context, 0) >= 0);
        }
        pirn_cancel(bed->context, &noted.check.op);
        assert_int_equal(pirn_context_drain(bed->context), 0);
        assert_int_equal(noted.result, -ECANCELED);
    }
    end(bed, &noted);
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup_alone, bed_teardown)
#define CASE_BESIDE_A_LOG(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

BED_MAIN(CASE_BESIDE_A_LOG(an_empty_spool_has_no_faults),
         CASE(items_claims_and_drafts_are_no_faults),
         CASE(an_orphaned_body_becomes_an_item_of_quarantine),
         CASE(half_an_adoption_costs_no_body),
         CASE(a_dead_owners_draft_is_recovered_and_no_fault),
         CASE(an_item_without_its_body_is_set_aside),
         CASE(a_claim_without_a_body_is_told_and_left_to_who_has_it),
         CASE(damaged_metadata_are_set_aside_as_they_are),
         CASE(a_body_of_another_size_is_set_aside),
         CASE(other_bytes_of_a_body_are_found_by_reading_it),
         CASE(of_an_item_that_is_twice_one_stays),
         CASE(of_two_names_the_higher_version_stays),
         CASE(a_claim_of_the_living_stays),
         CASE_BESIDE_A_LOG(strays_of_every_directory_are_set_aside),
         CASE(a_directory_with_an_items_name_is_a_stray),
         CASE(half_a_move_without_a_log_is_a_stray),
         CASE(a_lost_and_found_and_a_new_queue_are_no_strays),
         CASE(what_stands_in_anothers_shard_goes_into_its_own),
         CASE(a_claim_of_an_owner_that_nobody_knows_is_ready_again),
         CASE(what_is_half_made_for_long_is_a_leftover),
         CASE(what_is_older_than_its_limit_is_told),
         CASE(claims_and_drafts_have_limits_of_their_own),
         CASE(what_is_put_right_within_the_grace_time_is_no_fault),
         CASE(a_check_that_is_asked_to_end_goes_on_later))
