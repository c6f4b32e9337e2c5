/* SPDX-License-Identifier: MIT */
/*
 * test_spool_fault.c - a disk that fails never leads to an item, nor to a loss
 *
 * The engine spoils the results of one kind of operation. Whatever comes of an
 * enqueue then: either it says 0 and the item is there, whole, or it says the
 * error and nobody can have the item. A removal that failed keeps the body as
 * long as the item may come back.
 */
#include "kernel/faulty_bed.h"

#include "spool/group_sync.h"
#include "spool/spool.h"

/* Two opens, two writes, three syncs, a rename, and some to spare. */
enum { PLACES = 6 };

static int32_t enqueue(struct bed *bed, struct pirn_draft *draft)
{
    pirn_prep_enqueue(draft, bed->spool, "incoming", "body", 4, NULL);
    return pirn_wait(bed->context, &draft->op);
}

/* An enqueue whose @place th operation of a kind fails; what it said. */
static int32_t spoiled(struct bed *bed, enum engine_opcode opcode,
                       uint32_t place, int32_t error)
{
    struct pirn_draft draft = {0};

    faulty_plan(opcode, place, 1, error);
    int32_t r = enqueue(bed, &draft);
    uint32_t failed = faulty_outcome()->failed;
    bed_heal();
    assert_int_equal(r, failed ? error : 0);
    assert_false(pirn_draft_is_open(&draft));
    return r;
}

static void a_failed_sync_publishes_nothing_wherever_it_fails(void **state)
{
    struct bed *bed = *state;
    unsigned stored = 0;
    unsigned failed = 0;

    for (uint32_t place = 1; place <= PLACES; place++) {
        if (spoiled(bed, ENGINE_FSYNC, place, -EIO) == 0) {
            stored++;
        } else {
            failed++;
        }
        assert_int_equal(bed_status(bed).ready, stored);
        assert_int_equal(bed_status(bed).leftovers, 0);
    }
    assert_int_equal(failed, 2); /* .data/XY, QUEUE/XY: the files' are writes */
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, stored);
    assert_int_equal(bed_status(bed).drafts, 0);
}

/* One that went to its file before: that is synced behind its writes. */
static int32_t stream(struct bed *bed, char *bytes)
{
    struct pirn_draft draft = {0};

    pirn_prep_begin(&draft, bed->spool, "incoming");
    int32_t r = pirn_wait(bed->context, &draft.op);
    pirn_prep_append(&draft, bytes, PIRN_DRAFT_MEMORY + 1);
    r = r < 0 ? r : pirn_wait(bed->context, &draft.op);
    pirn_prep_commit(&draft, NULL);
    return r < 0 ? r : pirn_wait(bed->context, &draft.op);
}

static void a_failed_sync_of_a_long_body_publishes_nothing(void **state)
{
    struct bed *bed = *state;
    char *bytes = calloc(1, PIRN_DRAFT_MEMORY + 1);
    unsigned stored = 0;

    assert_non_null(bytes);
    for (uint32_t place = 1; place <= PLACES; place++) {
        faulty_plan(ENGINE_FSYNC, place, 1, -EIO);
        int32_t r = stream(bed, bytes);
        bool failed = faulty_outcome()->failed > 0;
        bed_heal();
        assert_int_equal(r, failed ? -EIO : 0);
        stored += failed ? 0 : 1;
        assert_int_equal(bed_status(bed).ready, stored);
        assert_int_equal(bed_status(bed).leftovers, 0);
    }
    free(bytes);
    assert_int_equal(stored, PLACES - 3); /* body, .data/XY, QUEUE/XY */
}

/* Others may have been told that the commit failed (pirn_prep_confirm()). */
static void a_sync_is_believed_when_the_file_system_answers_after_it(
    void **state)
{
    struct bed *bed = *state;
    unsigned stored = 0;

    for (uint32_t place = 1; place <= PLACES; place++) {
        stored += spoiled(bed, ENGINE_CONFIRM, place, -EROFS) == 0 ? 1 : 0;
        assert_int_equal(bed_status(bed).ready, stored);
    }
    assert_int_equal(stored, PLACES - 2); /* .data/XY, QUEUE/XY */
}

/* xfs looks for room before it looks for the attribute. */
static void what_a_full_disk_answers_to_the_question_says_nothing(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    faulty_plan(ENGINE_CONFIRM, 1, 0, -ENOSPC);
    assert_int_equal(enqueue(bed, &draft), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_remove_durable(&claim);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    assert_true(faulty_outcome()->failed >= 4); /* two of each verb */
    bed_heal();
    assert_false(bed_has(bed, BED_BODY, &draft.id));
}

static void a_question_that_was_not_asked_is_asked_again(void **state)
{
    struct bed *bed = *state;
    unsigned stored = 0;

    for (uint32_t place = 1; place <= PLACES; place++) {
        stored += spoiled(bed, ENGINE_CONFIRM, place, -ENOMEM) == 0 ? 1 : 0;
        struct pirn_draft draft = {0};
        assert_int_equal(enqueue(bed, &draft), 0);
        stored++;
    }
    assert_int_equal(stored, 2 * PLACES - 2);
    assert_int_equal(bed_status(bed).ready, stored);
}

static void a_failed_write_publishes_nothing_and_says_why(void **state)
{
    static const int32_t errors[] = {-EIO, -ENOSPC, -EDQUOT};
    struct bed *bed = *state;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(spoiled(bed, ENGINE_WRITE, 1, errors[i]), errors[i]);
        assert_int_equal(spoiled(bed, ENGINE_WRITE, 2, errors[i]), errors[i]);
        assert_int_equal(bed_status(bed).ready, 0);
        assert_int_equal(bed_status(bed).drafts, 0);
        assert_int_equal(bed_status(bed).leftovers, 0);
    }
}

static void an_id_that_is_taken_is_not_used(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};

    faulty_plan(ENGINE_OPEN, 1, 6, -EEXIST); /* eight ids are tried */
    assert_int_equal(enqueue(bed, &draft), 0);
    bed->fd_count += 6; /* what was opened and said to be taken */
    faulty_plan(ENGINE_OPEN, 1, 0, -EEXIST);
    assert_int_equal(enqueue(bed, &draft), -EEXIST);
    bed->fd_count += (int)faulty_outcome()->failed;
    bed_heal();
    assert_int_equal(bed_status(bed).ready, 1);
}

static void a_rename_that_failed_and_happened_loses_nothing(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char buf[8];

    assert_int_equal(spoiled(bed, ENGINE_RENAME, 1, -EIO), -EIO);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_claim_read(&claim, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 4);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_shard_whose_sync_failed_acknowledges_nothing_more(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft drafts[3] = {0};
    uint32_t shard = bed->spool->writer_shard;

    for (int i = 0; i < 3; i++) {
        pirn_prep_enqueue(&drafts[i], bed->spool, "incoming", "body", 4, NULL);
    }
    faulty_plan(ENGINE_FSYNC, 2, 1, -EIO); /* QUEUE/XY */
    assert_int_equal(pirn_wait(bed->context, &drafts[0].op), -EIO);
    bed_heal();
    for (int i = 1; i < 3; i++) { /* elsewhere */
        assert_int_equal(pirn_wait(bed->context, &drafts[i].op), 0);
    }
    assert_int_not_equal(pirn__id_shard(&drafts[1].id), shard);
    assert_int_equal(bed_status(bed).ready, 2);
    assert_int_equal(bed_status(bed).drafts, 1); /* till the slot's recovery */
}

static void those_who_wait_for_a_sync_share_its_error(void **state)
{
    enum { COUNT = 8 };
    struct bed *bed = *state;
    struct bed_draft drafts[COUNT] = {0};

    faulty_plan(ENGINE_FSYNC, 1, 0, -EIO);
    for (int i = 0; i < COUNT; i++) {
        pirn_prep_enqueue(&drafts[i].draft, bed->spool, "incoming", "x", 1,
                          NULL);
        pirn_start(bed->context, &drafts[i].draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    bed_heal();
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(drafts[i].result, -EIO);
    }
    assert_int_equal(bed_status(bed).ready, 0);
    assert_int_equal(bed_status(bed).drafts, 0);
}

struct sync_note {
    struct pirn__sync_wait wait;
    int32_t result;
};

static void note_sync(struct pirn_op *op, int32_t result)
{
    pirn_container_of(op, struct sync_note, wait.waiter.op)->result = result;
}

static void a_failed_sync_of_a_directory_is_final(void **state)
{
    struct bed *bed = *state;
    struct pirn__sync sync = {.path = {"."}};
    struct sync_note notes[4] = {0};
    int root = open(bed->path, O_RDONLY | O_DIRECTORY);

    pirn__sync_init(&sync, bed->context, root);
    faulty_plan(ENGINE_FSYNC, 2, 1, -EIO); /* the second fsync, of all */
    pirn__prep_sync(&notes[0].wait, &sync);
    assert_int_equal(pirn_wait(bed->context, &notes[0].wait.waiter.op), 0);
    for (int i = 0; i < 3; i++) {
        pirn__prep_sync(&notes[i].wait, &sync); /* one flies, two wait */
        pirn_start(bed->context, &notes[i].wait.waiter.op, note_sync);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(notes[i].result, -EIO);
    }
    pirn__prep_sync(&notes[3].wait, &sync);
    assert_int_equal(pirn_wait(bed->context, &notes[3].wait.waiter.op), -EIO);
    assert_int_equal(faulty_outcome()->seen, 2);
    pirn__sync_deinit(&sync);
    close(root);
}

static void those_who_ask_together_share_one_sync(void **state)
{
    struct bed *bed = *state;
    struct pirn__sync sync = {.path = {"."}};
    struct sync_note notes[100] = {0};
    int root = open(bed->path, O_RDONLY | O_DIRECTORY);

    pirn__sync_init(&sync, bed->context, root);
    faulty_plan(ENGINE_FSYNC, UINT32_MAX, 1, -EIO); /* only counts */
    for (int i = 0; i < 100; i++) {
        notes[i].result = 1;
        pirn__prep_sync(&notes[i].wait, &sync);
        pirn_start(bed->context, &notes[i].wait.waiter.op, note_sync);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(notes[i].result, 0);
    }
    assert_true(faulty_outcome()->seen <= 2);
    pirn__sync_deinit(&sync);
    close(root);
}

static void a_removal_whose_sync_failed_keeps_the_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};

    assert_int_equal(enqueue(bed, &draft), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(ENGINE_FSYNC, 1, 1, -EIO);
    assert_int_equal(bed_remove_durably(bed, &claim), -EIO);
    bed_heal();
    assert_true(bed_has(bed, BED_BODY, &draft.id));
    assert_true(bed_has(bed, BED_TMP, &draft.id));
    bed_close(bed); /* recovery syncs on its own, then removes */
    assert_false(bed_has(bed, BED_BODY, &draft.id));
    assert_false(bed_has(bed, BED_TMP, &draft.id));
}

/* By its body whoever asks for the name knows that an item has it: a power cut
 * must not bring that back alone. */
static void a_body_whose_item_had_a_name_goes_before_its_mark(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    struct pirn_name name = {.text = "a-name"};

    pirn_prep_reserve(&name, bed->spool, NULL, NULL, 0);
    assert_int_equal(pirn_wait(bed->context, &name.op), 0);
    draft.name = &name;
    assert_int_equal(enqueue(bed, &draft), 0);
    pirn_prep_release_name(&name);
    assert_int_equal(pirn_wait(bed->context, &name.op), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(ENGINE_FSYNC, 3, 1, -EIO); /* two are before its body */
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(faulty_outcome()->failed, 1);
    bed_heal();
    assert_false(bed_has(bed, BED_BODY, &draft.id));
    assert_true(bed_has(bed, BED_TMP, &draft.id));
    bed_close(bed); /* recovery goes on from there */
    assert_false(bed_has(bed, BED_TMP, &draft.id));
}

static void recovery_that_cannot_sync_keeps_the_body(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};

    assert_int_equal(enqueue(bed, &draft), 0);
    bed_move(bed, &draft.id, BED_READY, BED_TMP);
    faulty_plan(ENGINE_FSYNC, 1, 0, -EIO);
    bed_close(bed);
    bed_heal();
    assert_true(bed_has(bed, BED_BODY, &draft.id));
    assert_true(bed_has(bed, BED_TMP, &draft.id));
}

static void a_full_disk_gives_back_with_the_old_metadata(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};

    assert_int_equal(enqueue(bed, &draft), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(ENGINE_WRITE, 1, 1, -ENOSPC);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_heal();
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_claim_that_cannot_be_synced_goes_back_as_it_was(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};

    assert_int_equal(enqueue(bed, &draft), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(ENGINE_FSYNC, 1, 1, -EIO); /* QUEUE/XY */
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_heal();
    assert_false(bed_has(bed, BED_NEXT, &draft.id));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 0);
    assert_int_equal(bed_remove(bed, &claim), -EIO); /* final for QUEUE/XY */
    assert_true(bed_has(bed, BED_BODY, &draft.id));
}

/* Its claim is synced where it was, then its new metadata, then where they are:
 * the last fails when they are in the place of the old ones. */
static void an_attempt_that_could_not_end_is_counted_once(void **state)
{
    enum { SYNCS = 3 };
    struct bed *bed = *state;
    struct pirn_fields fields = {0};
    const struct pirn_change change = {.what = PIRN_CHANGE_FIELDS,
                                       .fields = &fields};

    for (uint32_t place = 1; place <= SYNCS; place++) {
        struct pirn_draft draft = {0};
        struct pirn_claim claim = {0};
        assert_int_equal(enqueue(bed, &draft), 0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        faulty_plan(ENGINE_FSYNC, place, 1, -EIO);
        pirn_prep_give_back_as(&claim, &change);
        assert_int_equal(pirn_wait(bed->context, &claim.op), -EIO);
        bed_heal();
        assert_int_equal(claim.item.attempts, 0); /* it goes on */
        assert_int_equal(bed_give_back(bed, &claim), 0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.attempts, place > 1); /* as it was */
        assert_int_equal(bed_give_back(bed, &claim), 0);
        bed_close(bed); /* with the syncs that failed for good */
        assert_int_equal(bed_open(bed, false), 0);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
        assert_int_equal(pirn_context_drain(bed->context), 0);
    }
}

static void metadata_that_cannot_be_read_are_set_aside(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};

    assert_int_equal(enqueue(bed, &draft), 0);
    faulty_plan(ENGINE_READ, 1, 1, -EIO);
    assert_int_equal(bed_claim(bed, &claim), 0);
    bed_heal();
    assert_true(bed_has(bed, BED_ASIDE, &draft.id));
}

/* It may have come there by a rename that nobody has synced: so nobody has it
 * until somebody could. */
static void recovery_that_cannot_sync_gives_nothing_back(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    assert_int_equal(enqueue(bed, &draft), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    faulty_plan(ENGINE_FSYNC, 1, 0, -EIO);
    bed_close(bed);
    assert_true(faulty_outcome()->failed > 0);
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_false(bed_has(bed, BED_READY, &draft.id));
    assert_true(bed_has(bed, BED_CLAIMED, &draft.id));
    assert_int_equal(bed_open(bed, false), 0);
    claim = (struct pirn_claim){0};
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

#define T(name) BED_FAULTY_TEST(name)

BED_MAIN(T(a_failed_sync_publishes_nothing_wherever_it_fails),
         T(a_failed_sync_of_a_long_body_publishes_nothing),
         T(a_sync_is_believed_when_the_file_system_answers_after_it),
         T(what_a_full_disk_answers_to_the_question_says_nothing),
         T(a_question_that_was_not_asked_is_asked_again),
         T(a_failed_write_publishes_nothing_and_says_why),
         T(an_id_that_is_taken_is_not_used),
         T(a_rename_that_failed_and_happened_loses_nothing),
         T(a_shard_whose_sync_failed_acknowledges_nothing_more),
         T(those_who_wait_for_a_sync_share_its_error),
         T(a_failed_sync_of_a_directory_is_final),
         T(those_who_ask_together_share_one_sync),
         T(a_removal_whose_sync_failed_keeps_the_body),
         T(a_body_whose_item_had_a_name_goes_before_its_mark),
         T(recovery_that_cannot_sync_keeps_the_body),
         T(recovery_that_cannot_sync_gives_nothing_back),
         T(a_full_disk_gives_back_with_the_old_metadata),
         T(a_claim_that_cannot_be_synced_goes_back_as_it_was),
         T(an_attempt_that_could_not_end_is_counted_once),
         T(metadata_that_cannot_be_read_are_set_aside))
